-- What a desk stakes money on: orders, quotes, risk snapshots and positions as facts, FIFO lots, aggregates, the dirty log
-- by target, views. Signs and units are those of docs/numbers.md. Every sum over several trades is in base currency.

-- ---- dirty log -----------------------------------------------------------------------------------------------------

-- Which derived rows follow from which kind of change. One row of etl_dirty_buckets is written per target.
--   trades     live rows of fact_trades came, went or changed in other columns than realised P&L
--   realized   realised P&L of fact_trades changed
--   orders, quotes, risk, performance (fact_performance_daily)
create table etl_dirty_targets (
    change text not null,
    target text not null,
    primary key (change, target)
);
insert into etl_dirty_targets (change, target) values
    ('trades', 'performance'), ('realized', 'performance'),
    ('trades', 'summary'),
    ('trades', 'positions'), ('realized', 'positions'), ('quotes', 'positions'),
    ('performance', 'performance_risk'), ('performance', 'performance_monthly'),
    ('trades', 'client_metrics:DAILY'), ('realized', 'client_metrics:DAILY'), ('risk', 'client_metrics:DAILY'),
    ('trades', 'client_metrics:WEEKLY'), ('realized', 'client_metrics:WEEKLY'), ('risk', 'client_metrics:WEEKLY'),
    ('trades', 'client_metrics:MONTHLY'), ('realized', 'client_metrics:MONTHLY'), ('risk', 'client_metrics:MONTHLY'),
    ('trades', 'client_metrics:QUARTERLY'), ('realized', 'client_metrics:QUARTERLY'), ('risk', 'client_metrics:QUARTERLY'),
    ('trades', 'client_metrics:YEARLY'), ('realized', 'client_metrics:YEARLY'), ('risk', 'client_metrics:YEARLY'),
    ('trades', 'lp_performance:DAILY'), ('quotes', 'lp_performance:DAILY'), ('orders', 'lp_performance:DAILY'),
    ('trades', 'lp_performance:WEEKLY'), ('quotes', 'lp_performance:WEEKLY'), ('orders', 'lp_performance:WEEKLY'),
    ('trades', 'lp_performance:MONTHLY'), ('quotes', 'lp_performance:MONTHLY'), ('orders', 'lp_performance:MONTHLY'),
    ('trades', 'lp_performance:QUARTERLY'), ('quotes', 'lp_performance:QUARTERLY'), ('orders', 'lp_performance:QUARTERLY'),
    ('trades', 'lp_performance:YEARLY'), ('quotes', 'lp_performance:YEARLY'), ('orders', 'lp_performance:YEARLY');

-- The run inserted rows and did nothing else to the date: they are those with its number as etl_run_id.
alter table etl_dirty_buckets add column is_insert_only boolean not null default false;
create index on etl_dirty_buckets (date_key);

-- Dates whose aggregates were published: they passed the gate, their rows are final.
create table etl_published_days (
    date_key     integer primary key,
    published_at timestamptz not null default now(),
    run_no       bigint not null
);

-- ---- facts ---------------------------------------------------------------------------------------------------------
-- Partitioned by month; a month is a leaf. Natural ids that stand in a key stand in the fact too, so that a row keeps its
-- identity when a corrected history moves it to another version of a member.

create sequence fact_orders_order_fact_key_seq;

