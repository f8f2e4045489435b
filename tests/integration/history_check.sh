#!/usr/bin/env bash
# Every rule of `tapemill history check`: a history of real work is clean; with one event or one row of it changed, the
# checker names just that.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up
export TAPEMILL_LEASE_SECONDS=1 TAPEMILL_HEARTBEAT_MS=200 TAPEMILL_SCHEDULER_TICK_MS=50 TAPEMILL_RETRY_BASE_SECONDS=0 \
    TAPEMILL_RECONCILE_SECONDS=1
history=$TEST_DIR/history
mkdir "$history"

tapemill source generate --seed 8 --from 2024-01-02 --days 1 --rows 10 --client-rows 0 --quotes 0 >/dev/null 2>&1
tapemill migrate >/dev/null
echo '{"schedules": [{"name": "yearly", "cron": "@yearly", "job": "probe", "first": "at_once"}]}' >"$TEST_DIR/schedule.json"
tapemill schedule load "$TEST_DIR/schedule.json" >/dev/null
export TAPEMILL_HISTORY_DIR=$history
start_scheduler
scheduler=$STARTED_PID
start_worker
worker=$STARTED_PID
marked=$(tapemill enqueue probe --arg mark=true --json | sed -n 's/.*"job_ids": \[\([0-9]*\)].*/\1/p')
failing=$(tapemill enqueue probe --arg fail=true --json | sed -n 's/.*"job_ids": \[\([0-9]*\)].*/\1/p')
wait_until_sql 60 "the work is done" warehouse \
    "select count(*) > 2 and bool_and(state in ('done', 'dead')) from etl_jobs" t
stop_process "$worker"
stop_process "$scheduler"
unset TAPEMILL_HISTORY_DIR

warehouse_url=$TAPEMILL_WAREHOUSE_URL
clean=$(tapemill history check "$history") || fail "the history of real work is not clean: $clean"
assert_contains "$clean" "$(sql warehouse 'select count(*) from etl_jobs') jobs in the ledger" "what is checked"
[ "$(grep -c ' 0 violations$' <<<"$clean")" -eq 7 ] || fail "the verdict has not seven lines: $clean"

