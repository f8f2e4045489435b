#!/usr/bin/env bash
# Realised P&L and daily performance, day after day, on facts made here: by hand where a person can follow the numbers,
# and at random; all compared with exact fractions computed in one pass (pnl_model.py).
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
source "$(dirname "${BASH_SOURCE[0]}")/../support/pnl_export.sh"
servers_up
export TAPEMILL_TIMEZONE=America/New_York TAPEMILL_HISTORY_START=2024-01-01
model=$TAPEMILL_ROOT/tests/integration/pnl_model.py
command -v python3 >/dev/null || fail "python3 is not installed. Run ops/setup."
tenant_a=00000000-0000-0000-0000-00000000000a
tenant_b=00000000-0000-0000-0000-00000000000b
client=c0000000-0000-0000-0000-000000000001

# Of the steps of pnl_forward those that this test is about.
run_job() {
    "$TAPEMILL_TEST_BIN/run_job" "$@" | { grep -vE '^(performance_risk|daily_positions) ' || true; }
}

# run_is EXPECTED ARGUMENTS...: the last line that run_job prints for these arguments
run_is() {
    local expected=$1 line
    shift
    line=$(run_job "$@" | tail -n 1) || true
    assert_equal "$expected" "$line" "run_job $*"
}

# ---- a warehouse with dates, members and partitions, and a way to put facts into it

tapemill migrate >/dev/null
sql warehouse <<'END'
insert into dim_date (date_key, date, year, quarter, month, month_name, day_of_month, day_of_week, day_name, week_of_year,
                      iso_year, is_weekend, is_trading_day, is_holiday, fiscal_year, fiscal_quarter, fiscal_month)
select to_char(d, 'YYYYMMDD')::integer, d, 2024, 1, 1, 'January', extract(day from d), extract(isodow from d), 'a day',
       extract(week from d), 2024, false, true, false, 2024, 1, 1
from generate_series(timestamp '2024-01-01', timestamp '2024-01-12', interval '1 day') d;
insert into dim_time (time_key, time, hour, minute, second, time_of_day, market_session)
select s, time '00:00' + s * interval '1 second', s / 3600, s / 60 % 60, s % 60, 'a time', 'a session'
from generate_series(0, 86399) s;

insert into dim_instrument (instrument_id, symbol, currency, contract_multiplier)
values (1, 'SHARE', 'USD', null), (2, 'FUTURE', 'USD', 50), (3, 'EURO', 'EUR', 2.5), (4, 'POUND', 'GBP', 1),
       (6, 'BROKEN', 'USD', 0);
-- Members that change in the middle of 2024-01-02.
insert into dim_instrument (instrument_id, symbol, currency, contract_multiplier, version, valid_from, valid_to, is_current)
values (5, 'SPLIT', 'USD', 10, 1, '-infinity', '2024-01-02 12:00-05', false),
       (5, 'SPLIT', 'USD', 20, 2, '2024-01-02 12:00-05', 'infinity', true);
insert into dim_account (account_id, account_name, broker, version, valid_from, valid_to, is_current)
values (1, 'one', 'x', 1, '-infinity', 'infinity', true), (2, 'two', 'x', 1, '-infinity', '2024-01-02 12:00-05', false),
       (2, 'two', 'y', 2, '2024-01-02 12:00-05', '2024-01-03 00:00-05', false),
       (2, 'two', 'z', 3, '2024-01-03 00:00-05', 'infinity', true);
insert into dim_strategy (strategy_id, strategy_name) values (1, 'first'), (2, 'second');
insert into dim_client (client_id, client_code) values ('c0000000-0000-0000-0000-000000000001', 'one'),
                                                       ('c0000000-0000-0000-0000-000000000002', 'two');
create table fact_trades_of_the_test partition of fact_trades for values from (20240101) to (20240201);

create table given (date date, source text, tenant_id uuid, trade_reference text, account_id integer,
    strategy_id integer, client_id uuid, instrument_id integer, at time, side text, quantity numeric, price numeric,
    commission numeric, fees numeric, currency text, rate_to_base numeric, is_deleted boolean);

