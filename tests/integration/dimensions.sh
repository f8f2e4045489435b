#!/usr/bin/env bash
# The jobs that everything else stands on: dates, partitions, exchange rates and the five dimensions.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up
tapemill migrate >/dev/null
sql source <"$TAPEMILL_ROOT/sql/source/schema.sql"

run_job() {
    "$TAPEMILL_TEST_BIN/dimension_run" job "$@"
}

sync_one() {
    run_job sync_dimensions "{\"dimension\": \"$1\"}"
}

# How often each row was written, as its place and the transaction that wrote it.
written() {
    local table
    for table in "$@"; do
        sql warehouse "select md5(string_agg(ctid::text || xmin::text || xmax::text, ',' order by ctid)) from $table"
    done
}

# "version segment name valid_from valid_to current" of a client, one line per version.
client_history() {
    sql warehouse "select version, segment, client_name, valid_from at time zone 'UTC', valid_to at time zone 'UTC',
                          is_current, effective_date, expiration_date
                   from dim_client where client_id = '$1' order by version"
}

# "version|segment" of a client's versions, with commas between.
segments() {
    sql warehouse "select string_agg(version || '|' || coalesce(segment, '<null>'), ',' order by version) from dim_client
                   where client_id = '$1' and valid_from < valid_to"
}

# In the background: runs STATEMENT (of PL/pgSQL) and keeps its locks until CONDITION is true. There, waits is the number
# of transactions of the runs that have been seen waiting for a lock.
hold_until() {
    start_process holder -- psql -XAtq -v ON_ERROR_STOP=1 "$TAPEMILL_WAREHOUSE_URL" -c "
        do \$hold\$
        declare
            deadline constant timestamptz := clock_timestamp() + interval '2 minutes';
            seen text[] := '{}';
            waits integer := 0;
        begin
            $1;
            perform set_config('application_name', 'holder', false);
            while not ($2) and clock_timestamp() < deadline loop
                perform pg_sleep(0.01), pg_stat_clear_snapshot();
                seen := array(select unnest(seen) union
                              select pid || ' ' || xact_start from pg_stat_activity
                              where wait_event_type = 'Lock' and application_name ~ '^(dimension_run|tapemill side)');
                waits := cardinality(seen);
            end loop;
        end
        \$hold\$"
    pids=("$STARTED_PID") logs=("$STARTED_LOG")
    wait_until_sql 60 "the holder holds" warehouse \
        "select count(*) from pg_stat_activity where application_name = 'holder'" 1
}

start_run() {
    start_process run -- "$TAPEMILL_TEST_BIN/dimension_run" "$@"
    pids+=("$STARTED_PID") logs+=("$STARTED_LOG")
}

# Each of the processes in pids, with its log in logs, ends well.
processes_succeed() {
    local i status
    for i in "${!pids[@]}"; do
        status=0
        wait "${pids[i]}" || status=$?
        [ "$status" -eq 0 ] || fail "a process failed: $(cat "${logs[i]}")"
    done
}

# ---- dates and partitions -----------------------------------------------------------------------------------

ensure() {
    "$TAPEMILL_TEST_BIN/dimension_run" ensure "$@"
}

assert_fails 1 ensure fact_trades 20310505
assert_contains "$OUTPUT" 'date_key: dim_date has no row for 2031-05-05; run `tapemill enqueue dates`' "an unknown date"
assert_fails 1 ensure fact_trades 20240230
assert_fails 1 ensure dim_date 20240102

export TAPEMILL_DATES_YEARS_AHEAD=3
run_job dates '{}' 2024-06-14 >/dev/null
assert_equal '13879|19900101|20271231' "$(sql warehouse 'select count(*), min(date_key), max(date_key) from dim_date')" \
    "dates from TAPEMILL_DATES_FROM to the end of the third year ahead"
assert_equal '86400|0|86399' "$(sql warehouse 'select count(*), min(time_key), max(time_key) from dim_time')" "seconds"
assert_equal '0' "$(sql warehouse "select count(*) from dim_time where extract(epoch from time) <> time_key")" "time of a key"
assert_equal '0' "$(sql warehouse "select count(*) from dim_date
    where date_key <> to_char(date, 'YYYYMMDD')::integer or year <> extract(year from date)
       or quarter <> extract(quarter from date) or month <> extract(month from date)
       or month_name <> to_char(date, 'FMMonth') or day_of_month <> extract(day from date)
       or day_of_week <> extract(isodow from date) or day_name <> to_char(date, 'FMDay')
       or week_of_year <> extract(week from date) or iso_year <> extract(isoyear from date)
       or is_weekend <> (extract(isodow from date) >= 6) or (session_open is null) = is_trading_day")" "columns of dim_date"
