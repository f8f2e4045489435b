#!/usr/bin/env bash
# What persons decide about jobs holds whatever happens meanwhile: limits are never exceeded and no place is lost, a
# paused queue starts nothing, a cancelled job stops at once, a run that takes too long ends, dead jobs are dealt with
# many at a time; and `tapemill why` tells each cause.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up
export TAPEMILL_HISTORY_START=2024-01-02 TAPEMILL_LEASE_SECONDS=1 TAPEMILL_HEARTBEAT_MS=200 TAPEMILL_SCHEDULER_TICK_MS=50 \
    TAPEMILL_RECONCILE_SECONDS=1 TAPEMILL_RETRY_BASE_SECONDS=0
tapemill migrate >/dev/null

# enqueue ARGUMENTS...: the id is in $JOB
enqueue() {
    JOB=$(tapemill enqueue "$@" --json | sed -n 's/.*"job_ids": \[\([0-9]*\)].*/\1/p')
    [ -n "$JOB" ] || fail "tapemill enqueue $* gave no id"
}
state_of() {
    sql warehouse "select state from etl_jobs where id = $1"
}
job_becomes() {
    wait_until_sql 60 "job $1 becomes $2" warehouse "select state from etl_jobs where id = $1" "$2"
}
# why_is JOB CAUSE ROOT PART: the cause, the root cause, and a part of the first sentence
why_is() {
    local json sentence
    json=$(tapemill why "$1" --json)
    sentence=$(tapemill why "$1" | head -n 1)
    assert_contains "$json" "\"cause\": \"$2\", \"root_cause\": \"$3\"" "why job $1 is not running ($sentence)"
    assert_contains "$sentence" "$4" "the sentence about job $1"
}
why_becomes() {
    wait_until 20 "job $1 is held up by $2" why_has "$1" "$2" || fail "job $1: $(tapemill why "$1")"
}
why_has() {
    [[ $(tapemill why "$1" --json) == *"\"cause\": \"$2\", \"root_cause\""* ]]
}
lines() {
    local i
    for ((i = 0; i < $1; i++)); do
        echo "$2"
    done
}
job_in_redis() {
    [ "$(redis_command hexists "{$TAPEMILL_NAMESPACE}:jobs" "$1")" = 1 ]
}
job_not_in_redis() {
    ! job_in_redis "$1"
}
redis_has_pause() {
    [ "$(redis_command sismember "{$TAPEMILL_NAMESPACE}:paused" batch)" = 1 ]
}
# The most runs of such jobs that were under way at one time, by the clocks of their rows.
most_at_once() {
    sql warehouse "
        select coalesce(max(n), 0)
        from (select sum(step) over (order by at, step) as n
              from (select r.started_at as at, 1 as step from etl_job_runs r join etl_jobs j on j.id = r.job_id where $1
                    union all
                    select r.completed_at, -1 from etl_job_runs r join etl_jobs j on j.id = r.job_id
                    where $1 and r.completed_at is not null) steps) counts"
}
workers=()
start_workers() {
    local i
    workers=()
    for ((i = 0; i < $1; i++)); do
        start_worker
        workers+=("$STARTED_PID")
    done
}
stop_workers() {
    local pid
    for pid in "${workers[@]}"; do
        stop_process "$pid"
    done
    workers=()
}

# ---- why, without anybody who works ---------------------------------------------------------------------------------

enqueue probe
why_is "$JOB" no_worker no_worker "is on queue live, which none of the 0 workers alive pulls; start one: tapemill-worker --queues live"
redis_flush
assert_contains "$(tapemill why "$JOB")" "is not in Redis, and no scheduler leads that would put it there" "a job that Redis lost"
assert_contains "$(TAPEMILL_REDIS_URL=redis://127.0.0.1:1/0 tapemill why "$JOB")" "cannot be reached" "why without Redis"
tapemill cancel "$JOB" >/dev/null
why_is "$JOB" cancelled cancelled "is cancelled since"
enqueue probe --delay 3600
why_is "$JOB" delayed delayed "is not due before"
tapemill cancel "$JOB" >/dev/null
assert_fails 1 tapemill why 999999
assert_contains "$OUTPUT" 'there is no job 999999; `tapemill jobs` lists them' "why of no job"
assert_fails 2 tapemill why
echo "why, without workers"

