-- What real prints need beside themselves (ops/source_import.c). Instants come as microseconds since 1970-01-01 UTC.

-- name: next_file
select coalesce(max(file_number), 0) + 1 from sample_imports

-- name: file_seen
select coalesce((select file_name from sample_imports where checksum = $1::text), '')

-- name: insert_file
insert into sample_imports (file_number, file_name, format, checksum, first_id, rows)
values ($1::integer, $2::text, $3::text, $4::text, $5::bigint, $6::bigint)

-- name: insert_client
insert into clients (client_id, tenant_id, client_code, name, client_type, region, segment, industry, status, updated_at)
values ($1::uuid, $2::uuid, 'IMPORT', 'Imported Prints', 'INSTITUTION', 'AMER', 'INSTITUTIONAL', 'Markets', 'ACTIVE',
        timestamptz 'epoch' + $3::bigint * interval '1 microsecond')
on conflict do nothing

-- name: insert_account
insert into accounts (account_id, tenant_id, client_id, account_number, account_name, account_type, broker, currency,
                      risk_tier, is_active, updated_at)
values ($1::integer, $2::uuid, $3::uuid, 'IMP-' || $1::integer, 'Import Account ' || $1::integer, 'PROPRIETARY',
        'Broker North', 'USD', 'MEDIUM', true, timestamptz 'epoch' + $4::bigint * interval '1 microsecond')
on conflict do nothing

-- name: insert_strategy
insert into strategies (strategy_id, strategy_name, strategy_type, strategy_category, risk_tier, version, is_active,
                        updated_at)
values ($1::integer, 'Import Strategy ' || $1::integer, 'MARKET_MAKING', 'QUANTITATIVE', 'MEDIUM', 1, true,
        timestamptz 'epoch' + $2::bigint * interval '1 microsecond')
on conflict do nothing

-- name: find_instrument
select instrument_id from instruments where exchange = $1::text and symbol = $2::text order by instrument_id limit 1

-- name: insert_instrument
insert into instruments (instrument_id, symbol, name, exchange, asset_class, instrument_type, country, currency,
                         base_currency, quote_currency, contract_multiplier, is_active, updated_at)
select greatest(9000, max(instrument_id)) + 1, $2::text, $2::text || ' at ' || $1::text, $1::text, $3::text, $4::text,
       $5::text, $6::text, $7::text, $8::text, 1, true, timestamptz 'epoch' + $9::bigint * interval '1 microsecond'
from instruments
returning instrument_id
