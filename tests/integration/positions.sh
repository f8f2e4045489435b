#!/usr/bin/env bash
# Positions at the end of a date and the marks they are valued at, and the source's positions against the books: by hand where a
# person can follow the numbers, and at random against exact fractions (positions_model.py), in whatever order dates come.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up
export TAPEMILL_TIMEZONE=America/New_York TAPEMILL_HISTORY_START=2024-01-01 TAPEMILL_MARK_MAX_AGE_DAYS=3 TAPEMILL_DATES_FROM=2023-12-01 \
    TAPEMILL_DATES_YEARS_AHEAD=1
model=$TAPEMILL_ROOT/tests/integration/positions_model.py
command -v python3 >/dev/null || fail "python3 is not installed. Run ops/setup."

run_job() {
    "$TAPEMILL_TEST_BIN/run_job" "$@"
}

# outcome ARGUMENTS...: the last line that run_job prints, without the job's name and date
outcome() {
    run_job "$@" | tail -n 1 | sed -E 's/^[a-z_]+ [0-9-]* ?//'
}

tapemill migrate >/dev/null
run_job dates 2024-01-31 >/dev/null
sql warehouse <<'END'
insert into dim_instrument (instrument_id, symbol, currency, contract_multiplier)
values (1, 'SHARE', 'USD', null), (2, 'FUTURE', 'USD', 50), (3, 'EURO', 'EUR', 2.5), (4, 'POUND', 'GBP', 1), (5, 'BY HAND', 'USD', 1),
       (6, 'QUIET', 'USD', 1);
insert into dim_instrument (instrument_id, symbol, currency, contract_multiplier, version, valid_from, valid_to, is_current)
values (7, 'MOVED', 'EUR', 1, 1, '-infinity', '2024-01-13 00:00-05', false),
       (7, 'MOVED', 'USD', 1, 2, '2024-01-13 00:00-05', 'infinity', true);
insert into dim_account (account_id, account_name, broker, version, valid_from, valid_to, is_current)
values (1, 'one', 'x', 1, '-infinity', 'infinity', true), (2, 'two', 'x', 1, '-infinity', '2024-01-04 12:00-05', false),
       (2, 'two', 'y', 2, '2024-01-04 12:00-05', 'infinity', true);
insert into dim_strategy (strategy_id, strategy_name) values (1, 'first'), (2, 'second');
insert into fx_rates (rate_date, currency, rate_to_base) values ('2024-01-01', 'EUR', 1.1), ('2024-01-05', 'EUR', 1.2), ('2024-01-13', 'EUR', 1.3);
create table trades_of_the_test partition of fact_trades for values from (20240101) to (20240201);
create table quotes_of_the_test partition of fact_quotes for values from (20240101) to (20240201);

create function trade(date date, flow text, reference text, at time, way text, amount numeric, unit_price numeric, instrument integer,
                      account integer, strategy integer, money text) returns void language sql as $$
    insert into fact_trades (date_key, time_key, instrument_key, account_key, strategy_key, client_key, lp_key, tenant_id, source,
        trade_reference, execution_id, execution_timestamp, side, quantity, price, notional_value, net_amount, currency, rate_to_base,
        source_updated_at, etl_run_id)
    select to_char(date, 'YYYYMMDD')::integer, 0, i.instrument_key, coalesce(a.account_key, 0), coalesce(s.strategy_key, 0), 0, 0,
           case account when 2 then '00000000-0000-0000-0000-00000000000b'::uuid else '00000000-0000-0000-0000-00000000000a' end, flow,
           reference, case flow when 'DESK' then reference::bigint end, x.instant, way, amount, unit_price, amount * unit_price,
           amount * unit_price, coalesce(money, i.currency), 1, now(), 1
    from (select (date + at) at time zone 'America/New_York' as instant) x
    join dim_instrument i on i.instrument_id = instrument and i.valid_from <= x.instant and x.instant < i.valid_to
    left join dim_account a on a.account_id = account and a.valid_from <= x.instant and x.instant < a.valid_to
    left join dim_strategy s on s.strategy_id = strategy;
    insert into etl_conditions (key, met) values ('pnl:' || to_char(date, 'YYYYMMDD'), false) on conflict (key) do update set met = false;
    insert into etl_dirty_buckets (target, date_key, reason) values ('positions', to_char(date, 'YYYYMMDD')::integer, 'test')
