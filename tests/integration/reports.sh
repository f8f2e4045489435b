#!/usr/bin/env bash
# The eight reports that look back: on random rows against an independent model in fractions (reports_model.py), every figure
# in its order; each defect of the documents' queries; what a user reads; what is refused.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up
export TAPEMILL_TIMEZONE=America/New_York TAPEMILL_HISTORY_START=2023-11-20 TAPEMILL_DATES_FROM=2022-01-01 \
    TAPEMILL_DATES_YEARS_AHEAD=1
model=$TAPEMILL_ROOT/tests/integration/reports_model.py
command -v python3 >/dev/null || fail "python3 is not installed. Run ops/setup."
lookbacks=(top-strategies monthly-pnl instruments intraday strategies var drawdown concentration)

# ---- nothing there yet

tapemill migrate >/dev/null
for report in "${lookbacks[@]}"; do
    told=$(tapemill report "$report")
    [[ $told =~ ^"the warehouse has no "(performance|trades|positions)" yet; \`tapemill backfill daily_load --from DATE --to DATE\` loads dates"$ ]] ||
        fail "report $report of an empty warehouse: $told"
    assert_equal '[]' "$(tapemill report "$report" --json)" "report $report as JSON, empty"
    assert_equal 1 "$(tapemill report "$report" --csv | wc -l)" "lines of report $report as CSV, empty"
done
# Not even a calendar: only what counts trading days needs it.
assert_fails 1 tapemill report var --as-of 2024-03-29
assert_contains "$OUTPUT" 'dim_date has no trading day up to 2024-03-29; run `tapemill enqueue dates`, or give --days' "var without a calendar"
assert_contains "$(tapemill report drawdown --as-of 2024-03-29)" 'no performance between these dates' "drawdown of a date without rows"

# ---- a warehouse with a calendar, and a way to put rows into it

tapemill enqueue dates >/dev/null
"$TAPEMILL_TEST_BIN/run_job" --queued >/dev/null
sql warehouse <<'SQL'
create table fact_trades_of_the_test partition of fact_trades for values from (20230101) to (20250101);
create table fact_performance_of_the_test partition of fact_performance_daily for values from (20230101) to (20250101);
create table fact_positions_of_the_test partition of fact_positions_daily for values from (20230101) to (20250101);

create table members (kind text, id integer, version integer, valid_from timestamptz, valid_to timestamptz, name text, type text);
create table performance (date date, tenant_id uuid, account_id integer, strategy_id integer, total_trades bigint,
    winning_trades bigint, gross_profit numeric, gross_loss numeric, commissions numeric, fees numeric);
create table held (date date, account_id integer, strategy_id integer);
create table trades (date date, source text, tenant_id uuid, trade_reference text, instrument_id integer, second integer,
    quantity numeric, price numeric, commission numeric, fees numeric, currency text, rate numeric, realized_pnl numeric,
    is_closing boolean, is_deleted boolean);
create table positions (date date, tenant_id uuid, account_id integer, instrument_id integer, currency text, rate numeric,
    quantity numeric, price numeric, market_value numeric);

