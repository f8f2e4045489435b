#!/usr/bin/env bash
# A worker that is frozen, runner and keeper, in the middle of a run: when its lease is over another worker takes the job
# and completes it, wherever the frozen one stands, also between its last statement and its commit. Woken up, the frozen
# run cannot commit, and its worker goes on to do other work.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up

points=(runner.begun load.extracting load.staged load.merged runner.before_job_row runner.before_commit)
first=2024-01-02 days=16
mapfile -t dates < <(weekdays $first $((2 * ${#points[@]})))
tapemill source generate --seed 4 --from $first --days $days --rows 150 --client-rows 0 --quotes 0 >/dev/null
warehouse_prepare $first $days

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

# Runs of a job, as "status" or "status by:KEEPER/RUNNER", oldest first.
runs_of() {
    sql warehouse "select string_agg(status || ' ' || substring(worker from ':(.*)'), ', ' order by run_no)
                   from etl_job_runs where job_id = $1"
}

backend_of() {
    sql warehouse "select backend_pid || ' ' || backend_start from etl_job_runs
                   where job_id = $1 and worker like '%:$2/%' order by run_no limit 1"
}

backends_left() {
    sql warehouse "select count(*) from pg_stat_activity where pid || ' ' || backend_start = '$1'"
}

# Freezes the worker that reaches point $1 with the job of date $2; then that worker is $frozen, its runner $HIT_PID, and
# the other one, which has done the job meanwhile, $other.
take_over_frozen() {
    local backend runner
    arm "$1" stop-both
    enqueue load_executions --date "$2"
    wait_until_hit "$1"
    frozen=$(awk '/^PPid:/ { print $2 }' "/proc/$HIT_PID/status")
    backend=$(backend_of "$JOB" "$frozen")
    wait_until_sql 30 "another worker does the job of the one frozen at $1" warehouse \
        "select state from etl_jobs where id = $JOB" done
    is_frozen "$frozen" && is_frozen "$HIT_PID" || fail "the worker frozen at $1 went on by itself"
    assert_equal 0 "$(backends_left "$backend")" "backends of the run frozen at $1"
    runner=$(sql warehouse "select substring(worker from ':(.*)/') from etl_job_runs
                            where job_id = $JOB and status = 'COMPLETED'")
    assert_equal "LOST $frozen/$HIT_PID, COMPLETED $runner" "$(runs_of "$JOB" | sed 's#/[0-9]*$##')" \
        "runs of the job frozen at $1"
    other=$runner
}

# Wakes the frozen worker: its run must fail, and the worker do the next job, as the only one there is.
wake_and_go_on() {
    local point=$1 next=$2 job=$JOB
    kill -CONT "$HIT_PID" "$frozen"
    wait_until 30 "the worker woken at $point notices" grep -q "job=$job .*lost" "${logs[$frozen]}" ||
        fail "the worker that was frozen at $point never tried to go on"
    stop_process "$other"
    assert_equal 0 "$STOPPED_STATUS" "exit code of the worker that took over"
    enqueue load_executions --date "$next"
    wait_until_quiet
    assert_contains "$(runs_of "$JOB")" "COMPLETED $frozen/" "what the worker frozen at $point does next"
    assert_equal "LOST 1, COMPLETED 1" "$(sql warehouse "
        select string_agg(status || ' ' || times, ', ' order by status desc)
        from (select status, count(*) as times from etl_job_runs where job_id = $job group by status) runs")" \
        "runs of the job that was frozen at $point"
}

warehouse_fresh frozen
start_scheduler
start_one_worker
for i in "${!points[@]}"; do
    start_one_worker
    wait_until_quiet
    take_over_frozen "${points[i]}" "${dates[2 * i]}"
    wake_and_go_on "${points[i]}" "${dates[2 * i + 1]}"
    echo "taken over and refused: ${points[i]}"
done

assert_equal "$expected_all" "$(print_of_all)" "the warehouse after all"
assert_equal "done 0" "$(sql warehouse "select distinct state || ' ' || attempts from etl_jobs
                                        where job_name = 'load_executions'")" "states and charged attempts"
