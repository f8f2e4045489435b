-- name: main
-- The largest fall of each account's cumulated net P&L below its peak. $1 from, $2 to: date_keys; $3 the end of the as-of date,
-- exclusive. In base currency.
--
-- The account's strategies are one series, whatever versions of it their rows stand under. It begins at 0 before the window,
-- and so does the peak: a loss on the first date is a fall. Of equal falls the earliest counts. The percentage is of the peak
-- that was fallen from, NULL where that is 0. An account that never fell has 0 and no dates. Where a date is held back, what
-- it was cumulated to is not known, nor how far it fell.
with days as (
    select account_id, date_key, bool_or(is_held) as is_held, sum(net_pnl) as net_pnl
    from report_performance
    where date_key between $1::integer and $2::integer
    group by account_id, date_key
), cumulated as (
    select d.*, sum(net_pnl) over (partition by account_id order by date_key) as cumulated from days d
), peaks as (
    select c.*, greatest(0, max(cumulated) over (partition by account_id order by date_key)) as peak from cumulated c
), falls as (
    select distinct on (account_id) account_id, date_key, peak, peak - cumulated as fall
    from peaks
    order by account_id, peak - cumulated desc, date_key
), accounts as (
    select account_id, count(*) as days, count(*) filter (where is_held) as held_days, bool_and(not is_held) as is_known,
           sum(net_pnl) as pnl
    from days
    group by account_id
), figures as (
    select a.account_id, a.days, a.held_days, case when a.is_known then a.pnl end as total_pnl,
           case when a.is_known then f.fall end as max_drawdown, a.is_known and f.fall > 0 as fell, f.peak, f.date_key
    from accounts a
    join falls f on f.account_id is not distinct from a.account_id
)
select to_date($1::integer::text, 'YYYYMMDD') as from_date, to_date($2::integer::text, 'YYYYMMDD') as to_date,
       f.account_id, v.account_number, v.account_name as account, f.total_pnl, f.max_drawdown,
       case when f.max_drawdown = 0 then 0 when f.fell then round(round(f.max_drawdown * 100, 80) / nullif(f.peak, 0), 16) end
           as max_drawdown_pct,
       case when f.fell then to_date(f.date_key::text, 'YYYYMMDD') end as max_drawdown_date,
       case when f.fell then f.peak end as peak_pnl,
       case when f.fell then (select to_date(min(p.date_key)::text, 'YYYYMMDD') from peaks p
                              where p.account_id is not distinct from f.account_id and p.cumulated = f.peak and f.peak > 0
                                and p.date_key < f.date_key) end as peak_date,
       f.days, f.held_days
from figures f
left join lateral report_account(f.account_id, $3::timestamptz) v on true
order by f.max_drawdown desc nulls last, f.account_id nulls last;
