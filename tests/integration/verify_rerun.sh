#!/usr/bin/env bash
# `tapemill verify-rerun` runs a real job twice and leaves nothing behind: every job of a loaded date may run again, and one
# whose extraction says something else each time is caught.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up TAPEMILL_LEASE_SECONDS=20 TAPEMILL_DATES_FROM=2023-12-01 TAPEMILL_DATES_YEARS_AHEAD=1
export TAPEMILL_HISTORY_START=2024-01-02
tapemill migrate >/dev/null
tapemill source generate --seed 4 --rows 60 --client-rows 40 --quotes 50 --from 2024-01-02 --days 3 >/dev/null 2>&1
start_scheduler
start_worker
tapemill backfill daily_load --from 2024-01-02 --to 2024-01-04 --wait >"$TEST_DIR/backfill.txt" 2>&1 ||
    fail "$(tail -n 3 "$TEST_DIR/backfill.txt")"
wait_until_quiet
before=$(tapemill fingerprint) jobs=$(sql warehouse "select count(*), max(id) from etl_jobs")

mapfile -t dated < <(sql warehouse "select distinct job_name from etl_jobs where business_date = '2024-01-03' order by 1")
[ "${#dated[@]}" -ge 4 ] || fail "daily_load has only ${dated[*]}"
for job in "${dated[@]}"; do
    tapemill verify-rerun "$job" --date 2024-01-03 >"$TEST_DIR/rerun" 2>&1 || fail "$job: $(cat "$TEST_DIR/rerun")"
    assert_contains "$(cat "$TEST_DIR/rerun")" 'neither run changed anything' "$job again"
done
for job in sync_dimensions sync_fx_rates load_changed_executions load_changed_trades load_changed_orders; do
    tapemill verify-rerun $job >"$TEST_DIR/rerun" 2>&1 || fail "$job: $(cat "$TEST_DIR/rerun")"
done

# A first run that has something to do: the second has nothing left.
sql source "update trades set price = price + 1, updated_at = updated_at + interval '9 days'
            where (trade_date at time zone 'America/New_York')::date = '2024-01-03'"
tapemill verify-rerun load_trades --date 2024-01-03 >"$TEST_DIR/rerun" || fail "$(cat "$TEST_DIR/rerun")"
grep -qE '^fact_trades .* changed +same$' "$TEST_DIR/rerun" || fail "$(cat "$TEST_DIR/rerun")"

# Another price at every look.
mkdir "$TEST_DIR/extract"
sed 's/t\.price::numeric/(t.price + (random() * 1000)::integer)::numeric/; s/t\.updated_at::/clock_timestamp()::/' \
    "$TAPEMILL_ROOT/sql/extract/trades.sql" >"$TEST_DIR/extract/trades.sql"
code=0
TAPEMILL_EXTRACT_DIR=$TEST_DIR/extract tapemill verify-rerun load_trades --date 2024-01-03 >"$TEST_DIR/rerun" 2>&1 || code=$?
assert_equal 1 $code "exit code of a job that is not idempotent: $(cat "$TEST_DIR/rerun")"
assert_contains "$(cat "$TEST_DIR/rerun")" 'load_trades is not idempotent' "a job with another price at every look"

# What needs more than a transaction is refused; nothing of all this stays.
code=0
tapemill verify-rerun load_trades --date 2024-06-03 >"$TEST_DIR/rerun" 2>&1 || code=$?
assert_equal 1 $code "exit code for a date that was never loaded"
assert_contains "$(cat "$TEST_DIR/rerun")" 'enqueue the job once' "the remedy"
assert_fails 2 tapemill verify-rerun daily_load --date 2024-01-03
assert_fails 2 tapemill verify-rerun load_trades
assert_equal "$before" "$(tapemill fingerprint)" "the warehouse afterwards"
assert_equal "$jobs" "$(sql warehouse "select count(*), max(id) from etl_jobs")" "jobs afterwards"
