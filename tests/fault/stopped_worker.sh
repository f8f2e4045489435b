#!/usr/bin/env bash
# A worker that is frozen, runner and keeper, in the middle of a run: when its lease is over another worker takes the
# job and completes it, wherever the frozen one stands, also between its last statement and its commit. Woken up, the
# frozen run cannot commit, and its worker goes on to do other work.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up

points=(runner.begun load.extracting load.staged load.published load.indexed load.merged runner.before_job_row runner.before_commit
    partition.made)
first=2024-01-02 days=25 new_month=2024-06-03
mapfile -t free_dates < <(weekdays $first $((2 * ${#points[@]})))
sample=(--seed 4 --rows 150 --client-rows 0 --quotes 0)
tapemill source generate "${sample[@]}" --from $first --days $days >/dev/null 2>&1
tapemill source generate "${sample[@]}" --from $new_month --days 1 --append >/dev/null 2>&1
warehouse_prepare $first $days

# For each point the date that is loaded twice, and the one that its worker loads afterwards; then one more. Loading a
# date makes partitions only where its month has none.
dates=()
for point in "${points[@]}" ''; do
    case $point in
    partition.*) dates+=($new_month "${free_dates[0]}") ;;
    '') dates+=("${free_dates[0]}") ;;
    *) dates+=("${free_dates[0]}" "${free_dates[1]}") && free_dates=("${free_dates[@]:1}") ;;
    esac
    free_dates=("${free_dates[@]:1}")
done

warehouse_fresh undisturbed
for date in "${dates[@]}"; do
    enqueue load_executions --date "$date"
done
run_queued_undisturbed
expected_all=$(print_of_all)

declare -A logs # by the keeper's pid
start_one_worker() {
    start_worker
    logs[$STARTED_PID]=$STARTED_LOG
}

is_frozen() {
    grep -q '^State:[[:space:]]*T' "/proc/$1/status"
}

# Runs of job $1 as "STATUS KEEPER/RUNNER", oldest first.
runs_of() {
    sql warehouse "select string_agg(status || ' ' || substring(worker from ':(.*)'), ', ' order by run_no)
                   from etl_job_runs where job_id = $1"
}

backend_of() {
    sql warehouse "select backend_pid || ' ' || backend_start from etl_job_runs
                   where job_id = $1 and worker like '%:$2'"
}

backends_left() {
    sql warehouse "select count(*) from pg_stat_activity where pid || ' ' || backend_start = '$1'"
}

keeper_of() {
    awk '/^PPid:/ { print $2 }' "/proc/$1/status"
}

# Freezes the worker that reaches point $1 with the job of date $2: $frozen is then its keeper's pid, $runner its
# runner's, $backend what the run's connection is to PostgreSQL.
freeze() {
    arm "$1" stop-both
    enqueue load_executions --date "$2"
    wait_until_hit "$1"
    runner=$HIT_PID
    frozen=$(keeper_of "$runner")
    backend=$(backend_of "$JOB" "$frozen/$runner")
}

wake() {
    kill -CONT "$runner" "$frozen"
    wait_until 30 "the worker woken at $1 notices" grep -q "msg=\"run lost.* job=$JOB " "${logs[$frozen]}" ||
        fail "the worker that was frozen at $1 never tried to go on"
}

# Another worker does the job of the frozen one; its keeper is $other.
is_taken_over() {
    wait_until_sql 30 "another worker does the job of the one frozen at $1" warehouse \
        "select state from etl_jobs where id = $JOB" done
    is_frozen "$frozen" && is_frozen "$runner" || fail "the worker frozen at $1 went on by itself"
    assert_equal 0 "$(backends_left "$backend")" "backends of the run frozen at $1"
    runs=$(runs_of "$JOB")
    [[ $runs =~ ^LOST\ $frozen/$runner,\ COMPLETED\ ([0-9]+)/[0-9]+$ ]] || fail "runs of the job frozen at $1: $runs"
    other=${BASH_REMATCH[1]}
}

# As the only one there is, the woken worker does the job of date $2.
goes_on() {
    local job=$JOB
    stop_process "$other"
    assert_equal 0 "$STOPPED_STATUS" "exit code of the worker that took over"
    enqueue load_executions --date "$2"
    wait_until_quiet
    assert_contains "$(runs_of "$JOB")" "COMPLETED $frozen/" "what the worker frozen at $1 does next"
    assert_equal "$runs" "$(runs_of "$job")" "runs of the job that was frozen at $1, in the end"
}

# Woken while the other one is in the middle of the job, the frozen worker neither finishes nor disturbs it.
wake_amid_new_run() {
    local other_runner
    arm load.merged stop
    freeze load.staged "$1"
    wait_until_hit load.merged
    other_runner=$HIT_PID
    wake load.staged
    assert_equal "LOST $frozen/$runner, RUNNING $(keeper_of "$other_runner")/$other_runner" "$(runs_of "$JOB")" \
        "runs while both are awake"
    kill -CONT "$other_runner"
    wait_until_quiet
    assert_contains "$(runs_of "$JOB")" ", COMPLETED $(keeper_of "$other_runner")/$other_runner" "runs in the end"
}

warehouse_fresh frozen
start_scheduler
start_one_worker
for i in "${!points[@]}"; do
    start_one_worker
    wait_until_quiet
    freeze "${points[i]}" "${dates[2 * i]}"
    is_taken_over "${points[i]}"
    wake "${points[i]}"
    goes_on "${points[i]}" "${dates[2 * i + 1]}"
    echo "taken over and refused: ${points[i]}"
done
start_one_worker
wait_until_quiet
wake_amid_new_run "${dates[-1]}"
echo "woken amid the new run"

assert_equal "$expected_all" "$(print_of_all)" "the warehouse after all"
assert_equal "done 0" "$(sql warehouse "select distinct state || ' ' || attempts from etl_jobs
                                        where job_name = 'load_executions'")" "states and charged attempts"
