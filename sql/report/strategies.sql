-- name: main
-- Strategies side by side; serves the reports strategies and top-strategies. $1 from, $2 to: date_keys; $3 the end of the
-- as-of date, exclusive; $4 at most so many rows (null: all). In base currency.
--
-- All accounts of a strategy are one series: summed by date first. Sharpe ratio: mean / sample deviation of the daily net
-- P&L on trading days x sqrt(252), NULL under 20 of them or without deviation; one square root of one quotient, taken to so
-- many decimals that rounding it at the end rounds right. Drawdown: the largest fall of the cumulated P&L below its peak,
-- which begins at 0. Where a date is held back, sums are not known, and the Sharpe ratio is that of the other dates.
-- Only what is known has a rank, and stands before what is not.
with days as (
    select strategy_id, date_key, bool_or(is_held) as is_held, sum(net_pnl) as net_pnl, sum(total_trades) as trades,
           sum(winning_trades) as winners, sum(costs) as costs
    from report_performance
    where date_key between $1::integer and $2::integer
    group by strategy_id, date_key
), cumulated as (
    select d.*, dd.is_trading_day and not d.is_held as in_series,
           sum(d.net_pnl) over (partition by d.strategy_id order by d.date_key) as cumulated
    from days d
    join dim_date dd using (date_key)
), fallen as (
    select c.*, greatest(0, max(cumulated) over (partition by strategy_id order by date_key)) - cumulated as below_peak
    from cumulated c
), sums as (
    select strategy_id, count(*) as days, count(*) filter (where is_held) as held_days, bool_and(not is_held) as is_known,
           sum(net_pnl) as pnl, sum(trades)::bigint as trades, sum(winners)::bigint as winners, sum(costs) as costs,
           max(below_peak) as drawdown, count(*) filter (where in_series) as n,
           sum(net_pnl) filter (where in_series) as total, sum(net_pnl * net_pnl) filter (where in_series) as squares
    from fallen
    group by strategy_id
), figures as (
    select strategy_id, days, held_days, case when is_known then pnl end as total_pnl,
           case when n >= 20 and n * squares > total * total
                then round(sign(total) * sqrt(round(252 * (n - 1) * total * total, 80) / (n * (n * squares - total * total))), 16)
           end as sharpe_ratio,
           case when is_known then round(round(winners, 40) / nullif(trades, 0), 16) end as win_rate,
           case when is_known then trades end as total_trades, case when is_known then costs end as total_costs,
           case when is_known then drawdown end as max_drawdown
    from sums
)
select to_date($1::integer::text, 'YYYYMMDD') as from_date, to_date($2::integer::text, 'YYYYMMDD') as to_date,
       f.strategy_id, v.strategy_name as strategy, v.strategy_type, f.total_pnl, f.sharpe_ratio, f.win_rate,
       f.total_trades, f.total_costs, f.max_drawdown, f.days, f.held_days,
       case when f.total_pnl is not null then rank() over (order by f.total_pnl desc nulls last) end as pnl_rank,
       case when f.sharpe_ratio is not null then rank() over (order by f.sharpe_ratio desc nulls last) end as sharpe_rank,
       case when f.win_rate is not null then rank() over (order by f.win_rate desc nulls last) end as win_rate_rank
from figures f
left join lateral report_strategy(f.strategy_id, $3::timestamptz) v on true
order by f.total_pnl desc nulls last, f.strategy_id nulls last
limit $4::bigint;
