#!/usr/bin/env bash
# Trades from the source to fact_trades: corrections, busts, rows that vanish, come back, change their date or their order,
# duplicates, bad rows, missing rates, the day roll. One worker and one scheduler; every load through the queue.
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
insert into instruments (instrument_id, symbol, exchange, currency, contract_multiplier, is_active, updated_at) values
    (1, 'AAA', 'NYSE', 'USD', 1, true, '2024-01-01Z'), (2, 'EEE', 'XETR', 'EUR', 1, true, '2024-01-01Z'),
    (3, 'JJJ', 'TSE', 'JPY', 1, true, '2024-01-01Z');
insert into clients (client_id, tenant_id, client_code, name, updated_at) values ('$client', '$tenant', 'C1', 'Client One', '2024-01-01Z');
insert into accounts (account_id, tenant_id, client_id, account_number, broker, is_active, updated_at)
    values (10, '$tenant', '$client', 'A-10', 'B', true, '2024-01-01Z');
insert into strategies (strategy_id, strategy_name, version, is_active, updated_at) values (7, 'S7', 1, true, '2024-01-01Z');
insert into fx_rates (rate_date, currency, rate_to_base, updated_at) values ('2024-01-01', 'EUR', 1.1, '2024-01-01Z');
insert into executions (execution_id, order_id, account_id, instrument_id, executed_at, reported_at, side, quantity, price,
                        commission, fees, status, updated_at) values
    (1, 100, 10, 1, '2024-01-02 15:00:00Z', '2024-01-02 15:00:00.000300Z', 'BUY', 10, 20.5, 1, 0.5, 'NEW', '2024-01-02 15:00Z'),
    (2, 101, 10, 1, '2024-01-02 16:00:00Z', null, 'SELL', 4, 21, 1, 0.5, 'NEW', '2024-01-02 16:00Z'),
    (3, null, 10, 2, '2024-01-02 17:00:00Z', null, 'BUY', 0.004, 1, 0, 0, 'NEW', '2024-01-02 17:00Z'),
    (4, null, 10, 3, '2024-01-02 18:00:00Z', null, 'BUY', 100, 150, 0, 0, 'NEW', '2024-01-02 18:00Z'),
    (5, null, 10, 1, '2024-01-03 04:59:59.999999Z', null, 'BUY', 1, 1, 0, 0, 'NEW', '2024-01-03 05:00Z'),
    (6, null, 10, 1, '2024-01-02 19:00:00Z', null, 'BUY', 'NaN', 1, 0, 0, 'NEW', '2024-01-02 19:00Z'),
    (7, null, 99, 1, '2024-01-02 19:00:00Z', null, 'bananas', -1, 1, 0, -1, 'NEW', '2024-01-02 19:00Z'),
    (8, null, 10, 1, '2024-01-02 20:00:00Z', null, 'BUY', 5, 5, 0, 0, 'CANCELLED', '2024-01-02 20:00Z');
insert into trades (trade_id, tenant_id, trade_date, client_id, instrument_id, trade_reference, side, quantity, price, fees, currency,
                    status, updated_at) values
    (1, '$tenant', '2024-01-02 15:00Z', '$client', 1, 'T-1', 'BUY', 3, 20, 0.1, 'USD', 'NEW', '2024-01-02 15:00Z'),
    (2, '$tenant', '2024-01-02 15:01Z', '$client', 1, 'T-1', 'BUY', 3, 19, 0.1, 'USD', 'NEW', '2024-01-02 15:30Z'),
    (3, null, '2024-01-02 15:02Z', '$client', 1, 'T-2', 'SELL', 1, 20, 0, 'USD', 'NEW', '2024-01-02 15:02Z');
"

# load_day DATE: the whole pipeline of a date
load_day() {
    tapemill enqueue daily_load --date "$1" --wait >"$TEST_DIR/load.log" 2>&1 || fail "$(cat "$TEST_DIR/load.log")"
}
# The counts of the last run of a step of the pipeline: extracted, inserted, updated, unchanged, superseded, quarantined, removed
counts() {
    sql warehouse "select records_processed, inserted, updated, unchanged, superseded, records_failed, removed
                   from etl_job_runs r join etl_jobs j on j.id = r.job_id
                   where r.job_name = '$1' and r.status = 'COMPLETED' and j.pipeline_run_id is not null
                   order by run_no desc limit 1"
}
fact() {
    sql warehouse "select $2 from fact_trades where trade_reference = '$1'"
}

