#!/usr/bin/env bash
# `tapemill verify` recomputes derived rows by routes of their own: of a warehouse that jobs have filled it finds nothing to
# say; one figure that is changed by hand, in any column of any table, it names, and a row that is missing or too many.
# `tapemill verify-rerun` finds jobs that may run again, and one that may not.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up TAPEMILL_LEASE_SECONDS=20 TAPEMILL_DATES_FROM=2023-12-01 TAPEMILL_DATES_YEARS_AHEAD=1
export TAPEMILL_HISTORY_START=2024-01-01
first=2024-01-01 last=2024-01-31
tapemill migrate >/dev/null
tapemill source generate --seed 9 --rows 40 --client-rows 30 --quotes 60 --accounts 3 --strategies 2 --clients 5 --instruments 12 \
    --weekends few --missing-rate CHF --from $first --days 31 >/dev/null 2>&1
start_scheduler
start_worker
start_worker
run_job() {
    tapemill enqueue "$@" --wait >"$TEST_DIR/job.log" 2>&1 || fail "$*: $(tail -n 3 "$TEST_DIR/job.log")"
}
tapemill backfill daily_load --from $first --to $last --wait >"$TEST_DIR/backfill.txt" 2>&1 ||
    fail "$(tail -n 3 "$TEST_DIR/backfill.txt")"
for date in $(seq 0 30 | xargs -I{} date -u -d "$first + {} days" +%F); do
    tapemill enqueue client_metrics --date "$date" >/dev/null
    tapemill enqueue lp_performance --date "$date" >/dev/null
done
for date in 2024-01-07 2024-01-14 2024-01-21 2024-01-28 $last; do
    run_job client_metrics --date $date --arg period=WEEKLY
    run_job lp_performance --date $date --arg period=WEEKLY
done
for period in MONTHLY QUARTERLY YEARLY; do
    run_job client_metrics --date $last --arg period=$period
    run_job lp_performance --date $last --arg period=$period
done
run_job performance_monthly --date $last
run_job performance_risk
wait_until_quiet

# verify SUBJECT ...: its output in $TEST_DIR/verify, its exit code in $CODE.
verify() {
    CODE=0
    tapemill verify "$@" >"$TEST_DIR/verify" 2>"$TEST_DIR/verify.err" || CODE=$?
}
counts_of() {
    awk -v table="$1" '$1 == table { gsub(",", ""); print $2, $3, $4, $5, $6; exit }' "$TEST_DIR/verify"
}

# ---- what the jobs have made is right

verify aggregates --from $first --to 2024-12-31
assert_equal 0 $CODE "exit code of verify aggregates: $(head -n 40 "$TEST_DIR/verify")"
for table in fact_performance_daily agg_performance_monthly agg_daily_trade_summary agg_client_metrics agg_lp_performance; do
    read -r rows figures differences dirty held < <(counts_of $table)
    assert_equal "$(sql warehouse "select count(*) from $table")" "$rows" "rows of $table that were compared"
    [ "$figures" -ge $((rows * 12)) ] || fail "$table: $figures figures of $rows rows"
    assert_equal 0 "$differences" "differences of $table"
    [ "$dirty" -eq 0 ] || fail "$table has $dirty dirty buckets: $(sql warehouse "
        select target, reason, min(date_key), count(*) from etl_dirty_buckets group by 1, 2")"
    [ "$rows" -gt 0 ] || fail "$table is empty"
done
[ "$(counts_of agg_daily_trade_summary | cut -d ' ' -f 5)" -gt 0 ] || fail "no group is held by the missing rate"

verify pnl --from $first --to $last
assert_equal 0 $CODE "exit code of verify pnl: $(head -n 40 "$TEST_DIR/verify")"
assert_equal "$(sql warehouse "select count(*) from fact_trades where not is_deleted")" \
    "$(counts_of fact_trades | cut -d ' ' -f 1)" "trades that were compared"

verify positions --from $first --to $last
assert_equal 0 $CODE "exit code of verify positions: $(head -n 40 "$TEST_DIR/verify")"
for table in fact_positions_daily etl_marks; do
    read -r rows figures differences dirty held < <(counts_of $table)
    assert_equal "$(sql warehouse "select count(*) from $table")" "$rows" "rows of $table that were compared"
    assert_equal $((rows * $([ $table = etl_marks ] && echo 3 || echo 12))) "$figures" "figures of $table"
    assert_equal '0 0 0' "$differences $dirty $held" "differences, dirty and held of $table"
    [ "$rows" -gt 0 ] || fail "$table is empty"
done
assert_equal t "$(sql warehouse "
    select bool_or(mark_source = 'TRADE' and is_carried) and bool_or(mark_source = 'QUOTE' and not is_carried)
    from (select mark_source, to_char(mark_at at time zone 'America/New_York', 'YYYYMMDD')::integer < date_key as is_carried
          from etl_marks) marks")" "marks are those of trades and quotes, and carried"