assert_equal 't|f|2024-07-03 13:30:00|2024-07-03 17:00:00|f|t|Independence Day' "$(sql warehouse "
    select a.is_trading_day, a.is_holiday, a.session_open at time zone 'UTC', a.session_close at time zone 'UTC',
           b.is_trading_day, b.is_holiday, b.holiday_name
    from dim_date a, dim_date b where a.date_key = 20240703 and b.date_key = 20240704")" "an early close and a holiday"
before=$(written dim_date dim_time)
assert_equal 'extracted 100279 inserted 0 updated 0 unchanged 100279 superseded 0 quarantined 0 removed 0' \
    "$(run_job dates '{}' 2024-06-14)" "dates again"
assert_equal "$before" "$(written dim_date dim_time)" "dates again write nothing"
sql warehouse "update dim_date set holiday_name = 'wrong' where date_key = 20240704"
assert_contains "$(TAPEMILL_FISCAL_START_MONTH=1 run_job dates '{}' 2024-06-14)" 'updated 1 ' "only what differs is written"
# Of two trading days that were none, one has facts: series have to be told of it.
sql warehouse "update dim_date set is_trading_day = false where date_key in (20240702, 20240703);
    insert into etl_fact_days (source, date_key) values ('DESK', 20240702)"
assert_contains "$(run_job dates '{}' 2024-06-14)" 'updated 2 ' "trading days that were none"
assert_equal 'performance_risk|20240702' "$(sql warehouse "select target, date_key from etl_dirty_buckets")" "what follows from trading days"
sql warehouse "delete from etl_dirty_buckets; delete from etl_fact_days"
assert_contains "$(run_job dates '{}' 2025-06-14)" 'inserted 366 updated 0 ' "a year later"
assert_fails 1 env TAPEMILL_DATES_FROM=1990-13-01 "$TAPEMILL_TEST_BIN/dimension_run" job dates
assert_contains "$OUTPUT" 'config: TAPEMILL_DATES_FROM' "a first date that is none"

partitions_of() {
    sql warehouse "select c.relname, pg_get_expr(c.relpartbound, c.oid) from pg_inherits i
                   join pg_class c on c.oid = i.inhrelid
                   where i.inhparent = '$1'::regclass order by c.relname"
}

assert_contains "$(run_job partitions '{}' 2024-11-30)" 'extracted 24 inserted 24 ' "months ahead"
assert_equal "fact_trades_m202411|FOR VALUES FROM (20241101) TO (20241201)
fact_trades_m202412|FOR VALUES FROM (20241201) TO (20250101)
fact_trades_m202501|FOR VALUES FROM (20250101) TO (20250201)
fact_trades_m202502|FOR VALUES FROM (20250201) TO (20250301)" "$(partitions_of fact_trades)" "month parents of fact_trades"
assert_contains "$(run_job partitions '{}' 2024-11-30)" 'inserted 0 updated 0 unchanged 24 ' "months ahead again"
assert_contains "$(run_job partitions)" 'extracted 24 ' "months ahead of today"

ensure fact_trades 20240131
ensure fact_trades 20240131
ensure fact_performance_daily 20240131
assert_equal "fact_trades_d20240131_desk|FOR VALUES FROM (20240131, 'DESK') TO (20240201, MINVALUE)" "$(partitions_of fact_trades_m202401)" \
    "the last day of a month"
assert_equal "$(sql warehouse "select count(*) from pg_index where indrelid = 'fact_trades'::regclass")" \
    "$(sql warehouse "select count(*) from pg_index where indrelid = 'fact_trades_d20240131_desk'::regclass")" "indexes of a leaf"
assert_equal "$(sql warehouse "select count(*) from pg_constraint where conrelid = 'fact_trades'::regclass")" \
    "$(sql warehouse "select count(*) from pg_constraint where conrelid = 'fact_trades_d20240131_desk'::regclass")" \
    "constraints of a leaf"