$$;
create function desk(date date, reference integer, at time, way text, amount numeric, unit_price numeric, instrument integer,
                     account integer default 1, strategy integer default 1) returns void language sql as $$
    select trade(date, 'DESK', reference::text, at, way, amount, unit_price, instrument, account, strategy, null)
$$;
create function client(date date, reference text, at time, unit_price numeric, instrument integer) returns void language sql as $$
    select trade(date, 'CLIENT', reference, at, 'BUY', 1, unit_price, instrument, null, null, null)
$$;
create function quote(date date, reference text, at time, bid numeric, ask numeric, instrument integer, stale boolean)
    returns void language sql as $$
    insert into fact_quotes (date_key, time_key, instrument_key, lp_key, tenant_id, quote_reference, quote_timestamp, bid_price, ask_price,
        mid_price, spread, spread_bps, is_stale, spread_changed, sample_weight, source_updated_at, etl_run_id)
    select to_char(date, 'YYYYMMDD')::integer, 0, i.instrument_key, 0, '00000000-0000-0000-0000-00000000000a', reference,
           (date + at) at time zone 'America/New_York', bid, ask, (bid + ask) / 2, ask - bid, 0, stale, true, 1, now(), 1
    from dim_instrument i where i.instrument_id = instrument and i.is_current
$$;
END

# ---- at random, in any order

dates=(2024-01-0{1..9} 2024-01-10)
keys=("${dates[@]//-/}")
python3 "$model" generate 5 "${dates[@]}" | sql warehouse >/dev/null
# What must not count: a tombstone, a deleted quote.
sql warehouse "select desk('2024-01-09', 9000, '16:00', 'BUY', 5, 5000, 1);
               update fact_trades set is_deleted = true where trade_reference = '9000';
               select quote('2024-01-08', 'gone', '16:45', 7000, 7000, 4, false);
               update fact_quotes set is_deleted = true where quote_reference = 'gone'" >/dev/null

outcome daily_positions 2024-01-02 >"$TEST_DIR/waits"
assert_contains "$(cat "$TEST_DIR/waits")" 'waiting pnl:20240102: waits for the books of 2024-01-02 to be closed' "books that are open"
sql warehouse "update etl_jobs set state = 'cancelled' where state = 'waiting'"
for date in "${dates[@]}"; do
    run_job realized_pnl "$date" >/dev/null
done

export_all() {
    local copy
    while IFS='|' read -r name copy; do
        sql warehouse "copy ($copy) to stdout (format csv, header)" >"$TEST_DIR/$name.csv"
    done <<'END'
trades|select f.date_key, f.source, f.tenant_id, a.account_id, i.instrument_id, f.trade_reference, (extract(epoch from f.execution_timestamp) * 1000000)::bigint as at_us, f.price, f.currency, f.realized_pnl from fact_trades f join dim_account a using (account_key) join dim_instrument i using (instrument_key) where not is_deleted
quotes|select q.date_key, q.quote_reference, i.instrument_id, i.currency, (extract(epoch from q.quote_timestamp) * 1000000)::bigint as at_us, q.bid_price, q.ask_price, q.is_stale from fact_quotes q join dim_instrument i using (instrument_key) where not is_deleted
books|select * from etl_open_positions where source = 'DESK'
multipliers|select instrument_id, coalesce(max(contract_multiplier), 1) as multiplier from dim_instrument where instrument_id is not null group by 1
marks|select m.*, to_char(mark_at at time zone 'America/New_York', 'YYYYMMDD') as mark_date from etl_marks m where date_key < 20240111
positions|select * from fact_positions_daily where date_key < 20240111
END
    for key in "${keys[@]}"; do
        echo "$key,USD,1"
        [ "$key" -ge 20240105 ] && echo "$key,EUR,1.2" || echo "$key,EUR,1.1"
    done | sed '1i date_key,currency,rate' >"$TEST_DIR/rates.csv"
}
check_model() {
    export_all
    python3 "$model" check "$TEST_DIR" 3 "${keys[@]}" || fail "the model does not agree: $1"
}
fingerprint() {
    tapemill fingerprint --from 2024-01-01 --to 2024-01-31 | grep fact_positions_daily
    sql warehouse "select md5(string_agg(m::text, '' order by date_key, instrument_id, currency)) from etl_marks m"
}
position_jobs() {
    run_job --queued | sed -nE 's/^daily_positions ([0-9-]+) done.*/\1/p' | tr '\n' ' '
}

