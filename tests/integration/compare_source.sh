#!/usr/bin/env bash
# The comparison of counts and sums with the source: what it finds, what it leaves alone, the load it asks for, and what
# becomes of a difference that no load can help. One worker, one scheduler, every job through the queue.
. "$(dirname "$0")/../support/servers.sh"
servers_up
export TAPEMILL_HISTORY_START=2024-01-02
tapemill migrate >/dev/null
tapemill source init >/dev/null
start_scheduler TAPEMILL_SCHEDULER_TICK_MS=50
start_worker

tenant=11111111-1111-1111-1111-111111111111
client=22222222-2222-2222-2222-222222222222
sql source "
insert into instruments (instrument_id, symbol, currency, updated_at) values (1, 'AAA', 'USD', '2024-01-01Z');
insert into clients (client_id, tenant_id, client_code, name, updated_at) values ('$client', '$tenant', 'C1', 'One', '2024-01-01Z');
insert into accounts (account_id, tenant_id, updated_at) values (10, '$tenant', '2024-01-01Z')"

# execution ID INSTANT QUANTITY PRICE [STATUS [ACCOUNT]]
execution() {
    sql source "insert into executions (execution_id, account_id, instrument_id, executed_at, side, quantity, price,
                                        commission, fees, status, updated_at)
                values ($1, ${6:-10}, 1, '$2', 'BUY', $3, $4, 0.1, null, '${5:-NEW}', '$2')"
}

# trade ID REFERENCE INSTANT QUANTITY [TENANT]
trade() {
    sql source "insert into trades (trade_id, tenant_id, trade_date, client_id, instrument_id, trade_reference, side,
                                    quantity, price, fees, currency, status, updated_at)
                values ($1, ${5-'$tenant'}, '$3', '$client', 1, '$2', 'BUY', $4, 2, 0.5, 'USD', 'NEW', '$3')"
}

# load_day DATE: the whole pipeline of a date
load_day() {
    tapemill enqueue daily_load --date "$1" --wait >"$TEST_DIR/load.log" 2>&1 || fail "$(cat "$TEST_DIR/load.log")"
}

settle() {
    wait_until_sql 60 "all jobs are done" warehouse "select count(*) from etl_jobs where state in ('queued', 'retry', 'running')" 0
}

# compare DATE: compares, and waits for the loads that it asked for
compare() {
    tapemill enqueue compare_source --date "$1" --wait >"$TEST_DIR/compare.log" 2>&1 || fail "$(cat "$TEST_DIR/compare.log")"
    settle
}

# told [null]: of the last comparison of one date, or of the nightly one: extracted, inserted, updated, unchanged, skipped; then differing dates and repairs
told() {
    sql warehouse "select records_processed, inserted, updated, unchanged, skipped, metadata ->> 'differing', metadata ->> 'repairs'
                   from etl_job_runs where job_name = 'compare_source' and status = 'COMPLETED' and business_date is ${1:-not null}
                   order by run_no desc limit 1"
}

# open DATE: open findings of a date
open() {
    sql warehouse "select source_table, rule_name, severity from etl_data_quality_issues
                   where business_date = '$1' and resolved_at is null and rule_name like 'source\_%' order by 1"
}

# message DATE: the newest finding's sentence
message() {
    sql warehouse "select error_message from etl_data_quality_issues where business_date = '$1' and rule_name like 'source\_%'
                   order by created_at desc, id limit 1"
}

repairs() {
    sql warehouse "select count(*) from etl_jobs where job_name in ('load_executions', 'load_trades')
                   and parent_id in (select id from etl_jobs where job_name = 'compare_source')"
}

alerts() {
    sql warehouse "select count(*) from etl_alerts where cause like 'source\_totals\_differ:%'"
}

# found_and_mended DATE WHAT PART: one finding, one load, and the next comparison resolves it
found_and_mended() {
    local before
    before=$(repairs)
    compare "$1"
    assert_equal '1|1' "$(told | cut -d '|' -f 6,7)" "differing, repairs: $2"
    assert_contains "$(message "$1")" "$3" "$2"
    assert_equal 1 "$(open "$1" | wc -l)" "open findings: $2"
    assert_equal $((before + 1)) "$(repairs)" "loads that were asked for: $2"
    compare "$1"
    assert_equal '2|0|1|1|0|0|0' "$(told)" "resolved: $2"
    assert_equal '' "$(open "$1")" "open findings afterwards: $2"
    assert_equal $((before + 1)) "$(repairs)" "no further load: $2"
    echo "found and mended: $2"
}

# ---- equal after a load: duplicates, a cancelled row, rows in quarantine, decimals of any scale

