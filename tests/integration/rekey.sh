#!/usr/bin/env bash
# Facts follow a corrected history of their members: exactly those whose version is another one now are written, at any number
# of dates, beside loads and other jobs of their kind; performance, reports and what loads take from members follow.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up TAPEMILL_LEASE_SECONDS=20 TAPEMILL_TIMEZONE=UTC TAPEMILL_DATES_FROM=2024-01-01
export TAPEMILL_HISTORY_START=2024-01-02
tenant=11111111-1111-1111-1111-111111111111
client=22222222-2222-2222-2222-222222222222
other_client=33333333-3333-3333-3333-333333333333

# A warehouse with four dates loaded, and processes that work on it.
set_up() {
    tapemill migrate >/dev/null
    tapemill source init >/dev/null
    start_scheduler
    start_worker
    start_worker

    sql source "
insert into instruments (instrument_id, symbol, sector, currency, contract_multiplier, updated_at) values
    (1, 'AAA', 'Tech', 'USD', 1, '2024-01-01Z'), (2, 'BBB', 'Tech', 'USD', 1, '2024-01-01Z'), (3, 'CCC', null, 'USD', 1, '2024-01-01Z');
insert into clients (client_id, tenant_id, segment, updated_at) values
    ('$client', '$tenant', 'RETAIL', '2024-01-01Z'), ('$other_client', '$tenant', 'RETAIL', '2024-01-01Z');
insert into accounts (account_id, tenant_id, client_id, account_type, updated_at) values
    (10, '$tenant', '$client', 'CASH', '2024-01-01Z'), (11, '$tenant', '$client', 'CASH', '2024-01-01Z');
insert into strategies (strategy_id, strategy_name, strategy_type, updated_at) values (7, 'Seven', 'TREND', '2024-01-01Z');
insert into orders (order_id, strategy_id, updated_at) values (100, 7, '2024-01-01Z');
insert into fx_rates (rate_date, currency, rate_to_base, updated_at)
select d, 'EUR', 2, d from generate_series('2024-01-01'::timestamptz, '2024-01-05', '1 day') d;
-- On each of four dates every instrument is traded by both accounts at 9, before 12, at 12 and at 15 o'clock, and once by the client.
insert into executions (execution_id, order_id, account_id, instrument_id, executed_at, side, quantity, price, status, updated_at)
select row_number() over (order by d, t, i, a), 100, a, i, d + t, 'BUY', i, 10, 'NEW', '2024-01-05Z'
from generate_series('2024-01-02Z'::timestamptz, '2024-01-05', '1 day') d,
     unnest(array['9:00', '11:59:59.999999', '12:00', '15:00']::interval[]) t, generate_series(1, 3) i, generate_series(10, 11) a;
insert into trades (trade_id, tenant_id, trade_date, client_id, instrument_id, trade_reference, side, quantity, price, currency,
                    status, updated_at)
select row_number() over (order by d, i), '$tenant', d + interval '15 hours', '$client', i, format('T-%s-%s', d::date, i), 'BUY', 1, 10,
       'USD', 'NEW', '2024-01-05Z'
from generate_series('2024-01-02Z'::timestamptz, '2024-01-05', '1 day') d, generate_series(1, 3) i"
    for day in 2 3 4 5; do
        tapemill enqueue daily_load --date 2024-01-0$day >/dev/null
    done
    wait_until_quiet
    assert_equal 108 "$(sql warehouse "select count(*) from fact_trades")" "facts"
    assert_equal 8 "$(sql warehouse "select count(*) from fact_performance_daily")" "rows of performance"
}

set_up
run_no=1000000

