#!/usr/bin/env bash
# A leaf that is written anew says what one says that is updated row by row: after loads of changed rows, and after realised
# P&L. Dates of one month that are all written anew at once do not stand in each other's way.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up TAPEMILL_LEASE_SECONDS=10 TAPEMILL_DATES_FROM=2024-01-01
tapemill source init >/dev/null
tapemill source generate --seed 5 --from 2024-01-02 --days 3 --rows 1500 --client-rows 90 --quotes 0 >/dev/null 2>&1
warehouse_prepare 2024-01-02 3

# load_all WAREHOUSE MIN_ROWS: all dates, by three workers
load_all() {
    local pid pids=()
    warehouse_use "$1"
    start_scheduler
    pids+=("$STARTED_PID")
    for _ in 1 2 3; do
        start_worker TAPEMILL_REWRITE_MIN_ROWS="$2"
        pids+=("$STARTED_PID")
    done
    tapemill backfill daily_load --from 2024-01-02 --to 2024-01-04 --reprocess completed --wait >"$TEST_DIR/load.log" 2>&1 ||
        fail "$(cat "$TEST_DIR/load.log")"
    wait_until_quiet
    for pid in "${pids[@]}"; do
        stop_process "$pid"
    done
}
# "NAME OID" of the leaves
leaves() {
    sql warehouse "select relname || ' ' || oid from pg_class where relkind = 'r' and relname ~ '^fact_trades_d' order by 1"
}
# How many leaves of the list $1 are no longer there
replaced() {
    comm -23 <(printf '%s\n' "$1") <(leaves) | wc -l
}
runs_that_failed() {
    sql warehouse "select string_agg(distinct error_message, '; ') from etl_job_runs where status <> 'COMPLETED'
                   and error_message not like 'waits for%'"
}

for way in updated anew; do
    warehouse_fresh $way
    load_all $way 1000000
done
warehouse_use anew
before=$(leaves)
sql warehouse "create table keys_before as select tenant_id, source, trade_reference, trade_key from fact_trades"
assert_equal 6 "$(wc -l <<<"$before")" "leaves"

# Two thirds of the rows cost more than they did, some vanish, some are new; some accounts have another tenant, and their
# executions with them.
tenant=99999999-9999-9999-9999-999999999999
sql source "
update accounts set tenant_id = '$tenant', updated_at = updated_at + interval '30 days' where account_id % 3 = 0;
update executions set commission = commission + 1, updated_at = updated_at + interval '30 days' where execution_id % 3 > 0;
update trades set price = price + 1, updated_at = updated_at + interval '30 days';
delete from executions where execution_id % 50 = 7;
insert into executions select execution_id + 1000000000, order_id, account_id, instrument_id, executed_at, reported_at, side,
    quantity, price, commission, fees, liquidity_flag, execution_venue, status, updated_at
from executions where execution_id % 40 = 3"
load_all updated 1000000
assert_equal '' "$(runs_that_failed)" "updated row by row"
expected=$(print_of_all)
load_all anew 1
assert_equal '' "$(runs_that_failed)" "written anew, three dates at once"
assert_equal "$expected" "$(print_of_all)" "written anew, the facts, their P&L and the rest are the same"
assert_equal 6 "$(replaced "$before")" "leaves that were replaced"
assert_equal 0 "$(sql warehouse "select count(*) from keys_before b left join fact_trades f
                                     on f.source = b.source and f.trade_reference = b.trade_reference
                                        and (f.source = 'DESK' or f.tenant_id = b.tenant_id)
                                 where f.trade_key is distinct from b.trade_key")" "trades with another surrogate key than before"
for way in updated anew; do
    warehouse_use $way
    assert_equal 'f 0' "$(sql warehouse "select concat_ws(' ', bool_or(not is_deleted and (f.tenant_id = '$tenant') <> (account_id % 3 = 0)),
        count(*) - count(distinct trade_reference)) from fact_trades f join dim_account using (account_key) where source = 'DESK'")" \
        "$way: executions have their accounts' tenants, and are there once"
done

# Realised P&L alone: facts without it are given it by a new leaf.
before=$(leaves)
sql warehouse "update fact_trades set realized_pnl = null, is_closing = null where date_key = 20240103;
               update etl_conditions set met = false where key in ('pnl:20240103', 'booked:DESK:20240103', 'booked:CLIENT:20240103')"
warehouse_use anew
start_scheduler
start_worker TAPEMILL_REWRITE_MIN_ROWS=1
tapemill enqueue pnl_forward --date 2024-01-03 --wait >"$TEST_DIR/pnl.log" 2>&1 || fail "$(cat "$TEST_DIR/pnl.log")"
wait_until_quiet
assert_equal 2 "$(replaced "$before")" "leaves that realised P&L replaced"
assert_equal "$expected" "$(print_of_all)" "after realised P&L"
assert_equal '' "$(sql warehouse "select relname from pg_class where relname like 'fact_trades%\_new%' and relkind = 'r'")" "nothing is left beside"

# A reader that stays keeps every leaf from being replaced: then rows are updated, after all.
before=$(leaves)
mkfifo "$TEST_DIR/session.pipe"
start_process session -- bash -c 'exec psql -XAtq -v ON_ERROR_STOP=1 "$1" <"$2"' - "$TAPEMILL_WAREHOUSE_URL" "$TEST_DIR/session.pipe"
exec {session}>"$TEST_DIR/session.pipe"
echo "begin; select count(*) from fact_trades;" >&"$session"
wait_until_sql 60 "somebody reads" warehouse "select count(*) from pg_stat_activity where state = 'idle in transaction'" 1
sql source "update executions set commission = commission + 1, updated_at = updated_at + interval '60 days'
            where executed_at < '2024-01-03 05:00Z'"
tapemill enqueue load_executions --date 2024-01-02 --wait >"$TEST_DIR/reader.log" 2>&1 || fail "$(cat "$TEST_DIR/reader.log")"
assert_equal t "$(sql warehouse "select updated > 1000 from etl_job_runs where job_name = 'load_executions' order by run_no desc limit 1")" \
    "rows that were updated beside a reader"
assert_equal 0 "$(replaced "$before")" "leaves that were replaced beside a reader"
exec {session}>&-
wait_until_quiet

# A worker that is frozen while it reads the facts that stand lets go of them when its job is taken over.
before=$(leaves)
sql source "update executions set commission = commission + 1, updated_at = updated_at + interval '90 days'
            where executed_at > '2024-01-04 05:00Z'"
arm load.extracting stop-both
start_worker TAPEMILL_REWRITE_MIN_ROWS=1 TAPEMILL_LEASE_SECONDS=2
enqueue load_executions --date 2024-01-04
wait_until_hit load.extracting
start_worker TAPEMILL_REWRITE_MIN_ROWS=1 TAPEMILL_LEASE_SECONDS=2
wait_until_sql 60 "the job of the frozen worker" warehouse "select state from etl_jobs where id = $JOB" done
assert_equal 'LOST COMPLETED' "$(sql warehouse "select string_agg(status, ' ' order by run_no) from etl_job_runs where job_id = $JOB")" \
    "runs of the frozen worker's job"
assert_equal 1 "$(replaced "$before")" "leaves that were replaced while a worker was frozen"
kill -CONT "$HIT_PID" "$(awk '/^PPid:/ { print $2 }' "/proc/$HIT_PID/status")"
wait_until_quiet
