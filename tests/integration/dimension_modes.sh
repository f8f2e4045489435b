#!/usr/bin/env bash
# How a sync of dimensions reads its source: by watermark, with one query for each dimension when nothing changed, or whole
# and side by side; deletes and their guard; old states; and what follows from it elsewhere.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up
tapemill migrate >/dev/null
sql source <"$TAPEMILL_ROOT/sql/source/schema.sql"
export TAPEMILL_CHANGES_LAG_SECONDS=0 TAPEMILL_CHANGES_OVERLAP_SECONDS=0

# run_sync [NAME=VALUE ...]: the job with these arguments; prints its counts
run_sync() {
    local arguments=''
    for argument in "$@"; do
        arguments+="${arguments:+, }\"${argument%%=*}\": \"${argument#*=}\""
    done
    "$TAPEMILL_TEST_BIN/dimension_run" job sync_dimensions "{$arguments}"
}
refused() {
    assert_fails 1 run_sync "$@"
}
# instrument ID SECTOR [INSTANT]
instrument() {
    sql source "insert into instruments (instrument_id, symbol, sector, currency, is_active, updated_at)
                values ($1, 'S$1', '$2', 'USD', true, ${3:-clock_timestamp()})
                on conflict (instrument_id) do update set sector = excluded.sector, updated_at = excluded.updated_at"
}
# The versions of instrument $1, with commas between: "sector", or "sector-" if the member was gone after it.
life() {
    sql warehouse "select string_agg(sector || case when ends_deleted then '-' else '' end, ',' order by version)
                   from dim_instrument where instrument_id = $1 and valid_from < valid_to"
}
epochs() {
    sql warehouse "select string_agg(dimension || ' ' || epoch, '|' order by dimension) from dim_epochs"
}
watermarks() {
    sql warehouse "select count(*), count(distinct last_processed_timestamp), max(last_processed_timestamp) from etl_cdc_watermarks"
}
open_findings() {
    sql warehouse "select string_agg(source_table || ' ' || severity, ',' order by source_table) from etl_data_quality_issues
                   where rule_name = '$1' and resolved_at is null"
}
# "job date arguments" of the jobs that the last run enqueued, one per line.
followers() {
    sql warehouse "select j.job_name, j.business_date, j.arguments ->> 'run' = r.run_no::text
                   from etl_jobs j join (select job_id, run_no from etl_job_runs order by run_no desc limit 1) r
                     on r.job_id = j.parent_id
                   order by 2, 1"
}
# What the run that is the arguments asked the source, one line per statement.
statements() {
    local seen
    seen=$(wc -l <"$SERVERS_HOME/postgres.log")
    "$@" >"$TEST_DIR/counts"
    tail -n +$((seen + 1)) "$SERVERS_HOME/postgres.log" |
        sed -nE 's/.* tapemill extract LOG:  (statement|execute <[^>]*>|execute [^:]*): //p'
}

# ---- arguments ----------------------------------------------------------------------------------------------

refused mode=some
assert_contains "$OUTPUT" 'argument: the argument mode is "some", but must be full or changes' "an unknown mode"
refused deletes=none
assert_contains "$OUTPUT" 'argument: the argument deletes is "none", but must be guard or all' "an unknown kind of deletes"
for argument in as_of=2024-01-02T00:00Z deletes=all; do
    refused mode=changes "$argument"
    assert_contains "$OUTPUT" 'need mode=full' "changes with $argument"
done
for instant in yesterdays infinity 2999-01-01T00:00Z; do
    refused as_of=$instant
    assert_contains "$OUTPUT" "must be an instant of the past such as 2024-01-02T00:00Z, not \"$instant\"" "as of $instant"
done

# ---- by watermark -------------------------------------------------------------------------------------------

acme=00000000-0000-0000-0000-0000000000c1
for id in $(seq 1 8); do
    instrument "$id" Energy "'2024-01-02 09:00Z'"
done
sql source "
insert into clients (client_id, client_code, segment, updated_at) values ('$acme', 'ACME', 'SILVER', '2024-01-02 09:00Z');
insert into accounts (account_id, account_number, updated_at) values (7, 'A-7', '2024-01-02 09:00Z');
insert into strategies (strategy_id, strategy_name, version, updated_at) values (9, 'Nine', 1, '2024-01-02 09:00Z');
insert into liquidity_providers (lp_id, code, updated_at)
values ('00000000-0000-0000-0000-0000000000a1', 'LP1', '2024-01-02 09:00Z')"
assert_equal 'extracted 12 inserted 12 updated 0 unchanged 0 superseded 0 quarantined 0 removed 0' \
    "$(run_sync mode=changes)" "without a watermark all is read"