cat >"$TEST_DIR/nightly.json" <<'END'
{"schedules": [{"name": "nightly", "cron": "30 1 * * *", "job": "compare_source", "first": "at_once"}]}
END
tapemill schedule load "$TEST_DIR/nightly.json" >/dev/null
wait_until_sql 60 "the scheduler asks for the nightly comparison itself" warehouse \
    "select state from etl_jobs where job_name = 'compare_source'" done
assert_equal '14|0|0|14|0|0|0' "$(told null)" "seven dates of two flows, with nothing on either side"
assert_equal t "$(sql warehouse "select (metadata ->> 'last')::date = (tick_at at time zone 'America/New_York')::date - 1
    from etl_job_runs join etl_schedule_ticks using (job_id) where job_name = 'compare_source'")" "up to the date before its tick"

execution 1 '2024-01-02 15:00Z' 10 20.5
execution 2 '2024-01-02 15:01Z' 1.0 0.12345678
execution 3 '2024-01-02 15:02Z' 1.00000000 3.00 CANCELLED
execution 4 '2024-01-02 15:03Z' "'NaN'" 1
execution 5 '2024-01-02 15:04Z' 5 1 NEW null
execution 6 '2024-01-02 15:05Z' 7 7
trade 1 T-1 '2024-01-02 15:00Z' 3
trade 2 T-1 '2024-01-02 16:00Z' 4
trade 3 T-2 '2024-01-02 15:02Z' 1 null
trade 4 T-3 '2024-01-02 15:03Z' 2
trade 5 T-3 '2024-01-02 15:04Z' "'NaN'"
sql source "update trades set updated_at = '2024-01-02 14:00Z' where trade_id = 5"
sql source "update executions set order_id = 900 where execution_id = 2" # an order that is not there yet
load_day 2024-01-02
assert_equal 4 "$(sql warehouse 'select count(*) from etl_quarantine where resolved_at is null')" "rows in quarantine"
compare 2024-01-02
assert_equal '2|0|0|2|0|0|0' "$(told)" "equal after a load: $(message 2024-01-02)"
assert_equal 0 "$(repairs)" "nothing is asked for"
echo "equal"

# ---- what the loads let slip

execution 7 '2024-01-02 17:00Z' 2 0.00000001
found_and_mended 2024-01-02 "a row that came late" 'executions of 2024-01-02 differ: live rows 4 at the source, 3 in the warehouse'
sql source "update executions set price = 0.12345679 where execution_id = 2"
found_and_mended 2024-01-02 "the eighth decimal, updated_at unchanged" \
    'quantity x price 254.12345681 at the source, 254.1234568 in the warehouse. Job'
sql source "update executions set commission = 0.2, updated_at = '2024-01-03Z' where execution_id = 2"
found_and_mended 2024-01-02 "a correction" 'newest updated_at 2024-01-02 19:00:00-05'
sql source "insert into orders (order_id, strategy_id, updated_at) values (900, 7, '2024-01-01Z')"
found_and_mended 2024-01-02 "an order that came with an old stamp" 'rows with a strategy 1 at the source, 0 in the warehouse'
sql source "update orders set strategy_id = 8 where order_id = 900"
found_and_mended 2024-01-02 "another strategy" 'differ: checksum of what the rows take from their orders '
sql source "update orders set lp_id = '$client', order_type = 'LIMIT' where order_id = 900"
found_and_mended 2024-01-02 "what else a row takes from its order" \
    'provider 1 at the source, 0 in the warehouse; rows with an order type 1 at the source, 0 in the warehouse; checksum'
sql source "update trades set fees = 0.50000001 where trade_id = 2"
found_and_mended 2024-01-02 "a client's fees" 'trades of 2024-01-02 differ: fees 0.50000001 at the source, 0.5 in the warehouse'
sql source "delete from executions where execution_id = 7"
found_and_mended 2024-01-02 "a row deleted at the source" 'live rows 3 at the source, 4 in the warehouse'
assert_equal t "$(sql warehouse "select is_deleted from fact_trades where trade_reference = '7'")" "the vanished row is a tombstone"
sql source "update executions set status = 'CANCELLED', updated_at = '2024-01-04Z' where execution_id = 1"
found_and_mended 2024-01-02 "a bust" 'live rows 2 at the source, 3 in the warehouse'
for id in 21 22 23 24; do
    execution $id '2024-01-02 18:00Z' 1 1 CANCELLED