# From the middle the quantities are those that the whole history before it comes to, the marks as old as they may be.
verify positions --from 2024-01-20 --to 2024-01-20
assert_equal 0 $CODE "exit code of verify positions of one date: $(head -n 40 "$TEST_DIR/verify")"
assert_equal "$(sql warehouse "select count(*) from fact_positions_daily where date_key = 20240120")" \
    "$(counts_of fact_positions_daily | cut -d ' ' -f 1)" "positions of one date that were compared"

# ---- one figure in every column

declare -A columns=(
    [fact_performance_daily]='total_trades closing_trades winning_trades losing_trades total_volume total_notional gross_profit
        gross_loss net_pnl commissions fees win_rate profit_factor sharpe_ratio max_drawdown avg_win avg_loss largest_win
        largest_loss'
    [agg_performance_monthly]='trading_days total_trades winning_trades total_volume net_pnl commissions fees win_rate
        sharpe_ratio max_drawdown best_day_pnl worst_day_pnl'
    [agg_daily_trade_summary]='trade_count buy_count sell_count total_volume buy_volume sell_volume total_notional total_fees
        total_commission price_currency avg_price vwap_price min_price max_price avg_latency_ms max_latency_ms'
    [agg_client_metrics]='trading_days total_trades unique_instruments total_volume total_notional avg_trade_size total_fees
        realized_pnl avg_utilization max_utilization breach_count risk_score engagement_score'
    [agg_lp_performance]='quote_count sampled_quotes avg_spread avg_spread_bps quote_availability avg_latency_ms trade_count
        total_notional order_count fill_rate rejection_count performance_score overall_rank'
)
sql warehouse "
do \$\$ declare c record; begin
    for c in select conrelid::regclass as name, conname from pg_constraint
             where contype = 'c' and conparentid = 0 and coninhcount = 0
               and conrelid::regclass::text ~ '^(agg_|etl_marks\$|fact_performance_daily\$|fact_positions_daily\$|fact_trades\$)' loop
        execute format('alter table %s drop constraint %I', c.name, c.conname);
    end loop;