assert_equal '5|1' "$(watermarks | cut -d '|' -f 1,2)" "five watermarks, moved at once"
assert_equal 'account 1|client 1|instrument 1|liquidity_provider 1|strategy 1' "$(epochs)" "epochs"

sql source "alter database $(sql source 'select current_database()') set log_statement = 'all'"
before=$(watermarks)
asked=$(statements run_sync mode=changes)
assert_equal 'extracted 0 inserted 0 updated 0 unchanged 0 superseded 0 quarantined 0 removed 0' "$(cat "$TEST_DIR/counts")" \
    "nothing changed"
assert_equal 5 "$(grep -c '^select exists' <<<"$asked")" "one query for each dimension"
assert_equal 5 "$(grep -vc '^select exists' <<<"$asked")" "and, of a run: a session, a snapshot for the limit, and another"
assert_equal 6 "$(statements run_sync mode=changes dimension=client | wc -l)" "one dimension, one query"
[ "$before" != "$(watermarks)" ] || fail "the watermarks stand still"
instrument 1 Utilities
asked=$(statements run_sync mode=changes)
assert_equal 'extracted 1 inserted 0 updated 1 unchanged 0 superseded 0 quarantined 0 removed 0' "$(cat "$TEST_DIR/counts")" \
    "one changed"
assert_equal 5 "$(grep -c '^select exists' <<<"$asked")" "one query for each dimension, when one changed"
assert_equal 1 "$(grep -c '^copy' <<<"$asked")" "only what changed is read"
sql source "alter database $(sql source 'select current_database()') reset log_statement"
assert_equal 'Energy,Utilities' "$(life 1)" "a change by watermark"
assert_equal 'account 1|client 1|instrument 2|liquidity_provider 1|strategy 1' "$(epochs)" "the epoch of what changed"

# A quiet run waits for nobody: it does not ask for epochs.
start_process holder -- psql -XAtq -v ON_ERROR_STOP=1 "$TAPEMILL_WAREHOUSE_URL" \
    -c "set application_name = 'holder'" -c 'begin' -c 'select from dim_epochs for update' -c 'select pg_sleep(600)'
wait_until_sql 60 "the holder holds" warehouse \
    "select count(*) from pg_locks l join pg_stat_activity a using (pid)
     where a.application_name = 'holder' and l.relation = 'dim_epochs'::regclass and a.query like '%pg_sleep%'" 1
assert_contains "$(PGOPTIONS='-c lock_timeout=20s' run_sync mode=changes)" 'extracted 0 ' "a quiet run while epochs are held"
sql warehouse "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'holder'" >/dev/null
wait "$STARTED_PID" || true

# What lies in the overlap is read again, and changes nothing.
instrument 2 Utilities
run_sync mode=changes >/dev/null
before=$(epochs)
assert_equal 'extracted 2 inserted 0 updated 0 unchanged 2 superseded 0 quarantined 0 removed 0' \
    "$(TAPEMILL_CHANGES_OVERLAP_SECONDS=600 run_sync mode=changes)" "the overlap is read again"
assert_equal "$before" "$(epochs)" "epochs after reading the overlap again"

# A transaction that began before others committed is waited for, one of ours that writes as well.
mkfifo "$TEST_DIR/session.pipe"
start_process session -- env PGAPPNAME='tapemill source' bash -c 'exec psql -XAtq -v ON_ERROR_STOP=1 "$TAPEMILL_SOURCE_URL" <"$1"' - "$TEST_DIR/session.pipe"
exec {session}>"$TEST_DIR/session.pipe"
echo "begin; update instruments set sector = 'Late', updated_at = now() where instrument_id = 3;" >&"$session"
wait_until_sql 60 "the other session has written" source \
    "select count(*) from pg_stat_activity where state = 'idle in transaction' and backend_xid is not null" 1
