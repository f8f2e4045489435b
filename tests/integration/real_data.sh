#!/usr/bin/env bash
# The real sets, each in a warehouse of its own with its own TAPEMILL_HISTORY_START: every print arrives, sums are exactly
# equal on both sides per instrument and day, a second load writes nothing, and every figure derived is what `tapemill verify`
# comes to.
. "$(dirname "$0")/../support/servers.sh"
need_test_data crypto_binance/trades_20240808.csv.zst
binance=$DATA
need_test_data us_equity_taq/trades_raw_2018-01-02_03.csv.zst
taq=$DATA
servers_up

# load FORMAT FILE FIRST LAST: a fresh source and warehouse, import, backfill
load() {
    local name=$1 file=$2 first=$3 last=$4
    databases_create "real_$name"
    export TAPEMILL_HISTORY_START=$first
    tapemill migrate >/dev/null
    tapemill source init >/dev/null
    tapemill source import --format "$name" "$file" >"$TEST_DIR/import-$name.log" 2>&1 || fail "$(cat "$TEST_DIR/import-$name.log")"
    start_scheduler TAPEMILL_SCHEDULER_TICK_MS=50
    scheduler=$STARTED_PID
    start_worker
    worker_a=$STARTED_PID
    start_worker
    worker_b=$STARTED_PID
    tapemill backfill daily_load --from "$first" --to "$last" --wait >"$TEST_DIR/backfill-$name.log" 2>&1 ||
        fail "$(cat "$TEST_DIR/backfill-$name.log")"
}

unload() {
    stop_process "$worker_a"
    stop_process "$worker_b"
    stop_process "$scheduler"
}

# Both sides, per instrument and day, as exact decimal text without trailing zeros.
source_sums() {
    sql source "select instrument_id, to_char(executed_at at time zone 'America/New_York', 'YYYYMMDD'), count(*),
                       trim_scale(sum(quantity)), trim_scale(sum(quantity * price))
                from executions where status <> 'CANCELLED' group by 1, 2 order by 1, 2"
}
warehouse_sums() {
    sql warehouse "select instrument_id, date_key, count(*), trim_scale(sum(quantity)), trim_scale(sum(notional_value))
                   from fact_trades join dim_instrument using (instrument_key) where not is_deleted
                   group by 1, 2 order by 1, 2"
}

check_set() {
    local name=$1 live=$2 cancelled=$3
    assert_equal "$live" "$(sql warehouse 'select count(*) from fact_trades where not is_deleted')" "$name: live facts"
    assert_equal "$cancelled" "$(sql warehouse 'select count(*) from fact_trades where is_deleted')" "$name: cancelled prints"
    assert_equal "0|0" "$(sql warehouse "select coalesce(sum(records_failed), 0), coalesce(sum(skipped), 0) from etl_job_runs")" \
        "$name: quarantined and skipped"
    assert_equal "$(source_sums)" "$(warehouse_sums)" "$name: sums per instrument and day"
    assert_equal 0 "$(sql warehouse 'select count(*) from fact_trades where not is_deleted and realized_pnl is null')" \
        "$name: facts without P&L"
    assert_equal t "$(sql warehouse 'select count(*) > 0 from fact_performance_daily')" "$name: performance rows exist"
}

# Every date again: nothing is written, the fingerprint stays.
check_rerun() {
    local name=$1 first=$2 last=$3 before
    before=$(tapemill fingerprint)
    tapemill backfill daily_load --from "$first" --to "$last" --reprocess completed --wait >"$TEST_DIR/again-$name.log" 2>&1 ||
        fail "$(cat "$TEST_DIR/again-$name.log")"
    assert_equal "$before" "$(tapemill fingerprint)" "$name: the fingerprint after a second load"
    assert_equal "0|0|0" "$(sql warehouse "select sum(inserted), sum(updated), sum(removed) from etl_job_runs r
        join etl_jobs j on j.id = r.job_id where j.backfill_id = (select max(id) from etl_backfills)")" \
        "$name: rows written by a second load"
}

# What follows from the facts is what other routes come to.
check_figures() {
    local name=$1 first=$2 last=$3 subject
    tapemill enqueue refresh_aggregates --wait >"$TEST_DIR/refresh-$name.log" 2>&1 || fail "$(cat "$TEST_DIR/refresh-$name.log")"
    wait_until_sql 60 "$name: what was dirty is computed" warehouse \
        "select count(*) from etl_jobs where state in ('queued', 'retry', 'running')" 0
    for subject in aggregates pnl positions; do
        tapemill verify $subject --from "$first" --to "$last" >"$TEST_DIR/verify-$name" 2>&1 ||
            fail "$name, $subject: $(tail -n 20 "$TEST_DIR/verify-$name")"
        [ "$(awk '$1 ~ /^(fact|agg|etl)_/ { gsub(",", ""); dirty += $5; figures += $3 } END { print dirty + 0, (figures > 0) }' \
            "$TEST_DIR/verify-$name")" = '0 1' ] || fail "$name, $subject: $(tail -n 20 "$TEST_DIR/verify-$name")"
    done
}

load binance "$binance" 2024-08-08 2024-08-08
check_set binance 51252 0
check_rerun binance 2024-08-08 2024-08-08
check_figures binance 2024-08-08 2024-08-08
unload

load taq "$taq" 2018-01-02 2018-01-03
check_set taq 77261 2
check_rerun taq 2018-01-02 2018-01-03
check_figures taq 2018-01-02 2018-01-03
unload
