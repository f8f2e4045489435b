#!/usr/bin/env bash
# `tapemill dimension`: a member's life, the state as of an instant, and the check, which is silent about what is right
# and names every single thing that is not.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up
export TAPEMILL_TIMEZONE=UTC TAPEMILL_DATES_FROM=2023-12-01 TAPEMILL_DATES_YEARS_AHEAD=1
tapemill migrate >/dev/null

acme=00000000-0000-0000-0000-0000000000c1
json() {
    python3 -IS -c "import json, sys; data = json.load(sys.stdin); print($1)"
}

# ---- members -------------------------------------------------------------------------------------------------
#
# 1  AAA, one version                     2  BBB, three versions, one of them late, and a void one
# 3  CCC, deleted and back                4  DDD, gone                  5  inferred
# 6  inferred in the gap that a delete left
sql warehouse "
insert into dim_instrument (instrument_key, instrument_id, symbol, full_name, sector, currency, is_active, version, valid_from,
                            valid_to, is_current, is_inferred, ends_deleted, known_from, effective_date, expiration_date,
                            source_updated_at)
select key, id, symbol, name, sector, 'USD', active, version, coalesce(f, '-infinity'), coalesce(t, 'infinity'), t is null,
       inferred, deleted, known, coalesce(f, '-infinity')::date, coalesce(t, 'infinity')::date, f
from (values
    (11, 1, 'AAA', 'Alpha', 'Energy', true, 1, null::timestamptz, null::timestamptz, false, false, timestamptz '2024-01-01Z'),
    (21, 2, 'BBX', 'Beta', 'Energy', true, 1, null, '2024-01-03 09:00Z', false, false, '2024-01-01Z'),
    (23, 2, 'BBX', 'Beta', 'Utilities', true, 2, '2024-01-03 09:00Z', '2024-01-04 15:00Z', false, false, '2024-01-08Z'),
    (22, 2, 'BBB', 'Beta', null, true, 3, '2024-01-04 15:00Z', null, false, false, '2024-01-05Z'),
    (24, 2, 'BBY', 'old', 'Energy', true, 9, '2024-01-04 16:00Z', '2024-01-04 16:00Z', false, false, '2024-01-02Z'),
    (31, 3, 'CCC', 'Gamma', 'Tech', true, 1, null, '2024-01-03 00:00Z', false, true, '2024-01-01Z'),
    (32, 3, 'CCC', 'Gamma', 'Tech', true, 2, '2024-01-05 00:00Z', null, false, false, '2024-01-05Z'),
    (41, 4, 'DDD', 'Delta', 'Tech', true, 1, null, '2024-01-03 00:00Z', false, true, '2024-01-01Z'),
    (51, 5, null, null, null, null, 1, null, null, true, false, '2024-01-06Z'),
    (61, 6, 'FFF', 'Zeta', 'Tech', true, 1, null, '2024-01-03 00:00Z', false, true, '2024-01-01Z'),
    (62, 6, 'FFF', 'Zeta', 'Tech', true, 2, '2024-01-03 00:00Z', '2024-01-05 00:00Z', true, false, '2024-01-06Z'),
    (63, 6, 'BBX', 'Zeta', 'Tech', true, 3, '2024-01-05 00:00Z', null, false, false, '2024-01-06Z')
) v (key, id, symbol, name, sector, active, version, f, t, inferred, deleted, known);
insert into dim_instrument_observations values
    (1, '2024-01-01Z', false, 1), (2, '2024-01-01Z', false, 1), (2, '2024-01-03 09:00Z', false, 3),
    (2, '2024-01-04 15:00Z', false, 2), (2, '2024-01-05Z', false, 2), (3, '2024-01-01Z', false, 1),
    (3, '2024-01-03Z', true, 2), (3, '2024-01-05Z', false, 3), (4, '2024-01-01Z', false, 1), (4, '2024-01-03Z', true, 2),
    (6, '2024-01-01Z', false, 1), (6, '2024-01-03Z', true, 2), (6, '2024-01-04Z', true, 2), (6, '2024-01-05Z', false, 3);
insert into dim_account (account_key, account_id, tenant_id, client_id, account_number, account_type)
values (11, 1, '$acme', '$acme', '0012345678901', 'PROP');
insert into dim_strategy (strategy_key, strategy_id, strategy_name, strategy_type) values (11, 1, 'Carry', 'MACRO');
insert into dim_client (client_key, client_id, client_code, client_name, segment) values (11, '$acme', 'ACME', 'Acme', 'GOLD');
insert into dim_liquidity_provider (lp_key, lp_id, lp_code, lp_type) values (11, '$acme', 'LP1', 'BANK');"

# ---- facts of two dates --------------------------------------------------------------------------------------

