#!/usr/bin/env bash
# Changes by watermark: what changed at the source since the last time reaches the facts, whatever dates it is of, without the
# dates being read whole; a transaction that is still open on the source holds the watermark back; nothing is applied twice.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up TAPEMILL_LEASE_SECONDS=20
export TAPEMILL_HISTORY_START=2024-01-02 TAPEMILL_CHANGES_LAG_SECONDS=0 TAPEMILL_CHANGES_OVERLAP_SECONDS=1
tapemill migrate >/dev/null
tapemill source init >/dev/null
start_scheduler TAPEMILL_SCHEDULER_TICK_MS=50
start_worker
worker=$STARTED_PID

tenant=11111111-1111-1111-1111-111111111111
client=22222222-2222-2222-2222-222222222222
sql source "
insert into instruments (instrument_id, symbol, currency, contract_multiplier, updated_at) values (1, 'AAA', 'USD', 1, '2024-01-01Z');
insert into clients (client_id, tenant_id, updated_at) values ('$client', '$tenant', '2024-01-01Z');
insert into accounts (account_id, tenant_id, client_id, updated_at) values (10, '$tenant', '$client', '2024-01-01Z');
insert into trades (trade_id, tenant_id, trade_date, client_id, instrument_id, trade_reference, side, quantity, price, currency,
                    status, updated_at) values
    (1, '$tenant', '2024-01-02 15:00Z', '$client', 1, 'T-1', 'BUY', 3, 20, 'USD', 'NEW', '2024-01-02 15:00Z')"

# execution ID INSTANT [QUANTITY]: a new row, changed now
execution() {
    sql source "insert into executions (execution_id, account_id, instrument_id, executed_at, side, quantity, price, status,
                                        updated_at)
                values ($1, 10, 1, '$2', 'BUY', ${3:-1}, 10, 'NEW', clock_timestamp())"
}
change() {
    sql source "update executions set $2, updated_at = clock_timestamp() where execution_id = $1"
}
# The counts of the last run: extracted, inserted, updated, unchanged, superseded, quarantined, removed
counts() {
    sql warehouse "select records_processed, inserted, updated, unchanged, superseded, records_failed, removed
                   from etl_job_runs where job_name = '$1' and status = 'COMPLETED' order by run_no desc limit 1"
}
run_job() {
    tapemill enqueue "$@" --wait >"$TEST_DIR/job.log" 2>&1 || fail "$(cat "$TEST_DIR/job.log")"
}
run_changes() {
    run_job load_changed_executions "$@"
}
fact() {
    sql warehouse "select $2 from fact_trades where trade_reference = '$1'"
}
watermark() {
    sql warehouse "select last_processed_timestamp from etl_cdc_watermarks where source_table = '${1:-executions}'"
}
today=$(sql source "select (now() at time zone 'America/New_York')::date")

execution 1 '2024-01-02 15:00Z' 5
execution 2 '2024-01-02 16:00Z' 6
execution 3 '2024-01-03 16:00Z' 7
for date in 2024-01-02 2024-01-03; do
    run_job daily_load --date $date
done
run_changes
assert_equal '3|0|0|3|0|0|0' "$(counts load_changed_executions)" "all was loaded already"

# ---- several dates, one of them today's, one that was never loaded

change 1 'quantity = 50'
change 3 "status = 'CANCELLED'"
execution 4 '2024-01-02 17:00Z' 8
execution 5 '2023-12-29 17:00Z'
execution 6 "$today 12:00 America/New_York" 9
run_changes --arg since="$(sql source "select now() - interval '1 hour'")"
assert_equal '5|2|2|1|0|0|0' "$(counts load_changed_executions)" "two new, two changed, one read again"
assert_equal '20240102|50.00000000' "$(fact 1 'date_key, quantity')" "a corrected quantity"
assert_equal '20240103|t' "$(fact 3 'date_key, is_deleted')" "a bust"
assert_equal '20240102|8.00000000' "$(fact 4 'date_key, quantity')" "a late row of a loaded date"
assert_equal '' "$(fact 5 date_key)" "a date that was never loaded is left to its load"
assert_equal "${today//-/}" "$(fact 6 date_key)" "today's rows come by watermark alone"
assert_equal '3|1' "$(sql warehouse "select r.metadata ->> 'dates', r.metadata ->> 'dates_left' from etl_job_runs r
    where job_name = 'load_changed_executions' order by run_no desc limit 1")" "the run says which dates it took"
wait_until_sql 60 "the books follow" warehouse "select string_agg(key, ' ' order by key) from etl_conditions
    where met and key in ('pnl:20240102', 'pnl:20240103')" 'pnl:20240102 pnl:20240103'
assert_equal '64.00000000' "$(sql warehouse "select quantity from etl_open_positions where date_key = 20240103 and source = 'DESK'")" \
    "the books of the next date are of the corrected quantities"

# ---- nothing new, and a move across midnight

run_changes
assert_equal 0 "$(sql warehouse "select inserted + updated + removed from etl_job_runs
    where job_name = 'load_changed_executions' order by run_no desc limit 1")" "nothing is applied twice"
change 4 "executed_at = '2024-01-03 17:00Z'"
run_changes
assert_equal '20240103' "$(fact 4 date_key)" "a trade that moved is one row, on its new date"

# ---- a bad row is quarantined, and leaves the quarantine when it is put right; others stay in it

execution 7 '2024-01-02 18:00Z' -1
execution 8 '2024-01-02 18:00Z' -2
run_changes
assert_equal '7,8' "$(sql warehouse "select string_agg(record_id, ',' order by record_id) from etl_quarantine where resolved_at is null")" \
    "two bad rows"
