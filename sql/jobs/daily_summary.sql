-- agg_daily_trade_summary of one business date, at five levels. See jobs/daily_summary.c.

-- name: stage utility
-- stage_summary_base: the date's live trades, or those of some runs, twice: by client and instrument, by liquidity provider.
-- stage_summary: what each level should say, or by how much it grows; sums as agg_daily_trade_summary keeps them beside its
-- figures. Where missing_trades is not 0, live trades have no rate to the base currency, and sums in it mean nothing.
-- stage_changes: rows to be written. stored: the row that stands, null: none; without a level it is to go.
create temporary table if not exists stage_summary_base (
    by_provider    boolean not null,
    tenant_id      uuid not null,
    client_key     integer,
    instrument_key integer,
    lp_key         integer,
    currency       text not null,
    rate           numeric,
    trades         bigint not null,
    buys           bigint not null,
    volume         numeric not null,
    buy_volume     numeric,
    notional       numeric not null,
    fees           numeric not null,
    commission     numeric not null,
    latencies      bigint not null,
    latency        numeric,
    max_latency    numeric,
    price          numeric,
    min_price      numeric,
    max_price      numeric
) on commit drop;
create temporary table if not exists stage_summary (
    aggregation_level text not null,
    tenant_id         uuid not null,
    client_id         uuid,
    instrument_id     integer,
    lp_id             uuid,
    trade_count       bigint not null,
    buy_count         bigint not null,
    total_volume      numeric(48,8) not null,
    buy_volume        numeric(48,8) not null,
    exact_notional    numeric(90,28),
    exact_fees        numeric(80,20),
    exact_commission  numeric(80,20),
    latency_count     bigint not null,
    latency_sum_ms    numeric(48,3) not null,
    max_latency_ms    numeric(20,3),
    missing_trades    bigint not null,
    price_currency    text,
    price_sum         numeric(60,8),
    price_notional    numeric(60,16),
    min_price         numeric(28,8),
    max_price         numeric(28,8)
) on commit drop;
create temporary table if not exists stage_changes on commit drop as
select s.ctid as stored, s.* from agg_daily_trade_summary s with no data;
truncate stage_summary_base, stage_summary, stage_changes;

-- name: lock_bucket
select pg_advisory_xact_lock(hashtext('agg_daily_trade_summary'), $1::integer)

-- name: stored
-- Rows of the date $1, and whether it was published.
select (select count(*) from agg_daily_trade_summary where date_key = $1::integer),
       exists (select from etl_published_days where date_key = $1::integer)

-- name: lock_facts
-- Planning it locks the date's leaves, and thereby waits for whoever is replacing one.
select from fact_trades f where f.date_key = $1::integer limit 0

-- name: base
-- The query for stage_summary_base. $1 date key, $2 the runs whose inserts are looked at, or null: all live trades of the date.
-- Three parts, each of which one process can take: clients and instruments in two halves, which share no group, and
-- liquidity providers. Within one currency and rate sums can be converted as well as rows.
select string_agg(format($query$
select %1$L::boolean as by_provider, f.tenant_id, %2$s as client_key, %3$s as instrument_key, %4$s as lp_key, f.currency,
       f.rate_to_base as rate, count(*) as trades, count(*) filter (where f.side = 'BUY') as buys, sum(f.quantity) as volume,
       sum(f.quantity) filter (where f.side = 'BUY') as buy_volume, sum(f.notional_value) as notional, sum(f.fees) as fees,
       sum(f.commission) as commission, count(coalesce(f.fill_latency_ms, f.latency_ms)) as latencies,
       sum(coalesce(f.fill_latency_ms, f.latency_ms)) as latency, max(coalesce(f.fill_latency_ms, f.latency_ms)) as max_latency,
       %5$s as price, %6$s as min_price, %7$s as max_price
from fact_trades f
where f.date_key = %8$s and not f.is_deleted %9$s %10$s
group by f.tenant_id, %11$s, f.currency, f.rate_to_base
$query$, by_provider, client_key, instrument_key, lp_key, price, min_price, max_price, $1::integer, half,
    case when $2::bigint[] is not null then format('and f.etl_run_id = any (%L::bigint[])', $2::bigint[]) end, keys),
                  'union all')
