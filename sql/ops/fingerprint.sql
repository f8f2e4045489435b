-- What a table says, as one hash, for comparing the same days after different histories. Left out: surrogate keys, and
-- columns that tell how and when a row came (run numbers, loaded_at, known_from, source_lsn). A dimension key stands as
-- (natural id, valid_from). Versions that have no instant left say nothing.
--
-- Two levels: a hash for each day over the hashes of its rows in natural-key order, then one over the days, so that no
-- more than 32 bytes for each row of one day are held at once. Texts of dates and instants depend on DateStyle alone
-- (instants are put into UTC): the caller sets it to ISO.

-- name: hold
-- No month is folded until this session ends: our snapshot would not see the rows of the new leaf.
select pg_advisory_lock_shared(hashtext('tapemill fold'), 0)

-- name: session utility
begin isolation level repeatable read read only;
set local DateStyle = 'ISO, YMD';
set local bytea_output = 'hex';
set local extra_float_digits = 1;

-- name: table
-- $1 table, $2 and $3 first and last date_key of the dated tables. Every branch begins with its natural key, so that the
-- order of the texts is the order of the keys.
select coalesce(sum(day_rows), 0)::bigint as rows,
       encode(sha256(coalesce(string_agg(day_hash, ''::bytea order by day), ''::bytea)), 'hex') as sha256