-- One order that reached a final state, on the business date of its creation.
create table fact_orders (
    order_fact_key      bigint not null default nextval('fact_orders_order_fact_key_seq'),
    date_key            integer not null references dim_date,
    time_key            integer not null references dim_time,
    instrument_key      integer not null references dim_instrument,
    account_key         integer not null references dim_account,
    strategy_key        integer not null references dim_strategy,
    client_key          integer not null references dim_client,
    lp_key              integer not null references dim_liquidity_provider,
    tenant_id           uuid not null,
    order_id            bigint not null,
    order_timestamp     timestamptz not null,   -- created_at of the source
    order_type          text,
    side                text check (side in ('BUY', 'SELL')),
    final_status        text not null check (final_status in ('FILLED', 'CANCELLED', 'REJECTED')),
    requested_quantity  numeric(28,8) not null check (requested_quantity > 0 and requested_quantity <> 'NaN'),
    filled_quantity     numeric(28,8) not null check (filled_quantity >= 0 and filled_quantity <> 'NaN'),
    fill_rate           numeric(38,16) not null check (fill_rate <> 'NaN'), -- filled / requested
    limit_price         numeric(28,8) check (limit_price <> 'NaN'),
    avg_fill_price      numeric(28,8) check (avg_fill_price <> 'NaN'),
    fill_count          bigint not null default 0 check (fill_count >= 0),
    total_latency_ms    numeric(20,3) check (total_latency_ms <> 'NaN'),
    routing_latency_ms  numeric(20,3) check (routing_latency_ms <> 'NaN'),
    was_rejected        boolean not null,
    was_cancelled       boolean not null,
    is_deleted          boolean not null default false,
    source_updated_at   timestamptz not null,
    source_lsn          pg_lsn,
    etl_run_id          bigint not null,
    loaded_at           timestamptz not null default now(),
    primary key (order_fact_key, date_key),
    unique (order_id, tenant_id, date_key),
    check (was_rejected = (final_status = 'REJECTED')),
    check (was_cancelled = (final_status = 'CANCELLED'))
) partition by range (date_key);
alter sequence fact_orders_order_fact_key_seq owned by fact_orders.order_fact_key;
create index idx_fact_orders_date on fact_orders (date_key, time_key);
create index idx_fact_orders_instrument on fact_orders (instrument_key);
create index idx_fact_orders_account on fact_orders (account_key);
create index idx_fact_orders_strategy on fact_orders (strategy_key);
create index idx_fact_orders_lp on fact_orders (lp_key);
create index idx_fact_orders_run on fact_orders (etl_run_id);

create sequence fact_quotes_quote_key_seq;

-- One sampled quote. sample_weight: how many quotes it stands for, 10 where one in ten was kept, 1 where every one was.
create table fact_quotes (
    quote_key         bigint not null default nextval('fact_quotes_quote_key_seq'),
    date_key          integer not null references dim_date,
    time_key          integer not null references dim_time,
    instrument_key    integer not null references dim_instrument,
    lp_key            integer not null references dim_liquidity_provider,
    tenant_id         uuid not null,
    quote_reference   text collate "C" not null check (quote_reference <> ''), -- the quote's id, or a hash of its payload
    quote_timestamp   timestamptz not null,
    bid_price         numeric(28,8) not null check (bid_price > 0 and bid_price <> 'NaN'),
    ask_price         numeric(28,8) not null check (ask_price > 0 and ask_price <> 'NaN'),
    bid_size          numeric(28,8) check (bid_size <> 'NaN'),
    ask_size          numeric(28,8) check (ask_size <> 'NaN'),
    mid_price         numeric(38,9) not null check (mid_price * 2 = bid_price + ask_price),
    spread            numeric(28,8) not null check (spread = ask_price - bid_price),
    spread_bps        numeric(38,16) not null,    -- (ask - bid) / bid x 10,000
    is_stale          boolean not null,
    spread_changed    boolean not null,
    sample_weight     smallint not null check (sample_weight in (1, 10)),
    latency_ms        numeric(20,3) check (latency_ms <> 'NaN'),
    is_deleted        boolean not null default false,
    source_updated_at timestamptz not null,
    source_lsn        pg_lsn,
    etl_run_id        bigint not null,
    loaded_at         timestamptz not null default now(),
    primary key (quote_key, date_key),
    unique (tenant_id, quote_reference, date_key),
    check ((sample_weight = 1) = spread_changed)
) partition by range (date_key);
alter sequence fact_quotes_quote_key_seq owned by fact_quotes.quote_key;
create index idx_fact_quotes_date on fact_quotes (date_key, time_key);
create index idx_fact_quotes_instrument on fact_quotes (instrument_key, quote_timestamp);
create index idx_fact_quotes_lp on fact_quotes (lp_key);
create index idx_fact_quotes_run on fact_quotes (etl_run_id);

