-- Facts. Root table, month parents, leaves; there is no default partition, so that a row outside is an error with a name.
-- Month parents are made ahead of time (jobs/partition.c). A leaf of fact_trades holds one flow of one day, made by its
-- first load, which builds it in bulk beside the table (jobs/trade_build.c).

create sequence fact_trades_trade_key_seq;

create table fact_trades (
    trade_key           bigint not null default nextval('fact_trades_trade_key_seq'),
    date_key            integer not null references dim_date,
    time_key            integer not null references dim_time,
    instrument_key      integer not null references dim_instrument,
    account_key         integer not null references dim_account,
    strategy_key        integer not null references dim_strategy,
    client_key          integer not null references dim_client,
    lp_key              integer not null references dim_liquidity_provider,
    tenant_id           uuid not null,
    source              text not null check (source in ('DESK', 'CLIENT')),
    trade_reference     text collate "C" not null check (trade_reference <> ''),
    execution_id        bigint,
    order_id            bigint,
    execution_timestamp timestamptz not null,
    settlement_date     date,
    side                text not null check (side in ('BUY', 'SELL')),
    order_type          text,
    quantity            numeric(28,8) not null check (quantity > 0 and quantity <> 'NaN'),
    price               numeric(28,8) not null check (price > 0 and price <> 'NaN'),
    notional_value      numeric(48,16) not null check (notional_value = quantity * price),
    commission          numeric(38,8) not null default 0 check (commission <> 'NaN'),
    fees                numeric(38,8) not null default 0 check (fees <> 'NaN'),
    net_amount          numeric(48,16) not null,
    currency            text not null check (currency ~ '^[A-Z]{3}$'),
    rate_to_base        numeric(28,12) check (rate_to_base > 0 and rate_to_base <> 'NaN'),
    liquidity_flag      text,
    realized_pnl        numeric(38,8) check (realized_pnl <> 'NaN'),
    is_closing          boolean,  -- closed something, if only at no gain; known when realized_pnl is
    execution_venue     text,
    latency_ms          numeric(20,3),
    fill_latency_ms     numeric(20,3),
    fill_count          integer not null default 1 check (fill_count >= 0),
    is_partial_fill     boolean not null default false,
    is_deleted          boolean not null default false,
    source_updated_at   timestamptz not null,
    source_lsn          pg_lsn,
    etl_run_id          bigint not null,
    loaded_at           timestamptz not null default now(),
    primary key (trade_key, date_key, source),
    unique (tenant_id, source, trade_reference, date_key),
    check (net_amount = case side when 'BUY' then notional_value + commission + fees
                                  else notional_value - commission - fees end),
    check (not is_deleted or realized_pnl is null),
    check ((is_closing is null) = (realized_pnl is null)),
    check (is_closing or realized_pnl = 0)
) partition by range (date_key);
alter sequence fact_trades_trade_key_seq owned by fact_trades.trade_key;
create index idx_fact_trades_date on fact_trades (date_key, time_key);
create index idx_fact_trades_instrument on fact_trades (instrument_key);
create index idx_fact_trades_account on fact_trades (account_key);
create index idx_fact_trades_strategy on fact_trades (strategy_key);
create index idx_fact_trades_timestamp on fact_trades (execution_timestamp);
create index idx_fact_trades_run on fact_trades (etl_run_id);

create sequence fact_performance_daily_performance_key_seq;

-- One row per (date, account, strategy) of the desk's flow, in base currency. Signs: gross_loss is positive, avg_loss and
-- largest_loss are negative; NULL where there is nothing to tell of.
create table fact_performance_daily (
    performance_key bigint not null default nextval('fact_performance_daily_performance_key_seq'),
    date_key        integer not null references dim_date,
    tenant_id       uuid not null,
    account_key     integer not null references dim_account,
    strategy_key    integer not null references dim_strategy,
    total_trades    bigint not null check (total_trades >= 0),
    closing_trades  bigint not null check (closing_trades >= 0),
    winning_trades  bigint not null check (winning_trades >= 0),
    losing_trades   bigint not null check (losing_trades >= 0),
    total_volume    numeric(48,8) not null,
    total_notional  numeric(58,16) not null,
    gross_profit    numeric(48,8) not null check (gross_profit >= 0),
    gross_loss      numeric(48,8) not null check (gross_loss >= 0),
    net_pnl         numeric(48,8) not null,
    commissions     numeric(48,8) not null,
    fees            numeric(48,8) not null,
    win_rate        numeric(20,16),
    profit_factor   numeric(58,16),
    sharpe_ratio    numeric(38,16),
    max_drawdown    numeric(48,8),
    avg_win         numeric(48,8),
    avg_loss        numeric(48,8),
    largest_win     numeric(48,8),
    largest_loss    numeric(48,8),
    etl_run_id      bigint not null,
    loaded_at       timestamptz not null default now(),
    primary key (performance_key, date_key),
    unique (tenant_id, account_key, strategy_key, date_key),
    check (winning_trades + losing_trades <= closing_trades and closing_trades <= total_trades),
    check (net_pnl = gross_profit - gross_loss - commissions - fees)
) partition by range (date_key);
alter sequence fact_performance_daily_performance_key_seq owned by fact_performance_daily.performance_key;
create index idx_fact_perf_account on fact_performance_daily (account_key);
create index idx_fact_perf_strategy on fact_performance_daily (strategy_key);
create index idx_fact_perf_date on fact_performance_daily (date_key);

-- Books at the close of a day: every book that is not flat, by natural ids. quantity is signed (short below 0),
-- total_cost carries the contract multiplier and the quantity's sign.
create table etl_open_positions (
    date_key      integer not null,
    source        text not null check (source in ('DESK', 'CLIENT')),
    tenant_id     uuid not null,
    account_id    integer,
    strategy_id   integer,
    client_id     uuid,
    instrument_id integer not null,
    quantity      numeric(38,8) not null check (quantity <> 0),
    total_cost    numeric not null,
    unique nulls not distinct (date_key, source, tenant_id, account_id, strategy_id, client_id, instrument_id)
);