assert_equal 0 "$(sql warehouse 'select count(*) from pg_partitioned_table where partdefid <> 0')" "default partitions"

sql warehouse 'create table fact_trades_d20240205_desk ()'
assert_fails 1 ensure fact_trades 20240205
assert_contains "$OUTPUT" 'table fact_trades_d20240205_desk exists but is not a partition of fact_trades_m202402' "a taken name"
assert_equal '' "$(sql warehouse "select to_regclass('fact_trades_m202402')")" "nothing half-made"
sql warehouse 'drop table fact_trades_d20240205_desk'

# Eight at once, for a day whose month is not there either.
hold_until 'perform pg_advisory_lock(42)' 'waits = 8'
for _ in 1 2 3 4 5 6 7 8; do
    start_run ensure fact_trades 20240306
done
processes_succeed
assert_equal "fact_trades_d20240306_desk|FOR VALUES FROM (20240306, 'DESK') TO (20240307, MINVALUE)" "$(partitions_of fact_trades_m202403)" \
    "one leaf by eight processes"

# Whoever writes to a dimension holds an ATTACH up, not off: it is tried again.
hold_until 'lock table dim_client in row exclusive mode' 'waits = 2'
start_run ensure fact_trades 20240307
processes_succeed
assert_equal 2 "$(partitions_of fact_trades_m202403 | wc -l)" "a leaf made after a wait"

# ---- broken rules -------------------------------------------------------------------------------------------

file_issues() {
    ISSUES=$2 "$TAPEMILL_TEST_BIN/dimension_run" issues "$1"
}

quarantine() {
    sql warehouse "select record_id, business_date, rules, record_data ->> 'n', last_run_no - first_run_no,
                          resolved_at is not null
                   from etl_quarantine where source_table = 'sample' order by record_id, id"
}

assert_contains "$(file_issues 2024-01-02 "insert into stage_issues values
    ('a', '2024-01-02', E'W|negative_fee|fees are | below 0\nE|side_known|side is required', '{\"n\": 1.10}'),
    ('b', '2024-01-02', 'W|negative_fee|fees are below 0', '{\"n\": 2}'),
    ('c', '2024-01-02', 'E|side_known|side is required', '{\"n\": 3}'),
    ('c', '2024-01-02', 'E|side_known|side is required', '{\"n\": 4}'),
    (null, null, 'E|id_required|id is required', '{\"n\": 5}')")" 'quarantined 4 ' "rows with an ERROR"