start_scheduler
scheduler=$STARTED_PID
start_workers 4

# ---- limits ---------------------------------------------------------------------------------------------------------

# 200 jobs of one key on two queues, 4 workers, one of which is killed with a place in its hand.
tapemill limit desk 2 >/dev/null
lines 100 '{"mark": "true"}' | tapemill enqueue probe --limit desk --each - >/dev/null
lines 99 '{"mark": "true"}' | tapemill enqueue probe --limit desk --queue batch --each - >/dev/null
enqueue probe --arg seconds=600 --arg mark=true --limit desk --priority 9
job_becomes "$JOB" running
holder=$(sql warehouse "select substring(claimed_by from ':([0-9]+)/') from etl_jobs where id = $JOB")
kill -KILL "$holder"
wait "$holder" || true
wait_until_sql 60 "the killed worker's job runs again" warehouse \
    "select count(*) from etl_job_runs where job_id = $JOB and status = 'LOST'" 1
tapemill cancel "$JOB" >/dev/null
wait_until_sql 120 "all jobs with the key are done" warehouse \
    "select count(*) from etl_jobs where limit_key = 'desk' and state <> 'done'" 1
assert_equal 199 "$(sql warehouse "select count(*) from etl_probes p join etl_jobs j on j.id = p.job_id where j.limit_key = 'desk'")" \
    "effects of the jobs with the key"
most=$(most_at_once "j.limit_key = 'desk'")
[ "$most" -le 2 ] || fail "with a limit of 2, $most ran at once"
[ "$most" -eq 2 ] || fail "with a limit of 2, at most $most ran at once"
start_worker
workers=("$STARTED_PID")
while read -r pid _; do
    servers_process_gone "$pid" || workers+=("$pid")
done < <(head -n -1 "$TEST_DIR/processes" | tail -n 4)
echo "a limit by key"

# Without a scheduler, whose sweep would mend it: no end of a run forgets whom it makes room for.
stop_process "$scheduler"
tapemill queue limit batch 3 >/dev/null
lines 60 '{}' | tapemill enqueue probe --queue batch --each - >/dev/null
lines 10 '{}' | tapemill enqueue probe --queue batch --limit narrow --each - >/dev/null
wait_until_sql 120 "all jobs of the limited queue are done" warehouse \
    "select count(*) from etl_jobs where queue = 'batch' and job_name = 'probe' and state not in ('done', 'cancelled')" 0
id=$(sql warehouse "select min(id) from etl_jobs where limit_key = 'narrow'")
most=$(most_at_once "j.queue = 'batch' and j.id >= $id - 60")
[ "$most" -le 3 ] || fail "of a queue with a limit of 3, $most ran at once"
assert_equal 1 "$(most_at_once "j.limit_key = 'narrow'")" "jobs at once of a key without a row"
assert_contains "$(tapemill queue --json)" '"queue": "batch", "state": "open", "limit": 3' "tapemill queue"
tapemill queue limit batch none >/dev/null
start_scheduler
scheduler=$STARTED_PID
echo "a limit by queue"

# Parked jobs: the most urgent first; a raised limit, a removed one and a cancelled holder let them go on at once.
enqueue probe --arg seconds=600 --limit one
holder=$JOB
job_becomes "$holder" running
enqueue probe --limit one --priority 1
low=$JOB
enqueue probe --arg seconds=600 --limit one --priority 8
high=$JOB
job_becomes "$low" waiting
job_becomes "$high" waiting
why_is "$low" limit limit "waits for a place: limit key one allows 1 at once, and job $holder (probe) has it"
assert_contains "$(tapemill why "$low")" "job $holder (probe) runs since" "who holds the place"
assert_contains "$(tapemill limits)" "one" "tapemill limits"
tapemill cancel "$holder" >/dev/null
job_becomes "$high" running
assert_equal waiting "$(state_of "$low")" "the less urgent job meanwhile"
tapemill limit one 2 >/dev/null
job_becomes "$low" done
tapemill cancel "$high" >/dev/null
assert_equal 0 "$(sql warehouse "select count(*) from etl_jobs where wait_key like 'limit:%'")" "jobs still parked"
echo "parked jobs"

