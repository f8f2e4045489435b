#!/usr/bin/env bash
# Backfills over many dates: what a tick costs does not grow with them; live work goes first; pause, resume and cancel
# settle exactly; a scheduler that is killed at any moment loses and doubles no date; backwards ends; --reprocess and
# --dry-run agree with what runs.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up
export TAPEMILL_SCHEDULER_TICK_MS=20 TAPEMILL_LEASE_SECONDS=2 TAPEMILL_HEARTBEAT_MS=200 TAPEMILL_RECONCILE_SECONDS=1
export TAPEMILL_RETRY_BASE_SECONDS=1 TAPEMILL_HISTORY_START=2024-01-02 TAPEMILL_DATES_FROM=2024-01-01
# freed memory is not kept back, so that what a process has is what it needs
export ASAN_OPTIONS=quarantine_size_mb=0:thread_local_quarantine_size_kb=0
seed=${TAPEMILL_TEST_SEED:-$RANDOM}
RANDOM=$seed
many=${TAPEMILL_TEST_LONG:+30000}
many=${many:-1500}
killed=${TAPEMILL_TEST_LONG:+400} # dates that are taken while schedulers are killed
killed=${killed:-120}
days=${TAPEMILL_TEST_LONG:+8} # real ones
days=${days:-4}
tapemill migrate >/dev/null

backfill() {
    BACKFILL=$(tapemill backfill "$@" --json | sed -n 's/.*"backfill_id": \([0-9]*\).*/\1/p')
    [ -n "$BACKFILL" ] || fail "tapemill backfill $* gave no id"
}
day() {
    date -u -d "2000-01-01 + $1 days" +%F
}
dates() { # COUNT: of a range that no test before has used
    FROM=$(day "$next_day") TO=$(day $((next_day + $1 - 1)))
    next_day=$((next_day + $1))
}
next_day=0
becomes() {
    wait_until_sql "${3:-120}" "backfill $1 becomes $2" warehouse "select state from etl_backfills where id = $1" "$2"
}
jobs_of() { # BACKFILL STATES
    sql warehouse "select count(*) from etl_jobs where backfill_id = $1 and state = any ('{$2}')"
}
some_run() {
    [ "$(jobs_of "$BACKFILL" running)" -gt 0 ]
}
are_done() {
    [ "$(jobs_of "$BACKFILL" done)" -ge "$1" ]
}
# Every date of the range has one job, and each that is done one effect.
check_dates() { # COUNT DESCRIPTION
    assert_equal "$1|$1|$1" "$(sql warehouse "select count(*), count(distinct j.business_date), count(p.job_id)
        from etl_jobs j left join etl_probes p on p.job_id = j.id where j.backfill_id = $BACKFILL")" "dates ($2)"
    check_sum "$2"
}
# What `backfill show` says adds up to the dates of the range.
check_sum() {
    tapemill backfill show "$BACKFILL" --json | python3 -c "
import json, sys
p = json.load(sys.stdin)['progress']
parts = [p[name] for name in ('skipped', 'done', 'failed', 'cancelled', 'running', 'waiting', 'to_take')]
sys.exit(0 if sum(parts) == p['dates'] and min(parts) >= 0 else f'$1: {p} does not add up')" || fail "progress"
}
# The scheduler has gone over all backfills at least once since.
scheduler_passes() {
    local marker
    marker=$(day $((40000 + (next_marker += 1))))
    marker=$(tapemill backfill probe --from "$marker" --to "$marker" --queue live --json | sed -n 's/.*"backfill_id": \([0-9]*\).*/\1/p')
    becomes "$marker" completed
}
next_marker=0
statement_blocks() { # FILE STATEMENT VALUES...: how many blocks it touches
    local text number=0 value
    text=$(sed -n "/^-- name: $2$/,/^-- name: /p" "$TAPEMILL_ROOT/sql/$1.sql" | sed '/^-- name/d; s/;$//')
    shift 2
    for value in "$@"; do
        number=$((number + 1))
        text=${text//\$$number/"'$value'"}
    done
    sql warehouse "begin; update etl_backfills set state = 'running', next_date = to_date where id = $BACKFILL; explain (analyze, buffers, costs off, timing off, format json) $text; rollback" |
        python3 -c "import json, sys
plan = json.load(sys.stdin)[0]['Plan']
print(plan['Shared Hit Blocks'] + plan['Shared Read Blocks'])"
}
memory_kb() {
    sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$1/status"
}

start_scheduler
scheduler=$STARTED_PID
start_worker -- --queues live,backfill
worker=$STARTED_PID

# ---- many dates ----------------------------------------------------------------------------------------------------

dates "$many"
begun=$SECONDS
backfill probe --from "$FROM" --to "$TO" --parallel 100 --arg mark=true
wait_until 600 "a tenth is done" are_done $((many / 10)) || fail "the backfill does not go on"
memory_first=$(memory_kb "$scheduler")
becomes "$BACKFILL" completed 1200
memory_last=$(memory_kb "$scheduler")
check_dates "$many" "many dates"
# As on the last date, among all that are done: one more look costs a few blocks.
for statement in 'free_places 10' 'finish' 'reopen' 'cancelled_live' 'survey'; do
    case $statement in
    free_places*) blocks=$(statement_blocks ledger/backfill free_places "$BACKFILL" 10) ;;
    survey) blocks=$(statement_blocks ledger/backfill survey 0 100) ;;
    *) blocks=$(statement_blocks ledger/backfill "$statement" 10) ;;
    esac
    echo "${statement% *}: $blocks blocks" >>"$TEST_DIR/blocks"
    [ "$blocks" -le 100 ] || fail "with $many dates done ${statement% *} touches $blocks blocks"
