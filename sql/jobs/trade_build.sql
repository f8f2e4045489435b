-- Building a leaf of fact_trades in bulk. Names come from jobs/partition.c, bounds too. See jobs/trade_build.c.

-- name: leaf_exists
-- $1 the leaf, $2 the month's parent: a month that was folded has a leaf for all of its days.
select to_regclass($1) is not null or to_regclass($2 || '_all') is not null

-- name: copy
-- FREEZE: nobody sees the table before the commit, and no vacuum need visit it afterwards.
select format('copy %I (date_key, source, time_key, instrument_key, account_key, strategy_key, client_key, lp_key, tenant_id, '
              'trade_reference, execution_id, order_id, execution_timestamp, settlement_date, side, order_type, quantity, '
              'price, notional_value, commission, fees, net_amount, currency, rate_to_base, liquidity_flag, '
              'execution_venue, latency_ms, fill_latency_ms, fill_count, is_partial_fill, is_deleted, source_updated_at, '
              'etl_run_id, realized_pnl, is_closing) from stdin (format binary, freeze)', $1::text)

-- name: savepoint utility
savepoint build

-- name: give_up utility
rollback to savepoint build

-- name: copy_findings utility
copy stage_issues (record_id, business_date, issues, record_data) from stdin (format binary)

-- name: stands_elsewhere
-- Whether a trade of the leaf stands on one of these dates too.
select format('select exists (select from %I s join fact_trades f on f.tenant_id = s.tenant_id and f.source = %L '
              'and f.trade_reference = s.trade_reference where f.date_key = any (%L::integer[]))',
              $1::text, $2::text, '{' || $3::text || '}')
