#!/usr/bin/env bash
# Loads of consecutive dates overlap: each stands on the closing books that the one before published ahead of its commit,
# and books its P&L on the way in. Whatever becomes of the load that published them, the end is that of a serial run.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up TAPEMILL_LEASE_SECONDS=10
first=2024-01-04 # a Thursday: a weekend without a row lies in the middle
second=2024-01-05 last=2024-01-09 days=6
export TAPEMILL_DATES_FROM=$first
# Only the desk's loads have the hundred rows that load.extracting takes.
tapemill source generate --seed 5 --from $first --days $days --rows 300 --client-rows 60 --quotes 0 --dirty 0 \
    >/dev/null 2>&1
for table in executions trades; do
    sql source "update $table set quantity = -quantity where ${table%s}_id % 50 = 7"
done
warehouse_prepare $first 0

# serial NAME: what comes of the source as it is now, loaded date after date in one process; in $expected
serial() {
    local offset
    warehouse_fresh "$1"
    for ((offset = 0; offset < days; offset++)); do
        tapemill enqueue daily_load --date "$(date -u -d "$first + $offset days" +%F)" >/dev/null
    done
    run_queued_undisturbed
    expected=$(print_of_all)
}

# begin NAME ARGUMENTS...: a fresh warehouse, a scheduler and two workers for it, and a backfill of all dates
processes=()
begin() {
    local process
    for process in "${processes[@]}"; do
        stop_process "$process"
    done
    warehouse_fresh "$1"
    redis_flush
    start_scheduler
    processes=("$STARTED_PID")
    start_supervised worker
    processes+=("$STARTED_PID")
    start_supervised worker
    processes+=("$STARTED_PID")
    tapemill backfill daily_load "${@:2}" --from $first --to $last --parallel 3 >/dev/null
}

# ends_as_serial DESCRIPTION: every date is closed, nothing waits or was left behind, and the facts are the expected ones
ends_as_serial() {
    wait_until_sql 120 "$1: the backfill completes" warehouse "select string_agg(state, ' ') from etl_backfills" completed
    wait_until_quiet
    assert_equal 0 "$(sql warehouse "select count(*) from etl_jobs where state <> 'done'")" "$1: jobs that are not done"
    assert_equal "$days" "$(sql warehouse "select count(*) from etl_conditions where key like 'pnl:%' and met")" \
        "$1: closed dates"
    assert_equal '0 0' "$(sql warehouse "select (select count(*) from etl_books_ahead) || ' ' ||
                                                (select count(*) from etl_books_ahead_positions)")" "$1: published books"
    assert_equal "$expected" "$(print_of_all)" "$1: the fingerprint"
    echo "as a serial run: $1"
}

# job_is JOB DATE STATE: the state, and the condition that is waited for
job_is() {
    wait_until_sql 60 "$1 of $2 is $3" warehouse "select concat_ws(' ', state, wait_key) from etl_jobs
        where job_name = '$1' and business_date = '$2' order by id desc limit 1" "$3"
}

job_id() {
    sql warehouse "select id from etl_jobs where job_name = '$1' and business_date = '$2' order by id desc limit 1"
}

# Facts that realized_pnl booked: over what their load had booked, or because it had not.
rebooked() {
    sql warehouse "select coalesce(sum(updated), 0) from etl_job_runs where job_name = 'realized_pnl'"
}

# The first date's load stands still in the middle of its rows, and the second's waits for its books.
stop_first_load() {
    arm load.extracting stop
    begin "$@"
    wait_until_hit load.extracting
    job_is load_executions $first running
    job_is load_executions $second 'waiting ahead:DESK:20240104'
    wait_until_sql 60 "all else is done or waits" warehouse \
        "select count(*) from etl_jobs where state in ('queued', 'retry', 'running')" 1
}

serial serial
assert_equal 0 "$(rebooked)" "facts that the serial run booked twice"
[ "$(sql warehouse "select count(*) from etl_quarantine")" -gt 10 ] || fail "no row of the sample is quarantined"

