#!/usr/bin/env bash
# Facts whose members have not arrived: in every dimension and both flows, on a date that is built, merged, or reached by
# changes, they get inferred members and load. Two loads may infer one member at once; a sync in flight is waited for, and
# one that waits for a load holds up nobody. When the members arrive, all is as if they had been there first.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up TAPEMILL_LEASE_SECONDS=20
export TAPEMILL_HISTORY_START=2024-01-02 TAPEMILL_CHANGES_LAG_SECONDS=0 TAPEMILL_CHANGES_OVERLAP_SECONDS=1
tapemill migrate >/dev/null
tapemill source init >/dev/null
start_scheduler TAPEMILL_SCHEDULER_TICK_MS=50
start_worker
worker=$STARTED_PID

default_tenant=00000000-0000-0000-0000-000000000001
tenant=11111111-1111-1111-1111-111111111111
known_client=22222222-2222-2222-2222-222222222222
client() { echo "22222222-2222-2222-2222-2222222222$1"; }
provider() { echo "33333333-3333-3333-3333-3333333333$1"; }

sql source "
insert into instruments (instrument_id, symbol, currency, contract_multiplier, updated_at) values (1, 'AAA', 'USD', 1, '2024-01-01Z');
insert into clients (client_id, tenant_id, updated_at) values ('$known_client', '$tenant', '2024-01-01Z');
insert into accounts (account_id, tenant_id, client_id, updated_at) values
    (10, '$tenant', '$known_client', '2024-01-01Z'), (19, '$tenant', '$(client 19)', '2024-01-01Z')"

# execution ID INSTANT ACCOUNT [INSTRUMENT [ORDER]]: changed now
execution() {
    sql source "insert into executions (execution_id, account_id, instrument_id, order_id, executed_at, side, quantity, price,
                                        status, updated_at)
                values ($1, $3, ${4:-1}, ${5:-null}, '$2', 'BUY', 2, 10, 'NEW', clock_timestamp())"
}
# trade REFERENCE INSTANT CLIENT INSTRUMENT PROVIDER [SIDE PRICE]
trade() {
    sql source "insert into trades (trade_id, tenant_id, trade_date, client_id, instrument_id, lp_id, trade_reference, side,
                                    quantity, price, currency, status, updated_at)
                select coalesce(max(trade_id), 0) + 1, '$tenant', '$2', '$3', $4, '$5', '$1', '${6:-BUY}', 2, ${7:-10}, 'USD', 'NEW',
                       clock_timestamp() from trades"
}
# The counts of the last run: extracted, inserted, updated, unchanged, superseded, quarantined, removed, members inferred
counts() {
    sql warehouse "select records_processed, inserted, updated, unchanged, superseded, records_failed, removed,
                          metadata ->> 'inferred'
                   from etl_job_runs where job_name = '$1' and status = 'COMPLETED' order by run_no desc limit 1"
}
run_job() {
    tapemill enqueue "$@" --wait >"$TEST_DIR/job.log" 2>&1 || fail "$(cat "$TEST_DIR/job.log")"
}
# What a fact points to: account, strategy, client, provider, instrument; ? after one that is inferred
fact() {
    sql warehouse "
        select concat_ws(' ', a.account_id || case when a.is_inferred then '?' else '' end,
                         's' || s.strategy_id || case when s.is_inferred then '?' else '' end,
                         'c' || right(c.client_id::text, 2) || case when c.is_inferred then '?' else '' end,
                         'p' || right(l.lp_id::text, 2) || case when l.is_inferred then '?' else '' end,
                         'i' || i.instrument_id || case when i.is_inferred then '?' else '' end)
        from fact_trades f join dim_account a using (account_key) join dim_strategy s using (strategy_key)
        join dim_client c on c.client_key = f.client_key join dim_liquidity_provider l using (lp_key)
        join dim_instrument i using (instrument_key)
        where f.trade_reference = '$1'"
}
inferred() {
    sql warehouse "select string_agg(source_table || ' ' || right(record_id, 2), ', ' order by source_table, record_id)
                   from etl_data_quality_issues where rule_name = 'inferred_member' and resolved_at is null"
}
# A psql session that keeps its locks until it is told to end its transaction.
open_session() {
    mkfifo "$TEST_DIR/$1.pipe"
    start_process "$1" -- bash -c 'exec psql -XAtq -v ON_ERROR_STOP=1 "$TAPEMILL_WAREHOUSE_URL" <"$1"' - "$TEST_DIR/$1.pipe"
}

# ---- a date that is built: every dimension, both flows

sql source "insert into orders (order_id, strategy_id, lp_id, updated_at) values
    (100, 7, '$(provider 01)', '2024-01-02Z'), (101, 7, null, '2024-01-02Z')"