"$TAPEMILL_TEST_BIN/dimension_run" job dates '{}' 2024-01-02 >/dev/null
for date in 20240103 20240104; do
    "$TAPEMILL_TEST_BIN/dimension_run" ensure fact_trades $date
    "$TAPEMILL_TEST_BIN/dimension_run" ensure fact_performance_daily $date
done
sql warehouse "
insert into fact_trades (date_key, time_key, instrument_key, account_key, strategy_key, client_key, lp_key, tenant_id, source,
    trade_reference, order_id, execution_timestamp, side, quantity, price, notional_value, net_amount, currency,
    source_updated_at, etl_run_id)
select to_char(at at time zone 'UTC', 'YYYYMMDD')::integer, 0, key, 11, 11, 11, 0, '$acme', 'DESK', reference, 1, at, 'BUY', 1, 1,
       1, 1, 'USD', at, 1
from (values ('a', 11, timestamptz '2024-01-03 08:00Z'), ('b', 21, '2024-01-03 08:59:59.999999Z'), ('c', 23, '2024-01-03 09:00Z'),
             ('d', 23, '2024-01-04 14:59:59.999999Z'), ('e', 22, '2024-01-04 15:00Z'), ('f', 51, '2024-01-04 15:00Z'),
             ('g', 62, '2024-01-04 15:00Z')) t (reference, key, at);
insert into fact_performance_daily (date_key, tenant_id, account_key, strategy_key, total_trades, closing_trades, winning_trades,
    losing_trades, total_volume, total_notional, gross_profit, gross_loss, net_pnl, commissions, fees, etl_run_id)
select d, '$acme', 11, 11, 3, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 1 from (values (20240103), (20240104)) v (d);
insert into etl_fact_days (source, date_key) values ('DESK', 20240103), ('DESK', 20240104);"

# ---- history -------------------------------------------------------------------------------------------------

history=$(tapemill dimension history instrument 2)
assert_contains "$history" "instrument 2: BBB" "whose history"
assert_equal "1|21|-infinity|2024-01-03 09:00:00+00|past|2024-01-01 00:00:00+00|symbol BBX, sector Energy, currency USD, is_active true
2|23|2024-01-03 09:00:00+00|2024-01-04 15:00:00+00|past|2024-01-08 00:00:00+00|sector: Energy -> Utilities
3|22|2024-01-04 15:00:00+00|infinity|current|2024-01-05 00:00:00+00|symbol: BBX -> BBB, sector: Utilities -> none" \
    "$(tail -n 3 <<<"$history" | sed 's/^ *//; s/   */|/g')" "versions with a late one, without the void one"
assert_equal "$history" "$(tapemill dimension history instrument BBB)" "a member by its code"
assert_equal "1|deleted|
2|current|back after a delete" "$(tapemill dimension history instrument 3 --json |
    json "'\\n'.join('%s|%s|%s' % (v['version'], v['state'], v['what'] if v['version'] > 1 else '') for v in data['versions'])")" \
    "a delete and a return"
assert_equal "past, inferred: gone, but facts are of this time|current: back after a delete, symbol: FFF -> BBX" \
    "$(tapemill dimension history instrument 6 --json |
    json "'|'.join(v['state'] + ': ' + v['what'] for v in data['versions'] if v['version'] > 1)")" "a gap that facts fill"
assert_equal "current, inferred: named by facts, not shown by the source, currency USD" "$(tapemill dimension history instrument 5 --json |
    json "data['versions'][0]['state'] + ': ' + data['versions'][0]['what']")" "a member that only facts name"
assert_equal "2 BBB|[{'new': 'Utilities', 'old': 'Energy', 'attribute': 'sector'}]|Beta|4|as version 2" \
    "$(tapemill dimension history instrument 2 --json | json "'%s %s|%s|%s|%d|%s' % (data['id'], data['symbol'],
       data['versions'][1]['changes'], data['versions'][2]['attributes']['full_name'], len(data['observations']),
       data['observations'][1]['seen'])")" "history as JSON"
assert_contains "$(tapemill dimension history instrument 3 --observations | sed 's/   */|/g')" \
    "2024-01-03 00:00:00+00|absent" "when a member was seen to be gone"
assert_equal "1 1|2 2|3 1" "$(tapemill dimension history instrument 2 --facts --json 2>/dev/null |
    json "'|'.join('%d %d' % (v['version'], v['facts']) for v in data['versions'])")" "facts of each version"
assert_equal "1|1|None" "$(tapemill dimension history instrument 2 --facts --to 2024-01-03 --json 2>/dev/null |
    json "'|'.join(str(v['facts'] or None) for v in data['versions'])")" "facts of each version up to a date"
for id in $acme ACME ${acme^^}; do
    assert_equal "$acme|ACME|GOLD" "$(tapemill dimension history client "$id" --json |
        json "data['id'] + '|' + data['client_code'] + '|' + data['versions'][0]['attributes']['segment']")" "a client by $id"