instrument 4 Early
assert_contains "$(run_sync mode=changes)" 'extracted 0 ' "what came after an open transaction began"
assert_contains "$(run_sync mode=changes)" 'extracted 0 ' "once more"
echo "commit;" >&"$session"
wait_until_sql 60 "it commits" source "select sector from instruments where instrument_id = 3" Late
assert_contains "$(run_sync mode=changes)" 'extracted 2 inserted 0 updated 2 ' "both arrive once it is over"
assert_equal 'Energy,Late|Energy,Early' "$(life 3)|$(life 4)" "a transaction that committed late"
exec {session}>&-

# A broken row waits in quarantine until its own row is put right; other rows that are read leave it there.
instrument 20 Energy
sql source "update instruments set contract_multiplier = 0 where instrument_id = 20"
assert_contains "$(run_sync mode=changes)" 'extracted 1 inserted 0 updated 0 unchanged 0 superseded 0 quarantined 1 ' "a broken row"
instrument 5 Utilities
run_sync mode=changes >/dev/null
quarantined="select string_agg(record_id, ',' order by record_id) from etl_quarantine where source_table = 'instruments' and resolved_at is null"
assert_equal 20 "$(sql warehouse "$quarantined")" "another row leaves it there"
assert_contains "$(run_sync)" 'quarantined 1 removed 0' "a broken row in a whole comparison"
sql source "update instruments set contract_multiplier = 10, updated_at = clock_timestamp() where instrument_id = 20"
assert_contains "$(run_sync mode=changes)" 'inserted 1 ' "the row was put right"
assert_equal '' "$(sql warehouse "$quarantined")" "the quarantine after it was put right"

# A query that fails says so, whether it is asked for rows or for their existence.
export TAPEMILL_EXTRACT_DIR=$TEST_DIR/extract
mkdir "$TAPEMILL_EXTRACT_DIR"
echo 'select * from no_such_table' >"$TAPEMILL_EXTRACT_DIR/clients.sql"
refused mode=changes
assert_contains "$OUTPUT" "contract: dimension client: extraction query $TAPEMILL_EXTRACT_DIR/clients.sql does not run on the source" \
    "a query that cannot run"
grep -v 'segment' "$TAPEMILL_ROOT/sql/extract/clients.sql" >"$TAPEMILL_EXTRACT_DIR/clients.sql"
sql source "update clients set updated_at = clock_timestamp()"
refused mode=changes
assert_contains "$OUTPUT" 'lacks the column "segment" (text); add it' "a query that lacks a column, when there is something to read"
# Words that stand for themselves, but not in brackets.
sed 's/$/ /; $s/$/; -- all of them/' "$TAPEMILL_ROOT/sql/extract/clients.sql" >"$TAPEMILL_EXTRACT_DIR/clients.sql"
for mode in changes full; do
    refused mode=$mode
    assert_contains "$OUTPUT" "contract: dimension client: extraction query $TAPEMILL_EXTRACT_DIR/clients.sql does not run on the source" \
        "a query of two statements, mode=$mode"
done
unset TAPEMILL_EXTRACT_DIR
run_sync mode=changes >/dev/null

# ---- whole, side by side ------------------------------------------------------------------------------------

before=$(epochs)
assert_equal 'extracted 13 inserted 0 updated 0 unchanged 13 superseded 0 quarantined 0 removed 0' "$(run_sync)" "all is known"
assert_equal "$before" "$(epochs)" "epochs when all is known"
sql source "update instruments set contract_multiplier = 10.000, sector = 'Old stamp' where instrument_id = 20"
sql source "update instruments set contract_multiplier = 1 where instrument_id = 6; update accounts set tenant_id = '00000000-0000-0000-0000-000000000001'"
assert_contains "$(run_sync)" 'updated 1 unchanged 12 ' "a change with an old stamp; numbers by value, NULL as what stands for it"
assert_equal 'Old stamp' "$(life 20)" "what the watermark cannot see; of two states of one instant the last counts"
sql source "update instruments set sector = null where instrument_id = 20"
assert_contains "$(run_sync)" 'updated 1 ' "a change to NULL"
assert_equal t "$(sql warehouse 'select sector is null from dim_instrument where instrument_id = 20 and is_current')" "NULL"
sql source "update instruments set sector = 'Energy' where instrument_id = 20"
assert_contains "$(run_sync)" 'updated 1 ' "a change from NULL"