execution 1 '2024-01-02 15:00Z' 10
execution 2 '2024-01-02 15:01Z' 11 1 100
execution 3 '2024-01-02 15:02Z' 11 1 101
execution 4 '2024-01-02 15:03Z' 19
execution 5 '2024-01-02 15:04Z' 10 2
trade T-1 '2024-01-02 15:00Z' "$(client 01)" 3 "$(provider 02)"
trade T-2 '2024-01-02 15:01Z' "$(client 01)" 3 "$(provider 02)" SELL 12
run_job daily_load --date 2024-01-02
assert_equal '5|4|0|0|0|1|0|5' "$(counts load_executions)" "the desk's rows; the one without a currency is kept apart"
assert_equal '2|2|0|0|0|0|0|3' "$(counts load_trades)" "the clients' rows"
assert_equal '10 c22 i1' "$(fact 1)" "members that are there"
assert_equal '11? s7? p01? i1' "$(fact 2)" "account, strategy and provider of a desk row"
assert_equal '11? s7? i1' "$(fact 3)" "the same once more"
assert_equal '19 c19? i1' "$(fact 4)" "the account's client"
assert_equal 'c01? p02? i3?' "$(fact T-1)" "client, provider and instrument of a client's row"
assert_equal "$default_tenant $tenant" "$(sql warehouse "select concat_ws(' ', (select tenant_id from dim_account where account_id = 11),
    (select tenant_id from dim_client where client_id = '$(client 01)'))")" "tenants: the default one, and the row's"
assert_equal "$tenant" "$(sql warehouse "select tenant_id from dim_client where client_id = '$(client 19)'")" "the account's"
assert_equal "accounts 11, clients 01, clients 19, instruments 2, instruments 3, liquidity_providers 01, liquidity_providers 02, strategies 7" \
    "$(inferred)" "one finding per member"
assert_contains "$(sql warehouse "select rules from etl_quarantine where record_id = '5'")" \
    '[valid_currency] currency must be a three-letter ISO 4217 code, on the trade or on its instrument at that instant; a row whose instrument has not arrived is loaded by itself once it has' \
    "what becomes of the row without a currency is said"

run_job daily_load --date 2024-01-02
assert_equal '5|0|0|4|0|1|0|0' "$(counts load_executions)" "again: nothing is inferred, nothing written"
assert_equal 8 "$(sql warehouse "select count(*) from etl_data_quality_issues where rule_name = 'inferred_member'")" "nor told again"

# ---- a date that is merged, and changes of several dates

execution 6 '2024-01-02 16:00Z' 12
trade T-3 '2024-01-02 16:00Z' "$(client 02)" 1 "$(provider 02)"
run_job load_executions --date 2024-01-02
run_job load_trades --date 2024-01-02
assert_equal '6|1|0|4|0|1|0|1' "$(counts load_executions)" "merged"
assert_equal '12? i1' "$(fact 6)" "a member named by a late row"
assert_equal 'c02? p02? i1' "$(fact T-3)" "the same of a client"
run_job daily_load --date 2024-01-03
run_job load_changed_executions
run_job load_changed_trades
execution 7 '2024-01-02 17:00Z' 13
execution 8 '2024-01-03 17:00Z' 13
execution 9 '2024-01-03 18:00Z' 14
trade T-4 '2024-01-03 15:00Z' "$(client 03)" 1 "$(provider 03)"
run_job load_changed_executions
assert_equal 3 "$(sql warehouse "select inserted from etl_job_runs where job_name = 'load_changed_executions' order by run_no desc limit 1")" "changes"
assert_equal '13? i1, 13? i1, 14? i1' "$(fact 7), $(fact 8), $(fact 9)" "members named by changes of two dates"
run_job load_changed_trades
assert_equal 'c03? p03? i1' "$(fact T-4)" "the same of a client"

# ---- a run builds its indexes once, however many dates it merges

execution 15 '2024-01-02 17:10Z' 13
execution 16 '2024-01-03 17:10Z' 13
execution 17 '2024-01-03 17:20Z' 10
sql warehouse "alter system set log_statement = 'all'"
sql warehouse 'select pg_reload_conf()' >/dev/null
wait_until_sql 20 "statements are logged" warehouse 'show log_statement' all
run_job load_changed_executions
sql warehouse 'alter system reset log_statement'
sql warehouse 'select pg_reload_conf()' >/dev/null
assert_equal '3 2' "$(sql warehouse "select concat_ws(' ', inserted, metadata ->> 'dates') from etl_job_runs
    where job_name = 'load_changed_executions' order by run_no desc limit 1")" "changes of two dates"
assert_equal 1 "$(grep -c 'from dim_instrument .* order by instrument_id, valid_from' "$SERVERS_HOME/postgres.log")" "readings of a dimension"

# ---- two loads at once