create sequence fact_risk_snapshots_risk_key_seq;

create table fact_risk_snapshots (
    risk_key          bigint not null default nextval('fact_risk_snapshots_risk_key_seq'),
    date_key          integer not null references dim_date,
    time_key          integer not null references dim_time,
    client_key        integer not null references dim_client,
    tenant_id         uuid not null,
    client_id         uuid not null,
    snapshot_at       timestamptz not null,
    utilization_pct   numeric(28,8) check (utilization_pct <> 'NaN'),
    soft_breach_count bigint not null check (soft_breach_count >= 0),
    hard_breach_count bigint not null check (hard_breach_count >= 0),
    risk_score        numeric(28,8) check (risk_score <> 'NaN'),
    is_deleted        boolean not null default false,
    source_updated_at timestamptz not null,
    source_lsn        pg_lsn,
    etl_run_id        bigint not null,
    loaded_at         timestamptz not null default now(),
    primary key (risk_key, date_key),
    unique (client_id, snapshot_at, tenant_id, date_key)
) partition by range (date_key);
alter sequence fact_risk_snapshots_risk_key_seq owned by fact_risk_snapshots.risk_key;
create index idx_fact_risk_date on fact_risk_snapshots (date_key, time_key);
create index idx_fact_risk_client on fact_risk_snapshots (client_key);
create index idx_fact_risk_run on fact_risk_snapshots (etl_run_id);

create sequence fact_positions_daily_position_key_seq;

-- The desk's positions at the end of a business date by account and instrument, rebuilt from fills, all strategies of the
-- account together. In the instrument's currency, and with the rate to the base currency. A position that was closed on
-- the date stands with quantity 0 and its realised P&L.
create table fact_positions_daily (
    position_key       bigint not null default nextval('fact_positions_daily_position_key_seq'),
    date_key           integer not null references dim_date,
    tenant_id          uuid not null,
    account_key        integer not null references dim_account,
    instrument_key     integer not null references dim_instrument,
    account_id         integer,
    instrument_id      integer not null,
    currency           text not null check (currency ~ '^[A-Z]{3}$'),
    rate_to_base       numeric(28,12) check (rate_to_base > 0 and rate_to_base <> 'NaN'),
    side               text not null check (side in ('LONG', 'SHORT', 'FLAT')),
    quantity           numeric(38,8) not null,    -- signed: short below 0
    total_cost         numeric not null,          -- multiplier included, signed as the quantity
    avg_entry_price    numeric(48,16),            -- total_cost / (quantity x multiplier); NULL when flat
    current_price      numeric(28,8) check (current_price > 0 and current_price <> 'NaN'), -- the mark; NULL without one
    mark_source        text,
    mark_at            timestamptz,
    market_value       numeric(58,16),            -- quantity x mark x multiplier
    unrealized_pnl     numeric(58,16),            -- market_value - total_cost
    realized_pnl       numeric(48,8) not null,    -- of this date
    total_pnl          numeric(58,16) not null, -- realized_pnl and what is known of unrealized_pnl
    etl_run_id         bigint not null,
    loaded_at          timestamptz not null default now(),
    primary key (position_key, date_key),
    unique nulls not distinct (tenant_id, account_id, instrument_id, currency, date_key),
    check (side = case sign(quantity) when 1 then 'LONG' when -1 then 'SHORT' else 'FLAT' end),
    check ((avg_entry_price is null) = (quantity = 0)),
    check ((current_price is null) = (market_value is null) or quantity = 0)
) partition by range (date_key);
alter sequence fact_positions_daily_position_key_seq owned by fact_positions_daily.position_key;
create index idx_fact_positions_account on fact_positions_daily (account_key);
create index idx_fact_positions_instrument on fact_positions_daily (instrument_key);
create index idx_fact_positions_date on fact_positions_daily (date_key);

-- The last known price of an instrument at the end of a business date: see docs/numbers.md for the rule.
create table etl_marks (
    date_key      integer not null,
    instrument_id integer not null,
    currency      text not null,
    price         numeric(28,8) not null check (price > 0 and price <> 'NaN'),
    mark_source   text not null check (mark_source in ('TRADE', 'QUOTE')),
    mark_at       timestamptz not null,
    primary key (date_key, instrument_id, currency)
);