from (values
    (false, 'f.client_key', 'f.instrument_key', 'null::integer', 'sum(f.price)', 'min(f.price)', 'max(f.price)',
     'and (f.client_key + f.instrument_key) % 2 = 0', 'f.client_key, f.instrument_key'),
    (false, 'f.client_key', 'f.instrument_key', 'null::integer', 'sum(f.price)', 'min(f.price)', 'max(f.price)',
     'and (f.client_key + f.instrument_key) % 2 = 1', 'f.client_key, f.instrument_key'),
    (true, 'null::integer', 'null::integer', 'f.lp_key', 'null::numeric', 'null::numeric', 'null::numeric', '', 'f.lp_key')
) part (by_provider, client_key, instrument_key, lp_key, price, min_price, max_price, half, keys)

-- name: roll_up
-- All levels from there. A member's versions are one.
insert into stage_summary
with pairs as materialized (
    select b.tenant_id, c.client_id, i.instrument_id, sum(b.trades) as trades, sum(b.buys) as buys, sum(b.volume) as volume,
           sum(b.buy_volume) as buy_volume, sum(b.notional * b.rate) as notional, sum(b.fees * b.rate) as fees,
           sum(b.commission * b.rate) as commission, sum(b.latencies) as latencies, sum(b.latency) as latency,
           max(b.max_latency) as max_latency, sum(b.trades) filter (where b.rate is null) as missing,
           case when min(b.currency) = max(b.currency) then min(b.currency) end as currency, sum(b.price) as price,
           sum(b.notional) as price_notional, min(b.min_price) as min_price, max(b.max_price) as max_price
    from stage_summary_base b
    join dim_client c on c.client_key = b.client_key
    join dim_instrument i on i.instrument_key = b.instrument_key
    where not b.by_provider
    group by b.tenant_id, c.client_id, i.instrument_id
), levels as (
    -- A pair without a currency has several.
    select case grouping(p.client_id, p.instrument_id) when 0 then 'CLIENT_INSTRUMENT' when 1 then 'CLIENT'
                                                       when 2 then 'INSTRUMENT' else 'TENANT' end as level,
           p.tenant_id, p.client_id, p.instrument_id, null::uuid as lp_id, sum(p.trades) as trades, sum(p.buys) as buys,
           sum(p.volume) as volume, sum(p.buy_volume) as buy_volume, sum(p.notional) as notional, sum(p.fees) as fees,
           sum(p.commission) as commission, sum(p.latencies) as latencies, sum(p.latency) as latency,
           max(p.max_latency) as max_latency, sum(p.missing) as missing,
           case when grouping(p.instrument_id) = 0 and count(p.currency) = count(*) and min(p.currency) = max(p.currency)
                then min(p.currency) end as currency,
           sum(p.price) as price, sum(p.price_notional) as price_notional, min(p.min_price) as min_price,
           max(p.max_price) as max_price
    from pairs p
    group by grouping sets ((p.tenant_id), (p.tenant_id, p.client_id), (p.tenant_id, p.instrument_id),
                            (p.tenant_id, p.client_id, p.instrument_id))
    union all
    select 'LP', b.tenant_id, null, null, l.lp_id, sum(b.trades), sum(b.buys), sum(b.volume), sum(b.buy_volume),
           sum(b.notional * b.rate), sum(b.fees * b.rate), sum(b.commission * b.rate), sum(b.latencies), sum(b.latency),
           max(b.max_latency), sum(b.trades) filter (where b.rate is null), null, null, null, null, null
    from stage_summary_base b
    join dim_liquidity_provider l on l.lp_key = b.lp_key
    where b.by_provider
    group by b.tenant_id, l.lp_id
)
select level, tenant_id, client_id, instrument_id, lp_id, trades, buys, volume, coalesce(buy_volume, 0), notional, fees,
       commission, latencies, coalesce(latency, 0), max_latency, coalesce(missing, 0), currency,
       case when currency is not null then price end, case when currency is not null then price_notional end,
       case when currency is not null then min_price end, case when currency is not null then max_price end
from levels

-- name: groups
-- Groups, and how many of them a missing rate holds back.
select count(*), count(*) filter (where missing_trades > 0) from stage_summary

-- name: find_changes
-- What is to be written of the date $1. $2 false: the groups are the whole date; true: they are added to what is stored, and
-- nothing vanishes. Each figure follows from the sums alone and is rounded once: quotients are taken to so many decimals first
-- that rounding them a second time rounds right.
insert into stage_changes
select p.stored, g.tenant_id, p.trade_date, p.date_key, g.aggregation_level, g.client_id, g.instrument_id, g.lp_id,
       s.trade_count, s.buy_count, s.trade_count - s.buy_count, s.total_volume, s.buy_volume, s.total_volume - s.buy_volume,
       f.total_notional, f.total_fees, f.total_commission, s.price_currency, f.avg_price, f.vwap_price, s.min_price, s.max_price,
       f.avg_latency_ms, s.max_latency_ms, p.is_final, p.etl_run_id, p.created_at, p.updated_at, s.exact_notional, s.exact_fees,
       s.exact_commission, s.latency_count, s.latency_sum_ms, s.price_sum, s.price_notional