-- What a load does: facts, each with the members of its instant, and the conditions of their dates unmet.
create function load_given() returns void language sql as $$
    insert into fact_trades (date_key, time_key, instrument_key, account_key, strategy_key, client_key, lp_key, tenant_id,
        source, trade_reference, execution_id, execution_timestamp, side, quantity, price, notional_value, commission,
        fees, net_amount, currency, rate_to_base, is_deleted, source_updated_at, etl_run_id)
    select to_char(g.date, 'YYYYMMDD')::integer, extract(epoch from g.at)::integer, i.instrument_key,
           coalesce(a.account_key, 0), coalesce(s.strategy_key, 0), coalesce(c.client_key, 0), 0, g.tenant_id, g.source,
           g.trade_reference, case g.source when 'DESK' then g.trade_reference::bigint end, x.instant, g.side,
           g.quantity, g.price, g.quantity * g.price, g.commission, g.fees,
           g.quantity * g.price + case g.side when 'BUY' then 1 else -1 end * (g.commission + g.fees),
           g.currency, g.rate_to_base, g.is_deleted, now(), 1
    from given g
    cross join lateral (select (g.date + g.at) at time zone 'America/New_York' as instant) x
    join dim_instrument i on i.instrument_id = g.instrument_id and i.valid_from <= x.instant and x.instant < i.valid_to
    left join dim_account a on a.account_id = g.account_id and a.valid_from <= x.instant and x.instant < a.valid_to
    left join dim_strategy s on s.strategy_id = g.strategy_id
    left join dim_client c on c.client_id = g.client_id;
    insert into etl_conditions (key, met) select distinct 'pnl:' || to_char(date, 'YYYYMMDD'), false from given
    on conflict (key) do update set met = false;
    truncate given
$$;
END

# Reads CSV rows of the table given.
load() {
    sql warehouse "copy given from stdin (format csv)"
    sql warehouse "select load_given()" >/dev/null
}

# desk DATE REFERENCE TIME SIDE QUANTITY PRICE [INSTRUMENT ACCOUNT CURRENCY RATE]: strategy 1, commission 1, fees 0.25
desk() {
    local account=${8:-1} tenant=$tenant_a
    [ "$account" = 1 ] || tenant=$tenant_b
    echo "$1,DESK,$tenant,$2,$account,1,,${7:-1},$3,$4,$5,$6,1,0.25,${9:-USD},${10-1},f"
}

# Compares everything with the model; the arguments are the dates closed, as keys.
check_model() {
    pnl_export "$TEST_DIR"
    sql warehouse "copy (
        select a.account_id, s.strategy_id, p.*
        from fact_performance_daily p join dim_account a using (account_key) join dim_strategy s using (strategy_key)
        ) to stdout (format csv, header)" >"$TEST_DIR/performance.csv"
    python3 "$model" average "$TEST_DIR" "$@" || fail "the model does not agree"
}

pnl_of() {
    sql warehouse "select realized_pnl, is_closing from fact_trades
                   where date_key = $1 and trade_reference = '$2' and source = 'DESK'"
}

# Every row version of what the two jobs write.
row_versions() {
    sql warehouse "
        select 'trade', date_key, ctid, xmin::text, realized_pnl from fact_trades
        union all select 'position', date_key, ctid, xmin::text, total_cost from etl_open_positions
        union all select 'performance', date_key, ctid, xmin::text, net_pnl from fact_performance_daily
        union all select 'condition', 0, ctid, xmin::text, null from etl_conditions
        union all select 'dirty', date_key, ctid, xmin::text, null from etl_dirty_buckets
        order by 1, 2, 3, 4, 5"
}

# ---- by hand: long, short, flips, multipliers, two days

