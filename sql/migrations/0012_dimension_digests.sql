-- A digest of the attributes of each version, so that a full comparison of a dimension with its source reads sixteen bytes of a
-- member and not all that is known of it. The source computes the same of its rows: attributes in the order of the table in
-- jobs/dimension.c. hash_record_extended gives numbers that are equal by value the same digest, and is NULL-safe.

alter table dim_instrument
    add column state_digest bigint not null generated always as (hash_record_extended(row(
        symbol, full_name, exchange, asset_class, instrument_type, sector, industry, market_cap_category, country,
        currency, base_currency, quote_currency, tick_size, lot_size, contract_multiplier, price_precision,
        quantity_precision, is_active), 0)) stored;

alter table dim_account
    add column state_digest bigint not null generated always as (hash_record_extended(row(
        tenant_id, client_id, account_number, account_name, account_type, broker, currency, risk_tier,
        is_active), 0)) stored;

alter table dim_strategy
    add column state_digest bigint not null generated always as (hash_record_extended(row(
        strategy_name, strategy_type, strategy_category, risk_tier, strategy_version, is_active), 0)) stored;

alter table dim_client
    add column state_digest bigint not null generated always as (hash_record_extended(row(
        tenant_id, client_code, client_name, client_type, region, segment, industry, onboard_date, status), 0)) stored;

alter table dim_liquidity_provider
    add column state_digest bigint not null generated always as (hash_record_extended(row(
        lp_code, lp_name, lp_type, region, tier, is_active), 0)) stored;