-- Findings that stand until what they tell of is gone (jobs/standing.c): one open finding of each thing.
create unique index etl_dq_issues_standing on etl_data_quality_issues (source_table, rule_name, record_id, business_date)
    where resolved_at is null and source_table in ('fact_positions_daily', 'latest_positions');

-- Latest states of the source's rows that have one, whatever state that is.
create table latest_orders (
    order_id           bigint primary key,
    tenant_id          uuid,
    client_id          uuid,
    account_id         integer,
    strategy_id        integer,
    instrument_id      integer,
    lp_id              uuid,
    order_type         text,
    side               text,
    status             text not null,
    requested_quantity numeric,
    filled_quantity    numeric,
    limit_price        numeric,
    avg_fill_price     numeric,
    fill_count         bigint,
    total_latency_ms   numeric,
    routing_latency_ms numeric,
    created_at         timestamptz,
    date_key           integer,          -- business date of created_at
    source_updated_at  timestamptz not null,
    source_lsn         pg_lsn,
    etl_run_id         bigint not null
);
create index on latest_orders (date_key);
create table latest_positions (
    position_id       bigint primary key,
    tenant_id         uuid,
    client_id         uuid,
    account_id        integer,
    instrument_id     integer,
    quantity          numeric not null,  -- signed: short below 0
    side              text,
    avg_entry_price   numeric,
    current_price     numeric,
    market_value      numeric,
    unrealized_pnl    numeric,
    realized_pnl      numeric,
    opened_at         timestamptz,
    closed_at         timestamptz,
    source_updated_at timestamptz not null,
    source_lsn        pg_lsn,
    etl_run_id        bigint not null
);
create index on latest_positions (account_id, instrument_id);

-- ---- lots of FIFO books --------------------------------------------------------------------------------------------

-- What FIFO books carry beside quantity and total_cost, which are the sums of their lots: what is left of each fill that
-- opened something, oldest first. cost carries the contract multiplier, and both the sign of the book.
create table etl_open_lots (
    date_key        integer not null,
    source          text not null check (source in ('DESK', 'CLIENT')),
    tenant_id       uuid not null,
    account_id      integer,
    strategy_id     integer,
    client_id       uuid,
    instrument_id   integer not null,
    lot_no          integer not null check (lot_no > 0), -- place in the queue, 1 is the oldest
    quantity        numeric(38,8) not null check (quantity <> 0),
    cost            numeric not null,
    executed_at     timestamptz not null,                -- of the fill that opened it
    trade_reference text collate "C" not null,
    unique nulls not distinct (date_key, source, tenant_id, account_id, strategy_id, client_id, instrument_id, lot_no)
);

-- The same of books that loads in flight have published (etl_books_ahead).
create table etl_books_ahead_lots (
    date_key        integer not null,
    source          text not null,
    tenant_id       uuid not null,
    account_id      integer,
    strategy_id     integer,
    client_id       uuid,
    instrument_id   integer not null,
    lot_no          integer not null,
    quantity        numeric(38,8) not null,
    cost            numeric not null,
    executed_at     timestamptz not null,
    trade_reference text collate "C" not null
);
create index on etl_books_ahead_lots (date_key, source);

-- What holds for the whole warehouse and was decided once.
create table etl_settings (
    name  text primary key,   -- "pnl_method": the method by which the stored books were computed
    value text not null
);
-- Until now there was one method.
insert into etl_settings (name, value)
select 'pnl_method', 'average'
where exists (select from etl_conditions where split_part(key, ':', 1) in ('pnl', 'booked')) or exists (select from etl_open_positions);

-- ---- aggregates ----------------------------------------------------------------------------------------------------