# split TABLE ID_COLUMN ID INSTANT CHANGE [RELOAD]: as a sync leaves it that learns that CHANGE was so since INSTANT: the version that
# is valid then ends, another begins, and a run has it in etl_dimension_changes. $run_no is that run.
split() {
    run_no=$((run_no + 1))
    sql warehouse "
        begin;
        select from dim_epochs where dimension = '${1#dim_}' for update;
        create temporary table old as select * from $1 where $2 = '$3' and valid_from < '$4' and '$4' < valid_to;
        update $1 set valid_to = '$4', is_current = false from old where $1.${2%_id}_key = old.${2%_id}_key;
        create temporary table new as select * from old;
        update new set valid_from = '$4', version = version + 1, ${2%_id}_key = nextval(pg_get_serial_sequence('$1', '${2%_id}_key')), $5;
        alter table new drop column state_digest; -- the last one, which the dimension computes itself
        insert into $1 select * from new;
        insert into etl_dimension_changes (run_no, dimension, old_key, changed_from, changed_to, reload)
        select $run_no, '${1#dim_}', ${2%_id}_key, '$4', valid_to, ${6:-false} from old;
        update dim_epochs set epoch = epoch + 1 where dimension = '${1#dim_}';
        commit"
}
# Where every fact stands, and what wrote it.
places() {
    sql warehouse "select trade_key, tableoid::regclass, ctid, xmin, etl_run_id from fact_trades order by trade_key" >"$TEST_DIR/$1"
}
# The references of the facts that were written since places BEFORE.
written_since() {
    places after
    comm -13 <(sort "$TEST_DIR/$1") <(sort "$TEST_DIR/after") | cut -d '|' -f 1 | sort -n | paste -sd ,
}
# The trade_keys of the facts with a condition, f being the fact
keys_of() {
    sql warehouse "select string_agg(trade_key::text, ',' order by trade_key) from fact_trades f join dim_instrument i using (instrument_key)
                   join dim_account a using (account_key) where $1"
}
rekey() {
    tapemill enqueue rekey_facts --date "$@" --wait >"$TEST_DIR/job.log" 2>&1 || fail "$(cat "$TEST_DIR/job.log")"
}
rekey_all() {
    local day
    for day in 2 3 4 5; do
        rekey 2024-01-0$day --arg run=$run_no
    done
    wait_until_quiet
}
# Facts that do not have the version that is valid at their instant.
astray() {
    sql warehouse "
        select count(*) from fact_trades f
        join dim_instrument i using (instrument_key) join dim_account a using (account_key) join dim_strategy s using (strategy_key)
        join dim_client c on c.client_key = f.client_key join dim_liquidity_provider l using (lp_key)
        where not (i.valid_from <= execution_timestamp and execution_timestamp < i.valid_to
                   and a.valid_from <= execution_timestamp and execution_timestamp < a.valid_to
                   and s.valid_from <= execution_timestamp and execution_timestamp < s.valid_to
                   and c.valid_from <= execution_timestamp and execution_timestamp < c.valid_to
                   and l.valid_from <= execution_timestamp and execution_timestamp < l.valid_to)"
}
# Runs that failed; one that waited for books did not.
failures() {
    sql warehouse "select string_agg(concat_ws(' ', job_name, business_date, error_code, error_message), '; ') from etl_job_runs
                   where error_code <> 'waiting'"
}
# Every date loaded again says the same: re-keying left what a load would have.
loads_say_the_same() {
    local day
    tapemill enqueue refresh_aggregates >/dev/null
    wait_until_quiet
    tapemill fingerprint --json >"$TEST_DIR/before.json"
    for day in 2 3 4 5; do
        tapemill enqueue daily_load --date 2024-01-0$day >/dev/null
    done
    wait_until_quiet
    tapemill fingerprint --json >"$TEST_DIR/after.json"
    assert_equal "$(cat "$TEST_DIR/before.json")" "$(cat "$TEST_DIR/after.json")" "the warehouse after all dates are loaded again"
}
# Flow, sector and trades of the report by sector.
sectors() {
    tapemill report trades --by sector --csv | sed 1d | cut -d , -f 2,5,8 | paste -sd ' '
}
# Account's and strategy's validity, net P&L of the rows of performance of a date
performance() {
    sql warehouse "select string_agg(format('%s %s %s', a.account_id, coalesce(a.account_type, 'inferred'), p.total_trades), ', '
                                     order by a.account_id, a.valid_from)
                   from fact_performance_daily p join dim_account a using (account_key) where p.date_key = ${1//-/}"
}
# What the last re-keying says of itself.
told() {
    sql warehouse "select metadata ->> '$1' from etl_job_runs where job_name = 'rekey_facts' and status = 'COMPLETED'
                   order by run_no desc limit 1"
}