done
blocks=$(statement_blocks ops/backfill progress "$BACKFILL")
[ "$blocks" -le 100 ] || fail "with $many dates done showing the progress touches $blocks blocks"
[ $((memory_last - memory_first)) -le 4096 ] ||
    fail "the scheduler grew from $memory_first kB at a tenth of $many dates to $memory_last kB at the end"
cat "$TEST_DIR/blocks"
echo "$many dates in $((SECONDS - begun)) s; the scheduler had $memory_first kB at a tenth of them, $memory_last kB at the end"

# ---- live work first -----------------------------------------------------------------------------------------------

dates 60
backfill probe --from "$FROM" --to "$TO" --parallel 30 --arg mark=true --arg seconds=0.1
wait_until 60 "the backfill runs" are_done 3 || fail "the backfill does not run"
live=$(tapemill enqueue probe --json | sed -n 's/.*"job_ids": \[\([0-9]*\)].*/\1/p')
known=$(sql warehouse 'select max(run_no) from etl_job_runs')
wait_until_sql 60 "the live job is done" warehouse "select state from etl_jobs where id = $live" done
# The worker may have taken one job before the live one was there; its next one is the live one.
between=$(sql warehouse "select count(*) from etl_job_runs r where run_no > $known
    and run_no < (select run_no from etl_job_runs where job_id = $live)")
[ "$between" -le 1 ] || fail "$between jobs of the backfill began before the live one"
[ "$(jobs_of "$BACKFILL" queued)" -gt 0 ] || fail "no job of the backfill was left that could have gone first"
echo "live work first"

# ---- pause and resume ----------------------------------------------------------------------------------------------

tapemill backfill pause "$BACKFILL" >/dev/null
OUTPUT=$(tapemill backfill show "$BACKFILL")
assert_contains "$OUTPUT" 'paused: no further date begins; dates under way, which go on to their end: ' "show, at once"
wait_until_sql 60 "what is under way ends" warehouse "select count(*) from etl_jobs where backfill_id = $BACKFILL
    and state in ('queued', 'retry', 'running', 'waiting')" 0
taken=$(sql warehouse "select count(*) || ' ' || next_date from etl_jobs j join etl_backfills b on b.id = j.backfill_id
    where b.id = $BACKFILL group by next_date")
scheduler_passes
assert_equal "$taken" "$(sql warehouse "select count(*) || ' ' || next_date from etl_jobs j
    join etl_backfills b on b.id = j.backfill_id where b.id = $BACKFILL group by next_date")" "what a paused backfill took"
assert_contains "$(tapemill backfill show "$BACKFILL")" 'paused: no further date begins, and none is under way' "show, settled"
check_sum "paused"
assert_fails 1 tapemill backfill pause "$BACKFILL"
assert_contains "$OUTPUT" "backfill $BACKFILL is paused already" "pausing twice"
tapemill backfill resume "$BACKFILL" --wait 2>"$TEST_DIR/resumed" || fail "resume: $(cat "$TEST_DIR/resumed")"
assert_contains "$(cat "$TEST_DIR/resumed")" "backfill $BACKFILL is completed" "watching the resumed"
check_dates 60 "paused and resumed"
echo "pause and resume"

# ---- cancel --------------------------------------------------------------------------------------------------------

dates 200
backfill probe --from "$FROM" --to "$TO" --parallel 50 --arg mark=true --arg seconds=0.1
wait_until 60 "it runs" are_done 3 || fail "the backfill does not run"
wait_until 60 "one runs" some_run || fail "none runs"
tapemill backfill cancel "$BACKFILL" >/dev/null
settled() {
    sql warehouse "select state, count(*) from etl_jobs where backfill_id = $BACKFILL group by 1 order by 1"
}
assert_equal 0 "$(jobs_of "$BACKFILL" waiting,queued,retry,running,dead)" "jobs of a cancelled backfill that could go on"
before=$(settled)
check_sum cancelled
scheduler_passes
assert_equal "$before" "$(settled)" "jobs of a cancelled backfill, later"
assert_equal 0 "$(sql warehouse "select count(*) from etl_job_runs r join etl_jobs j on j.id = r.job_id
    where j.backfill_id = $BACKFILL and r.status = 'RUNNING'")" "runs of a cancelled backfill"
assert_equal 0 "$(sql warehouse "select count(*) from etl_probes p join etl_jobs j on j.id = p.job_id
    where j.backfill_id = $BACKFILL and j.state <> 'done'")" "effects of cancelled jobs"
# One that a person runs again runs, and is not cancelled again.
retried=$(sql warehouse "select max(id) from etl_jobs where backfill_id = $BACKFILL and state = 'cancelled'")
tapemill dead retry "$retried" >/dev/null
wait_until_sql 60 "a cancelled job that is retried runs" warehouse "select state from etl_jobs where id = $retried" done
# The dates that were not done are taken by another backfill.
cancelled=$(jobs_of "$BACKFILL" cancelled)
assert_contains "$(tapemill backfill probe --from "$FROM" --to "$TO" --arg mark=true --arg seconds=0.1 --reprocess failed --dry-run)" \
    "$((200 - $(jobs_of "$BACKFILL" done) - 1)) of 200 dates would run" "what is left of a cancelled backfill"
[ "$cancelled" -gt 0 ] || fail "no job was cancelled"

# A job that others outside need is left, and told; it goes with the last of them.
dates 2
backfill probe --from "$FROM" --to "$TO" --queue batch
wait_until_sql 60 "both are queued" warehouse "select count(*) from etl_jobs where backfill_id = $BACKFILL and state = 'queued'" 2
needed=$(sql warehouse "select min(id) from etl_jobs where backfill_id = $BACKFILL")
outside=$(sql warehouse "with outside as (
        insert into etl_jobs (job_name, job_type, queue, max_attempts, state, pending)
        values ('probe', 'MAINTENANCE', 'batch', 1, 'waiting', 1) returning id)
    insert into etl_job_dependencies (job_id, depends_on) select id, $needed from outside returning job_id")
assert_equal "backfill $BACKFILL is cancelled, and 1 of its jobs with it
left, as jobs outside of it depend on them (\`tapemill cancel\` those first to be rid of them): 1
  job $needed (probe $FROM) is queued; job $outside depends on it" "$(tapemill backfill cancel "$BACKFILL")" "what is left"
tapemill cancel "$outside" >/dev/null
wait_until_sql 60 "what was left is cancelled" warehouse "select state from etl_jobs where id = $needed" cancelled

# Running jobs finish if that is asked for; one that fails then is not tried again.
dates 20
backfill probe --from "$FROM" --to "$TO" --parallel 10 --arg mark=true --arg seconds=1
wait_until 60 "one runs" some_run || fail "none runs"
running=$(sql warehouse "select id from etl_jobs where backfill_id = $BACKFILL and state = 'running'")
tapemill backfill cancel "$BACKFILL" --let-finish >"$TEST_DIR/cancelled"
assert_contains "$(cat "$TEST_DIR/cancelled")" 'those that run finish' "cancel --let-finish"
assert_equal 0 "$(jobs_of "$BACKFILL" waiting,queued,retry,dead)" "jobs that did not run"
wait_until_sql 60 "the running one finishes" warehouse "select state from etl_jobs where id = $running" done
dates 20
backfill probe --from "$FROM" --to "$TO" --parallel 10 --arg fail=true --arg seconds=1
wait_until 60 "one runs" some_run || fail "none runs"
tapemill backfill cancel "$BACKFILL" --let-finish >/dev/null
wait_until_sql 60 "the one that fails is not tried again" warehouse \
    "select string_agg(distinct state, ' ') from etl_jobs where backfill_id = $BACKFILL" cancelled

# The command was killed after its first step: the scheduler goes on.
dates 200
backfill probe --from "$FROM" --to "$TO" --parallel 100 --arg seconds=0.2
wait_until 60 "it runs" are_done 1 || fail "the backfill does not run"
sql warehouse "update etl_backfills set state = 'cancelled', finished_at = now() where id = $BACKFILL"
wait_until_sql 60 "what a killed command left is cancelled" warehouse \
    "select count(*) from etl_jobs where backfill_id = $BACKFILL and state not in ('done', 'cancelled')" 0
[ "$(jobs_of "$BACKFILL" cancelled)" -gt 0 ] || fail "nothing was left to cancel"
check_sum "cancelled by the scheduler"
echo "cancel"

# ---- which dates, and how long -------------------------------------------------------------------------------------

dates 10
set -- probe --from "$FROM" --to "$TO" --arg mark=true
assert_contains "$(tapemill backfill "$@" --dry-run)" "10 of 10 dates would run" "a dry run before"
[[ $(tapemill backfill "$@" --dry-run) =~ 'by the ledger'.*'a date, 4 at a time) and '[0-9]+' records' ]] || fail "the estimate"
backfill "$@"
becomes "$BACKFILL" completed
sql warehouse "update etl_jobs set state = 'dead' where backfill_id = $BACKFILL and business_date = '$FROM';
               update etl_jobs set state = 'cancelled' where backfill_id = $BACKFILL and business_date = '$TO'"
for reprocess in none:0 failed:2 completed:10; do
    tapemill backfill "$@" --reprocess ${reprocess%:*} --dry-run --json | python3 -c "
import json, sys
plan = json.load(sys.stdin)
assert plan['would_run'] == len(plan['run']) == ${reprocess#*:} and len(plan['left_out']) == 10 - plan['would_run'], plan
assert plan['estimated_seconds'] is not None and plan['estimated_records'] is not None, plan" ||
        fail "the dry run of --reprocess ${reprocess%:*}"
    known=$(sql warehouse 'select max(id) from etl_jobs')
    backfill "$@" --reprocess ${reprocess%:*}
    becomes "$BACKFILL" completed
    assert_equal "${reprocess#*:}" "$(sql warehouse "select count(*) from etl_jobs where id > $known
        and backfill_id = $BACKFILL")" "dates that --reprocess ${reprocess%:*} ran"
    assert_equal $((10 - ${reprocess#*:})) "$(sql warehouse "select skipped_dates from etl_backfills where id = $BACKFILL")" \
        "dates that --reprocess ${reprocess%:*} left out"
    check_sum "--reprocess ${reprocess%:*}"
done
echo "which dates"

# ---- a scheduler that is killed again and again --------------------------------------------------------------------

echo "seed $seed"
dates "$killed"
backfill probe --from "$FROM" --to "$TO" --parallel 20 --arg mark=true --arg seconds=0.02 --backwards
kills=0
while [ "$(sql warehouse "select state from etl_backfills where id = $BACKFILL")" = running ]; do
    sleep "0.$((RANDOM % 4))$((RANDOM % 10))" # not for readiness: so that the kill falls anywhere
    stop_process "$scheduler" KILL
    kills=$((kills + 1))
    start_scheduler
    scheduler=$STARTED_PID
    [ $kills -lt 25 ] || becomes "$BACKFILL" completed
done
becomes "$BACKFILL" completed
check_dates "$killed" "the scheduler was killed"
echo "$kills kills"

# ---- backwards over real days --------------------------------------------------------------------------------------

# Each date's P&L waits for the date before, which comes later: they hold no place. Shared steps run once or twice.
parallel=2 real_to=$(date -u -d "2024-01-01 + $days days" +%F)
tapemill source generate --seed 5 --from 2024-01-02 --days $days --rows 60 --weekends few --instruments 10 --accounts 3 \
    --clients 4 >/dev/null
for job in dates partitions sync_dimensions sync_fx_rates; do
    tapemill enqueue $job --queue live >/dev/null
done
wait_until_sql 120 "what comes before any date is done" warehouse "select count(*) from etl_jobs
    where queue = 'live' and state in ('waiting', 'queued', 'retry', 'running')" 0
known=$(sql warehouse 'select max(id) from etl_jobs')
backfill daily_load --from 2024-01-02 --to "$real_to" --parallel $parallel --backwards
becomes "$BACKFILL" completed 240
assert_equal "$days" "$(sql warehouse "select count(*) from etl_conditions where key like 'pnl:202401%' and met
    and right(key, 8) between '20240102' and '${real_to//-/}'")" "dates whose books are closed"
assert_equal "$((days * 12))|done" "$(sql warehouse "select count(*), string_agg(distinct state, ' ') from etl_jobs
    where backfill_id = $BACKFILL")" "jobs of the dates"
assert_equal t "$(sql warehouse "select max(count) <= 2 from (select count(*) from etl_jobs
    where id > $known and step in ('dates', 'dimensions', 'fx_rates') group by step) steps")" "shared steps ran at most twice"
check_sum backwards
echo "backwards"

# ---- shared steps at a limit ---------------------------------------------------------------------------------------

# The steps that the dates wait for find no room in their queue: the window stays closed, and nothing is given up.
tapemill queue limit backfill 1 >/dev/null
holder=$(tapemill enqueue probe --queue backfill --priority 9 --arg seconds=600 --json | sed -n 's/.*"job_ids": \[\([0-9]*\)].*/\1/p')
wait_until_sql 60 "a probe holds the only place" warehouse "select state from etl_jobs where id = $holder" running
start_worker -- --queues live,backfill
second=$STARTED_PID
backfill daily_load --from 2024-02-01 --to 2024-02-20 --parallel 2
parked="select count(distinct s.id) from etl_jobs s join etl_job_dependencies d on d.depends_on = s.id
    join etl_jobs j on j.id = d.job_id and j.backfill_id = $BACKFILL
    where s.pipeline_run_id is null and s.state = 'waiting' and s.wait_key = 'limit:queue:backfill'"
wait_until_sql 60 "the shared steps are parked" warehouse "$parked" 3
scheduler_passes
scheduler_passes
assert_equal 2 "$(sql warehouse "select count(distinct business_date) from etl_jobs where backfill_id = $BACKFILL")" \
    "dates under way while their shared steps wait at a limit"
assert_equal 3 "$(sql warehouse "$parked")" "shared steps at the limit"
sql warehouse "update etl_backfills set next_date = null where id = $BACKFILL;
    update etl_jobs set state = 'dead' where id = (select max(id) from etl_jobs where backfill_id = $BACKFILL)"
scheduler_passes
scheduler_passes
assert_equal running "$(sql warehouse "select state from etl_backfills where id = $BACKFILL")" \
    "a backfill with a dead job whose shared steps wait at a limit"
tapemill backfill cancel "$BACKFILL" >/dev/null
tapemill cancel "$holder" >/dev/null
tapemill queue limit backfill none >/dev/null
stop_process "$second"
echo "shared steps at a limit"
stop_process "$scheduler"
stop_process "$worker"