done
found_and_mended 2024-01-02 "cancelled rows that were never loaded" 'cancelled rows 6 at the source, 3 in the warehouse'
sql source "update executions set quantity = 3, updated_at = '2024-01-05Z' where execution_id = 4"
found_and_mended 2024-01-02 "a row in quarantine that was put right" 'rows that are in quarantine 1 at the source, 2 in the warehouse'
sql source "update executions set quantity = -7, updated_at = '2024-01-06Z' where execution_id = 6"
found_and_mended 2024-01-02 "a loaded row that went bad" 'executions of 2024-01-02 differ'
assert_equal f "$(sql warehouse "select is_deleted from fact_trades where trade_reference = '6'")" "its fact keeps the last good version"
sql source "delete from executions where execution_id = 6"
found_and_mended 2024-01-02 "a row deleted while it was in quarantine" 'rows that are in quarantine 1 at the source, 2 in the warehouse'
sql warehouse "delete from fact_trades where trade_reference = '2'"
found_and_mended 2024-01-02 "a row lost in the warehouse" 'live rows 2 at the source, 1 in the warehouse'
wait_until_sql 60 "the books are closed again" warehouse \
    "select count(*) from etl_conditions where key = 'pnl:20240102' and met" 1
assert_equal 0 "$(alerts)" "what a load mended alarms nobody"

# ---- while the load waits, it is asked for once

execution 31 '2024-01-02 18:00Z' 1 1
tapemill enqueue load_executions --date 2024-01-02 --delay 3600 >/dev/null
waiting=$(sql warehouse "select max(id) from etl_jobs")
tapemill enqueue compare_source --date 2024-01-02 --wait >/dev/null 2>&1
assert_equal '1|0' "$(told | cut -d '|' -f 6,7)" "a load that has not begun will do"
assert_contains "$(message 2024-01-02)" "Job $waiting (load_executions) loads the date again" "the finding names it"
tapemill enqueue compare_source --date 2024-01-02 --wait >/dev/null 2>&1
assert_equal '2|0|0|2|0|1|0' "$(told)" "found once"
assert_equal 1 "$(open 2024-01-02 | wc -l)" "one open finding"
tapemill cancel "$waiting" >/dev/null
compare 2024-01-02
assert_equal '2|0|1|1|0|1|1' "$(told)" "a load that was cancelled is asked for again"
compare 2024-01-02
assert_equal '' "$(open 2024-01-02)" "and mends it"
echo "one load"

# ---- a date that was never loaded; before the history; today

execution 41 '2024-01-05 15:00Z' 1 1
trade 41 T-41 '2024-01-05 15:00Z' 1
execution 42 '2024-01-01 15:00Z' 1 1
for date in 2024-01-03 2024-01-04; do
    load_day $date
done
compare 2024-01-05
assert_equal '2|2|0|0|0|2|1' "$(told)" "two flows, one pipeline"
assert_contains "$(message 2024-01-05)" 'of 2024-01-05 were never loaded: live rows 1 at the source, 0 in the warehouse' "the sentence"
assert_contains "$(message 2024-01-05)" 'loads the date' "the remedy"
wait_until_sql 60 "the date's books are closed" warehouse "select count(*) from etl_conditions where key = 'pnl:20240105' and met" 1
compare 2024-01-05
assert_equal '2|0|2|0|0|0|0' "$(told)" "loaded"
assert_equal '' "$(open 2024-01-05)" "resolved"
compare 2024-01-01
assert_equal '2|1|0|1|0|1|0' "$(told)" "before the history: told, not loaded"
assert_contains "$(message 2024-01-01)" 'it is before TAPEMILL_HISTORY_START' "why not"
compare 2024-01-01
assert_equal '2|0|0|2|0|1|0' "$(told)" "told once"
tomorrow=$(TZ=America/New_York date -d tomorrow +%F)
execution 43 "$tomorrow 17:00Z" 1 1
compare "$tomorrow"
assert_contains "$(message "$tomorrow")" 'it is not over yet' "a date that is not over is left to its own load"
echo "dates"

# ---- what no load can help: a reference on two dates, and a version that went back

trade 51 T-41 '2024-01-04 15:00Z' 9
compare 2024-01-04
assert_equal 'trades|source_totals_differ|WARNING' "$(open 2024-01-04)" "first a load is tried"
compare 2024-01-04
assert_equal 'trades|source_totals_differ|ERROR' "$(open 2024-01-04)" "the load did not help"
assert_contains "$(message 2024-01-04)" '(load_trades) loaded the date again and did not help' "the sentence"
assert_equal '1' "$(alerts)" "somebody is told"
before=$(repairs)
compare 2024-01-04
assert_equal '2|0|0|2|0|1|0|1' "$(told)|$(alerts)" "once"
assert_equal "$before" "$(repairs)" "and nothing more is asked for"
trade 52 T-52 '2024-01-04 16:00Z' 1
compare 2024-01-04
assert_equal 'trades|source_totals_differ|WARNING' "$(open 2024-01-04)" "the source moved on: a load may help"
sql source "delete from trades where trade_id = 51"
compare 2024-01-04
assert_equal '' "$(open 2024-01-04)" "mended at the source"
sql source "update executions set price = 9, updated_at = '2024-01-01Z' where execution_id = 41"
compare 2024-01-05
compare 2024-01-05
assert_equal 'executions|source_totals_differ|ERROR|2' "$(open 2024-01-05)|$(alerts)" "a version that went back"
assert_contains "$(tapemill quality)" 'did not help' "the command line shows it"
sql source "update executions set price = 1, updated_at = '2024-01-05 15:00Z' where execution_id = 41"
compare 2024-01-05
assert_equal '2|0|1|1|0|0|0' "$(told)" "put right at the source"
assert_equal '' "$(open 2024-01-05)" "the ERROR is resolved"
echo "beyond repair"