{
    # bought 150 for 1800, sold 60 at 15 (180), the rest next day at 11 (-90)
    desk 2024-01-01 9 10:00 BUY 100 10
    desk 2024-01-01 10 10:00 BUY 50 16
    desk 2024-01-01 11 11:00 SELL 60 15
    desk 2024-01-02 21 10:00 SELL 90 11
    # a short of futures, flipped to long next day: (10 - 9) * 2 * 50, then long 1 at 9
    desk 2024-01-01 12 10:00 SELL 2 10 2
    desk 2024-01-02 22 10:00 BUY 3 9 2
    # a close that breaks even
    desk 2024-01-02 23 11:00 SELL 1 9 2
    # the multiplier of each fill's own instrument version: 5 * (12 * 20 - 10 * 10)
    desk 2024-01-01 13 10:00 BUY 5 10 5
    desk 2024-01-02 24 13:00 SELL 5 12 5
    # in euros: (3 - 1) * 2.5 * 1.1; the account's version changes at noon: one row, the version at the day's end
    desk 2024-01-02 25 10:00 BUY 1 1 3 2 EUR 1.1
    desk 2024-01-02 26 15:00 SELL 1 3 3 2 EUR 1.1
    # clients: at one instant the reference decides, as bytes
    for trade in a9,SELL,5 a10,BUY,4 B1,BUY,3; do
        IFS=, read -r reference side price <<<"$trade"
        echo "2024-01-01,CLIENT,$tenant_a,$reference,,,$client,1,10:00,$side,1,$price,0,0,USD,1,f"
    done
    # a tombstone counts for nothing
    echo "2024-01-01,DESK,$tenant_a,14,1,1,,1,10:30,SELL,1000,1000,1,1,USD,1,t"
} | load

run_is 'realized_pnl 2024-01-02 waiting pnl:20240101: waits for the books of 2024-01-01 to be closed, which realized_pnl of that date does' \
    realized_pnl 2024-01-02
run_is 'daily_performance 2024-01-01 waiting pnl:20240101: waits for the books of 2024-01-01 to be closed, which realized_pnl of that date does' \
    daily_performance 2024-01-01
run_is 'realized_pnl 2024-01-01 done extracted=8 inserted=0 updated=8 unchanged=0 skipped=0 removed=0 {"books": 4, "open_books": 4, "fills": 8, "closing_fills": 2}' \
    realized_pnl 2024-01-01
assert_equal 'realized_pnl 2024-01-02 done extracted=6 inserted=0 updated=6 unchanged=0 skipped=0 removed=0 {"books": 5, "open_books": 1, "fills": 6, "closing_fills": 5}
daily_performance 2024-01-01 done extracted=1 inserted=1 updated=0 unchanged=0 skipped=0 removed=0 ' \
    "$(run_job --queued)" "what waited for the first day"
run_is 'daily_performance 2024-01-02 done extracted=2 inserted=2 updated=0 unchanged=0 skipped=0 removed=0 ' \
    daily_performance 2024-01-02
# A date without trades carries the books over.
run_is 'realized_pnl 2024-01-03 done extracted=0 inserted=0 updated=0 unchanged=0 skipped=0 removed=0 {"books": 1, "open_books": 1, "fills": 0, "closing_fills": 0}' \
    realized_pnl 2024-01-03

assert_equal '0.00000000|f' "$(pnl_of 20240101 9)" "a fill that opens"
assert_equal '180.00000000|t' "$(pnl_of 20240101 11)" "a long position is reduced"
assert_equal '-90.00000000|t' "$(pnl_of 20240102 21)" "a position carried over is closed"
assert_equal '100.00000000|t' "$(pnl_of 20240102 22)" "a short is flipped"
assert_equal '0.00000000|t' "$(pnl_of 20240102 23)" "a close that breaks even"
assert_equal '700.00000000|t' "$(pnl_of 20240102 24)" "two multipliers"
assert_equal '|' "$(pnl_of 20240101 14)" "a tombstone"
assert_equal 'B1:0.00000000 a10:0.00000000 a9:1.50000000' "$(sql warehouse "
    select string_agg(trade_reference || ':' || realized_pnl, ' ' order by trade_reference)
    from fact_trades where source = 'CLIENT'")" "a client's trades at one instant"
assert_equal '20240101|1|5|1|1|0|217|173.75
20240102|1|4|4|2|1|99|705
20240102|2|2|1|1|0|2|2.75' "$(sql warehouse "
    select date_key, account_id, total_trades, closing_trades, winning_trades, losing_trades, trim_scale(total_volume),
           trim_scale(net_pnl)
    from fact_performance_daily join dim_account using (account_key) order by 1, 2")" "performance"
