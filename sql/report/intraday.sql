-- name: main
-- Trades by the hour of the business time zone at which they were executed. $1 from, $2 to: date_keys; $3 the flow. In
-- base currency, realised P&L gross of costs. NULL is what is not known: without a rate all sums, before
-- its books are closed the P&L. An hour is one row, also where it is partly in one time of day and partly in the next.
with sums as (
    select t.hour, count(*) as trades, count(*) filter (where f.rate_to_base is null) as unrated,
           count(*) filter (where f.realized_pnl is null) as unbooked,
           count(*) filter (where f.realized_pnl > 0) as winners,
           sum(f.notional_value * f.rate_to_base) as notional, sum(f.realized_pnl * f.rate_to_base) as pnl
    from fact_trades f
    join dim_time t using (time_key)
    where f.date_key >= $1::integer and f.date_key < $2::integer + 1 and f.source = $3::text and not f.is_deleted
    group by t.hour
), labels as (
    select hour, string_agg(time_of_day, ', ' order by first_key) as time_of_day
    from (select hour, time_of_day, min(time_key) as first_key from dim_time group by hour, time_of_day) t
    group by hour
), figures as (
    select s.*, case when unrated = 0 then notional end as total_notional,
           case when unrated = 0 and unbooked = 0 then pnl end as total_pnl
    from sums s
)
select to_date($1::integer::text, 'YYYYMMDD') as from_date, to_date($2::integer::text, 'YYYYMMDD') as to_date,
       f.hour, l.time_of_day, f.trades as trade_count, f.total_notional, f.total_pnl,
       round(round(f.total_pnl, 80) / f.trades, 16) as avg_pnl_per_trade,
       case when f.unbooked = 0 then round(round(f.winners, 40) / f.trades, 16) end as win_rate,
       f.unrated as unrated_trades, f.unbooked as unbooked_trades
from figures f
join labels l using (hour)
order by f.hour;
