#!/usr/bin/env bash
# `runs follow`: each run is told once when it begins and once when it ends, through many at once, a failure, a lost
# connection, and runs that were there before; `--until-quiet` ends when no job can run any more.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up
export TAPEMILL_RETRY_BASE_SECONDS=0
tapemill migrate >/dev/null

# Nothing to do: it ends at once, and says nothing.
assert_equal '' "$(tapemill runs follow --until-quiet 2>&1)" "an idle system"

# Runs of the past are not told.
start_worker
tapemill enqueue probe --wait >/dev/null 2>&1
assert_equal '' "$(tapemill runs follow --until-quiet 2>&1)" "runs of the past"

# ---- many runs, in several workers; the one under way before it began is told too ---------------------------------

start_worker
start_worker
long=$(tapemill enqueue probe --arg seconds=600 | sed -E 's/.*job ([0-9]+).*/\1/')
wait_until_sql 20 "the long job runs" warehouse "select state from etl_jobs where id = $long" running
follow() {
    start_process follow -- "$TAPEMILL_BIN/tapemill" runs follow "$@"
    FOLLOW_PID=$STARTED_PID FOLLOW_LOG=$STARTED_LOG
}
follow
wait_until 20 "the run under way is told" grep -q "started: job $long," "$FOLLOW_LOG" || fail "it is not"
assert_equal 1 "$(wc -l <"$FOLLOW_LOG")" "lines before anything else began"
for _ in 1 2 3 4 5 6 7 8 9 10; do
    tapemill enqueue probe >/dev/null 2>&1
done
bad=$(tapemill enqueue probe --arg fail=true | sed -E 's/.*job ([0-9]+).*/\1/')
tapemill cancel "$long" >/dev/null
tapemill runs follow --until-quiet >"$TEST_DIR/quiet.log" 2>&1
wait_until_sql 20 "all ended" warehouse "select count(*) from etl_jobs where state not in ('done', 'dead', 'cancelled')" 0
# Each of the runs after the first has its line of the end, once, with what the ledger says of it.
ended() {
    sed -nE 's/^[0-9:]{8}  run ([0-9]+)  probe  (COMPLETED|FAILED|CANCELLED) in [0-9.]+s.*/\1 \2/p' "$1" | sort -n
}
expected=$(sql warehouse "select run_no || ' ' || status from etl_job_runs where run_no > 1 order by run_no")
all_told() {
    [ "$(ended "$FOLLOW_LOG")" = "$expected" ]
}
wait_until 20 "the end of every run is told once" all_told || fail "$(cat "$FOLLOW_LOG")"
assert_equal "$(sed -nE 's/.* run ([0-9]+)  probe  started: .*/\1/p' "$FOLLOW_LOG" | sort -n | uniq -d)" '' "runs begun twice"
assert_equal 3 "$(grep -c "FAILED in .*: the probe was asked to fail" "$FOLLOW_LOG")" "failures of job $bad with their error"

# ---- its connection is lost: it opens another, and misses nothing -------------------------------------------------

sql warehouse "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tapemill command'" >/dev/null
wait_until 20 "it says that it tries again" grep -q 'trying again until it is back' "$FOLLOW_LOG" || fail "it does not"
tapemill enqueue probe --wait >/dev/null 2>&1
expected=$(sql warehouse "select run_no || ' ' || status from etl_job_runs where run_no > 1 order by run_no")
wait_until 20 "the run after it is told" all_told || fail "$(cat "$FOLLOW_LOG")"
stop_process "$FOLLOW_PID"

# ---- one job, one backfill ---------------------------------------------------------------------------------------

follow --job dates
follow_dates=$FOLLOW_LOG
follow --backfill 77
follow_backfill=$FOLLOW_LOG
wait_until_sql 20 "both look" warehouse \
    "select count(distinct pid) from pg_stat_activity where application_name = 'tapemill command' and query like '%etl_job_runs%'" 2
tapemill enqueue probe --wait >/dev/null 2>&1
tapemill enqueue dates --wait >/dev/null 2>&1
wait_until 20 "the run of dates is told" grep -qE 'run [0-9]+  dates  COMPLETED in [0-9.]+s, [0-9,]+ rows, [0-9,]+ rows/s' \
    "$follow_dates" || fail "$(cat "$follow_dates")"
assert_equal 0 "$(grep -c probe "$follow_dates")" "runs of another job"
assert_equal '' "$(cat "$follow_backfill")" "runs that are of no backfill"

# ---- a number that is committed after a higher one ----------------------------------------------------------------

follow
late_log=$FOLLOW_LOG
wait_until_sql 20 "the third looks too" warehouse \
    "select count(distinct pid) from pg_stat_activity where application_name = 'tapemill command' and query like '%etl_job_runs%'" 3
coproc LATE { psql -XAtq "$TAPEMILL_WAREHOUSE_URL"; }
# It began a minute from now, so that it has begun just now however slow this machine is.
echo "begin; insert into etl_job_runs (job_name, job_type, status, attempt, fence, started_at, completed_at)
      values ('late', 'ETL', 'COMPLETED', 1, 1, now() + interval '1 minute', now() + interval '1 minute')
      returning run_no;" >&"${LATE[1]}"
read -r -t 20 late <&"${LATE[0]}" || fail "the late run has no number"
tapemill enqueue probe --wait >/dev/null 2>&1
higher=$(sql warehouse "select max(run_no) from etl_job_runs")
wait_until 20 "the higher number is told" grep -q "run $higher  probe  COMPLETED" "$late_log" || fail "it is not"
[ "$higher" -gt "$late" ] || fail "run $late is not below run $higher"
echo "commit;" >&"${LATE[1]}"
wait_until 20 "the lower number is told, once committed" grep -q "run $late  late  COMPLETED" "$late_log" || fail "it is not"
tapemill enqueue probe --wait >/dev/null 2>&1
tapemill runs follow --until-quiet
assert_equal 1 "$(grep -c "run $late " "$late_log")" "lines of the late run"
stop_process "$FOLLOW_PID"

# ---- on a terminal: those under way on one line that is redrawn, no line when a run begins -------------------------

long=$(tapemill enqueue probe --arg seconds=600 | sed -E 's/.*job ([0-9]+).*/\1/')
start_process terminal -- python3 -c 'import pty, sys; pty.spawn(sys.argv[1:])' \
    "$TAPEMILL_BIN/tapemill" runs follow --until-quiet
wait_until 20 "the run under way is shown" grep -qE '1 running: run [0-9]+  probe [0-9.]+s' "$STARTED_LOG" ||
    fail "$(cat "$STARTED_LOG")"
tapemill cancel "$long" >/dev/null
wait_until 20 "it ends" servers_process_gone "$STARTED_PID" || fail "it does not: $(cat "$STARTED_LOG")"
assert_equal 1 "$(grep -cE 'run [0-9]+  probe  CANCELLED in' "$STARTED_LOG")" "lines of the end"
assert_equal 0 "$(grep -c 'started: ' "$STARTED_LOG")" "lines of the beginning"