first_run=$(sql warehouse 'select max(run_no) from etl_job_runs')
nameless=sha256:$(printf '{"n": 5}' | sha256sum | cut -d ' ' -f 1)
assert_equal "a|2024-01-02|[negative_fee] fees are | below 0; [side_known] side is required|1.10|0|f
c|2024-01-02|[side_known] side is required|3|0|f
$nameless||[id_required] id is required|5|0|f" "$(quarantine)" "quarantine"
assert_equal "a|negative_fee|WARNING|[negative_fee] fees are | below 0
a|side_known|ERROR|[side_known] side is required
b|negative_fee|WARNING|[negative_fee] fees are below 0
c|side_known|ERROR|[side_known] side is required
c|side_known|ERROR|[side_known] side is required
$nameless|id_required|ERROR|[id_required] id is required" "$(sql warehouse "
    select i.record_id, i.rule_name, i.severity, i.error_message
    from etl_data_quality_issues i join etl_job_runs r on r.id = i.job_run_id
    where r.run_no = $first_run and i.source_table = 'sample' order by 1, 2")" "an issue for every broken rule"
file_issues 2024-01-02 "insert into stage_issues values ('a', '2024-01-02', 'E|price_positive|price is 0', '{\"n\": 6}'),
    ('c', '2024-01-02', 'W|negative_fee|fees are below 0', '{\"n\": 7}')" >/dev/null
assert_equal "a|2024-01-02|[price_positive] price is 0|6|1|f
c|2024-01-02|[side_known] side is required|3|0|t
$nameless||[id_required] id is required|5|0|f" "$(quarantine)" "what is put right leaves the quarantine, another date does not"
file_issues 2024-01-02 "insert into stage_issues values ('c', '2024-01-02', 'E|side_known|again', '{\"n\": 8}')" >/dev/null
assert_equal "a|2024-01-02|[price_positive] price is 0|6|1|t
c|2024-01-02|[side_known] side is required|3|0|t
c|2024-01-02|[side_known] again|8|0|f
$nameless||[id_required] id is required|5|0|f" "$(quarantine)" "a row that breaks again"

# ---- exchange rates -----------------------------------------------------------------------------------------

sql source "insert into fx_rates (rate_date, currency, rate_to_base, updated_at) values
    ('2024-01-02', 'EUR', 1.0956, '2024-01-02 21:00Z'), ('2024-01-02', 'JPY', 0.007037297677, '2024-01-02 21:00Z'),
    ('2024-01-03', 'EUR', 1.0919, '2024-01-03 21:00Z'), ('2024-01-03', 'GBP', 0, '2024-01-03 21:00Z'),
    ('2024-01-03', 'eur', 1.09, '2024-01-03 21:00Z'), ('2024-01-03', 'CHF', 'NaN', '2024-01-03 21:00Z'),
    ('2024-01-03', 'AUD', null, '2024-01-03 21:00Z'), ('2024-01-03', 'CAD', 0.1234567890123, '2024-01-03 21:00Z'),
    ('2024-01-03', 'NZD', 1e16, '2024-01-03 21:00Z')"
assert_equal 'extracted 9 inserted 3 updated 0 unchanged 0 superseded 0 quarantined 6 removed 0' \
    "$(run_job sync_fx_rates)" "rates"
assert_equal "AUD 2024-01-03|2024-01-03|[rate_required] rate_to_base is required
CAD 2024-01-03|2024-01-03|[rate_range] rate_to_base does not fit into 16 digits before and 12 after the point; round it in the extraction query fx_rates.sql
CHF 2024-01-03|2024-01-03|[rate_finite] rate_to_base is NaN
GBP 2024-01-03|2024-01-03|[rate_positive] rate_to_base must be greater than 0
NZD 2024-01-03|2024-01-03|[rate_range] rate_to_base does not fit into 16 digits before and 12 after the point; round it in the extraction query fx_rates.sql
eur 2024-01-03|2024-01-03|[currency_code] currency \"eur\" is not three capital letters" \
    "$(sql warehouse "select record_id, business_date, rules from etl_quarantine where source_table = 'fx_rates'
                      order by record_id collate \"C\"")" "rates in quarantine"
assert_equal 6 "$(sql warehouse "select count(*) from etl_data_quality_issues i join etl_job_runs r on r.id = i.job_run_id
    where r.job_name = 'sync_fx_rates' and i.severity = 'ERROR'
      and i.error_message like '[' || i.rule_name || '] %'")" "issues of rates"
before=$(written fx_rates)
assert_contains "$(run_job sync_fx_rates)" 'inserted 0 updated 0 unchanged 3 ' "rates again"
assert_equal "$before" "$(written fx_rates)" "rates again write nothing"
"$TAPEMILL_TEST_BIN/dimension_run" twice sync_fx_rates >/dev/null
sql source "update fx_rates set rate_to_base = 1.0950 where currency = 'EUR' and rate_date = '2024-01-02';
            delete from fx_rates where currency = 'JPY';
            update fx_rates set rate_to_base = 1.27 where currency = 'GBP';
            update fx_rates set rate_to_base = 'NaN' where currency = 'EUR' and rate_date = '2024-01-03'"
assert_equal 'extracted 8 inserted 1 updated 1 unchanged 0 superseded 0 quarantined 6 removed 1' \
    "$(run_job sync_fx_rates)" "rates that changed"
assert_equal "EUR|2024-01-02|1.095000000000
EUR|2024-01-03|1.091900000000
GBP|2024-01-03|1.270000000000" "$(sql warehouse 'select currency, rate_date, rate_to_base from fx_rates order by 1, 2')" \
    "rates: a broken one leaves what was there"
assert_equal 'GBP 2024-01-03|t' "$(sql warehouse "select record_id, resolved_at is not null from etl_quarantine
    where source_table = 'fx_rates' and resolved_at is not null")" "the rate that was put right"
assert_equal 't' "$(sql warehouse "select bool_and(first_run_no < last_run_no) from etl_quarantine
    where source_table = 'fx_rates' and resolved_at is null and record_id like 'CHF%'")" "first and last run of a broken rate"
