#!/usr/bin/env bash
# The life of jobs where it is rarely looked at: migrations by several at once, a run that nobody has, give-backs without
# end, jobs cancelled and taken up again, backfills of which every date dies, dates whose clocks were changed at midnight.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up
export TAPEMILL_HISTORY_START=2024-01-02 TAPEMILL_DATES_FROM=2024-01-01
export TAPEMILL_LEASE_SECONDS=1 TAPEMILL_HEARTBEAT_MS=200 TAPEMILL_SCHEDULER_TICK_MS=50 TAPEMILL_RECONCILE_SECONDS=1
export TAPEMILL_RETRY_BASE_SECONDS=0

# enqueue ARGUMENTS...: the ids are in $JOBS, the steps of a pipeline in their order
enqueue() {
    JOBS=($(tapemill enqueue "$@" --json | sed -n 's/.*"job_ids": \[\([0-9, ]*\)].*/\1/p' | tr -d ,))
    [ ${#JOBS[@]} -gt 0 ] || fail "tapemill enqueue $* gave no id"
}

job_becomes() {
    wait_until_sql 30 "$3" warehouse "select state from etl_jobs where id = $1" "$2"
}

# ---- migrations --------------------------------------------------------------------------------------------------

# A worker that meets an older warehouse waits for the migration, and then works.
start_worker
worker=$STARTED_PID
wait_until 20 "the worker says that the warehouse is older" grep -q 'is at version 0, this binary knows' "$STARTED_LOG" ||
    fail "the worker does not say that the warehouse is older"

# Three at once: one applies everything, the two others wait for it and find nothing to do.
start_process holder -- psql -XAtq -v ON_ERROR_STOP=1 "$TAPEMILL_WAREHOUSE_URL" -c "
    do \$hold\$
    declare deadline constant timestamptz := clock_timestamp() + interval '1 minute';
    begin
        perform pg_advisory_xact_lock(hashtextextended('tapemill migrate', 0));
        perform set_config('application_name', 'holder', false);
        loop
            perform pg_sleep(0.01), pg_stat_clear_snapshot();
            exit when (select count(*) from pg_locks where locktype = 'advisory' and not granted) = 3;
            if clock_timestamp() > deadline then raise 'three migrations did not wait for each other'; end if;
        end loop;
    end
    \$hold\$"
holder=$STARTED_PID
wait_until_sql 20 "the holder holds" warehouse "select count(*) from pg_stat_activity where application_name = 'holder'" 1
migrations=() logs=()
for _ in 1 2 3; do
    start_process migrate -- "$TAPEMILL_BIN/tapemill" migrate --schedule "$TAPEMILL_ROOT/tests/support/no_schedule.json"
    migrations+=("$STARTED_PID") logs+=("$STARTED_LOG")
done
for pid in "${migrations[@]}" "$holder"; do
    wait "$pid" || fail "of three migrations at once one failed: $(cat "${logs[@]}" "$TEST_DIR"/holder-*.log)"
done
newest=$(find "$TAPEMILL_ROOT/sql/migrations" -name '*.sql' | wc -l)
assert_equal "$newest" "$(cat "${logs[@]}" | grep -c '^applied ')" "migrations applied by three at once"
assert_equal 2 "$(cat "${logs[@]}" | grep -c "is at version $newest; nothing to do")" "those that found nothing to do"
assert_equal "$newest|$newest" "$(sql warehouse 'select count(*), max(version) from etl_migrations')" "migrations noted"

tapemill enqueue dates --wait >"$TEST_DIR/dates.txt" 2>&1 ||
    fail "the worker does not work after the migration: $(cat "$TEST_DIR/dates.txt")"
stop_process "$worker"

saved=$(sql warehouse 'select checksum from etl_migrations where version = 2')
sql warehouse "update etl_migrations set checksum = 'another' where version = 2"
for arguments in migrate jobs; do
    assert_fails 1 tapemill $arguments
    assert_contains "$OUTPUT" 'sql/migrations/0002_dimensions.sql is not the text that was applied to this warehouse' \
        "tapemill $arguments with a changed migration"
done
sql warehouse "update etl_migrations set checksum = '$saved' where version = 2;
               insert into etl_migrations (version, name, checksum) values (9999, '9999_future', 'x')"
assert_fails 1 tapemill migrate
assert_contains "$OUTPUT" 'is at version 9999, this binary knows' "migrating a newer warehouse"
assert_contains "$OUTPUT" 'install the newer Tapemill' "migrating a newer warehouse"
sql warehouse 'delete from etl_migrations where version = 9999'
echo "migrations"

# ---- a run that nobody has -----------------------------------------------------------------------------------------

# The ledger says running, Redis has the job as ready and does not know that a lease was ever lost.
enqueue partitions
lost=${JOBS[0]}
sql warehouse "
    update etl_jobs set state = 'running', claimed_by = 'gone:1/2', fence = fence + 1, started_at = now() where id = $lost;
    insert into etl_job_runs (job_id, job_name, job_type, status, attempt, fence, worker)
    select id, job_name, job_type, 'RUNNING', 1, fence, claimed_by from etl_jobs where id = $lost"
assert_equal 1 "$(redis_command zcard "{$TAPEMILL_NAMESPACE}:ready:batch")" "jobs that Redis has as ready"
start_worker
worker=$STARTED_PID
start_scheduler
scheduler=$STARTED_PID
job_becomes "$lost" done "the job whose run nobody has is done"
assert_equal 'LOST gone:1/2, COMPLETED' "$(sql warehouse "
    select string_agg(status || case status when 'LOST' then ' ' || worker else '' end, ', ' order by run_no)
    from etl_job_runs where job_id = $lost")" "its runs"
stop_process "$scheduler"
stop_process "$worker"
echo "a run that nobody has"

# ---- given back without end ----------------------------------------------------------------------------------------

give_back() {
    sql warehouse "update etl_jobs set run_after = now() where id = $1"
    TAPEMILL_SOURCE_URL=postgresql://127.0.0.1:1/gone "$TAPEMILL_TEST_BIN/run_job" --queued >>"$TEST_DIR/given-back.txt" 2>&1 ||
        true
}
alerts() {
    sql warehouse "select count(*) from etl_alerts where cause = 'stuck:$1'"
}

enqueue sync_fx_rates
for _ in 1 2 3 4 5 6 7 8 9; do
    give_back "${JOBS[0]}"
done
assert_equal 'queued|9|0' "$(sql warehouse "select state, returns, attempts from etl_jobs where id = ${JOBS[0]}")" \
    "a job given back nine times"
assert_equal 0 "$(alerts sync_fx_rates)" "alerts after nine times"
for _ in 10 11 12; do
    give_back "${JOBS[0]}"
done
assert_equal 12 "$(sql warehouse "select returns from etl_jobs where id = ${JOBS[0]}")" "times given back"
assert_equal 1 "$(alerts sync_fx_rates)" "alerts after twelve times"
assert_contains "$(sql warehouse "select title, body from etl_alerts where cause = 'stuck:sync_fx_rates'")" \
    'Job sync_fx_rates was given back 10 times in a row' "the alert"
tapemill cancel "${JOBS[0]}" >/dev/null
echo "given back"

# ---- cancelled, then tried again -----------------------------------------------------------------------------------

run_queued() {
    "$TAPEMILL_TEST_BIN/run_job" --queued >>"$TEST_DIR/queued.txt" || fail "run_job --queued: $(tail -n 3 "$TEST_DIR/queued.txt")"
}

# What it depends on is done by the time it is tried again.
enqueue pnl_forward --date 2024-01-02
tapemill cancel "${JOBS[1]}" >/dev/null
run_queued
assert_equal 'done|cancelled' "$(sql warehouse "select (select state from etl_jobs where id = ${JOBS[0]}),
                                                      (select state from etl_jobs where id = ${JOBS[1]})")" "the two steps"
assert_equal "job ${JOBS[1]} is queued again" "$(tapemill dead retry "${JOBS[1]}")" "a retry"
run_queued
job_becomes "${JOBS[1]}" done "a job that was cancelled while its dependency was finished runs"

# It is not.
enqueue pnl_forward --date 2024-01-03
tapemill cancel "${JOBS[1]}" >/dev/null
assert_equal "job ${JOBS[1]} waits again: jobs that it depends on are not done" "$(tapemill dead retry "${JOBS[1]}")" \
    "a retry before its dependency is done"
run_queued
job_becomes "${JOBS[1]}" done "it runs once its dependency is done"
redis_flush
echo "cancelled and retried"

# ---- a backfill of which every date dies ---------------------------------------------------------------------------

backfill_is() {
    wait_until_sql 60 "$2" warehouse "select state from etl_backfills where id = $BACKFILL" "$1"
}
backfill() {
    BACKFILL=$(tapemill backfill "$@" --json | sed -n 's/.*"backfill_id": \([0-9]*\).*/\1/p')
    [ -n "$BACKFILL" ] || fail "tapemill backfill $* gave no id"
}
dates_taken() {
    sql warehouse "select count(distinct business_date) from etl_jobs where backfill_id = $BACKFILL"
}

sql warehouse "update etl_jobs set state = 'cancelled' where state in ('queued', 'waiting', 'retry')"
start_worker
worker=$STARTED_PID
start_scheduler
scheduler=$STARTED_PID
backfill load_executions --from 2024-02-01 --to 2024-02-20 --parallel 2 # the source has no tables
backfill_is failed "a backfill of which every date dies is failed"
taken=$(dates_taken)
[ "$taken" -ge 10 ] && [ "$taken" -le 12 ] || fail "with 10 dead jobs and 2 places $taken dates were taken"
assert_equal "2024-02-$((taken + 1))" "$(sql warehouse "select next_date from etl_backfills where id = $BACKFILL")" \
    "its next date"
# Tried again in vain, one of them dies again: that lets it take a date or two more.
tapemill dead retry "$(sql warehouse "select min(id) from etl_jobs where backfill_id = $BACKFILL")" >/dev/null
backfill_is failed "it is failed again"
[ "$(dates_taken)" -le $((taken + 2)) ] || fail "one retry in vain, and $(dates_taken) dates were taken in place of $taken"
taken=$(dates_taken)
tapemill source init >/dev/null
tapemill dead retry --all >"$TEST_DIR/retry.txt"
assert_equal "$taken" "$(grep -c 'is queued again' "$TEST_DIR/retry.txt")" "jobs that are tried again"
backfill_is completed "the backfill goes on, and to its end"
assert_equal 20 "$(dates_taken)" "dates in the end"

# The steps that several dates share count too, and trying them again takes the backfill up again.
sql source 'alter table instruments rename to gone'
backfill daily_load --from 2024-03-01 --to 2024-03-31 --parallel 1
backfill_is failed "a backfill whose shared steps die is failed"
taken=$(dates_taken)
[ "$taken" -le 11 ] || fail "with 10 dead shared jobs $taken dates were taken"
assert_equal 10 "$(sql warehouse "select count(*) from etl_jobs where state = 'dead' and job_name = 'sync_dimensions'")" \
    "dead shared jobs"
stop_process "$worker"
tapemill dead retry "$(sql warehouse "select min(id) from etl_jobs where state = 'dead'")" >/dev/null
assert_equal running "$(sql warehouse "select state from etl_backfills where id = $BACKFILL")" "the backfill of a retried step"
tapemill backfill cancel "$BACKFILL" >/dev/null
stop_process "$scheduler"
sql source 'alter table gone rename to instruments'
echo "backfills"

# ---- locks ---------------------------------------------------------------------------------------------------------

locks_finding() {
    tapemill doctor 2>&1 | grep -o 'takes [0-9]* locks, in each of [0-9]* workers at once [0-9]* of [0-9]*' || true
}
locks_are() {
    [[ $(locks_finding) =~ takes\ ([0-9]+)\ locks,\ in\ each\ of\ $1\ workers\ at\ once\ ([0-9]+)\ of ]] &&
        [ $((BASH_REMATCH[1] * $1)) -eq "${BASH_REMATCH[2]}" ]
}
redis_flush
wait_until 20 "doctor reckons with one worker" locks_are 1 || fail "locks without a worker: $(locks_finding)"
start_worker
workers=("$STARTED_PID")
start_worker
start_worker
wait_until 20 "doctor reckons with three workers" locks_are 3 || fail "locks with three workers: $(locks_finding)"
while read -r pid _; do
    servers_process_gone "$pid" || stop_process "$pid"
done <"$TEST_DIR/processes"
echo "locks"

# ---- dates whose clocks were changed at midnight -------------------------------------------------------------------

# In Havana the clocks showed the first hour of 2024-11-03 twice. That date begins with the first of them.
databases_create havana
export TAPEMILL_TIMEZONE=America/Havana
tapemill migrate >/dev/null
tapemill source init >/dev/null
tenant=00000000-0000-0000-0000-000000000001
sql source "
insert into instruments (instrument_id, symbol, currency, updated_at) values (1, 'AAA', 'USD', '2024-01-01Z');
insert into accounts (account_id, tenant_id, updated_at) values (10, '$tenant', '2024-01-01Z');
insert into executions (execution_id, account_id, instrument_id, executed_at, side, quantity, price, status, updated_at) values
    (1, 10, 1, '2024-11-03 03:59:59Z', 'BUY', 1, 1, 'NEW', '2024-11-03Z'),
    (2, 10, 1, '2024-11-03 04:30:00Z', 'BUY', 1, 1, 'NEW', '2024-11-03Z'),
    (3, 10, 1, '2024-11-03 05:30:00Z', 'BUY', 1, 1, 'NEW', '2024-11-03Z')"
for job in dates sync_dimensions sync_fx_rates; do
    tapemill enqueue $job >/dev/null
done
for date in 2024-11-02 2024-11-03; do
    tapemill enqueue load_executions --date $date >/dev/null
done
"$TAPEMILL_TEST_BIN/run_job" --queued >"$TEST_DIR/havana.txt" || fail "$(grep failed "$TEST_DIR/havana.txt")"
assert_equal '1|20241102|86399
2|20241103|1800
3|20241103|1800' "$(sql warehouse 'select trade_reference, date_key, time_key from fact_trades order by 1')" \
    "executions around a midnight that came twice"

# Samoa went from 2011-12-29 to 2011-12-31.
export TAPEMILL_TIMEZONE=Pacific/Apia
assert_fails 1 tapemill enqueue load_executions --date 2011-12-30
assert_contains "$OUTPUT" '2011-12-30 does not exist in Pacific/Apia: its clocks left the date out' "a date that was left out"
echo "clocks"
