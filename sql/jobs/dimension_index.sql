-- All versions of a dimension that have an instant, in the order the index keeps them: natural id, key, validity, and what
-- the loads take from the version: tenant, client, currency, contract multiplier.

-- name: instrument
select instrument_id, instrument_key, valid_from, valid_to, null::uuid, null::uuid, currency,
       coalesce(contract_multiplier, 1)
from dim_instrument where instrument_id is not null and valid_from < valid_to order by instrument_id, valid_from

-- name: account
select account_id, account_key, valid_from, valid_to, tenant_id, client_id, null::text, null::numeric
from dim_account where account_id is not null and valid_from < valid_to order by account_id, valid_from

-- name: strategy
select strategy_id, strategy_key, valid_from, valid_to, null::uuid, null::uuid, null::text, null::numeric
from dim_strategy where strategy_id is not null and valid_from < valid_to order by strategy_id, valid_from

-- name: client
select client_id, client_key, valid_from, valid_to, tenant_id, null::uuid, null::text, null::numeric
from dim_client where client_id is not null and valid_from < valid_to order by client_id, valid_from

-- name: liquidity_provider
select lp_id, lp_key, valid_from, valid_to, null::uuid, null::uuid, null::text, null::numeric
from dim_liquidity_provider where lp_id is not null and valid_from < valid_to order by lp_id, valid_from
