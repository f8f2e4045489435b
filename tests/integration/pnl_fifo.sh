#!/usr/bin/env bash
# Realised P&L by FIFO from the source to the facts: lots carried from date to date are those of one pass in exact fractions
# (pnl_model.py); late rows, corrections and busts, whatever order they and the dates come in, end as one load of all in order;
# loads that overlap book it on the way in. Books of one method are never carried on by another, until they are switched.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
source "$(dirname "${BASH_SOURCE[0]}")/../support/pnl_export.sh"
faults_up TAPEMILL_LEASE_SECONDS=10
export TAPEMILL_PNL_METHOD=fifo
first=2024-01-04 days=6 # Thursday to Tuesday: a weekend with few rows
dates=(2024-01-04 2024-01-05 2024-01-06 2024-01-07 2024-01-08 2024-01-09)
export TAPEMILL_DATES_FROM=$first
tapemill source generate --seed 11 --from $first --days $days --weekends few --rows 240 --client-rows 120 --quotes 0 --dirty 0 \
    --instruments 4 --accounts 2 --strategies 2 --clients 3 --corrections 40 --busts 30 --late 40 >/dev/null 2>&1
warehouse_prepare $first 0

# load_dates DATE...: daily_load of each, in this order
load_dates() {
    local date
    for date in "$@"; do
        tapemill enqueue daily_load --date "$date" >/dev/null
    done
    run_queued_undisturbed
}
check_model() {
    pnl_export "$TEST_DIR"
    python3 "$TAPEMILL_ROOT/tests/integration/pnl_model.py" "$1" "$TEST_DIR" "${dates[@]//-/}" || fail "the model does not agree"
}
# Facts whose P&L realized_pnl wrote.
rebooked() {
    sql warehouse "select coalesce(sum(updated), 0) from etl_job_runs where job_name = 'realized_pnl' and status = 'COMPLETED'"
}
closed() {
    sql warehouse "select count(*) from etl_conditions where key like 'pnl:%' and met"
}

# ---- all dates in order, in one process

warehouse_fresh in_order
load_dates "${dates[@]}"
check_model fifo
expected=$(print_of_all)
assert_equal "fifo" "$(sql warehouse "select value from etl_settings where name = 'pnl_method'")" "the method that is noted"
assert_equal 0 "$(rebooked)" "facts that realized_pnl booked over what their loads had booked"
[ "$(sql warehouse "select count(*) from etl_open_lots where lot_no > 3")" -gt 100 ] || fail "the sample opens few lots"
[ "$(sql warehouse "select count(*) from fact_trades where is_closing and realized_pnl <> 0")" -gt 300 ] || fail "it closes few"
[ "$(sql warehouse "select count(*) from fact_trades where is_deleted")" -gt 10 ] || fail "it has few busts"
load_dates "${dates[@]}"
assert_equal "$expected" "$(print_of_all)" "after all dates were loaded again"

# Published in flight: two workers, three dates at a time.
warehouse_fresh overlapping
redis_flush
start_scheduler
processes=("$STARTED_PID")
start_worker
processes+=("$STARTED_PID")
start_worker
processes+=("$STARTED_PID")
tapemill backfill daily_load --from $first --to "${dates[-1]}" --parallel 3 --wait >"$TEST_DIR/backfill.log" 2>&1 ||
    fail "$(tail -n 3 "$TEST_DIR/backfill.log")"
wait_until_quiet
assert_equal "$expected" "$(print_of_all)" "loads that overlap"
assert_equal '0 0 0' "$(sql warehouse "select (select count(*) from etl_books_ahead) || ' ' ||
    (select count(*) from etl_books_ahead_positions) || ' ' || (select count(*) from etl_books_ahead_lots)")" "published books"
assert_equal 0 "$(rebooked)" "facts that were booked twice, though their loads overlapped"
for process in "${processes[@]}"; do
    stop_process "$process"
done

# ---- late rows, corrections and busts, the dates in no order