-- Live trades of a business date, both flows, at five levels. Notional, fees and commission in base currency. Prices only
-- where one instrument is meant (INSTRUMENT, CLIENT_INSTRUMENT) and its trades are in one currency: price_currency. A column
-- that the level does not speak of is NULL, and so is the id of the Unknown member; unique all the same. The last columns are
-- what the figures follow from, unrounded, so that new trades can be added to a row; prices in price_currency. Rows are
-- updated in place, again and again over a day: their pages leave room for that.
create table agg_daily_trade_summary (
    tenant_id         uuid not null,
    trade_date        date not null,
    date_key          integer not null references dim_date,
    aggregation_level text not null check (aggregation_level in
                          ('TENANT', 'CLIENT', 'INSTRUMENT', 'LP', 'CLIENT_INSTRUMENT')),
    client_id         uuid,
    instrument_id     integer,
    lp_id             uuid,
    trade_count       bigint not null check (trade_count > 0),
    buy_count         bigint not null,
    sell_count        bigint not null,
    total_volume      numeric(48,8) not null,
    buy_volume        numeric(48,8) not null,
    sell_volume       numeric(48,8) not null,
    total_notional    numeric(58,16) not null,
    total_fees        numeric(48,8) not null,
    total_commission  numeric(48,8) not null,
    price_currency    text,
    avg_price         numeric(48,16),
    vwap_price        numeric(48,16),
    min_price         numeric(28,8),
    max_price         numeric(28,8),
    avg_latency_ms    numeric(38,16),
    max_latency_ms    numeric(20,3),
    is_final          boolean not null default false,
    etl_run_id        bigint not null,
    created_at        timestamptz not null default now(),
    updated_at        timestamptz not null default now(),
    exact_notional    numeric(90,28) not null default 0,
    exact_fees        numeric(80,20) not null default 0,
    exact_commission  numeric(80,20) not null default 0,
    latency_count     bigint not null default 0,
    latency_sum_ms    numeric(48,3) not null default 0,
    price_sum         numeric(60,8),
    price_notional    numeric(60,16),
    unique nulls not distinct (date_key, aggregation_level, tenant_id, client_id, instrument_id, lp_id),
    check (buy_count + sell_count = trade_count),
    check (buy_volume + sell_volume = total_volume)
) with (fillfactor = 75);

-- Clients by period. metric_date is the first date of the period, period_end its last. Sums in base currency.
create table agg_client_metrics (
    tenant_id          uuid not null,
    client_id          uuid not null,
    period_type        text not null check (period_type in ('DAILY', 'WEEKLY', 'MONTHLY', 'QUARTERLY', 'YEARLY')),
    metric_date        date not null,
    period_end         date not null,
    trading_days       bigint not null,
    total_trades       bigint not null,
    unique_instruments bigint not null,
    total_volume       numeric(48,8) not null,
    total_notional     numeric(58,16) not null,
    avg_trade_size     numeric(58,16),           -- notional per trade; NULL without trades
    total_fees         numeric(48,8) not null,
    realized_pnl       numeric(48,8) not null,
    avg_utilization    numeric(38,16),           -- NULL without risk snapshots
    max_utilization    numeric(28,8),
    breach_count       bigint not null,
    risk_score         numeric(38,16),
    engagement_score   numeric(20,16) not null,
    etl_run_id         bigint not null,
    created_at         timestamptz not null default now(),
    updated_at         timestamptz not null default now(),
    primary key (period_type, metric_date, tenant_id, client_id)
);

-- Liquidity providers by period. Shares and the score are in 0..1. quote_count is estimated from the sample's weights.
create table agg_lp_performance (
    tenant_id              uuid not null,
    lp_id                  uuid not null,
    period_type            text not null check (period_type in ('DAILY', 'WEEKLY', 'MONTHLY', 'QUARTERLY', 'YEARLY')),
    metric_date            date not null,
    period_end             date not null,
    quote_count            bigint not null,
    sampled_quotes         bigint not null,
    avg_spread             numeric(38,16),
    avg_spread_bps         numeric(38,16),
    quote_availability     numeric(20,16),
    avg_latency_ms         numeric(38,16),
    trade_count            bigint not null,
    total_notional         numeric(58,16) not null,
    order_count            bigint not null,
    fill_rate              numeric(20,16),       -- NULL without orders
    rejection_count        bigint,               -- NULL without orders
    performance_score      numeric(20,16),
    overall_rank           bigint not null,      -- per tenant and period, equal scores share it
    etl_run_id             bigint not null,
    created_at             timestamptz not null default now(),
    updated_at             timestamptz not null default now(),
    primary key (period_type, metric_date, tenant_id, lp_id)
);