# ---- a sector that was another one since the noon of the second date: exactly its instrument's facts from that instant on

assert_equal 'CLIENT,Tech,8 CLIENT,Unknown,4 DESK,Tech,64 DESK,Unknown,32' "$(sectors)" "trades by sector"
places before
split dim_instrument instrument_id 1 '2024-01-03 12:00Z' "sector = 'Energy'"
affected=$(keys_of "i.instrument_id = 1 and execution_timestamp >= '2024-01-03 12:00Z'")
assert_equal 23 "$(tr , '\n' <<<"$affected" | wc -l)" "facts that the change is about"
rekey_all
assert_equal "$affected" "$(written_since before)" "facts that were written"
assert_equal 'CLIENT,Energy,3 CLIENT,Tech,5 CLIENT,Unknown,4 DESK,Energy,20 DESK,Tech,44 DESK,Unknown,32' "$(sectors)" \
    "trades by sector, as of their instants"
assert_equal 0 "$(astray)" "facts with another version than that of their instant"
assert_equal '0 5 9 9' "$(sql warehouse "select string_agg(updated::text, ' ' order by run_no) from etl_job_runs where job_name = 'rekey_facts'")" \
    "what the runs say that they moved"
assert_equal 0 "$(sql warehouse "select count(*) from fact_trades f join etl_job_runs r on r.run_no = f.etl_run_id
    where f.trade_key = any ('{$affected}') and (r.job_name <> 'rekey_facts' or f.loaded_at < r.started_at)")" \
    "moved facts that do not name the run that moved them"
assert_equal 0 "$(sql warehouse "select count(*) from etl_dirty_buckets where target = 'performance'")" "dirty buckets left"
places before
rekey_all
assert_equal '' "$(written_since before)" "nothing moves twice"

# ---- an account changes after the last trade of a date: no fact moves, its row of performance does. And in a folded month

tapemill enqueue fold_month --date 2024-01-15 --wait >/dev/null 2>&1
places before
split dim_account account_id 10 '2024-01-03 20:00Z' "account_type = 'MARGIN'"
affected=$(keys_of "a.account_id = 10 and execution_timestamp >= '2024-01-03 20:00Z'")
rekey_all
assert_equal "$affected" "$(written_since before)" "facts that were written"
assert_equal '10 CASH 12, 11 CASH 12' "$(performance 2024-01-02)" "performance before the change"
for day in 3 4 5; do
    assert_equal '10 MARGIN 12, 11 CASH 12' "$(performance 2024-01-0$day)" "performance from the date of the change on"
done
split dim_strategy strategy_id 7 '2024-01-05 10:00Z' "strategy_type = 'CARRY'"
rekey_all
assert_equal 0 "$(astray)" "facts with another version than that of their instant"
assert_equal '2 TREND' "$(sql warehouse "select count(*), max(strategy_type) from fact_performance_daily join dim_strategy using (strategy_key)
    where date_key = 20240104" | tr '|' ' ')" "strategies of the date before"
assert_equal '2 CARRY' "$(sql warehouse "select count(*), max(strategy_type) from fact_performance_daily join dim_strategy using (strategy_key)
    where date_key = 20240105" | tr '|' ' ')" "strategies of the date"

# ---- a member that was gone: the facts after it get a version that fills the gap, and its performance is not Unknown's