-- The rows of these tables become members and facts, each fact with the version that is valid at noon of its date.
create function load_given() returns void language sql as $$
    insert into dim_account (account_id, account_number, account_name, version, valid_from, valid_to, is_current)
    select id, name, name, version, valid_from, valid_to, valid_to = 'infinity' from members where kind = 'account';
    insert into dim_strategy (strategy_id, strategy_name, strategy_type, version, valid_from, valid_to, is_current)
    select id, name, type, version, valid_from, valid_to, valid_to = 'infinity' from members where kind = 'strategy';
    insert into dim_instrument (instrument_id, symbol, exchange, instrument_type, version, valid_from, valid_to, is_current)
    select id, name, type, type, version, valid_from, valid_to, valid_to = 'infinity' from members where kind = 'instrument';
    insert into fact_performance_daily (date_key, tenant_id, account_key, strategy_key, total_trades, closing_trades,
        winning_trades, losing_trades, total_volume, total_notional, gross_profit, gross_loss, net_pnl, commissions, fees,
        etl_run_id)
    select to_char(p.date, 'YYYYMMDD')::integer, p.tenant_id, coalesce(a.account_key, 0), coalesce(s.strategy_key, 0),
           total_trades, winning_trades, winning_trades, 0, 1, 1, gross_profit, gross_loss,
           gross_profit - gross_loss - commissions - fees, commissions, fees, 1
    from performance p
    cross join lateral (select (p.date + time '12:00') at time zone 'America/New_York' as noon) x
    left join dim_account a on a.account_id = p.account_id and a.valid_from <= noon and noon < a.valid_to
    left join dim_strategy s on s.strategy_id = p.strategy_id and s.valid_from <= noon and noon < s.valid_to;
    insert into etl_dirty_buckets (target, date_key, account_id, strategy_id, reason, run_no)
    select 'performance', to_char(date, 'YYYYMMDD')::integer, account_id, strategy_id, 'fx_rate_missing', 1 from held
    union all -- of what else is derived
    select 'summary', to_char(date, 'YYYYMMDD')::integer, account_id, strategy_id, 'fx_rate_missing', 1 from performance;
    insert into fact_trades (date_key, time_key, instrument_key, account_key, strategy_key, client_key, lp_key, tenant_id,
        source, trade_reference, execution_timestamp, side, quantity, price, notional_value, commission, fees, net_amount,
        currency, rate_to_base, realized_pnl, is_closing, is_deleted, source_updated_at, etl_run_id)
    select to_char(t.date, 'YYYYMMDD')::integer, second, coalesce(i.instrument_key, 0), 0, 0, 0, 0, tenant_id, source,
           trade_reference, noon, 'BUY', quantity, price, quantity * price, commission, fees,
           quantity * price + commission + fees, t.currency, rate, realized_pnl, is_closing, is_deleted, now(), 1
    from trades t
    cross join lateral (select (t.date + time '12:00') at time zone 'America/New_York' as noon) x
    left join dim_instrument i on i.instrument_id = t.instrument_id and i.valid_from <= noon and noon < i.valid_to;
    insert into fact_positions_daily (date_key, tenant_id, account_key, instrument_key, account_id, instrument_id, currency,
        rate_to_base, side, quantity, total_cost, avg_entry_price, current_price, market_value, realized_pnl,
        total_pnl, etl_run_id)
    select to_char(p.date, 'YYYYMMDD')::integer, p.tenant_id, coalesce(a.account_key, 0), i.instrument_key, p.account_id,
           p.instrument_id, p.currency, rate, case sign(quantity) when 1 then 'LONG' when -1 then 'SHORT' else 'FLAT' end,
           quantity, quantity, case when quantity <> 0 then 1 end, price, market_value, 0, 0, 1
    from positions p
    cross join lateral (select (p.date + time '12:00') at time zone 'America/New_York' as noon) x
    left join dim_account a on a.account_id = p.account_id and a.valid_from <= noon and noon < a.valid_to
    join dim_instrument i on i.instrument_id = p.instrument_id and i.valid_from <= noon and noon < i.valid_to;
$$;
create function forget_given() returns void language sql as $$
    truncate members, performance, held, trades, positions, fact_trades, fact_performance_daily, fact_positions_daily,
             etl_dirty_buckets;
    delete from dim_account where account_key <> 0;
    delete from dim_strategy where strategy_key <> 0;
    delete from dim_instrument where instrument_key <> 0;
$$;
SQL

# ---- every figure of every report, on random rows

# compare REPORT OPTIONS...: what it prints against the model
compare() {
    local report=$1 rows
    tapemill report "$@" --json >"$given/out.json" 2>"$given/out.err"
    tapemill report "$@" --csv >"$given/out.csv" 2>/dev/null
    rows=$(python3 "$model" check "$given" "$@" 2>&1) || fail "report $*, seed $seed: $rows"
    compared=$((compared + rows))
    # What is not known is said.
    if grep -q ': null' "$given/out.json" && grep -qE '"(held_days|unrated_trades|unbooked_trades)": [1-9]|"missing": "' "$given/out.json"; then
        grep -qE '^tapemill: (some|figures|an account)' "$given/out.err" || fail "report $* says nothing about what is not known"
    else
        assert_equal '' "$(cat "$given/out.err")" "what report $* says beside its figures"
    fi
}