-- A month of fact_performance_daily by account and strategy; keys are the versions valid at the month's end.
create table agg_performance_monthly (
    month_key      integer not null,     -- YYYYMM
    tenant_id      uuid not null,
    account_key    integer not null references dim_account,
    strategy_key   integer not null references dim_strategy,
    year           smallint not null,
    month          smallint not null check (month between 1 and 12),
    trading_days   bigint not null,      -- dates with a row
    total_trades   bigint not null,
    winning_trades bigint not null,
    total_volume   numeric(48,8) not null,
    net_pnl        numeric(48,8) not null,
    commissions    numeric(48,8) not null,
    fees           numeric(48,8) not null,
    win_rate       numeric(20,16),
    sharpe_ratio   numeric(68,16),       -- NULL under 2 days, or without deviation
    max_drawdown   numeric(48,8) not null,
    best_day_pnl   numeric(48,8) not null,
    worst_day_pnl  numeric(48,8) not null,
    etl_run_id     bigint not null,
    loaded_at      timestamptz not null default now(),
    primary key (month_key, tenant_id, account_key, strategy_key),
    check (month_key = year * 100 + month)
);

-- ---- schedules -----------------------------------------------------------------------------------------------------

-- A tick after the end of a period works on the last date that ended: any date of the period names it.
alter table etl_schedules
    drop constraint etl_schedules_dates_check,
    add constraint etl_schedules_dates_check check (dates in ('none', 'to_tick', 'completed', 'last_completed'));
-- However little the days of a series differ, the ratio has room.
alter table fact_performance_daily alter column sharpe_ratio type numeric(68,16);

-- mean / sample standard deviation x sqrt(252) of a series, from its count, its sum and the sum of its squares, rounded once,
-- half away from zero, to 16 decimals; NULL without deviation. Exact: it is the root of a quotient of whole multiples of the
-- sums; twice the figure, in units of the last place and cut off, tells how it rounds; sqrt() is a unit too large at most.
create function sharpe_ratio(observations bigint, total numeric, squares numeric) returns numeric
language sql immutable parallel safe as $$
    select sign(total) * div(root - (root * root > quotient)::integer + 1, 2) * 1e-16
    from (select quotient, trunc(sqrt(quotient)) as root
          from (select div(4e32 * 252 * (observations - 1) * total * total,
                           observations * (observations * squares - total * total)) as quotient
                where observations * squares > total * total) quotients) roots
$$;

-- ---- views ---------------------------------------------------------------------------------------------------------

-- The business date up to which the views look back, and where it ends: one row.
create table as_of (
    singleton boolean primary key default true check (singleton),
    as_of     date not null,
    ends_at   timestamptz not null,
    run_no    bigint
);

-- What the views hold is computed by functions that put the window's date_keys into the statement: so that refreshing them
-- reads, and locks, the months of the window alone, however long the history is. A window ends with as_of and includes it.

-- Strategies over the last so many calendar dates: one row per strategy_id, whatever its versions, and one with NULL for
-- what no strategy is known of. Figures are computed from sums and from the series, none is an average of averages.
create function top_performing_strategies(window_days integer)
returns table (strategy_id integer, strategy_name text, strategy_type text, trading_days bigint, total_pnl numeric(48,8),
               total_trades bigint, winning_trades bigint, win_rate numeric(20,16), profit_factor numeric(58,16),
               sharpe_ratio numeric(38,16), pnl_rank bigint, last_date date)