from (select * from stage_summary where missing_trades = 0) g
full join (select ctid as stored, * from agg_daily_trade_summary where date_key = $1::integer) p
     on p.aggregation_level = g.aggregation_level and p.tenant_id = g.tenant_id
    and coalesce(p.client_id, uuid '00000000-0000-0000-0000-000000000000')
      = coalesce(g.client_id, uuid '00000000-0000-0000-0000-000000000000') and (p.client_id is null) = (g.client_id is null)
    and coalesce(p.instrument_id, 0) = coalesce(g.instrument_id, 0) and (p.instrument_id is null) = (g.instrument_id is null)
    and coalesce(p.lp_id, uuid '00000000-0000-0000-0000-000000000000')
      = coalesce(g.lp_id, uuid '00000000-0000-0000-0000-000000000000') and (p.lp_id is null) = (g.lp_id is null)
cross join lateral (
    select $2::boolean and p.stored is not null as is_added,
           -- What once had several currencies still has: nothing is taken away.
           case when not $2::boolean or p.stored is null or p.price_currency = g.price_currency then g.price_currency
               end as price_currency
) a
cross join lateral (
    select case when a.is_added then p.trade_count + g.trade_count else g.trade_count end as trade_count,
           case when a.is_added then p.buy_count + g.buy_count else g.buy_count end as buy_count,
           case when a.is_added then p.total_volume + g.total_volume else g.total_volume end as total_volume,
           case when a.is_added then p.buy_volume + g.buy_volume else g.buy_volume end as buy_volume,
           case when a.is_added then p.exact_notional + g.exact_notional else g.exact_notional end as exact_notional,
           case when a.is_added then p.exact_fees + g.exact_fees else g.exact_fees end as exact_fees,
           case when a.is_added then p.exact_commission + g.exact_commission else g.exact_commission end as exact_commission,
           case when a.is_added then p.latency_count + g.latency_count else g.latency_count end as latency_count,
           case when a.is_added then p.latency_sum_ms + g.latency_sum_ms else g.latency_sum_ms end as latency_sum_ms,
           case when a.is_added then greatest(p.max_latency_ms, g.max_latency_ms) else g.max_latency_ms end as max_latency_ms,
           a.price_currency,
           case when a.price_currency is null then null
                when a.is_added then p.price_sum + g.price_sum else g.price_sum end as price_sum,
           case when a.price_currency is null then null
                when a.is_added then p.price_notional + g.price_notional else g.price_notional end as price_notional,
           case when a.price_currency is null then null
                when a.is_added then least(p.min_price, g.min_price) else g.min_price end as min_price,
           case when a.price_currency is null then null
                when a.is_added then greatest(p.max_price, g.max_price) else g.max_price end as max_price
) s
cross join lateral (
    select round(s.exact_notional, 16) as total_notional, round(s.exact_fees, 8) as total_fees,
           round(s.exact_commission, 8) as total_commission,
           round(s.price_sum::numeric(100,44) / s.trade_count, 16) as avg_price,
           round(s.price_notional::numeric(150,80) / s.total_volume, 16) as vwap_price,
           round(s.latency_sum_ms::numeric(100,44) / nullif(s.latency_count, 0), 16) as avg_latency_ms
) f
where (not $2::boolean or g.tenant_id is not null) -- then no full join is needed
  and case when g.tenant_id is null then true
           when p.stored is null then true
           else (p.trade_count, p.buy_count, p.total_volume, p.buy_volume, p.exact_notional, p.exact_fees, p.exact_commission,
                 p.latency_count, p.latency_sum_ms, p.max_latency_ms, p.price_currency, p.price_sum, p.price_notional,
                 p.min_price, p.max_price, p.total_notional, p.total_fees, p.total_commission, p.avg_price, p.vwap_price,
                 p.avg_latency_ms)
                is distinct from
                (s.trade_count, s.buy_count, s.total_volume, s.buy_volume, s.exact_notional, s.exact_fees, s.exact_commission,
                 s.latency_count, s.latency_sum_ms, s.max_latency_ms, s.price_currency, s.price_sum, s.price_notional,
                 s.min_price, s.max_price, f.total_notional, f.total_fees, f.total_commission, f.avg_price, f.vwap_price,
                 f.avg_latency_ms) end