assert_equal '2' "$(sql warehouse "select version from fact_performance_daily join dim_account using (account_key)
    where account_id = 2 and date_key = 20240102")" "the account's version at the end of the day"
check_model 20240101 20240102 20240103

# A share that merely has no multiplier needs none; of one that has not arrived nobody knows.
assert_equal '' "$(sql warehouse 'select * from etl_data_quality_issues')" "findings"
sql warehouse 'update dim_instrument set is_inferred = true where instrument_id = 1'
run_job realized_pnl 2024-01-01 >/dev/null
sql warehouse 'update dim_instrument set is_inferred = false'
assert_contains "$(sql warehouse 'select record_id, rule_name, error_message from etl_data_quality_issues')" \
    '1|multiplier_assumed|[multiplier_assumed] instrument 1, with 6 trades on 2024-01-01, has not arrived' "the finding"

# ---- again: nothing is written, nothing is enqueued

run_job daily_performance 2024-01-03 >/dev/null # its closing books were news
before=$(row_versions)
for date in 2024-01-01 2024-01-02 2024-01-03; do
    run_job realized_pnl $date >/dev/null
    run_job daily_performance $date >>"$TEST_DIR/again.log"
done
assert_equal "$before" "$(row_versions)" "rows after a second run"
assert_equal 'daily_performance 2024-01-02 done extracted=2 inserted=0 updated=0 unchanged=2 skipped=0 removed=0 ' \
    "$(sed -n 2p "$TEST_DIR/again.log")" "a second run"
assert_equal '' "$(run_job --queued)" "jobs after a second run"

# ---- corrections of a closed date

# change DATE_KEY REFERENCE ASSIGNMENTS: what a load does to a fact that has changed
change() {
    sql warehouse "update fact_trades set $3, realized_pnl = null, is_closing = null
                   where date_key = $1 and trade_reference = '$2';
                   update etl_conditions set met = false where key = 'pnl:$1'"
}

# reprice DATE_KEY REFERENCE PRICE
reprice() {
    change "$1" "$2" "price = $3, notional_value = quantity * $3,
        net_amount = quantity * $3 + case side when 'BUY' then 1 else -1 end * (commission + fees)"
}

# What a sale brings in changes no cost: the next date's books stay as they are.
reprice 20240101 11 14
run_is 'realized_pnl 2024-01-02 waiting pnl:20240101: waits for the books of 2024-01-01 to be closed, which realized_pnl of that date does' \
    realized_pnl 2024-01-02
sql warehouse "update etl_jobs set state = 'cancelled' where state = 'waiting'"
run_is 'realized_pnl 2024-01-01 done extracted=8 inserted=0 updated=1 unchanged=7 skipped=0 removed=0 {"books": 4, "open_books": 4, "fills": 8, "closing_fills": 2}' \
    realized_pnl 2024-01-01
assert_equal '120.00000000|t' "$(pnl_of 20240101 11)" "a sale that was corrected"
assert_equal performance:20240101 "$(sql warehouse "select target, date_key from etl_dirty_buckets where target = 'performance'" | tr '|' :)" "dirty"
assert_equal '' "$(run_job --queued)" "jobs after a correction that changes no closing book"
run_is 'daily_performance 2024-01-01 done extracted=1 inserted=0 updated=1 unchanged=0 skipped=0 removed=0 ' \
    daily_performance 2024-01-01
check_model 20240101 20240102 20240103

# What a purchase cost does: the next date is closed again, the one after it is not, as its books are what they were.
reprice 20240101 10 13
run_is 'realized_pnl 2024-01-01 done extracted=8 inserted=0 updated=2 unchanged=6 skipped=0 removed=0 {"books": 4, "open_books": 4, "fills": 8, "closing_fills": 2, "reopened": "2024-01-02"}' \
    realized_pnl 2024-01-01
assert_equal 20240102 "$(sql warehouse "select date_key from etl_dirty_buckets where target = 'positions' and reason = 'opening books'")" \
    "the next date is dirty"