compared=0
for seed in 1 ${TAPEMILL_TEST_LONG:+2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20}; do
    given=$TEST_DIR/given-$seed
    mkdir "$given"
    python3 "$model" generate "$seed" "$given"
    for table in members performance held trades positions; do
        sql warehouse "\\copy $table from '$given/$table.csv' csv header"
    done
    sql warehouse "select load_given()"
    sql warehouse "\\copy (select date, is_trading_day from dim_date) to '$given/dates.csv' csv header"
    sql warehouse "\\copy (select hour, time_of_day from dim_time order by time_key) to '$given/times.csv' csv header"
    for report in "${lookbacks[@]}"; do
        compare "$report"
        compare "$report" --as-of 2024-03-30
        [ "$report" != concentration ] || continue
        compare "$report" --as-of 2024-02-29 --days 25
        compare "$report" --trading-days 40
        compare "$report" --from 2024-01-10 --to 2024-02-20
        compare "$report" --as-of 2024-01-15 --days 1
    done
    compare concentration --as-of 2024-03-01
    compare strategies --trading-days 252
    compare strategies --limit 2
    compare top-strategies --limit 1
    compare instruments --days 90 --flow client --min-trades 3
    compare instruments --days 60 --limit 2
    compare intraday --days 90 --flow CLIENT
    sql warehouse "select forget_given()"
done
[ "$compared" -gt 300 ] || fail "only $compared rows were compared"
echo "$compared rows of reports are what the model says"

# ---- what the documents' queries get wrong, by the numbers of their defects

# perf DATE ACCOUNT STRATEGY NET [TRADES WINNERS]: a row of performance; an id may be null
perf() {
    sql warehouse "insert into performance values ('$1', '00000000-0000-0000-0000-00000000000a', $2, $3, ${5:-1}, ${6:-0},
                   greatest($4, 0), greatest(-($4), 0), 0, 0)"
}

# trade DATE SECOND INSTRUMENT QUANTITY PRICE CURRENCY RATE PNL: a live trade of the desk
trades=0
trade() {
    trades=$((trades + 1))
    sql warehouse "insert into trades values ('$1', 'DESK', '00000000-0000-0000-0000-00000000000a', '$trades', $3, $2, $4, $5,
                   0, 0, '$6', $7, $8, ($8)::numeric <> 0, false)"
}

# position DATE ACCOUNT INSTRUMENT QUANTITY PRICE
position() {
    sql warehouse "insert into positions values ('$1', '00000000-0000-0000-0000-00000000000a', $2, $3, 'USD', 1, $4, $5,
                   ($4)::numeric * $5)"
}

members() {
    sql warehouse "insert into members select kind, id, 1, '-infinity', 'infinity', kind || ' ' || id, 'a type'
                   from unnest('{account,strategy,instrument}'::text[]) kind cross join generate_series(1, 9) id"
}

# shown COLUMNS REPORT OPTIONS...: these columns of its rows, "a|b c|d"; numbers without trailing zeros
shown() {
    local columns=$1
    shift
    tapemill report "$@" --csv 2>/dev/null | python3 -c '
import csv, sys
from decimal import Decimal, InvalidOperation
def short(text):
    try:
        return format(Decimal(text).normalize(), "f") if text else ""
    except InvalidOperation:
        return text
print(" ".join("|".join(short(row[name]) for name in sys.argv[1].split()) for row in csv.DictReader(sys.stdin)))' "$columns"
}

# told EXPECTED DEFECT COLUMNS REPORT OPTIONS...
told() {
    local expected=$1 defect=$2
    shift 2
    assert_equal "$expected" "$(shown "$@")" "defect $defect, report $2"
}

# begin: nothing but members
begin() {
    sql warehouse "select forget_given()"
    members
}

