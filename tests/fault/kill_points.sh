#!/usr/bin/env bash
# kill -9 of the runner, of the keeper and of both, at every failpoint of a job's life: the job has one effect, and it is
# that of an undisturbed run. The list of failpoints is the code's own, so that a new one is killed at without an edit
# here; one that no job below reaches makes the test fail.
#
# The job is load_executions of one date that nobody loaded yet; its effect is the date's facts and the follow-up jobs
# that it enqueued in its own transaction, and what these compute from the facts.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up

# Whom the process that reaches a failpoint may kill: a runner also its keeper.
actions() {
    case $1 in
    keeper.*) echo kill ;;
    *) echo kill kill-parent kill-both ;;
    esac
}

mapfile -t points < <(failpoints)
[ "${#points[@]}" -ge 13 ] || fail "the list of failpoints could not be read from core/failpoint.c"
cases=()
for point in "${points[@]}"; do
    for action in $(actions "$point"); do
        cases+=("$point $action")
    done
done

first=2024-01-02
mapfile -t dates < <(weekdays $first "${#cases[@]}")
days=$((($(date -u -d "${dates[-1]}" +%s) - $(date -u -d $first +%s)) / 86400 + 1))
tapemill source generate --seed 3 --from $first --days $days --rows 120 --client-rows 0 --quotes 0 >/dev/null
warehouse_prepare $first $days

declare -A expected
warehouse_fresh undisturbed
for date in "${dates[@]}"; do
    enqueue load_executions --date "$date"
done
run_queued_undisturbed
for date in "${dates[@]}"; do
    expected[$date]=$(print_of fact_trades "$date")
done
expected_all=$(print_of_all)
assert_equal "$((120 * ${#dates[@]}))" "$(sql warehouse "select count(*) + (select count(*) from etl_quarantine)
                                                         from fact_trades")" "rows of the undisturbed run"

# What the ledger says of job $1: state, charged attempts, and its runs by status, LOST ones left out: a kill may or may
# not cost a run.
story() {
    sql warehouse "
        select concat_ws(' ', state, attempts,
                         (select string_agg(status || ' ' || times, ', ' order by status)
                          from (select status, count(*) as times from etl_job_runs
                                where job_id = j.id and status <> 'LOST' group by status) runs))
        from etl_jobs j where id = $1"
}

is_over() {
    [[ $(story "$1") =~ ^(done|dead)\  ]]
}

wait_until_over() {
    wait_until 60 "job $1 ends" is_over "$1" || fail "the job is still: $(story "$1")"
}

assert_one_effect() {
    local date=$1 what=$2
    assert_equal "done 0 COMPLETED 1" "$(story "$JOB")" "$what: the job"
    assert_equal 1 "$(sql warehouse "select count(*) from etl_pipeline_runs where parent_id = $JOB")" \
        "$what: follow-up pipelines enqueued by its transaction"
    assert_equal "${expected[$date]}" "$(print_of fact_trades "$date")" "$what: the facts"
}

# A job that dies because its source is not what was agreed, and is retried when that was put right.
kill_failing_job() {
    local date=$1 what=$2
    sql source "alter table executions rename to executions_away"
    enqueue load_executions --date "$date"
    wait_until_hit runner.failing
    wait_until_over "$JOB"
    assert_equal "dead 1 FAILED 1" "$(story "$JOB")" "$what: the failure is written once"
    assert_equal 1 "$(sql warehouse "select count(*) from etl_alerts where job_id = $JOB")" "$what: alerts"
    sql source "alter table executions_away rename to executions"
    tapemill dead retry "$JOB" >/dev/null
    wait_until_over "$JOB"
    wait_until_quiet
    sql warehouse "delete from etl_job_runs where job_id = $JOB and status = 'FAILED'"
    assert_one_effect "$date" "$what, then retried"
}

kill_loading_job() {
    local date=$1 what=$2
    enqueue load_executions --date "$date"
    wait_until_hit "$point"
    wait_until_over "$JOB"
    wait_until_quiet
    assert_one_effect "$date" "$what"
}

warehouse_fresh killed
start_scheduler
start_supervised_worker
start_supervised_worker
wait_until_quiet
for i in "${!cases[@]}"; do
    read -r point action <<<"${cases[i]}"
    arm "$point" "$action"
    case $point in
    runner.failing) kill_failing_job "${dates[i]}" "$action at $point" ;;
    *) kill_loading_job "${dates[i]}" "$action at $point" ;;
    esac
    echo "one effect: $action at $point"
done

assert_equal "$expected_all" "$(print_of_all)" "the warehouse after ${#cases[@]} kills"
assert_equal 0 "$(sql warehouse "select count(*) from etl_job_runs where status = 'RUNNING'")" "runs left over"
wait_until_sql 30 "no transaction of a killed process is left open" warehouse \
    "select count(*) from pg_stat_activity where application_name like 'tapemill%' and state like 'idle in transaction%'" 0