sql source 'create table fx_kept as table fx_rates; truncate fx_rates'
assert_fails 1 run_job sync_fx_rates
assert_contains "$OUTPUT" 'gate: the source has no exchange rate at all, the warehouse has 3' "an empty source"

# ---- dimensions ---------------------------------------------------------------------------------------------

acme=00000000-0000-0000-0000-0000000000c1
bolt=00000000-0000-0000-0000-0000000000c2
sql source "
insert into clients (client_id, tenant_id, client_code, name, client_type, region, segment, industry, onboard_date,
                     status, updated_at) values
    ('$acme', null, 'ACME', 'Acme', 'HEDGE_FUND', 'EMEA', 'SILVER', 'Funds', '2020-02-29', 'ACTIVE', '2024-01-02 09:00Z'),
    ('$bolt', '00000000-0000-0000-0000-0000000000ff', 'BOLT', 'Bolt', 'CORPORATE', null, null, null, null, 'ACTIVE',
     '2024-01-02 09:00Z');
insert into instruments (instrument_id, symbol, name, exchange, asset_class, currency, tick_size, lot_size,
                         contract_multiplier, price_precision, is_active, updated_at) values
    (1, 'AAA', 'Triple A', 'XNAS', 'EQUITY', 'USD', 0.01, 1, null, 2, true, '2024-01-02 09:00Z'),
    (2, 'ESZ4', 'A future', 'XCME', 'FUTURE', 'USD', 0.25, 1, 50, 2, true, '2024-01-02 09:00Z'),
    (3, 'BAD', 'Broken', 'XNAS', 'EQUITY', 'USD', 'NaN', 1e20, -1, 2, true, 'infinity');
insert into accounts (account_id, account_number, account_name, account_type, broker, currency, risk_tier, is_active,
                      updated_at) values (7, 'A-7', 'Seven', 'PROP', 'Prime', 'USD', 'LOW', true, '2024-01-02 09:00Z');
insert into strategies (strategy_id, strategy_name, strategy_type, version, is_active, updated_at) values
    (9, 'Nine', 'MARKET_MAKING', 1, true, '2024-01-02 09:00Z');
insert into liquidity_providers (lp_id, code, name, type, region, tier, is_active, updated_at) values
    ('00000000-0000-0000-0000-0000000000a1', 'LP1', 'First', 'BANK', 'AMER', 'TIER_1', true, '2024-01-02 09:00Z')"
dimensions=(dim_instrument dim_account dim_strategy dim_client dim_liquidity_provider dim_epochs)

assert_equal 'extracted 8 inserted 7 updated 0 unchanged 0 superseded 0 quarantined 1 removed 0' \
    "$(run_job sync_dimensions)" "first sync"
assert_equal "1|SILVER|Acme|-infinity|infinity|t|-infinity|infinity" "$(client_history $acme)" "a first version"
assert_equal '00000000-0000-0000-0000-000000000001|00000000-0000-0000-0000-000000000001' "$(sql warehouse "
    select c.tenant_id, a.tenant_id from dim_client c, dim_account a
    where c.client_id = '$acme' and a.account_id = 7")" "the default tenant"