done
assert_contains "$(tapemill dimension history account 0012345678901)" "account 1: 0012345678901" "a code of digits"
assert_contains "$(tapemill dimension history strategy Carry)" "strategy 1: Carry" "a strategy by its name"
assert_contains "$(tapemill dimension history liquidity_provider LP1)" "liquidity_provider $acme: LP1" "a provider by its code"
assert_contains "$(tapemill dimension history instrument BBX 2>"$TEST_DIR/told")" "instrument 6: BBX" "whose code it is now"
assert_contains "$(cat "$TEST_DIR/told")" "others have had the symbol" "that others had it"

# ---- what is refused -----------------------------------------------------------------------------------------

refused() {
    assert_fails "$1" "$TAPEMILL_BIN/tapemill" dimension "${@:3}"
    assert_contains "$OUTPUT" "$2" "dimension ${*:3}"
}
refused 2 'there is no dimension "instruments"; did you mean instrument? there are instrument, account,' history instruments 1
refused 2 'there is no dimension "x"' list x
refused 2 '"dimension" has no verb "foo"; `tapemill dimension --help` lists what it has' foo
refused 2 'there is no dimension "x"' check account x
refused 2 'there is no dimension "x"' columns x
refused 2 '"-5" is no id of the dimension instrument; write a whole number such as 42, or symbol' history instrument -- -5
refused 2 '"" is no id' history instrument ""
refused 2 "\"${acme%?}\" is no id of the dimension client; write a uuid such as" history client "${acme%?}"
refused 1 'no member of the dimension instrument has the id (a whole number) or the symbol "99"; `tapemill dimension list instrument` lists them' \
    history instrument 99
refused 1 'the symbol "aaa"; did you mean AAA?' history instrument aaa
refused 1 'the symbol "AAB"; did you mean AAA?' history instrument AAB
refused 1 'the id (a uuid) or the client_code "NOBODY"' history client NOBODY
refused 1 'no member of the dimension instrument' history instrument 0
refused 2 '--from and --to choose the dates of --facts' history instrument 1 --from 2024-01-02
refused 2 '--as-of is "soon"; write a time' list instrument --as-of soon
refused 2 '--as-of is "infinity"' list instrument --as-of infinity
refused 2 '--from 2024-01-05 is after --to 2024-01-04' check --from 2024-01-05 --to 2024-01-04
sql warehouse "update dim_instrument set symbol = 'DDD' where instrument_id = 3"
refused 1 '2 members of the dimension instrument have or had the symbol "DDD"; name one by its id: 3, 4' history instrument DDD
sql warehouse "update dim_instrument set symbol = 'CCC' where instrument_id = 3"

# ---- the report by strategy, without a rate ---------------------------------------------------------------------

tapemill report trades --by strategy >"$TEST_DIR/report" 2>"$TEST_DIR/told"
assert_contains "$(cat "$TEST_DIR/told")" 'sums are blank where a trade has no rate' "why sums are blank"
sql warehouse "update fact_trades set rate_to_base = 1"
assert_equal '' "$(tapemill report trades --by strategy 2>&1 >/dev/null)" "nothing to explain"

# ---- the state as of an instant ------------------------------------------------------------------------------

# as_of TIME: "id symbol version" of the members that were known and valid then
as_of() {
    tapemill dimension list instrument --json --as-of "$1" | json "', '.join('%d %s %d' % (m['instrument_id'], m['symbol'], m['version']) for m in data)"
}
assert_equal '' "$(as_of '2023-12-31 23:59:59.999999Z')" "before anything was known"
assert_equal 'no member was known and valid then; the first has been known since 2024-01-01 00:00:00+00' \
    "$(tapemill dimension list instrument --as-of '2023-12-31 23:59:59.999999Z')" "what says so"
assert_equal '1 AAA 1, 2 BBX 1, 3 CCC 1, 4 DDD 1, 6 FFF 1' "$(as_of 2024-01-01T00:00:00Z)" "the first instant"
assert_equal '1 AAA 1, 2 BBX 1, 6 FFF 2' "$(as_of '2024-01-03 08:59:59.999999')" "just before a boundary, in a gap"
assert_equal '1 AAA 1, 2 BBX 2, 6 FFF 2' "$(as_of '2024-01-03 09:00')" "at the boundary"
assert_equal '1 AAA 1, 2 BBB 3, 3 CCC 2, 6 BBX 3' "$(as_of '2024-01-05')" "when one is back"
assert_equal '1 AAA 1, 2 BBB 3, 3 CCC 2, 5 None 1, 6 BBX 3' "$(as_of '2024-01-06')" "when an inferred one is known"
assert_equal "1 2 3 5 6" "$(tapemill dimension list instrument | awk 'NR > 2 { print $1 }' | tr '\n' ' ' | sed 's/ $//')" "who is current"
assert_equal 2 "$(tapemill dimension list instrument --limit 2 --json | json 'len(data)')" "no more than the limit"
assert_equal "instrument id|symbol|exchange|asset class|instrument type|sector|industry|market cap category|currency|is active" \
    "$(tapemill dimension list instrument | head -n 1 | sed 's/   */|/g' | cut -d '|' -f 1-10)" "what a table shows"