# Of what is known nothing but digests is read, and of what changed no more than that, unless it is much.
# copies: what $asked copies: digests, the rows named, whole tables
copies() {
    grep '^copy' <<<"$asked" | sed -E 's/^copy \(select --.*/digests/; s/^copy \(select \*.*/named/; s/^copy.*/whole/' | sort | uniq -c | xargs
}
sql source "alter database $(sql source 'select current_database()') set log_statement = 'all'"
asked=$(statements run_sync)
assert_equal '5 digests' "$(copies)" "all is known: digests of five dimensions"
sql source "update instruments set sector = 'Digest' where instrument_id in (1, 2)"
asked=$(statements run_sync)
assert_equal '5 digests 1 named' "$(copies)" "two changed: digests, and the rows of one dimension that differ"
sql source "insert into instruments (instrument_id, symbol, updated_at) select i, 'S' || i, '2024-01-02 09:00Z' from generate_series(1001, 6000) i"
asked=$(statements run_sync)
assert_equal '5 digests 1 whole' "$(copies)" "many are new: digests, and the whole table"
assert_equal 'extracted 5013 inserted 5000 updated 0 unchanged 13 superseded 0 quarantined 0 removed 0' "$(cat "$TEST_DIR/counts")" "many are new"
sql source "alter database $(sql source 'select current_database()') reset log_statement;
            delete from instruments where instrument_id > 1000; update instruments set sector = 'Energy' where instrument_id = 2"
assert_contains "$(run_sync deletes=all)" 'updated 1 unchanged 12 superseded 0 quarantined 0 removed 5000' "and gone"

# Ids of every sign and with every first byte, as texts and as bytes.
sql source "insert into instruments (instrument_id, symbol, updated_at)
            select i, 'S' || i, '2024-01-02 09:00Z' from unnest('{-2147483648,-256,-1,0,255,256,65536,2147483647}'::integer[]) i;
            insert into clients (client_id, client_code, updated_at)
            select (lpad(to_hex(i), 2, '0') || '000000-0000-0000-0000-0000000000ff')::uuid, 'C' || i, '2024-01-02 09:00Z'
            from unnest('{1,127,128,255}'::integer[]) i"
assert_contains "$(run_sync)" 'extracted 25 inserted 12 updated 0 unchanged 13 ' "ids of every kind"
assert_contains "$(run_sync)" 'extracted 25 inserted 0 updated 0 unchanged 25 superseded 0 quarantined 0 removed 0' "ids of every kind again"
sql source "delete from instruments where instrument_id in (-256, 65536, 2147483647); delete from clients where client_code = 'C128'"
assert_contains "$(run_sync)" 'extracted 21 inserted 0 updated 0 unchanged 21 superseded 0 quarantined 0 removed 4' "of these, some gone"
sql source "delete from instruments where symbol like 'S%' and instrument_id in (-2147483648, -1, 0, 255, 256);
            delete from clients where client_code like 'C%'"
assert_contains "$(run_sync)" 'extracted 13 inserted 0 updated 0 unchanged 13 superseded 0 quarantined 0 removed 8' "and the others"