end \$\$"
# change_columns TABLE COLUMN ...: another value in a row each; noted in wanted.
change_columns() {
    local table=$1 column change
    shift
    for column in "$@"; do
        case $column in
            price_currency | side | mark_source) change="'ZZZ'" ;;
            mark_at) change="coalesce(mark_at, now()) + interval '1 microsecond'" ;;
            *) change="coalesce($column, 0) + 1" ;;
        esac
        assert_equal 1 "$(sql warehouse "with changed as (
            update $table set $column = $change
            where (tableoid, ctid) = (select tableoid, ctid from $table
                                      order by md5(tableoid::text || ctid::text || '$column') limit 1)
            returning 1) select count(*) from changed")" "rows of $table that were changed"
        wanted+=("$table $column")
    done
}
# finds_all_changes SUBJECT LAST: verify names what is in wanted, and nothing else
finds_all_changes() {
    verify "$1" --from $first --to "$2" --limit 1000 --json
    assert_equal 1 $CODE "exit code with differences"
    found=$(python3 -c "
import json
for d in json.load(open('$TEST_DIR/verify'))['differences']: print(d['table'], d['column'])" | sort)
    assert_equal "$(printf '%s\n' "${wanted[@]}" | sort)" "$found" "figures that were changed by hand"
    assert_contains "$(cat "$TEST_DIR/verify.err")" "${#wanted[@]} figures are not what the facts come to" "the last sentence"
}
wanted=()
for table in "${!columns[@]}"; do
    # shellcheck disable=SC2086
    change_columns "$table" ${columns[$table]}
done
finds_all_changes aggregates 2024-12-31

# Rows that are missing, and too many.
sql warehouse "
delete from agg_client_metrics where ctid = (select min(ctid) from agg_client_metrics);
insert into agg_lp_performance select (r).* from (
    select jsonb_populate_record(l, '{\"tenant_id\": \"99999999-0000-0000-0000-000000000000\"}') as r
    from agg_lp_performance l limit 1) x"
verify aggregates --from $first --to 2024-12-31 --limit 1000
assert_equal 1 "$(grep -c ' row .*absent *present$' "$TEST_DIR/verify")" "rows that are missing"
assert_equal 1 "$(grep -c ' row .*present *absent$' "$TEST_DIR/verify")" "rows that are too many"

# ---- positions and marks

# While one date waits, what is carried over it is not compared; what the next date has of its own is.
sql warehouse "insert into etl_dirty_buckets (target, date_key, reason) values ('positions', 20240109, 'by hand')"
verify positions --from 2024-01-09 --to 2024-01-09
assert_equal 0 $CODE "exit code for positions that are dirty: $(cat "$TEST_DIR/verify")"
assert_equal '0 0 0 1 0 0 0 0 1 0' "$(counts_of fact_positions_daily) $(counts_of etl_marks)" "positions that are dirty"
sql warehouse "
begin;
create table changed_marks as select * from etl_marks where date_key = 20240110;
update etl_marks set price = price + 1
where date_key = 20240110 and mark_at < timestamptz '2024-01-10 00:00 America/New_York';
update etl_marks set price = price + 1
where ctid = (select max(ctid) from etl_marks where date_key = 20240110 and mark_at >= timestamptz '2024-01-10 00:00 America/New_York');
commit"
[ "$(sql warehouse "select count(*) from changed_marks c join etl_marks m using (date_key, instrument_id, currency)
                    where m.price <> c.price")" -ge 2 ] || fail "no mark of 2024-01-10 is carried"
verify positions --from 2024-01-10 --to 2024-01-10
assert_equal '1 1' "$(counts_of etl_marks | cut -d ' ' -f 3,4)" "differences and dirty dates of marks after a dirty date"
assert_equal '0 0' "$(counts_of fact_positions_daily | cut -d ' ' -f 3,4)" "the same of positions"
sql warehouse "
begin;
delete from etl_dirty_buckets where reason = 'by hand';
update etl_marks m set price = c.price from changed_marks c
where (m.date_key, m.instrument_id, m.currency) = (c.date_key, c.instrument_id, c.currency);
drop table changed_marks;
update etl_conditions set met = false where key = 'pnl:20240112';
commit"
verify positions --from 2024-01-12 --to 2024-01-12
assert_equal '0 0 0 1 0' "$(counts_of fact_positions_daily)" "positions whose books are open"
sql warehouse "update etl_conditions set met = true where key = 'pnl:20240112'"

wanted=()
change_columns fact_positions_daily side quantity total_cost avg_entry_price current_price mark_source mark_at market_value \
    unrealized_pnl realized_pnl total_pnl rate_to_base
change_columns etl_marks price mark_source mark_at
finds_all_changes positions $last
sql warehouse "
update fact_positions_daily set tenant_id = '99999999-0000-0000-0000-000000000000'
where position_key = (select min(position_key) from fact_positions_daily);
delete from etl_marks where ctid = (select min(ctid) from etl_marks)"
verify positions --from $first --to $last --limit 1000
assert_equal 2 "$(grep -c ' row .*absent *present$' "$TEST_DIR/verify")" "positions and marks that are missing"
assert_equal 1 "$(grep -c ' row .*present *absent$' "$TEST_DIR/verify")" "positions that are too many"

# A bucket that waits for a recompute is told, and not compared.
sql warehouse "insert into etl_dirty_buckets (target, date_key, reason) select distinct target, 20240110, 'by hand' from etl_dirty_targets"
verify aggregates --from 2024-01-10 --to 2024-01-10
assert_equal 0 $CODE "exit code for a date that is dirty: $(cat "$TEST_DIR/verify")"
assert_equal '0 0 0 1 0' "$(counts_of agg_daily_trade_summary)" "a dirty bucket"

# ---- realised P&L and books

sql warehouse "
update fact_trades set realized_pnl = realized_pnl + 0.00000001
where (tableoid, ctid) = (select tableoid, ctid from fact_trades where is_closing order by trade_key limit 1);
update fact_trades set is_closing = not is_closing, realized_pnl = 0
where (tableoid, ctid) = (select tableoid, ctid from fact_trades where realized_pnl = 0 order by trade_key desc limit 1);
update etl_open_positions set total_cost = total_cost + 1, quantity = quantity * 2
where ctid = (select ctid from etl_open_positions where date_key = 20240131 order by ctid limit 1)"
verify pnl --from $first --to $last
assert_equal 1 $CODE "exit code of verify pnl with differences"
for figure in 'fact_trades realized_pnl' 'fact_trades is_closing' 'etl_open_positions total_cost' 'etl_open_positions quantity'; do
    grep -qE "^${figure% *} .* ${figure#* } " "$TEST_DIR/verify" || fail "$figure is not told: $(cat "$TEST_DIR/verify")"
done
assert_contains "$(cat "$TEST_DIR/verify.err")" '4 figures are not what the facts come to' "the last sentence"

# ---- what cannot be

assert_fails 2 tapemill verify aggregates --from 2024-02-01 --to $first
assert_fails 2 tapemill verify aggregate --from $first --to $last
assert_fails 2 tapemill verify pnl --from $first

# ---- the scheduled sample

run_job verify_sample --date $last --arg dates=31
[ "$(sql warehouse "select count(*) from etl_data_quality_issues where rule_name = 'verify_difference'")" -gt 3 ] ||
    fail "verify_sample has filed nothing"
assert_equal 1 "$(sql warehouse "select count(*) from etl_alerts where cause = 'verify_difference'")" "alerts"
for date in $(seq 0 30 | xargs -I{} date -u -d "$first + {} days" +%Y%m%d); do
    sql warehouse "delete from etl_conditions where key = 'pnl:$date'" >/dev/null
done
sql warehouse "insert into etl_dirty_buckets (target, date_key, reason)
               select distinct target, to_char(d, 'YYYYMMDD')::integer, 'by hand'
               from etl_dirty_targets, generate_series(date '$first', date '$last', interval '1 day') d"
run_job verify_sample --date $last --arg dates=31
assert_equal 0 "$(sql warehouse "select count(*) from etl_data_quality_issues
                                 where rule_name = 'verify_difference' and resolved_at is null")" "findings that are open still"
