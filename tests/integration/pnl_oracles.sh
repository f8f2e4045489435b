#!/usr/bin/env bash
# Published results (real data): tax reports by FIFO, loaded from the source day after day, disposal by disposal and year by
# year; and a portfolio's positions, cash and returns rebuilt from its transactions, by both methods. How their rows become
# fills, and which have no counterpart, stands in pnl_oracles.py.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
need_test_data oracle_pnl_rp2
reports=$DATA
need_test_data portfolio_pyfolio
portfolio=$DATA
for program in python3 zstd; do
    command -v $program >/dev/null || fail "$program is not installed. Run ops/setup."
done
oracles=$TAPEMILL_ROOT/tests/integration/pnl_oracles.py
servers_up

# ---- a portfolio: the pure calculation

python3 "$oracles" pyfolio fills "$portfolio" >"$TEST_DIR/fills"
for method in average fifo; do
    "$TAPEMILL_TEST_BIN/pnl_replay" $method <"$TEST_DIR/fills" >"$TEST_DIR/$method"
done
python3 "$oracles" pyfolio check "$portfolio" "$TEST_DIR/average" "$TEST_DIR/fifo" || fail "the portfolio does not agree"
# A cent on one fill would be seen.
sed '5000s/^\(-\?[0-9]*\)\./\1.01/' "$TEST_DIR/fifo" >"$TEST_DIR/wrong"
assert_fails 1 python3 "$oracles" pyfolio check "$portfolio" "$TEST_DIR/average" "$TEST_DIR/wrong"

# ---- tax reports: from the source to the facts

export TAPEMILL_PNL_METHOD=fifo TAPEMILL_TIMEZONE=UTC TAPEMILL_HISTORY_START=2024-01-01 TAPEMILL_DATES_FROM=2024-01-01
tapemill migrate >/dev/null
tapemill source init >/dev/null
python3 "$oracles" rp2 fills "$reports" >"$TEST_DIR/executions.csv"
sql source <<END
create temporary table given (execution_id bigint, account_id integer, instrument_id integer, executed_at timestamptz, side text,
                              quantity numeric, price numeric, status text);
\copy given from '$TEST_DIR/executions.csv' (format csv)
insert into instruments (instrument_id, symbol, currency, contract_multiplier, updated_at)
select distinct instrument_id, 'COIN' || instrument_id, 'USD', 1, timestamptz '2024-01-01Z' from given;
insert into accounts (account_id, updated_at) select distinct account_id, timestamptz '2024-01-01Z' from given;
insert into executions (execution_id, account_id, instrument_id, executed_at, side, quantity, price, status, updated_at)
select execution_id, account_id, instrument_id, executed_at, side, quantity, price, status, executed_at from given
END
last=$(sql source "select max(executed_at)::date from executions")
for ((date = 0; date <= ($(date -u -d "$last" +%s) - $(date -u -d 2024-01-01 +%s)) / 86400; date++)); do
    tapemill enqueue daily_load --date "$(date -u -d "2024-01-01 + $date days" +%F)" >/dev/null
done
"$TAPEMILL_TEST_BIN/run_job" --queued >"$TEST_DIR/jobs.log" 2>&1 || fail "$(tail -n 5 "$TEST_DIR/jobs.log")"
facts() {
    sql warehouse "copy (select trade_reference, realized_pnl from fact_trades) to stdout (format csv, header)"
}
facts >"$TEST_DIR/facts.csv"
python3 "$oracles" rp2 check "$reports" "$TEST_DIR/facts.csv" || fail "the tax reports do not agree"
sql warehouse "update fact_trades set realized_pnl = realized_pnl + 0.00000003
               where trade_reference = (select min(trade_reference) from fact_trades where is_closing)"
facts >"$TEST_DIR/facts.csv"
assert_fails 1 python3 "$oracles" rp2 check "$reports" "$TEST_DIR/facts.csv"