# A copy of the history in $copy, of the warehouse in a database, to be changed.
doctor_begin() {
    TAPEMILL_WAREHOUSE_URL=$warehouse_url
    copy=$TEST_DIR/doctored
    rm -rf "$copy"
    cp -r "$history" "$copy"
    keeper=$(grep -l ' reserved ' "$copy"/*)
    runner=$(grep -l ' committed ' "$copy"/*)
}

# found DESCRIPTION TEXT: the checker fails, names TEXT, and finds one violation only.
found() {
    assert_fails 1 tapemill history check "$copy"
    assert_contains "$OUTPUT" "$2" "$1"
    assert_contains "$OUTPUT" "breaks invariants ${3:-1} times" "$1: violations"
    echo "found: $1"
}

rows_begin() {
    doctor_begin
    psql -XAtq -v ON_ERROR_STOP=1 "$(servers_url postgres)" -c "drop database if exists doctored" \
        -c "create database doctored template $WAREHOUSE_DATABASE"
    TAPEMILL_WAREHOUSE_URL=$(servers_url doctored)
    sql warehouse "$1"
}
rows_found() {
    rows_begin "$2"
    found "$1" "$3"
}
rows_clean() { # DESCRIPTION SQL: no violation
    rows_begin "$2"
    OUTPUT=$(tapemill history check "$copy") || fail "$1 is held against the history: $OUTPUT"
    echo "not held against it: $1"
}

# events_found DESCRIPTION FILE 'EVENT JOB NUMBER' BEFORE TEXT [VIOLATIONS]: a line is put before that of job $marked
# which has the event BEFORE, at its instant.
events_found() {
    local line
    doctor_begin
    line=$(grep -h " $4 $marked " "$copy"/* | head -n 1)
    echo "$((${line%% *} - 1)) $3" >>"${!2}"
    found "$1" "$5" "${6:-1}"
}

rows_found "an effect is missing" "delete from etl_probes" "job $marked (probe, done) left 0 rows"
rows_found "an effect is doubled" "insert into etl_probes (job_id, run_no) select job_id, run_no from etl_probes" \
    "job $marked (probe, done) left 2 rows"
rows_found "done without a run" "update etl_jobs set state = 'done' where id = $failing" \
    "is done, but 0 of its runs are COMPLETED"
rows_found "a job that is forgotten" "update etl_jobs set state = 'queued' where id = $failing" \
    "job $failing (probe) is still queued"
rows_found "a run that is forgotten" "update etl_job_runs set status = 'RUNNING', completed_at = null
    where run_no = (select max(run_no) from etl_job_runs where job_id = $failing);
    update etl_jobs set attempts = attempts - 1 where id = $failing" "is still RUNNING"
rows_found "a dependency that nobody will meet" "insert into etl_jobs (job_name, job_type, queue, max_attempts, state, pending)
    values ('probe', 'MAINTENANCE', 'live', 1, 'waiting', 1)" "waits for 1 dependencies, but 0 of them are not done"
rows_found "a condition that was met" "insert into etl_conditions (key, met) values ('a', true);
    insert into etl_jobs (job_name, job_type, queue, max_attempts, state, wait_key)
    values ('probe', 'MAINTENANCE', 'live', 1, 'waiting', 'a')" "waits for a, which is met"
rows_found "a step that began too early" "insert into etl_job_dependencies (job_id, depends_on)
    select $marked, id from etl_jobs where id <> $marked order by id desc limit 1" "which it depends on, was"
rows_found "a crash that was charged" "update etl_jobs set attempts = attempts + 1 where id = $marked" \
    "was charged 1 attempts, but 0 of its runs failed"
rows_found "a failure that was not" "update etl_jobs set attempts = attempts - 1 where id = $failing" "I6 a crash is free"
rows_found "a tick without its job" "update etl_schedule_ticks set job_id = 999999
    where tick_at = (select min(tick_at) from etl_schedule_ticks) and job_id is not null
      and schedule = (select min(schedule) from etl_schedule_ticks where job_id is not null)" "has no job"

tick_after="insert into etl_schedule_ticks (schedule, tick_at, status, reason, interval_start, interval_end)
    select schedule, tick_at + interval '1 day', 'skipped', 'missed', tick_at + interval '1 hour', tick_at + interval '1 day'
    from etl_schedule_ticks"
rows_found "a tick that was left out" "$tick_after" "schedule yearly decided nothing between"

rows_clean "a tick by hand of the time before the first own one" \
    "insert into etl_schedule_ticks (schedule, tick_at, status, reason, interval_start, interval_end)
    select schedule, at, 'enqueued', 'by_hand', at - interval '1 hour', at
    from (select schedule, interval_start - interval '1 year' as at from etl_schedule_ticks) before"
rows_clean "a schedule that was taken out and came back" "insert into etl_schedule_versions (effective_from, origin)
    select tick_at + interval '1 minute', 'a test' from etl_schedule_ticks; $tick_after"

doctor_begin
sed -i "/ committing $marked /d" "$runner"
found "a commit that the history does not have" "job $marked (probe): its run with fence 1 is COMPLETED, but the history lacks"
doctor_begin
mkdir "$copy/none"
mv "$copy"/*.* "$copy/none"
head -n 1 "$(grep -l ' reserved ' "$copy"/none/*)" >"$copy/worker.1.1"
rm -r "$copy/none"
completed=$(sql warehouse "select count(*) from etl_job_runs where status = 'COMPLETED'")
[ "$completed" -ge 2 ] || fail "only $completed runs are COMPLETED"
found "a history that is missing" "but the history lacks its commit" "$completed"
tapemill history check "$copy" --from-job 1000000 >/dev/null || fail "jobs before --from-job are held against the history"

events_found "a commit that the ledger does not have" runner "committed $marked 99" acknowledging \
    "fence 99 committed, but the ledger does not have it"
events_found "a stale writer" runner "taken_over $marked 50" committing "a run with fence 1 committed although fence 50"
events_found "two holders" runner "claimed $marked 1" committing "while the run with fence 1 held it"
events_found "a claim that the ledger does not have" runner "claimed $marked 5" committing \
    "was claimed with fence 5, but the ledger has no such run" 2
events_found "an early acknowledgement" keeper "acknowledging $marked 0" committing "was acknowledged before it was over"
events_found "a job that the ledger lost" runner "claimed 999999 1" committing \
    "job 999999 is in the history, but not in the ledger"

doctor_begin
tick=$(grep -h ' tick ' "$copy"/* | head -n 1)
echo "$tick" >>"$runner"
found "a tick made twice" "made its tick at"
doctor_begin
echo "1 tick 1 1000000 never" >>"$runner"
found "a tick that the ledger does not have" "schedule never made a tick"

doctor_begin
redis_command hset "{$TAPEMILL_NAMESPACE}:jobs" "$marked" "live 1" >/dev/null
found "a job that Redis still holds" "Redis holds job $marked, which is done"
redis_flush

# What is no history.
doctor_begin
printf '%s' "999 comm" >>"$runner"
tapemill history check "$copy" >/dev/null || fail "a line that a kill cut off is held against the history"
doctor_begin
sed -i '1s/[^ ]*$/another-boot/' "$runner"
assert_fails 1 tapemill history check "$copy"
assert_contains "$OUTPUT" "is of another boot" "histories of two boots"
doctor_begin
echo "nonsense" >>"$runner"
assert_fails 1 tapemill history check "$copy"
assert_contains "$OUTPUT" "is no event: \"nonsense\"" "a line that is no event"
doctor_begin
echo "1 sneezed 1 1" >>"$runner"
assert_fails 1 tapemill history check "$copy"
assert_contains "$OUTPUT" "does not know: \"sneezed\"" "an event of another version"
mkdir "$TEST_DIR/empty"
assert_fails 1 tapemill history check "$TEST_DIR/empty"
assert_contains "$OUTPUT" "did the processes have TAPEMILL_HISTORY_DIR" "an empty folder"

# A folder that cannot be written to is a warning, not a failure.
OUTPUT=$(TAPEMILL_HISTORY_DIR=$TEST_DIR/nowhere tapemill enqueue probe 2>&1)
assert_contains "$OUTPUT" "enqueued probe" "enqueue without a history"
assert_contains "$OUTPUT" "no history is written" "the warning"
