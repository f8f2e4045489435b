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
assert_contains "$(tapemill report drawdown --as-of 2024-03-29)" 'no performance there' "drawdown of a date without rows"

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
    union all -- what waits for something else is no hole
    select 'performance', to_char(date, 'YYYYMMDD')::integer, null, null, 'trades', 1 from held
    union all
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
        rate_to_base, side, quantity, total_cost, avg_entry_price, current_price, market_value, realized_pnl, etl_run_id)
    select to_char(p.date, 'YYYYMMDD')::integer, p.tenant_id, coalesce(a.account_key, 0), i.instrument_key, p.account_id,
           p.instrument_id, p.currency, rate, case sign(quantity) when 1 then 'LONG' when -1 then 'SHORT' else 'FLAT' end,
           quantity, quantity, case when quantity <> 0 then 1 end, price, market_value, 0, 1
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
    rows=$(python3 "$model" check "$given" "$@") || fail "report $*, seed $seed: $rows"
    compared=$((compared + rows))
    # What is not known is said.
    if grep -q ': null' "$given/out.json" && grep -qE '"(held_days|unrated_trades|unbooked_trades)": [1-9]|"missing": "' "$given/out.json"; then
        grep -qE '^tapemill: (some|an account)' "$given/out.err" || fail "report $* says nothing about what is not known"
    else
        assert_equal '' "$(cat "$given/out.err")" "what report $* says beside its figures"
    fi
}

compared=0
for seed in 1 2 ${TAPEMILL_TEST_LONG:+3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20}; do
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
[ "$compared" -gt 800 ] || fail "only $compared rows were compared"
echo "$compared rows of reports are what the model says"