# ---- pause ----------------------------------------------------------------------------------------------------------

enqueue probe --arg seconds=600 --queue batch
running=$JOB
job_becomes "$running" running
tapemill queue pause batch --reason 'the month is being closed' >"$TEST_DIR/pause.txt"
assert_contains "$(cat "$TEST_DIR/pause.txt")" "queue batch is paused; its running jobs (1) go on to their end" "the pause"
enqueue probe --queue batch
paused=$JOB
why_is "$paused" queue_paused queue_paused "the month is being closed; \`tapemill queue resume batch\` opens it"
assert_contains "$(tapemill queue)" "batch is paused since" "tapemill queue says so"
enqueue probe
job_becomes "$JOB" done
assert_equal "queued 0" "$(sql warehouse "select state || ' ' || fence from etl_jobs where id = $paused")" "a job on the paused queue"
tapemill cancel "$running" >/dev/null

# A flush takes Redis's mirror; the job that a worker then reserves is given back, uncharged, and the mirror is there again.
redis_flush
wait_until 20 "the mirror is there again" redis_has_pause || fail "Redis was not told again"
wait_until 20 "the job is in Redis again" job_in_redis "$paused" || fail "the paused job is not in Redis"
redis_command srem "{$TAPEMILL_NAMESPACE}:paused" batch >/dev/null
redis_command lpush "{$TAPEMILL_NAMESPACE}:bell:batch" 1 >/dev/null
wait_until 20 "the mirror is mended" redis_has_pause || fail "Redis was not told by the claim"
assert_equal "queued 0 0" "$(sql warehouse "select state || ' ' || fence || ' ' || attempts from etl_jobs where id = $paused")" \
    "the job that was given back"
# Nothing spins: a worker on a paused queue with a job asks Redis a few times, not all the time.
before=$(redis_command info commandstats | sed -n 's/^cmdstat_evalsha:calls=\([0-9]*\),.*/\1/p')
enqueue probe --queue batch
wait_until_sql 10 "another worker turn passes" warehouse "select count(*) > 0 from etl_jobs where id = $JOB" t
enqueue probe
job_becomes "$JOB" done
after=$(redis_command info commandstats | sed -n 's/^cmdstat_evalsha:calls=\([0-9]*\),.*/\1/p')
[ $((after - before)) -lt 2000 ] || fail "a paused queue made $((after - before)) calls"
tapemill queue resume batch >/dev/null
job_becomes "$paused" done
assert_contains "$(tapemill queue resume batch)" "queue batch was not paused" "a second resume"
echo "pause"

# ---- unique ---------------------------------------------------------------------------------------------------------

enqueue probe --arg seconds=600 --unique while-live
live=$JOB
enqueue probe --arg seconds=600 --unique while-queued --unique-while queued
queued=$JOB
job_becomes "$live" running
job_becomes "$queued" running
enqueue probe --unique while-live
assert_equal "$live" "$JOB" "a job whose key is taken until it has ended"
enqueue probe --delay 3600 --unique while-queued --unique-while queued
[ "$JOB" != "$queued" ] || fail "the key that was free once the run began was not"
second=$JOB
enqueue probe --unique while-queued --unique-while queued
assert_equal "$second" "$JOB" "a job whose key is taken while it is queued"
tapemill cancel "$live" >/dev/null
enqueue probe --delay 3600 --unique while-live
assert_fails 1 tapemill dead retry "$live"
assert_contains "$OUTPUT" "job $live cannot be queued again while an unfinished job has its unique key" "a retry whose key is taken"
tapemill cancel "$second" "$queued" "$JOB" >/dev/null
echo "unique"