# ---- a date that is loaded while it is compared: the next comparison looks

mkfifo "$TEST_DIR/session.pipe"
start_process session -- bash -c 'exec psql -XAtq -v ON_ERROR_STOP=1 "$TAPEMILL_SOURCE_URL" <"$1"' - "$TEST_DIR/session.pipe"
exec {session}>"$TEST_DIR/session.pipe"
echo "begin; lock table trades in access exclusive mode;" >&"$session"
wait_until_sql 20 "the session holds the table" source \
    "select count(*) from pg_locks where relation = 'trades'::regclass and mode = 'AccessExclusiveLock' and granted" 1
tapemill enqueue compare_source --date 2024-01-03 >/dev/null
wait_until_sql 60 "the comparison waits at the source" source \
    "select count(*) > 0 from pg_locks where relation = 'trades'::regclass and not granted" t
sql warehouse "update etl_fact_days set last_run_no = last_run_no + 1000000 where source = 'CLIENT' and date_key = 20240103"
echo "commit;" >&"$session"
settle
assert_equal '2|0|0|1|1|0|0|1' "$(told)|$(sql warehouse "select metadata -> 'skipped' ->> 'loaded_meanwhile' from etl_job_runs
    where job_name = 'compare_source' order by run_no desc limit 1")" "what it saw of the two sides is not of one moment"

# ---- a firm's own query of before the orders

mkdir "$TEST_DIR/queries"
{
    echo 'select live_rows, cancelled_rows, quarantined_rows, quantity, notional, commission, fees, newest_update from ('
    cat "$TAPEMILL_ROOT/sql/extract/executions_totals.sql"
    echo ') t'
} >"$TEST_DIR/queries/executions_totals.sql"
assert_contains "$(TAPEMILL_EXTRACT_DIR=$TEST_DIR/queries tapemill doctor 2>&1 || true)" 'executions_totals.sql lacks the columns "with_strategy" (bigint), "with_provider" (bigint), "with_order_type" (bigint), "order_checksum" (numeric); add them to the SELECT list from column 9' \
    "which columns it lacks"

# ---- clocks that are set: 23 and 25 hours

export TAPEMILL_HISTORY_START=2024-03-09
databases_create dst
start_worker
start_scheduler TAPEMILL_SCHEDULER_TICK_MS=50
tapemill migrate >/dev/null
tapemill source init >/dev/null
sql source "
insert into instruments (instrument_id, symbol, currency, updated_at) values (1, 'AAA', 'USD', '2024-01-01Z');
insert into accounts (account_id, tenant_id, updated_at) values (10, '$tenant', '2024-01-01Z')"
id=0
for instant in '2024-03-10 04:59:59.999999Z' '2024-03-10 05:00Z' '2024-03-11 03:59:59.999999Z' '2024-03-11 04:00Z' \
    '2024-11-03 03:59:59.999999Z' '2024-11-03 04:00Z' '2024-11-04 04:59:59.999999Z' '2024-11-04 05:00Z'; do
    id=$((id + 1))
    execution $id "$instant" $id 1
done
settle
for job in dates sync_dimensions sync_fx_rates; do
    tapemill enqueue $job --wait >/dev/null 2>&1
done
for date in 2024-03-09 2024-03-10 2024-03-11 2024-11-02 2024-11-03 2024-11-04; do
    tapemill enqueue load_executions --date $date --wait >"$TEST_DIR/load.log" 2>&1 || fail "$(cat "$TEST_DIR/load.log")"
    settle
    compare $date
    assert_equal '2|0|0|2|0|0|0' "$(told)" "$date: $(message $date)"
done
execution 9 '2024-11-04 04:30Z' 1 1
compare 2024-11-04
assert_equal '0|0' "$(told | cut -d '|' -f 6,7)" "a row of the 25th hour is not the next date's"
compare 2024-11-03
assert_contains "$(message 2024-11-03)" 'live rows 3 at the source, 2 in the warehouse' "it is that date's"
