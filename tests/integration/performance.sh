#!/usr/bin/env bash
# Sharpe ratio and drawdown of daily performance, and the monthly table: series with gaps, weekends and several versions of
# their account, in whatever order their dates come, with corrections far back; all compared with exact fractions
# (performance_model.py).
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up
export TAPEMILL_TIMEZONE=America/New_York TAPEMILL_HISTORY_START=2022-01-01 TAPEMILL_DATES_FROM=2021-12-01 TAPEMILL_DATES_YEARS_AHEAD=1
model=$TAPEMILL_ROOT/tests/integration/performance_model.py
command -v python3 >/dev/null || fail "python3 is not installed. Run ops/setup."
tenant=00000000-0000-0000-0000-00000000000a

run_job() {
    "$TAPEMILL_TEST_BIN/run_job" "$@"
}

# outcome ARGUMENTS...: the last line that run_job prints, without the job's name and date
outcome() {
    run_job "$@" | tail -n 1 | sed -E 's/^[a-z_]+ [0-9-]* ?//'
}

tapemill migrate >/dev/null
run_job dates 2023-06-30 >/dev/null
sql warehouse <<'END'
-- Account 1 is three versions: a series goes on over them.
insert into dim_account (account_id, account_name, broker, version, valid_from, valid_to, is_current)
values (1, 'one', 'x', 1, '-infinity', '2022-03-10 12:00-05', false), (1, 'one', 'y', 2, '2022-03-10 12:00-05', '2023-02-01 00:00-05', false),
       (1, 'one', 'z', 3, '2023-02-01 00:00-05', 'infinity', true), (2, 'two', 'x', 1, '-infinity', 'infinity', true),
       (3, 'three', 'x', 1, '-infinity', 'infinity', true);
insert into dim_strategy (strategy_id, strategy_name) values (1, 'first'), (2, 'second');
do $$
declare month date;
begin
    for month in select generate_series(timestamp '2022-01-01', timestamp '2023-07-01', interval '1 month') loop
        execute format('create table fact_performance_daily_m%s partition of fact_performance_daily for values from (%s) to (%s)',
                       to_char(month, 'YYYYMM'), to_char(month, 'YYYYMMDD'), to_char(month + interval '1 month', 'YYYYMMDD'));
    end loop;
end $$;
create table given (date date, account_id integer, strategy_id integer, net_pnl numeric, trades bigint, winners bigint);

-- What daily_performance does to a date: rows under the versions valid at its end, and the dirty log.
create function perform(key integer) returns void language sql as $$
    insert into fact_performance_daily (date_key, tenant_id, account_key, strategy_key, total_trades, closing_trades, winning_trades,
        losing_trades, total_volume, total_notional, gross_profit, gross_loss, net_pnl, commissions, fees, etl_run_id)
    select key, '00000000-0000-0000-0000-00000000000a', a.account_key, coalesce(s.strategy_key, 0), g.trades, g.trades, g.winners, 0,
           g.trades * 1.5, 1, greatest(g.net_pnl, 0) + 3, greatest(-g.net_pnl, 0), g.net_pnl, 2, 1, 1
    from given g
    join dim_account a on a.account_id = g.account_id and a.valid_from < (g.date + 1)::timestamp at time zone 'America/New_York'
                      and (g.date + 1)::timestamp at time zone 'America/New_York' <= a.valid_to
    left join dim_strategy s on s.strategy_id = g.strategy_id
    where to_char(g.date, 'YYYYMMDD')::integer = key;
    insert into etl_dirty_buckets (target, date_key, reason)
    select target, key, 'test' from etl_dirty_targets where change = 'performance'
$$;
END
python3 "$model" generate 11 2022-01-03 2023-06-30 >"$TEST_DIR/given.csv"
sql warehouse "copy given from stdin (format csv, null '')" <"$TEST_DIR/given.csv"

# perform CONDITION: the dates for which it is true
perform() {
    sql warehouse "select count(perform(key)) from (select distinct to_char(date, 'YYYYMMDD')::integer as key from given where $1) d"
}

check_daily() {
    sql warehouse "copy (
        select p.date_key, p.tenant_id, a.account_id, s.strategy_id, d.is_trading_day, p.net_pnl, p.total_trades, p.winning_trades,
               p.total_volume, p.commissions, p.fees, p.sharpe_ratio, p.max_drawdown
        from fact_performance_daily p join dim_account a using (account_key) join dim_strategy s using (strategy_key)
        join dim_date d using (date_key)) to stdout (format csv, header)" >"$TEST_DIR/daily.csv"
    python3 "$model" daily "$TEST_DIR" || fail "the model does not agree: $1"
}

