#!/usr/bin/env bash
# A member that was another one on dates without trades of it, but with a position: positions and the month's performance name the
# version of their end, as if they were computed now.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up TAPEMILL_LEASE_SECONDS=20 TAPEMILL_TIMEZONE=UTC TAPEMILL_DATES_FROM=2024-01-01
export TAPEMILL_HISTORY_START=2024-01-02
tenant=11111111-1111-1111-1111-111111111111
client=22222222-2222-2222-2222-222222222222
tapemill migrate >/dev/null
tapemill source init >/dev/null
sql source "
insert into instruments (instrument_id, symbol, sector, currency, contract_multiplier, updated_at) values
    (1, 'AAA', 'Tech', 'USD', 1, '2024-01-01Z'), (2, 'BBB', 'Tech', 'USD', 1, '2024-01-01Z');
insert into clients (client_id, tenant_id, segment, updated_at) values ('$client', '$tenant', 'RETAIL', '2024-01-01Z');
insert into accounts (account_id, tenant_id, client_id, account_type, updated_at) values
    (10, '$tenant', '$client', 'CASH', '2024-01-01Z'), (11, '$tenant', '$client', 'CASH', '2024-01-01Z');
insert into strategies (strategy_id, strategy_name, strategy_type, updated_at) values (7, 'Seven', 'TREND', '2024-01-01Z');
insert into orders (order_id, strategy_id, updated_at) values (100, 7, '2024-01-01Z');
-- Account 10 trades instrument 1 on the first date and holds it; account 11 trades instrument 2 on the first three.
insert into executions (execution_id, order_id, account_id, instrument_id, executed_at, side, quantity, price, status, updated_at) values
    (1, 100, 10, 1, '2024-01-02 9:00Z', 'BUY', 5, 10, 'NEW', '2024-01-05Z'), (2, 100, 11, 2, '2024-01-02 9:00Z', 'BUY', 5, 10, 'NEW', '2024-01-05Z'),
    (3, 100, 11, 2, '2024-01-03 9:00Z', 'BUY', 5, 10, 'NEW', '2024-01-05Z'), (4, 100, 11, 2, '2024-01-04 9:00Z', 'BUY', 5, 10, 'NEW', '2024-01-05Z')"
start_scheduler
start_worker
refresh() {
    wait_until_quiet
    for _ in 1 2; do
        tapemill enqueue refresh_aggregates --date 2025-01-10 --wait >/dev/null 2>&1
        wait_until_quiet
    done
}
for day in 2 3 4; do
    tapemill enqueue daily_load --date 2024-01-0$day >/dev/null
done
tapemill enqueue pnl_forward --date 2024-01-05 >/dev/null # a date that was not loaded
refresh
# positions COLUMN: of account 10
positions() {
    sql warehouse "select string_agg(right(p.date_key::text, 2) || ' ' || $1, ', ' order by p.date_key)
                   from fact_positions_daily p join dim_account a using (account_key) join dim_instrument i using (instrument_key)
                   where a.account_id = 10"
}
# months COLUMN: what the month's performance says of account 10
months() {
    sql warehouse "select $1 from agg_performance_monthly p join dim_account a using (account_key) join dim_strategy s using (strategy_key)
                   where a.account_id = 10"
}
# change TABLE ID INSTANT CHANGE: at the source, told by its updated_at, and whatever follows
change() {
    sql source "update $1 set $4, updated_at = '$3' where $2"
    tapemill enqueue sync_dimensions --wait >"$TEST_DIR/job.log" 2>&1 || fail "$(cat "$TEST_DIR/job.log")"
    wait_until_quiet
}
# What the jobs would write if they ran now.
rerun() {
    local run_no
    run_no=$(sql warehouse 'select max(run_no) from etl_job_runs')
    for day in 2 3 4 5; do
        tapemill enqueue daily_positions --date 2024-01-0$day >/dev/null
    done
    tapemill enqueue performance_monthly --date 2024-01-05 >/dev/null
    wait_until_quiet
    sql warehouse "select count(*), sum(inserted + updated + removed) from etl_job_runs where run_no > $run_no and status = 'COMPLETED'"
}
assert_equal '02 CASH, 03 CASH, 04 CASH, 05 CASH' "$(positions account_type)" "accounts of positions"
assert_equal CASH "$(months account_type)" "the account of the month"

change accounts 'account_id = 10' '2024-01-04 20:00Z' "account_type = 'MARGIN'"
assert_equal '02 CASH, 03 CASH, 04 MARGIN, 05 MARGIN' "$(positions account_type)" "accounts of positions after a change"
refresh
assert_equal MARGIN "$(months account_type)" "the account of the month after a change"
assert_equal '5|0' "$(rerun)" "what reruns write"

change instruments 'instrument_id = 1' '2024-01-03 12:00Z' "sector = 'Energy'"
assert_equal '02 Tech, 03 Energy, 04 Energy, 05 Energy' "$(positions sector)" "instruments of positions after a change"

# At the month's end, where no date has anything.
change strategies 'strategy_id = 7' '2024-01-20Z' "strategy_type = 'CARRY'"
refresh
assert_equal CARRY "$(months strategy_type)" "the strategy of the month after a change"
assert_equal '5|0' "$(rerun)" "what reruns write"
assert_equal 0 "$(sql warehouse "select count(*) from etl_jobs where state in ('dead', 'cancelled')")" "jobs that were given up"