from (
    select day, count(*) as day_rows,
           sha256(string_agg(sha256(convert_to(line, 'UTF8')), ''::bytea order by line collate "C")) as day_hash
    from (
        select 0 as day,
               row(instrument_id, valid_from at time zone 'UTC', valid_to at time zone 'UTC', symbol, full_name,
                   exchange, asset_class, instrument_type, sector, industry, market_cap_category, country, currency,
                   base_currency, quote_currency, tick_size, lot_size, contract_multiplier, price_precision,
                   quantity_precision, is_active, version, is_current, is_inferred, ends_deleted,
                   effective_date, expiration_date, source_updated_at at time zone 'UTC')::text as line
        from dim_instrument where $1 = 'dim_instrument' and valid_from < valid_to
        union all
        select 0,
               row(account_id, valid_from at time zone 'UTC', valid_to at time zone 'UTC', tenant_id, client_id,
                   account_number, account_name, account_type, broker, currency, risk_tier, is_active, version,
                   is_current, is_inferred, ends_deleted, effective_date, expiration_date,
                   source_updated_at at time zone 'UTC')::text
        from dim_account where $1 = 'dim_account' and valid_from < valid_to
        union all
        select 0,
               row(strategy_id, valid_from at time zone 'UTC', valid_to at time zone 'UTC', strategy_name,
                   strategy_type, strategy_category, risk_tier, strategy_version, is_active, version, is_current,
                   is_inferred, ends_deleted, effective_date, expiration_date,
                   source_updated_at at time zone 'UTC')::text
        from dim_strategy where $1 = 'dim_strategy' and valid_from < valid_to
        union all
        select 0,
               row(client_id, valid_from at time zone 'UTC', valid_to at time zone 'UTC', tenant_id, client_code,
                   client_name, client_type, region, segment, industry, onboard_date, status, version, is_current,
                   is_inferred, ends_deleted, effective_date, expiration_date,
                   source_updated_at at time zone 'UTC')::text
        from dim_client where $1 = 'dim_client' and valid_from < valid_to
        union all
        select 0,
               row(lp_id, valid_from at time zone 'UTC', valid_to at time zone 'UTC', lp_code, lp_name, lp_type,
                   region, tier, is_active, version, is_current, is_inferred, ends_deleted, effective_date,
                   expiration_date,
                   source_updated_at at time zone 'UTC')::text
        from dim_liquidity_provider where $1 = 'dim_liquidity_provider' and valid_from < valid_to
        union all
        select 0,
               row(date_key, date, year, quarter, month, month_name, day_of_month, day_of_week, day_name, week_of_year,
                   iso_year, is_weekend, is_trading_day, is_holiday, holiday_name, fiscal_year, fiscal_quarter,
                   fiscal_month, session_open at time zone 'UTC', session_close at time zone 'UTC')::text
        from dim_date where $1 = 'dim_date'
        union all
        select 0, row(time_key, time, hour, minute, second, time_of_day, market_session)::text
        from dim_time where $1 = 'dim_time'
        union all
        select 0, row(currency, rate_date, rate_to_base, source_updated_at at time zone 'UTC')::text
        from fx_rates where $1 = 'fx_rates'
        union all
        select f.date_key,
               row(f.date_key, f.tenant_id, f.source, f.trade_reference, f.time_key,
                   i.instrument_id, i.valid_from at time zone 'UTC', a.account_id, a.valid_from at time zone 'UTC',
                   s.strategy_id, s.valid_from at time zone 'UTC', c.client_id, c.valid_from at time zone 'UTC',
                   l.lp_id, l.valid_from at time zone 'UTC',
                   f.execution_id, f.order_id, f.execution_timestamp at time zone 'UTC', f.settlement_date, f.side,
                   f.order_type, f.quantity, f.price, f.notional_value, f.commission, f.fees, f.net_amount, f.currency,
                   f.rate_to_base, f.liquidity_flag, f.realized_pnl, f.is_closing, f.execution_venue, f.latency_ms,
                   f.fill_latency_ms, f.fill_count, f.is_partial_fill, f.is_deleted,
                   f.source_updated_at at time zone 'UTC')::text
        from fact_trades f
        join dim_instrument i using (instrument_key)
        join dim_account a using (account_key)
        join dim_strategy s using (strategy_key)
        join dim_client c on c.client_key = f.client_key
        join dim_liquidity_provider l using (lp_key)
        where $1 = 'fact_trades' and f.date_key >= $2::integer and f.date_key < $3::integer + 1
        union all
        select f.date_key,
               row(f.date_key, f.tenant_id, a.account_id, a.valid_from at time zone 'UTC', s.strategy_id,
                   s.valid_from at time zone 'UTC', f.total_trades, f.closing_trades, f.winning_trades,
                   f.losing_trades, f.total_volume, f.total_notional, f.gross_profit, f.gross_loss, f.net_pnl,
                   f.commissions, f.fees, f.win_rate, f.profit_factor, f.sharpe_ratio, f.max_drawdown, f.avg_win,
                   f.avg_loss, f.largest_win, f.largest_loss)::text
        from fact_performance_daily f
        join dim_account a using (account_key)
        join dim_strategy s using (strategy_key)
        where $1 = 'fact_performance_daily' and f.date_key between $2::integer and $3::integer
        union all
        select f.date_key,
               row(f.date_key, f.tenant_id, f.order_id, f.time_key, i.instrument_id, i.valid_from at time zone 'UTC',
                   a.account_id, a.valid_from at time zone 'UTC', s.strategy_id, s.valid_from at time zone 'UTC',
                   c.client_id, c.valid_from at time zone 'UTC', l.lp_id, l.valid_from at time zone 'UTC',
                   f.order_timestamp at time zone 'UTC', f.order_type, f.side, f.final_status, f.requested_quantity,
                   f.filled_quantity, f.fill_rate, f.limit_price, f.avg_fill_price, f.fill_count, f.total_latency_ms,
                   f.routing_latency_ms, f.was_rejected, f.was_cancelled, f.is_deleted,
                   f.source_updated_at at time zone 'UTC')::text
        from fact_orders f
        join dim_instrument i using (instrument_key)
        join dim_account a using (account_key)
        join dim_strategy s using (strategy_key)
        join dim_client c on c.client_key = f.client_key
        join dim_liquidity_provider l using (lp_key)
        where $1 = 'fact_orders' and f.date_key between $2::integer and $3::integer
        union all
        select f.date_key,
               row(f.date_key, f.tenant_id, f.quote_reference, f.time_key, i.instrument_id,
                   i.valid_from at time zone 'UTC', l.lp_id, l.valid_from at time zone 'UTC',
                   f.quote_timestamp at time zone 'UTC', f.bid_price, f.ask_price, f.bid_size, f.ask_size, f.mid_price,
                   f.spread, f.spread_bps, f.is_stale, f.spread_changed, f.sample_weight, f.latency_ms, f.is_deleted,
                   f.source_updated_at at time zone 'UTC')::text
        from fact_quotes f
        join dim_instrument i using (instrument_key)
        join dim_liquidity_provider l using (lp_key)
        where $1 = 'fact_quotes' and f.date_key between $2::integer and $3::integer
        union all
        select f.date_key,
               row(f.date_key, f.tenant_id, f.client_id, f.snapshot_at at time zone 'UTC', f.time_key,
                   c.valid_from at time zone 'UTC', f.utilization_pct, f.soft_breach_count, f.hard_breach_count,
                   f.risk_score, f.is_deleted, f.source_updated_at at time zone 'UTC')::text
        from fact_risk_snapshots f
        join dim_client c using (client_key)
        where $1 = 'fact_risk_snapshots' and f.date_key between $2::integer and $3::integer
        union all
        select f.date_key,
               row(f.date_key, f.tenant_id, f.account_id, f.instrument_id, f.currency, a.valid_from at time zone 'UTC',
                   i.valid_from at time zone 'UTC', f.rate_to_base, f.side, f.quantity, trim_scale(f.total_cost),
                   f.avg_entry_price, f.current_price, f.mark_source, f.mark_at at time zone 'UTC', f.market_value,
                   f.unrealized_pnl, f.realized_pnl, f.total_pnl)::text
        from fact_positions_daily f
        join dim_account a using (account_key)
        join dim_instrument i using (instrument_key)
        where $1 = 'fact_positions_daily' and f.date_key between $2::integer and $3::integer
        union all
        select date_key,
               row(date_key, aggregation_level, tenant_id, client_id, instrument_id, lp_id, trade_date, trade_count,
                   buy_count, sell_count, total_volume, buy_volume, sell_volume, total_notional, total_fees,
                   total_commission, price_currency, avg_price, vwap_price, min_price, max_price, avg_latency_ms,
                   max_latency_ms, is_final, exact_notional, exact_fees, exact_commission, latency_count, latency_sum_ms,
                   price_sum, price_notional)::text
        from agg_daily_trade_summary
        where $1 = 'agg_daily_trade_summary' and date_key between $2::integer and $3::integer
        union all
        select to_char(metric_date, 'YYYYMMDD')::integer,
               row(period_type, metric_date, tenant_id, client_id, period_end, trading_days, total_trades,
                   unique_instruments, total_volume, total_notional, avg_trade_size, total_fees, realized_pnl,
                   avg_utilization, max_utilization, breach_count, risk_score, engagement_score)::text
        from agg_client_metrics
        where $1 = 'agg_client_metrics' and to_char(metric_date, 'YYYYMMDD')::integer between $2::integer and $3::integer
        union all
        select to_char(metric_date, 'YYYYMMDD')::integer,
               row(period_type, metric_date, tenant_id, lp_id, period_end, quote_count, sampled_quotes, avg_spread,
                   avg_spread_bps, quote_availability, avg_latency_ms, trade_count, total_notional, order_count,
                   fill_rate, rejection_count, performance_score, overall_rank)::text
        from agg_lp_performance
        where $1 = 'agg_lp_performance' and to_char(metric_date, 'YYYYMMDD')::integer between $2::integer and $3::integer
        union all
        select m.month_key * 100 + 1,
               row(m.month_key, m.tenant_id, a.account_id, a.valid_from at time zone 'UTC', s.strategy_id,
                   s.valid_from at time zone 'UTC', m.year, m.month, m.trading_days, m.total_trades, m.winning_trades,
                   m.total_volume, m.net_pnl, m.commissions, m.fees, m.win_rate, m.sharpe_ratio, m.max_drawdown,
                   m.best_day_pnl, m.worst_day_pnl)::text
        from agg_performance_monthly m
        join dim_account a using (account_key)
        join dim_strategy s using (strategy_key)
        where $1 = 'agg_performance_monthly' and m.month_key * 100 + 1 between $2::integer and $3::integer
        union all
        select date_key,
               row(date_key, source, tenant_id, account_id, strategy_id, client_id, instrument_id, quantity,
                   trim_scale(total_cost))::text
        from etl_open_positions
        where $1 = 'etl_open_positions' and date_key between $2::integer and $3::integer
        union all
        select date_key,
               row(date_key, source, tenant_id, account_id, strategy_id, client_id, instrument_id, lot_no, quantity,
                   trim_scale(cost), executed_at, trade_reference)::text
        from etl_open_lots
        where $1 = 'etl_open_lots' and date_key between $2::integer and $3::integer
        union all
        select coalesce(to_char(business_date, 'YYYYMMDD')::integer, 0), row(source_table, record_id, rules)::text
        from etl_quarantine
        where $1 = 'etl_quarantine' and resolved_at is null
          and (business_date is null or to_char(business_date, 'YYYYMMDD')::integer between $2::integer and $3::integer)
    ) lines
    group by day
) days;

-- name: total
-- $1 the lines "table rows sha256" of the tables, in order.
select encode(sha256(convert_to($1, 'UTF8')), 'hex');