start_worker
second=$STARTED_PID
execution 20 '2024-01-04 15:00Z' 20
execution 21 '2024-01-05 15:00Z' 20
arm load.inferred stop
tapemill enqueue load_executions --date 2024-01-05 >/dev/null
wait_until_hit load.inferred
first=$HIT_PID
run_job load_executions --date 2024-01-04
arm load.indexed stop
kill -CONT "$first"
wait_until_hit load.indexed
assert_equal 1 "$(sql warehouse "select count(*) from pg_locks where locktype = 'advisory' and objid = 20240105 and objsubid = 2 and granted")" \
    "the day is held though the savepoint was given back"
kill -CONT "$HIT_PID"
wait_until_quiet
assert_equal '20? i1, 20? i1' "$(fact 20), $(fact 21)" "one load infers what another has inferred meanwhile"
assert_equal 1 "$(sql warehouse "select count(*) from dim_account where account_id = 20")" "once"

execution 22 '2024-01-08 15:00Z' 21
open_session other
exec {other}>"$TEST_DIR/other.pipe"
echo "begin; insert into dim_account (account_id, tenant_id, is_inferred) values (21, '$default_tenant', true);" >&"$other"
wait_until_sql 20 "another run is inferring" warehouse "select count(*) from pg_stat_activity where state = 'idle in transaction' and query like 'insert into dim_account%'" 1
tapemill enqueue load_executions --date 2024-01-08 >/dev/null
wait_until_sql 30 "the load waits for it" warehouse "select count(*) from pg_stat_activity where application_name like 'tapemill side%' and wait_event_type = 'Lock'" 1
echo "commit;" >&"$other"
wait_until_quiet
assert_equal '21? i1' "$(fact 22)" "two runs infer one member in the same moment"
assert_equal 0 "$(sql warehouse "select (metadata ->> 'inferred')::integer from etl_job_runs where job_name = 'load_executions' order by run_no desc limit 1")" \
    "who came second inferred nothing"

# ---- a sync in flight

execution 23 '2024-01-09 15:00Z' 22
echo "begin; select from dim_epochs order by dimension for update; update dim_epochs set epoch = epoch + 1 where dimension = 'account';" >&"$other"
wait_until_sql 20 "a sync is in flight" warehouse "select count(*) from pg_stat_activity where state = 'idle in transaction' and query like 'update dim_epochs%'" 1
tapemill enqueue load_executions --date 2024-01-09 >/dev/null
wait_until_sql 30 "the load waits for it" warehouse "select count(*) from pg_stat_activity where application_name like 'tapemill side%' and wait_event_type = 'Lock'" 1
echo "insert into dim_account (account_id, tenant_id, is_inferred) values (22, '$default_tenant', true); commit;" >&"$other"
wait_until_quiet
assert_equal '22? i1 0' "$(fact 23) $(sql warehouse "select metadata ->> 'inferred' from etl_job_runs where job_name = 'load_executions' order by run_no desc limit 1")" \
    "what the sync left is taken"

# A sync that waits for the load: it comes second, and the load's own inference is not held up by it.
execution 24 '2024-01-02 18:00Z' 10
execution 25 '2024-01-03 19:00Z' 23
arm load.merged stop
tapemill enqueue load_changed_executions >/dev/null
wait_until_hit load.merged
echo "begin; select from dim_epochs order by dimension for update; commit;" >&"$other"
wait_until_sql 30 "the sync waits" warehouse "select count(*) from pg_stat_activity where query like '%dim_epochs order by dimension for update%' and wait_event_type = 'Lock'" 1
kill -CONT "$HIT_PID"
wait_until_quiet
assert_equal '10 c22 i1, 23? i1' "$(fact 24), $(fact 25)" "a load that infers while it holds the epochs and a sync waits for them"
exec {other}>&-
stop_process "$second"

# ---- the members arrive: same keys, and all is as in a warehouse that saw them first

# Books of the days without trades, which those after them wait for.
for date in 2024-01-06 2024-01-07; do
    run_job realized_pnl --date "$date"
done
wait_until_quiet
keys() {
    sql warehouse "select 'account', account_id::text, account_key from dim_account where is_current union all
                   select 'client', client_id::text, client_key from dim_client where is_current union all
                   select 'instrument', instrument_id::text, instrument_key from dim_instrument where is_current union all
                   select 'lp', lp_id::text, lp_key from dim_liquidity_provider where is_current union all
                   select 'strategy', strategy_id::text, strategy_key from dim_strategy where is_current order by 1, 2"
}
before=$(keys)
assert_equal 4.00000000 "$(sql warehouse "select realized_pnl from fact_trades where trade_reference = 'T-2'")" \
    "a multiplier that is not known counts as 1"