sql source "
create table final_executions as table executions;
create table final_trades as table trades;
delete from executions where execution_id % 11 = 2;
update executions set price = price + 1.37, status = 'NEW', updated_at = updated_at - interval '1 hour' where execution_id % 7 = 1;
update executions set status = 'NEW', updated_at = updated_at - interval '1 hour' where status = 'CANCELLED';
delete from trades where trade_id % 11 = 2;
update trades set quantity = quantity + 1, status = 'NEW', updated_at = updated_at - interval '1 hour' where trade_id % 7 = 1"
# arrive CONDITION: what is true in the end, of executions and trades with this condition on their instant
arrive() {
    sql source "
    delete from executions where $(sed 's/INSTANT/executed_at/g' <<<"$1");
    insert into executions select * from final_executions where $(sed 's/INSTANT/executed_at/g' <<<"$1");
    delete from trades where $(sed 's/INSTANT/trade_date/g' <<<"$1");
    insert into trades select * from final_trades where $(sed 's/INSTANT/trade_date/g' <<<"$1")"
}
on_date() {
    echo "INSTANT >= timestamptz '$1 00:00 America/New_York' and INSTANT < timestamptz '$1 00:00 America/New_York' + interval '1 day'"
}
warehouse_fresh shuffled
load_dates "${dates[3]}" "${dates[0]}" "${dates[5]}" "${dates[1]}" "${dates[4]}" "${dates[2]}"
assert_equal $days "$(closed)" "dates that are closed, though they were loaded in no order"
check_model fifo
# What comes late for one date changes it and the dates after it, none before it.
runs_before=$(sql warehouse "select max(run_no) from etl_job_runs")
arrive "$(on_date "${dates[2]}")"
arrive "$(on_date "${dates[4]}")"
load_dates "${dates[4]}" "${dates[2]}"
check_model fifo
assert_equal "${dates[2]}" "$(sql warehouse "select min(business_date) from etl_job_runs
    where run_no > $runs_before and job_name = 'realized_pnl'")" "the first date that was computed again"
assert_equal "${dates[5]}" "$(sql warehouse "select max(business_date) from etl_job_runs
    where run_no > $runs_before and job_name = 'realized_pnl' and updated > 0")" "the last date whose P&L changed"
arrive "$(on_date "${dates[5]}")"
arrive "$(on_date "${dates[0]}")"
load_dates "${dates[5]}" "${dates[0]}"
arrive true
load_dates "${dates[1]}" "${dates[3]}"
check_model fifo
assert_equal "$expected" "$(print_of_all)" "what came late and in no order"

# A swap of two prices leaves quantity and cost of the close as they are; the lots differ, and the next date with them.
sql warehouse "
create function lots_of(integer) returns text language sql as \$\$
    select string_agg(format('%s %s', trim_scale(quantity), trim_scale(cost)), ', ' order by lot_no) from etl_open_lots
    where date_key = \$1 and source = 'DESK' and instrument_id = 77 \$\$"
sql source "
insert into instruments (instrument_id, symbol, currency, contract_multiplier, updated_at) values (77, 'SWAP', 'USD', 1, '2024-01-01Z');
insert into executions (execution_id, account_id, instrument_id, executed_at, side, quantity, price, status, updated_at)
select 900000 + n, 1, 77, timestamptz '2024-01-04 15:00Z' + n * interval '1 second' + case n when 3 then interval '1 day' else '0' end,
       case n when 3 then 'SELL' else 'BUY' end, 10, 10 + n, 'NEW', '2024-01-05Z'
from generate_series(1, 3) n"
tapemill enqueue sync_dimensions >/dev/null
load_dates "${dates[0]}" "${dates[1]}"
assert_equal '10 110, 10 120' "$(sql warehouse "select lots_of(20240104)")" "lots of the first date"
sql source "update executions set price = 23 - price, updated_at = '2024-01-06Z' where execution_id in (900001, 900002)"
load_dates "${dates[0]}"
assert_equal '10 120, 10 110' "$(sql warehouse "select lots_of(20240104)")" "lots after the swap"
assert_equal '10.00000000|10 110' "$(sql warehouse "select realized_pnl, lots_of(20240105) from fact_trades where trade_reference = '900003'")" \
    "the close on the next date, which took the dearer lot"
check_model fifo

# Lots that are not what their book says are carried nowhere.
sql warehouse "update etl_open_lots set cost = cost + 1 where date_key = 20240105 and instrument_id = 77"
line=$("$TAPEMILL_TEST_BIN/run_job" realized_pnl 2024-01-06 | tail -n 1) || true
assert_contains "$line" 'failed gate: an open position at the close of the date before 2024-01-06 (etl_open_lots): a stored book holds 10.00000000, its lots 10.00000000, and quantity or cost do not agree: close its date again' \
    "a lot that was tampered with"
"$TAPEMILL_TEST_BIN/run_job" realized_pnl 2024-01-05 >/dev/null
run_queued_undisturbed
check_model fifo
expected=$(print_of_all)

# ---- the other method

line=$(TAPEMILL_PNL_METHOD=average "$TAPEMILL_TEST_BIN/run_job" realized_pnl $first | tail -n 1) || true
assert_equal "realized_pnl $first failed config: TAPEMILL_PNL_METHOD is average, but the stored books were computed by fifo, and one method cannot carry on the other's: set TAPEMILL_PNL_METHOD=fifo, or empty the books with \`tapemill pnl method average\` and compute them again as it says" \
    "$line" "a job of the other method"