# ---- the check: what is right is clean -----------------------------------------------------------------------

tapemill dimension check >"$TEST_DIR/clean" 2>"$TEST_DIR/progress" || fail "what is right is not clean: $(cat "$TEST_DIR/clean")"
assert_equal "instrument 6 11 1 2 14 7 0 0" "$(grep '^instrument  ' "$TEST_DIR/clean" | head -n 1 | tr -s ' ' | sed 's/ $//')" "figures"
assert_contains "$(cat "$TEST_DIR/progress")" '100%  2/2 dates' "progress"
assert_equal "2" "$(grep -c '^instrument *inferred' "$TEST_DIR/clean")" "inferred versions are notes"
assert_contains "$(cat "$TEST_DIR/clean")" 'the source has not shown it yet; facts have named it since 2024-01-06 00:00:00+00' "a note"
assert_contains "$(cat "$TEST_DIR/clean")" 'it was gone from 2024-01-03 00:00:00+00 to 2024-01-05 00:00:00+00' "a note of a gap"
assert_equal "account 0, instrument 0 5,6" "$(tapemill dimension check instrument account --json 2>/dev/null | json "
    ', '.join('%s %d' % (d['dimension'], d['differences']) for d in sorted(data['dimensions'], key=lambda d: d['dimension']))
    + ' ' + ','.join(n['id'] for n in data['notes'])")" "the check as JSON"

# Facts are read one date at a time: another month may be locked by a fold or a leaf that is attached.
"$TAPEMILL_TEST_BIN/dimension_run" ensure fact_trades 20240205
"$TAPEMILL_TEST_BIN/dimension_run" ensure fact_performance_daily 20240205
sql warehouse "insert into etl_fact_days (source, date_key) select 'CLIENT', generate_series(20240102, 20240112)"
start_process holder -- psql -XAtq -v ON_ERROR_STOP=1 "$TAPEMILL_WAREHOUSE_URL" -c "set application_name = 'holder'; begin;
    lock table fact_trades_m202402, fact_performance_daily_m202402 in access exclusive mode; select pg_sleep(120)"
wait_until_sql 60 "another month is locked" warehouse "select count(*) > 0 from pg_locks l join pg_stat_activity a using (pid)
    where a.application_name = 'holder' and l.mode = 'AccessExclusiveLock' and l.granted" t
PGOPTIONS='-c lock_timeout=2s' tapemill dimension check >/dev/null 2>"$TEST_DIR/told" || fail "the check locks other months: $(cat "$TEST_DIR/told")"
PGOPTIONS='-c lock_timeout=2s' tapemill dimension history instrument 2 --facts >/dev/null 2>"$TEST_DIR/told" ||
    fail "a history with facts locks other months: $(cat "$TEST_DIR/told")"
sql warehouse "select pg_terminate_backend(pid, 60000) from pg_stat_activity where application_name = 'holder'" >/dev/null

# ---- the check: each thing that is wrong is named, and nothing else ------------------------------------------

whole=$TAPEMILL_WAREHOUSE_URL
name_of_whole=$(sql warehouse 'select current_database()')
server() {
    psql -XAtq -v ON_ERROR_STOP=1 "$(servers_url postgres)" -c "set client_min_messages = warning" "$@"
}
# One copy of the warehouse whose dimensions have no constraints; its schema whole keeps what its tables had.
server -c "create database broken template $name_of_whole"
broken=$(servers_url broken)
psql -XAtq -v ON_ERROR_STOP=1 "$broken" <<'END'
drop index dim_instrument_current;
create schema whole;
do $copy$ declare c record; begin
    for c in select conrelid::regclass as t, conname from pg_constraint
             where conrelid in ('dim_instrument'::regclass, 'dim_account'::regclass) and contype in ('c', 'x') loop
        execute format('alter table %s drop constraint %I', c.t, c.conname);
    end loop;
    for c in select relname from pg_class
             where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
               and relname ~ '^(dim_(instrument|account|strategy|client|liquidity_provider)|fact_|etl_)' loop
        execute format('create table whole.%I as table %I', c.relname, c.relname);
    end loop;
