#!/usr/bin/env bash
# A trade that changes its date at the source while both dates are being loaded ends up as exactly one row, whichever load
# commits first, whether the days are merged or built.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up TAPEMILL_LEASE_SECONDS=10 TAPEMILL_DATES_FROM=2024-01-01
export TAPEMILL_HISTORY_START=2024-01-02 TAPEMILL_TIMEZONE=UTC
tapemill migrate >/dev/null
tapemill source init >/dev/null
sql source "
insert into instruments (instrument_id, symbol, currency, updated_at) values (1, 'AAA', 'USD', '2024-01-01Z');
insert into accounts (account_id, tenant_id, updated_at) values (10, '00000000-0000-0000-0000-000000000001', '2024-01-01Z')"
for job in dates partitions sync_dimensions sync_fx_rates; do
    tapemill enqueue $job >/dev/null
done
run_queued_undisturbed
redis_flush

# execution ID DATE
execution() {
    sql source "insert into executions (execution_id, account_id, instrument_id, executed_at, side, quantity, price, status,
                                        updated_at)
                values ($1, 10, 1, '$2 12:00Z', 'BUY', 1, 1, 'NEW', '$2 12:00Z')"
}

# move ID DATE: at the source, in a newer version
move() {
    sql source "update executions set executed_at = '$2 13:00Z', updated_at = updated_at + interval '1 day'
                where execution_id = $1"
}

job_is_done() {
    wait_until_sql 60 "$1" warehouse "select state from etl_jobs where id = $JOB" done
}

# moved ID DATE_KEY WHAT: all that the facts know of the execution
moved() {
    wait_until_quiet
    assert_equal "$2" "$(sql warehouse "select string_agg(date_key::text, ' ') from fact_trades
                                        where trade_reference = '$1' and not is_deleted")" "$3"
    assert_equal 0 "$(sql warehouse "select count(*) from (select from fact_trades where not is_deleted
                                     group by tenant_id, source, trade_reference having count(*) > 1) twice")" \
        "trades with two live rows: $3"
}

# A psql session that holds what it locked until it is told to commit.
open_session() {
    mkfifo "$TEST_DIR/session.pipe"
    start_process session -- bash -c 'exec psql -XAtq -v ON_ERROR_STOP=1 "$TAPEMILL_WAREHOUSE_URL" <"$1"' - \
        "$TEST_DIR/session.pipe"
    exec {session}>"$TEST_DIR/session.pipe"
}

start_scheduler
start_worker
start_worker

# ---- both days are merged

execution 1 2024-01-02
execution 9 2024-01-02
execution 11 2024-01-03
execution 19 2024-01-03
for date in 2024-01-02 2024-01-03; do
    enqueue load_executions --date $date
    wait_until_quiet
done
execution 5 2024-01-02
arm load.merged stop
enqueue load_executions --date 2024-01-02
first=$JOB
wait_until_hit load.merged
move 5 2024-01-03
enqueue load_executions --date 2024-01-03
job_is_done "the load of the new date, while that of the old one stands still"
kill -CONT "$HIT_PID"
moved 5 20240103 "a trade that moved between two merges"
assert_equal 'FAILED pg_conflict, COMPLETED' "$(sql warehouse "
    select string_agg(status || coalesce(' ' || error_code, ''), ', ' order by run_no)
    from etl_job_runs where job_id = $first")" "runs of the load that came second"
echo "merged"

# ---- the old date is built, and looks for moved trades when its indexes are there

execution 101 2024-01-04
execution 109 2024-01-04
execution 105 2024-01-04
execution 111 2024-01-05
arm load.indexed stop
enqueue load_executions --date 2024-01-04
wait_until_hit load.indexed
move 105 2024-01-05
enqueue load_executions --date 2024-01-05
job_is_done "the load of the new date, while the old one is built"
kill -CONT "$HIT_PID"
moved 105 20240105 "a trade that moved while its date was built"
echo "built"

# ---- the same, after that look: before the leaf is attached it looks again

execution 201 2024-01-08
execution 209 2024-01-08
execution 205 2024-01-08
execution 211 2024-01-09
open_session
echo "begin; insert into etl_conditions (key, met) values ('booked:DESK:20240108', false);" >&"$session"
wait_until_sql 20 "the session holds the condition" warehouse \
    "select count(*) from pg_stat_activity where state = 'idle in transaction' and application_name = 'psql'" 1
enqueue load_executions --date 2024-01-08
wait_until_sql 60 "the load waits for the condition" warehouse \
    "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like 'insert into etl_conditions%'" 1
move 205 2024-01-09
enqueue load_executions --date 2024-01-09
job_is_done "the load of the new date, while the old one is about to be attached"
echo "commit;" >&"$session"
moved 205 20240109 "a trade that moved just before its date was attached"
echo "attached"
