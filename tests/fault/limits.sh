#!/usr/bin/env bash
# A limit of one, and whoever holds the only place is killed, at every point of a run's life, or frozen while it holds
# the limit's lock: no two jobs run at once, none is done twice, and those that are parked go on.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up
tapemill migrate >/dev/null
start_scheduler
for _ in 1 2 3; do
    start_supervised worker
done

# Jobs with key $1 that were done, their effects, and the most of them that ran at one time by their rows.
outcome() {
    sql warehouse "
        with runs as (select r.* from etl_job_runs r join etl_jobs j on j.id = r.job_id where j.limit_key = '$1'),
             steps as (select started_at as at, 1 as step from runs union all
                       select completed_at, -1 from runs where completed_at is not null)
        select (select count(*) from etl_jobs where limit_key = '$1' and state = 'done'),
               (select count(*) from etl_probes p join etl_jobs j on j.id = p.job_id where j.limit_key = '$1'),
               (select max(n) from (select sum(step) over (order by at, step) as n from steps) counts)"
}

all_done() {
    sql_is warehouse "select count(*) from etl_jobs where limit_key = '$1' and state <> 'done'" 0
}

enqueue_limited() {
    local i
    for ((i = 0; i < $2; i++)); do
        echo '{"mark": "true"}'
    done | tapemill enqueue probe --limit "$1" --each - >/dev/null
}

number=0
for point in runner.received runner.admitted runner.claimed runner.begun runner.before_job_row runner.before_commit runner.committed \
    keeper.reserved keeper.result keeper.acknowledged; do
    for action in kill kill-parent kill-both; do
        [[ $point != keeper.* || $action == kill ]] || continue
        number=$((number + 1))
        arm "$point" "$action"
        enqueue_limited "key-$number" 8
        wait_until_hit "$point"
        wait_until 60 "the jobs go on after $action at $point" all_done "key-$number" ||
            fail "after $action at $point: $(outcome "key-$number")"
        assert_equal '8|8|1' "$(outcome "key-$number")" "jobs done, effects and most at once after $action at $point"
    done
    echo "killed at $point"
done

# A failing run passes its place on too, also when it is killed before it can say so.
number=$((number + 1))
arm runner.failing kill
enqueue probe --arg fail=true --limit "key-$number"
failing=$JOB
enqueue_limited "key-$number" 8
wait_until_hit runner.failing
wait_until_sql 60 "the failing job is dead" warehouse "select state from etl_jobs where id = $failing" dead
wait_until_sql 60 "the others are done" warehouse \
    "select count(*) from etl_jobs where limit_key = 'key-$number' and state = 'done'" 8
echo "killed at runner.failing"

# Frozen with the locks of its limits, before its claim, a runner has no run that could be taken over, and its keeper
# keeps the lease: the server ends its transaction, and the other jobs go on.
number=$((number + 1))
tapemill queue limit live 1 >/dev/null
arm runner.admitted stop
enqueue_limited "key-$number" 8
wait_until_hit runner.admitted
wait_until_sql 60 "the other jobs go on while a runner is frozen at runner.admitted" warehouse \
    "select count(*) from etl_jobs where limit_key = 'key-$number' and state = 'done'" 7
kill -CONT "$HIT_PID"
wait_until 60 "the last job is done, too" all_done "key-$number"
wait_until_quiet
assert_equal '8|8|1' "$(outcome "key-$number")" "jobs done, effects and most at once beside a runner frozen at runner.admitted"
tapemill queue limit live none >/dev/null
echo "frozen at runner.admitted"

# Frozen between its last statement and its commit, it is taken over, and the others go on without it.
for point in runner.before_job_row runner.before_commit; do
    number=$((number + 1))
    tapemill queue limit live 1 >/dev/null
    arm "$point" stop-both
    enqueue_limited "key-$number" 8
    wait_until_hit "$point"
    wait_until 60 "the jobs go on while a run is frozen at $point" all_done "key-$number" ||
        fail "frozen at $point: $(outcome "key-$number")"
    assert_equal '8|8|1' "$(outcome "key-$number")" "jobs done, effects and most at once beside a run frozen at $point"
    kill -CONT "$HIT_PID" "$(awk '/^PPid:/ { print $2 }' "/proc/$HIT_PID/status")"
    wait_until_quiet
    assert_equal '8|8|1' "$(outcome "key-$number")" "the same when it is awake again"
    tapemill queue limit live none >/dev/null
    echo "frozen at $point"
done