sql source "
insert into strategies (strategy_id, strategy_name, updated_at) values (7, 'Seven', clock_timestamp());
insert into instruments (instrument_id, symbol, currency, contract_multiplier, updated_at) values
    (2, 'BBB', 'USD', 1, clock_timestamp()), (3, 'FUT', 'USD', 100, clock_timestamp());
insert into clients (client_id, tenant_id, client_code, updated_at)
    select ('22222222-2222-2222-2222-2222222222' || id)::uuid, '$tenant', 'C' || id, clock_timestamp() from unnest(array['01', '02', '03', '19', '23']) id;
insert into liquidity_providers (lp_id, code, updated_at)
    select ('33333333-3333-3333-3333-3333333333' || id)::uuid, 'P' || id, clock_timestamp() from unnest(array['01', '02', '03']) id;
insert into accounts (account_id, tenant_id, client_id, account_number, updated_at)
    select id, '$tenant', case when id = 11 then '$(client 23)' else '$known_client' end::uuid, 'A-' || id, clock_timestamp()
    from unnest(array[11, 12, 13, 14, 20, 21, 22, 23]) id"
assumed="select count(*) > 0 from etl_data_quality_issues where rule_name = 'multiplier_assumed' and resolved_at is null"
assert_equal t "$(sql warehouse "$assumed")" "a multiplier that was assumed is told of"
run_job sync_dimensions
wait_until_quiet
assert_equal '' "$(inferred)" "findings that are still open"
assert_equal f "$(sql warehouse "$assumed")" "and is told of no more"
assert_equal 0 "$(sql warehouse "select count(*) from etl_quarantine where resolved_at is null")" "the row without a currency has come by itself"
assert_equal '10 c22 i2' "$(fact 5)" "on its instrument"
assert_equal '11 s7 c23 p01 i1' "$(fact 2)" "an account that arrived, and its client"
assert_equal 0 "$(sql warehouse "select count(*) from fact_trades where tenant_id <> '$tenant'")" "facts of a tenant that was assumed"
assert_equal '400.00000000' "$(sql warehouse "select realized_pnl from fact_trades where trade_reference = 'T-2'")" "the multiplier that arrived"
assert_equal '' "$(comm -23 <(sort <<<"$before") <(keys | sort))" "keys that changed"
run_job refresh_aggregates
wait_until_quiet
after=$(tapemill fingerprint)

stop_process "$worker"
sql warehouse 'create database model_warehouse'
inferring=$TAPEMILL_WAREHOUSE_URL
TAPEMILL_WAREHOUSE_URL=$(servers_url model_warehouse)
TAPEMILL_NAMESPACE=model
tapemill migrate >/dev/null
start_scheduler TAPEMILL_SCHEDULER_TICK_MS=50
start_worker
tapemill backfill daily_load --from 2024-01-02 --to 2024-01-09 --wait >"$TEST_DIR/job.log" 2>&1 || fail "$(cat "$TEST_DIR/job.log")"
wait_until_quiet
run_job refresh_aggregates
wait_until_quiet
assert_equal 0 "$(sql warehouse "select count(*) from etl_data_quality_issues where rule_name = 'inferred_member'")" "here nothing is inferred"
assert_equal "$after" "$(tapemill fingerprint)" "the warehouse that saw the members late, and the one that saw them first"

# ---- a gap that a delete left

sql source "insert into accounts (account_id, tenant_id, account_number, broker, updated_at) values (30, '$tenant', 'A-30', 'B', '2024-01-01Z')"
run_job sync_dimensions
sql source "delete from accounts where account_id = 30"
run_job sync_dimensions
assert_equal 'f t' "$(sql warehouse "select concat_ws(' ', is_current, ends_deleted) from dim_account where account_id = 30")" "a deleted member"
execution 40 "$(sql source "select clock_timestamp()")" 30
run_job load_changed_executions --arg since="$(sql source "select now() - interval '1 minute'")"
assert_equal '30? i1' "$(fact 40)" "a fact after its member was deleted"
assert_equal 'B|t|t|2' "$(sql warehouse "select broker, is_current, is_inferred, version from dim_account where account_id = 30 order by valid_from desc limit 1")" \
    "the gap has the attributes of the version before"
assert_equal 'accounts 30' "$(inferred)" "a finding about the gap"
sql source "insert into accounts (account_id, tenant_id, account_number, broker, updated_at) values (30, '$tenant', 'A-30', 'C', clock_timestamp())"
run_job sync_dimensions
wait_until_quiet
assert_equal 'B f f t|B f t f|C t f f' "$(sql warehouse "select string_agg(concat_ws(' ', broker, is_current, is_inferred, ends_deleted), '|' order by valid_from)
    from dim_account where account_id = 30 and valid_from < valid_to")" "it comes back: the gap stays what it was"
assert_equal '' "$(inferred)" "the finding about the gap is resolved"
assert_equal '30? i1' "$(fact 40)" "and the fact in it"