line=$(TAPEMILL_PNL_METHOD=average "$TAPEMILL_TEST_BIN/run_job" load_executions 2024-01-10 | tail -n 1) || true
assert_contains "$line" "load_executions 2024-01-10 failed config: TAPEMILL_PNL_METHOD is average, but" "a load of the other method"
assert_equal "$expected" "$(print_of_all)" "what it left behind"
doctor_says() {
    assert_contains "$(tapemill doctor --json | tr -d '\n' | sed 's/}/}\n/g' | grep '"P&L method"')" "$1" "doctor"
}
doctor_says '"status": "ok", "finding": "the stored books were computed by fifo"'
assert_equal 'TAPEMILL_PNL_METHOD is fifo; so were the stored books computed' "$(tapemill pnl method)" "the method"
assert_fails 2 tapemill pnl method average
assert_contains "$OUTPUT" 'TAPEMILL_PNL_METHOD is fifo here: set it to average for every process' "a switch that is not prepared"
assert_fails 2 tapemill pnl method lifo
assert_equal 'the stored books were computed by fifo already; nothing changed' "$(tapemill pnl method fifo)" "no switch"

export TAPEMILL_PNL_METHOD=average
doctor_says '"status": "fail", "finding": "TAPEMILL_PNL_METHOD is average, but the stored books were computed by fifo", "remedy": "set TAPEMILL_PNL_METHOD=fifo; or switch: tapemill pnl method average"'
assert_contains "$(tapemill pnl method)" 'computed by fifo: set TAPEMILL_PNL_METHOD=fifo, or run `tapemill pnl method average`' "the method"
# While a run has the books in hand, nothing is emptied.
mkfifo "$TEST_DIR/holder.pipe"
start_process holder -- bash -c 'exec psql -XAtq -v ON_ERROR_STOP=1 "$TAPEMILL_WAREHOUSE_URL" <"$1"' - "$TEST_DIR/holder.pipe"
exec {holder}>"$TEST_DIR/holder.pipe"
echo "begin; select value from etl_settings where name = 'pnl_method' for share;" >&$holder
wait_until_sql 30 "the method is held" warehouse "select count(*) from pg_stat_activity where state = 'idle in transaction'" 1
assert_fails 1 tapemill pnl method average
assert_contains "$OUTPUT" 'loads or P&L are being computed; nothing has changed: pause their queues' "a switch under a run"
assert_equal "$expected" "$(print_of_all)" "what it left behind"
echo "commit;" >&$holder
exec {holder}>&-
output=$(tapemill pnl method average)
assert_equal "realised P&L is computed by average from now on
$days dates, from $first to ${dates[-1]}, are to be computed again; their P&L is the old method's until then:
tapemill backfill pnl_forward --from $first --to ${dates[-1]} --reprocess completed" "$output" "the switch"
assert_equal '0|0|0|0' "$(sql warehouse "select (select count(*) from etl_open_lots), (select count(*) from etl_open_positions),
    (select count(*) from etl_booked_on), (select count(*) from etl_conditions where met and key ~ '^(pnl|booked):')")" "books after it"

# follow COMMAND: runs the backfill that a switch prints
follow() {
    redis_flush
    start_scheduler
    processes=("$STARTED_PID")
    start_worker
    processes+=("$STARTED_PID")
    eval "$1 --wait" >"$TEST_DIR/follow.log" 2>&1 || fail "$(tail -n 3 "$TEST_DIR/follow.log")"
    wait_until_quiet
    for process in "${processes[@]}"; do
        stop_process "$process"
    done
    assert_equal $days "$(closed)" "dates that are closed after the switch"
}
follow "$(tail -n 1 <<<"$output")"
check_model average
switched=$(print_of_all)
[ "$switched" != "$expected" ] || fail "the two methods come to the same: the sample shows nothing"
warehouse_fresh average
load_dates "${dates[@]}"
assert_equal "$(print_of_all)" "$switched" "books that were switched, and books that were average from the beginning"
warehouse_use shuffled
export TAPEMILL_PNL_METHOD=fifo
follow "$(tapemill pnl method fifo | tail -n 1)"
check_model fifo
assert_equal "$expected" "$(print_of_all)" "after the switch back"

# ---- a warehouse of a release that knew one method

databases_create upgraded
for migration in "$TAPEMILL_ROOT"/sql/migrations/*.sql; do
    if [[ $migration = *0011_numbers.sql ]]; then
        sql warehouse "insert into etl_conditions (key, met) values ('pnl:20240104', false)"
    fi
    sql warehouse <"$migration" >/dev/null
done
assert_equal average "$(sql warehouse "select value from etl_settings where name = 'pnl_method'")" "the method of books that were there before"
