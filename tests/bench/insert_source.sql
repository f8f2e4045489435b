-- The alternative has the source in the same database: its tables, without rows.
create schema source;
create table source.executions (
    execution_id bigint, order_id bigint, account_id integer, instrument_id integer, executed_at timestamptz,
    reported_at timestamptz, side text, quantity numeric, price numeric, commission numeric, fees numeric,
    liquidity_flag text, execution_venue text, status text, updated_at timestamptz
);
create table source.orders (
    order_id bigint primary key, tenant_id uuid, client_id uuid, account_id integer, strategy_id integer,
    instrument_id integer, lp_id uuid, order_type text, side text, status text, requested_quantity numeric,
    filled_quantity numeric, limit_price numeric, avg_fill_price numeric, fill_count integer, total_latency_ms numeric,
    routing_latency_ms numeric, created_at timestamptz, updated_at timestamptz
);