end $copy$;
END
# broken_by SQL: leads to the copy as it was, with the damage done
broken_by() {
    TAPEMILL_WAREHOUSE_URL=$broken
    sql warehouse "
        set client_min_messages = warning;
        do \$mend\$ declare t record; begin
            set local session_replication_role = replica;
            for t in select c.relname, (select string_agg(format('%I', attname), ', ') from pg_attribute
                                        where attrelid = format('public.%I', c.relname)::regclass and attnum > 0 and attgenerated = '') as columns
                     from pg_class c where relnamespace = 'whole'::regnamespace and relkind = 'r' loop
                execute format('delete from public.%I', t.relname);
                execute format('insert into public.%I (%s) overriding system value select %s from whole.%I',
                               t.relname, t.columns, t.columns, t.relname);
            end loop;
        end \$mend\$"
    sql warehouse "$1"
}
# finds "RULE ID..." SENTENCE SQL: after SQL the check tells just these rules of this member, with that sentence; a remedy
# that is SQL is one
finds() {
    local told rules has_remedies remedies
    broken_by "$3"
    assert_fails 1 "$TAPEMILL_BIN/tapemill" dimension check --json
    told=$(sed '/^{/,$!d; /^tapemill: /d' <<<"$OUTPUT")
    {
        IFS= read -r rules
        IFS= read -r has_remedies
        remedies=$(cat)
    } < <(json "'\\n'.join(['; '.join(sorted(set(d['rule'] + ' ' + d['id'] for d in data['differences']))),
        str(all(d['remedy'] for d in data['differences'])),
        *(';' + d['remedy'][5:] for d in data['differences'] if d['remedy'].startswith('psql:'))])" <<<"$told")
    assert_equal "$1" "$rules" "$3"
    assert_contains "$told" "$2" "$3"
    assert_equal True "$has_remedies" "remedies of $3"
    if [ -n "$remedies" ]; then
        sql warehouse <<<"$remedies
;"
        tapemill dimension check >/dev/null 2>&1 || fail "$remedies is no remedy of $3"
        remedied=$((remedied + 1))
    fi
    checked=$((checked + 1))
}
checked=0 remedied=0
finds 'overlap 2' 'versions 1 and 2 are both valid from 2024-01-03 09:00:00+00' \
    "update dim_instrument set valid_to = '2024-01-03 10:00Z' where instrument_key = 21"
finds 'gap 3' 'no version is valid from 2024-01-03 00:00:00+00 to 2024-01-05 00:00:00+00, and no delete is known' \
    "update dim_instrument set ends_deleted = false where instrument_key = 31"
finds 'first 1' 'the first version is valid from 2023-12-31 00:00:00+00, not from the beginning' \
    "update dim_instrument set valid_from = '2023-12-31Z', effective_date = '2023-12-31' where instrument_key = 11;
     insert into dim_instrument_observations values (1, '2023-12-31Z', false, 1)"
finds 'first 1; unseen 1' 'version 1 begins at 2024-01-02 00:00:00+00, when nothing was observed' \
    "update dim_instrument set valid_from = '2024-01-02Z', effective_date = '2024-01-02' where instrument_key = 11"
assert_equal "-infinity|infinity|AAA|2024-01-01 00:00:00+00" "$(sql warehouse "select valid_from, valid_to, symbol, observed_at
    from dim_instrument join dim_instrument_observations using (instrument_id) where instrument_id = 1")" "nothing of it is lost"
finds 'current 4' 'no version is current, and the last, 1, does not end with a delete' \
    "update dim_instrument set ends_deleted = false where instrument_key = 41"
finds 'current 2; flags 2' '2 versions are current' "update dim_instrument set is_current = true where instrument_key = 23"
finds 'current 1; flags 1' 'version 1 has is_current f, but is valid to infinity' \
    "update dim_instrument set is_current = false where instrument_key = 11"
finds 'flags 1' 'version 1 is current and deleted' "update dim_instrument set ends_deleted = true where instrument_key = 11"
finds 'flags 2' 'version 1 ends with a delete, but version 2 follows at once' \
    "update dim_instrument set ends_deleted = true where instrument_key = 21"
finds 'order 2' 'version 7 is the 3. of its member' "update dim_instrument set version = 7 where instrument_key = 22"
finds 'dates 1' 'version 1 has the dates 2024-01-01 and infinity, not -infinity and infinity' \
    "update dim_instrument set effective_date = '2024-01-01' where instrument_key = 11"
finds 'dates 2' 'version 1 has the dates -infinity and 2024-01-04, not -infinity and 2024-01-03' \
    "update dim_instrument set expiration_date = '2024-01-04' where instrument_key = 21"
finds 'type 1 2' 'its versions differ in full_name, tick_size' \
    "update dim_instrument set full_name = null, tick_size = 0.01 where instrument_key = 23"
finds 'unseen 2' 'version 2 begins at 2024-01-03 09:00:00+00, when nothing was observed' \
    "delete from dim_instrument_observations where instrument_id = 2 and observed_at = '2024-01-03 09:00Z'"
finds 'unseen 2' 'version 3 begins at 2024-01-06 00:00:00+00, when nothing was observed' \
    "update dim_instrument set valid_from = '2024-01-06Z', effective_date = '2024-01-06' where instrument_key = 22;
     update dim_instrument set valid_to = '2024-01-06Z', expiration_date = '2024-01-06' where instrument_key = 23;
     update fact_trades set instrument_key = 23 where trade_reference = 'e'"
