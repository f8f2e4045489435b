#!/usr/bin/env bash
# Clients and liquidity providers by period, and the materialised views: on facts made here, by hand where a person can
# follow the numbers, and at random, compared with exact fractions (metrics_model.py).
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up
export TAPEMILL_TIMEZONE=America/New_York TAPEMILL_DATES_FROM=2020-01-01
command -v python3 >/dev/null || fail "python3 is not installed. Run ops/setup."

# run_is EXPECTED JOB DATE [NAME=VALUE]: the line that run_job prints, but for the run's metadata
run_is() {
    local expected=$1 arguments='{}' line
    [ $# -lt 4 ] || arguments="{\"${4%%=*}\": \"${4#*=}\"}"
    line=$("$TAPEMILL_TEST_BIN/run_job" "$2" "$3" "$arguments") || true
    [[ $line == "$2 $3 $expected"* ]] || fail "$2 $3 $arguments: expected <$expected>, got <$line>"
}

# done_is EXTRACTED INSERTED UPDATED UNCHANGED SKIPPED REMOVED JOB DATE [PERIOD]
done_is() {
    run_is "done extracted=$1 inserted=$2 updated=$3 unchanged=$4 skipped=$5 removed=$6" "$7" "$8" "period=${9:-DAILY}"
}

# row_is TABLE 'COLUMNS' PERIOD FIRST MEMBER EXPECTED: the columns of tenant a's row
row_is() {
    assert_equal "$6" "$(sql warehouse "select $2 from $1 where period_type = '$3' and metric_date = '$4'
        and tenant_id = tenant('a') and $([ "$1" = agg_client_metrics ] && echo client_id || echo lp_id) = member($5)")" \
        "$1 $3 $4 $5: $2"
}

# ---- a warehouse with dates, members and partitions, and ways to put facts into it

tapemill migrate >/dev/null
"$TAPEMILL_TEST_BIN/run_job" dates 2024-01-01 >/dev/null
sql warehouse <<'END'
create function tenant(letter text) returns uuid language sql immutable as $$
    select ('00000000-0000-0000-0000-00000000000' || letter)::uuid $$;
create function member(n integer) returns uuid language sql immutable as $$
    select ('c0000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid $$;
create function instant(day date) returns timestamptz language sql stable as $$
    select (day + time '10:00') at time zone 'America/New_York' $$;
create function key_of(day date) returns integer language sql immutable as $$
    select to_char(day, 'YYYYMMDD')::integer $$;

insert into dim_instrument (instrument_id, symbol, currency) select n, 'I' || n, 'USD' from generate_series(1, 30) n;
insert into dim_account (account_id, account_name) values (1, 'one'), (2, 'two');
insert into dim_client (client_id, client_code) select member(n), 'C' || n from generate_series(2, 9) n;
insert into dim_liquidity_provider (lp_id, lp_code) select member(n), 'L' || n from generate_series(2, 9) n;
-- Members whose history has two versions, the second from 2025-01-01 on.
insert into dim_client (client_id, client_code, segment, version, valid_from, valid_to, is_current)
values (member(1), 'C1', 'small', 1, '-infinity', '2025-01-01 00:00-05', false),
       (member(1), 'C1', 'large', 2, '2025-01-01 00:00-05', 'infinity', true);
insert into dim_liquidity_provider (lp_id, lp_code, tier, version, valid_from, valid_to, is_current)
values (member(1), 'L1', 'one', 1, '-infinity', '2025-01-01 00:00-05', false),
       (member(1), 'L1', 'two', 2, '2025-01-01 00:00-05', 'infinity', true);
insert into dim_strategy (strategy_id, strategy_name, strategy_type, version, valid_from, valid_to, is_current)
values (1, 'old name', 'slow', 1, '-infinity', '2025-01-01 00:00-05', false),
       (1, 'new name', 'quick', 2, '2025-01-01 00:00-05', 'infinity', true),
       (2, 'same name', 'slow', 1, '-infinity', 'infinity', true), (3, 'same name', 'slow', 1, '-infinity', 'infinity', true);

create table fact_trades_of_the_test partition of fact_trades for values from (20200101) to (20300101);
create table fact_risk_of_the_test partition of fact_risk_snapshots for values from (20200101) to (20300101);
create table fact_quotes_of_the_test partition of fact_quotes for values from (20200101) to (20300101);
create table fact_orders_of_the_test partition of fact_orders for values from (20200101) to (20300101);
create table fact_performance_of_the_test partition of fact_performance_daily for values from (20200101) to (20300101);
create sequence references_of_the_test;

-- Member 0 is nobody: the Unknown one.
create function trade(day date, client integer, lp integer, instrument integer, quantity numeric, price numeric,
                      realized numeric default 0, fees numeric default 0, currency text default 'USD',
                      rate numeric default 1, tenant text default 'a', source text default 'CLIENT')
returns void language sql as $$
    insert into fact_trades (date_key, time_key, instrument_key, account_key, strategy_key, client_key, lp_key, tenant_id,
        source, trade_reference, execution_timestamp, side, quantity, price, notional_value, fees, net_amount, currency,
        rate_to_base, realized_pnl, is_closing, source_updated_at, etl_run_id)
    select key_of(day), 36000, i.instrument_key, 0, 0, coalesce(c.client_key, 0), coalesce(l.lp_key, 0), tenant(tenant), source,
           nextval('references_of_the_test')::text, instant(day), 'BUY', quantity, price, quantity * price, fees,
           quantity * price + fees, trade.currency, rate, realized, realized <> 0, now(), 1
    from dim_instrument i
    left join dim_client c on c.client_id = member(client) and c.valid_from <= instant(day) and instant(day) < c.valid_to
    left join dim_liquidity_provider l
        on l.lp_id = member(lp) and l.valid_from <= instant(day) and instant(day) < l.valid_to
    where i.instrument_id = instrument $$;
create function snapshot(day date, n integer, client integer, utilization numeric, soft integer, hard integer, score numeric)
returns void language sql as $$
    insert into fact_risk_snapshots (date_key, time_key, client_key, tenant_id, client_id, snapshot_at, utilization_pct,
        soft_breach_count, hard_breach_count, risk_score, source_updated_at, etl_run_id)
    select key_of(day), 36000, c.client_key, tenant('a'), c.client_id, instant(day) + n * interval '1 second', utilization,
           soft, hard, score, now(), 1
    from dim_client c
    where c.client_id = member(client) and c.valid_from <= instant(day) and instant(day) < c.valid_to $$;
create function quote(day date, lp integer, bid numeric, ask numeric, stale boolean, weight integer, latency numeric,
                      tenant text default 'a')
returns void language sql as $$
    insert into fact_quotes (date_key, time_key, instrument_key, lp_key, tenant_id, quote_reference, quote_timestamp,
        bid_price, ask_price, mid_price, spread, spread_bps, is_stale, spread_changed, sample_weight, latency_ms,
        source_updated_at, etl_run_id)
    select key_of(day), 36000, 1, l.lp_key, tenant(tenant), nextval('references_of_the_test')::text, instant(day), bid, ask,
           (bid + ask) / 2, ask - bid, round((ask - bid)::numeric(60,40) / bid * 10000, 16), stale, weight = 1, weight,
           latency, now(), 1
    from dim_liquidity_provider l
    where l.lp_id = member(lp) and l.valid_from <= instant(day) and instant(day) < l.valid_to
       or lp = 0 and l.lp_key = 0 $$;
create function orders(day date, lp integer, status text, n integer default 1, tenant text default 'a')
returns void language sql as $$
    insert into fact_orders (date_key, time_key, instrument_key, account_key, strategy_key, client_key, lp_key, tenant_id,
        order_id, order_timestamp, final_status, requested_quantity, filled_quantity, fill_rate, was_rejected,
        was_cancelled, source_updated_at, etl_run_id)
    select key_of(day), 36000, 1, 0, 0, 0, l.lp_key, tenant(tenant), nextval('references_of_the_test'), instant(day), status,
           1, 0, 0, status = 'REJECTED', status = 'CANCELLED', now(), 1
    from dim_liquidity_provider l, generate_series(1, n)
    where l.lp_id = member(lp) and l.valid_from <= instant(day) and instant(day) < l.valid_to
       or lp = 0 and l.lp_key = 0 $$;
create function performance(day date, account integer, strategy integer, net numeric, trades integer default 1,
                            winners integer default 0)
returns void language sql as $$
    insert into fact_performance_daily (date_key, tenant_id, account_key, strategy_key, total_trades, closing_trades,
        winning_trades, losing_trades, total_volume, total_notional, gross_profit, gross_loss, net_pnl, commissions, fees,
        etl_run_id)
    select key_of(day), tenant('a'), a.account_key, s.strategy_key, trades, trades, winners, trades - winners, 1, 1,
           greatest(net, 0), greatest(-net, 0), net, 0, 0, 1
    from dim_account a
    join dim_strategy s on s.strategy_id = strategy and s.valid_from <= instant(day) and instant(day) < s.valid_to
                           or strategy = 0 and s.strategy_key = 0
    where a.account_id = account $$;
END

# Runs the lines "trade(...)" and the like of standard input.
facts() {
    sed 's/^ *\(.*)\)$/select \1;/' | sql warehouse >/dev/null
}

# ---- clients, by hand

# An ISO week that begins in one year and ends in the next. Snapshots multiply no trade: two trades, five snapshots.
facts <<'END'
    trade('2024-12-30', 1, 0, 1, 2, 10, 3, 0.5)
    trade('2025-01-02', 1, 0, 2, 1, 4, -1, 1, 'EUR', 1.1, 'a', 'DESK')
    trade('2025-01-06', 1, 0, 3, 7, 1, 1000)
    trade('2024-12-29', 1, 0, 4, 7, 1, 1000)
    trade('2024-12-30', 1, 0, 5, 9, 9, 9, 9, 'USD', 1, 'b')
    trade('2024-12-30', 0, 0, 1, 5, 5)
    snapshot('2024-12-30', 1, 1, 10, 1, 0, 1)
    snapshot('2024-12-30', 2, 1, 20, 1, 1, 2)
    snapshot('2024-12-30', 3, 1, 30, 0, 0, 3)
    snapshot('2025-01-02', 1, 1, 40, 1, 0, 4)
    snapshot('2025-01-02', 2, 1, null, 1, 0, null)
    snapshot('2025-01-06', 1, 1, 99, 9, 9, 9)
    snapshot('2025-01-01', 1, 2, 12.5, 0, 2, 7)
END
done_is 3 3 0 0 0 0 client_metrics 2025-01-01 WEEKLY
counts='trading_days, total_trades, unique_instruments, total_volume'
money='total_notional, avg_trade_size, total_fees, realized_pnl'
risk='avg_utilization, max_utilization, breach_count, risk_score'
for columns in "$counts=2|2|2|3.00000000" \
    "$money=24.4000000000000000|12.2000000000000000|1.60000000|1.90000000" \
    "$risk=25.0000000000000000|40.00000000|5|2.5000000000000000" \
    "period_end, engagement_score=2025-01-05|0.1502857142857143"; do
    row_is agg_client_metrics "${columns%%=*}" WEEKLY 2024-12-30 1 "${columns#*=}"
done
# Risk without a trade.
row_is agg_client_metrics "$counts, $money" WEEKLY 2024-12-30 2 '0|0|0|0.00000000|0.0000000000000000||0.00000000|0.00000000'
row_is agg_client_metrics "$risk, engagement_score" WEEKLY 2024-12-30 2 \
    '12.5000000000000000|12.50000000|2|7.0000000000000000|0.0000000000000000'
assert_equal "$(sql warehouse "select tenant('b')")|9.00000000" "$(sql warehouse "select tenant_id, realized_pnl
    from agg_client_metrics where tenant_id <> tenant('a')")" "another tenant's client of the same id"

# A day is a period of one day: its share of trading days is 1.
done_is 2 2 0 0 0 0 client_metrics 2024-12-30
row_is agg_client_metrics "$counts, avg_trade_size, breach_count, engagement_score" DAILY 2024-12-30 1 \
    '1|1|1|2.00000000|20.0000000000000000|3|0.4180000000000000'
# The month ends within the week, and has the Sunday before it.
done_is 2 2 0 0 0 0 client_metrics 2024-12-31 MONTHLY
row_is agg_client_metrics "$counts, realized_pnl, period_end" MONTHLY 2024-12-01 1 '2|2|2|9.00000000|1003.00000000|2024-12-31'
done_is 2 2 0 0 0 0 client_metrics 2025-03-31 QUARTERLY
row_is agg_client_metrics "$counts, realized_pnl, period_end" QUARTERLY 2025-01-01 1 '2|2|2|8.00000000|998.90000000|2025-03-31'
done_is 2 2 0 0 0 0 client_metrics 2025-07-01 YEARLY
row_is agg_client_metrics "$counts, realized_pnl, period_end" YEARLY 2025-01-01 1 '2|2|2|8.00000000|998.90000000|2025-12-31'

# All the shares of engagement are capped.
sql warehouse "select trade('2024-05-15', 3, 0, 1 + n % 25, 1, 1) from generate_series(1, 120) n" >/dev/null
done_is 1 1 0 0 0 0 client_metrics 2024-05-15
row_is agg_client_metrics "total_trades, unique_instruments, engagement_score" DAILY 2024-05-15 3 '120|25|1.0000000000000000'

# Again writes nothing.
versions() {
    sql warehouse "select ctid, xmin, m.* from $1 m order by 1"
}
versions agg_client_metrics >"$TEST_DIR/before"
done_is 3 0 0 3 0 0 client_metrics 2025-01-05 WEEKLY
done_is 2 0 0 2 0 0 client_metrics 2025-02-01 YEARLY
versions agg_client_metrics | diff "$TEST_DIR/before" - || fail "a second run wrote rows"

# What changed is updated, what vanished is removed, what is new is inserted; the dirty log of the period is taken.
sql warehouse "insert into etl_dirty_buckets (target, date_key, reason) values
    ('client_metrics:WEEKLY', 20241229, 'before'), ('client_metrics:WEEKLY', 20241230, 'first'),
    ('client_metrics:WEEKLY', 20250105, 'last'), ('client_metrics:WEEKLY', 20250106, 'after'),
    ('client_metrics:DAILY', 20250101, 'another'), ('lp_performance:WEEKLY', 20250101, 'another')"
sql warehouse "update fact_risk_snapshots set is_deleted = true where client_id = member(2);
               update fact_trades set realized_pnl = 4 where date_key = 20241230 and realized_pnl = 3;
               select trade('2025-01-05', 4, 0, 1, 1, 1)" >/dev/null
done_is 3 1 1 1 0 1 client_metrics 2025-01-03 WEEKLY
row_is agg_client_metrics realized_pnl WEEKLY 2024-12-30 1 2.90000000
row_is agg_client_metrics 'count(*)' WEEKLY 2024-12-30 2 0
assert_equal 'after another another before' "$(sql warehouse "
    select string_agg(reason, ' ' order by reason) from etl_dirty_buckets")" "dirty log of other periods and targets"
sql warehouse 'truncate etl_dirty_buckets'
echo "clients by hand"

# ---- held: a missing rate, books that are not closed

facts <<<"trade('2025-01-03', 4, 5, 1, 1, 1, 0, 0, 'GBP', null)"
done_is 3 0 0 2 1 1 client_metrics 2025-01-03 WEEKLY
row_is agg_client_metrics 'count(*)' WEEKLY 2024-12-30 4 0
held="select severity, business_date, record_id, resolved_at is null, error_message from etl_data_quality_issues
      where rule_name = 'fx_rate_missing' and source_table = 'agg_client_metrics'"
finding="WARNING|2024-12-30|WEEKLY/00000000-0000-0000-0000-00000000000a/c0000000-0000-0000-0000-000000000004|t|[fx_rate_missing] \
1 of 2 trades of c0000000-0000-0000-0000-000000000004 in 2025-W01 have no rate from GBP to USD, so that this client has no row \
for that period: add the rate to the source's fx_rates, then run \`tapemill enqueue daily_load --date 2025-01-03\`"
assert_equal "$finding" "$(sql warehouse "$held")" "the finding of a client that is held"
assert_equal 'client_metrics:WEEKLY|20250103|fx_rate_missing' \
    "$(sql warehouse 'select target, date_key, reason from etl_dirty_buckets')" "what stays dirty"
done_is 3 0 0 2 1 0 client_metrics 2025-01-03 WEEKLY
assert_equal "$finding" "$(sql warehouse "$held")" "the finding is filed once"
assert_equal 1 "$(sql warehouse 'select count(*) from etl_dirty_buckets')" "dirty rows of a period that is held"
done_is 1 0 0 0 1 0 lp_performance 2025-01-03
assert_equal "DAILY/00000000-0000-0000-0000-00000000000a/c0000000-0000-0000-0000-000000000005" "$(sql warehouse "
    select record_id from etl_data_quality_issues where source_table = 'agg_lp_performance'")" "a provider that is held"
sql warehouse "update fact_trades set rate_to_base = 1.25 where currency = 'GBP'"
done_is 3 1 0 2 0 0 client_metrics 2025-01-03 WEEKLY
row_is agg_client_metrics total_notional WEEKLY 2024-12-30 4 2.2500000000000000
assert_equal "${finding/|t|/|f|}" "$(sql warehouse "$held")" "the finding once the rate is there"
assert_equal 0 "$(sql warehouse "select count(*) from etl_dirty_buckets where target like 'client%'")" "dirty rows then"
done_is 1 1 0 0 0 0 lp_performance 2025-01-03

facts <<<"trade('2025-02-04', 4, 0, 1, 1, 1, null)"
run_is 'waiting pnl:20250204: ' client_metrics 2025-02-05 period=WEEKLY
run_is 'waiting pnl:20250204: ' client_metrics 2025-02-04
sql warehouse "insert into etl_conditions (key, met) values ('pnl:20250204', true)
               on conflict (key) do update set met = true; delete from etl_jobs where state = 'waiting'"
run_is 'failed gate: the books of 2025-02-04 are closed, but 1 of its trades have no realised P&L' client_metrics 2025-02-04
run_is 'failed argument: ' client_metrics 2025-02-04 period=HOURLY
assert_contains "$(sql warehouse "select error_message from etl_job_runs where status = 'FAILED' order by run_no desc limit 1")" \
    'the argument period is "HOURLY", but must be DAILY, WEEKLY, MONTHLY, QUARTERLY or YEARLY' "an unknown period"
sql warehouse "delete from fact_trades where realized_pnl is null; delete from etl_conditions; truncate etl_dirty_buckets"
echo "held periods"

# ---- liquidity providers, by hand

# Providers 1 and 4 are alike, so that they tie. The first quote stands for ten, so that 10 of 11 are fresh.
# A quote of 200 bps makes the average 1200/11, which counts as 100. Only one has a latency.
for lp in 1 4; do
    facts <<END
    quote('2025-01-03', $lp, 100, 101, false, 10, 5)
    quote('2025-01-03', $lp, 100, 102, true, 1, null)
    orders('2025-01-03', $lp, 'FILLED', 4)
    orders('2025-01-03', $lp, 'REJECTED')
    orders('2025-01-03', $lp, 'CANCELLED')
END
done
# 2: orders alone, all rejected. 3: quotes alone. 5: a trade alone (above). 6: quotes that are crossed, each stale. 0: nobody.
facts <<'END'
    orders('2025-01-03', 2, 'REJECTED', 2)
    quote('2025-01-03', 3, 100, 100, false, 1, 0)
    quote('2025-01-03', 6, 101, 100, true, 10, 2500)
    orders('2025-01-03', 6, 'FILLED')
    quote('2025-01-03', 0, 100, 100, false, 1, 0)
    orders('2025-01-03', 0, 'FILLED', 7)
    quote('2025-01-03', 1, 100, 103, false, 1, 1, 'b')
    orders('2025-01-03', 1, 'FILLED', 1, 'b')
END
done_is 7 6 1 0 0 0 lp_performance 2025-01-03
quotes='quote_count, sampled_quotes, avg_spread, avg_spread_bps, quote_availability, avg_latency_ms'
trades='trade_count, total_notional, order_count, fill_rate, rejection_count'
row_is agg_lp_performance "$quotes" DAILY 2025-01-03 1 \
    '11|2|1.0909090909090909|109.0909090909090909|0.9090909090909091|5.0000000000000000'
row_is agg_lp_performance "$trades" DAILY 2025-01-03 1 '0|0.0000000000000000|6|0.6666666666666667|1'
# 10/11 x 0.25 + 0 + 0.995 x 0.20 + 4/6 x 0.20
row_is agg_lp_performance performance_score DAILY 2025-01-03 1 0.5596060606060606
row_is agg_lp_performance "$quotes" DAILY 2025-01-03 2 '0|0||||'
row_is agg_lp_performance "$trades, performance_score" DAILY 2025-01-03 2 '0|0.0000000000000000|2|0.0000000000000000|2|0.0000000000000000'
row_is agg_lp_performance "$trades, performance_score" DAILY 2025-01-03 3 '0|0.0000000000000000|0|||'
row_is agg_lp_performance "$trades, performance_score" DAILY 2025-01-03 5 '1|1.2500000000000000|0|||'
# 0 + 0.35 + 0 + 0.20
row_is agg_lp_performance "$quotes" DAILY 2025-01-03 6 \
    '10|1|-1.0000000000000000|-99.0099009900990099|0.0000000000000000|2500.0000000000000000'
row_is agg_lp_performance performance_score DAILY 2025-01-03 6 0.5500000000000000
ranks() {
    sql warehouse "select string_agg(right(lp_id::text, 1) || ':' || overall_rank, ' ' order by tenant_id, overall_rank, lp_id)
                   from agg_lp_performance where period_type = '$1' and metric_date = '$2'"
}
assert_equal '1:1 4:1 6:3 2:4 3:5 5:5 1:1' "$(ranks DAILY 2025-01-03)" "equal scores share a rank, those without one are last"
assert_fails 1 sql warehouse "update fact_quotes set is_stale = null"
assert_contains "$OUTPUT" 'violates not-null constraint' "a quote of which nobody knows whether it is stale"

# The week: another version of provider 1 on 2024-12-31 is the same provider. A better one moves the others' ranks.
facts <<'END'
    orders('2024-12-31', 1, 'FILLED', 2)
    orders('2025-01-05', 7, 'FILLED')
    quote('2025-01-05', 7, 100, 100, false, 1, 0)
END
done_is 8 8 0 0 0 0 lp_performance 2024-12-30 WEEKLY
row_is agg_lp_performance 'order_count, fill_rate, period_end' WEEKLY 2024-12-30 1 '8|0.7500000000000000|2025-01-05'
row_is agg_lp_performance performance_score WEEKLY 2024-12-30 7 1.0000000000000000
assert_equal '7:1 1:2 4:3 6:4 2:5 3:6 5:6 1:1' "$(ranks WEEKLY 2024-12-30)" "ranks of a week"
sql warehouse "update fact_orders set is_deleted = true
               where lp_key = (select lp_key from dim_liquidity_provider where lp_id = member(7));
               update fact_quotes set is_deleted = true where date_key = 20250105"
versions agg_lp_performance >"$TEST_DIR/before"
done_is 7 0 0 7 0 0 lp_performance 2025-01-03
versions agg_lp_performance | diff "$TEST_DIR/before" - || fail "a second run wrote rows"
done_is 7 0 6 1 0 1 lp_performance 2025-01-01 WEEKLY
assert_equal '1:1 4:2 6:3 2:4 3:5 5:5 1:1' "$(ranks WEEKLY 2024-12-30)" "ranks once the best one is gone"
done_is 1 1 0 0 0 0 lp_performance 2024-12-01 MONTHLY
echo "liquidity providers by hand"

# ---- views

# view_is VIEW COLUMNS CONDITION EXPECTED
view_is() {
    assert_equal "$4" "$(sql warehouse "select $2 from $1 where $3")" "$1, $2 where $3"
}

tapemill enqueue refresh_views >/dev/null
assert_contains "$("$TAPEMILL_TEST_BIN/run_job" --queued || true)" \
    'failed argument: nobody has said yet as of which date the views are to be; give one with --date YYYY-MM-DD' "no date at all"
# 2025-01-30 looks back to 2025-01-01 and, of instruments, to 2024-11-02.
facts <<'END'
    performance('2024-12-31', 1, 1, 500, 7, 7)
    performance('2025-01-01', 1, 1, 10, 1, 1)
    performance('2025-01-30', 1, 1, -4, 9, 0)
    performance('2025-01-30', 2, 1, 1, 90, 1)
    performance('2025-01-31', 1, 1, 500, 7, 7)
    performance('2025-01-02', 1, 2, 3, 2, 1)
    performance('2025-01-02', 1, 3, 30, 2, 1)
    performance('2025-01-02', 1, 0, 5, 1, 1)
    trade('2024-11-01', 2, 0, 20, 1, 1000)
    trade('2024-11-02', 2, 0, 20, 1, 10)
    trade('2025-01-30', 2, 0, 20, 3, 12)
    trade('2025-01-31', 2, 0, 20, 1, 1000)
    trade('2025-01-30', 2, 0, 21, 1, 10)
    trade('2025-01-30', 2, 0, 21, 1, 10, 0, 0, 'EUR', 1.1)
    trade('2025-01-30', 2, 0, 22, 2, 10, 0, 0, 'EUR', null)
END
run_is 'done extracted=1 inserted=1 updated=0 unchanged=0 skipped=0 removed=0 {"as_of": "2025-01-30"' refresh_views 2025-01-30
strategies='strategy_name, strategy_type, trading_days, total_pnl, total_trades, win_rate, profit_factor, sharpe_ratio, pnl_rank, last_date'
# One row for both versions of 1, with the newer's name; not the mean of 1, 0 and 0.0111; strategies of one name are two.
view_is mv_top_performing_strategies "$strategies" 'strategy_id = 1' \
    'new name|quick|2|7.00000000|100|0.0200000000000000|2.7500000000000000||2|2025-01-30'
view_is mv_top_performing_strategies "string_agg(coalesce(strategy_id::text, 'none'), ' ' order by pnl_rank)" true '3 1 none 2'
view_is mv_top_performing_strategies 'strategy_name, total_pnl, profit_factor' 'strategy_id is null' 'Unknown|5.00000000|'
prices='price_currency, avg_price, vwap_price, min_price, max_price, price_volatility'
view_is mv_instrument_statistics "symbol, trading_days, trade_count, total_volume, total_notional" 'instrument_id = 20' \
    'I20|2|2|4.00000000|46.0000000000000000'
view_is mv_instrument_statistics "$prices" 'instrument_id = 20' \
    'USD|11.0000000000000000|11.5000000000000000|10.00000000|12.00000000|1.4142135623730950'
view_is mv_instrument_statistics "$prices, total_notional" 'instrument_id = 21' '||||||21.0000000000000000'
view_is mv_instrument_statistics "$prices, total_notional, trades_without_rate" 'instrument_id = 22' \
    'EUR|10.0000000000000000|10.0000000000000000|10.00000000|10.00000000|||1'

# An earlier date leaves as_of where it is, unless it is said so; a later one moves it.
as_of_is() {
    assert_equal "$1" "$(sql warehouse "select as_of, ends_at at time zone 'America/New_York' from as_of")" "as_of"
}
run_is 'done extracted=1 inserted=0 updated=0 unchanged=1 skipped=0 removed=0 {"as_of": "2025-01-30"' refresh_views 2025-01-15
as_of_is '2025-01-30|2025-01-31 00:00:00'
run_is 'done extracted=1 inserted=0 updated=1 unchanged=0' refresh_views 2025-01-15 as_of=2024-12-31
as_of_is '2024-12-31|2025-01-01 00:00:00'
view_is mv_top_performing_strategies "strategy_id, strategy_name, total_pnl" true '1|old name|500.00000000'
run_is 'done extracted=1 inserted=0 updated=1 unchanged=0' refresh_views 2025-01-31
as_of_is '2025-01-31|2025-02-01 00:00:00'
view_is mv_instrument_statistics max_price 'instrument_id = 20' 1000.00000000
run_is 'failed argument: the argument as_of is "soon", but must be a date, YYYY-MM-DD' refresh_views 2025-01-15 as_of=soon
view_is mv_instrument_statistics max_price 'instrument_id = 20' 1000.00000000

# Several at once, each with a date of its own: none fails, and the latest date stays.
for day in 25 26 27 28; do
    "$TAPEMILL_TEST_BIN/run_job" refresh_views "2025-02-$day" >"$TEST_DIR/refresh-$day.txt" 2>&1 &
    pids+=($!)
done
for pid in "${pids[@]}"; do
    wait "$pid" || fail "a refresh beside others failed: $(cat "$TEST_DIR"/refresh-*.txt)"
done
assert_equal 4 "$(cat "$TEST_DIR"/refresh-*.txt | grep -c ' done ')" "refreshes at once"
as_of_is '2025-02-28|2025-03-01 00:00:00'

# Dates of a backfill leave it to the last of them; without a date the views are as of the one that is there.
sql warehouse "insert into etl_backfills (target, from_date, to_date, next_date, parallel, reprocess, queue, priority)
               values ('refresh_views', '2025-03-01', '2025-03-02', '2025-03-02', 1, 'none', 'backfill', 5)"
queued() {
    tapemill enqueue refresh_views "$@" >/dev/null
    [ $# -eq 0 ] || sql warehouse "update etl_jobs set backfill_id = (select max(id) from etl_backfills) where state = 'queued'"
    "$TAPEMILL_TEST_BIN/run_job" --queued
}
assert_contains "$(queued --date 2025-03-01)" 'updated=1 unchanged=0 skipped=0 removed=0 {"as_of": "2025-03-01", "left_to": "backfill"}' \
    "a date of a backfill with another to come"
view_is mv_instrument_statistics max_price 'instrument_id = 20' 1000.00000000
sql warehouse "update etl_backfills set next_date = null; update fact_trades set price = 2000, notional_value = 2000 * quantity,
    net_amount = 2000 * quantity where date_key = 20250131"
# One that comes behind a job that is dead may never come.
sql warehouse "insert into etl_pipeline_runs (pipeline, business_date) values ('daily_load', '2025-03-01');
    insert into etl_jobs (job_name, job_type, kind, queue, priority, max_attempts, business_date, pipeline_run_id, backfill_id, pending, state)
    select j.name, 'ETL', 'batch', 'batch', 5, 5, '2025-03-01', (select max(id) from etl_pipeline_runs), (select max(id) from etl_backfills), j.pending, j.state
    from (values ('load_trades', 0, 'dead'), ('refresh_views', 1, 'waiting')) j (name, pending, state)"
assert_contains "$(queued --date 2025-03-02)" '{"as_of": "2025-03-02", "strategies": ' "the last date of a backfill"
view_is mv_instrument_statistics max_price 'instrument_id = 20' 2000.00000000
assert_contains "$(queued)" 'unchanged=1 skipped=0 removed=0 {"as_of": "2025-03-02", "strategies": ' "without a date"
sql warehouse 'truncate fact_trades, fact_risk_snapshots, fact_quotes, fact_orders, fact_performance_daily,
    agg_client_metrics, agg_lp_performance, etl_dirty_buckets'
echo "views by hand"

# ---- at random, over the end of a year with 53 weeks, against the model

sql warehouse >/dev/null <<'END'
-- A number from 0 to n - 1, the same each time.
create function pick(n integer, i integer, salt text) returns integer language sql immutable as $$
    select (('x' || left(md5(i || salt), 7))::bit(28)::integer % n) $$;
create function day_of(i integer) returns date language sql immutable as $$ select date '2020-12-20' + pick(22, i, 'day') $$;
select trade(day_of(i), pick(5, i, 'client'), pick(6, i, 'lp'), 1 + pick(30, i, 'instrument'),
             (1 + pick(100000, i, 'quantity'))::numeric / 1000, round((1 + pick(1000000, i, 'price'))::numeric / 10007, 8),
             (pick(20001, i, 'realized') - 10000)::numeric / 7, round(pick(1000, i, 'fees')::numeric / 300, 8),
             (array['USD', 'EUR', 'JPY'])[c], case when pick(150, i, 'rate') > 0 then (array[1, 1.0812345, 0.006789012345])[c] end,
             (array['a', 'b'])[1 + pick(2, i, 'tenant')], (array['DESK', 'CLIENT'])[1 + pick(2, i, 'source')])
from (select i, 1 + case when pick(30, i, 'instrument') < 20 then pick(30, i, 'instrument') % 3 else pick(3, i, 'currency') end as c
      from generate_series(1, 900) i) given;
select snapshot(day_of(i), i, 1 + pick(6, i, 'client'), nullif(pick(100, i, 'used'), 0)::numeric / 3, pick(3, i, 'soft'),
                pick(2, i, 'hard'), nullif(pick(50, i, 'score'), 0)::numeric / 7)
from generate_series(1, 150) i;
select quote(day_of(i), pick(7, i, 'lp'), bid, bid + (pick(90, i, 'spread') - 10)::numeric / 1000, pick(5, i, 'stale') = 0,
             (array[1, 10])[1 + pick(2, i, 'weight')], nullif(pick(1500, i, 'latency'), 0)::numeric / 7,
             (array['a', 'b'])[1 + pick(2, i, 'tenant')])
from (select i, (1 + pick(100000, i, 'bid'))::numeric / 1000 as bid from generate_series(1, 400) i) given
where bid > 1;
select orders(day_of(i), pick(7, i, 'lp'), (array['FILLED', 'CANCELLED', 'REJECTED'])[1 + pick(3, i, 'status')], 1,
              (array['a', 'b'])[1 + pick(2, i, 'tenant')])
from generate_series(1, 300) i;
-- 40 dates; strategy 0 trades on few of them.
select performance(date '2020-12-02' + d, a, s, (pick(2000001, 100 * d + 10 * a + s, 'net') - 1000000)::numeric / 777,
                   1 + pick(9, d, 'trades'), pick(2, d, 'winners'))
from generate_series(0, 39) d, generate_series(1, 2) a, generate_series(0, 3) s
where s > 0 or d % 10 = 0;
update fact_trades set is_deleted = true, realized_pnl = null, is_closing = null where pick(25, trade_key::integer, 'gone') = 0;
update fact_quotes set is_deleted = true where pick(25, quote_key::integer, 'gone') = 0;
END

# for_all_periods JOB: runs it for each period of these dates, beginning with the last
for_all_periods() {
    local kind day
    for kind in DAILY WEEKLY MONTHLY QUARTERLY YEARLY; do
        for day in $(case $kind in
            DAILY) seq 21 -1 0 ;;
            WEEKLY) echo 21 15 10 1 0 ;;
            *) echo 20 3 ;;
            esac); do
            "$TAPEMILL_TEST_BIN/run_job" "$1" "$(date -u -d "2020-12-20 + $day days" +%F)" "{\"period\": \"$kind\"}"
        done
    done
}
for_all_periods client_metrics >"$TEST_DIR/clients.txt"
for_all_periods lp_performance >"$TEST_DIR/providers.txt"
"$TAPEMILL_TEST_BIN/run_job" refresh_views 2021-01-05 '{"as_of": "2021-01-05"}' >/dev/null
export_csv() {
    sql warehouse "copy ($2) to stdout (format csv, header)" >"$TEST_DIR/$1.csv"
}
export_csv trades "select f.*, c.client_id, l.lp_id, i.instrument_id from fact_trades f join dim_client c using (client_key)
    join dim_liquidity_provider l using (lp_key) join dim_instrument i using (instrument_key) where not f.is_deleted"
