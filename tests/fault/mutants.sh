#!/usr/bin/env bash
# `tapemill history check` finds every fault that core/mutant.c can seed, and nothing where none is seeded. Each mutant
# has a run that leads it to its harm: the processes are stopped and killed at failpoints, so that nothing is left to
# luck. The list of mutants is the code's own: one without a run here makes the test fail.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up

# What the checker says first of each mutant.
declare -A expected=(
    [no_fence]='I2 no stale writer: job'
    [acknowledge_before_commit]='in order: job'
    [no_reconcile]='I3 nothing lost: job'
    [double_tick]='I4 a tick once: schedule'
    [lease_never_expires]='I3 nothing lost: job'
)

mutants() {
    sed -n '/^const char \*const mutant_names\[\]/,/^};/s/^ *"\([a-z_]*\)".*/\1/p' "$TAPEMILL_ROOT/core/mutant.c"
}

start_processes() {
    local program
    for program in "$@"; do
        "start_$program"
        started+=("$STARTED_PID")
    done
}

# Whoever is frozen is woken, and everybody ends.
end_processes() {
    local pid
    for pid in "${started[@]}"; do
        kill -CONT "$pid" 2>/dev/null || true
        servers_process_gone "$pid" || stop_process "$pid"
    done
}

# Enqueues a probe that leaves a row, whose runner does $2 at failpoint $1, while nobody else is there to do it.
probe_reaches() {
    arm "$1" "$2"
    start_processes worker
    log=$STARTED_LOG
    enqueue probe --arg mark=true
    wait_until_hit "$1"
}

wait_until_done() {
    wait_until_sql 30 "job $JOB is done" warehouse "select state from etl_jobs where id = $JOB" done
}

# A worker frozen in its run wakes up when another has done its job.
run_no_fence() {
    local keeper
    probe_reaches runner.begun stop-both
    keeper=$(awk '/^PPid:/ { print $2 }' "/proc/$HIT_PID/status")
    start_processes scheduler worker
    wait_until_done
    kill -CONT "$HIT_PID" "$keeper"
    wait_until 30 "the woken worker ends its run" grep -qE "msg=\"run (completed|lost|settled).* job=$JOB " "$log" ||
        fail "the woken worker did not go on"
}

run_acknowledge_before_commit() {
    start_processes scheduler worker
    enqueue probe --arg mark=true
    wait_until_done
}

# Redis loses jobs that wait for a worker.
run_no_reconcile() {
    start_processes scheduler
    enqueue probe --arg mark=true
    enqueue probe --arg mark=true
    redis_flush
    start_processes worker
}

# A scheduler ends, and another takes its place. That it went through its duties shows in a delayed job.
run_double_tick() {
    start_processes scheduler worker
    wait_until_sql 30 "the scheduler makes its ticks" warehouse "select count(*) > 0 from etl_schedule_ticks" t
    stop_process "$STARTED_PID"
    stop_process "${started[0]}"
    start_processes scheduler worker
    enqueue probe --arg mark=true --delay 1
    wait_until_done
}

# A worker vanishes with its job.
run_lease_never_expires() {
    probe_reaches runner.begun kill-both
    start_processes scheduler worker
}

# The ledger is empty when a run begins, so that every commit must be in its history.
# The run of mutant $1, with TAPEMILL_MUTANT=$2; the checker's output is in $OUTPUT, its status in $status.
run_and_check() {
    local patience=30
    [ -z "$2" ] || patience=6 # what never ends is not waited for
    started=()
    warehouse_fresh "$1_${2:+mutated}"
    export TAPEMILL_MUTANT=$2 TAPEMILL_HISTORY_DIR=$TEST_DIR/history-$1-$2
    mkdir "$TAPEMILL_HISTORY_DIR"
    "run_$1"
    wait_until "$patience" "all is quiet" is_quiet 2>/dev/null || true
    end_processes
    status=0
    OUTPUT=$(tapemill history check "$TAPEMILL_HISTORY_DIR" 2>&1) || status=$?
}

tapemill source generate --seed 8 --from 2024-01-02 --days 1 --rows 10 --client-rows 0 --quotes 0 >/dev/null
tapemill migrate >/dev/null
echo '{"schedules": [{"name": "yearly", "cron": "@yearly", "job": "probe", "first": "at_once"}]}' >"$TEST_DIR/schedule.json"
tapemill schedule load "$TEST_DIR/schedule.json" >/dev/null
database_copy "$WAREHOUSE_DATABASE" "$PREPARED_DATABASE"
mapfile -t names < <(mutants)
assert_equal "${#expected[@]}" "${#names[@]}" "mutants in core/mutant.c"
for mutant in "${names[@]}"; do
    run_and_check "$mutant" ''
    assert_equal 0 "$status" "status of the checker without $mutant; it said $OUTPUT"
    run_and_check "$mutant" "$mutant"
    assert_equal 1 "$status" "status of the checker with $mutant; it said $OUTPUT"
    assert_contains "$OUTPUT" "${expected[$mutant]}" "what the checker says of $mutant"
    echo "found: $mutant"
done
