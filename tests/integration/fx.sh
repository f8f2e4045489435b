#!/usr/bin/env bash
# A rate that comes late, is corrected or goes reaches whatever was computed with another one: the warehouse ends as one that had
# the rates from the beginning. What took no such rate is not loaded again.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up TAPEMILL_LEASE_SECONDS=20 TAPEMILL_TIMEZONE=UTC TAPEMILL_DATES_FROM=2024-01-01
export TAPEMILL_HISTORY_START=2024-01-02
tenant=11111111-1111-1111-1111-111111111111
client=22222222-2222-2222-2222-222222222222

# set_up RATES: a warehouse with four dates loaded, from a source with these rates
set_up() {
    tapemill migrate >/dev/null
    tapemill source init >/dev/null
    sql source "
insert into instruments (instrument_id, symbol, currency, contract_multiplier, updated_at) values
    (1, 'AAA', 'USD', 1, '2024-01-01Z'), (2, 'BBB', 'EUR', 1, '2024-01-01Z'), (3, 'CCC', 'JPY', 1, '2024-01-01Z'),
    (4, 'DDD', 'GBP', 1, '2024-01-01Z');
insert into clients (client_id, tenant_id, segment, updated_at) values ('$client', '$tenant', 'RETAIL', '2024-01-01Z');
insert into accounts (account_id, tenant_id, client_id, account_type, updated_at) values
    (10, '$tenant', '$client', 'CASH', '2024-01-01Z'), (11, '$tenant', '$client', 'CASH', '2024-01-01Z');
insert into strategies (strategy_id, strategy_name, strategy_type, updated_at) values (7, 'Seven', 'TREND', '2024-01-01Z');
insert into orders (order_id, strategy_id, updated_at) values (100, 7, '2024-01-01Z');
insert into fx_rates (rate_date, currency, rate_to_base, updated_at)
select d::date, c, r, d::date from (values $1) r (d, c, r);
-- Every instrument is bought in the morning and sold in part at noon; instrument 4 on the second date only, by account 11.
insert into executions (execution_id, order_id, account_id, instrument_id, executed_at, side, quantity, price, status, updated_at)
select row_number() over (order by d, t, i), 100, case i when 4 then 11 else 10 end, i, d + t, case t when '9:00' then 'BUY' else 'SELL' end,
       case t when '9:00' then 5 else 3 end, 10 * i + extract(day from d + t) + extract(hour from t), 'NEW', '2024-01-05Z'
from generate_series('2024-01-02Z'::timestamptz, '2024-01-05', '1 day') d, unnest(array['9:00', '12:00']::interval[]) t,
     generate_series(1, 4) i
where i < 4 or d = '2024-01-03Z';
insert into trades (trade_id, tenant_id, trade_date, client_id, instrument_id, trade_reference, side, quantity, price, currency, status,
                    updated_at)
select row_number() over (order by d, i), '$tenant', d + interval '15 hours', '$client', i, format('T-%s-%s', d::date, i), 'BUY', 1, 10,
       c, 'NEW', '2024-01-05Z'
from generate_series('2024-01-02Z'::timestamptz, '2024-01-05', '1 day') d, (values (1, 'USD'), (2, 'EUR')) x (i, c)"
    start_scheduler
    start_worker
    start_worker
    tapemill enqueue sync_fx_rates --wait >/dev/null 2>&1
    assert_equal 0 "$(sql warehouse "select count(*) from etl_jobs where job_name like 'load%'")" "loads that follow the first rates"
    for day in 2 3 4 5; do
        tapemill enqueue daily_load --date 2024-01-0$day >/dev/null
    done
    refresh
}
refresh() {
    local round
    wait_until_quiet
    for round in 1 2 3; do # what a target derives from comes before it
        tapemill enqueue refresh_aggregates --date 2025-01-10 --wait >/dev/null 2>&1
        wait_until_quiet
    done
    assert_equal '' "$(sql warehouse "select distinct target || ' ' || date_key || ' ' || reason from etl_dirty_buckets
        where reason <> 'fx_rate_missing'")" "dirty buckets"
}
# The loads that the last sync asked for.
followed() {
    sql warehouse "select coalesce(string_agg(job_name || ' ' || to_char(business_date, 'DD'), ', ' order by job_name, business_date), 'none')
                   from etl_jobs where parent_id = (select max(id) from etl_jobs where job_name = 'sync_fx_rates') and job_name like 'load%'"
}
rates="('2024-01-01', 'EUR', 1.1), ('2024-01-03', 'EUR', 1.2), ('2024-01-05', 'EUR', 1.3), ('2024-01-01', 'GBP', 1.5), ('2024-01-02', 'JPY', 0.007)"