check_monthly() {
    sql warehouse "copy (
        select m.*, a.account_id, s.strategy_id
        from agg_performance_monthly m join dim_account a using (account_key) join dim_strategy s using (strategy_key)
        ) to stdout (format csv, header)" >"$TEST_DIR/monthly.csv"
    python3 "$model" monthly "$TEST_DIR" || fail "the model does not agree: $1"
}

dirty() {
    sql warehouse "select count(*) from etl_dirty_buckets where target = '$1'"
}

fingerprint() {
    tapemill fingerprint --from 2022-01-01 --to 2023-07-31 | grep performance
}

whole() {
    tapemill enqueue performance_risk --arg mode=whole "$@" >/dev/null
    outcome --queued
}

# ---- dates in any order; what a date reaches ahead of it is computed again

assert_equal 'done extracted=0 inserted=0 updated=0 unchanged=0 skipped=0 removed=0 ' "$(outcome performance_risk 2022-01-03)" "nothing dirty"
perform "date between '2022-06-01' and '2022-06-30'" >/dev/null
run_job performance_risk 2022-06-30 >/dev/null
perform "date >= '2023-03-01'" >/dev/null
run_job performance_risk 2023-06-30 >/dev/null
perform "date < '2022-06-01'" >/dev/null
run_job performance_risk 2022-01-03 >/dev/null
check_daily "with a gap of months"
perform "date between '2022-07-01' and '2023-02-28' and extract(day from date) in (3, 11, 30)" >/dev/null
run_job performance_risk 2022-07-01 >/dev/null
perform "date between '2022-07-01' and '2023-02-28' and extract(day from date) not in (3, 11, 30)" >/dev/null
run_job performance_risk 2023-02-28 >/dev/null
check_daily "all dates"
assert_equal 0 "$(dirty performance_risk)" "dirty dates that are left"
in_pieces=$(fingerprint)

assert_equal "$(sql warehouse "select format('done extracted=%s inserted=0 updated=0 unchanged=%s skipped=0 removed=0 ', count(*), count(*))
                               from fact_performance_daily")" "$(whole)" "all computed anew"
sql warehouse 'update fact_performance_daily set sharpe_ratio = null, max_drawdown = null'
assert_contains "$(whole)" 'unchanged=0 ' "all lost, and computed again"
assert_equal "$in_pieces" "$(fingerprint)" "in pieces, and at once"
tapemill enqueue performance_risk --arg mode=half >/dev/null
assert_contains "$(outcome --queued || true)" 'the argument mode is "half", but must be dirty or whole' "a mode that is none"

# ---- by hand: what a person can follow

# figures CONDITION: date, Sharpe, drawdown of the first rows of the series
figures() {
    sql warehouse "select string_agg(format('%s %s %s', row_number, coalesce(round(sharpe_ratio, 4)::text, 'none'), trim_scale(max_drawdown)), ', '
                                     order by row_number)
                   from (select p.*, row_number() over (order by p.date_key)
                         from fact_performance_daily p join dim_account a using (account_key) join dim_strategy s using (strategy_key)
                         where a.account_id = $1 and s.strategy_id = $2) r where row_number in ($3)"
}
assert_equal '1 none 0, 25 none 0' "$(figures 2 2 '1, 25')" "days that do not differ"
assert_equal '1' "$(sql warehouse "select count(*) from (select p.max_drawdown, p.net_pnl from fact_performance_daily p
    join dim_account a using (account_key) join dim_strategy s using (strategy_key)
    where account_id = 3 and strategy_id = 1 order by date_key limit 1) f where max_drawdown = -net_pnl and net_pnl < 0")" \
    "a first loss is a drawdown: the peak starts at 0"
assert_equal 't' "$(sql warehouse "select count(*) filter (where sharpe_ratio is not null and n < 20) = 0
                                        and count(*) filter (where sharpe_ratio is null and n >= 20) = 0
    from (select p.sharpe_ratio, count(*) filter (where is_trading_day) over (order by date_key) as n
          from fact_performance_daily p join dim_date using (date_key) join dim_account a using (account_key)
          join dim_strategy s using (strategy_key) where account_id = 1 and strategy_id = 1) d")" "a ratio from the 20th trading day on"
assert_equal 't' "$(sql warehouse "select max(sharpe_ratio) > 1e22 from fact_performance_daily")" "days that hardly differ have a ratio all the same"

# ---- corrections far back write the rows that they change, and no other

