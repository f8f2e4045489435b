#!/usr/bin/env bash
# A backfill of 20 days, in the middle of which a server, its content or the scheduler vanishes: it ends by itself, with
# what an undisturbed one leaves, and `tapemill backfill --wait` sees it through.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up

first=2024-01-02 last=2024-01-21 days=20
tapemill source generate --seed 5 --from $first --days $days --rows 150 --weekends few --instruments 10 --accounts 3 \
    --clients 4 >/dev/null
warehouse_prepare $first 0

days_done() {
    sql warehouse "select count(*) from etl_jobs where job_name = 'daily_performance' and state = 'done'"
}

some_days_are_done() {
    [ "$(days_done)" -ge 4 ]
}

start_processes() {
    local i
    processes=()
    start_scheduler
    scheduler=$STARTED_PID
    for i in 1 2 3 4; do
        start_worker
        processes+=("$STARTED_PID")
    done
}

stop_processes() {
    local pid
    for pid in "$scheduler" "${processes[@]}"; do
        stop_process "$pid"
        assert_equal 0 "$STOPPED_STATUS" "exit code of process $pid ($outage)"
    done
}

# Backfills a fresh warehouse, $2 days at a time; in the middle of it runs the function $1, if there is one.
backfill() {
    outage=$1
    warehouse_fresh "$outage"
    start_processes
    start_process "backfill-$outage" -- "$TAPEMILL_BIN/tapemill" backfill daily_load --from $first --to $last \
        --parallel "$2" --wait
    local watcher=$STARTED_PID log=$STARTED_LOG status=0 done_before
    if [ "$outage" != undisturbed ]; then
        wait_until 60 "some days are done" some_days_are_done || fail "no day is done"
        "$outage"
        done_before=$(days_done)
        [ "$done_before" -lt $days ] || fail "$outage: all days were done before the outage"
    fi
    wait_until 100 "the backfill ends ($outage)" servers_process_gone "$watcher" || fail "the backfill does not end"
    wait "$watcher" || status=$?
    [ "$status" -eq 0 ] || fail "tapemill backfill --wait ended with status $status: $(tail -n 3 "$log")"
    wait_until_quiet
    assert_equal "completed $days" "$(sql warehouse "select state || ' ' || (select count(distinct business_date)
        from etl_pipeline_runs p where p.backfill_id = b.id) from etl_backfills b")" "the backfill ($outage)"
    assert_equal done "$(sql warehouse 'select distinct state from etl_jobs')" "states of all jobs ($outage)"
    assert_equal 0 "$(sql warehouse "select count(*) from (select job_id from etl_job_runs where status = 'COMPLETED'
        group by job_id having count(*) > 1) twice")" "jobs completed twice ($outage)"
    stop_processes
}

# Jobs that only wait for a worker: what Redis loses, nobody else would miss.
redis_holds_jobs() {
    [ "$(redis_command zcard "{$outage}:ready:backfill")" -ge 5 ]
}

redis_is_killed() {
    redis_holds_jobs || fail "no jobs wait for workers in Redis"
    redis_kill
    redis_start
}

redis_is_flushed() {
    redis_holds_jobs || fail "no jobs wait for workers in Redis"
    redis_flush
}

postgres_stops_at_once() {
    postgres_stop immediate
    postgres_start
}

postgres_restarts() {
    postgres_stop fast
    postgres_start
}

scheduler_is_killed() {
    assert_equal t "$(sql warehouse 'select next_date is not null from etl_backfills')" "days are left to enqueue"
    stop_process "$scheduler" KILL
    start_scheduler
    scheduler=$STARTED_PID
}

backfill undisturbed $days
expected=$(print_of_all)
for outage in redis_is_killed redis_is_flushed postgres_stops_at_once postgres_restarts scheduler_is_killed; do
    parallel=$days
    [ $outage != scheduler_is_killed ] || parallel=3
    begun=$SECONDS
    backfill $outage $parallel
    assert_equal "$expected" "$(print_of_all)" "the warehouse after $outage"
    echo "the same warehouse: $outage ($((SECONDS - begun)) s)"
done