databases_create late
set_up "('2024-01-01', 'EUR', 1.1), ('2024-01-05', 'EUR', 9), ('2024-01-02', 'JPY', 0.007), ('2024-01-04', 'JPY', 0.5)"
position_rates() {
    sql warehouse "select distinct right(date_key::text, 2) || ' ' || trim_scale(rate_to_base) from fact_positions_daily
                   where currency = 'EUR' order by 1" | paste -sd ,
}
assert_equal '02 1.1,03 1.1,04 1.1,05 9' "$(position_rates)" "rates of positions"
assert_equal 2 "$(sql warehouse "select count(*) from fact_trades where rate_to_base is null")" "trades without a rate"
tapemill enqueue sync_fx_rates --wait >/dev/null 2>&1
assert_equal none "$(followed)" "loads that follow the same rates"

# ---- a rate comes late: for the dates before the next one

sql source "insert into fx_rates values ('2024-01-03', 'EUR', 1.2, '2024-01-03')"
tapemill enqueue sync_fx_rates --wait >/dev/null 2>&1
assert_equal 'load_executions 03, load_executions 04, load_trades 03, load_trades 04' "$(followed)" "loads that follow a late rate"
wait_until_quiet
assert_equal '20240102 1.1,20240103 1.2,20240104 1.2,20240105 9' "$(sql warehouse "
    select distinct date_key || ' ' || trim_scale(rate_to_base) from fact_trades where currency = 'EUR' order by 1" | paste -sd ,)" "rates of trades"

# ---- one for a currency that had none, a corrected one, and one that goes: at once

sql source "update fx_rates set rate_to_base = 1.3, updated_at = '2024-01-05' where rate_date = '2024-01-05' and currency = 'EUR';
            delete from fx_rates where rate_date = '2024-01-04' and currency = 'JPY';
            insert into fx_rates values ('2024-01-01', 'GBP', 1.5, '2024-01-01')"
tapemill enqueue sync_fx_rates --wait >/dev/null 2>&1
assert_equal 'load_executions 03, load_executions 04, load_executions 05, load_trades 05' "$(followed)" "loads that follow the rates"
refresh
assert_equal '02 1.1,03 1.2,04 1.2,05 1.3' "$(position_rates)" "rates of positions"
assert_equal 0 "$(sql warehouse "select count(*) from fact_trades where rate_to_base is null")" "trades without a rate"
tapemill fingerprint --json >"$TEST_DIR/late.json"

# ---- a load that has read the rates before: it is asked for once more

arm load.staged stop
enqueue load_trades --date 2024-01-02
wait_until_hit load.staged
sql source "update fx_rates set rate_to_base = 4 where rate_date = '2024-01-01' and currency = 'EUR'"
tapemill enqueue sync_fx_rates --wait >/dev/null 2>&1
assert_contains "$(followed)" 'load_trades 02' "a load behind one that runs"
kill -CONT "$HIT_PID"
wait_until_quiet
assert_equal '4' "$(sql warehouse "select distinct trim_scale(rate_to_base) from fact_trades where currency = 'EUR' and date_key = 20240102")" \
    "rates of trades whose load ran"
sql source "update fx_rates set rate_to_base = 1.1 where rate_date = '2024-01-01' and currency = 'EUR'"
tapemill enqueue sync_fx_rates --wait >/dev/null 2>&1
refresh
assert_equal '' "$(diff "$TEST_DIR/late.json" <(tapemill fingerprint --json))" "rates that came and went again"

databases_create early
set_up "$rates"
assert_equal '' "$(diff "$TEST_DIR/late.json" <(tapemill fingerprint --json))" "a warehouse that had the rates from the beginning"
assert_equal 0 "$(sql warehouse "select count(*) from etl_jobs where state in ('dead', 'cancelled')")" "jobs that were given up"