assert_equal "1|1.00000000|Triple A
2|50.00000000|A future" "$(sql warehouse 'select instrument_id, contract_multiplier, full_name from dim_instrument
    where instrument_id is not null order by 1')" "instruments"
assert_equal 'LP1|First|BANK|Nine|1' "$(sql warehouse "select lp_code, lp_name, lp_type, strategy_name, strategy_version
    from dim_liquidity_provider, dim_strategy where lp_id is not null and strategy_id = 9")" "columns that change their names"
assert_equal "3|[updated_at_finite] updated_at is infinity; [tick_size_finite] tick_size is NaN; [lot_size_range] lot_size does not fit into 20 digits before and 8 after the point; [contract_multiplier_positive] contract_multiplier must be greater than 0|BAD" \
    "$(sql warehouse "select record_id, rules, record_data ->> 'symbol' from etl_quarantine
                      where source_table = 'instruments'")" "all failures of a row together"
assert_equal '1|1|1|1|1' "$(sql warehouse "select string_agg(epoch::text, '|') from dim_epochs")" "epochs"
assert_equal '{"moved": 0, "members": 2, "removed": 0, "versions": 0, "corrected": 0}' "$(sql warehouse "
    select metadata -> 'client' from etl_job_runs where job_name = 'sync_dimensions' order by run_no desc limit 1")" "metadata"

before=$(written "${dimensions[@]}")
assert_equal 'extracted 8 inserted 0 updated 0 unchanged 7 superseded 0 quarantined 1 removed 0' \
    "$(run_job sync_dimensions)" "unchanged rerun"
assert_contains "$("$TAPEMILL_TEST_BIN/dimension_run" twice sync_dimensions)" 'updated 0 unchanged 14 ' "twice in one transaction"
"$TAPEMILL_TEST_BIN/dimension_run" twice dates '{}' 2024-06-14 >/dev/null
[ "$before" = "$(written "${dimensions[@]}" | sed '$d')
$(tail -n 1 <<<"$before")" ] || fail "an unchanged rerun wrote to a dimension"
sql source "update clients set updated_at = '2024-01-05 09:00Z'"
assert_contains "$(run_job sync_dimensions)" 'updated 0 unchanged 7 ' "a new updated_at alone"
assert_equal "1|SILVER|Acme|-infinity|infinity|t|-infinity|infinity" "$(client_history $acme)" "versions after a new updated_at"
assert_equal '1|1|1|1|1' "$(sql warehouse "select string_agg(epoch::text, '|') from dim_epochs")" "epochs of an unchanged rerun"

# segment change makes version 2
sql source "update clients set segment = 'GOLD', updated_at = '2024-03-02 03:30Z' where client_id = '$acme'"
assert_contains "$(sync_one client)" 'extracted 2 inserted 0 updated 1 unchanged 1 ' "segment change"
assert_equal "1|SILVER|Acme|-infinity|2024-03-02 03:30:00|f|-infinity|2024-03-01
2|GOLD|Acme|2024-03-02 03:30:00|infinity|t|2024-03-01|infinity" "$(client_history $acme)" \
    "segment change makes version 2, its dates in the business time zone"
assert_equal 'account 1|client 2|instrument 1|liquidity_provider 1|strategy 1' "$(sql warehouse "
    select string_agg(dimension || ' ' || epoch, '|' order by dimension) from dim_epochs")" "the epoch of what changed"

# type 1 reaches all versions
sql source "update clients set name = 'Acme & Co', updated_at = '2024-04-01 09:00Z' where client_id = '$acme'"
sync_one client >/dev/null
assert_equal "1|SILVER|Acme & Co|-infinity|2024-03-02 03:30:00|f|-infinity|2024-03-01
2|GOLD|Acme & Co|2024-03-02 03:30:00|infinity|t|2024-03-01|infinity" "$(client_history $acme)" "type 1 reaches all versions"
assert_equal '2024-01-05 09:00:00,2024-04-01 09:00:00' "$(sql warehouse "select string_agg((source_updated_at at time zone
    'UTC')::text, ',' order by version) from dim_client where client_id = '$acme'")" "source_updated_at of the current version"

# NULL is a value: from NULL, to NULL, and both types at once
sql source "update clients set segment = 'BRONZE', industry = 'Steel', updated_at = '2024-04-02 12:00Z' where client_id = '$bolt';
            update clients set segment = null, updated_at = '2024-04-02 12:00Z' where client_id = '$acme'"
assert_contains "$(sync_one client)" 'updated 2 unchanged 0 ' "changes from and to NULL"
assert_equal '1|<null>|Steel,2|BRONZE|Steel' "$(sql warehouse "select string_agg(version || '|' || coalesce(segment, '<null>')
    || '|' || industry, ',' order by version) from dim_client where client_id = '$bolt'")" "a change from NULL"
assert_equal '1|SILVER,2|GOLD,3|<null>' "$(segments $acme)" "a change to NULL"

# a change at the same instant stands in its place; one with an older stamp is true of that time as well, and of now
sql source "update clients set segment = 'PLATINUM', updated_at = '2024-04-02 12:00Z' where client_id = '$acme'"
assert_contains "$(sync_one client)" 'updated 1 ' "a change at one instant"
assert_equal '1|SILVER,2|GOLD,3|PLATINUM' "$(segments $acme)" "a change at one instant overwrites"
sql source "update clients set segment = 'COPPER', updated_at = '2024-02-01 12:00Z' where client_id = '$acme'"
before=$(sql source 'select clock_timestamp()')
assert_contains "$(sync_one client)" 'updated 1 ' "a change with an older stamp"
assert_equal '1|SILVER,2|COPPER,3|GOLD,4|PLATINUM,5|COPPER' "$(segments $acme)" "a change with an older stamp splits a version"
assert_equal '2024-02-01 12:00:00|2024-03-02 03:30:00|t' "$(sql warehouse "
    select a.valid_from at time zone 'UTC', a.valid_to at time zone 'UTC', b.valid_from between '$before' and now()
    from dim_client a join dim_client b on b.client_id = a.client_id and b.is_current
    where a.client_id = '$acme' and a.version = 2")" "the two stretches of one state"

# an inferred member is completed, its key and its beginning kept
sql warehouse "insert into dim_account (account_key, account_id, is_inferred) values (700, 70, true)"
sql source "insert into accounts (account_id, account_number, broker, updated_at) values (70, 'A-70', 'Prime', '2024-05-01 09:00Z')"
assert_contains "$(sync_one account)" 'inserted 0 updated 1 unchanged 1 ' "an inferred member"
assert_equal '700|A-70|Prime|1|-infinity|t|f' "$(sql warehouse "select account_key, account_number, broker, version,
    valid_from, is_current, is_inferred from dim_account where account_id = 70")" "an inferred member completed"

# two syncs at once make one version
sync_client=(job sync_dimensions '{"dimension": "client"}')
sql source "update clients set segment = 'TWICE', updated_at = clock_timestamp() where client_id = '$acme'"
hold_until 'perform from dim_epochs for share' 'waits = 2'
start_run "${sync_client[@]}"
start_run "${sync_client[@]}"
processes_succeed
assert_equal '6|TWICE' "$(sql warehouse "select count(*), max(segment) filter (where is_current) from dim_client
    where client_id = '$acme'")" "two syncs at once"
assert_equal 'updated 0
updated 1' "$(grep -ho 'updated [0-9]*' "${logs[@]}" | sort)" "one of two syncs changed something"

# by watermark and whole, all at once: one of them finds the change
sql source "update clients set segment = 'MODES', updated_at = clock_timestamp() where client_id = '$acme'"
hold_until 'perform from dim_epochs for share' 'waits = 3'
export TAPEMILL_CHANGES_LAG_SECONDS=0
start_run "${sync_client[@]}"
start_run job sync_dimensions '{"dimension": "client", "mode": "changes"}'
start_run job sync_dimensions '{"dimension": "client", "mode": "changes"}'
unset TAPEMILL_CHANGES_LAG_SECONDS
processes_succeed
assert_equal '7|MODES' "$(sql warehouse "select count(*), max(segment) filter (where is_current) from dim_client
    where client_id = '$acme'")" "syncs of both modes at once"
assert_equal 'updated 0
updated 0
updated 1' "$(grep -ho 'updated [0-9]*' "${logs[@]}" | sort)" "one of three syncs changed something"

# a sync that had to wait reads the source after its wait, so that it never puts older rows over newer ones
hold_until 'perform from dim_epochs for share' "exists (select from pg_class where relname = 'released')"
start_run "${sync_client[@]}"
wait_until_sql 60 "the sync waits" warehouse "select count(*) from pg_stat_activity
    where wait_event_type = 'Lock' and application_name = 'dimension_run'" 1
sql source "update clients set segment = 'LATE', updated_at = clock_timestamp() where client_id = '$acme'"
sql warehouse 'create table released ()'
processes_succeed
assert_equal '8|LATE' "$(sql warehouse "select count(*), max(segment) filter (where is_current) from dim_client
    where client_id = '$acme'")" "a sync that waited"

# the database refuses what a sync must never write
overlap="insert into dim_client (client_id, version, valid_from, valid_to, is_current)
         values ('$acme', 99, '2024-05-01 00:00Z', '2024-05-02 00:00Z', false)"
assert_fails 3 sql warehouse <<<"$overlap"
assert_contains "$OUTPUT" 'violates exclusion constraint' "an overlap"
assert_fails 3 sql warehouse <<<"update dim_client set is_current = true where client_id = '$acme' and version = 1"
assert_contains "$OUTPUT" 'violates check constraint' "a second current version"

# what a wrong query, argument or setting gets
export TAPEMILL_EXTRACT_DIR=$TEST_DIR/extract
mkdir "$TAPEMILL_EXTRACT_DIR"
grep -v 'segment' "$TAPEMILL_ROOT/sql/extract/clients.sql" >"$TAPEMILL_EXTRACT_DIR/clients.sql"
assert_fails 1 sync_one client
assert_contains "$OUTPUT" "contract: dimension client: extraction query $TAPEMILL_EXTRACT_DIR/clients.sql lacks the column \"segment\" (text); add it" \
    "a missing column"
sed 's/onboard_date::date /onboard_date::text /' "$TAPEMILL_ROOT/sql/extract/clients.sql" >"$TAPEMILL_EXTRACT_DIR/clients.sql"
assert_fails 1 sync_one client
assert_contains "$OUTPUT" 'gives the column "onboard_date" another type than date' "a column of another type"
{
    cat "$TAPEMILL_ROOT/sql/extract/clients.sql"
    echo "union all select client_id, tenant_id, client_code, name, client_type, region, 'OLD', industry, onboard_date, status,
              '2020-01-01 00:00Z' from clients
          union all select null, null, 'NONE', null, null, null, null, null, null, null, null"
} >"$TAPEMILL_EXTRACT_DIR/clients.sql"
assert_equal 'extracted 5 inserted 0 updated 0 unchanged 2 superseded 2 quarantined 1 removed 0' "$(sync_one client)" \
    "members twice in an extraction, and one without an id"
assert_equal '1|[client_id_required] client_id is required; [updated_at_required] updated_at is required' "$(sql warehouse "
    select count(*), min(rules) from etl_quarantine where source_table = 'clients' and record_id like 'sha256:%'
      and resolved_at is null")" "a row without an id"
unset TAPEMILL_EXTRACT_DIR
sync_one client >/dev/null
assert_equal 0 "$(sql warehouse "select count(*) from etl_quarantine where source_table = 'clients' and resolved_at is null")" \
    "a row that is gone leaves the quarantine"
assert_fails 1 sync_one planet
assert_contains "$OUTPUT" 'argument: there is no dimension "planet"; the argument dimension is one of instrument, account' \
    "an unknown dimension"
assert_fails 1 env TAPEMILL_DEFAULT_TENANT=nobody "$TAPEMILL_TEST_BIN/dimension_run" job sync_dimensions
assert_contains "$OUTPUT" 'config: TAPEMILL_DEFAULT_TENANT is "nobody"' "a default tenant that is none"

# A change of a type 2 column makes a version of every member, one of a type 1 column of none.
sql source 'delete from instruments where instrument_id = 3'
versions() {
    sql warehouse 'select (select count(*) from dim_instrument) + (select count(*) from dim_account)
        + (select count(*) from dim_strategy) + (select count(*) from dim_client) + (select count(*) from dim_liquidity_provider)'
}
# change_all TABLE COLUMN: another value in every row
change_all() {
    local type value
    type=$(sql source "select data_type from information_schema.columns where table_name = '$1' and column_name = '$2'")
    case $type in
    boolean) value="not coalesce($2, false)" ;;
    integer | smallint | numeric) value="coalesce($2, 1) + 1" ;;
    date) value="'2001-01-01'" ;;
    uuid) value='gen_random_uuid()' ;;
    *) value="'changed'" ;;
    esac
    sql source "update $1 set $2 = $value, updated_at = clock_timestamp()"
}
while IFS=: read -r table made columns; do
    rows=$(sql source "select count(*) from $table")
    for column in $columns; do
        before=$(versions)
        change_all "$table" "$column"
        assert_contains "$(run_job sync_dimensions)" " updated $rows " "a change of $table.$column is seen"
        assert_equal $((before + made * rows)) "$(versions)" "versions after a change of $table.$column"
    done
done <<'COLUMNS'
instruments:1:asset_class instrument_type symbol exchange sector industry market_cap_category currency is_active
instruments:0:name country base_currency quote_currency tick_size lot_size contract_multiplier price_precision quantity_precision
accounts:1:account_type broker risk_tier is_active
accounts:0:tenant_id client_id account_number account_name currency
strategies:1:strategy_type strategy_category risk_tier version is_active
strategies:0:strategy_name
clients:1:segment region status client_type
clients:0:tenant_id client_code name industry onboard_date
liquidity_providers:1:tier type is_active
liquidity_providers:0:code name region
COLUMNS