language plpgsql stable set search_path from current as $function$
begin
    return query execute $query$
        with daily as (
            select s.strategy_id, d.date, d.is_trading_day, sum(f.net_pnl) as net_pnl, sum(f.total_trades) as trades,
                   sum(f.winning_trades) as winners, sum(f.gross_profit) as profit, sum(f.gross_loss) as loss
            from fact_performance_daily f
            join dim_strategy s using (strategy_key)
            join dim_date d using (date_key)
            where f.date_key between $1 and $2
            group by s.strategy_id, d.date, d.is_trading_day
        ), totals as (
            select y.strategy_id, count(*) as days, sum(y.net_pnl) as net_pnl, sum(y.trades)::bigint as trades,
                   sum(y.winners)::bigint as winners, sum(y.profit) as profit, sum(y.loss) as loss,
                   max(y.date) as last_date, count(*) filter (where y.is_trading_day) as n,
                   sum(y.net_pnl) filter (where y.is_trading_day) as series_sum,
                   sum(y.net_pnl * y.net_pnl) filter (where y.is_trading_day) as series_squares
            from daily y
            group by y.strategy_id
        ), members as (
            select distinct on (v.strategy_id) v.strategy_id, v.strategy_name, v.strategy_type
            from dim_strategy v
            where v.valid_from < v.valid_to
            order by v.strategy_id, case when v.valid_from < $3 then v.valid_from end desc nulls last, v.valid_from
        )
        select t.strategy_id, m.strategy_name::text, m.strategy_type::text, t.days, t.net_pnl::numeric(48,8), t.trades,
               t.winners, round(t.winners::numeric(60,40) / nullif(t.trades, 0), 16)::numeric(20,16),
               round(t.profit::numeric(130,80) / nullif(t.loss, 0), 16)::numeric(58,16),
               case when t.n >= 20 and t.n * t.series_squares > t.series_sum * t.series_sum
                    then round(sign(t.series_sum)
                               * sqrt((252 * t.series_sum * t.series_sum * (t.n - 1))::numeric(300,120)
                                      / (t.n * (t.n * t.series_squares - t.series_sum * t.series_sum))), 16)
               end::numeric(38,16),
               rank() over (order by t.net_pnl desc nulls last), t.last_date
        from totals t
        join members m on m.strategy_id is not distinct from t.strategy_id
        $query$
        using (select to_char(a.as_of - window_days + 1, 'YYYYMMDD')::integer from as_of a),
              (select to_char(a.as_of, 'YYYYMMDD')::integer from as_of a), (select a.ends_at from as_of a);
end
$function$;

-- Instruments over the last so many calendar dates, both flows: one row per instrument_id. Notional is in base currency, and
-- NULL if a trade has no rate to it; prices are NULL unless all trades are in one currency.
create function instrument_statistics(window_days integer)
returns table (instrument_id integer, symbol text, exchange text, instrument_type text, trading_days bigint,
               trade_count bigint, total_volume numeric(48,8), price_currency text, avg_price numeric(48,16),
               vwap_price numeric(48,16), min_price numeric(28,8), max_price numeric(28,8),
               price_volatility numeric(48,16), total_notional numeric(58,16), trades_without_rate bigint)