for date in 2024-01-07 2024-01-03 2024-01-10 2024-01-01 2024-01-04 2024-01-09 2024-01-02 2024-01-08 2024-01-06 2024-01-05; do
    run_job daily_positions $date >/dev/null
done
[ -n "$(position_jobs)" ] || fail "no date was computed again, though earlier ones came later"
check_model "dates in no order"
[ "$(sql warehouse 'select count(distinct side) from fact_positions_daily')" = 3 ] || fail "too few kinds of position: the check says little"
[ "$(sql warehouse "select count(distinct mark_source) from etl_marks")" = 2 ] || fail "no mark of a quote: the check says little"
in_no_order=$(fingerprint)
# verify_positions LAST: another route finds nothing to say; prints rows, dirty and held of the positions.
verify_positions() {
    tapemill verify positions --from 2024-01-01 --to "$1" >"$TEST_DIR/verify" 2>&1 || fail "$(cat "$TEST_DIR/verify")"
    awk '$1 == "fact_positions_daily" { gsub(",", ""); print $2, $5, $6 }' "$TEST_DIR/verify"
}
assert_equal "$(sql warehouse "select count(*) from fact_positions_daily") 0 0" "$(verify_positions 2024-01-10)" "positions that were verified"
assert_equal 0 "$(sql warehouse "select count(*) from etl_dirty_buckets where target = 'positions'")" "dirty dates that are left"

sql warehouse "truncate fact_positions_daily, etl_marks; delete from etl_conditions where key like 'positions:%'"
for date in "${dates[@]}"; do
    run_job daily_positions "$date" >/dev/null
done
assert_equal '' "$(position_jobs)" "dates in order have none computed again"
assert_equal "$in_no_order" "$(fingerprint)" "in order, and in no order"

row_versions() {
    sql warehouse "select 'position', date_key, position_key::text, xmin::text from fact_positions_daily
                   union all select 'mark', date_key, instrument_id || currency, xmin::text from etl_marks
                   union all select 'condition', 0, key, xmin::text from etl_conditions
                   union all select 'finding', 0, id::text, xmin::text from etl_data_quality_issues order by 1, 2, 3"
}
seen=$(row_versions)
for date in "${dates[@]}"; do
    outcome daily_positions "$date" >>"$TEST_DIR/again.log"
done
assert_equal "$seen" "$(row_versions)" "rows after a second run"
assert_equal 10 "$(grep -c 'inserted=0 updated=0 .* removed=0 .*"marks_changed": 0, "findings": 0, "resolved": 0, "next": false' "$TEST_DIR/again.log")" "second runs"

# A late trade: its date's books, and marks of the dates after it.
sql warehouse "select desk('2024-01-05', 5000, '15:59', 'BUY', 7, 33.5, 3, 2)" >/dev/null
run_job realized_pnl 2024-01-05 >/dev/null
run_job daily_positions 2024-01-05 >/dev/null
run_job --queued >/dev/null
for date in "${dates[@]:5}"; do
    run_job daily_positions "$date" >/dev/null
done
run_job --queued >/dev/null
check_model "after a late trade"

# ---- by hand

close_books() {
    local date
    for date; do
        run_job realized_pnl "$date" >/dev/null
    done
    run_job --queued >/dev/null
    for date; do
        run_job daily_positions "$date" >>"$TEST_DIR/by_hand.log"
    done
}
# position DATE_KEY INSTRUMENT [ACCOUNT]
position() {
    sql warehouse "select currency, side, trim_scale(quantity), trim_scale(total_cost), trim_scale(avg_entry_price), trim_scale(current_price),
                          mark_source, trim_scale(market_value), trim_scale(unrealized_pnl), trim_scale(realized_pnl), trim_scale(total_pnl)
                   from fact_positions_daily where date_key = $1 and instrument_id = $2 and account_id = ${3:-1}"
}
findings() {
    sql warehouse "select rule_name || ' ' || record_id || ' ' || business_date || case when resolved_at is null then '' else ' resolved' end
                   from etl_data_quality_issues where source_table = 'fact_positions_daily' and rule_name = '$1' and record_id like '$2'
                   order by business_date, created_at"
}
sql warehouse >/dev/null <<'END'
-- two strategies of one account: 10 bought at 10, 4 sold at 12; both closed on the 13th at 15
select desk('2024-01-11', 1101, '10:00', 'BUY', 10, 10, 5), desk('2024-01-11', 1102, '11:00', 'SELL', 4, 12, 5, 1, 2),
       desk('2024-01-13', 1301, '10:00', 'SELL', 10, 15, 5), desk('2024-01-13', 1302, '10:00', 'BUY', 4, 15, 5, 1, 2);