finds 'observation 1' 'it was absent at 2024-01-02 00:00:00+00, but version 1 is valid then' \
    "insert into dim_instrument_observations values (1, '2024-01-02Z', true, 1)"
finds 'observation 4' 'it was there at 2024-01-04 00:00:00+00, but no version is valid then' \
    "insert into dim_instrument_observations values (4, '2024-01-04Z', false, 1)"
finds 'observation 5' 'it was there at 2024-01-04 00:00:00+00, but version 1 is inferred' \
    "insert into dim_instrument_observations values (5, '2024-01-04Z', false, 1)"
broken_by "insert into dim_instrument_observations values (1, '2023-12-31Z', true, 1)"
tapemill dimension check >/dev/null 2>&1 || fail "an absence before a member was known is a difference"
finds 'orphan 2' 'trade b at 2024-01-03 08:59:59.999999+00 has key 23 (version 2), not 21 (version 1)' \
    "update fact_trades set instrument_key = 23 where trade_reference = 'b'"
finds 'orphan 2' 'trade c at 2024-01-03 09:00:00+00 has key 24 (version 9), not 23 (version 2)' \
    "update fact_trades set instrument_key = 24 where trade_reference = 'c'"
finds 'orphan 4' 'trade e at 2024-01-04 15:00:00+00 has key 41 (version 1), but no version is valid then' \
    "update fact_trades set instrument_key = 41, is_deleted = true where trade_reference = 'e'"
finds 'performance 1' 'performance has key 11 (version 1), not 12 (version 2)' "
    update dim_account set valid_to = '2024-01-04 23:00Z', is_current = false, expiration_date = '2024-01-04';
    insert into dim_account (account_key, account_id, tenant_id, client_id, account_number, account_type, version, valid_from,
                             effective_date)
    values (12, 1, '$acme', '$acme', '0012345678901', 'AGENCY', 2, '2024-01-04 23:00Z', '2024-01-04');
    insert into dim_account_observations values (1, '2024-01-04 23:00Z', false, 1)"
finds 'taken 1' 'trade a has the tenant 00000000-0000-0000-0000-000000000009 and the client' \
    "update fact_trades set tenant_id = '00000000-0000-0000-0000-000000000009' where trade_reference = 'a'"
finds 'taken 1' 'and the client none, its account' "update fact_trades set client_key = 0 where trade_reference = 'a'"
finds 'taken 2' 'trade c has the currency EUR, its instrument (version 2) USD' \
    "update fact_trades set currency = 'EUR' where trade_reference = 'c'"
broken_by "create table fact_trades_others partition of fact_trades_m202401 default;
           update fact_trades set source = 'CLIENT', currency = 'EUR', tenant_id = '00000000-0000-0000-0000-000000000009' where trade_reference = 'a';
           update fact_trades set is_deleted = true, currency = 'EUR' where trade_reference = 'c'"
tapemill dimension check >/dev/null 2>&1 || fail "what a client's trade brings itself, or a cancelled one has, is a difference"

# Performance uses the version that is valid at the end of the date: a change at that instant is the next date's.
broken_by "
    update dim_account set valid_to = '2024-01-05 00:00Z', is_current = false, expiration_date = '2024-01-05' where account_key = 11;
    insert into dim_account (account_key, account_id, tenant_id, client_id, account_number, account_type, version, valid_from,
                             effective_date)
    values (12, 1, '$acme', '$acme', '0012345678901', 'AGENCY', 2, '2024-01-05Z', '2024-01-05');
    insert into dim_account_observations values (1, '2024-01-05Z', false, 1)"
tapemill dimension check >/dev/null 2>&1 || fail "a change at the end of a date is a difference"

# Which dates and dimensions; remedies; limits.
broken_by "update fact_trades set instrument_key = 41 where trade_reference in ('b', 'd', 'e')"
refused 1 'the dimensions have 3 differences; see above' check
assert_contains "$OUTPUT" 'tapemill enqueue rekey_facts --date 2024-01-03' "the remedy of an orphan"
refused 1 'the dimensions have 2 differences; see above' check --from 2024-01-04
refused 1 'the dimensions have 3 differences, not all of them listed; see above' check --limit 1
tapemill dimension check account client >/dev/null 2>&1 || fail "other dimensions have differences too"
tapemill dimension check --to 2024-01-02 >/dev/null 2>&1 || fail "dates before have differences too"
sql warehouse "insert into etl_jobs (job_name, job_type, queue, state, max_attempts, business_date)
               values ('rekey_facts', 'DIMENSION_SYNC', 'batch', 'queued', 5, '2024-01-03'),
                      ('rekey_facts', 'DIMENSION_SYNC', 'batch', 'dead', 5, '2024-01-04'),
                      ('rekey_facts', 'DIMENSION_SYNC', 'batch', 'done', 5, '2024-01-04');
               insert into etl_jobs (job_name, job_type, queue, state, max_attempts, business_date, error_code)
               values ('rekey_facts', 'DIMENSION_SYNC', 'batch', 'dead', 5, '2024-01-04', 'argument')"