assert_equal 'f|t' "$(sql warehouse "select (select met from etl_conditions where key = 'pnl:20240102'),
                                            (select met from etl_conditions where key = 'pnl:20240103')")" "closed dates"
assert_equal '4' "$(sql warehouse "select count(*) from etl_jobs j join etl_job_runs r on r.job_id = j.parent_id
    where j.business_date = '2024-01-02' and j.state in ('queued', 'waiting') and r.business_date = '2024-01-01'")" \
    "the next date's jobs, enqueued by the date before"
run_is 'daily_performance 2024-01-02 waiting pnl:20240102: waits for the books of 2024-01-02 to be closed, which realized_pnl of that date does' \
    daily_performance 2024-01-02
sql warehouse "update etl_jobs set state = 'cancelled' where state = 'waiting' and wait_key is not null"
assert_equal 'realized_pnl 2024-01-02 done extracted=6 inserted=0 updated=1 unchanged=5 skipped=0 removed=0 {"books": 5, "open_books": 1, "fills": 6, "closing_fills": 5}
daily_performance 2024-01-02 done extracted=2 inserted=0 updated=1 unchanged=1 skipped=0 removed=0 ' \
    "$(run_job --queued)" "the next date again"
run_job daily_performance 2024-01-01 >/dev/null
assert_equal '0.00000000|t' "$(pnl_of 20240102 21)" "yesterday's purchase was corrected"
check_model 20240101 20240102 20240103

# A book that stays open takes the correction with it, date after date.
reprice 20240101 B1 3.5
run_job realized_pnl 2024-01-01 >/dev/null
assert_equal 'realized_pnl 2024-01-02 reopened
daily_performance 2024-01-02
realized_pnl 2024-01-03
daily_performance 2024-01-03' "$(run_job --queued | sed -E 's/ done .*"reopened".*/ reopened/; s/ done .*//')" "all later dates"
run_job daily_performance 2024-01-01 >/dev/null
check_model 20240101 20240102 20240103

# ---- a missing rate holds its account and strategy, and nothing else

change 20240102 25 'rate_to_base = null'
run_job realized_pnl 2024-01-02 >/dev/null
run_is 'daily_performance 2024-01-02 done extracted=2 inserted=0 updated=0 unchanged=1 skipped=1 removed=1 {"skipped": {"fx_rate_missing": 1}}' \
    daily_performance 2024-01-02
assert_equal '[fx_rate_missing] 1 of 2 trades of 2024-01-02 have no rate from EUR to USD, so that this account and strategy have no performance on that date: add the rate to the source'"'"'s fx_rates, then run `tapemill enqueue daily_load --date 2024-01-02`' \
    "$(sql warehouse "select error_message from etl_data_quality_issues where source_table = 'fact_trades'
                      and record_id = '2/1' and severity = 'WARNING' and rule_name = 'fx_rate_missing'")" "the finding"
assert_equal 'performance|20240102|2|1|fx_rate_missing' "$(sql warehouse "
    select target, date_key, account_id, strategy_id, reason from etl_dirty_buckets where target = 'performance'")" "the held bucket"
check_model 20240101 20240102 20240103
change 20240102 25 'rate_to_base = 1.2'
run_job realized_pnl 2024-01-02 >/dev/null
run_is 'daily_performance 2024-01-02 done extracted=2 inserted=1 updated=0 unchanged=1 skipped=0 removed=0 ' \
    daily_performance 2024-01-02
assert_equal '' "$(sql warehouse "select * from etl_dirty_buckets where target = 'performance'")" "dirty buckets once the rate is there"
check_model 20240101 20240102 20240103

# A group whose trades are gone leaves no row.
change 20240102 25 'is_deleted = true'
change 20240102 26 'is_deleted = true'
run_job realized_pnl 2024-01-02 >/dev/null
run_is 'daily_performance 2024-01-02 done extracted=1 inserted=0 updated=0 unchanged=1 skipped=0 removed=1 ' \
    daily_performance 2024-01-02
check_model 20240101 20240102 20240103

