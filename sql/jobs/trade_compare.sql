-- The facts of a flow and day as they stand, for the rows of an extraction to be compared with. See jobs/trade_compare.h.

-- name: facts
-- $1 date_key, $2 source. The columns are those of a staged row from time_key on, in its order.
select format('select trade_key, source_lsn is null, time_key, instrument_key, account_key, strategy_key, client_key, lp_key, '
              'tenant_id, trade_reference, execution_id, order_id, execution_timestamp, settlement_date, side, order_type, '
              'quantity, price, notional_value, commission, fees, net_amount, currency, rate_to_base, liquidity_flag, '
              'execution_venue, latency_ms, fill_latency_ms, fill_count, is_partial_fill, is_deleted, source_updated_at '
              'from fact_trades where date_key = %1$s and source = %2$L order by execution_timestamp, %3$s',
              $1::integer, $2::text, case $2 when 'DESK' then 'execution_id' else 'trade_reference' end)

-- name: memory utility
-- Of this connection alone; a leaf that was built is in order already.
set work_mem = '64MB'
