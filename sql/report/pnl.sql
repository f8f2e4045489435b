-- name: main
-- Daily performance by account and strategy, in base currency. $1 from, $2 to (null: open).
select d.date, a.account_id, a.account_name as account, s.strategy_id, s.strategy_name as strategy, f.total_trades as trades,
       f.winning_trades as winners, f.losing_trades as losers, f.total_notional as notional, f.gross_profit,
       f.gross_loss, f.commissions + f.fees as costs, f.net_pnl, f.win_rate, f.profit_factor, f.sharpe_ratio,
       f.max_drawdown
from fact_performance_daily f
join dim_date d using (date_key)
join dim_account a using (account_key)
join dim_strategy s using (strategy_key)
where f.date_key between coalesce(to_char($1::date, 'YYYYMMDD')::integer, 0)
                     and coalesce(to_char($2::date, 'YYYYMMDD')::integer, 99991231)
order by d.date, a.account_id nulls last, s.strategy_id nulls last;
