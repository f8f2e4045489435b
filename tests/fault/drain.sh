#!/usr/bin/env bash
# How a worker stops, how processes start while the servers are away, and what becomes of a job that kills its runners:
# the alert of a dead job reaches a Slack-compatible webhook, once.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up

first=2024-01-02
mapfile -t dates < <(weekdays $first 5)
tapemill source generate --seed 6 --from $first --days 7 --rows 120 --client-rows 0 --quotes 0 >/dev/null
warehouse_prepare $first 0
start_process webhook -- python3 "$TAPEMILL_ROOT/tests/support/webhook.py" "$TEST_DIR/webhook"
wait_until 20 "the webhook listens" test -s "$TEST_DIR/webhook.port" || fail "no webhook"
export TAPEMILL_SLACK_WEBHOOK_URL=http://127.0.0.1:$(cat "$TEST_DIR/webhook.port")/services/test

# What the ledger says of job $1: state, attempts, losses and deaths counted, and its runs, oldest first.
story() {
    sql warehouse "
        select concat_ws(' ', state, attempts, losses, deaths,
                         (select string_agg(status, ' ' order by run_no) from etl_job_runs where job_id = j.id))
        from etl_jobs j where id = $1"
}

wait_until_story() {
    wait_until 30 "the story of job $1 is: $2" story_is "$1" "$2" || fail "the story of the job is: $(story "$1")"
}

story_is() {
    [ "$(story "$1")" = "$2" ]
}

# A worker ($worker, its log in $worker_log) whose runner stands still in the middle of job $JOB, which loads date $1.
start_worker_amid_job() {
    local date=$1
    shift
    start_worker "$@"
    worker=$STARTED_PID worker_log=$STARTED_LOG
    arm load.staged stop
    enqueue load_executions --date "$date"
    wait_until_hit load.staged
}

wait_until_stopping() {
    wait_until 20 "the worker begins to stop" grep -q 'msg=stopping' "$worker_log" || fail "the worker does not stop"
}

wait_until_stopped() {
    wait_until 30 "the worker ends ($1)" servers_process_gone "$worker" || fail "the worker does not end ($1)"
    STOPPED_STATUS=0
    wait "$worker" || STOPPED_STATUS=$?
    assert_equal 0 "$STOPPED_STATUS" "exit code of a worker that was stopped ($1)"
}

finish_elsewhere() {
    start_worker
    wait_until_quiet
    assert_equal "done 0 0 0 CANCELLED COMPLETED" "$(story "$JOB" | sed 's/LOST/CANCELLED/')" "$1"
    stop_process "$STARTED_PID"
}

facts_of() {
    sql warehouse "select count(*) from fact_trades where date_key = ${1//-/}"
}

warehouse_fresh drain
start_scheduler
scheduler=$STARTED_PID

# SIGTERM: the job at hand is finished, and no other is begun.
start_worker_amid_job "${dates[0]}" TAPEMILL_DRAIN_SECONDS=600
tapemill enqueue load_executions --date "${dates[1]}" >/dev/null
kill -TERM "$worker"
wait_until_stopping
assert_equal running "$(sql warehouse "select state from etl_jobs where id = $JOB")" "the job of a draining worker"
kill -CONT "$HIT_PID"
wait_until_stopped "its job done"
assert_equal "done 0 0 0 COMPLETED" "$(story "$JOB")" "the job that a draining worker had begun"
assert_equal 0 "$(sql warehouse "select count(*) from etl_job_runs where business_date = '${dates[1]}'")" \
    "jobs that a draining worker began"
start_worker
wait_until_quiet
stop_process "$STARTED_PID"
echo "drained"

# Past the drain the job is given back, uncharged, and another worker does it.
start_worker_amid_job "${dates[2]}" TAPEMILL_DRAIN_SECONDS=0
kill -TERM "$worker"
wait_until_stopped "no time to drain"
assert_equal 0 "$(facts_of "${dates[2]}")" "facts of a job that was given back"
finish_elsewhere "a job given back at the end of the drain"
echo "given back at the end of the drain"

# A second SIGTERM ends the drain.
start_worker_amid_job "${dates[3]}" TAPEMILL_DRAIN_SECONDS=600
kill -TERM "$worker"
wait_until_stopping
kill -TERM "$worker"
wait_until_stopped "hurried"
finish_elsewhere "a job given back in a hurry"
echo "given back in a hurry"

# Poison: three runners in a row die of a job.
start_scheduler
scheduler=$STARTED_PID
start_worker
worker=$STARTED_PID
for point in runner.claimed runner.begun load.staged; do
    arm $point kill
done
enqueue load_executions --date "${dates[4]}"
wait_until_story "$JOB" "dead 0 0 3 LOST LOST LOST"
wait_until_quiet
assert_equal poison "$(sql warehouse "select error_code from etl_jobs where id = $JOB")" "error code of a poisonous job"
assert_equal 0 "$(facts_of "${dates[4]}")" "facts of a poisonous job"
wait_until_sql 30 "the alert is delivered" warehouse \
    "select count(*) from etl_alerts where job_id = $JOB and delivered_at is not null" 1
assert_equal 1 "$(grep -c . "$TEST_DIR/webhook")" "messages that the webhook got"
message=$(cat "$TEST_DIR/webhook")
assert_contains "$message" '"text":' "the message's form"
assert_contains "$message" "Job load_executions is dead" "the message"
assert_contains "$message" "tapemill dead show $JOB" "the remedy in the message"
tapemill dead retry "$JOB" >/dev/null
wait_until_quiet
assert_equal "done 0 0 0 LOST LOST LOST COMPLETED" "$(story "$JOB")" "the job, retried"
assert_equal 1 "$(grep -c . "$TEST_DIR/webhook")" "messages that the webhook got in the end"
stop_process "$worker"
stop_process "$scheduler"
echo "dead of poison, alerted, retried"

# Started while nothing is there, processes wait; and they work when it is.
postgres_stop fast
redis_stop
start_worker
worker=$STARTED_PID worker_log=$STARTED_LOG
start_scheduler
scheduler_log=$STARTED_LOG
says() {
    wait_until 20 "$1 says: $2" grep -q "$2" "$1" || fail "it does not say so"
}
says "$worker_log" 'waiting for the warehouse'
says "$scheduler_log" 'TAPEMILL_WAREHOUSE_URL'
postgres_start
says "$worker_log" 'Redis is away'
redis_start
enqueue load_executions --date "${dates[4]}"
wait_until_quiet
assert_equal "done 0 0 0 COMPLETED" "$(story "$JOB")" "a job done by processes that waited for their servers"
stop_process "$worker"
echo "waited for the servers"