export_csv risk 'select * from fact_risk_snapshots'
export_csv quotes "select f.*, l.lp_id from fact_quotes f join dim_liquidity_provider l using (lp_key) where not f.is_deleted"
export_csv orders 'select f.*, l.lp_id from fact_orders f join dim_liquidity_provider l using (lp_key)'
export_csv performance 'select f.*, s.strategy_id, d.is_trading_day from fact_performance_daily f
    join dim_strategy s using (strategy_key) join dim_date d using (date_key)'
export_csv clients 'select * from agg_client_metrics'
export_csv providers 'select * from agg_lp_performance'
export_csv strategies 'select * from mv_top_performing_strategies'
export_csv instruments 'select * from mv_instrument_statistics'
python3 "$TAPEMILL_ROOT/tests/integration/metrics_model.py" "$TEST_DIR" 2021-01-05 || fail "the model does not agree"
assert_equal '2020-12-21 2020-12-28 2021-01-04' "$(sql warehouse "select string_agg(distinct metric_date::text, ' ')
    from agg_client_metrics where period_type = 'WEEKLY' and metric_date >= '2020-12-21'")" "weeks around one that is the 53rd"
assert_contains "$(cat "$TEST_DIR/clients.txt")" '"period": "2020-W53"' "the name of the week"
assert_equal 3 "$(sql warehouse 'select count(*) from mv_top_performing_strategies where sharpe_ratio is not null')" \
    "strategies with a Sharpe ratio"