load_day 2024-01-02
assert_equal '8|6|0|0|0|2|0' "$(counts load_executions)" "first load of the desk"
assert_equal '3|1|0|0|1|1|0' "$(counts load_trades)" "first load of the clients: the newer of two T-1 counts"
assert_equal '20240102|86399' "$(fact 5 'date_key, time_key')" "a microsecond before midnight in New York"
assert_equal '0.300|205.0000000000000000|206.5000000000000000|USD' "$(fact 1 'latency_ms, notional_value, net_amount, currency')" \
    "300 microseconds are 0.3 ms, the BUY pays its costs"
assert_equal '82.5000000000000000' "$(fact 2 net_amount)" "the SELL loses its costs"
assert_equal 'EUR|1.100000000000|0.0040000000000000' "$(fact 3 'currency, rate_to_base, notional_value')" "a tiny notional in euros"
assert_equal 'JPY|' "$(fact 4 'currency, rate_to_base')" "no rate of the yen: none is made up"
assert_equal 't|' "$(fact 8 'is_deleted, realized_pnl')" "a busted print is a tombstone"
assert_equal '19.00000000' "$(fact T-1 price)" "the newest row of a reference"
assert_equal '[fees_non_negative] fees are negative; [positive_quantity] quantity must be greater than 0; [valid_side] side must be BUY or SELL' \
    "$(sql warehouse "select string_agg(error_message, '; ' order by error_message) from etl_data_quality_issues
                      where record_id = '7'")" "all failures of a row"
assert_equal 0 "$(sql warehouse 'select count(*) from dim_account where account_id = 99')" "what only a bad row names is not inferred"
assert_equal '[tenant_required] tenant_id is required' \
    "$(sql warehouse "select error_message from etl_data_quality_issues where rule_name = 'tenant_required'")" "document 2's message"
assert_equal '6,7' "$(sql warehouse "select string_agg(record_id, ',' order by record_id) from etl_quarantine
                                     where source_table = 'executions' and resolved_at is null")" "the quarantine"
assert_equal 'executions, fact_positions_daily' "$(sql warehouse "select string_agg(source_table, ', ' order by source_table)
    from etl_data_quality_issues where rule_name = 'fx_rate_missing' and record_id = 'JPY'")" "the missing rate is a finding, once for each table"
# Of two rows of one reference with one updated_at the later id counts, and goes on counting when nothing has changed.
sql source "update trades set updated_at = '2024-01-02 15:30Z' where trade_reference = 'T-1'"
for again in 1 2 3; do
    load_day 2024-01-02
    assert_equal '3|0|0|1|1|1|0' "$(counts load_trades)" "a reference that comes twice, loaded again ($again)"
    assert_equal '19.00000000' "$(fact T-1 price)" "the row of the later id ($again)"
done
# The bucket of account 10 without strategy holds fills in yen: it must not be there.
assert_equal 0 "$(sql warehouse 'select count(*) from fact_performance_daily')" "a missing rate holds its bucket"

before=$(tapemill fingerprint)
load_day 2024-01-02
assert_equal '8|0|0|6|0|2|0' "$(counts load_executions)" "again: nothing is written"
assert_equal "$before" "$(tapemill fingerprint)" "the fingerprint after a second load"

# A rate arrives; a print is corrected, one is busted, one vanishes; an order names the strategy; account 99 arrives.
sql source "
insert into fx_rates (rate_date, currency, rate_to_base, updated_at) values ('2024-01-02', 'JPY', 0.007, '2024-01-03Z');
insert into accounts (account_id, tenant_id, account_number, broker, is_active, updated_at) values (99, '$tenant', 'A-99', 'B', true, '2024-01-03Z');
insert into orders (order_id, strategy_id, order_type, updated_at) values (100, 7, 'LIMIT', '2024-01-03Z');
update executions set price = 22, status = 'CORRECTED', updated_at = '2024-01-03Z' where execution_id = 2;
update executions set status = 'CANCELLED', updated_at = '2024-01-03Z' where execution_id = 3;
update executions set side = 'SELL', quantity = 1, fees = 0, updated_at = '2024-01-03Z' where execution_id = 7;
delete from executions where execution_id = 5;"
load_day 2024-01-02
assert_equal '7|1|4|1|0|1|1' "$(counts load_executions)" "corrected, busted, re-keyed, rated, arrived, vanished"
assert_equal '22.00000000|' "$(fact 2 'price, etl_run_id is null' | sed 's/f$//')" "the correction"
assert_equal 't' "$(fact 3 is_deleted)" "the bust"
assert_equal 't' "$(fact 5 is_deleted)" "the vanished print is a tombstone"
assert_equal '7|LIMIT' "$(sql warehouse "select strategy_id, order_type from fact_trades join dim_strategy using (strategy_key)
                                        where trade_reference = '1'")" "a late order names the fill's strategy"