# ---- cancel ---------------------------------------------------------------------------------------------------------

enqueue probe --arg seconds=600 --arg mark=true
cancelled=$JOB
enqueue probe --after "$cancelled"
after=$JOB
job_becomes "$cancelled" running
why_is "$cancelled" running running "is running since"
assert_contains "$(tapemill why "$cancelled")" "holds its lease" "why of a running job"
why_is "$after" dependency running "waits for job $cancelled (probe), which is running; in the end: job $cancelled (probe) is running"
backend=$(sql warehouse "select backend_pid from etl_jobs where id = $cancelled")
tapemill cancel "$cancelled" >"$TEST_DIR/cancel.txt"
assert_contains "$(cat "$TEST_DIR/cancel.txt")" "job $after (probe) waits for it and never starts now" "what depends on it"
assert_equal 0 "$(sql warehouse "select count(*) from pg_stat_activity where pid = $backend and query like '%pg_sleep%'")" \
    "backends of the cancelled run"
assert_equal "cancelled CANCELLED 0" "$(sql warehouse "
    select j.state || ' ' || r.status || ' ' || (select count(*) from etl_probes where job_id = j.id)
    from etl_jobs j join etl_job_runs r on r.job_id = j.id where j.id = $cancelled")" "the cancelled job, its run, its effects"
assert_contains "$(tapemill cancel "$cancelled")" "was cancelled already" "a second cancel"
why_is "$after" dependency cancelled "in the end: job $cancelled (probe) is cancelled since"
tapemill cancel "$after" >/dev/null
wait_until 20 "Redis forgets the cancelled job" job_not_in_redis "$cancelled" || fail "Redis still has the cancelled job"

# A worker that hears of nothing but its heartbeat: the backend is not what holds it up.
enqueue probe --arg seconds=600
job_becomes "$JOB" running
runner=$(sql warehouse "select substring(claimed_by from '/([0-9]+)') from etl_jobs where id = $JOB")
kill -STOP "$runner"
tapemill cancel "$JOB" >/dev/null
wait_until 20 "the keeper ends a runner whose job was cancelled" servers_process_gone "$runner" || fail "the frozen runner lives"

lines 30 '{"seconds": "600"}' | tapemill enqueue probe --queue batch --each - >/dev/null
enqueue probe --date 2024-01-03 --delay 3600
assert_equal "it would be 1" "$(tapemill cancel --from 2024-01-02 --to 2024-01-03 --dry-run)" "a dry run by date"
assert_contains "$(tapemill cancel --from 2024-01-02 --to 2024-01-03)" "cancelled: 1" "cancelling by date"
assert_equal "it would be 30" "$(tapemill cancel --queue batch --job probe --dry-run)" "a dry run by queue"
assert_contains "$(tapemill cancel --queue batch --job probe)" "cancelled: 30" "cancelling by queue"
assert_contains "$(tapemill cancel --queue batch --job probe)" "cancelled: 0" "cancelling by queue once more"
wait_until_sql 20 "no run of theirs is left" warehouse "select count(*) from etl_job_runs where status = 'RUNNING'" 0
assert_fails 2 tapemill cancel
assert_fails 2 tapemill cancel 1 --queue batch
echo "cancel"

# ---- deadlines ------------------------------------------------------------------------------------------------------

enqueue probe --arg seconds=600 --arg mark=true --soft-timeout 1
job_becomes "$JOB" dead
assert_equal "3 timeout" "$(sql warehouse "select count(*) || ' ' || min(error_code) from etl_job_runs where job_id = $JOB and status = 'FAILED'")" \
    "runs that their soft timeout ended"
