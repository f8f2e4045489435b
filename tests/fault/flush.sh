#!/usr/bin/env bash
# FLUSHALL: every job that Redis should have is there again, with its entry and in a place (ready, delayed or leased).
# First with 3,000 jobs queued and nobody who takes them, more than one batch of reconciliation; doctor and the
# scheduler's log agree. Then in the middle of a backfill of 1,000 jobs, of which 300 at most are in Redis: the next one
# starts, and at its end none is lost and none has two effects. How long that took is printed, for leases of a second and
# with the default settings. Then Redis is flushed again and again, at random.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up
seed=${TAPEMILL_TEST_SEED:-$RANDOM}
RANDOM=$seed
flushes=${TAPEMILL_TEST_LONG:+60}
flushes=${flushes:-8}
dates=1000 first=2020-01-01
last=$(date -u -d "$first + $((dates - 1)) days" +%F)

milliseconds() {
    echo $(($(date +%s%N) / 1000000))
}
jobs_done() {
    sql warehouse "select count(*) from etl_jobs where backfill_id = $BACKFILL and state = 'done'"
}
are_done() {
    [ "$(jobs_done)" -ge "$1" ]
}
# Redis holds every job that the ledger has as queued or to be tried again, its entry and its place, but for those that
# have begun since.
redis_holds_all() {
    local missing
    missing=$(sql warehouse "select id from etl_jobs where state in ('queued', 'retry')" |
        redis_command --raw -x eval "
            local p, missing = KEYS[1], '0'
            local function is_in(place, id) return redis.call('ZSCORE', p..':'..place, id) end
            for id in string.gmatch(ARGV[1], '%d+') do
                local queue = string.match(redis.call('HGET', p..':jobs', id) or '', '^(%S+) %d+$')
                if not queue or not (is_in('ready:'..queue, id) or is_in('delayed', id) or is_in('leases', id)) then
                    missing = missing..','..id
                end
            end
            return missing" 1 "{$TAPEMILL_NAMESPACE}")
    sql_is warehouse "select count(*) from etl_jobs where id in ($missing) and state in ('queued', 'retry')" 0
}
runs_since() {
    [ "$(sql warehouse "select count(*) from etl_job_runs where run_no > $1")" -gt 0 ]
}
start_processes() {
    local number
    start_scheduler
    for number in 1 2 3; do
        start_worker -- --queues live,backfill
    done
}
begin() { # NAME ARGUMENTS...: a backfill of probes on a fresh warehouse
    local name=$1
    shift
    databases_create "$name"
    tapemill migrate >/dev/null
    start_processes
    BACKFILL=$(tapemill backfill probe --from $first --to "$last" --arg mark=true "$@" --json |
        sed -n 's/.*"backfill_id": \([0-9]*\).*/\1/p')
    wait_until 120 "a third of the jobs are done" are_done $((dates / 3)) || fail "the backfill does not begin"
}
finish() {
    wait_until_sql 300 "the backfill ends ($1)" warehouse "select state from etl_backfills where id = $BACKFILL" completed
    assert_equal "$dates|$dates|$dates" "$(sql warehouse "select count(*), count(distinct j.business_date), count(distinct p.job_id)
        from etl_probes p join etl_jobs j on j.id = p.job_id where j.backfill_id = $BACKFILL")" "effects, dates, jobs ($1)"
    assert_equal "$dates done" "$(sql warehouse "select count(*) || ' ' || string_agg(distinct state, ' ')
        from etl_jobs where backfill_id = $BACKFILL")" "jobs ($1)"
    while read -r pid _; do
        servers_process_gone "$pid" || stop_process "$pid"
    done <"$TEST_DIR/processes"
}
flush_once() { # NAME: measures from the flush
    local flushed run_no back started
    assert_equal t "$(sql warehouse "select next_date is not null from etl_backfills where id = $BACKFILL")" \
        "dates are left when Redis is flushed"
    redis_flush
    flushed=$(milliseconds)
    run_no=$(sql warehouse 'select max(run_no) from etl_job_runs')
    wait_until 120 "the next job starts" runs_since "$run_no" || fail "nothing starts after the flush ($1)"
    started=$(($(milliseconds) - flushed))
    wait_until 120 "Redis holds all jobs again" redis_holds_all || fail "jobs are missing in Redis ($1)"
    back=$(($(milliseconds) - flushed))
    echo "$1: after FLUSHALL the next job started within $started ms, all were in Redis within $back ms"
}

# ---- more than a batch of reconciliation ---------------------------------------------------------------------------

waiting=3000
databases_create backlog
tapemill migrate >/dev/null
for ((number = 0; number < waiting; number++)); do
    echo '{"mark": "true"}'
done >"$TEST_DIR/each"
tapemill enqueue probe --queue backfill --each "$TEST_DIR/each" >/dev/null
assert_equal $waiting "$(sql warehouse "select count(*) from etl_jobs where state = 'queued'")" "jobs queued"
redis_holds_all || fail "Redis does not hold the jobs that were enqueued"
tapemill doctor --json >"$TEST_DIR/doctor" 2>&1 || true
! grep -q 'settle' "$TEST_DIR/doctor" || fail "doctor fails on a healthy backlog: $(cat "$TEST_DIR/doctor")"
redis_flush
! redis_holds_all >/dev/null 2>&1 || fail "the check of what Redis holds finds an empty Redis full"
TAPEMILL_RECONCILE_SECONDS=1 start_scheduler
wait_until 60 "Redis holds the backlog again" redis_holds_all || fail "jobs are missing in Redis after the flush (backlog)"
stop_process "$STARTED_PID"
! grep -qE 'level=(warn|error).*(reconcil|settle)' "$STARTED_LOG" || fail "reconciliation failed: $(cat "$STARTED_LOG")"
echo "$waiting queued jobs are in Redis again"

# ---- a backfill ----------------------------------------------------------------------------------------------------

begin defaults --parallel 300 --arg seconds=0.02
flush_once "default settings"
finish defaults

export TAPEMILL_LEASE_SECONDS=1 TAPEMILL_HEARTBEAT_MS=200 TAPEMILL_SCHEDULER_TICK_MS=50 TAPEMILL_RECONCILE_SECONDS=1
begin quick --parallel 300 --arg seconds=0.01
flush_once "leases of a second"
echo "seed $seed: $flushes flushes at random"
for number in $(seq "$flushes"); do
    sleep "0.$((RANDOM % 9))" # not for readiness: so that the flush falls anywhere
    redis_flush
done
finish quick