-- on the 12th there are only quotes: the last that is not stale, whose middle has nine decimals
select quote('2024-01-12', 'a', '10:00', 1, 2, 5, false), quote('2024-01-12', 'b', '11:00', 11, 13.00000001, 5, false),
       quote('2024-01-12', 'c', '12:00', 90, 91, 5, true);
-- one that nobody trades again
select desk('2024-01-11', 1103, '10:00', 'BUY', 1, 7, 6);
-- pounds have no rate
select desk('2024-01-11', 1104, '10:00', 'BUY', 1, 5, 4);
-- bought in euros; in dollars from the 13th on, when some of it is sold on the 14th, the rest on the 15th
select desk('2024-01-12', 1201, '10:00', 'BUY', 5, 10, 7), desk('2024-01-14', 1401, '10:00', 'SELL', 2, 11, 7),
       desk('2024-01-15', 1501, '10:00', 'SELL', 3, 11, 7), desk('2024-01-16', 1601, '10:00', 'BUY', 1, 11, 7);
-- strategies that hold against each other: nothing in all, and 3 gained
select desk('2024-01-16', 1602, '10:00', 'BUY', 3, 10, 5), desk('2024-01-16', 1603, '11:00', 'SELL', 3, 11, 5, 1, 2);
END
close_books 2024-01-1{1..6}
assert_equal 'USD|LONG|6|52|8.6666666666666667|12|TRADE|72|20|0|20' "$(position 20240111 5)" "two strategies are one position"
assert_equal 'USD|LONG|6|52|8.6666666666666667|12.00000001|QUOTE|72.00000006|20.00000006|0|20.00000006' "$(position 20240112 5)" "the mark of a quote"
assert_equal 'USD|FLAT|0|0||15|TRADE|0|0|38|38' "$(position 20240113 5)" "closed on the date, with what it realised"
assert_equal '' "$(position 20240114 5)$(position 20240110 5)" "before it was opened, and after it was closed"
assert_equal 'USD|FLAT|0|-3||11|TRADE|0|3|0|3' "$(position 20240116 5)" "strategies against each other"
assert_equal 'USD|LONG|1|7|7|7|TRADE|7|0|0|0' "$(position 20240114 6)" "a mark of three days ago"
assert_equal 'USD|LONG|1|7|7|||||0|0' "$(position 20240115 6)" "a mark that is too old"
assert_equal 'mark_missing 6/USD 2024-01-15
mark_missing 6/USD 2024-01-16' "$(findings mark_missing 6/%)" "no mark"
assert_equal "EUR|LONG|5|50|10|10|TRADE|50|0|0|0" "$(position 20240113 7)" "a position keeps its currency when the instrument's changes"
assert_equal '||USD|LONG|1|11|11|11|TRADE|11|0|0|0' "$(position 20240114 7)|$(position 20240115 7)|$(position 20240116 7)" "currencies that cannot be told"
tenant_a=00000000-0000-0000-0000-00000000000a
assert_equal "position_currency $tenant_a/1/7 2024-01-14
position_currency $tenant_a/1/7 2024-01-15" "$(findings position_currency %)" "the findings"
assert_contains "$(grep '^daily_positions 2024-01-14' "$TEST_DIR/by_hand.log")" 'skipped=1 ' "what has no row is counted"
assert_equal '|1.300000000000' "$(sql warehouse "select (select rate_to_base from fact_positions_daily where instrument_id = 4 and date_key = 20240111 and account_id = 1),
    (select rate_to_base from fact_positions_daily where instrument_id = 7 and date_key = 20240113)")" "rates of the date"
assert_contains "$(findings fx_rate_missing GBP)" 'fx_rate_missing GBP 2024-01-11' "a rate that is missing"
assert_equal y "$(sql warehouse "select distinct broker from fact_positions_daily join dim_account using (account_key)
                                 where dim_account.account_id = 2 and date_key > 20240103")" "the account's version at the end of the date"

