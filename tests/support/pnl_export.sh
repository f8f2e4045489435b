# shellcheck shell=bash
# Source it after servers.sh; then pnl_export FOLDER writes what tests/integration/pnl_model.py reads: every desk and client
# fact with what its book goes by, and the books of every close with their lots.
pnl_export() {
    sql warehouse "copy (
        select f.date_key, f.source, f.tenant_id, a.account_id, s.strategy_id, c.client_id, i.instrument_id,
               (extract(epoch from f.execution_timestamp) * 1000000)::bigint as instant_us, f.trade_reference, f.side,
               f.quantity, f.price, coalesce(i.contract_multiplier, 1) as multiplier, f.commission, f.fees,
               f.rate_to_base, f.realized_pnl, f.is_closing, f.is_deleted
        from fact_trades f join dim_instrument i using (instrument_key) join dim_account a using (account_key)
        join dim_strategy s using (strategy_key) join dim_client c on c.client_key = f.client_key
        ) to stdout (format csv, header)" >"$1/facts.csv"
    sql warehouse "copy etl_open_positions to stdout (format csv, header)" >"$1/positions.csv"
    sql warehouse "copy (
        select (extract(epoch from executed_at) * 1000000)::bigint as instant_us, l.* from etl_open_lots l
        ) to stdout (format csv, header)" >"$1/lots.csv"
}