assert_equal '6' "$(sql warehouse "select string_agg(record_id, ',') from etl_quarantine
                                   where source_table = 'executions' and resolved_at is null")" "7 is put right"
assert_equal t "$(sql warehouse 'select count(*) > 0 from fact_performance_daily')" "the rate released the bucket"

# An older version does not overwrite a newer one.
sql source "update executions set price = 1, updated_at = '2024-01-02 16:00Z' where execution_id = 2"
load_day 2024-01-02
assert_equal '22.00000000' "$(fact 2 price)" "a stale version is superseded"
assert_equal 1 "$(counts load_executions | cut -d '|' -f 5)" "superseded"
sql source "update executions set price = 22, updated_at = '2024-01-03Z' where execution_id = 2"

# A print moves across midnight: one row, on the new date; the old date's books are closed again without it.
load_day 2024-01-03
sql source "update executions set executed_at = '2024-01-03 15:00Z', updated_at = '2024-01-04Z' where execution_id = 4"
load_day 2024-01-03
assert_equal '20240103' "$(fact 4 date_key)" "a moved print leaves exactly one row"
wait_until_sql 60 "the old date's books are closed again" warehouse \
    "select count(*) from etl_conditions where key = 'pnl:20240102' and met" 1
wait_until_sql 60 "all follow-up jobs are done" warehouse "select count(*) from etl_jobs where state not in ('done')" 0
assert_equal '100.00000000' "$(sql warehouse "select quantity from etl_open_positions where instrument_id = 3 and date_key = 20240103")" \
    "its book is open on the new date"
assert_equal 0 "$(sql warehouse "select count(*) from etl_open_positions where instrument_id = 3 and date_key = 20240102")" \
    "and not on the old one"
sql source "update executions set executed_at = '2024-01-02 18:00Z', updated_at = '2024-01-05Z' where execution_id = 4"
load_day 2024-01-02
assert_equal '20240102' "$(fact 4 date_key)" "and back"

# An account gets another tenant: its executions, which are told apart by their ids alone, go with it, and so do their books.
other=44444444-4444-4444-4444-444444444444
facts=$(sql warehouse "select count(*) from fact_trades where date_key = 20240102 and source = 'DESK'")
sql source "update accounts set tenant_id = '$other', updated_at = '2024-01-06Z' where account_id = 10"
load_day 2024-01-02
wait_until_sql 60 "all follow-up jobs are done" warehouse "select count(*) from etl_jobs where state not in ('done')" 0
assert_equal "$facts|0" "$(sql warehouse "select count(*), count(*) filter (where not is_deleted and (f.tenant_id = '$other') <> (account_id = 10))
    from fact_trades f join dim_account using (account_key) where date_key = 20240102 and source = 'DESK'")" "none is left behind"
assert_equal '7|0|5|1|0|1|0' "$(sql warehouse "select records_processed, inserted, updated, unchanged, superseded, records_failed, removed
    from etl_job_runs where job_name = 'load_executions' and business_date = '2024-01-02' and updated > 0 order by run_no desc limit 1")" "updated"
assert_equal 0 "$(sql warehouse "select count(*) from etl_open_positions p join dim_account a using (account_id)
    where date_key = 20240102 and p.tenant_id <> a.tenant_id")" "books of the tenant that was"
assert_equal t "$(sql warehouse "select count(*) > 0 from etl_open_positions where date_key = 20240102 and tenant_id = '$other'")" "but of the new one"

# With a day roll at 17:00 the evening belongs to the next business date.
databases_create roll
export TAPEMILL_DAY_ROLL=17:00
tapemill migrate >/dev/null
tapemill source init >/dev/null
start_worker
sql source "
insert into instruments (instrument_id, symbol, currency, updated_at) values (1, 'EURUSD', 'USD', '2024-01-01Z');
insert into accounts (account_id, tenant_id, updated_at) values (10, '$tenant', '2024-01-01Z');
insert into executions (execution_id, account_id, instrument_id, executed_at, side, quantity, price, status, updated_at) values
    (1, 10, 1, '2024-01-02 21:59:59Z', 'BUY', 1, 1, 'NEW', '2024-01-02Z'), (2, 10, 1, '2024-01-02 22:00:00Z', 'BUY', 1, 1, 'NEW', '2024-01-02Z')"
start_scheduler TAPEMILL_SCHEDULER_TICK_MS=50
tapemill backfill daily_load --from 2024-01-02 --to 2024-01-03 --wait >"$TEST_DIR/roll.log" 2>&1 || fail "$(cat "$TEST_DIR/roll.log")"
assert_equal '1|20240102|61199
2|20240103|61200' "$(sql warehouse 'select trade_reference, date_key, time_key from fact_trades order by 1')" "17:00 in New York"