begin
perf 2019-01-02 1 1 5
sql warehouse "create table old partition of fact_performance_daily for values from (20190101) to (20190201);
               insert into dim_date select 20190102, '2019-01-02', 2019, 1, 1, 'January', 2, 3, 'Wednesday', 1, 2019, false, true,
                                           false, null, 2019, 1, 1;
               select load_given()"
told '2018-12-04|2019-01-02|5' 41 'from_date to_date total_pnl' top-strategies # years ago, and yet what the report is about
told '2019-01-01|2019-01-02|5' 41 'from_date to_date monthly_pnl' monthly-pnl
sql warehouse "drop table old; delete from dim_date where date_key = 20190102"

begin
for day in 2023-12-31 2024-01-01 2024-01-30; do perf "$day" 1 1 1; done
sql warehouse "select load_given()"
told '2024-01-01|2' 42 'from_date total_pnl' top-strategies # 30 days are 30 dates
told '2024-01-01|2024-01-30|2' 42 'from_date to_date total_pnl' strategies --as-of 2024-01-30 --days 30
# 21 trading days: 30 January, and 20 before it, the first being 29 December (1 and 15 January are holidays)
told '2023-12-29|3' 42 'from_date days' var --trading-days 21
told '2023-01-30|3' 42 'from_date days' var # 252 trading days: a year

begin
perf 2024-01-02 1 1 1 1000 100
perf 2024-01-03 1 1 1 10 10
perf 2024-01-02 1 2 1 3 1
sql warehouse "select load_given()"
told '1|0.1089108910891089 2|0.3333333333333333' 43 'strategy_id win_rate' top-strategies
told '1|0.1095755182625864' 43 'account_id win_rate' monthly-pnl

begin
for number in 1 2 3 4 5 6 7 8 9 10; do
    trade 2024-01-02 100 1 1 10 USD 1 null
    trade 2024-01-02 100 2 1 10 USD 1 -1
    trade 2024-01-02 100 null 1 10 USD 1 2
    trade 2024-01-02 100 3 1 10 JPY null 7
    [ "$number" = 10 ] || trade 2024-01-02 100 4 1 10 USD 1 9
done
sql warehouse "select load_given()"
told '|20|20 2|-10|-10 1|| 3||' 44 'instrument_id total_pnl return_pct' instruments # what is not known is last; Unknown is a row
told '|20|20 2|-10|-10' 44 'instrument_id total_pnl return_pct' instruments --limit 2
told '4|81 |20 2|-10 1| 3|' 44 'instrument_id total_pnl' instruments --min-trades 9

begin
for day in 02 03 04 05 08 09 10 11 12 16 17 18 19 22 23 24 25 26 29; do
    perf "2024-01-$day" 1 1 "1${day#0}"
    perf "2024-01-$day" 1 2 5
done
perf 2024-01-02 1 3 -4
sql warehouse "select load_given()"
# 19 days are too few for a Sharpe ratio, all the same is no deviation: nobody has a rank.
told '1||1| 2||2| 3||3|' 45 'strategy_id sharpe_ratio pnl_rank sharpe_rank' strategies
sql warehouse "truncate performance" # loaded; a 20th day is added
perf 2024-01-30 1 1 -3
sql warehouse "truncate members; select load_given()"
assert_equal '1|1 2| 3|' "$(shown 'strategy_id sharpe_rank' strategies)" "defect 45, ranks of Sharpe ratios"
# A Saturday's P&L is in the sums, not in the series of trading days.
sql warehouse "truncate performance, members, fact_performance_daily"
for day in 02 03 04 05 06 08 09 10 11 12 16 17 18 19 22 23 24 25 26 29; do perf "2024-01-$day" 1 1 "1${day#0}"; done
sql warehouse "select load_given()"
told '1659|' 45 'total_pnl sharpe_ratio' strategies --days 60

begin
for line in '02 1 100' '03 1 -100' '04 1 -200' '05 1 50' '05 2 -150' '08 1 0' '09 1 70'; do
    read -r day strategy net <<<"$line"
    perf "2024-01-$day" 1 "$strategy" "$net"
