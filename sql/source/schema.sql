-- The tables of a sample source (OLTP), as the extraction queries in sql/extract/ see them. psql runs this file too.
--
-- Only ids and updated_at are guarded: a real source lets bad rows through, and the loads must cope with every one of
-- them. Numbers have no declared precision for the same reason. A missing side, a NaN price, a foreign id that no table
-- knows: all of them fit.

-- name: create_tables utility
create table instruments (
    instrument_id       integer primary key,
    symbol              text,
    name                text,
    exchange            text,
    asset_class         text,
    instrument_type     text,
    sector              text,
    industry            text,
    market_cap_category text,
    country             text,
    currency            text,
    base_currency       text,
    quote_currency      text,
    tick_size           numeric,
    lot_size            numeric,
    contract_multiplier numeric,
    price_precision     smallint,
    quantity_precision  smallint,
    is_active           boolean,
    updated_at          timestamptz not null
);

create table accounts (
    account_id     integer primary key,
    tenant_id      uuid,
    client_id      uuid,
    account_number text,
    account_name   text,
    account_type   text,
    broker         text,
    currency       text,
    risk_tier      text,
    is_active      boolean,
    updated_at     timestamptz not null
);

create table strategies (
    strategy_id       integer primary key,
    strategy_name     text,
    strategy_type     text,
    strategy_category text,
    risk_tier         text,
    version           integer,
    is_active         boolean,
    updated_at        timestamptz not null
);

create table clients (
    client_id    uuid primary key,
    tenant_id    uuid,
    client_code  text,
    name         text,
    client_type  text,
    region       text,
    segment      text,
    industry     text,
    onboard_date date,
    status       text,
    updated_at   timestamptz not null
);

create table liquidity_providers (
    lp_id      uuid primary key,
    code       text,
    name       text,
    type       text,
    region     text,
    tier       text,
    is_active  boolean,
    updated_at timestamptz not null
);

-- Latencies are milliseconds.
create table orders (
    order_id           bigint primary key,
    tenant_id          uuid,
    client_id          uuid,
    account_id         integer,
    strategy_id        integer,
    instrument_id      integer,
    lp_id              uuid,
    order_type         text,
    side               text,
    status             text, -- PENDING, PARTIAL, FILLED, CANCELLED, REJECTED
    requested_quantity numeric,
    filled_quantity    numeric,
    limit_price        numeric,
    avg_fill_price     numeric,
    fill_count         integer,
    total_latency_ms   numeric,
    routing_latency_ms numeric,
    created_at         timestamptz,
    updated_at         timestamptz not null
);

create table executions (
    execution_id    bigint primary key,
    order_id        bigint,
    account_id      integer,
    instrument_id   integer,
    executed_at     timestamptz,
    reported_at     timestamptz,
    side            text,
    quantity        numeric,
    price           numeric,
    commission      numeric,
    fees            numeric,
    liquidity_flag  text,
    execution_venue text,
    status          text, -- NEW, CORRECTED, CANCELLED
    updated_at      timestamptz not null
);

-- trade_date is the instant of the execution.
create table trades (
    trade_id        bigint primary key,
    tenant_id       uuid,
    trade_date      timestamptz,
    settlement_date date,
    client_id       uuid,
    instrument_id   integer,
    lp_id           uuid,
    trade_reference text,
    order_id        bigint,
    side            text,
    order_type      text,
    quantity        numeric,
    price           numeric,
    fees            numeric,
    currency        text,
    execution_venue text,
    fill_latency_ms numeric,
    fill_count      integer,
    is_partial_fill boolean,
    status          text, -- NEW, CORRECTED, CANCELLED
    updated_at      timestamptz not null
);

create table quotes (
    quote_id       bigint primary key,
    tenant_id      uuid,
    lp_id          uuid,
    instrument_id  integer,
    quoted_at      timestamptz,
    bid            numeric,
    ask            numeric,
    bid_size       numeric,
    ask_size       numeric,
    is_stale       boolean,
    spread_changed boolean,
    latency_ms     numeric,
    updated_at     timestamptz not null
);

create table positions (
    position_id     bigint primary key,
    tenant_id       uuid,
    client_id       uuid,
    account_id      integer,
    instrument_id   integer,
    quantity        numeric,
    side            text, -- LONG, SHORT
    avg_entry_price numeric,
    current_price   numeric,
    market_value    numeric,
    unrealized_pnl  numeric,
    realized_pnl    numeric,
    opened_at       timestamptz,
    closed_at       timestamptz,
    updated_at      timestamptz not null
);

create table risk_snapshots (
    tenant_id         uuid,
    client_id         uuid not null,
    snapshot_at       timestamptz not null,
    utilization_pct   numeric,
    soft_breach_count integer,
    hard_breach_count integer,
    risk_score        numeric,
    updated_at        timestamptz not null,
    primary key (client_id, snapshot_at)
);

-- One unit of currency is worth rate_to_base units of the base currency.
create table fx_rates (
    rate_date    date not null,
    currency     text not null,
    rate_to_base numeric,
    updated_at   timestamptz not null,
    primary key (currency, rate_date)
);

-- name: create_indexes utility
create index idx_instruments_updated on instruments (updated_at);
create index idx_accounts_updated on accounts (updated_at);
create index idx_strategies_updated on strategies (updated_at);
create index idx_clients_updated on clients (updated_at);
create index idx_liquidity_providers_updated on liquidity_providers (updated_at);
create index idx_orders_created on orders (created_at);
create index idx_orders_updated on orders (updated_at);
create index idx_executions_executed on executions (executed_at);
create index idx_executions_updated on executions (updated_at);
create index idx_executions_order on executions (order_id);
create index idx_trades_date on trades (trade_date);
create index idx_trades_updated on trades (updated_at);
create index idx_quotes_quoted on quotes (quoted_at);
create index idx_quotes_updated on quotes (updated_at);
create index idx_positions_updated on positions (updated_at);
create index idx_risk_snapshots_updated on risk_snapshots (updated_at);
create index idx_fx_rates_updated on fx_rates (updated_at);

-- Beside the source's tables: what was put into them. No extraction reads these.
-- name: create_sample_tables utility
create table if not exists sample_summary (
    position   integer not null,
    table_name text not null,
    what       text not null,
    outcome    text not null,
    rows       bigint not null,
    primary key (table_name, what)
);
create table if not exists sample_settings (
    name  text primary key,
    value text not null
);
create table if not exists sample_imports (
    file_number integer primary key,
    file_name   text not null,
    format      text not null,
    checksum    text not null unique,
    first_id    bigint not null, -- a print's execution id is first_id + its row in the file, 1 being the first print
    rows        bigint not null
);
create table if not exists sample_breaks ( -- positions that hold more than their executions come to, below 0: are shorter
    account_id    integer not null,
    instrument_id integer not null,
    excess        numeric not null,
    primary key (account_id, instrument_id)
);
