-- Liquidity providers by period. See jobs/lp_performance.c and docs/numbers.md.

-- name: stage utility
-- What the months of the period say of each provider, one row for each kind of fact; and what agg_lp_performance should
-- say. Where missing is set, trades in these currencies have no rate to the base currency. Sums of quotes are weighted.
create temporary table stage_lp_parts (
    tenant_id      uuid,
    lp_id          uuid,
    sampled        bigint,
    weight         numeric,
    weight_fresh   numeric,   -- of quotes that are not stale
    weight_timed   numeric,   -- of quotes with a latency
    spread         numeric,
    spread_bps     numeric,
    latency        numeric,
    trades         bigint,
    notional       numeric,
    missing_date   integer,   -- the first date_key with a trade without a rate
    missing_trades bigint,
    currencies     text[],    -- of these trades
    orders         bigint,
    filled         bigint,
    rejected       bigint
) on commit drop;
create temporary table stage_lp_performance on commit drop as
select m.*, null::integer as missing_date, null::bigint as missing_trades, null::text as missing
from agg_lp_performance m
with no data;

-- name: gather_quotes
-- $1 and $2 the first and the last date_key, both of one month.
with keyed as (
    select tenant_id, lp_key, count(*) as sampled, sum(sample_weight) as weight,
           coalesce(sum(sample_weight) filter (where not is_stale), 0) as weight_fresh,
           coalesce(sum(sample_weight) filter (where latency_ms is not null), 0) as weight_timed,
           sum(spread * sample_weight) as spread, sum(spread_bps * sample_weight) as spread_bps,
           coalesce(sum(latency_ms * sample_weight), 0) as latency
    from fact_quotes
    where date_key between $1::integer and $2::integer and not is_deleted and lp_key <> 0
    group by tenant_id, lp_key
), providers as (
    select k.tenant_id, l.lp_id, sum(k.sampled)::bigint as sampled, sum(k.weight) as weight,
           sum(k.weight_fresh) as weight_fresh, sum(k.weight_timed) as weight_timed, sum(k.spread) as spread,
           sum(k.spread_bps) as spread_bps, sum(k.latency) as latency
    from keyed k
    join dim_liquidity_provider l using (lp_key)
    group by k.tenant_id, l.lp_id
)
select coalesce(json_agg(providers), '[]') from providers

-- name: gather_trades
-- $1 and $2 the first and the last date_key.
with keyed as (
    select f.tenant_id, f.lp_key, f.date_key, f.currency, f.rate_to_base as rate, count(*) as trades,
           sum(f.notional_value) as notional
    from fact_trades f
    where f.date_key >= $1::integer and f.date_key < $2::integer + 1 and not f.is_deleted and f.lp_key <> 0
    group by f.tenant_id, f.lp_key, f.date_key, f.currency, f.rate_to_base
), providers as (
    select k.tenant_id, l.lp_id, sum(k.trades)::bigint as trades, sum(k.notional * k.rate) as notional,
           min(k.date_key) filter (where k.rate is null) as missing_date,
           coalesce(sum(k.trades) filter (where k.rate is null), 0)::bigint as missing_trades,
           array_agg(distinct k.currency) filter (where k.rate is null) as currencies
    from keyed k
    join dim_liquidity_provider l using (lp_key)
    group by k.tenant_id, l.lp_id
)
select coalesce(json_agg(providers), '[]') from providers

-- name: gather_orders
-- $1 and $2 the first and the last date_key. Facts of orders are those that reached a final state.
with keyed as (
    select tenant_id, lp_key, count(*) as orders, count(*) filter (where final_status = 'FILLED') as filled,
           count(*) filter (where was_rejected) as rejected
    from fact_orders
    where date_key between $1::integer and $2::integer and not is_deleted and lp_key <> 0
    group by tenant_id, lp_key
), providers as (
    select k.tenant_id, l.lp_id, sum(k.orders)::bigint as orders, sum(k.filled)::bigint as filled,
           sum(k.rejected)::bigint as rejected
    from keyed k
    join dim_liquidity_provider l using (lp_key)
    group by k.tenant_id, l.lp_id
)
select coalesce(json_agg(providers), '[]') from providers

-- name: keep
-- $1 what was gathered.
insert into stage_lp_parts select * from json_populate_recordset(null::stage_lp_parts, $1::json)

-- name: compute
-- $1 the period's type, $2 its first and $3 its last date. Sums are exact and each figure is rounded once, the score too:
-- its four terms are brought to one denominator. Averages in it are between 0 and 100 bps, and 0 and 1000 ms.
insert into stage_lp_performance (period_type, metric_date, period_end, tenant_id, lp_id, quote_count, sampled_quotes,
                                  avg_spread, avg_spread_bps, quote_availability, avg_latency_ms, trade_count,
                                  total_notional, order_count, fill_rate, rejection_count, performance_score,
                                  missing_date, missing_trades, missing)