run_no=$((run_no + 1))
sql warehouse "
    update dim_account set valid_to = '2024-01-04 12:00Z', is_current = false, ends_deleted = true where account_id = 11;
    insert into dim_account (account_id, tenant_id, client_id, account_type, valid_from)
    select account_id, tenant_id, client_id, 'MARGIN', '2024-01-05 12:00Z' from dim_account where account_id = 11;
    insert into etl_dimension_changes (run_no, dimension, old_key, changed_from, changed_to)
    select $run_no, 'account', account_key, '2024-01-04 12:00Z', 'infinity' from dim_account where account_id = 11 and ends_deleted;
    update dim_epochs set epoch = epoch + 1 where dimension = 'account'"
places before
affected=$(keys_of "a.account_id = 11 and execution_timestamp >= '2024-01-04 12:00Z'")
rekey_all
assert_equal "$affected" "$(written_since before)" "facts that were written"
assert_equal 0 "$(astray)" "facts with another version than that of their instant"
assert_equal '2024-01-04 12:00:00+00|2024-01-05 12:00:00+00|CASH' "$(sql warehouse "select valid_from, valid_to, account_type
    from dim_account where account_id = 11 and is_inferred")" "one inferred version fills the gap"
assert_equal '10 MARGIN 12, 11 CASH 12' "$(performance 2024-01-04)" "performance of the date with the gap"
assert_equal '10 MARGIN 12, 11 MARGIN 12' "$(performance 2024-01-05)" "performance of the date on which the member came back"
assert_equal 1 "$(sql warehouse "select count(*) from etl_data_quality_issues where rule_name = 'inferred_member' and resolved_at is null")" \
    "findings of inferred members"

# ---- performance of a date at whose end the member is gone

run_no=$((run_no + 1))
sql warehouse "
    update dim_account set valid_to = '2024-01-05 18:00Z', is_current = false, ends_deleted = true where account_id = 11 and is_current;
    insert into etl_dimension_changes (run_no, dimension, old_key, changed_from, changed_to)
    select $run_no, 'account', account_key, valid_to, 'infinity' from dim_account where account_id = 11 and valid_to = '2024-01-05 18:00Z'"
rekey_all
tapemill enqueue daily_performance --date 2024-01-05 --wait >/dev/null 2>&1
assert_equal '10 MARGIN 12, 11 MARGIN 12' "$(performance 2024-01-05)" "performance of a member that was deleted within the date"

# ---- another currency: what the load takes from the member is loaded again; trades that name their own currency keep it

split dim_instrument instrument_id 2 '2024-01-05 12:00Z' "currency = 'EUR'" true
rekey_all
assert_equal '["load_executions", "load_trades"]' "$(told loads)" "the loads that a change of currency asks for"
assert_equal 'CLIENT|USD|4, DESK|EUR|4, DESK|USD|28' "$(sql warehouse "
    select string_agg(source || '|' || currency || '|' || n, ', ' order by source, currency)
    from (select source, f.currency, count(*) from fact_trades f join dim_instrument i using (instrument_key)
          where i.instrument_id = 2 group by source, f.currency) x (source, currency, n)")" "currencies of the instrument's facts"
assert_equal 0 "$(sql warehouse "select count(*) from fact_trades where currency = 'EUR' and rate_to_base <> 2")" "rates"

split dim_instrument instrument_id 3 '2024-01-02 14:00Z' "currency = 'USD'" true
rekey_all
assert_equal 0 "$(sql warehouse "select count(*) from etl_job_runs where job_name = 'rekey_facts' and metadata ->> 'loads' <> '[]'
    and job_id in (select id from etl_jobs where arguments ->> 'run' = '$run_no')")" "loads of facts that have the currency already"

# ---- another client of an account: loaded again though the facts have left the version that the run speaks of; and without a run

