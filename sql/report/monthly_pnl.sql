-- name: main
-- Net P&L of accounts by month. $1 from, $2 to: date_keys; $3 the end of the as-of date, exclusive. In base currency. The win
-- rate is winners / trades of the whole month. A month with a date that is held back is not known.
with months as (
    select d.year, d.month, d.month_name, p.account_id, count(distinct p.date_key) as days,
           count(distinct p.date_key) filter (where p.is_held) as held_days, bool_and(not p.is_held) as is_known,
           sum(p.net_pnl) as pnl, sum(p.total_trades)::bigint as trades, sum(p.winning_trades)::bigint as winners
    from report_performance p
    join dim_date d using (date_key)
    where p.date_key between $1::integer and $2::integer
    group by d.year, d.month, d.month_name, p.account_id
), figures as (
    select m.*, case when is_known then pnl end as monthly_pnl, case when is_known then trades end as trade_count,
           case when is_known then round(round(winners::numeric, 40) / nullif(trades, 0), 16) end as win_rate
    from months m
)
select to_date($1::integer::text, 'YYYYMMDD') as from_date, to_date($2::integer::text, 'YYYYMMDD') as to_date,
       f.year, f.month, f.month_name, f.account_id, v.account_number, v.account_name as account, f.monthly_pnl,
       f.trade_count, f.win_rate, f.days, f.held_days
from figures f
left join lateral report_account(f.account_id, $3::timestamptz) v on true
order by f.year, f.month, f.monthly_pnl desc nulls last, f.account_id nulls last;