# ---- a load that commits while a date is being closed is never lost

# A psql session that stays: open_session NAME, in_session NAME SQL.
declare -A session
open_session() {
    local pipe=$TEST_DIR/$1.pipe descriptor
    mkfifo "$pipe"
    start_process "$1" -- bash -c 'exec psql -XAtq -v ON_ERROR_STOP=1 "$TAPEMILL_WAREHOUSE_URL" <"$1"' - "$pipe"
    exec {descriptor}>"$pipe"
    session[$1]=$descriptor
}
in_session() {
    echo "$2" >&"${session[$1]}"
}
sessions_wait() {
    wait_until_sql 60 "$1 sessions wait for a lock" warehouse \
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock'" "$1"
}
given() {
    echo "insert into given values ('$1', 'DESK', '$tenant_a', '$2', 1, 1, null, 1, '10:00', '$3', $4, $5, 1, 0, 'USD', 1, false);
          select load_given();"
}
open_session loader
open_session holder

# The load has not committed yet when two runs of the date begin: both see its trade, and one of them books it.
in_session loader "begin; $(given 2024-01-03 31 BUY 10 5)"
wait_until_sql 60 "the load has written" warehouse \
    "select count(*) from pg_stat_activity where state = 'idle in transaction'" 1
for run in 1 2; do
    start_process run_job -- "$TAPEMILL_TEST_BIN/run_job" realized_pnl 2024-01-03
    runs[run]=$STARTED_PID logs[run]=$STARTED_LOG
done
sessions_wait 2
in_session loader "commit;"
wait "${runs[1]}" && wait "${runs[2]}" || fail "the runs that waited for the load failed"
assert_equal 'extracted=1 updated=0 unchanged=1
extracted=1 updated=1 unchanged=0' \
    "$(sed -E 's/.*(extracted=1) .*(updated=.) (unchanged=.).*/\1 \2 \3/' "${logs[1]}" "${logs[2]}" | sort)" "two runs at once"

# The run has read its trades when the load comes: the date is open again as soon as both have committed.
change 20240103 31 'fees = fees'
in_session holder "begin; select from fact_trades where date_key = 20240103 and trade_reference = '31' for update;"
wait_until_sql 60 "the trade is locked" warehouse \
    "select count(*) from pg_stat_activity where state = 'idle in transaction'" 1
start_process run_job -- "$TAPEMILL_TEST_BIN/run_job" realized_pnl 2024-01-03
sessions_wait 1
in_session loader "$(given 2024-01-03 32 SELL 4 6)"
sessions_wait 2
in_session holder "commit;"
wait "$STARTED_PID" || fail "the run that the load came into failed"
wait_until_sql 60 "the load has opened the date again" warehouse \
    "select met from etl_conditions where key = 'pnl:20240103'" f
assert_equal '|' "$(pnl_of 20240103 32)" "a trade that came too late"
run_is 'realized_pnl 2024-01-03 done extracted=2 inserted=0 updated=1 unchanged=1 skipped=0 removed=0 {"books": 2, "open_books": 2, "fills": 2, "closing_fills": 1}' \
    realized_pnl 2024-01-03
run_job daily_performance 2024-01-03 >/dev/null
check_model 20240101 20240102 20240103

# ---- random days, then random corrections of the first of them

seed=${TAPEMILL_TEST_SEED:-$RANDOM}
echo "seed: TAPEMILL_TEST_SEED=$seed"
dates=(2024-01-04 2024-01-05 2024-01-06)
all_keys=(20240101 20240102 20240103 20240104 20240105 20240106)
python3 "$model" generate "$seed" "${dates[@]}" | load
for date in "${dates[@]}"; do
    run_job realized_pnl "$date" >/dev/null
    run_job daily_performance "$date" >/dev/null
done
check_model "${all_keys[@]}"
sql warehouse "
    update fact_trades set is_deleted = not is_deleted, realized_pnl = null, is_closing = null
    where date_key = 20240104 and trade_key % 17 = 3;
    update etl_conditions set met = false where key = 'pnl:20240104'"