assert_equal "3 timeout" "$(sql warehouse "select attempts || ' ' || error_code from etl_jobs where id = $JOB")" "the job"
assert_contains "$(sql warehouse "select error_message from etl_jobs where id = $JOB")" "its soft timeout of 1 s was over" "its error"
why_is "$JOB" dead dead "is dead since"
timeout=$JOB
enqueue probe --arg seconds=600 --hard-timeout 1
job_becomes "$JOB" dead
assert_equal "poison|3|it ran past its hard deadline of 1 s" "$(sql warehouse "
    select j.error_code, count(*), min(r.error_message) from etl_jobs j join etl_job_runs r on r.job_id = j.id
    where j.id = $JOB and r.status = 'LOST' group by j.id")" "runs past their hard deadline"
poison=$JOB
# The settings' deadlines are those of jobs without their own.
start_worker TAPEMILL_JOB_SOFT_TIMEOUT_SECONDS=1 -- --queues soft
soft_worker=$STARTED_PID
enqueue probe --arg seconds=600 --queue soft 2>/dev/null
job_becomes "$JOB" dead
assert_equal timeout "$(sql warehouse "select error_code from etl_jobs where id = $JOB")" "the error by the setting"
tapemill dead discard "$JOB" >/dev/null
stop_process "$soft_worker"
start_worker TAPEMILL_JOB_TIMEOUT_SECONDS=1 -- --queues hard
hard_worker=$STARTED_PID
enqueue probe --arg seconds=3 --hard-timeout 600 --queue hard 2>/dev/null
job_becomes "$JOB" done
assert_equal 1 "$(sql warehouse "select count(*) from etl_job_runs where job_id = $JOB")" "runs of a job that may take longer"
stop_process "$hard_worker"
echo "deadlines"

# ---- poison ---------------------------------------------------------------------------------------------------------

# Of the ten leases in a row that make a job dead, the last three; no attempt is charged for any.
enqueue probe --arg seconds=600 --queue frail 2>/dev/null
frail=$JOB
for lost in 8 9 10; do
    start_worker -- --queues frail
    job_becomes "$frail" running
    [ "$lost" -ne 8 ] || sql warehouse "update etl_jobs set losses = 7 where id = $frail"
    kill -KILL "$STARTED_PID"
    wait "$STARTED_PID" 2>/dev/null || true
    wait_until_sql 60 "lease $lost is lost" warehouse "select losses from etl_jobs where id = $frail" "$lost"
done
assert_equal "dead|0|poison|3|1" "$(sql warehouse "
    select state, attempts, error_code, (select count(*) from etl_job_runs where job_id = j.id and status = 'LOST'),
           (select count(*) from etl_alerts where job_id = j.id)
    from etl_jobs j where id = $frail")" "a job whose leases are lost again and again"
why_is "$frail" dead dead "poison: its run was lost 10 times in a row"
tapemill dead discard "$frail" >/dev/null
echo "poison"

# ---- dead jobs ------------------------------------------------------------------------------------------------------

lines 5 '{"fail": "true"}' | tapemill enqueue probe --each - >/dev/null
enqueue probe --date 2024-01-04 --arg fail=true
dated=$JOB
wait_until_sql 60 "they are dead" warehouse "select count(*) from etl_jobs where state = 'dead' and error_code = 'gate'" 6
assert_equal 6 "$(tapemill dead list --error gate --json | grep -c '"error_code": "gate"')" "dead jobs with this error"
assert_equal "it would be 6" "$(tapemill dead retry --error gate --dry-run)" "a dry run"
assert_equal "it would be 1" "$(tapemill dead discard --from 2024-01-04 --dry-run)" "a dry run by date"
assert_contains "$(tapemill dead discard --from 2024-01-04)" "discarded: 1" "discarding by date"
assert_equal cancelled "$(state_of "$dated")" "the discarded job"
sql warehouse "update etl_jobs set arguments = '{}' where state = 'dead' and error_code = 'gate'"
assert_contains "$(tapemill dead retry --error gate)" "tried again: 5" "trying again by error"
wait_until_sql 60 "they are done" warehouse "select count(*) from etl_jobs where state = 'dead' and error_code = 'gate'" 0
assert_fails 2 tapemill dead retry
assert_contains "$(tapemill dead discard --job probe)" "discarded: 2" "discarding by job"
assert_equal "cancelled cancelled" "$(state_of "$timeout") $(state_of "$poison")" "the last two"
# Of many, one that cannot be tried again keeps none of the others.
enqueue probe --arg fail=true
earlier=$JOB
enqueue probe --arg fail=true --unique taken
job_becomes "$JOB" dead
job_becomes "$earlier" dead
held=$JOB
enqueue probe --unique taken --delay 3600
sql warehouse "update etl_jobs set arguments = '{}' where id in ($earlier, $held)"
assert_fails 1 tapemill dead retry --queue live
assert_contains "$OUTPUT" "skipped: job $held cannot be queued again while an unfinished job has its unique key" "the one that is skipped"
assert_contains "$OUTPUT" "tried again: 1" "the other"
job_becomes "$earlier" done
assert_fails 1 tapemill dead discard "$JOB"
assert_contains "$OUTPUT" "job $JOB is queued; only dead jobs can be discarded" "discarding one that is not dead"
assert_equal queued "$(state_of "$JOB")" "it"
tapemill cancel "$JOB" >/dev/null
tapemill dead discard "$held" >/dev/null
echo "dead jobs"

