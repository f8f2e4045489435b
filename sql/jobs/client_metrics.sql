-- Clients by period. See jobs/client_metrics.c and docs/numbers.md.

-- name: stage utility
-- What the months of the period say of each client, one row for each kind of fact; and what agg_client_metrics should say.
-- Where missing is set, trades in these currencies have no rate to the base currency.
create temporary table stage_client_parts (
    tenant_id         uuid,
    client_id         uuid,
    trades            bigint,
    days              bigint,
    instruments       integer[],
    volume            numeric,
    notional          numeric,
    fees              numeric,
    realized          numeric,
    unbooked_date     integer,   -- the first date_key with a trade without realised P&L
    missing_date      integer,   -- the same of rates
    missing_trades    bigint,
    currencies        text[],    -- of these trades
    utilization_sum   numeric,
    utilization_count bigint,
    utilization_max   numeric,
    breaches          bigint,
    score_sum         numeric,
    score_count       bigint
) on commit drop;
create temporary table stage_client_metrics on commit drop as
select m.*, null::integer as unbooked_date, null::integer as missing_date, null::bigint as missing_trades,
       null::text as missing
from agg_client_metrics m
with no data;

-- name: gather_trades
-- $1 and $2 the first and the last date_key, both of one month. Every trade is visited once, without a join or a product.
with keyed as (
    select f.tenant_id, f.client_key, f.instrument_key, f.date_key, f.currency, f.rate_to_base as rate, count(*) as trades,
           count(*) filter (where f.realized_pnl is null) as unbooked, sum(f.quantity) as volume,
           sum(f.notional_value) as notional, sum(f.fees) as fees, sum(f.realized_pnl) as realized
    from fact_trades f
    where f.date_key >= $1::integer and f.date_key < $2::integer + 1 and not f.is_deleted and f.client_key <> 0
    group by f.tenant_id, f.client_key, f.instrument_key, f.date_key, f.currency, f.rate_to_base
), clients as (
    select k.tenant_id, c.client_id, sum(k.trades)::bigint as trades, count(distinct k.date_key) as days,
           array_agg(distinct i.instrument_id) as instruments, sum(k.volume) as volume,
           sum(k.notional * k.rate) as notional, sum(k.fees * k.rate) as fees,
           coalesce(sum(k.realized * k.rate), 0) as realized,
           min(k.date_key) filter (where k.unbooked > 0) as unbooked_date,
           min(k.date_key) filter (where k.rate is null) as missing_date,
           coalesce(sum(k.trades) filter (where k.rate is null), 0)::bigint as missing_trades,
           array_agg(distinct k.currency) filter (where k.rate is null) as currencies
    from keyed k
    join dim_client c using (client_key)
    join dim_instrument i using (instrument_key)
    group by k.tenant_id, c.client_id
)
select coalesce(json_agg(clients), '[]') from clients

-- name: gather_risk
-- $1 and $2 the first and the last date_key. A client's snapshots stand in a row of their own: they multiply no trade.
with clients as (
    select tenant_id, client_id, sum(utilization_pct) as utilization_sum, count(utilization_pct) as utilization_count,
           max(utilization_pct) as utilization_max, sum(soft_breach_count + hard_breach_count) as breaches,
           sum(risk_score) as score_sum, count(risk_score) as score_count
    from fact_risk_snapshots
    where date_key between $1::integer and $2::integer and not is_deleted
    group by tenant_id, client_id
)
select coalesce(json_agg(clients), '[]') from clients

-- name: keep
-- $1 what was gathered.
insert into stage_client_parts select * from json_populate_recordset(null::stage_client_parts, $1::json)

-- name: compute
-- $1 the period's type, $2 its first and $3 its last date. Sums are exact and each figure is rounded once: quotients are
-- taken to so many decimals first that rounding them a second time rounds right.
insert into stage_client_metrics (period_type, metric_date, period_end, tenant_id, client_id, trading_days, total_trades,
                                  unique_instruments, total_volume, total_notional, avg_trade_size, total_fees,
                                  realized_pnl, avg_utilization, max_utilization, breach_count, risk_score,
                                  engagement_score, unbooked_date, missing_date, missing_trades, missing)
