-- The members of each dimension with the attributes that change (ops/source_member.c), in the generator's order, and the
-- writing back of one that did. Instants come as microseconds since 1970-01-01 UTC.

-- name: select_instruments
select instrument_id::text as id, sector, industry, market_cap_category from instruments order by instrument_id

-- name: update_instruments
update instruments
set sector = $2::text, industry = $3::text, market_cap_category = $4::text,
    updated_at = timestamptz 'epoch' + $5::bigint * interval '1 microsecond'
where instrument_id = $1::integer

-- name: select_accounts
select account_id::text as id, risk_tier, broker, account_type from accounts order by account_id

-- name: update_accounts
update accounts
set risk_tier = $2::text, broker = $3::text, account_type = $4::text,
    updated_at = timestamptz 'epoch' + $5::bigint * interval '1 microsecond'
where account_id = $1::integer

-- name: select_strategies
select strategy_id::text as id, version::text, risk_tier, strategy_category from strategies order by strategy_id

-- name: update_strategies
update strategies
set version = $2::integer, risk_tier = $3::text, strategy_category = $4::text,
    updated_at = timestamptz 'epoch' + $5::bigint * interval '1 microsecond'
where strategy_id = $1::integer

-- name: select_clients
select client_id::text as id, segment, region, industry from clients order by client_code, client_id

-- name: update_clients
update clients
set segment = $2::text, region = $3::text, industry = $4::text,
    updated_at = timestamptz 'epoch' + $5::bigint * interval '1 microsecond'
where client_id = $1::uuid

-- name: select_liquidity_providers
select lp_id::text as id, tier, region from liquidity_providers order by code, lp_id

-- name: update_liquidity_providers
update liquidity_providers
set tier = $2::text, region = $3::text, updated_at = timestamptz 'epoch' + $4::bigint * interval '1 microsecond'
where lp_id = $1::uuid