# ---- dependencies, conditions, retries --------------------------------------------------------------------------------

assert_fails 1 tapemill enqueue probe --after 999999
assert_contains "$OUTPUT" 'there is no job 999999 to wait for' "a dependency that is not there"
assert_fails 1 tapemill enqueue probe --after "$dated"
assert_contains "$OUTPUT" "job $dated is cancelled, and what waits for it would never start" "a cancelled dependency"
enqueue probe
done=$JOB
job_becomes "$done" done
why_is "$done" done done "is done since"
enqueue probe --delay 3600
delayed=$JOB
enqueue probe --after "$done,$delayed"
middle=$JOB
enqueue probe --after "$middle" --after "$delayed"
assert_equal "1 2" "$(sql warehouse "select (select pending from etl_jobs where id = $middle) || ' ' || (select pending from etl_jobs where id = $JOB)")" \
    "dependencies that are not done yet"
last=$JOB
assert_contains "$(tapemill why "$last" --json)" '"root_cause": "delayed"' "the root of a chain"
# What was enqueued while its dependency was committing counts it as pending although it is done.
sql warehouse "update etl_jobs set pending = pending + 1 where id = $middle"
sql warehouse "update etl_jobs set run_after = now() where id = $delayed"
redis_flush
job_becomes "$last" done
enqueue realized_pnl --date 2024-01-05
job_becomes "$JOB" waiting
why_is "$JOB" condition condition "waits for the books of 2024-01-04 to be closed (pnl:20240104), and no unfinished job will do that"
condition=$JOB
enqueue realized_pnl --date 2024-01-04
job_becomes "$JOB" waiting
why_is "$condition" condition condition "job $JOB (realized_pnl of 2024-01-04), which is waiting, will do that"
tapemill cancel --job realized_pnl >/dev/null

# A retry and its last error; a queue that nobody pulls; a worker that is away.
stop_workers
start_worker TAPEMILL_RETRY_BASE_SECONDS=3000
workers=("$STARTED_PID")
enqueue probe --arg fail=true
job_becomes "$JOB" retry
why_is "$JOB" retry retry "failed (1 of 3 attempts) and is tried again at"
assert_contains "$(tapemill why "$JOB")" "gate: the probe was asked to fail" "the last error"
tapemill cancel "$JOB" >/dev/null
enqueue probe --queue nobody 2>/dev/null
wait_until 20 "the worker has said what it pulls" why_has "$JOB" no_worker || fail "$(tapemill why "$JOB")"
assert_contains "$(tapemill why "$JOB")" "workers alive pulls; start one: tapemill-worker --queues nobody" "no worker"
tapemill cancel "$JOB" >/dev/null
enqueue probe --arg seconds=600
busy=$JOB
job_becomes "$busy" running
enqueue probe
why_becomes "$JOB" workers_busy
tapemill cancel "$JOB" "$busy" >/dev/null
echo "dependencies"