job=$(sql warehouse "select id from etl_jobs where job_name = 'rekey_facts' and state = 'queued'")
refused 1 "none: job $job (queued) is still to move them" check
assert_contains "$OUTPUT" "tapemill dead retry $((job + 1)), the job that moves them" "the remedy when the job is dead"
assert_contains "$OUTPUT" "from this one on: 1 under way, 1 dead" "jobs that are still to move facts"

broken_by "update fact_trades set strategy_key = 0 where trade_reference in ('a', 'b');
           update fact_trades set client_key = 0 where trade_reference = 'c'"
assert_equal "strategy 2 client 1" "$(tapemill dimension check --json 2>/dev/null |
    json "' '.join('%s %d' % (n['dimension'], n['facts']) for n in data['notes'] if n['rule'] == 'unknown')")" "facts on Unknown"
TAPEMILL_WAREHOUSE_URL=$whole
echo "$checked kinds of damage are found, $remedied have SQL as a remedy"

# ---- what doctor says ----------------------------------------------------------------------------------------

# doctor_says CHECK STATUS TEXT
doctor_says() {
    local line
    line=$({ tapemill doctor --json 2>/dev/null || true; } | json "next('%s|%s|%s' % (c['status'], c['finding'], c['remedy'])
        for c in data if c['check'] == '$1')")
    assert_contains "$line" "$2|" "doctor on $1"
    assert_contains "$line" "$3" "doctor on $1"
}
doctor_says 'inferred members' warn 'for more than a day: 1 (instrument 5); gaps between a delete and a return that facts lie in: 1 (instrument 6)'
doctor_says 'deletes refused' ok 'none'
doctor_says 're-keying' ok 'no job of it is dead'
broken_by "update dim_instrument set known_from = now() where is_inferred;
    insert into etl_data_quality_issues (source_table, rule_name, severity, error_message)
    values ('clients', 'deletes_refused', 'ERROR', '30 of 40 are gone'),
           ('liquidity_providers', 'deletes_refused', 'ERROR', '30 of 40 are gone');
    insert into etl_jobs (job_name, job_type, queue, state, max_attempts, business_date, error_code)
    values ('rekey_facts', 'DIMENSION_SYNC', 'batch', 'dead', 5, '2024-01-04', 'database'),
           ('rekey_facts', 'DIMENSION_SYNC', 'batch', 'dead', 5, '2024-01-03', 'argument')"
doctor_says 'inferred members' ok 'none for more than a day|'
doctor_says 'deletes refused' fail 'too many members were gone at once: clients, liquidity_providers|tapemill quality'
for dimension in client liquidity_provider; do
    doctor_says 'deletes refused' fail "tapemill enqueue sync_dimensions --arg deletes=all --arg dimension=$dimension"
done
doctor_says 're-keying' warn 'the job is dead: 1|tapemill dead retry --job rekey_facts'
sql warehouse "update dim_instrument set known_from = '2024-01-06Z' where instrument_key = 62"
doctor_says 'inferred members' ok 'none for more than a day; gaps between a delete and a return that facts lie in: 1 (instrument 6)|None'
TAPEMILL_WAREHOUSE_URL=$whole

# ---- columns -------------------------------------------------------------------------------------------------

assert_equal "$(sql warehouse "select count(*) from information_schema.columns
    where table_name in ('dim_instrument', 'dim_account', 'dim_strategy', 'dim_client', 'dim_liquidity_provider')
      and column_name !~ '_key\$' and column_name not in ('version', 'valid_from', 'valid_to', 'is_current', 'is_inferred',
          'ends_deleted', 'known_from', 'effective_date', 'expiration_date') and is_generated = 'NEVER'")" \
    "$(env -u TAPEMILL_WAREHOUSE_URL "$TAPEMILL_BIN/tapemill" dimension columns --json | json 'len(data)')" "columns of all dimensions"
assert_contains "$(tapemill dimension columns instrument | tr -s ' ')" \
    'contract_multiplier contract_multiplier numeric type 1 finite; up to 20 digits before and 8 after the point; greater than 0; if null: 1' \
    "a column and its rules"
assert_contains "$(tapemill dimension columns client --csv)" 'client,segment,segment,text,type 2,' "a column as CSV"

# ---- with the job: what the documents show --------------------------------------------------------------------