language plpgsql stable set search_path from current as $function$
begin
    return query execute $query$
        with keyed as (
            select f.instrument_key, f.date_key, f.currency, f.rate_to_base as rate, count(*) as trades,
                   sum(f.quantity) as volume, sum(f.notional_value) as notional, sum(f.price) as prices,
                   sum(f.price * f.price) as squares, min(f.price) as lowest, max(f.price) as highest
            from fact_trades f
            where f.date_key >= $1 and f.date_key < $2 + 1 and not f.is_deleted
            group by f.instrument_key, f.date_key, f.currency, f.rate_to_base
        ), totals as (
            select i.instrument_id, count(distinct k.date_key) as days, sum(k.trades) as trades,
                   sum(k.volume) as volume, sum(k.notional) as notional, sum(k.notional * k.rate) as base_notional,
                   sum(k.prices) as prices, sum(k.squares) as squares, min(k.lowest) as lowest,
                   max(k.highest) as highest, min(k.currency) = max(k.currency) as one_currency,
                   min(k.currency) as currency, coalesce(sum(k.trades) filter (where k.rate is null), 0) as without_rate
            from keyed k
            join dim_instrument i using (instrument_key)
            group by i.instrument_id
        ), members as (
            select distinct on (v.instrument_id) v.instrument_id, v.symbol, v.exchange, v.instrument_type
            from dim_instrument v
            where v.valid_from < v.valid_to
            order by v.instrument_id, case when v.valid_from < $3 then v.valid_from end desc nulls last, v.valid_from
        )
        select t.instrument_id, m.symbol::text, m.exchange::text, m.instrument_type::text, t.days, t.trades::bigint,
               t.volume::numeric(48,8), case when t.one_currency then t.currency end,
               case when t.one_currency then round(t.prices::numeric(200,100) / t.trades, 16) end::numeric(48,16),
               case when t.one_currency then round(t.notional::numeric(300,120) / t.volume, 16) end::numeric(48,16),
               case when t.one_currency then t.lowest end::numeric(28,8),
               case when t.one_currency then t.highest end::numeric(28,8),
               case when t.one_currency and t.trades > 1
                    then round(sqrt((t.trades * t.squares - t.prices * t.prices)::numeric(300,120)
                                    / (t.trades * (t.trades - 1))), 16)
               end::numeric(48,16),
               case when t.without_rate = 0 then round(t.base_notional, 16) end::numeric(58,16), t.without_rate::bigint
        from totals t
        join members m on m.instrument_id is not distinct from t.instrument_id
        $query$
        using (select to_char(a.as_of - window_days + 1, 'YYYYMMDD')::integer from as_of a),
              (select to_char(a.as_of, 'YYYYMMDD')::integer from as_of a), (select a.ends_at from as_of a);
end
$function$;

create materialized view mv_top_performing_strategies as select * from top_performing_strategies(30);
create unique index idx_mv_top_strategies on mv_top_performing_strategies (strategy_id) nulls not distinct;

create materialized view mv_instrument_statistics as select * from instrument_statistics(90);
create unique index idx_mv_instrument_stats on mv_instrument_statistics (instrument_id) nulls not distinct;

-- ---- reports -------------------------------------------------------------------------------------------------------

-- What the reports on performance share: daily performance together with what is missing from it, and how a member was
-- called as of an instant.

-- fact_performance_daily by natural ids, and a row without figures for each account and strategy that a missing rate holds
-- back on a date. Whoever adds rows up tells by is_held that a sum would be a part only.
create view report_performance as
select f.date_key, a.account_id, s.strategy_id, f.net_pnl, f.total_trades, f.winning_trades,
       f.commissions + f.fees as costs, false as is_held
from fact_performance_daily f
join dim_account a using (account_key)
join dim_strategy s using (strategy_key)
union all
select distinct date_key, account_id, strategy_id, null::numeric, null::bigint, null::bigint, null::numeric, true
from etl_dirty_buckets
where target = 'performance' and reason = 'fx_rate_missing';

-- The member of an id (null: Unknown) as of an instant, exclusive: the version that began last before it, deleted since or
-- not; else its first, as a member with facts is never without a name.
create function report_account(id integer, before timestamptz) returns setof dim_account
language sql stable rows 1 as $$
    select v.* from dim_account v
    where (v.account_id = id or id is null and v.account_key = 0) and v.valid_from < v.valid_to
    order by case when v.valid_from < before then v.valid_from end desc nulls last, v.valid_from
    limit 1
$$;

create function report_strategy(id integer, before timestamptz) returns setof dim_strategy
language sql stable rows 1 as $$
    select v.* from dim_strategy v
    where (v.strategy_id = id or id is null and v.strategy_key = 0) and v.valid_from < v.valid_to
    order by case when v.valid_from < before then v.valid_from end desc nulls last, v.valid_from
    limit 1
$$;

create function report_instrument(id integer, before timestamptz) returns setof dim_instrument
language sql stable rows 1 as $$
    select v.* from dim_instrument v
    where (v.instrument_id = id or id is null and v.instrument_key = 0) and v.valid_from < v.valid_to
    order by case when v.valid_from < before then v.valid_from end desc nulls last, v.valid_from
    limit 1
$$;

