#!/usr/bin/env bash
# A fill takes its strategy, liquidity provider and order type from its order. An order that comes after its fills, or changes
# later, changes no fill at the source: load_changed_orders reads the fills of orders that changed, whatever dates they are of,
# and P&L and performance move from one strategy's books to the other's.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up TAPEMILL_LEASE_SECONDS=20 TAPEMILL_TIMEZONE=UTC TAPEMILL_DATES_FROM=2023-12-01
export TAPEMILL_HISTORY_START=2024-01-02 TAPEMILL_CHANGES_LAG_SECONDS=0 TAPEMILL_CHANGES_OVERLAP_SECONDS=0
tapemill migrate >/dev/null
tapemill source init >/dev/null
start_scheduler
start_worker
start_worker

tenant=11111111-1111-1111-1111-111111111111
first_lp=aaaaaaaa-0000-0000-0000-000000000001 second_lp=aaaaaaaa-0000-0000-0000-000000000002
sql source "
insert into instruments (instrument_id, symbol, currency, contract_multiplier, updated_at) values (1, 'AAA', 'USD', 1, '2024-01-01Z');
insert into accounts (account_id, tenant_id, updated_at) values (10, '$tenant', '2024-01-01Z');
insert into strategies (strategy_id, strategy_name, updated_at) values (7, 'Seven', '2024-01-01Z'), (8, 'Eight', '2024-01-01Z');
insert into liquidity_providers (lp_id, code, updated_at) values
    ('$first_lp', 'L1', '2024-01-01Z'), ('$second_lp', 'L2', '2024-01-01Z');
insert into orders (order_id, strategy_id, order_type, updated_at) values (101, 7, 'LIMIT', '2024-01-03Z')"

# fill ID ORDER INSTANT SIDE QUANTITY PRICE
fill() {
    sql source "insert into executions (execution_id, order_id, account_id, instrument_id, executed_at, side, quantity, price,
                                        status, updated_at)
                values ($1, $2, 10, 1, '$3', '$4', $5, $6, 'NEW', '$3')"
}
change_order() {
    sql source "update orders set $2, updated_at = clock_timestamp() where order_id = $1"
}
run_job() {
    tapemill enqueue "$@" --wait >"$TEST_DIR/job.log" 2>&1 || fail "$(cat "$TEST_DIR/job.log")"
}
# Extracted, updated, unchanged, and the dates taken and left, of the last run.
counts() {
    sql warehouse "select records_processed, updated, unchanged, metadata ->> 'dates', metadata ->> 'dates_left'
                   from etl_job_runs where job_name = 'load_changed_orders' and status = 'COMPLETED' order by run_no desc limit 1"
}
# What a fill's fact takes from the order: strategy, provider, order type.
fact() {
    sql warehouse "select s.strategy_id, l.lp_code, f.order_type from fact_trades f join dim_strategy s using (strategy_key)
                   join dim_liquidity_provider l using (lp_key) where f.execution_id = $1"
}
versions_of() {
    sql warehouse "select string_agg(xmin || ' ' || tableoid || ctid, ', ' order by execution_id) from fact_trades where $1"
}
# Strategy and net P&L of a date.
performance() {
    sql warehouse "select string_agg(format('%s %s', coalesce(s.strategy_id::text, 'none'), trim_scale(p.net_pnl)), ', '
                                     order by s.strategy_id nulls last)
                   from fact_performance_daily p join dim_strategy s using (strategy_key) where p.date_key = ${1//-/}"
}
books() {
    sql warehouse "select string_agg(format('%s %s', coalesce(strategy_id::text, 'none'), trim_scale(quantity)), ', '
                                     order by strategy_id nulls last)
                   from etl_open_positions where date_key = ${1//-/} and source = 'DESK'"
}

fill 1 100 '2024-01-02 15:00Z' BUY 10 10
fill 2 100 '2024-01-03 15:00Z' SELL 10 12
fill 3 101 '2024-01-03 16:00Z' BUY 5 10
fill 4 null '2024-01-03 17:00Z' BUY 1 10
fill 5 100 '2023-12-29 15:00Z' BUY 1 10 # a date that is not loaded
for day in 4 5 6 7; do
    fill 1$day 102 "2024-01-0$day 15:00Z" BUY 2 10
done
sql source "insert into orders (order_id, strategy_id, order_type, updated_at) values (102, 8, 'LIMIT', '2024-01-04Z')"
for day in 2 3 4 5 6 7; do
    tapemill enqueue daily_load --date 2024-01-0$day >/dev/null
done
wait_until_quiet
assert_equal '|Unknown|' "$(fact 1)" "a fill before its order"
assert_equal '7 0, none 20' "$(performance 2024-01-03)" "its P&L is nobody's"
run_job load_changed_orders
assert_equal '0|0|0|0|0' "$(counts)" "no order changed of late"

# ---- the order comes

others=$(versions_of "execution_id in (3, 4) or date_key > 20240103")
sql source "insert into orders (order_id, strategy_id, lp_id, order_type, updated_at)
            values (100, 7, '$first_lp', 'MARKET', clock_timestamp())"