with sums as (
    select tenant_id, client_id, coalesce(sum(trades), 0)::bigint as trades, coalesce(sum(days), 0)::bigint as days,
           coalesce(sum(volume), 0) as volume, coalesce(sum(notional), 0) as notional, coalesce(sum(fees), 0) as fees,
           coalesce(sum(realized), 0) as realized, min(unbooked_date) as unbooked_date,
           min(missing_date) as missing_date, coalesce(sum(missing_trades), 0)::bigint as missing_trades,
           sum(utilization_sum) as utilization_sum, sum(utilization_count) as utilization_count,
           max(utilization_max) as utilization_max, coalesce(sum(breaches), 0)::bigint as breaches,
           sum(score_sum) as score_sum, sum(score_count) as score_count
    from stage_client_parts
    group by tenant_id, client_id
), lists as (
    select p.tenant_id, p.client_id, count(distinct i.id) as instruments,
           string_agg(distinct c.code, ', ' order by c.code) as missing
    from stage_client_parts p
    left join unnest(p.instruments) as i (id) on true
    left join unnest(p.currencies) as c (code) on true
    group by p.tenant_id, p.client_id
)
select $1, $2::date, $3::date, tenant_id, client_id, s.days, s.trades, l.instruments, s.volume, round(s.notional, 16),
       round(s.notional::numeric(140,70) / nullif(s.trades, 0), 16), round(s.fees, 8), round(s.realized, 8),
       round(s.utilization_sum::numeric(100,50) / nullif(s.utilization_count, 0), 16), s.utilization_max, s.breaches,
       round(s.score_sum::numeric(100,50) / nullif(s.score_count, 0), 16),
       round((0.4 * s.days
              + (0.003 * least(s.trades, 100) + 0.015 * least(l.instruments, 20)) * p.days)::numeric(60,40) / p.days, 16),
       s.unbooked_date, s.missing_date, s.missing_trades, l.missing
from sums s
join lists l using (tenant_id, client_id)
cross join (select ($3::date - $2::date + 1)::numeric as days) p

-- name: groups
-- How many groups there are, how many of them are held, the first date with a trade without realised P&L, the held groups.
select count(*), count(missing), min(unbooked_date),
       coalesce(json_agg(json_build_object('tenant_id', tenant_id, 'member_id', client_id, 'trades', total_trades,
                                           'missing_trades', missing_trades, 'missing', missing,
                                           'missing_date', missing_date) order by tenant_id, client_id)
                    filter (where missing is not null), '[]')
from stage_client_metrics

-- name: delete_rows
-- $1 the period's type, $2 its first date. Clients that vanished, and those that a missing rate holds back.
delete from agg_client_metrics m
where m.period_type = $1 and m.metric_date = $2::date
  and not exists (select from stage_client_metrics g
                  where g.tenant_id = m.tenant_id and g.client_id = m.client_id and g.missing is null)

-- name: update_rows
-- $1 the run.
update agg_client_metrics m
set period_end = g.period_end, trading_days = g.trading_days, total_trades = g.total_trades,
    unique_instruments = g.unique_instruments, total_volume = g.total_volume, total_notional = g.total_notional,
    avg_trade_size = g.avg_trade_size, total_fees = g.total_fees, realized_pnl = g.realized_pnl,
    avg_utilization = g.avg_utilization, max_utilization = g.max_utilization, breach_count = g.breach_count,
    risk_score = g.risk_score, engagement_score = g.engagement_score, etl_run_id = $1::bigint,
    updated_at = clock_timestamp()
from stage_client_metrics g
where m.period_type = g.period_type and m.metric_date = g.metric_date and m.tenant_id = g.tenant_id
  and m.client_id = g.client_id and g.missing is null
  and (m.period_end, m.trading_days, m.total_trades, m.unique_instruments, m.total_volume, m.total_notional,
       m.avg_trade_size, m.total_fees, m.realized_pnl, m.avg_utilization, m.max_utilization, m.breach_count, m.risk_score,
       m.engagement_score)
      is distinct from
      (g.period_end, g.trading_days, g.total_trades, g.unique_instruments, g.total_volume, g.total_notional,
       g.avg_trade_size, g.total_fees, g.realized_pnl, g.avg_utilization, g.max_utilization, g.breach_count, g.risk_score,
       g.engagement_score)

-- name: insert_rows
-- $1 the run.
insert into agg_client_metrics (period_type, metric_date, period_end, tenant_id, client_id, trading_days, total_trades,
                                unique_instruments, total_volume, total_notional, avg_trade_size, total_fees, realized_pnl,
                                avg_utilization, max_utilization, breach_count, risk_score, engagement_score, etl_run_id)
select g.period_type, g.metric_date, g.period_end, g.tenant_id, g.client_id, g.trading_days, g.total_trades,
       g.unique_instruments, g.total_volume, g.total_notional, g.avg_trade_size, g.total_fees, g.realized_pnl,
       g.avg_utilization, g.max_utilization, g.breach_count, g.risk_score, g.engagement_score, $1::bigint
from stage_client_metrics g
where g.missing is null
  and not exists (select from agg_client_metrics m
                  where m.period_type = g.period_type and m.metric_date = g.metric_date and m.tenant_id = g.tenant_id
                    and m.client_id = g.client_id)
