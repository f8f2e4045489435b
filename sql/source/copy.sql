-- COPY statements of the sample source's loader; the columns in the order in which ops/source_*.c write them.
-- Positions are not copied: insert_positions in sql/source/sample.sql derives them.

-- name: instruments utility
copy instruments (instrument_id, symbol, name, exchange, asset_class, instrument_type, sector, industry,
    market_cap_category, country, currency, base_currency, quote_currency, tick_size, lot_size, contract_multiplier,
    price_precision, quantity_precision, is_active, updated_at) from stdin (format binary)

-- name: accounts utility
copy accounts (account_id, tenant_id, client_id, account_number, account_name, account_type, broker, currency,
    risk_tier, is_active, updated_at) from stdin (format binary)

-- name: strategies utility
copy strategies (strategy_id, strategy_name, strategy_type, strategy_category, risk_tier, version, is_active,
    updated_at) from stdin (format binary)

-- name: clients utility
copy clients (client_id, tenant_id, client_code, name, client_type, region, segment, industry, onboard_date, status,
    updated_at) from stdin (format binary)

-- name: liquidity_providers utility
copy liquidity_providers (lp_id, code, name, type, region, tier, is_active, updated_at) from stdin (format binary)

-- name: orders utility
copy orders (order_id, tenant_id, client_id, account_id, strategy_id, instrument_id, lp_id, order_type, side,
    status, requested_quantity, filled_quantity, limit_price, avg_fill_price, fill_count, total_latency_ms,
    routing_latency_ms, created_at, updated_at) from stdin (format binary)

-- name: executions utility
copy executions (execution_id, order_id, account_id, instrument_id, executed_at, reported_at, side, quantity, price,
    commission, fees, liquidity_flag, execution_venue, status, updated_at) from stdin (format binary)

-- name: trades utility
copy trades (trade_id, tenant_id, trade_date, settlement_date, client_id, instrument_id, lp_id, trade_reference,
    order_id, side, order_type, quantity, price, fees, currency, execution_venue, fill_latency_ms, fill_count,
    is_partial_fill, status, updated_at) from stdin (format binary)

-- name: quotes utility
copy quotes (quote_id, tenant_id, lp_id, instrument_id, quoted_at, bid, ask, bid_size, ask_size, is_stale,
    spread_changed, latency_ms, updated_at) from stdin (format binary)

-- name: risk_snapshots utility
copy risk_snapshots (tenant_id, client_id, snapshot_at, utilization_pct, soft_breach_count, hard_breach_count,
    risk_score, updated_at) from stdin (format binary)

-- name: fx_rates utility
copy fx_rates (rate_date, currency, rate_to_base, updated_at) from stdin (format binary)