run_job realized_pnl 2024-01-04 >/dev/null
assert_equal "$(printf 'realized_pnl %s\ndaily_performance %s\n' 2024-01-05 2024-01-05 2024-01-06 2024-01-06)" \
    "$(run_job --queued | cut -d ' ' -f 1,2)" "the dates after a correction"
run_job daily_performance 2024-01-04 >/dev/null
check_model "${all_keys[@]}"
before=$(row_versions)
run_job realized_pnl 2024-01-05 >/dev/null
run_job daily_performance 2024-01-05 >/dev/null
assert_equal "$before" "$(row_versions)" "rows after a second run of a random day"

# ---- what cannot be booked says why, and nothing is half-written

before=$(row_versions)
run_is 'realized_pnl 2023-12-31 failed argument: 2023-12-31 is before TAPEMILL_HISTORY_START (2024-01-01): its books are empty and its trades have no realised P&L; choose a later date or set an earlier start' \
    realized_pnl 2023-12-31
TAPEMILL_HISTORY_START='' run_is 'realized_pnl 2024-01-02 failed config: TAPEMILL_HISTORY_START is not set; set it to the first business date of the history (YYYY-MM-DD), before which all books are empty' \
    realized_pnl 2024-01-02
TAPEMILL_HISTORY_START=soon run_is 'realized_pnl 2024-01-02 failed config: TAPEMILL_HISTORY_START is "soon", but must be a date such as 2024-01-31' \
    realized_pnl 2024-01-02
assert_equal "$before" "$(row_versions)" "rows after refusals"
{
    desk 2024-01-07 71 10:00 BUY 1 1
    desk 2024-01-07 72 11:00 BUY 1 1 6
} | load
before=$(row_versions)
run_is 'realized_pnl 2024-01-07 failed argument: DESK trade 72 of 2024-01-07: a fill has the multiplier 0.00000000: it must be above zero, correct it at the source' \
    realized_pnl 2024-01-07
sql warehouse "update dim_instrument set contract_multiplier = 99999999999999999999 where instrument_id = 6"
desk 2024-01-07 73 12:00 SELL 1 99999999999999999999 6 | load
run_is "realized_pnl 2024-01-07 failed range: DESK trade 73 of 2024-01-07: its realised P&L would have more than 30 digits before the point" \
    realized_pnl 2024-01-07
assert_equal '|' "$(pnl_of 20240107 71)" "the other trades of a date that failed"
sql warehouse "delete from fact_trades where date_key = 20240107 and trade_reference in ('72', '73')"
assert_contains "$(run_job realized_pnl 2024-01-07)" 'done extracted=1 inserted=0 updated=1 ' "a date that was mended"
# Books that are closed without their trades being booked are never summed up.
sql warehouse "update fact_trades set realized_pnl = null, is_closing = null where date_key = 20240107"
run_is 'daily_performance 2024-01-07 failed gate: the books of 2024-01-07 are closed, but 1 of its trades have no realised P&L; run `tapemill enqueue realized_pnl --date 2024-01-07`' \
    daily_performance 2024-01-07

# ---- a contract multiplier that is corrected at the source reaches the books of the past

run_job realized_pnl 2024-01-07 >/dev/null
run_job --queued >/dev/null
sql warehouse "insert into dim_instrument (instrument_id, symbol, currency, contract_multiplier)
               values (7, 'CARRIED', 'USD', 10), (8, 'WITHIN A DAY', 'USD', 10), (9, 'RIGHT', 'USD', 10)"
{
    # carried over a date without trades
    desk 2024-01-08 81 10:00 BUY 2 5 7
    desk 2024-01-10 101 10:00 SELL 2 8 7
    # flat at every close: no date's books say that another date is wrong
    desk 2024-01-08 82 11:00 BUY 1 5 8
    desk 2024-01-08 83 12:00 SELL 1 6 8
    desk 2024-01-10 102 11:00 SELL 3 7 8
    desk 2024-01-10 103 12:00 BUY 3 6 8
    desk 2024-01-11 111 12:00 BUY 3 6 9
} | load
all_keys+=(20240107 20240108 20240109 20240110 20240111)
for date in 2024-01-07 2024-01-08 2024-01-09 2024-01-10 2024-01-11; do
    run_job realized_pnl $date >/dev/null
    run_job daily_performance $date >/dev/null