change 7 'quantity = 1'
run_changes --arg since="$(sql source "select updated_at from executions where execution_id = 7")"
assert_equal '8' "$(sql warehouse "select string_agg(record_id, ',' order by record_id) from etl_quarantine where resolved_at is null")" \
    "one is put right, the other was not looked at"

# ---- an open transaction holds the watermark back, so that what it writes is not missed

mkfifo "$TEST_DIR/session.pipe"
start_process session -- bash -c 'exec psql -XAtq -v ON_ERROR_STOP=1 "$TAPEMILL_SOURCE_URL" <"$1"' - "$TEST_DIR/session.pipe"
exec {session}>"$TEST_DIR/session.pipe"
echo "begin; insert into executions (execution_id, account_id, instrument_id, executed_at, side, quantity, price, status, updated_at)
      values (9, 10, 1, '2024-01-02 19:00Z', 'BUY', 1, 10, 'NEW', now());" >&"$session"
wait_until_sql 60 "the other session has written" source \
    "select count(*) from pg_stat_activity where state = 'idle in transaction' and backend_xid is not null" 1
execution 10 '2024-01-02 19:30Z'
run_changes
assert_equal '' "$(fact 9 date_key)$(fact 10 date_key)" "neither the open transaction's row nor what came after it began"
assert_equal t "$(sql source "select '$(watermark)'::timestamptz <= xact_start from pg_stat_activity where state = 'idle in transaction'")" \
    "the watermark stays before the oldest open transaction"
sql warehouse "update etl_cdc_watermarks set last_processed_timestamp = last_processed_timestamp - interval '2 hours' where source_table = 'executions'"
assert_contains "$(tapemill doctor || true)" 'changes of executions are read up to 12' "doctor sees a watermark that stands still"
echo "commit;" >&"$session"
wait_until_sql 60 "it commits" source "select count(*) from executions where execution_id = 9" 1
run_changes
assert_equal '20240102 20240102' "$(fact 9 date_key) $(fact 10 date_key)" "both arrive once it is over"
exec {session}>&-

# ---- a date whose first load is under way, dates that are not on the calendar, and many at once

execution 20 '2024-01-04 15:00Z'
start_worker
second=$STARTED_PID
arm load.indexed stop
tapemill enqueue load_executions --date 2024-01-04 >/dev/null
wait_until_hit load.indexed
execution 21 '2024-01-04 16:00Z'
tapemill enqueue load_changed_executions >/dev/null
wait_until_sql 60 "the changes wait for the load" warehouse \
    "select count(*) from pg_locks where locktype = 'advisory' and not granted" 1
kill -CONT "$HIT_PID"
wait_until_sql 60 "load and changes" warehouse "select count(*) from etl_jobs where job_name like 'load%' and state <> 'done'" 0
assert_equal '20240104 20240104' "$(fact 20 date_key) $(fact 21 date_key)" "a row that came after the load's snapshot"
stop_process "$second"

execution 22 '2099-01-04 16:00Z'
execution 23 '20240-01-04 16:00Z'
sql source "insert into executions (execution_id, account_id, instrument_id, executed_at, side, quantity, price, status, updated_at)
            select 100 + i, 10, 1, now() + i * interval '1 day', 'BUY', 1, 10, 'NEW', clock_timestamp() from generate_series(1, 90) i"
run_changes
assert_equal 90 "$(sql warehouse "select count(*) from fact_trades where execution_id > 100")" "rows of ninety dates"
assert_equal 2 "$(sql warehouse "select count(*) from etl_data_quality_issues where rule_name = 'date_unknown'")" \
    "dates that dim_date does not have"

# ---- the clients' flow, a window that one run does not take, and who may not see transactions

stop_process "$worker"
start_worker TAPEMILL_CHANGES_WINDOW_HOURS=1
worker=$STARTED_PID
sql source "update trades set price = 21, updated_at = clock_timestamp()"
run_job load_changed_trades --arg since="$(sql source "select now() - interval '150 minutes'")"
wait_until_sql 60 "the runs that follow" warehouse "select count(*) from etl_jobs where job_name = 'load_changed_trades' and state <> 'done'" 0
assert_equal '21.00000000' "$(fact T-1 price)" "the clients' trades have a watermark of their own"
assert_equal t "$(sql warehouse "select '$(watermark trades)' > now() - interval '1 minute'")" "a long window is taken to its end"
sql source "create role reader login; grant select on all tables in schema public to reader"
stop_process "$worker"
start_worker TAPEMILL_SOURCE_URL="${TAPEMILL_SOURCE_URL/tapemill@/reader@}"
assert_fails 1 tapemill enqueue load_changed_executions --wait
assert_contains "$(sql warehouse "select error_message from etl_job_runs where status = 'FAILED'")" \
    'grant pg_read_all_stats to reader' "what is to be done is said"

# A whole reading of the dates agrees with what the changes left.
sql source "grant pg_read_all_stats to reader"
run_job refresh_aggregates
wait_until_sql 60 "what the changes made dirty is computed again" warehouse "
    select count(*) from etl_jobs where state in ('queued', 'retry', 'running')" 0
before=$(tapemill fingerprint)
for date in 2024-01-02 2024-01-03; do
    run_job daily_load --date $date
done
assert_equal "$before" "$(tapemill fingerprint)" "the dates read whole change nothing"

# ---- an instant that is none

for instant in foo infinity; do
    assert_fails 1 tapemill enqueue load_changed_executions --arg since=$instant --wait
    assert_contains "$OUTPUT" "the argument since must be an instant such as 2024-01-02T00:00Z, not \"$instant\"" "since=$instant"
done