done
sql warehouse "select load_given()"
# 46: losses that double are a loss of twice what was lost; a swing to profit is a gain; 47: the strategies of a day are one
# amount: 100 -100 -200 -100 0 70; ratios -1 -2 -0.5 0, none to 0. A loss is above 0.
told '175|195' 46 'pnl_var_95 pnl_var_99' var
told '1.85|1.97|4' 46 'ratio_var_95 ratio_var_99 ratio_days' var
told '6|-38.3333333333333333|-0.875' 47 'days pnl_mean ratio_mean' var
told '114.9637624065368986|0.8539125638299665' 47 'pnl_volatility ratio_volatility' var
# 48, 49, 50: from 0 to 100, then -300, and 70 up again; the percentage is of the peak, the date the earliest.
told '400|400|2024-01-05|100|2024-01-02|-230' 49 'max_drawdown max_drawdown_pct max_drawdown_date peak_pnl peak_date total_pnl' drawdown
told '70|0|||' 49 'total_pnl max_drawdown max_drawdown_date peak_pnl peak_date' drawdown --as-of 2024-01-09 --days 1
told '400||2024-01-05|0|' 49 'max_drawdown max_drawdown_pct max_drawdown_date peak_pnl peak_date' drawdown --from 2024-01-03

begin
for line in '02 100' '03 -50' '04 50' '05 -50' '08 20'; do perf "2024-01-${line% *}" 1 1 "${line#* }"; done
sql warehouse "select load_given()"
told '50|50|2024-01-03|2024-01-02' 50 'max_drawdown max_drawdown_pct max_drawdown_date peak_date' drawdown # the earliest of ties

begin
sql warehouse "delete from members where kind = 'account' and id = 1;
               insert into members values ('account', 1, 1, '-infinity', '2024-01-03 00:00-05', 'before', 'x'),
                                          ('account', 1, 2, '2024-01-03 00:00-05', 'infinity', 'after', 'x')"
perf 2024-01-02 1 1 -50
perf 2024-01-03 1 1 -600
sql warehouse "select load_given()"
told 'after|650||2024-01-03' 49 'account max_drawdown max_drawdown_pct max_drawdown_date' drawdown # one row, the first loss counts
told 'after|-650' 39 'account monthly_pnl' monthly-pnl
told 'before|-50' 39 'account monthly_pnl' monthly-pnl --as-of 2024-01-02

begin
position 2024-01-05 1 1 100 10
position 2024-01-05 1 2 -99 10
position 2024-01-05 2 1 10 10
position 2024-01-05 2 2 -10 10
position 2024-01-05 2 3 0 1
sql warehouse "select load_given()"
told '1|1|50.2512562814070352 1|2|49.7487437185929648 2|1|50 2|2|50' 51 'account_id instrument_id weight_pct' concentration
# The 7th is a Sunday; the snapshot is Friday's.
told '2024-01-05|1 2024-01-05|2 2024-01-05|1 2024-01-05|2' 52 'date instrument_id' concentration --as-of 2024-01-07
assert_contains "$(tapemill report concentration --as-of 2024-01-04)" 'the warehouse has no positions up to that date' "before all snapshots"

begin
trade 2024-01-02 $((9 * 3600 + 60)) 1 1 10 USD 1 1
trade 2024-01-02 $((9 * 3600 + 3000)) 1 3 12 USD 1 0
trade 2024-01-02 $((9 * 3600 + 3001)) 1 1 10000 JPY 0.005 -4
sql warehouse "select load_given()"
told '9|3|96|0.98|0.3266666666666667|0.3333333333333333' 53,69,70 'hour trade_count total_notional total_pnl avg_pnl_per_trade win_rate' intraday
told '|||96' 70 'avg_price vwap_price price_currency total_notional' instruments --min-trades 1 # no price of two currencies
sql warehouse "delete from fact_trades where currency = 'JPY'"
told '11|11.5|USD|46' 64 'avg_price vwap_price price_currency total_notional' instruments --min-trades 2

