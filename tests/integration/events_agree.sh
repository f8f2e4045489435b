#!/usr/bin/env bash
# Orders and risk snapshots as they live: in pieces and in any order, states that change, members that come late, corrected
# histories. Changes by watermark leave what whole dates would, in every column, and so does a warehouse that sees all at once.
source "$(dirname "${BASH_SOURCE[0]}")/../support/events.sh"
events_up America/New_York
dates='2024-11-01 2024-11-02 2024-11-03 2024-11-04' # the third has 25 hours

# Members 1..40 of each kind; those above 30 are not there yet.
sql source "
insert into accounts (account_id, tenant_id, client_id, updated_at)
    select 100 + n, case when n % 3 = 0 then '$other_tenant' else '$tenant' end::uuid, ('22222222-2222-2222-2222-2222222222' || lpad((40 + n)::text, 2, '0'))::uuid, '2023-12-01Z'
    from generate_series(1, 30) n;
insert into clients (client_id, tenant_id, updated_at)
    select ('22222222-2222-2222-2222-2222222222' || lpad((40 + n)::text, 2, '0'))::uuid, '$tenant', '2023-12-01Z' from generate_series(1, 30) n;
create table planned_orders as
select n::bigint as order_id, case n % 5 when 0 then '$other_tenant' end::uuid as tenant_id, null::uuid as client_id, 100 + 1 + n % 40 as account_id,
       case n % 4 when 0 then 7 when 1 then 8 end as strategy_id, 1 + n % 3 as instrument_id,
       case n % 3 when 0 then '$(lp 1)' when 1 then '$(lp 7)' end::uuid as lp_id, 'LIMIT'::text as order_type, case n % 2 when 0 then 'BUY' else 'SELL' end as side,
       (array['PENDING', 'PARTIAL', 'FILLED', 'FILLED', 'CANCELLED', 'REJECTED'])[1 + n * 7 % 6] as status, (1 + n % 9)::numeric as requested_quantity,
       (n % 7)::numeric / 4 as filled_quantity, null::numeric as limit_price, null::numeric as avg_fill_price, (n % 3)::integer as fill_count,
       (n % 11) / 8.0 as total_latency_ms, null::numeric as routing_latency_ms,
       '2024-11-01 04:00Z'::timestamptz + n * interval '113 seconds' as created_at, '2024-11-10Z'::timestamptz + n * interval '1 ms' as updated_at
from generate_series(1, 3000) n;
create table planned_snapshots as
select case n % 4 when 0 then '$other_tenant' end::uuid as tenant_id, ('22222222-2222-2222-2222-2222222222' || lpad((41 + n % 40)::text, 2, '0'))::uuid as client_id,
       '2024-11-01 04:00Z'::timestamptz + n * interval '345 seconds' as snapshot_at, n % 100 + 0.5 as utilization_pct, n % 3 as soft_breach_count,
       n % 2 as hard_breach_count, n / 8.0 as risk_score, '2024-11-10Z'::timestamptz + n * interval '1 ms' as updated_at
from generate_series(1, 1000) n"

come() {
    sql source "insert into orders select * from planned_orders where order_id % 4 = $1 on conflict do nothing;
                insert into risk_snapshots select * from planned_snapshots where extract(epoch from snapshot_at)::bigint / 345 % 4 = $1 on conflict do nothing"
}
changes() {
    run sync_orders --arg since=2024-11-09Z
    run load_changed_risk_snapshots --arg since=2024-11-09Z
}
whole_dates() {
    local date
    for date in $dates; do
        run load_orders --date "$date"
        run load_risk_snapshots --date "$date"
    done
}
fingerprints() {
    local table
    for table in dim_account dim_client dim_strategy dim_liquidity_provider fact_orders fact_risk_snapshots etl_quarantine; do
        tapemill fingerprint --table $table | tail -n +2
    done
    sql warehouse "select md5(string_agg(concat_ws('|', order_id, tenant_id, account_id, status, requested_quantity, filled_quantity, created_at, date_key,
                                                   source_updated_at), ',' order by order_id)), count(*) from latest_orders"
}
members_arrive() {
    sql source "
    insert into accounts (account_id, tenant_id, client_id, updated_at)
        select 100 + n, '$other_tenant', ('22222222-2222-2222-2222-2222222222' || lpad((40 + n)::text, 2, '0'))::uuid, clock_timestamp() from generate_series(31, 40) n;
    insert into clients (client_id, tenant_id, updated_at)
        select ('22222222-2222-2222-2222-2222222222' || lpad((40 + n)::text, 2, '0'))::uuid, '$other_tenant', clock_timestamp() from generate_series(31, 40) n;
    insert into strategies (strategy_id, strategy_name, updated_at) values (8, 'Eight', clock_timestamp());
    insert into liquidity_providers (lp_id, code, updated_at) values ('$(lp 7)', 'L7', clock_timestamp());
    insert into instruments (instrument_id, symbol, currency, updated_at) values (3, 'CCC', 'USD', clock_timestamp())"
    run sync_dimensions
}