# ---- a load waits until the books before it are known, and then not for their commit

stop_first_load overlap
assert_equal 3 "$(sql warehouse "select count(distinct business_date) from etl_jobs")" \
    "dates under way: those whose loads wait for books to come hold their places"
arm load.published stop
runner=$HIT_PID
kill -CONT "$runner"
wait_until_hit load.published
assert_equal "$runner" "$HIT_PID" "the run that published its books"
job_is load_executions $second 'done'
job_is load_executions $first running
assert_equal '0 CANCELLED, COMPLETED' "$(sql warehouse "
    select j.attempts || ' ' || string_agg(r.status, ', ' order by r.run_no)
    from etl_jobs j join etl_job_runs r on r.job_id = j.id
    where j.id = $(job_id load_executions $second) group by j.attempts")" \
    "attempts charged to the load that waited, and its runs"
kill -CONT "$runner"
ends_as_serial "overlapping loads, with quarantined rows and a weekend without any"
assert_equal 0 "$(rebooked)" "facts that were booked twice, though their loads overlapped"
assert_equal $((2 * days)) "$(sql warehouse "select count(*) from etl_booked_on")" "flows and dates that loads booked"

# ---- nothing is waited for that will not come: the load is cancelled, or dies

stop_first_load cancelled
job=$(job_id load_executions $first)
tapemill cancel "$job" >/dev/null
job_is load_executions $second 'done'
kill -CONT "$HIT_PID" 2>/dev/null || true # unless its keeper has ended it, as it does with runners of cancelled jobs
tapemill dead retry "$job" >/dev/null
ends_as_serial "a load that was cancelled while the next one waited for its books"

stop_first_load dead
job=$(job_id load_executions $first)
arm runner.begun kill
runner=$HIT_PID
arm load.extracting kill
kill -KILL "$runner"
job_is load_executions $first dead
job_is load_executions $second 'done'
tapemill dead retry "$job" >/dev/null
ends_as_serial "a load that died while the next one waited for its books"

# ---- from the last date to the first: no load is ahead of its books, so none waits for any

begin backwards --backwards
ends_as_serial "a backfill from its last date to its first"
assert_equal 0 "$(sql warehouse "select count(*) from etl_job_runs where job_type = 'ETL' and job_name like 'load%'
                                 and status <> 'COMPLETED'")" "loads that waited in a backfill backwards"

# ---- what was published turns out wrong: the source changes before the killed load is run again

stop_first_load corrected
arm load.published stop
kill -CONT "$HIT_PID"
wait_until_hit load.published
job_is load_executions $second 'done'
sql source "update executions set price = price + 1, updated_at = updated_at + interval '10 days'
            where (executed_at at time zone 'America/New_York')::date = '$first' and execution_id % 3 = 0"
kill -KILL "$HIT_PID"
wait_until_sql 120 "the backfill completes" warehouse "select string_agg(state, ' ') from etl_backfills" completed
[ "$(rebooked)" -gt 0 ] || fail "no fact was booked again, though its load stood on books that came to nothing"
serial corrected_serial
warehouse_use corrected
ends_as_serial "a load that stood on books that came to nothing"

# ---- and the load that published is merged after all, because a trade has moved to the next date meanwhile

stop_first_load merged
sql source "update executions set executed_at = executed_at + interval '1 day', updated_at = updated_at + interval '20 days'
            where (executed_at at time zone 'America/New_York')::date = '$first' and execution_id % 7 = 0 and quantity > 0"
arm load.published stop
kill -CONT "$HIT_PID"
wait_until_hit load.published
job_is load_executions $second 'done'
kill -CONT "$HIT_PID"
wait_until_sql 120 "the backfill completes" warehouse "select string_agg(state, ' ') from etl_backfills" completed
[ "$(rebooked)" -gt 0 ] || fail "no fact was booked by realized_pnl, though a day was merged"
serial merged_serial
warehouse_use merged
ends_as_serial "a load that published its books and was merged then"