# The quote that was missing comes: the date, and the next one, which carries it.
sql warehouse "select quote('2024-01-15', 'late', '12:00', 8, 10, 6, false)" >/dev/null
assert_contains "$(outcome daily_positions 2024-01-15)" '"marks_changed": 1, "findings": 0, "resolved": 1, "next": true' "a mark that came"
assert_equal '2024-01-16 ' "$(position_jobs)" "dates that are computed again"
assert_equal 'USD|LONG|1|7|7|9|QUOTE|9|2|0|2' "$(position 20240116 6)" "the mark is carried"
assert_equal 'mark_missing 6/USD 2024-01-15 resolved
mark_missing 6/USD 2024-01-16 resolved' "$(findings mark_missing 6/%)" "what is gone is resolved"
sql warehouse "delete from fact_quotes where quote_reference = 'late'"
run_job daily_positions 2024-01-15 >/dev/null
assert_equal '2024-01-16 ' "$(position_jobs)" "dates that are computed again once the quote is gone"
assert_equal '4' "$(findings mark_missing 6/% | wc -l)" "found anew"

# Closed books without a realised P&L are an error, not a zero.
sql warehouse "update fact_trades set realized_pnl = null, is_closing = null where trade_reference = '1601'"
assert_contains "$(outcome daily_positions 2024-01-16 || true)" 'failed gate: the books of 2024-01-16 are closed, but 1 of its trades have no realised P&L' "unbooked trades"
sql warehouse "update etl_jobs set state = 'cancelled' where state in ('retry', 'dead'); update fact_trades set realized_pnl = 0, is_closing = false where trade_reference = '1601'"

# ---- two runs of one date, and the next date while the first is in flight

# What the 15th writes is in no snapshot yet when the 16th begins: that waits, and carries it.
declare -A session
open_session() {
    local pipe=$TEST_DIR/$1.pipe descriptor
    mkfifo "$pipe"
    start_process "$1" -- bash -c 'exec psql -XAtq -v ON_ERROR_STOP=1 "$TAPEMILL_WAREHOUSE_URL" <"$1"' - "$pipe"
    exec {descriptor}>"$pipe"
    session[$1]=$descriptor
}
open_session holder
sql warehouse "select quote('2024-01-15', 'again', '12:00', 18, 20, 6, false)" >/dev/null
echo "begin; lock table fact_positions_daily in share row exclusive mode;" >&"${session[holder]}"
wait_until_sql 60 "the holder holds" warehouse "select count(*) from pg_stat_activity where state = 'idle in transaction'" 1
start_process first -- "$TAPEMILL_TEST_BIN/run_job" daily_positions 2024-01-15
first=$STARTED_PID
wait_until_sql 60 "the 15th waits" warehouse "select count(*) from pg_stat_activity where wait_event_type = 'Lock'" 1
start_process again -- "$TAPEMILL_TEST_BIN/run_job" daily_positions 2024-01-15
again=$STARTED_PID
start_process next -- "$TAPEMILL_TEST_BIN/run_job" daily_positions 2024-01-16
next=$STARTED_PID
wait_until_sql 60 "all wait" warehouse "select count(*) from pg_stat_activity where wait_event_type = 'Lock'" 3
echo "commit;" >&"${session[holder]}"
for pid in $first $again $next; do
    wait "$pid" || fail "a run failed: $(cat "$TEST_DIR"/first*.log "$TEST_DIR"/again*.log "$TEST_DIR"/next*.log)"
done
assert_equal 'USD|LONG|1|7|7|19|QUOTE|19|12|0|12' "$(position 20240116 6)" "the mark of a run that was in flight"

run_job --queued >/dev/null
assert_equal "$(sql warehouse "select count(*) from fact_positions_daily") 0 2" "$(verify_positions 2024-01-16)" "positions by hand that were verified"

# ---- the source's positions against the books

breaks() {
    outcome position_breaks "$1"
}
open_breaks() {
    sql warehouse "select record_id || ' ' || business_date || ' ' || (record_data -> 'source' ->> 'quantity') || ' ' || (record_data -> 'books' ->> 'quantity')
                   from etl_data_quality_issues where rule_name = 'position_break' and resolved_at is null order by record_id"
}
assert_equal 'done extracted=0 inserted=0 updated=0 unchanged=0 skipped=0 removed=0 {"date": "2024-01-16", "synced": false, "breaks": 0, "filed": 0, "resolved": 0, "skipped": {"not_comparable": 0}}' \
    "$(breaks 2024-01-16)" "positions that were never read"