-- name: delete_rows
-- Groups that vanished, and those that a missing rate holds back. Whoever writes rows of the date $1 has its lock, so that they
-- stand where they stood.
delete from agg_daily_trade_summary p
using stage_changes c
where c.aggregation_level is null and p.ctid = c.stored and p.date_key = $1::integer

-- name: update_rows
-- $2 the run. is_final stays as it is.
update agg_daily_trade_summary p
set trade_count = c.trade_count, buy_count = c.buy_count, sell_count = c.sell_count, total_volume = c.total_volume,
    buy_volume = c.buy_volume, sell_volume = c.sell_volume, total_notional = c.total_notional, total_fees = c.total_fees,
    total_commission = c.total_commission, price_currency = c.price_currency, avg_price = c.avg_price,
    vwap_price = c.vwap_price, min_price = c.min_price, max_price = c.max_price, avg_latency_ms = c.avg_latency_ms,
    max_latency_ms = c.max_latency_ms, exact_notional = c.exact_notional, exact_fees = c.exact_fees,
    exact_commission = c.exact_commission, latency_count = c.latency_count, latency_sum_ms = c.latency_sum_ms,
    price_sum = c.price_sum, price_notional = c.price_notional, etl_run_id = $2::bigint, updated_at = clock_timestamp()
from stage_changes c
where c.aggregation_level is not null and p.ctid = c.stored and p.date_key = $1::integer

-- name: insert_rows
-- $2 the run, $3 the business date. Rows of a published date are final.
insert into agg_daily_trade_summary (tenant_id, trade_date, date_key, aggregation_level, client_id, instrument_id, lp_id,
                                     trade_count, buy_count, sell_count, total_volume, buy_volume, sell_volume,
                                     total_notional, total_fees, total_commission, price_currency, avg_price, vwap_price,
                                     min_price, max_price, avg_latency_ms, max_latency_ms, is_final, etl_run_id,
                                     exact_notional, exact_fees, exact_commission, latency_count, latency_sum_ms, price_sum,
                                     price_notional)
select tenant_id, $3::date, $1::integer, aggregation_level, client_id, instrument_id, lp_id, trade_count, buy_count,
       sell_count, total_volume, buy_volume, sell_volume, total_notional, total_fees, total_commission, price_currency,
       avg_price, vwap_price, min_price, max_price, avg_latency_ms, max_latency_ms,
       exists (select from etl_published_days where date_key = $1::integer), $2::bigint, exact_notional, exact_fees,
       exact_commission, latency_count, latency_sum_ms, price_sum, price_notional
from stage_changes
where stored is null

-- name: note_late
-- What became dirty by inserts while the whole date $1 was computed may be counted already, or not: it is not to be added, but
-- the whole computed again. $2 the run.
insert into etl_dirty_buckets (target, date_key, reason, run_no)
select 'summary', $1::integer, 'changed while it was computed', $2::bigint
where exists (select from etl_dirty_buckets where target = 'summary' and date_key = $1::integer and is_insert_only)

-- name: hold_bucket
-- $2 the run.
insert into etl_dirty_buckets (target, date_key, reason, run_no)
values ('summary', $1::integer, 'fx_rate_missing', $2::bigint)

-- name: resolve_held
-- What was said of the date $1 before.
update etl_data_quality_issues
set resolved_at = clock_timestamp()
where source_table = 'agg_daily_trade_summary' and rule_name = 'fx_rate_missing' and business_date = $1::date
  and resolved_at is null

-- name: report_held
-- $1 the run's id, $2 the business date, $3 the base currency: one finding for each tenant.
insert into etl_data_quality_issues (job_run_id, source_table, record_id, rule_name, severity, error_message, record_data,
                                     business_date)
select $1::uuid, 'agg_daily_trade_summary', b.tenant_id, 'fx_rate_missing', 'WARNING',
       format('[fx_rate_missing] %s of %s trades of %s have no rate from %s to %s, so that %s groups of the tenant %s have no '
              'summary on that date: add the rate to the source''s fx_rates, then run `tapemill enqueue daily_load --date %s`',
              b.missing, b.trades, $2::date, b.currencies, $3::text, h.held, b.tenant_id, $2::date),
       jsonb_build_object('tenant_id', b.tenant_id, 'currencies', b.currencies, 'missing_trades', b.missing, 'groups', h.held),
       $2::date
from (select tenant_id, sum(trades) filter (where rate is null) as missing, sum(trades) as trades,
             string_agg(distinct currency, ', ' order by currency) filter (where rate is null) as currencies
      from stage_summary_base
      where by_provider
      group by tenant_id) b
join (select tenant_id, count(*) as held from stage_summary where missing_trades > 0 group by tenant_id) h using (tenant_id)