before() {
    sql warehouse "set client_min_messages = warning; drop table if exists seen; create table seen (performance_key bigint, row_version text);
                   insert into seen select performance_key, xmin::text from fact_performance_daily"
}
touched() {
    sql warehouse "select count(*), count(distinct (a.account_id, s.strategy_id)), min(p.date_key)
                   from fact_performance_daily p join seen on seen.performance_key = p.performance_key and row_version <> p.xmin::text
                   join dim_account a using (account_key) join dim_strategy s using (strategy_key)"
}
mark_dirty() {
    sql warehouse "insert into etl_dirty_buckets (target, date_key, reason) select target, $1, 'test' from etl_dirty_targets where change = 'performance'"
}
of_series='account_key in (select account_key from dim_account where account_id = 1) and strategy_key = (select strategy_key from dim_strategy where strategy_id = 1)'
correct_date=$(sql warehouse "select date_key from fact_performance_daily join dim_date using (date_key)
                              where $of_series and is_trading_day and date_key >= 20220201 order by 1 limit 1")
sql warehouse "update fact_performance_daily set net_pnl = net_pnl + 1000, gross_profit = gross_profit + 1000
               where date_key = $correct_date and $of_series"
mark_dirty "$correct_date"
before
run_job performance_risk 2022-02-01 >/dev/null
IFS='|' read -r count series first <<<"$(touched)"
assert_equal "1 $correct_date" "$series $first" "what a correction reaches"
[ "$count" -gt 200 ] && [ "$count" -le 290 ] || fail "a correction reached $count rows"
check_daily "after a correction"

# A row that vanished: later windows reach one day further back.
sql warehouse "delete from fact_performance_daily where date_key = $correct_date and $of_series"
mark_dirty "$correct_date"
before
run_job performance_risk 2022-02-01 >/dev/null
assert_equal 1 "$(touched | cut -d '|' -f 2)" "series that a row vanished from"
check_daily "after a row vanished"

# The first row of a sparse series: all of its windows begin with it.
sql warehouse "delete from fact_performance_daily p using dim_account a where a.account_key = p.account_key and account_id = 1
               and strategy_key = 0 and date_key < 20220401"
for date in $(sql warehouse "select date_key from dim_date where date_key between 20220103 and 20220331"); do mark_dirty "$date"; done
run_job performance_risk 2022-02-01 >/dev/null
check_daily "without the first rows of a series"

# ---- months

for month in $(sql warehouse "select month from (select distinct left(date_key::text, 6) as month from fact_performance_daily) m
                                  order by md5(month)"); do
    run_job performance_monthly "${month:0:4}-${month:4}-17" >"$TEST_DIR/month.log"
done
assert_contains "$(cat "$TEST_DIR/month.log")" ' updated=0 unchanged=0 skipped=0 removed=0 {"month": ' "a month for the first time"
check_monthly "all months"
assert_equal 0 "$(dirty performance_monthly)" "dirty dates that are left"
assert_equal 2 "$(sql warehouse "select distinct version from agg_performance_monthly join dim_account using (account_key)
                                 where account_id = 1 and month_key = 202301")" "the account's version at the month's end"
assert_equal t "$(sql warehouse "select bool_and((sharpe_ratio is null) = (trading_days < 2 or best_day_pnl = worst_day_pnl))
                                 and bool_or(trading_days = 1) from agg_performance_monthly")" "a ratio needs two days that differ"
versions() {
    sql warehouse "select month_key, account_key, strategy_key, xmin::text from agg_performance_monthly order by 1, 2, 3"
}
seen=$(versions)
assert_contains "$(outcome performance_monthly 2022-05-31)" 'inserted=0 updated=0 ' "a month again"
assert_equal "$seen" "$(versions)" "rows after a second run"

sql warehouse "update fact_performance_daily set net_pnl = net_pnl - 7, fees = fees + 7 where date_key = 20220601 and account_key <> 0;
               delete from fact_performance_daily p using dim_account a where a.account_key = p.account_key and account_id = 3
               and date_key between 20220601 and 20220630"
mark_dirty 20220601
run_job performance_risk 2022-06-01 >/dev/null
assert_contains "$(outcome performance_monthly 2022-06-02)" 'removed=2 {"month": 202206}' "series that vanished from a month"
check_daily "before the months"
check_monthly "a month with corrections"

# The schedule gives no date: the month before the tick's.
tapemill enqueue performance_monthly >/dev/null
sql warehouse "update etl_jobs set interval_start = '2023-03-01 08:00Z', interval_end = '2023-04-01 07:00Z' where state = 'queued'"
assert_contains "$(outcome --queued)" '{"month": 202303}' "without a date"

# ---- at once: two runs, and a daily_performance in flight

declare -A session
open_session() {
    local pipe=$TEST_DIR/$1.pipe descriptor
    mkfifo "$pipe"
    start_process "$1" -- bash -c 'exec psql -XAtq -v ON_ERROR_STOP=1 "$TAPEMILL_WAREHOUSE_URL" <"$1"' - "$pipe"
    exec {descriptor}>"$pipe"
    session[$1]=$descriptor
}
open_session writer
echo "begin; select pg_advisory_xact_lock_shared(hashtext('performance_risk'), 1);
      update fact_performance_daily set net_pnl = net_pnl + 5, gross_profit = gross_profit + 5 where date_key = 20230105;
      insert into etl_dirty_buckets (target, date_key, reason) values ('performance_risk', 20230105, 'writer');" >&"${session[writer]}"
wait_until_sql 60 "the writer has written" warehouse "select count(*) from pg_stat_activity where state = 'idle in transaction'" 1
sql warehouse "update fact_performance_daily set net_pnl = net_pnl + 9, gross_profit = gross_profit + 9 where date_key = 20230103"
mark_dirty 20230103
for run in 1 2; do
    start_process run_job -- "$TAPEMILL_TEST_BIN/run_job" performance_risk 2023-01-03
    runs[run]=$STARTED_PID logs[run]=$STARTED_LOG
done
wait_until_sql 60 "both runs wait" warehouse "select count(*) from pg_stat_activity where wait_event_type = 'Lock'" 2
echo "commit;" >&"${session[writer]}"
for run in 1 2; do
    wait "${runs[run]}" || fail "run $run: $(cat "${logs[run]}")"
done
run_job performance_risk 2023-01-05 >/dev/null
check_daily "after runs at once"
assert_equal 0 "$(dirty performance_risk)" "dirty dates after runs at once"

# ---- daily_performance: what it writes or removes is dirty; what it leaves keeps its figures

sql warehouse <<'END'
create table trades_of_the_test partition of fact_trades for values from (20230601) to (20230701);
insert into dim_instrument (instrument_id, symbol, currency) values (1, 'SHARE', 'USD');
delete from fact_performance_daily where date_key = 20230601;
delete from etl_dirty_buckets;
insert into fact_trades (date_key, time_key, instrument_key, account_key, strategy_key, client_key, lp_key, tenant_id, source,
    trade_reference, execution_id, execution_timestamp, side, quantity, price, notional_value, commission, fees, net_amount, currency,
    rate_to_base, realized_pnl, is_closing, source_updated_at, etl_run_id)
select 20230601, 36000, i.instrument_key, a.account_key, s.strategy_key, 0, 0, '00000000-0000-0000-0000-00000000000a', 'DESK',
       account_id, account_id, '2023-06-01 14:00Z', 'SELL', 1, 50, 50, 1, 0, 49, 'USD', 1, account_id * 10, true, now(), 1
from dim_instrument i, dim_account a, dim_strategy s
where i.instrument_id = 1 and a.is_current and a.account_id is not null and s.strategy_id = 1;
insert into etl_conditions (key, met) values ('pnl:20230601', true);
END
log() {
    sql warehouse "select string_agg(target || ' ' || date_key || ' ' || reason, ', ' order by target) from etl_dirty_buckets"
}
assert_contains "$(outcome daily_performance 2023-06-01)" 'inserted=3 ' "performance of a date"
assert_equal 'performance_monthly 20230601 daily_performance, performance_risk 20230601 daily_performance' "$(log)" "what follows from it"
run_job performance_risk 2023-06-01 >/dev/null
check_daily "performance of a date that was computed"
sql warehouse 'truncate etl_dirty_buckets'
assert_contains "$(outcome daily_performance 2023-06-01)" 'unchanged=3 ' "the date again"
assert_equal '' "$(log)" "nothing follows from it"
check_daily "what is left keeps its figures"
sql warehouse "update fact_trades set realized_pnl = 11 where account_key = (select account_key from dim_account where account_id = 2);
               update fact_trades set is_deleted = true, realized_pnl = null, is_closing = null
               where account_key = (select account_key from dim_account where account_id = 3)"
assert_contains "$(outcome daily_performance 2023-06-01)" 'updated=1 unchanged=1 skipped=0 removed=1 ' "a correction"
assert_contains "$(log)" 'performance_risk 20230601' "what follows from a correction"
run_job performance_risk 2023-06-01 >/dev/null
check_daily "after a correction of a date"
