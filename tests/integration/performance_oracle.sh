#!/usr/bin/env bash
# Sharpe ratio and drawdown against published figures (real data): those of a library's own tests, where the formula is the same.
#   * Sharpe: risk-free rate 0 and a daily period, by the function that performance_risk and performance_monthly use; alone, and
#     over windows of 6. A day without a value is a day without a row. Where the library says infinity (no deviation) or NaN (fewer
#     than two days), ours is NULL. Ratios against another series are another formula.
#   * Drawdown: the library's is a share of the peak of compounded returns, ours an amount. An account of 1 that is left to itself
#     makes of each return an amount; the share is then the fall over the peak, 1 and what was made until then.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
need_test_data oracle_perf
need_test_data portfolio_pyfolio/test_returns.csv.zst
servers_up
tapemill migrate >/dev/null
folder=$TAPEMILL_TEST_DATA/oracle_perf

sql warehouse 'create table series (name text, freq text, i integer, value numeric);
               create table expected (metric text, name text, parameters text, expected text)'
sql warehouse "copy series from stdin (format csv, header)" <"$folder/empyrical_series.csv"
sql warehouse "copy expected from stdin (format csv, header)" <"$folder/empyrical_expected.csv"
sql warehouse "delete from series where value is null or value = 'NaN'"

# ---- Sharpe ratios of whole series

compared=$(sql warehouse "
    with ours as (select name, count(*) as n, sharpe_ratio(count(*), sum(value), sum(value * value)) as ratio from series group by name)
    select count(*) filter (where abs(o.ratio - e.expected::numeric) < 1e-9 * greatest(1, abs(o.ratio))), count(*)
    from expected e join ours o using (name)
    where e.metric = 'sharpe_ratio' and e.parameters = 'risk_free=0.0' and e.expected not in ('nan', 'inf')")
assert_equal '3|3' "$compared" "Sharpe ratios that agree"
assert_equal 'flat_line_1,one_return' "$(sql warehouse "
    select string_agg(e.name, ',' order by e.name) from expected e
    join (select name, sharpe_ratio(count(*), sum(value), sum(value * value)) as ratio from series group by name) o using (name)
    where e.metric = 'sharpe_ratio' and e.parameters = 'risk_free=0.0' and e.expected in ('nan', 'inf') and o.ratio is null")" \
    "series without a ratio"

# ---- over windows of 6, published with 8 decimals

compared=$(sql warehouse "
    with ours as (
        select name, row_number() over (partition by name order by i) as place, count(*) over six as n,
               sharpe_ratio(count(*) over six, sum(value) over six, sum(value * value) over six) as ratio
        from series window six as (partition by name order by i rows 5 preceding)
    ), windows as (
        select name, ratio, row_number() over (partition by name order by place) as place from ours where n = 6
    ), published as (
        select e.name, p.value::numeric as ratio, p.place
        from expected e cross join lateral json_array_elements_text(e.expected::json) with ordinality p (value, place)
        where e.metric = 'roll_sharpe_ratio' and e.name = 'negative_returns'
    )
    select count(*) filter (where round(w.ratio, 8) = p.ratio), count(*) from published p left join windows w using (name, place)")
assert_equal '4|4' "$compared" "Sharpe ratios of windows"

# ---- drawdowns, through the job: every series is a strategy's P&L on consecutive trading days

export TAPEMILL_HISTORY_START=2000-01-01 TAPEMILL_DATES_FROM=1999-12-01 TAPEMILL_DATES_YEARS_AHEAD=1
"$TAPEMILL_TEST_BIN/run_job" dates 2009-12-31 >/dev/null
zstd -dqc "$TAPEMILL_TEST_DATA/portfolio_pyfolio/test_returns.csv.zst" |
    awk -F, -v OFS=, '$2 + 0 == $2 { print "portfolio", "D", NR, $2 }' | sql warehouse "copy series from stdin (format csv)"
sql warehouse <<'END'
do $$
declare month date;
begin
    for month in select generate_series(timestamp '2000-01-01', timestamp '2006-12-01', interval '1 month') loop
        execute format('create table fact_performance_daily_m%s partition of fact_performance_daily for values from (%s) to (%s)',
                       to_char(month, 'YYYYMM'), to_char(month, 'YYYYMMDD'), to_char(month + interval '1 month', 'YYYYMMDD'));
    end loop;
end $$;
insert into dim_account (account_id, account_name) values (1, 'one');
insert into dim_strategy (strategy_id, strategy_name)
select row_number() over (order by name), name from (select distinct name from series where freq = 'D') s;
-- What an account of 1 makes of the returns, day by day; the portfolio's, which are not compounded here, in millions.
create table made as
with recursive numbered as (
    select name, row_number() over (partition by name order by i) as place, value from series where freq = 'D'
), grown as (
    select name, place, value as made, 1 + value as worth from numbered where place = 1
    union all
    select n.name, n.place, g.worth * n.value, g.worth * (1 + n.value)
    from grown g join numbered n on n.name = g.name and n.place = g.place + 1 where n.name <> 'portfolio' and n.place <= 9
)
select name, place, made from grown where name <> 'portfolio'
union all
select name, place, round(value * 1000000, 8) from numbered where name = 'portfolio' and place <= 1500;
insert into fact_performance_daily (date_key, tenant_id, account_key, strategy_key, total_trades, closing_trades, winning_trades, losing_trades,
    total_volume, total_notional, gross_profit, gross_loss, net_pnl, commissions, fees, etl_run_id)
select d.date_key, '00000000-0000-0000-0000-00000000000a', a.account_key, s.strategy_key, 1, 1, 0, 0, 1, 1, greatest(round(made, 8), 0),
       greatest(-round(made, 8), 0), round(made, 8), 0, 0, 1
from made m
join (select date_key, row_number() over (order by date_key) as place from dim_date where is_trading_day and date_key >= 20000103) d using (place)
join dim_strategy s on s.strategy_name = m.name
join dim_account a on a.account_id = 1;
END
tapemill enqueue performance_risk --arg mode=whole >/dev/null
"$TAPEMILL_TEST_BIN/run_job" --queued >/dev/null
assert_equal '4|4' "$(sql warehouse "
    with days as (
        select s.strategy_name as name, p.date_key, p.max_drawdown, sum(p.net_pnl) over (partition by s.strategy_name order by p.date_key) as made
        from fact_performance_daily p join dim_strategy s using (strategy_key)
    ), last as (
        select distinct on (name) name, max_drawdown, 1 + greatest(max(made) over (partition by name), 0) as peak from days order by name, date_key desc
    )
    select count(*) filter (where abs(l.max_drawdown / l.peak + e.expected::numeric) < 1e-7), count(*)
    from expected e join last l using (name)
    where e.metric = 'max_drawdown' and e.expected <> 'nan' and l.name in ('one_return', 'simple_benchmark', 'mixed_returns', 'positive_returns')")" \
    "drawdowns that agree"

# ---- 1500 days of a real portfolio: windows of 252 that slide

sql warehouse "copy (select p.date_key, p.tenant_id, 1 as account_id, s.strategy_id, true as is_trading_day, p.net_pnl, p.sharpe_ratio, p.max_drawdown
               from fact_performance_daily p join dim_strategy s using (strategy_key)) to stdout (format csv, header)" >"$TEST_DIR/daily.csv"
python3 "$TAPEMILL_ROOT/tests/integration/performance_model.py" daily "$TEST_DIR" || fail "the model does not agree"