with sums as (
    select p.tenant_id, p.lp_id, coalesce(sum(p.sampled), 0)::bigint as sampled, coalesce(sum(p.weight), 0) as weight,
           coalesce(sum(p.weight_fresh), 0) as fresh, coalesce(sum(p.weight_timed), 0) as timed,
           coalesce(sum(p.spread), 0) as spread, coalesce(sum(p.spread_bps), 0) as bps,
           coalesce(sum(p.latency), 0) as latency, coalesce(sum(p.trades), 0)::bigint as trades,
           coalesce(sum(p.notional), 0) as notional, min(p.missing_date) as missing_date,
           coalesce(sum(p.missing_trades), 0)::bigint as missing_trades, coalesce(sum(p.orders), 0)::bigint as orders,
           coalesce(sum(p.filled), 0)::bigint as filled, coalesce(sum(p.rejected), 0)::bigint as rejected
    from stage_lp_parts p
    group by p.tenant_id, p.lp_id
), currencies as (
    select p.tenant_id, p.lp_id, string_agg(distinct c.code, ', ' order by c.code) as missing
    from stage_lp_parts p
    cross join unnest(p.currencies) as c (code)
    group by p.tenant_id, p.lp_id
), terms as (
    -- Denominators that are never 0, and what of them counts for the provider; without quotes, or latencies, nothing does.
    select s.*, greatest(weight, 1) as quotes, greatest(timed, 1) as latencies,
           case when weight > 0 then weight - greatest(least(0.01 * bps, weight), 0) else 0 end as narrow,
           case when timed > 0 then timed - greatest(least(0.001 * latency, timed), 0) else 0 end as quick
    from sums s
)
select $1, $2::date, $3::date, t.tenant_id, t.lp_id, t.weight, t.sampled,
       round(t.spread::numeric(140,60) / nullif(t.weight, 0), 16),
       round(t.bps::numeric(140,60) / nullif(t.weight, 0), 16),
       round(t.fresh::numeric(140,60) / nullif(t.weight, 0), 16),
       round(t.latency::numeric(140,60) / nullif(t.timed, 0), 16), t.trades, round(t.notional, 16), t.orders,
       round(t.filled::numeric(60,40) / nullif(t.orders, 0), 16), case when t.orders > 0 then t.rejected end,
       round((0.25 * t.fresh * t.latencies * t.orders + 0.35 * t.narrow * t.latencies * t.orders
              + 0.20 * t.quick * t.quotes * t.orders + 0.20 * t.filled * t.quotes * t.latencies)::numeric(400,120)
             / nullif(t.quotes * t.latencies * t.orders, 0), 16),
       t.missing_date, t.missing_trades, c.missing
from terms t
left join currencies c using (tenant_id, lp_id)

-- name: rank
-- Those with a row, in their tenant; equal scores share a rank, and those without one the last.
update stage_lp_performance s
set overall_rank = r.overall_rank
from (select tenant_id, lp_id,
             rank() over (partition by tenant_id order by performance_score desc nulls last) as overall_rank
      from stage_lp_performance
      where missing is null) r
where s.tenant_id = r.tenant_id and s.lp_id = r.lp_id

-- name: groups
-- How many groups there are, how many of them are held, no date (they need no realised P&L), the held groups.
select count(*), count(missing), null,
       coalesce(json_agg(json_build_object('tenant_id', tenant_id, 'member_id', lp_id, 'trades', trade_count,
                                           'missing_trades', missing_trades, 'missing', missing,
                                           'missing_date', missing_date) order by tenant_id, lp_id)
                    filter (where missing is not null), '[]')
from stage_lp_performance

-- name: delete_rows
-- $1 the period's type, $2 its first date. Providers that vanished, and those that a missing rate holds back.
delete from agg_lp_performance m
where m.period_type = $1 and m.metric_date = $2::date
  and not exists (select from stage_lp_performance g
                  where g.tenant_id = m.tenant_id and g.lp_id = m.lp_id and g.missing is null)

-- name: update_rows
-- $1 the run.
update agg_lp_performance m
set period_end = g.period_end, quote_count = g.quote_count, sampled_quotes = g.sampled_quotes, avg_spread = g.avg_spread,
    avg_spread_bps = g.avg_spread_bps, quote_availability = g.quote_availability, avg_latency_ms = g.avg_latency_ms,
    trade_count = g.trade_count, total_notional = g.total_notional, order_count = g.order_count, fill_rate = g.fill_rate,
    rejection_count = g.rejection_count, performance_score = g.performance_score, overall_rank = g.overall_rank,
    etl_run_id = $1::bigint, updated_at = clock_timestamp()
from stage_lp_performance g
where m.period_type = g.period_type and m.metric_date = g.metric_date and m.tenant_id = g.tenant_id and m.lp_id = g.lp_id
  and g.missing is null
  and (m.period_end, m.quote_count, m.sampled_quotes, m.avg_spread, m.avg_spread_bps, m.quote_availability,
       m.avg_latency_ms, m.trade_count, m.total_notional, m.order_count, m.fill_rate, m.rejection_count,
       m.performance_score, m.overall_rank)
      is distinct from
      (g.period_end, g.quote_count, g.sampled_quotes, g.avg_spread, g.avg_spread_bps, g.quote_availability,
       g.avg_latency_ms, g.trade_count, g.total_notional, g.order_count, g.fill_rate, g.rejection_count,
       g.performance_score, g.overall_rank)

-- name: insert_rows
-- $1 the run.
insert into agg_lp_performance (period_type, metric_date, period_end, tenant_id, lp_id, quote_count, sampled_quotes,
                                avg_spread, avg_spread_bps, quote_availability, avg_latency_ms, trade_count,
                                total_notional, order_count, fill_rate, rejection_count, performance_score, overall_rank,
                                etl_run_id)
select g.period_type, g.metric_date, g.period_end, g.tenant_id, g.lp_id, g.quote_count, g.sampled_quotes, g.avg_spread,
       g.avg_spread_bps, g.quote_availability, g.avg_latency_ms, g.trade_count, g.total_notional, g.order_count,
       g.fill_rate, g.rejection_count, g.performance_score, g.overall_rank, $1::bigint
from stage_lp_performance g
where g.missing is null
  and not exists (select from agg_lp_performance m
                  where m.period_type = g.period_type and m.metric_date = g.metric_date and m.tenant_id = g.tenant_id
                    and m.lp_id = g.lp_id)
