#!/usr/bin/env bash
# Orders, quotes, risk snapshots and positions: rules by name, keys as of the event, newest version wins, what is gone, what
# moves over midnight, members that come later; whole dates and changes by watermark say the same in every column.
source "$(dirname "${BASH_SOURCE[0]}")/../support/events.sh"
events_up America/New_York

# ---- orders: every rule, all failures of a row together -------------------------------------------------------------

sql source "
insert into orders (order_id, tenant_id, client_id, account_id, strategy_id, instrument_id, lp_id, order_type, side, status,
                    requested_quantity, filled_quantity, limit_price, avg_fill_price, fill_count, total_latency_ms,
                    routing_latency_ms, created_at, updated_at) values
    (1, null, null, 10, 7, 1, '$(lp 1)', 'LIMIT', 'BUY', 'FILLED', 3, 2, 10.5, 10.25, 2, 12.345, 0.3, '2024-01-03 04:59:59Z', '2024-01-03 15:00Z'),
    (2, '$tenant', '$(client 2)', null, null, 1, null, 'MARKET', 'SELL', 'REJECTED', 5, null, null, null, null, null, null, '2024-01-03 04:00Z', '2024-01-03 15:00Z'),
    (3, '$other_tenant', null, 10, null, 2, null, null, null, 'CANCELLED', 7, 0, null, null, 0, null, null, '2024-01-02 05:00Z', '2024-01-03 15:00Z'),
    (4, null, null, 10, 7, 1, null, 'LIMIT', 'BUY', 'PENDING', 3, 0, null, null, 0, null, null, '2024-01-02 15:00Z', '2024-01-02 15:00Z'),
    (5, null, null, 10, 7, 1, null, 'LIMIT', 'BUY', 'FILLED', 10, 15, 1, 1, 1, -1, null, '2024-01-02 15:00Z', '2024-01-02 15:00Z'),
    (20, null, null, null, null, null, null, null, 'HOLD', 'OPEN', 0, -1, 'NaN', null, -1, null, null, '2024-01-02 16:00Z', '2024-01-02 16:00Z'),
    (21, null, null, 10, null, 1, null, null, 'BUY', 'FILLED', 1, 0.123456789, null, null, 1, null, null, '2024-01-02 16:00Z', '2024-01-02 16:00Z'),
    (22, null, null, 10, null, 1, null, null, 'BUY', 'FILLED', 1, 1, null, null, 1, 0.0001, null, '2024-01-02 16:00Z', '2024-01-02 16:00Z'),
    (23, null, null, 10, null, 1, null, null, 'BUY', 'PENDING', 1, 0, null, null, 1, null, null, null, clock_timestamp()),
    (24, null, null, 10, null, 1, null, null, 'BUY', null, null, null, null, null, null, null, null, '2024-01-03 05:00Z', '2024-01-03 16:00Z')"
run load_orders --date 2024-01-02
assert_equal '8|5|0|0|0|3|0|0' "$(counts load_orders)" "what became of a date's orders"
assert_equal '1|20240102|86399|i1|a10|s7|c22|L1|'"$tenant"'|FILLED|3.00000000|2.00000000|0.6666666666666667|2|12.345|0.300|f|f
2|20240102|82800|i1|a|s|c02||'"$tenant"'|REJECTED|5.00000000|0.00000000|0.0000000000000000|0|||t|f
3|20240102|0|i2|a10|s|c22||'"$other_tenant"'|CANCELLED|7.00000000|0.00000000|0.0000000000000000|0|||f|t
5|20240102|36000|i1|a10|s7|c22||'"$tenant"'|FILLED|10.00000000|15.00000000|1.5000000000000000|1|-1.000||f|f' "$(orders)" "final orders"
assert_equal '1 FILLED, 2 REJECTED, 3 CANCELLED, 4 PENDING, 5 FILLED' \
    "$(sql warehouse "select string_agg(order_id || ' ' || status, ', ' order by order_id) from latest_orders")" "orders in any state"
assert_equal '[client_required] client_id is required; [fill_count_non_negative] fill_count must not be negative; [filled_quantity_non_negative] filled_quantity must not be negative; [finite_numbers] a measure is NaN or infinite; [instrument_required] instrument_id is required; [positive_requested_quantity] requested_quantity must be greater than 0; [tenant_required] tenant_id is required; [valid_side] side must be BUY or SELL; [valid_status] status must be PENDING, PARTIAL, FILLED, CANCELLED or REJECTED' \
    "$(findings orders 20 ERROR)" "a row that breaks many rules"
for id in 21 22; do
    assert_contains "$(findings orders $id ERROR)" '[numbers_in_range] a measure has more digits' "an order with too many decimals"
done
assert_equal '[filled_not_exceed_requested] filled_quantity is greater than requested_quantity; [latency_non_negative] a latency is negative' \
    "$(findings orders 5 WARNING)" "warnings of a row that loads"
assert_equal '20 21 22' "$(quarantined orders)" "quarantine"
assert_equal '{"account_id": 10, "tenant_id": null}' "$(sql warehouse "select jsonb_build_object('account_id', record_data -> 'account_id',
    'tenant_id', record_data -> 'tenant_id') from etl_quarantine where record_id = '21'")" "the row is kept as it came"
assert_equal '20240102 orders 1' "$(dirty orders)" "what is dirty"
clean

before=$(versions)
run load_orders --date 2024-01-02
assert_equal '8|0|0|5|0|3|0|0' "$(counts load_orders)" "again: nothing is written"
assert_equal "$before" "$(versions)" "no row was touched"
assert_equal '' "$(dirty orders)" "nothing is dirty"
assert_equal 2 "$(sql warehouse "select count(*) from etl_data_quality_issues where source_table = 'orders' and severity = 'WARNING'")" \
    "warnings are told once"

run sync_orders --arg since=2024-01-01Z
assert_equal '10|0|0|5|0|5|0|0' "$(counts sync_orders)" "changes: the same, and a row without an instant"
assert_equal '[created_at_required] created_at is required' "$(findings orders 23 ERROR)" "no created_at"
assert_equal '[positive_requested_quantity] requested_quantity must be greater than 0; [valid_status] status must be PENDING, PARTIAL, FILLED, CANCELLED or REJECTED' \
    "$(findings orders 24 ERROR)" "no quantity, no status"
assert_equal "$before" "$(versions)" "no row was touched"