# Again nothing is written; and the model would notice a wrong figure.
{ for_all_periods client_metrics && for_all_periods lp_performance; } >"$TEST_DIR/again.txt"
assert_equal 0 "$(grep -cv ' inserted=0 updated=0 .* removed=0 ' "$TEST_DIR/again.txt")" "runs that wrote rows again"
# Runs of one period at once: one writes its rows, the others find them.
expected=$(sql warehouse "select count(*) from agg_client_metrics where period_type = 'YEARLY' and metric_date = '2020-01-01'")
sql warehouse "delete from agg_client_metrics where period_type = 'YEARLY'"
pids=()
for n in 1 2 3; do
    "$TAPEMILL_TEST_BIN/run_job" client_metrics 2020-05-05 '{"period": "YEARLY"}' >"$TEST_DIR/race-$n.txt" 2>&1 &
    pids+=($!)
done
for pid in "${pids[@]}"; do
    wait "$pid" || fail "a run beside others failed: $(cat "$TEST_DIR"/race-*.txt)"
done
assert_equal "0 0 $expected" "$(sed -E 's/.*inserted=([0-9]+).*/\1/' "$TEST_DIR"/race-*.txt | sort -n | xargs)" "rows that three runs inserted"
awk -F, -v OFS=, 'NR == 2 { $7 = $7 + 1 } { print }' "$TEST_DIR/clients.csv" >"$TEST_DIR/wrong.csv"
mv "$TEST_DIR/wrong.csv" "$TEST_DIR/clients.csv"
assert_fails 1 python3 "$TAPEMILL_ROOT/tests/integration/metrics_model.py" "$TEST_DIR" 2021-01-05
assert_contains "$OUTPUT" 'agg_client_metrics' "a figure that is wrong"
echo "at random"