begin
sql warehouse "update members set name = 'Twin' where kind = 'strategy' and id < 3"
perf 2024-01-02 1 1 100
perf 2024-01-02 1 2 -100
perf 2024-01-02 1 null 90.00000001
perf 2024-01-02 null 3 7
sql warehouse "update performance set fees = 0.004, commissions = 0.004 where strategy_id = 1; select load_given()"
told '1|Twin|99.992 |Unknown|90.00000001 3|strategy 3|7 2|Twin|-100' 66,67 'strategy_id strategy total_pnl' top-strategies
told '0.008 0 0 0' 68 total_costs top-strategies
told '1|89.99200001 |7' 66 'account_id monthly_pnl' monthly-pnl
echo "the documents' defects are not ours"

# ---- what a user reads

begin
sql warehouse <<'SQL'
update members set name = 'Momentum, US' where kind = 'strategy' and id = 1;
update members set name = 'Pairs' where kind = 'strategy' and id = 2;
update members set name = 'META' where kind = 'instrument' and id = 1;
update members set name = 'SAP' where kind = 'instrument' and id = 2;
insert into performance
select date, '00000000-0000-0000-0000-00000000000a', account, strategy, 1200 + account, 700, greatest(net, 0),
       greatest(-net, 0), 0.125, 0.004
from dim_date
cross join (values (1, 1), (1, 2), (2, 2)) p (account, strategy)
cross join lateral (select (date_key % 7 - 2) * 123456.785 * (3 - account) / strategy as net) n
where is_trading_day and date between '2024-01-29' and '2024-03-04';
insert into held values ('2024-03-01', 2, 2);
SQL
for minute in 5 15 25 35 45; do
    trade 2024-03-04 $((34200 + 60 * minute)) 1 1000.5 512.25 USD 1 -12.345
    trade 2024-03-04 $((34200 + 90 * minute)) 2 20000 133.1 EUR 1.0845 2222.2222
    trade 2024-03-04 $((34200 + 95 * minute)) 3 7 3 GBP null 1
done
position 2024-03-04 1 1 12000 512.25
position 2024-03-04 1 2 -800.5 133.1
position 2024-03-04 2 2 10 null
sql warehouse "select load_given()"

# reads REPORT OPTIONS...: what it prints is, word for word, standard input
reads() {
    local expected
    expected=$(cat)
    assert_equal "$expected" "$(tapemill report "$@" 2>"$TEST_DIR/reasons")" "report $*"
}

reads top-strategies <<'TABLE'
Strategies by net P&L, 2024-02-04 to 2024-03-04 (30 dates), in USD, at most 20 of them

strategy id  strategy      strategy type   total pnl  sharpe ratio  win rate  total trades  total costs
-----------  ------------  -------------  ----------  ------------  --------  ------------  -----------
          1  Momentum, US  a type         740,738.13          1.17    0.5828        24,020         2.58
          2  Pairs         a type                  -             -         -             -            -
TABLE