# clients_of_account DATE: of the live fills of account 10
clients_of_account() {
    sql warehouse "select string_agg(distinct c.client_id::text, ',') from fact_trades f join dim_account a using (account_key)
                   join dim_client c on c.client_key = f.client_key
                   where a.account_id = 10 and f.source = 'DESK' and f.date_key = ${1//-/}"
}
# taken: dates of which the check says that facts have something else than their account
taken() {
    { tapemill dimension check account --json 2>/dev/null || true; } | python3 -c "import json, sys
print(' '.join('%s:%d' % (d['date'][-2:], d['facts']) for d in json.load(sys.stdin)['differences'] if d['rule'] == 'taken'))"
}
assert_equal '' "$(taken)" "facts with another client than their account"
run_no=$((run_no + 1))
sql warehouse "
    begin;
    select from dim_epochs where dimension = 'account' for update;
    update dim_account set client_id = '$other_client' where account_id = 10;
    insert into etl_dimension_changes (run_no, dimension, old_key, changed_from, changed_to, reload)
    select $run_no, 'account', min(account_key), '-infinity', 'infinity', true from dim_account where account_id = 10;
    update dim_epochs set epoch = epoch + 1 where dimension = 'account';
    commit"
assert_equal '02:12 03:12 04:12 05:12' "$(taken)" "facts with another client than their account"
rekey 2024-01-05 --arg run=$run_no
assert_equal '["load_executions"]' "$(told loads)" "loads of facts that have left the version"
wait_until_quiet
assert_equal "$other_client" "$(clients_of_account 2024-01-05)" "clients after the run's change was followed"
rekey 2024-01-04
assert_equal '["load_executions"]' "$(told loads)" "loads of facts that nobody's run speaks of"
rekey 2024-01-03
rekey 2024-01-02
wait_until_quiet
assert_equal "$other_client" "$(clients_of_account 2024-01-04)" "clients after all facts of the date were looked at"
assert_equal '' "$(taken)" "facts with another client than their account"
sql warehouse "
    begin;
    select from dim_epochs where dimension = 'instrument' for update;
    update dim_instrument set currency = 'EUR' where instrument_id = 2;
    update dim_epochs set epoch = epoch + 1 where dimension = 'instrument';
    commit"
rekey 2024-01-02
assert_equal '["load_executions"]' "$(told loads)" "loads of fills in another currency than their instrument's"
wait_until_quiet
assert_equal EUR "$(sql warehouse "select distinct f.currency from fact_trades f join dim_instrument using (instrument_key)
    where instrument_id = 2 and source = 'DESK' and date_key = 20240102")" "currencies of the instrument's fills"
for day in 3 4 5; do
    rekey 2024-01-0$day
done
wait_until_quiet

# ---- without a run: whatever somebody did to the keys, in every dimension

tapemill fingerprint --json >"$TEST_DIR/before.json"
places before
sql warehouse "
    begin;
    create temporary table void (dimension text, key integer);
    with made as (insert into dim_instrument (instrument_id, valid_from, valid_to, is_current)
                  values (1, '2023-01-01Z', '2023-01-01Z', false) returning instrument_key)
    insert into void select 'instrument', instrument_key from made;
    with made as (insert into dim_client (client_id, tenant_id, valid_from, valid_to, is_current)
                  values ('$client', '$tenant', '2023-01-01Z', '2023-01-01Z', false) returning client_key)
    insert into void select 'client', client_key from made;
    update fact_trades set instrument_key = (select key from void where dimension = 'instrument')
    where date_key = 20240104 and instrument_key in (select instrument_key from dim_instrument where instrument_id = 1) and trade_key % 2 = 0;
    update fact_trades set client_key = (select key from void where dimension = 'client') where date_key = 20240104 and trade_key % 3 = 0;
    update fact_trades set account_key = (select min(account_key) from dim_account where account_id = 10)
    where date_key = 20240104 and account_key = (select max(account_key) from dim_account where account_id = 10);
    update fact_performance_daily set account_key = (select min(account_key) from dim_account where account_id = 10)
    where date_key = 20240104 and account_key = (select max(account_key) from dim_account where account_id = 10);
    commit"
damaged=$(astray)
[ "$damaged" -gt 10 ] || fail "only $damaged facts are damaged"
other_dates=$(sql warehouse "select md5(string_agg(xmin::text || ctid, ',' order by trade_key)) from fact_trades where date_key <> 20240104")
rekey 2024-01-05
assert_equal '{}' "$(told moved)" "facts that move on a date that is whole"
rekey 2024-01-04
wait_until_quiet
assert_equal "$damaged" "$(sql warehouse "select updated from etl_job_runs where job_name = 'rekey_facts' order by run_no desc limit 1")" \
    "facts that moved back"
assert_equal 0 "$(astray)" "facts with another version than that of their instant"
assert_equal "$other_dates" "$(sql warehouse "select md5(string_agg(xmin::text || ctid, ',' order by trade_key)) from fact_trades
    where date_key <> 20240104")" "facts of other dates are as they were"
sql warehouse "delete from dim_instrument where valid_from = valid_to; delete from dim_client where valid_from = valid_to"
tapemill fingerprint --json >"$TEST_DIR/after.json"
assert_equal "$(cat "$TEST_DIR/before.json")" "$(cat "$TEST_DIR/after.json")" "the warehouse after the repair"

# ---- two at once, and one against a load of the same date, in both orders; one against whoever changes the dimension

# waits_for JOB WHAT: until the job waits for a lock
waits_for() {
    wait_until_sql 60 "$2" warehouse "select count(*) > 0 from pg_locks l join etl_jobs j on j.backend_pid = l.pid
                                      where j.id = $1 and not l.granted" t
}
split dim_instrument instrument_id 3 '2024-01-04 10:00Z' "sector = 'Gold'"
arm rekey.moved stop
enqueue rekey_facts --date 2024-01-04 --arg run=$run_no
first=$JOB
wait_until_hit rekey.moved
enqueue rekey_facts --date 2024-01-04 --arg run=$run_no
second=$JOB
waits_for "$second" "the second waits for the first"
kill -CONT "$HIT_PID"
wait_until_quiet
assert_equal '7 0' "$(sql warehouse "select string_agg(updated::text, ' ' order by job_id) from etl_job_runs
                                     where job_id in ($first, $second) and status = 'COMPLETED'")" "what each of two moved"

split dim_instrument instrument_id 3 '2024-01-04 14:00Z' "sector = 'Lead'"
arm rekey.moved stop
enqueue rekey_facts --date 2024-01-04 --arg run=$run_no
wait_until_hit rekey.moved
enqueue load_executions --date 2024-01-04
waits_for "$JOB" "the load waits for the re-keying"
kill -CONT "$HIT_PID"
wait_until_quiet
assert_equal '0|0' "$(sql warehouse "select updated, inserted + removed from etl_job_runs where job_id = $JOB and status = 'COMPLETED'")" \
    "what the load behind it wrote"

arm load.staged stop
enqueue load_executions --date 2024-01-04
first=$JOB
wait_until_hit load.staged
split dim_instrument instrument_id 3 '2024-01-04 15:00Z' "sector = 'Salt'"
enqueue rekey_facts --date 2024-01-04 --arg run=$run_no
second=$JOB
waits_for "$second" "the re-keying waits for the load"
kill -CONT "$HIT_PID"
wait_until_quiet
assert_equal '2' "$(sql warehouse "select updated from etl_job_runs where job_id = $first and status = 'COMPLETED'")" \
    "the load reads once more, and moves the executions"
assert_equal '1' "$(sql warehouse "select updated from etl_job_runs where job_id = $second and status = 'COMPLETED'")" \
    "the re-keying behind it moves the client's trade"

mkfifo "$TEST_DIR/session.pipe"
start_process session -- bash -c 'exec psql -XAtq -v ON_ERROR_STOP=1 "$TAPEMILL_WAREHOUSE_URL" <"$1"' - "$TEST_DIR/session.pipe"
exec {session}>"$TEST_DIR/session.pipe"
echo "begin; update dim_epochs set epoch = epoch + 1 where dimension = 'instrument';" >&"$session"
wait_until_sql 60 "the other session has written" warehouse \
    "select count(*) from pg_stat_activity where state = 'idle in transaction' and backend_xid is not null" 1
enqueue rekey_facts --date 2024-01-04
waits_for "$JOB" "a re-keying waits for a sync"
echo "update dim_instrument set valid_from = '2024-01-04 16:00Z' where instrument_id = 3 and valid_from = '2024-01-04 15:00Z';
      update dim_instrument set valid_to = '2024-01-04 16:00Z' where instrument_id = 3 and valid_to = '2024-01-04 15:00Z'; commit;" \
    >&"$session"
exec {session}>&-
wait_until_quiet
assert_equal '{"instrument": 3}' "$(told moved)" "what it moved by the versions that the sync left"
rekey 2024-01-05
assert_equal 0 "$(astray)" "facts with another version than that of their instant"
assert_equal '' "$(failures)" "runs that failed"

# ---- arguments

assert_fails 1 tapemill enqueue rekey_facts --date 2024-01-04 --arg run=yesterday --wait
assert_contains "$(tapemill dead)" 'the number of a run of sync_dimensions' "a run that is no number"
assert_fails 1 tapemill enqueue rekey_facts --date 2024-01-04 --arg run=999999 --wait
assert_contains "$(tapemill dead)" 'there is no run 999999 of sync_dimensions' "a run that nobody had"

# ---- the same from the source to the report: a state that is late, one of an old dump, and what loads take from members

databases_create real
set_up
# change TABLE ID INSTANT CHANGE: at the source, told by its updated_at
change() {
    sql source "update $1 set $4, updated_at = '$3' where $2"
}
# sync [ARGUMENT=VALUE]...: and whatever follows
sync() {
    tapemill enqueue sync_dimensions "${@/#/--arg=}" --wait >"$TEST_DIR/job.log" 2>&1 || fail "$(cat "$TEST_DIR/job.log")"
    wait_until_quiet
}
# The dates that the last sync had re-keyed, and how many facts moved.
rekeyed() {
    sql warehouse "select coalesce(string_agg(to_char(j.business_date, 'DD') || ':' || r.updated, ' ' order by j.business_date), 'none')
                   from etl_jobs j join etl_job_runs r on r.job_id = j.id
                   where j.job_name = 'rekey_facts' and r.status = 'COMPLETED'
                     and (j.arguments ->> 'run')::bigint = (select max(run_no) from etl_job_runs where job_name = 'sync_dimensions')"
}
sync
assert_equal none "$(rekeyed)" "dates that are re-keyed though nothing changed"
assert_equal 'CLIENT,Tech,8 CLIENT,Unknown,4 DESK,Tech,64 DESK,Unknown,32' "$(sectors)" "trades by sector"

places before
change instruments 'instrument_id = 1' '2024-01-03 12:00Z' "sector = 'Energy'"
sync
affected=$(keys_of "i.instrument_id = 1 and execution_timestamp >= '2024-01-03 12:00Z'")
assert_equal "$affected" "$(written_since before)" "facts that a late change of the sector moved"
assert_equal '03:5 04:9 05:9' "$(rekeyed)" "dates that a late change moved facts of"
assert_equal 'CLIENT,Energy,3 CLIENT,Tech,5 CLIENT,Unknown,4 DESK,Energy,20 DESK,Tech,44 DESK,Unknown,32' "$(sectors)" \
    "trades by sector, as of their instants"

places before
change instruments 'instrument_id = 1' '2024-01-02 10:00Z' "sector = 'Tin'"
sync mode=full dimension=instrument as_of=2024-01-02T11:00Z
affected=$(keys_of "i.instrument_id = 1 and execution_timestamp >= '2024-01-02 10:00Z' and execution_timestamp < '2024-01-03 12:00Z'")
assert_equal "$affected" "$(written_since before)" "facts that a state of an old dump moved"
assert_equal '02:7 03:4' "$(rekeyed)" "dates that an old state moved facts of"
assert_equal 'CLIENT,Energy,3 CLIENT,Tech,4 CLIENT,Tin,1 CLIENT,Unknown,4 DESK,Energy,20 DESK,Tech,34 DESK,Tin,10 DESK,Unknown,32' \
    "$(sectors)" "trades by sector, as of their instants"
change instruments 'instrument_id = 1' '2024-01-03 12:00Z' "sector = 'Energy'"

change accounts 'account_id = 10' '2024-01-04 20:00Z' "account_type = 'MARGIN'"
change strategies 'strategy_id = 7' '2024-01-05 10:00Z' "strategy_type = 'CARRY'"
sync
assert_equal '04:0 05:21' "$(rekeyed)" "dates that an account and a strategy moved facts of"
assert_equal '10 MARGIN 12, 11 CASH 12' "$(performance 2024-01-04)" "performance of a date at whose end the account is another"
assert_equal 'CARRY' "$(sql warehouse "select distinct strategy_type from fact_performance_daily join dim_strategy using (strategy_key)
    where date_key = 20240105")" "the strategy's version in performance"

change instruments 'instrument_id = 2' '2024-01-05 12:00Z' "currency = 'EUR'"
change accounts 'account_id = 11' '2024-01-05 16:00Z' "client_id = '$other_client'"
sync
assert_equal 'CLIENT|USD|4, DESK|EUR|4, DESK|USD|28' "$(sql warehouse "
    select string_agg(source || '|' || currency || '|' || n, ', ' order by source, currency)
    from (select source, f.currency, count(*) from fact_trades f join dim_instrument i using (instrument_key)
          where i.instrument_id = 2 group by source, f.currency) x (source, currency, n)")" "currencies of the instrument's facts"
assert_equal "$client|48, $other_client|48" "$(sql warehouse "
    select string_agg(client_id || '|' || n, ', ' order by client_id)
    from (select c.client_id, count(*) from fact_trades f join dim_client c on c.client_key = f.client_key
          where source = 'DESK' group by 1) x (client_id, n)")" "clients of the accounts' fills"
assert_equal 0 "$(astray)" "facts with another version than that of their instant"

loads_say_the_same
assert_equal '' "$(failures)" "runs that failed"

# ---- all at once: syncs of states from any time, loads, re-keying by hand, books and folds of the same dates

start_worker
start_worker
sectors=(Tech Energy Tin Gold)
RANDOM=5
for ((round = 0; round < 15; round++)); do
    change instruments "instrument_id = $((RANDOM % 3 + 1))" "2024-01-0$((RANDOM % 4 + 2)) $((RANDOM % 24)):00Z" "sector = '${sectors[RANDOM % 4]}'"
    change accounts "account_id = $((RANDOM % 2 + 10))" "2024-01-0$((RANDOM % 4 + 2)) $((RANDOM % 24)):00Z" "account_type = '${sectors[RANDOM % 4]}'"
    for target in sync_dimensions "load_executions --date 2024-01-0$((RANDOM % 4 + 2))" "load_trades --date 2024-01-0$((RANDOM % 4 + 2))" \
        "rekey_facts --date 2024-01-0$((RANDOM % 4 + 2))" "pnl_forward --date 2024-01-0$((RANDOM % 4 + 2))" sync_dimensions; do
        # shellcheck disable=SC2086
        tapemill enqueue $target >/dev/null
    done
done
tapemill enqueue fold_month --date 2024-01-15 >/dev/null
wait_until_quiet
sync
assert_equal 0 "$(astray)" "facts with another version than that of their instant"
assert_equal 0 "$(sql warehouse "select count(*) from etl_jobs where state in ('dead', 'cancelled')")" "jobs that were given up"
assert_equal 0 "$(grep -c 'deadlock detected' "$SERVERS_HOME/postgres.log")" "deadlocks"
loads_say_the_same