# ---- backfills ------------------------------------------------------------------------------------------------------

backfill=$(tapemill backfill load_executions --from 2024-01-02 --to 2024-01-31 --parallel 2 --queue nobody --json 2>/dev/null |
    sed -n 's/.*"backfill_id": \([0-9]*\).*/\1/p')
window_is_full() {
    [[ $(tapemill why --backfill "$backfill" --json) == *'"cause": "backfill_window"'* ]]
}
wait_until 20 "its window is full" window_is_full || fail "$(tapemill why --backfill "$backfill")"
tapemill backfill pause "$backfill" >/dev/null
assert_contains "$(tapemill why --backfill "$backfill")" "(load_executions) is paused; \`tapemill backfill resume $backfill\` goes on" "a paused backfill"
tapemill backfill cancel "$backfill" >/dev/null
assert_contains "$(tapemill why --backfill "$backfill")" "is cancelled" "a cancelled backfill"
echo "backfills"

# ---- locks and places -----------------------------------------------------------------------------------------------

start_worker
second=$STARTED_PID
# A process that keeps a limit's lock is named.
sql warehouse "begin; select pg_advisory_xact_lock(hashtextextended('tapemill limit:key:locked', 0)); select pg_sleep(600)" \
    >/dev/null 2>&1 &
wait_until_sql 20 "a session sleeps" warehouse "select count(*) from pg_stat_activity where query like '%pg_sleep(600)' and pid <> pg_backend_pid()" 1
sleeper=$(sql warehouse "select pid from pg_stat_activity where query like '%pg_sleep(600)' and pid <> pg_backend_pid()")
enqueue probe --limit locked
locked=$JOB
why_becomes "$locked" limit_locked
assert_contains "$(tapemill why "$locked")" "by PostgreSQL's process $sleeper (" "who holds the lock"

# A run that was taken away keeps its place until its backend is gone.
enqueue probe --limit left
lost=$JOB
job_becomes "$lost" done
sql warehouse "update etl_jobs j set backend_pid = a.pid, backend_start = a.backend_start from pg_stat_activity a
               where j.id = $lost and a.pid = $sleeper"
enqueue probe --limit left
job_becomes "$JOB" waiting
sql warehouse "select pg_terminate_backend($sleeper, 10000)" >/dev/null
job_becomes "$locked" done
tapemill limit left 1 >/dev/null
job_becomes "$JOB" done
echo "places"

# ---- a worker that is frozen, and nobody who notices -----------------------------------------------------------------

stop_process "$scheduler"

# Nobody but the command wakes what was parked at a key's limit and then passed over with its queue.
enqueue probe --arg seconds=600 --limit shared
holder=$JOB
job_becomes "$holder" running
enqueue probe --queue batch --limit shared
job_becomes "$JOB" waiting
tapemill queue pause batch >/dev/null
tapemill cancel "$holder" >/dev/null
assert_equal waiting "$(state_of "$JOB")" "a parked job of a paused queue"
tapemill queue resume batch >/dev/null
job_becomes "$JOB" done
stop_process "$second"
echo "resumed"

enqueue probe --arg seconds=600
job_becomes "$JOB" running
runner=$(sql warehouse "select substring(claimed_by from '/([0-9]+)') from etl_jobs where id = $JOB")
kill -STOP "${workers[0]}" "$runner"
lease_is_lost() {
    [[ $(tapemill why "$JOB") == *"nobody holds its lease: its worker is gone or frozen"* ]]
}
wait_until 20 "why tells of the lost lease" lease_is_lost || fail "$(tapemill why "$JOB")"
kill -CONT "${workers[0]}" "$runner"
tapemill cancel "$JOB" >/dev/null
stop_workers
enqueue probe --queue batch
redis_flush
why_is "$JOB" no_worker no_worker "is on queue batch, which none of the 0 workers alive pulls"
assert_contains "$(tapemill why "$JOB")" "no scheduler leads that would put it there" "why of a job that nobody puts back"
echo "frozen"
