-- Performance in base currency. $1 from, $2 to: date_keys of business dates (null: open).

-- name: main
-- Daily, by account and strategy.
select d.date, a.account_id, a.account_name as account, s.strategy_id, s.strategy_name as strategy, f.total_trades as trades,
       f.winning_trades as winners, f.losing_trades as losers, f.total_notional as notional, f.gross_profit,
       f.gross_loss, f.commissions + f.fees as costs, f.net_pnl, f.win_rate, f.profit_factor, f.sharpe_ratio,
       f.max_drawdown
from fact_performance_daily f
join dim_date d using (date_key)
join dim_account a using (account_key)
join dim_strategy s using (strategy_key)
where f.date_key between coalesce($1::integer, 0) and coalesce($2::integer, 99991231)
order by d.date, a.account_id nulls last, s.strategy_id nulls last;

-- name: totals
-- What adds up, added up by $3: date, account or strategy. The other two are null. Names are the newest.
select case $3::text when 'date' then d.date end as date,
       case $3::text when 'account' then a.account_id end as account_id,
       case $3::text when 'account' then (array_agg(a.account_name order by a.account_key desc))[1] end as account,
       case $3::text when 'strategy' then s.strategy_id end as strategy_id,
       case $3::text when 'strategy' then (array_agg(s.strategy_name order by s.strategy_key desc))[1] end as strategy,
       sum(f.total_trades)::bigint as trades, sum(f.winning_trades)::bigint as winners,
       sum(f.losing_trades)::bigint as losers, sum(f.total_notional) as notional, sum(f.gross_profit) as gross_profit,
       sum(f.gross_loss) as gross_loss, sum(f.commissions + f.fees) as costs, sum(f.net_pnl) as net_pnl
from fact_performance_daily f
join dim_date d using (date_key)
join dim_account a using (account_key)
join dim_strategy s using (strategy_key)
where f.date_key between coalesce($1::integer, 0) and coalesce($2::integer, 99991231)
group by 1, 2, 4
order by 1, 2 nulls last, 4 nulls last;