sql warehouse "
    create sequence lots;
    create function lot(account integer, instrument integer, amount numeric, opened timestamptz default '2024-01-10', changed timestamptz default '2024-01-11',
                        closed timestamptz default null) returns void language sql as
    'insert into latest_positions (position_id, account_id, instrument_id, quantity, opened_at, closed_at, source_updated_at, etl_run_id)
     values (nextval(''lots''), account, instrument, amount, opened, closed, changed, 1)';
    -- what the books hold, in two lots each; and client positions, which have no books of the desk
    select lot(account_id, instrument_id, quantity - 1), lot(account_id, instrument_id, 1)
    from (select account_id, instrument_id, sum(quantity) as quantity from etl_open_positions where date_key = 20240116 group by 1, 2) b;
    select lot(null, 1, 500)" >/dev/null
assert_contains "$(breaks 2024-01-16)" '"synced": true, "breaks": 0, "filed": 0, "resolved": 0, "skipped": {"not_comparable": 0}' "lots that add up to the books"
sql warehouse "
    update latest_positions set quantity = quantity * 2 where account_id = 1 and instrument_id = 6; -- as after a split
    select lot(1, 7, 40, '2024-01-17 10:00-05', '2024-01-17 10:00-05'); -- opened later: not in the date
    select lot(1, 7, 40, '2024-01-10', '2024-01-11', '2024-01-11'); -- closed long ago
    select lot(2, 5, -3); -- unknown to the books: a short
    delete from latest_positions where account_id = 1 and instrument_id = 4" >/dev/null
assert_contains "$(breaks 2024-01-16)" '"breaks": 3, "filed": 3, "resolved": 0, "skipped": {"not_comparable": 0}' "breaks"
assert_equal '1/4 2024-01-16 0 1
1/6 2024-01-16 2 1
2/5 2024-01-16 -3 0' "$(open_breaks)" "both sides"
assert_equal '[position_break] account 1, instrument 6: the source holds 2 (2 lots), the books hold 1 (1 books), a difference of 1: look for missing or wrong trades, and for a split or another corporate action, which is no trade|WARNING' \
    "$(sql warehouse "select error_message, severity from etl_data_quality_issues where record_id = '1/6' and rule_name = 'position_break'")" "what is said"
seen=$(row_versions)
assert_contains "$(breaks 2024-01-16)" '"breaks": 3, "filed": 0, "resolved": 0,' "the same again"
assert_equal "$seen" "$(row_versions)" "rows after a second comparison"

# A pair that changed since cannot be compared: its finding stays. One that is right is resolved by the next date.
sql warehouse "update latest_positions set source_updated_at = '2024-01-18 12:00-05', quantity = 0 where account_id = 2 and instrument_id = 5;
               update latest_positions set quantity = quantity / 2 where account_id = 1 and instrument_id = 6" >/dev/null
run_job realized_pnl 2024-01-17 >/dev/null
assert_contains "$(breaks 2024-01-17)" '"breaks": 2, "filed": 1, "resolved": 1, "skipped": {"not_comparable": 1}' "the next date"
assert_equal '1/4 2024-01-16 0 1
1/7 2024-01-17 41 1
2/5 2024-01-16 -3 0' "$(open_breaks)" "what is open then"
assert_contains "$(breaks 2024-01-16)" '"filed": 0, "resolved": 0,' "an older date says nothing of what a later one found"

# What was read for the last time before the date ended says nothing of its end.
sql warehouse "insert into etl_cdc_watermarks (source_table, last_processed_timestamp) values ('positions', '2024-01-17 12:00-05')"
assert_contains "$(breaks 2024-01-17)" '"synced": false' "positions that were read too early"
sql warehouse "update etl_cdc_watermarks set last_processed_timestamp = '2024-01-18 12:00-05'"
assert_contains "$(breaks 2024-01-17)" '"synced": true' "positions that were read since"
tapemill enqueue position_breaks >/dev/null
sql warehouse "update etl_jobs set interval_start = '2024-01-17 07:15Z', interval_end = '2024-01-18 07:15Z' where state = 'queued'"
assert_contains "$(outcome --queued)" '"date": "2024-01-17"' "without a date"