# ---- pieces and states, in one order and in another --------------------------------------------------------------------

whole_dates
for piece in 2 0 3 1; do
    come "$piece"
    changes
done
assert_equal t "$(sql warehouse "select count(*) filter (where a.is_inferred) > 100 and count(distinct f.date_key) = 4 from fact_orders f join dim_account a using (account_key)")" \
    "orders of accounts that have not arrived"
members_arrive
assert_equal 0 "$(sql warehouse "select count(*) from fact_orders f join dim_account a using (account_key) join dim_client c on c.client_key = f.client_key
    where a.is_inferred or c.is_inferred or f.client_key = 0 or (f.order_id % 5 > 0 and f.tenant_id <> a.tenant_id)")" \
    "they arrive: their orders have their tenants and clients"
assert_equal 0 "$(sql warehouse "select count(*) from fact_risk_snapshots f join dim_client c on c.client_key = f.client_key
    where c.is_inferred or f.tenant_id not in (c.tenant_id, '$other_tenant')")" "snapshots too"
first=$(fingerprints)
before=$(versions)
whole_dates
assert_equal "$before" "$(versions)" "whole dates find nothing to write"

warehouse_again
whole_dates
assert_equal "$first" "$(fingerprints)" "all at once, members first"

sql source "create table kept_orders as table orders; create table kept_snapshots as table risk_snapshots; truncate orders, risk_snapshots"
warehouse_again
whole_dates
for piece in 1 3 0 2; do
    come "$piece"
    # What a state was before it became what it is.
    sql source "update orders set status = 'FILLED', filled_quantity = 1 where order_id % 4 = $piece and order_id % 5 = 1;
                update orders set created_at = created_at - interval '1 day' where order_id % 4 = $piece and order_id % 11 = 1 and created_at > '2024-11-02 12:00Z'"
    changes
    sql source "update orders o set status = k.status, filled_quantity = k.filled_quantity, created_at = k.created_at, updated_at = k.updated_at + interval '1 second'
                from kept_orders k where k.order_id = o.order_id and o.order_id % 4 = $piece and (o.order_id % 5 = 1 or o.order_id % 11 = 1)"
    changes
done
sql source "update kept_orders k set updated_at = o.updated_at from orders o where o.order_id = k.order_id"
assert_equal '' "$(sql source "(table kept_orders except table orders) union all (table orders except table kept_orders)")" "the source is as it was, but for stamps"
stamped=$(fingerprints)
warehouse_again
whole_dates
assert_equal "$(fingerprints)" "$stamped" "states that came and went, dates that were left, leave nothing behind"

# ---- a corrected history ---------------------------------------------------------------------------------------------

sql warehouse "delete from etl_dirty_buckets"
sql source "update accounts set broker = 'B', updated_at = '2024-11-02 16:00Z' where account_id = 105;
            update clients set region = 'R', updated_at = '2024-11-03 06:30Z' where client_id = '$(client 45)'"
run sync_dimensions
assert_equal 0 "$(sql warehouse "
    select (select count(*) from fact_orders f join dim_account a using (account_key) where not (a.valid_from <= f.order_timestamp and f.order_timestamp < a.valid_to))
         + (select count(*) from fact_orders f join dim_client c on c.client_key = f.client_key where not (c.valid_from <= f.order_timestamp and f.order_timestamp < c.valid_to))
         + (select count(*) from fact_risk_snapshots f join dim_client c on c.client_key = f.client_key where not (c.valid_from <= f.snapshot_at and f.snapshot_at < c.valid_to))")" \
    "every fact has the version of its instant"
assert_equal '2 2 2' "$(sql warehouse "select (select count(distinct account_key) from fact_orders f join dim_account a using (account_key) where a.account_id = 105)
    || ' ' || (select count(distinct f.client_key) from fact_orders f join dim_client c on c.client_key = f.client_key where c.client_id = '$(client 45)')
    || ' ' || (select count(distinct f.client_key) from fact_risk_snapshots f join dim_client c on c.client_key = f.client_key where c.client_id = '$(client 45)')")" \
    "versions before and after"
assert_equal '20241102 orders 0
20241103 orders 0
20241104 orders 0' "$(dirty orders)" "dates with an order that moved"
assert_equal '20241103 risk 0
20241104 risk 0' "$(dirty risk)" "dates with a snapshot that moved"
before=$(versions)
whole_dates
assert_equal "$before" "$(versions)" "loads find nothing to write"
