#!/usr/bin/env bash
# Pipelines: a step that fails stops what depends on it and nothing else, within its date and across dates; once it is
# tried again the rest follows by itself; and who waits for what nobody will do is told so.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up
export TAPEMILL_SCHEDULER_TICK_MS=20 TAPEMILL_LEASE_SECONDS=2 TAPEMILL_HEARTBEAT_MS=200 TAPEMILL_RECONCILE_SECONDS=1
export TAPEMILL_RETRY_BASE_SECONDS=0 TAPEMILL_HISTORY_START=2024-01-02 TAPEMILL_DATES_FROM=2024-01-01
tapemill migrate >/dev/null
tapemill source generate --seed 5 --from 2024-01-02 --days 6 --rows 60 --weekends few --instruments 10 --accounts 3 \
    --clients 4 >/dev/null 2>&1

state_of() { # JOB DATE
    sql warehouse "select state from etl_jobs where job_name = '$1' and business_date = '$2' order by id desc limit 1"
}
states_of() { # DATE: of its steps
    sql warehouse "select string_agg(step || ' ' || state, ', ' order by id) from etl_jobs where business_date = '$1'"
}
is_over() { # nothing is queued or runs
    sql_is warehouse "select count(*) from etl_jobs where state in ('queued', 'retry', 'running')
        and job_name not in ('compare_source')" 0
}
all_over() {
    wait_until 120 "nothing is left that can go on" is_over || fail "jobs do not end"
}
hopeless() { # JOB: how many rows the statement that decides it gives
    local text
    text=$(sed -n '/^-- name: hopeless$/,/^-- name: /p' "$TAPEMILL_ROOT/sql/ops/jobs.sql" | sed '/^-- name/d; s/;$//')
    sql warehouse "select count(*) from (${text//\$1/"'{$1}'"}) hopeless"
}

start_scheduler
start_worker
start_worker

# ---- what nobody will do -------------------------------------------------------------------------------------------

assert_fails 1 tapemill enqueue daily_load --date 2024-01-04 --wait
assert_contains "$OUTPUT" 'waits for the books of 2024-01-03 to be closed, and nothing that is queued or runs will close them; '\
'load that date (tapemill enqueue daily_load --date 2024-01-03), and this job goes on' "waiting for what nobody will do"
assert_equal 'executions done, trades done, orders done, quotes done, risk done, realized_pnl waiting, performance waiting, performance_risk waiting, positions waiting, summary done, gate waiting, views waiting' "$(states_of 2024-01-04)" \
    "the date that waits"
waiting=$(sql warehouse "select id from etl_jobs where job_name = 'realized_pnl' and business_date = '2024-01-04'")
performance=$(sql warehouse "select id from etl_jobs where job_name = 'daily_performance' and business_date = '2024-01-04'")
assert_equal '1 1' "$(hopeless "$waiting") $(hopeless "$performance")" "the job that waits, and the one behind it"
# The chain is followed to its beginning: the date before waits in turn.
assert_fails 1 tapemill enqueue daily_load --date 2024-01-05 --wait
assert_contains "$OUTPUT" 'books of 2024-01-03' "the beginning of the chain"
# So is a backfill that ends with such dates, whatever their order; it stays running, for the books may come.
assert_fails 1 tapemill backfill daily_load --from 2024-01-06 --to 2024-01-07 --backwards --wait
assert_contains "$OUTPUT" 'books of 2024-01-03' "a backfill of dates that wait"
assert_equal running "$(sql warehouse 'select state from etl_backfills')" "its state"
# A backfill that has the date before it will do it, in either direction.
for direction in "false, '2024-01-02'" "true, '2024-01-03'"; do
    sql warehouse "insert into etl_backfills (target, from_date, to_date, backwards, next_date, parallel, reprocess, queue,
        priority, state) values ('daily_load', '2024-01-02', '2024-01-03', $direction, 1, 'none', 'backfill', 5, 'paused')"
    assert_equal 0 "$(hopeless "$waiting")" "a backfill ($direction) will load the date"
    sql warehouse "update etl_backfills set next_date = null where state = 'paused'"
    assert_equal 1 "$(hopeless "$waiting")" "a backfill ($direction) has loaded its dates"
    sql warehouse "delete from etl_backfills where state = 'paused'"
done
echo "what nobody will do"

# ---- a step fails --------------------------------------------------------------------------------------------------

sql source 'alter table trades rename to gone'
tapemill enqueue daily_load --date 2024-01-02 >/dev/null
all_over
assert_equal 'executions done, trades dead, orders done, quotes done, risk done, realized_pnl waiting, performance waiting, performance_risk waiting, positions waiting, summary waiting, gate waiting, views waiting' "$(states_of 2024-01-02)" \
    "a date with a step that failed"
sql source 'alter table gone rename to trades'
assert_fails 1 tapemill enqueue daily_load --date 2024-01-03 --wait
dead=$(sql warehouse "select id from etl_jobs where state = 'dead' and job_name = 'load_trades'")
assert_contains "$OUTPUT" "job $dead (load_trades) is dead" "waiting for a date whose step is dead"
assert_contains "$OUTPUT" "tapemill dead retry $dead" "its remedy"
assert_equal 'executions done, trades done, orders done, quotes done, risk done, realized_pnl waiting, performance waiting, performance_risk waiting, positions waiting, summary done, gate waiting, views waiting' "$(states_of 2024-01-03)" \
    "the next date"

# ---- it is tried again ---------------------------------------------------------------------------------------------

last=$(sql warehouse "select max(id) from etl_jobs where job_name = 'daily_performance'")
tapemill dead retry "$dead" >/dev/null
wait_until_sql 120 "the last date's performance is done" warehouse "select state from etl_jobs where id = $last" done
all_over
for date in 2024-01-02 2024-01-03 2024-01-04 2024-01-05 2024-01-06 2024-01-07; do
    assert_equal 'executions done, trades done, orders done, quotes done, risk done, realized_pnl done, performance done, performance_risk done, positions done, summary done, gate done, views done' "$(states_of $date)" "$date in the end"
done
assert_equal 6 "$(sql warehouse "select count(*) from etl_conditions where key like 'pnl:202401%' and met")" "closed dates"
wait_until_sql 60 "the backfill that waited is completed" warehouse 'select state from etl_backfills' completed
tapemill enqueue daily_load --date 2024-01-08 --wait >/dev/null 2>&1 || fail "the date after all of them"
echo "a step fails"
while read -r pid _; do
    servers_process_gone "$pid" || stop_process "$pid"
done <"$TEST_DIR/processes"