# Twice in one extraction: the newest counts, in whatever place it comes.
export TAPEMILL_EXTRACT_DIR=$TEST_DIR/extract
rm "$TAPEMILL_EXTRACT_DIR"/*
{
    sed 's/^from instruments/from instruments where instrument_id <> 7/' "$TAPEMILL_ROOT/sql/extract/instruments.sql"
    for row in "'Newest', '2024-02-01 00:00Z'" "'Energy', '2024-01-02 09:00Z'" "'Oldest', '2023-01-01 00:00Z'"; do
        echo "union all select 7, 'S7', null, null, null, null, ${row%%,*}, null, null, null, 'USD', null, null, null, null, 1, null, null, true, ${row#*,}"
    done
} >"$TAPEMILL_EXTRACT_DIR/instruments.sql"
assert_equal 'extracted 11 inserted 0 updated 1 unchanged 8 superseded 2 quarantined 0 removed 0' "$(run_sync dimension=instrument)" \
    "a member three times"
assert_equal 'Energy,Newest' "$(life 7)" "the newest of three"
unset TAPEMILL_EXTRACT_DIR
instrument 7 Newest "'2024-02-01 00:00Z'"
run_sync >/dev/null

# ---- rows that no dimension can hold -------------------------------------------------------------------------

# Texts that cannot be compressed, as long as they may be, in two columns that share an index.
sql source "insert into instruments (instrument_id, symbol, exchange, updated_at)
            select 300, t, t, '2024-01-02 09:00Z' from (select left(string_agg(md5(i::text), ''), 1000) as t from generate_series(1, 32) i) x;
            insert into instruments (instrument_id, symbol, sector, updated_at) values
                (301, 'S301', repeat('é', 501), '2024-01-02 09:00Z'), (302, 'S302', 'A', '4714-11-24 00:00Z BC'),
                (303, 'S303', 'A', '0001-01-02 00:00Z')"
for mode in 1 2; do
    assert_contains "$(run_sync)" 'quarantined 2 ' "too long, and before all time"
done
assert_equal '301|[sector_length] sector has 1002 bytes, but may have 1000 at most
302|[updated_at_range] updated_at is before the year 1' "$(sql warehouse "select record_id, rules from etl_quarantine
    where source_table = 'instruments' and resolved_at is null order by 1")" "what is wrong with them"
assert_equal '2' "$(sql warehouse 'select count(*) from dim_instrument where instrument_id in (300, 303)')" "as long and as old as may be"
sql source 'delete from instruments where instrument_id between 300 and 303'
run_sync >/dev/null

# A database that does not know what its bytes mean.
whole=$TAPEMILL_SOURCE_URL
sql source "create database bytes_source template template0 encoding 'SQL_ASCII' locale 'C'"
TAPEMILL_SOURCE_URL=$(servers_url bytes_source)
sql source <"$TAPEMILL_ROOT/sql/source/schema.sql"
sql source "insert into clients (client_id, name, updated_at) values ('$acme', E'\\xe9', '2024-01-02 09:00Z')"
for mode in changes full; do
    # By watermark this row would be old news.
    sql source 'update clients set updated_at = clock_timestamp()'
    refused dimension=client mode=$mode
    assert_contains "$OUTPUT" 'a text in clients at the source is not UTF-8' "a byte that is no text, mode=$mode"
    assert_contains "$OUTPUT" 'put the row right, or convert' "its remedy, mode=$mode"
done
TAPEMILL_SOURCE_URL=$whole

# Texts of another encoding have other digests: they are read in full each time, and say nothing new.
sql source "create database latin_source template template0 encoding 'LATIN1' locale 'C'"
TAPEMILL_SOURCE_URL=$(servers_url latin_source)
sql source <"$TAPEMILL_ROOT/sql/source/schema.sql"
PGCLIENTENCODING=UTF8 sql source "insert into clients (client_id, name, updated_at) values ('$acme', 'Café', '2024-01-02 09:00Z')"
run_sync dimension=client deletes=all >/dev/null
before=$(epochs)
assert_contains "$(run_sync dimension=client)" 'extracted 1 inserted 0 updated 0 unchanged 1 ' "another encoding, once more"
assert_equal "$before|Café" "$(epochs)|$(sql warehouse "select client_name from dim_client where client_id = '$acme' and is_current")" \
    "another encoding changes nothing"
TAPEMILL_SOURCE_URL=$whole
run_sync dimension=client deletes=all >/dev/null

# ---- deletes ------------------------------------------------------------------------------------------------

sql source 'delete from instruments where instrument_id = 8; update instruments set lot_size = -1e30 where instrument_id = 7'
assert_equal 'extracted 12 inserted 0 updated 0 unchanged 11 superseded 0 quarantined 1 removed 1' "$(run_sync)" \
    "one is gone; a broken one is not"
assert_equal 'Energy-|Energy,Newest' "$(life 8)|$(life 7)" "deleted, and broken"
assert_equal 0 "$(sql warehouse 'select count(*) from dim_instrument where instrument_id = 8 and is_current')" "no current version"
sql source 'update instruments set lot_size = null where instrument_id = 7'
assert_contains "$(run_sync)" 'unchanged 12 superseded 0 quarantined 0 removed 0' "it is still gone, and broken no more"
instrument 8 Back
assert_contains "$(run_sync mode=changes)" 'updated 1 ' "it comes back"
assert_equal 'Energy-,Back' "$(life 8)" "deleted and reactivated"

# an inferred member is nobody's delete
sql warehouse "insert into dim_strategy (strategy_id, is_inferred) values (90, true)"
assert_contains "$(run_sync)" 'removed 0' "an inferred member"
assert_equal t "$(sql warehouse 'select is_current from dim_strategy where strategy_id = 90')" "an inferred member stays"

for id in $(seq 101 140); do
    echo "insert into instruments (instrument_id, symbol, updated_at) values ($id, 'S$id', '2024-01-02 09:00Z');"
done | sql source
run_sync >/dev/null
sql source 'delete from instruments where instrument_id between 101 and 111; update instruments set sector = $$Kept$$ where instrument_id = 1'
assert_contains "$(run_sync)" 'updated 1 unchanged 41 superseded 0 quarantined 0 removed 0' "more than may go: none does, the rest does"
assert_equal 'instruments ERROR|Kept' "$(open_findings deletes_refused)|$(sql warehouse 'select sector from dim_instrument
    where instrument_id = 1 and is_current')" "a finding"
assert_equal 'critical|11 of 49 instruments are gone from the source at once: none was closed' \
    "$(sql warehouse "select severity, title from etl_alerts where cause = 'deletes_refused:instruments'")" "an alert"
assert_contains "$(sql warehouse "select body from etl_alerts where cause = 'deletes_refused:instruments'")" \
    'tapemill enqueue sync_dimensions --arg dimension=instrument --arg deletes=all' "the remedy"
run_sync >/dev/null
assert_equal '1|1' "$(sql warehouse "select (select count(*) from etl_data_quality_issues where rule_name = 'deletes_refused'),
    (select count(*) from etl_alerts where cause like 'deletes_refused:%')")" "said once"
assert_contains "$(TAPEMILL_DIMENSION_DELETES_MAX_PERCENT=23 run_sync)" 'removed 11' "a larger share is allowed"
assert_equal '' "$(open_findings deletes_refused)" "the finding is resolved"
sql source 'delete from strategies; delete from instruments where instrument_id between 101 and 125'
assert_contains "$(run_sync)" 'removed 0' "an empty table, and a good part of another"
assert_equal 'instruments ERROR,strategies ERROR' "$(open_findings deletes_refused)" "two findings"
assert_contains "$(run_sync deletes=all dimension=strategy)" 'removed 1' "really gone"
assert_equal 'instruments ERROR' "$(open_findings deletes_refused)" "one finding"
sql source "insert into instruments (instrument_id, symbol, updated_at)
            select i, 'S' || i, '2024-01-02 09:00Z' from generate_series(112, 125) i"
assert_contains "$(run_sync)" 'removed 0' "they are back"
assert_equal '' "$(open_findings deletes_refused)" "what is back is no finding"

# ---- old states ---------------------------------------------------------------------------------------------

sql source "truncate instruments, strategies, clients, accounts, liquidity_providers"
sql warehouse "set client_min_messages = warning; truncate dim_instrument, dim_strategy, dim_client, dim_account, dim_liquidity_provider,
    dim_instrument_observations, dim_strategy_observations, dim_client_observations, dim_account_observations,
    dim_liquidity_provider_observations, dim_comparisons, etl_dimension_changes, etl_data_quality_issues cascade"
# state DATE SECTOR...: the instruments 1, 2, ... as they were then; '-' for one that was not there
state() {
    local date=$1 id=0 sector
    shift
    sql source 'truncate instruments'
    for sector in "$@"; do
        id=$((id + 1))
        [ "$sector" = - ] || instrument $id "$sector" "'$date'"
    done
    run_sync as_of="$date" dimension=instrument
}
assert_contains "$(state 2021-01-01T00:00Z A A A)" 'inserted 3 updated 0 unchanged 0 superseded 0 quarantined 0 removed 0' "a first old state"
assert_contains "$(state 2021-03-01T00:00Z B A -)" 'updated 1 unchanged 1 superseded 0 quarantined 0 removed 1' "the next"
assert_equal 'A,B|A|A-' "$(life 1)|$(life 2)|$(life 3)" "two old states"
state 2021-02-01T00:00Z C A A >/dev/null
assert_equal 'A,C,B|A|A-' "$(life 1)|$(life 2)|$(life 3)" "one between, later"
assert_equal '2021-01-31|2021-02-28' "$(sql warehouse 'select effective_date, expiration_date from dim_instrument
    where instrument_id = 1 and version = 2')" "the one between, in the business time zone"
assert_equal 3 "$(sql warehouse "select count(*) from dim_comparisons where dimension = 'instrument'")" "comparisons"
# One that is not believed says nothing, and takes back nothing.
compared() {
    sql warehouse "select run_no, is_complete from dim_comparisons where dimension = 'instrument' and compared_at = '2021-03-01Z'"
}
before=$(compared)
assert_contains "$(state 2021-03-01T00:00Z)" 'removed 0' "an empty table of the past"
assert_equal "$before" "$(compared)" "a comparison after one of the same instant that was refused"

# The key of a version that is left without an instant tells of the next version of the member.
state 2021-06-01T00:00Z E A >/dev/null
void="select instrument_key from dim_instrument where instrument_id = 1 and sector = 'E'"
key=$(sql warehouse "$void")
state 2021-06-01T00:00Z B A >/dev/null
state 2021-07-01T00:00Z F A >/dev/null
assert_equal "$key|2021-07-01 00:00:00" "$(sql warehouse "select instrument_key, known_from at time zone 'UTC' from dim_instrument
    where instrument_id = 1 and sector = 'F'")" "a key that is used again, and since when its version is known"

# ---- what follows -------------------------------------------------------------------------------------------

"$TAPEMILL_TEST_BIN/dimension_run" job dates '{}' 2021-01-01 >/dev/null
sql warehouse "insert into dim_account (account_key) values (0); insert into dim_strategy (strategy_key) values (0);
    insert into dim_client (client_key) values (0); insert into dim_liquidity_provider (lp_key) values (0)"
# fact DATE INSTANT INSTRUMENT: with the key that the first version has
fact() {
    "$TAPEMILL_TEST_BIN/dimension_run" ensure fact_trades "$1"
    sql warehouse "
        insert into fact_trades (date_key, time_key, instrument_key, account_key, strategy_key, client_key, lp_key, tenant_id, source,
            trade_reference, execution_timestamp, side, quantity, price, notional_value, net_amount, currency, source_updated_at,
            etl_run_id)
        select $1, 0, min(instrument_key), 0, 0, 0, 0, '$acme', 'DESK', '$1', '$2', 'BUY', 1, 1, 1, 1, 'USD', '$2', 1
        from dim_instrument where instrument_id = $3;
        insert into etl_fact_days (source, date_key) values ('DESK', $1)"
}
fact 20210115 '2021-01-15 12:00Z' 1
fact 20210214 '2021-02-15 00:00Z' 1
fact 20210220 '2021-02-20 12:00Z' 2
fact 20210227 '2021-02-28 00:00Z' 1
fact 20210228 '2021-03-01 00:00Z' 1
fact 20210301 '2021-03-01 12:00Z' 1
sql warehouse "insert into etl_fact_days (source, date_key) values ('CLIENT', 20210214), ('DESK', 20210226)"
state 2021-02-15T00:00Z D A A >/dev/null
# The piece begins at 2021-02-14 19:00 and ends at 2021-02-28 19:00 in New York.
assert_equal 'rekey_facts|2021-02-14|t
rekey_facts|2021-02-27|t' "$(followers)" "a job for every loaded date with a fact in what changed"
assert_contains "$(run_sync dimension=instrument as_of=2021-02-15T00:00Z)" 'updated 0 unchanged 3 ' "the same once more"
assert_equal '' "$(followers)" "nothing follows from nothing"
# A date's performance goes by the versions of accounts; no index knows the clients of facts.
counterparty=00000000-0000-0000-0000-0000000000c2
sql source "insert into clients (client_id, segment, updated_at) values ('$counterparty', 'A', '2021-01-01Z');
            insert into accounts (account_id, broker, updated_at) values (1, 'A', '2021-01-01Z')"
run_sync as_of=2021-01-01T00:00Z dimension=client >/dev/null
run_sync as_of=2021-01-01T00:00Z dimension=account >/dev/null
"$TAPEMILL_TEST_BIN/dimension_run" ensure fact_performance_daily 20210220
sql warehouse "
insert into fact_performance_daily (date_key, tenant_id, account_key, strategy_key, total_trades, closing_trades, winning_trades,
    losing_trades, total_volume, total_notional, gross_profit, gross_loss, net_pnl, commissions, fees, etl_run_id)
select 20210220, '$acme', account_key, 0, 3, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 1 from dim_account where account_id = 1"
sql source "update clients set segment = 'B', updated_at = '2021-02-28 12:00Z'; update accounts set broker = 'B', updated_at = '2021-02-01Z'"
run_sync as_of=2021-08-01T00:00Z dimension=account >/dev/null
assert_equal 'rekey_facts|2021-02-20|t' "$(followers)" "a date whose performance has a version of the account"
run_sync as_of=2021-08-01T00:00Z dimension=client >/dev/null
assert_equal 'rekey_facts|2021-02-28|t
rekey_facts|2021-03-01|t' "$(followers)" "all loaded dates that a client's change meets"
sql source 'truncate clients, accounts'

sql warehouse "
insert into etl_quarantine (source_table, record_id, business_date, rules, record_data, first_run_no, last_run_no) values
    ('executions', '1', '2021-03-02', 'x', '{\"instrument_id\": 50}', 1, 1),
    ('executions', '2', '2021-03-02', 'x', '{\"instrument_id\": 50}', 1, 1),
    ('executions', '3', '2021-03-03', 'x', '{\"instrument_id\": 51}', 1, 1),
    ('trades', '4', '2021-03-04', 'x', '{\"instrument_id\": 50, \"client_id\": \"$acme\"}', 1, 1);
insert into etl_quarantine (source_table, record_id, business_date, rules, record_data, first_run_no, last_run_no, resolved_at)
values ('executions', '5', '2021-03-05', 'x', '{\"instrument_id\": 50}', 1, 1, now());
insert into dim_instrument (instrument_id, is_inferred) values (50, true);
insert into etl_data_quality_issues (source_table, record_id, rule_name, severity, error_message) values
    ('instruments', '50', 'inferred_member', 'WARNING', 'x'), ('instruments', '51', 'inferred_member', 'WARNING', 'x'),
    ('accounts', '50', 'inferred_member', 'WARNING', 'x')"
sql source "insert into clients (client_id, updated_at) values ('$acme', clock_timestamp())"
instrument 50 Energy
assert_contains "$(run_sync mode=changes)" 'extracted 2 inserted 1 updated 1 ' "members arrive"
assert_equal 'load_executions|2021-03-02|
load_trades|2021-03-04|' "$(followers)" "rows that named them are loaded"
assert_equal 'accounts 50,instruments 51' "$(sql warehouse "select string_agg(source_table || ' ' || record_id, ',' order by source_table)
    from etl_data_quality_issues where rule_name = 'inferred_member' and resolved_at is null")" "findings of the others stay"

# So are rows that the member's arrival did not help: they wait for its currency.
sql source "insert into instruments (instrument_id, symbol, updated_at) values (52, 'S52', clock_timestamp())"
run_sync mode=changes >/dev/null
sql warehouse "insert into etl_quarantine (source_table, record_id, business_date, rules, record_data, first_run_no, last_run_no)
    values ('executions', '6', '2021-03-08', 'x', '{\"instrument_id\": 52}', 1, 1)"
instrument 52 Utilities
assert_equal '' "$(run_sync mode=changes >/dev/null; followers)" "a change that is of no use to them"
sql source "update instruments set currency = 'USD', updated_at = clock_timestamp() where instrument_id = 52"
assert_equal 'load_executions|2021-03-08|' "$(run_sync mode=changes >/dev/null; followers)" "its currency came"

# ---- a multiplier of an old state -----------------------------------------------------------------------------

sql source "update instruments set contract_multiplier = 5, updated_at = clock_timestamp() where instrument_id in (1, 3)"
run_sync mode=changes >/dev/null
assert_equal 1 "$(sql warehouse "select record_id from etl_data_quality_issues where rule_name = 'multiplier_changed'")" \
    "only the one that has trades is worth a word"
sql source "update instruments set contract_multiplier = 2, updated_at = '2020-01-01 00:00Z' where instrument_id = 1"
run_sync dimension=instrument as_of=2021-01-10T00:00Z deletes=all >/dev/null
assert_equal '5.00000000|1' "$(sql warehouse "select (select max(contract_multiplier) from dim_instrument where instrument_id = 1),
    (select count(*) from etl_data_quality_issues where rule_name = 'multiplier_changed')")" "an old state has no say in it"