reads monthly-pnl <<'TABLE'
Net P&L of accounts by month, 2024-01-01 to 2024-03-04 (the as-of date's year), in USD

year  month name  account id  account number  account      monthly pnl  trade count  win rate
----  ----------  ----------  --------------  ---------  -------------  -----------  --------
2024  January              2  account 2       account 2    -185,185.56        3,606    0.5824
2024  January              1  account 1       account 1  -1,111,111.84        7,206    0.5828
2024  February             1  account 1       account 1   1,481,476.26       48,040    0.5828
2024  February             2  account 2       account 2     246,910.99       24,040    0.5824
2024  March                1  account 1       account 1          -0.52        4,804    0.5828
2024  March                2  account 2       account 2              -            -         -
TABLE

reads instruments --min-trades 5 <<'TABLE'
Instruments by realised P&L, 2024-02-27 to 2024-03-04 (7 dates), in USD, flow DESK, with 5 trades or more, at most 50 of them

instrument id  symbol        exchange  instrument type  trade count  total volume  avg price  price currency  total notional  total costs  total pnl  return pct
-------------  ------------  --------  ---------------  -----------  ------------  ---------  --------------  --------------  -----------  ---------  ----------
            2  SAP           a type    a type                     5       100,000   133.1000  EUR              14,434,695.00         0.00  12,050.00      0.0835
            1  META          a type    a type                     5       5,002.5   512.2500  USD               2,562,530.63         0.00     -61.73     -0.0024
            3  instrument 3  a type    a type                     5            35     3.0000  GBP                          -            -          -           -
TABLE

reads intraday <<'TABLE'
Trades by hour of the business time zone, 2024-02-04 to 2024-03-04 (30 dates), in USD, flow DESK

hour  time of day  trade count  total notional  total pnl  avg pnl per trade  win rate
----  -----------  -----------  --------------  ---------  -----------------  --------
   9  Morning                7               -          -                  -    0.5714
  10  Morning                8               -          -                  -    0.7500
TABLE

reads strategies --days 60 <<'TABLE'
Strategies compared, 2024-01-05 to 2024-03-04 (60 dates), in USD

strategy id  strategy       total pnl  pnl rank  sharpe ratio  sharpe rank  win rate  win rate rank  total trades  max drawdown
-----------  ------------  ----------  --------  ------------  -----------  --------  -------------  ------------  ------------
          1  Momentum, US  246,910.35         1          0.34            1    0.5828              1        30,025  1,234,568.75
          2  Pairs                  -         -         -0.35            2         -              -             -             -
TABLE

reads var --trading-days 20 <<'TABLE'
Value at risk of accounts by history, a loss above 0, 2024-02-05 to 2024-03-04 (20 trading days), in USD
pnl: daily net P&L; ratio: that / the magnitude of the date before's, no currency

account id  account number  days  held days  pnl var 95  pnl var 99  pnl volatility   pnl mean  ratio days  ratio var 95  ratio var 99  ratio volatility    ratio mean
----------  --------------  ----  ---------  ----------  ----------  --------------  ---------  ----------  ------------  ------------  ----------------  ------------
         1  account 1         20          0  740,740.97  740,740.97      753,065.08  55,555.30          19        1.1000        1.8200      806,705.6626  377,774.6083
         2  account 2         19          1  123,456.91  123,456.91      125,958.33   3,248.73          17        0.8000        1.7600      188,033.1323   84,443.7360
TABLE

reads drawdown <<'TABLE'
Largest fall of accounts' cumulated net P&L below its peak, 2023-12-06 to 2024-03-04 (90 dates), in USD

account id  account number  account    days   total pnl  max drawdown  max drawdown pct  max drawdown date      peak pnl  peak date
----------  --------------  ---------  ----  ----------  ------------  ----------------  -----------------  ------------  ----------
         1  account 1       account 1    25  370,363.91  1,851,853.58            125.00  2024-02-22         1,481,478.58  2024-02-12
         2  account 2       account 2    25           -             -                 -  -                             -  -
TABLE

reads concentration <<'TABLE'
Positions by their share in the account's gross market value, at the close of 2024-03-04, in USD

account id  account number  instrument id  symbol  instrument type  side   quantity  current price  currency  market value  weight pct  missing
----------  --------------  -------------  ------  ---------------  -----  --------  -------------  --------  ------------  ----------  -------
         1  account 1                   1  META    a type           LONG     12,000         512.25  USD       6,147,000.00       98.30  -
         1  account 1                   2  SAP     a type           SHORT    -800.5          133.1  USD        -106,546.55        1.70  -
         2  account 2                   2  SAP     a type           LONG         10              -  USD                  -           -  mark
TABLE

assert_contains "$(cat "$TEST_DIR/reasons")" 'tapemill: an account has no weights where one of its positions has no mark' "why there are no weights"
# What is not yet computed again is said too, and is no hole.
sql warehouse "insert into etl_dirty_buckets (target, date_key, reason)
               select 'performance', d, 'facts changed' from unnest('{20240226,20240227,20240227,20230101}'::integer[]) d
               union all select 'positions', 20240304, 'facts changed'"
tapemill report strategies --from 2024-02-20 --to 2024-02-29 >/dev/null 2>"$TEST_DIR/reasons"
assert_equal 'tapemill: trades of 2 dates changed after the computation of their performance; `tapemill enqueue daily_load --date 2024-02-26` brings the first up to date' \
    "$(cat "$TEST_DIR/reasons")" "what report strategies says of dates that are out of date"
assert_contains "$(tapemill report concentration 2>&1 >/dev/null)" 'trades of 1 date changed after the computation of their positions' "positions that are out of date"
assert_equal '' "$(tapemill report intraday --as-of 2024-03-03 2>&1 >/dev/null)" "what report intraday says of them"
sql warehouse "delete from etl_dirty_buckets where reason = 'facts changed'"
assert_contains "$(tapemill report instruments)" 'no instrument with so many trades between these dates' "no instrument has 10 trades"
assert_contains "$(tapemill report var 2>&1 | tail -n 1)" 'tapemill: figures over dates on which trades have no rate to the base currency are not known, or leave these dates out' "what a date without a rate does"
# JSON has it exactly, with the dates; null is what is not known.
assert_contains "$(tapemill report drawdown --json 2>/dev/null)" '"from_date": "2023-12-06", "to_date": "2024-03-04", "account_id": 1, "account_number": "account 1", "account": "account 1", "total_pnl": "370363.905' "drawdown as JSON"
assert_contains "$(tapemill report drawdown --json 2>/dev/null)" '"account_id": 2, "account_number": "account 2", "account": "account 2", "total_pnl": null, "max_drawdown": null' "unknown as JSON"
echo "tables read as they should"

# ---- refusals: each a sentence, and status 2

# refused PART ARGUMENTS...
refused() {
    local part=$1
    shift
    assert_fails 2 tapemill report "$@"
    assert_contains "$OUTPUT" "$part" "report $*"
}

refused 'there is no report "drawdwon"; did you mean drawdown? there are overview, trades, pnl, runs, top-strategies, monthly-pnl, instruments, intraday, strategies, var, drawdown, concentration' drawdwon
refused 'report pnl has no --as-of; it takes --from and --to' pnl --as-of 2024-01-02
refused 'report runs has no --days; it takes --from and --to' runs --days 2
refused 'report concentration has no --days; it looks at one date: give --as-of' concentration --days 3
refused 'report concentration has no --from; it looks at one date: give --as-of' concentration --from 2024-01-02
refused 'report var has no totals; leave --by out' var --by account
refused 'report var has no --limit; leave it out' var --limit 3
refused 'report pnl has no --limit; leave it out' pnl --limit 3
refused 'report top-strategies has no --flow; leave it out' top-strategies --flow desk
refused '--flow is "both"; write DESK or CLIENT' instruments --flow both
refused '--min-trades is "0"; write a whole number from 1' instruments --min-trades 0
refused '--days is "0"; write a whole number from 1' var --days 0
refused '--trading-days is "1.5"; write a whole number from 1' var --trading-days 1.5
refused '--days and --trading-days exclude each other; give one' var --days 3 --trading-days 3
refused '--from and --days exclude each other; give one' var --from 2024-01-02 --days 3
refused '--as-of and --to exclude each other; give one' var --as-of 2024-01-02 --to 2024-01-02
refused '--from 2024-01-03 is after --to 2024-01-02; swap them' drawdown --from 2024-01-03 --to 2024-01-02
refused '--from 2024-03-05 is after 2024-03-04, where the window ends; give an earlier date' drawdown --from 2024-03-05
refused '--as-of: "2024-02-30"' drawdown --as-of 2024-02-30
refused '--csv and --json exclude each other; give one' drawdown --csv --json
assert_fails 2 tapemill report
# Windows at the ends of time, and longer than the calendar.
assert_contains "$(tapemill report top-strategies --as-of 9999-12-31 --days 100000)" '9726-03-18 to 9999-12-31 (100000 dates)' "a window at the last date"
assert_contains "$(tapemill report top-strategies --as-of 0001-01-02 --days 5)" '0001-01-01 to 0001-01-02 (2 dates)' "a window at the first date"
assert_contains "$(tapemill report var --trading-days 5000 2>/dev/null | head -n 1)" 'trading days of 5000, as the calendar begins there' "a window longer than the calendar"