run_job load_changed_orders
assert_equal '2|2|0|2|1' "$(counts)" "the fills of an order that came late, of the two dates that are loaded"
for id in 1 2; do
    assert_equal '7|L1|MARKET' "$(fact $id)" "fill $id after its order came"
done
assert_equal '' "$(fact 5)" "a date that was never loaded is left to its load"
wait_until_quiet
assert_equal '7 20, none 0' "$(performance 2024-01-03)" "the P&L moved to the strategy"
assert_equal '7 10' "$(books 2024-01-02)" "the books at the first close are the strategy's"
assert_equal '7 5, none 1' "$(books 2024-01-03)" "and at the second"
assert_contains "$(tapemill report trades --by strategy --to 2024-01-03 --csv)" '7,Seven,3,' "the report by strategy"
assert_equal "$others" "$(versions_of "execution_id in (3, 4) or date_key > 20240103")" "other facts are as they were"
assert_equal 1 "$(sql warehouse "select count(*) from etl_cdc_watermarks where source_table = 'orders'")" "a watermark of its own"
run_job load_changed_orders
assert_equal '0|0|0' "$(counts | cut -d '|' -f 1-3)" "nothing is read twice"

# ---- what an order says changes later, one thing at a time; what it does not say of its fills changes nothing

change_order 100 "order_type = 'STOP'"
run_job load_changed_orders
assert_equal '7|L1|STOP' "$(fact 2)" "another order type"
change_order 100 "lp_id = '$second_lp'"
run_job load_changed_orders
assert_equal '7|L2|STOP' "$(fact 2)" "another provider"
change_order 100 "status = 'FILLED', fill_count = 2"
run_job load_changed_orders
assert_equal '2|0|2|2|1' "$(counts)" "nothing of the fills"
change_order 100 'strategy_id = 8'
run_job load_changed_orders
wait_until_quiet
assert_equal '8|L2|STOP' "$(fact 2)" "another strategy"
assert_equal '7 0, 8 20, none 0' "$(performance 2024-01-03)" "the P&L moved on"
change_order 100 'strategy_id = null'
run_job load_changed_orders
wait_until_quiet
assert_equal '7 0, none 20' "$(performance 2024-01-03)" "and to nobody"

# ---- many dates, and a month that is folded

run_job fold_month --date 2024-01-15
change_order 102 'strategy_id = 7'
change_order 100 'strategy_id = 7'
run_job load_changed_orders
assert_equal '6|6|0|6|1' "$(counts)" "fills of six dates in one leaf"
wait_until_quiet
assert_equal '7 20, none 0' "$(performance 2024-01-03)" "performance of a folded month"
assert_equal '7 13, none 1' "$(books 2024-01-07)" "its books"
assert_equal 'fact_trades_m202401_all' "$(sql warehouse "select string_agg(distinct tableoid::regclass::text, ' ') from fact_trades
                                                         where date_key between 20240101 and 20240131")" "the month is still folded"

# ---- an order that changes while a load has read its fills already

arm load.staged stop
enqueue load_executions --date 2024-01-03
wait_until_hit load.staged
change_order 100 'strategy_id = 8'
enqueue load_changed_orders
wait_until_sql 60 "the changes wait for the load" warehouse "select count(*) from pg_locks l join etl_jobs j on j.backend_pid = l.pid
    where j.id = $JOB and l.locktype = 'advisory' and not l.granted" 1
kill -CONT "$HIT_PID"
wait_until_quiet
assert_equal '8|L2|STOP' "$(fact 2)" "the fill follows the order that the load had not seen"
for day in 2 3 4 5 6 7; do
    enqueue load_executions --date 2024-01-0$day
done
wait_until_quiet
assert_equal 0 "$(sql warehouse "select coalesce(sum(updated + inserted + removed), 0) from etl_job_runs
    where job_name = 'load_executions' and run_no > (select max(run_no) from etl_job_runs where job_name = 'load_changed_orders')")" \
    "whole dates say the same"

# ---- an order that comes with a stamp of before: no window shows it, the comparison with the source does

fill 8 104 '2024-01-08 15:00Z' BUY 1 10
tapemill enqueue daily_load --date 2024-01-08 >/dev/null
wait_until_quiet
sql source "insert into orders (order_id, strategy_id, order_type, updated_at) values (104, 7, 'LIMIT', '2024-01-03Z')"
run_job load_changed_orders
assert_equal '|Unknown|' "$(fact 8)" "the window of changes has gone past the order"
run_job compare_source --date 2024-01-08
wait_until_quiet
assert_equal '7|Unknown|LIMIT' "$(fact 8)" "its date was loaded again"

# ---- the query's contract, by doctor and by the run

mkdir "$TEST_DIR/queries"
sed 's/order_updated_at/changed_at/' "$TAPEMILL_ROOT/sql/extract/executions_of_orders.sql" >"$TEST_DIR/queries/executions_of_orders.sql"
assert_contains "$(TAPEMILL_EXTRACT_DIR=$TEST_DIR/queries tapemill doctor 2>&1 || true)" 'lacks the column "order_updated_at"' \
    "doctor on another contract"
