-- What jobs/verify.h reads: facts as they are, and the stored rows that are compared with what they come to. COPY takes no
-- parameters: the statements here give the text of another. Every field is a text.

-- name: date
-- $1 the date_key. Whether it is a trading day, and the targets that are dirty on it. What a missing rate holds waits for the
-- rate; the rest of its bucket is as it should be.
select coalesce((select is_trading_day from dim_date where date_key = $1::integer), false),
       coalesce((select string_agg(distinct target, ' ') from etl_dirty_buckets
                 where date_key = $1::integer and reason <> 'fx_rate_missing'), '')

-- name: series_dirty
-- The first date from which on performance over time waits for a recompute; empty: none does.
select coalesce(min(date_key)::text, '') from etl_dirty_buckets
where target in ('performance', 'performance_risk') and reason <> 'fx_rate_missing'

-- name: trades
select format($statement$
select f.source, f.tenant_id::text, a.account_id::text, s.strategy_id::text, c.client_id::text, i.instrument_id::text,
       l.lp_id::text, f.side, f.currency, f.quantity::text, f.price::text, f.commission::text, f.fees::text,
       f.rate_to_base::text, f.realized_pnl::text, f.is_closing::text, coalesce(f.fill_latency_ms, f.latency_ms)::text
from fact_trades f
join dim_instrument i using (instrument_key)
join dim_account a using (account_key)
join dim_strategy s using (strategy_key)
join dim_client c on c.client_key = f.client_key
join dim_liquidity_provider l using (lp_key)
where f.date_key = %1$s and not f.is_deleted
$statement$, $1::integer)

-- name: risk
select format($statement$
select tenant_id::text, client_id::text, utilization_pct::text, soft_breach_count::text, hard_breach_count::text,
       risk_score::text
from fact_risk_snapshots
where date_key = %1$s and not is_deleted
$statement$, $1::integer)

-- name: quotes
-- Without a provider a quote says nothing of one.
select format($statement$
select q.tenant_id::text, l.lp_id::text, q.sample_weight::text, q.is_stale::text, q.spread::text, q.spread_bps::text,
       q.latency_ms::text
from fact_quotes q
join dim_liquidity_provider l using (lp_key)
where q.date_key = %1$s and not q.is_deleted and l.lp_id is not null
$statement$, $1::integer)

-- name: orders
select format($statement$
select o.tenant_id::text, l.lp_id::text, o.final_status
from fact_orders o
join dim_liquidity_provider l using (lp_key)
where o.date_key = %1$s and not o.is_deleted and l.lp_id is not null
$statement$, $1::integer)

-- name: series_before
-- Each series' last 252 trading days before $1, oldest first.
select format($statement$
select tenant_id::text, account_id::text, strategy_id::text, net_pnl::text
from (
    select p.tenant_id, a.account_id, s.strategy_id, p.net_pnl, p.date_key,
           row_number() over (partition by p.tenant_id, a.account_id, s.strategy_id order by p.date_key desc) as back
    from fact_performance_daily p
    join dim_date d using (date_key)
    join dim_account a using (account_key)
    join dim_strategy s using (strategy_key)
    where p.date_key < %1$s and d.is_trading_day
) days
where back <= 252
order by date_key
$statement$, $1::integer)

-- name: stored_summary
select format($statement$
select trade_date::text, aggregation_level, tenant_id::text, client_id::text, instrument_id::text, lp_id::text,
       trade_count::text, buy_count::text, sell_count::text, total_volume::text, buy_volume::text, sell_volume::text,
       total_notional::text, total_fees::text, total_commission::text, price_currency, avg_price::text,
       vwap_price::text, min_price::text, max_price::text, avg_latency_ms::text, max_latency_ms::text
from agg_daily_trade_summary
where date_key = %1$s
$statement$, $1::integer)

-- name: stored_performance
select format($statement$
select to_char(to_date(p.date_key::text, 'YYYYMMDD'), 'YYYY-MM-DD'), p.tenant_id::text, a.account_id::text,
       s.strategy_id::text, p.total_trades::text, p.closing_trades::text, p.winning_trades::text,
       p.losing_trades::text, p.total_volume::text, p.total_notional::text, p.gross_profit::text, p.gross_loss::text,
       p.net_pnl::text, p.commissions::text, p.fees::text, p.win_rate::text, p.profit_factor::text,
       p.sharpe_ratio::text, p.max_drawdown::text, p.avg_win::text, p.avg_loss::text, p.largest_win::text,
       p.largest_loss::text
from fact_performance_daily p
join dim_account a using (account_key)
join dim_strategy s using (strategy_key)
where p.date_key = %1$s
$statement$, $1::integer)

-- name: stored_performance_monthly
select format($statement$
select m.month_key::text, m.tenant_id::text, a.account_id::text, s.strategy_id::text, m.trading_days::text,
       m.total_trades::text, m.winning_trades::text, m.total_volume::text, m.net_pnl::text, m.commissions::text,
       m.fees::text, m.win_rate::text, m.sharpe_ratio::text, m.max_drawdown::text, m.best_day_pnl::text,
       m.worst_day_pnl::text
from agg_performance_monthly m
join dim_account a using (account_key)
join dim_strategy s using (strategy_key)
where m.month_key = %1$s
$statement$, $1::integer)

-- name: stored_clients
-- $1 the kind of period, $2 its first date.
select format($statement$
select period_type, metric_date::text, tenant_id::text, client_id::text, trading_days::text, total_trades::text,
       unique_instruments::text, total_volume::text, total_notional::text, avg_trade_size::text, total_fees::text,
       realized_pnl::text, avg_utilization::text, max_utilization::text, breach_count::text, risk_score::text,
       engagement_score::text
from agg_client_metrics
where period_type = %1$L and metric_date = %2$L
$statement$, $1::text, $2::date)

-- name: stored_providers
select format($statement$
select period_type, metric_date::text, tenant_id::text, lp_id::text, quote_count::text, sampled_quotes::text,
       avg_spread::text, avg_spread_bps::text, quote_availability::text, avg_latency_ms::text, trade_count::text,
       total_notional::text, order_count::text, fill_rate::text, rejection_count::text, performance_score::text,
       overall_rank::text
from agg_lp_performance
where period_type = %1$L and metric_date = %2$L
$statement$, $1::text, $2::date)