databases_create shown
tapemill migrate >/dev/null
sql source <"$TAPEMILL_ROOT/sql/source/schema.sql"
# run_sync DIMENSION [INSTANT]
run_sync() {
    "$TAPEMILL_TEST_BIN/dimension_run" job sync_dimensions "{\"dimension\": \"$1\"${2:+, \"as_of\": \"$2\"}}" >/dev/null
}
# Each line of standard input stands in PAGE, after "$ COMMAND".
is_shown() {
    local page=$1 command=$2 line shown
    shown=$(awk -v command="\$ $command" '$0 == command { inside = 1; next } /^```/ { inside = 0 } inside' "$TAPEMILL_ROOT/$page" |
        sed 's/ *$//')
    line=$($TAPEMILL_BIN/$command | sed 's/ *$//')
    assert_equal "$line" "$shown" "what $page shows of $command"
}

test_case="a client's segment change makes version 2, closes version 1, current is the new one"
sql source "insert into clients (client_id, client_code, name, segment, updated_at)
            values ('$acme', 'ACME', 'Acme', 'SILVER', '2024-01-02 09:00Z')"
run_sync client 2024-01-02T21:00:00Z
sql source "update clients set segment = 'GOLD', updated_at = '2024-01-03 12:00Z'"
run_sync client 2024-01-03T21:00:00Z
assert_equal "1 past -infinity 2024-01-03T12:00:00+00:00 SILVER
2 current 2024-01-03T12:00:00+00:00 infinity GOLD" "$(tapemill dimension history client ACME --json |
    json "'\\n'.join(' '.join([str(v['version']), v['state'], v['valid_from'], v['valid_to'], v['attributes']['segment']])
         for v in data['versions'])")" "$test_case"
assert_equal "GOLD" "$(tapemill dimension list client --json | json "','.join(c['segment'] for c in data)")" "$test_case"
assert_equal "SILVER" "$(tapemill dimension list client --as-of 2024-01-03T11:59:59Z --json |
    json "','.join(c['segment'] for c in data)")" "the client as of before"
is_shown docs/dimensions.md "tapemill dimension history client ACME"

# The same three states in the order in which they were, and with the second one last.
export TAPEMILL_TIMEZONE=America/New_York
state_1="'FB', 'Technology', '2018-01-02 09:00-05'" state_2="'FB', 'Communication Services', '2018-09-24 00:00-04'"
state_3="'META', 'Communication Services', '2022-06-09 09:30-04'"
# show_instrument STATE INSTANT: the source has it like that, and is read as of then
show_instrument() {
    sql source "truncate instruments; insert into instruments (instrument_id, exchange, currency, symbol, sector, updated_at)
                values (7, 'XNAS', 'USD', $1)"
    run_sync instrument "$2"
}
lives() {
    tapemill dimension history instrument META --json | json "[(v['version'], v['valid_from'], v['valid_to'], v['state'],
        v['what'], v['attributes']) for v in data['versions']]"
}
show_instrument "$state_1" 2018-01-02T22:00:00Z
show_instrument "$state_2" 2018-09-24T21:00:00Z
show_instrument "$state_3" 2022-06-09T21:00:00Z
is_shown README.md "tapemill dimension history instrument META"
in_order=$(lives)
sql warehouse "truncate dim_instrument_observations, dim_comparisons; delete from dim_instrument where instrument_key > 0"
show_instrument "$state_1" 2018-01-02T22:00:00Z
show_instrument "$state_3" 2022-06-09T21:00:00Z
show_instrument "$state_2" 2018-09-24T21:00:00Z
assert_equal "$in_order" "$(lives)" "a member's life after a late state"
sql source "truncate instruments; insert into instruments (instrument_id, symbol, updated_at) values (8, 'AAPL', '2018-01-02 09:00-05')"
run_sync instrument 2023-01-02T21:00:00Z
assert_equal deleted "$(tapemill dimension history instrument META --json | json "data['versions'][-1]['state']")" \
    "a member that is gone"
show_instrument "$state_3" 2024-01-02T21:00:00Z
assert_contains "$(tapemill dimension history instrument META | tail -n 1)" "back after a delete" "a member that is back"
tapemill dimension check >/dev/null 2>&1 || fail "what the job makes is not clean: $(tapemill dimension check 2>&1)"

# The remedy of the others: a sync that takes the source for an old state, of now, makes all versions anew.
while IFS= read -r damage; do
    sql warehouse "$damage"
    refused 1 'tapemill enqueue sync_dimensions --arg dimension=instrument --arg as_of=now makes all versions anew' check instrument
    run_sync instrument now
    tapemill dimension check instrument >/dev/null 2>&1 || fail "a sync is no remedy of $damage: $(tapemill dimension check 2>&1)"
done <<'DAMAGE'
update dim_instrument set version = 7 where instrument_id = 7 and version = 2
update dim_instrument set full_name = 'other' where instrument_id = 7 and version = 2
update dim_instrument set ends_deleted = false where instrument_id = 7
update dim_instrument set ends_deleted = true where instrument_id = 7 and version = 1
insert into dim_instrument_observations values (7, '2019-10-24', true, 1)
DAMAGE
