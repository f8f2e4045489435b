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
assert_equal '{"tenant_id": null, "account_id": 10}' "$(sql warehouse "select jsonb_build_object('account_id', record_data -> 'account_id',
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

# ---- orders: versions, corrections, what is gone, what moves ---------------------------------------------------------

clean
sql source "update orders set status = 'FILLED', filled_quantity = 3, updated_at = clock_timestamp() where order_id = 4"
sql source "update orders set status = 'PARTIAL', updated_at = clock_timestamp() where order_id = 1"
sql source "update orders set requested_quantity = 4, filled_quantity = 4, updated_at = clock_timestamp() where order_id = 21"
run sync_orders
assert_equal '3|1|2|0|0|0|0|0' "$(counts sync_orders)" "an order that is filled, one that is open again, one that is put right"
assert_equal '2 3 4 5 21' "$(sql warehouse "select string_agg(order_id::text, ' ' order by order_id) from fact_orders")" "an order that left its final state has no fact"
assert_equal PARTIAL "$(sql warehouse "select status from latest_orders where order_id = 1")" "but a latest state"
assert_equal '20 22 23 24' "$(quarantined orders)" "what was put right is out of quarantine"
assert_equal '20240102 orders 0' "$(dirty orders)" "facts came and went"
# An older version that comes late, as it does where several ways lead here, is superseded.
sql warehouse "update latest_orders set source_updated_at = 'infinity' where order_id = 4;
               update fact_orders set source_updated_at = '2100-01-01Z', source_lsn = '0/1' where order_id = 5;
               update latest_orders set source_updated_at = '2100-01-01Z', source_lsn = '0/1' where order_id = 5"
sql source "update orders set status = 'CANCELLED', updated_at = clock_timestamp() where order_id in (4, 5)"
run sync_orders
assert_equal '2|0|0|0|2|0|0|0' "$(counts sync_orders)" "older versions"
assert_equal 'FILLED FILLED' "$(sql warehouse "select string_agg(final_status, ' ') from fact_orders where order_id in (4, 5)")" "what is newer stands"
sql warehouse "update latest_orders set source_updated_at = '2024-01-02Z', source_lsn = null where order_id in (4, 5);
               update fact_orders set source_updated_at = '2024-01-02Z', source_lsn = null where order_id in (4, 5)"
run load_orders --date 2024-01-02
assert_equal 'CANCELLED CANCELLED' "$(sql warehouse "select string_agg(final_status, ' ') from fact_orders where order_id in (4, 5)")" "and what is older does not"

# Over midnight: one row, whichever date is loaded, and whether by date or by changes.
clean
sql source "update orders set created_at = '2024-01-03 05:00Z', updated_at = clock_timestamp() where order_id = 2"
run load_orders --date 2024-01-02
assert_equal '20240102 orders 0' "$(dirty orders)" "the date that it left"
assert_equal t "$(sql warehouse "select is_deleted from fact_orders where order_id = 2")" "gone from its date"
run load_orders --date 2024-01-03
assert_equal '2|20240103|0|f' "$(sql warehouse "select order_id, date_key, time_key, is_deleted from fact_orders where order_id = 2")" "one row, on the new date"
sql source "update orders set created_at = '2024-01-03 04:59:59.999999Z', updated_at = clock_timestamp() where order_id = 2"
clean
run sync_orders
assert_equal '2|20240102|86399|f' "$(sql warehouse "select order_id, date_key, time_key, is_deleted from fact_orders where order_id = 2")" "and back, by changes"
assert_equal '20240102 orders 1
20240103 orders 0' "$(dirty orders)" "both dates are dirty"
sql source "update orders set created_at = '2024-02-01 05:00Z', updated_at = clock_timestamp() where order_id = 2"
clean
run sync_orders
assert_equal '1|0|1|0|0|0|0|0' "$(counts sync_orders)" "to a date that was never loaded: only its latest state"
assert_equal 0 "$(sql warehouse "select count(*) from fact_orders where order_id = 2 and not is_deleted")" "it does not stay where it was"
assert_equal '20240102 orders 0' "$(dirty orders)" "the date that it left is dirty"
run load_orders --date 2024-02-01
assert_equal '2|20240201|0|f' "$(sql warehouse "select order_id, date_key, time_key, is_deleted from fact_orders where order_id = 2")" "its load takes it, over months too"
assert_equal 1 "$(sql warehouse "select count(*) from fact_orders where order_id = 2")" "exactly one row"

clean
sql source "delete from orders where order_id in (3, 4, 22)"
run sync_orders
assert_equal '3 4' "$(sql warehouse "select string_agg(order_id::text, ' ' order by order_id) from fact_orders where order_id in (3, 4) and not is_deleted")" \
    "changes do not show what is gone"
run load_orders --date 2024-01-02
assert_equal '3 t, 4 t' "$(sql warehouse "select string_agg(order_id || ' ' || is_deleted, ', ' order by order_id) from fact_orders where order_id in (3, 4)" | sed 's/true/t/g')" \
    "a whole date does: tombstones"
assert_equal '' "$(sql warehouse "select order_id from latest_orders where order_id in (3, 4)")" "and no latest state"
assert_equal '20 23 24' "$(quarantined orders)" "nor a quarantined row"
assert_equal '20240102 orders 0' "$(dirty orders)" "the date is dirty"
sql source "insert into orders (order_id, account_id, instrument_id, side, status, requested_quantity, created_at, updated_at)
            values (3, 10, 2, 'BUY', 'REJECTED', 7, '2024-01-02 05:00Z', '2024-01-03 15:00Z')"
run load_orders --date 2024-01-02
assert_equal 'REJECTED f' "$(sql warehouse "select concat_ws(' ', final_status, is_deleted) from fact_orders where order_id = 3")" "one that came back lives again"
# A row that breaks a rule now keeps its last good version.
sql source "update orders set requested_quantity = 0, updated_at = clock_timestamp() where order_id = 3"
run load_orders --date 2024-01-02
assert_equal '7.00000000 f' "$(sql warehouse "select concat_ws(' ', requested_quantity, is_deleted) from fact_orders where order_id = 3")" "the last good version"

# ---- risk snapshots --------------------------------------------------------------------------------------------------

sql source "
insert into risk_snapshots (tenant_id, client_id, snapshot_at, utilization_pct, soft_breach_count, hard_breach_count, risk_score, updated_at) values
    (null, '$(client 22)', '2024-01-02 15:00Z', 80.5, 1, 0, 3.25, '2024-01-02 15:00Z'),
    ('$other_tenant', '$(client 22)', '2024-01-02 16:00Z', null, null, 2, null, '2024-01-02 16:00Z'),
    (null, '$(client 77)', '2024-01-03 04:59:59Z', -1, 0, 0, 0, '2024-01-02 16:00Z'),
    (null, '$(client 22)', '2024-01-02 17:00Z', 'Infinity', -1, 0, 0, '2024-01-02 17:00Z'),
    (null, '$(client 22)', '2024-01-02 18:00Z', 1.123456789, 0, 0, 0, '2024-01-02 18:00Z')"
run load_risk_snapshots --date 2024-01-02
assert_equal '5|3|0|0|0|2|0|0' "$(counts load_risk_snapshots)" "a date's snapshots"
assert_equal "22|20240102|36000|$tenant|80.50000000|1|0|3.25000000
22|20240102|39600|$other_tenant||0|2|
77|20240102|86399|$default_tenant|-1.00000000|0|0|0.00000000" "$(snapshots)" "snapshots: a client that has not arrived is inferred"
risk_id="$(client 22) 2024-01-02 17:00:00"
assert_equal '[breach_count_non_negative] a breach count is negative; [finite_numbers] a measure is NaN or infinite' \
    "$(findings risk_snapshots "$risk_id" ERROR)" "a snapshot that breaks two rules"
assert_equal '[utilization_non_negative] utilization_pct is negative' \
    "$(findings risk_snapshots "$(client 77) 2024-01-03 04:59:59" WARNING)" "a warning"
sql source "update risk_snapshots set utilization_pct = 1, soft_breach_count = 0, updated_at = clock_timestamp() where snapshot_at = '2024-01-02 17:00Z'"
clean
run load_changed_risk_snapshots
assert_equal '1|1|0|0|0|0|0|0' "$(counts load_changed_risk_snapshots)" "a snapshot that was put right"
assert_equal '20240102 risk 1' "$(dirty risk)" "rows were inserted, and nothing else"
assert_equal "$(client 22) 2024-01-02 18:00:00" "$(quarantined risk_snapshots)" "quarantine"
sql source "delete from risk_snapshots where snapshot_at = '2024-01-02 16:00Z'"
run load_risk_snapshots --date 2024-01-02
assert_equal '4|0|0|3|0|1|1|0' "$(counts load_risk_snapshots)" "a snapshot that is gone"

# Snapshots without a tenant have their client's: it changes for all time, alone or with an attribute that makes a version.
risk_tenants() {
    sql warehouse "select string_agg(distinct f.tenant_id::text, ' ') from fact_risk_snapshots f join dim_client c on c.client_key = f.client_key
                   where not f.is_deleted and c.client_id = '$(client 22)'"
}
assert_equal "$tenant" "$(risk_tenants)" "the tenant of a client"
clean
sql source "update clients set tenant_id = '$other_tenant', updated_at = clock_timestamp() where client_id = '$(client 22)'"
run sync_dimensions
assert_equal "$other_tenant" "$(risk_tenants)" "a client that changed its tenant"
assert_equal '20240102 risk 0' "$(dirty risk)" "its date is dirty"
sql source "update clients set tenant_id = '$tenant', segment = 'VIP', updated_at = clock_timestamp() where client_id = '$(client 22)'"
run sync_dimensions
assert_equal "$tenant" "$(risk_tenants)" "one that changed its segment too"
assert_equal 2 "$(sql warehouse "select count(*) from dim_client where client_id = '$(client 22)' and valid_from < valid_to")" "its versions"
assert_equal 1 "$(sql warehouse "select count(distinct client_key) from fact_risk_snapshots where client_id = '$(client 22)' and not is_deleted")" \
    "what came before the change is of the version before"

# ---- positions -------------------------------------------------------------------------------------------------------

sql source "
insert into positions (position_id, account_id, instrument_id, quantity, side, opened_at, closed_at, updated_at) values
    (1, 10, 1, 5, 'LONG', '2024-01-02Z', null, '2024-01-02Z'), (2, 10, 1, 3, 'SHORT', '2024-01-02Z', null, '2024-01-02Z'),
    (3, 10, 2, -4, 'SHORT', '2024-01-02Z', null, '2024-01-02Z'), (4, 10, 2, -2, null, '2024-01-02Z', null, '2024-01-02Z'),
    (5, 10, 2, 0, 'LONG', '2024-01-02Z', '2024-01-03Z', '2024-01-02Z'), (6, 10, 2, -1, 'LONG', null, null, '2024-01-02Z'),
    (7, null, null, 'NaN', 'FLAT', 'infinity', null, '2024-01-02Z'), (8, 10, 1, null, null, null, null, '2024-01-02Z')"
run sync_positions --arg mode=changes
assert_equal '8|5|0|0|0|3|0|0' "$(counts sync_positions)" "positions, from the beginning of time"
signed() { sql warehouse "select string_agg(position_id || ' ' || quantity, ', ' order by position_id) from latest_positions"; }
assert_equal '1 5, 2 -3, 3 -4, 4 -2, 5 0' "$(signed)" "a quantity is signed once"
assert_equal '[side_agrees] a LONG position has a negative quantity' "$(findings positions 6 ERROR)" "a side that does not agree"
assert_equal '[account_required] account_id is required; [finite_instants] an instant is infinite; [finite_numbers] a measure is NaN or infinite; [instrument_required] instrument_id is required; [valid_side] side must be LONG or SHORT' \
    "$(findings positions 7 ERROR)" "a position that breaks many rules"
assert_equal '[quantity_required] quantity is required' "$(findings positions 8 ERROR)" "no quantity"
before=$(versions)
run sync_positions
assert_equal '8|0|0|5|0|3|0|0' "$(counts sync_positions)" "the whole table: nothing is written"
assert_equal "$before" "$(versions)" "no row was touched"
sql source "delete from positions where position_id = 1; update positions set quantity = 9, updated_at = clock_timestamp() where position_id = 2;
            update positions set quantity = 0, closed_at = '2024-01-03Z' where position_id = 3"
run sync_positions --arg mode=changes
assert_equal '1 5, 2 -9, 3 -4, 4 -2, 5 0' "$(signed)" "changes show what is stamped"
run sync_positions
assert_equal '7|0|1|3|0|3|1|0' "$(counts sync_positions)" "a comparison shows all"
assert_equal '2 -9, 3 0, 4 -2, 5 0' "$(signed)" "what is gone is removed"
tapemill enqueue sync_positions --arg mode=fast >/dev/null
assert_fails 1 "$TAPEMILL_TEST_BIN/run_job" --queued
assert_contains "$OUTPUT" 'the argument mode is "fast", but must be full or changes' "a mode that is none"