done
run_job --queued >/dev/null
check_model "${all_keys[@]}"
assert_equal '60.00000000|t' "$(pnl_of 20240110 101)" "with a multiplier of 10"

sql source <"$TAPEMILL_ROOT/sql/source/schema.sql"
sql source "insert into instruments (instrument_id, symbol, currency, contract_multiplier, updated_at) values
    (7, 'CARRIED', 'USD', 20, '2024-01-12Z'), (8, 'WITHIN A DAY', 'USD', 30, '2024-01-12Z'),
    (9, 'RIGHT', 'USD', 10, '2024-01-12Z')"
# The members made here by hand were seen once: what the source does not have ends at the sync, and not before.
sql warehouse "insert into dim_instrument_observations (instrument_id, observed_at, run_no)
               select instrument_id, greatest(valid_from, '2000-01-01Z'), 0 from dim_instrument
               where instrument_id not in (7, 8, 9) and valid_from < valid_to"
closed() {
    sql warehouse "select string_agg(key, ' ' order by key) from etl_conditions where met and right(key, 8) >= '20240108'"
}
forward() {
    sql warehouse "select string_agg(distinct business_date::text, ' ' order by business_date::text)
                   from etl_jobs where state in ('queued', 'waiting')"
}
# The load of 2024-01-08 booked its desk flow: that is no longer true either.
sql warehouse "insert into etl_conditions (key, met) values ('booked:DESK:20240108', true), ('booked:DESK:20240111', true)
               on conflict (key) do update set met = true"

# A run of the date that has read the old multiplier is waited for.
change 20240110 103 'fees = fees'
sql warehouse "update fact_trades set realized_pnl = 1, is_closing = true where date_key = 20240110 and trade_reference = '101';
               update etl_conditions set met = false where key = 'pnl:20240110'"
in_session loader "begin; select from fact_trades where date_key = 20240110 and trade_reference = '103' for update;"
wait_until_sql 60 "the trade is locked" warehouse \
    "select count(*) from pg_stat_activity where state = 'idle in transaction'" 1
start_process run_job -- "$TAPEMILL_TEST_BIN/run_job" realized_pnl 2024-01-10
sessions_wait 1
start_process sync -- "$TAPEMILL_TEST_BIN/run_job" sync_dimensions 2024-01-12
sessions_wait 2
in_session loader "commit;"
wait "$STARTED_PID" || fail "sync_dimensions: $(cat "$STARTED_LOG")"
assert_equal 'booked:DESK:20240111 pnl:20240109 pnl:20240111' "$(closed)" "dates that are closed after the correction"
assert_equal '2024-01-08 2024-01-10' "$(forward)" "dates that are to be computed again"
assert_equal '7|[multiplier_changed] contract_multiplier of instrument 7 (CARRIED) changed from 10 to 20; realised P&L of its trades on 2 dates, from 2024-01-08 on, is computed again
8|[multiplier_changed] contract_multiplier of instrument 8 (WITHIN A DAY) changed from 10 to 30; realised P&L of its trades on 2 dates, from 2024-01-08 on, is computed again' \
    "$(sql warehouse "select record_id, error_message from etl_data_quality_issues
                      where rule_name = 'multiplier_changed' and severity = 'WARNING' order by 1")" "what it says"
run_job --queued >/dev/null
assert_equal '120.00000000|t 30.00000000|t 90.00000000|t' \
    "$(pnl_of 20240110 101) $(pnl_of 20240108 83) $(pnl_of 20240110 103)" "with multipliers of 20 and 30"
check_model "${all_keys[@]}"
assert_equal '' "$(forward)" "jobs that are left"
run_job sync_dimensions 2024-01-12 >/dev/null
assert_equal '' "$(forward)" "the same instruments again"
assert_equal 2 "$(sql warehouse "select count(*) from etl_data_quality_issues where rule_name = 'multiplier_changed'")" \
    "findings after the same again"
