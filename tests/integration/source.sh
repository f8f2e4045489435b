#!/usr/bin/env bash
# The sample source: the same arguments make the same tables, days can be appended, the summary counts what is there, and
# real prints are imported whole or not at all.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up

tables='instruments:instrument_id accounts:account_id strategies:strategy_id clients:client_id liquidity_providers:lp_id
orders:order_id executions:execution_id trades:trade_id quotes:quote_id positions:position_id
risk_snapshots:client_id,snapshot_at fx_rates:currency,rate_date'

# A line per table: its name and the checksum of its rows.
checksums() {
    local table
    for table in $tables; do
        printf '%s ' "${table%%:*}"
        sql source "copy (select * from ${table%%:*} order by ${table##*:}) to stdout" | md5sum
    done
}

# The number the summary gives for a table and a line of it.
summary() {
    sql source "select rows from sample_summary where table_name = '$1' and what = '$2'"
}

generate() {
    tapemill source generate --seed 7 --rows 2000 --weekends few --accounts 12 --strategies 60 "$@" \
        >"$TEST_DIR/generate.out"
}
usual=(--client-rows 900 --quotes 700 --dirty 30)

tapemill source init
assert_fails 1 tapemill source init
assert_contains "$OUTPUT" '--replace drops them' "init on tables that exist"

generate --from 2024-03-07 --days 6 "${usual[@]}"
first=$(checksums)
assert_fails 1 generate --from 2024-03-07 --days 6 "${usual[@]}"
generate --from 2024-03-07 --days 6 --replace "${usual[@]}"
assert_equal "$first" "$(checksums)" "two runs with the same arguments"

valid="quantity > 0 and quantity < 1e20 and scale(quantity) <= 8 and price > 0 and price < 1e20 and scale(price) <= 8
    and side in ('BUY', 'SELL') and instrument_id is not null"
assert_equal "$(sql source "select count(*) from executions where ($valid and account_id is not null) is not true")" \
    "$(summary executions expected_quarantined)" "executions to be quarantined"
assert_equal "$(sql source "select count(*) from trades
    where ($valid and tenant_id is not null and client_id is not null) is not true")" \
    "$(summary trades expected_quarantined)" "trades to be quarantined"
assert_equal "$(sql source "select count(*) from quotes where (bid > 0 and bid < 1e20 and ask > 0 and ask < 1e20) is not true")" \
    "$(summary quotes expected_quarantined)" "quotes to be quarantined"
assert_equal "$(sql source "select count(*) from orders where (tenant_id is not null and client_id is not null and
    requested_quantity > 0 and requested_quantity < 1e20 and
    status in ('PENDING', 'PARTIAL', 'FILLED', 'CANCELLED', 'REJECTED')) is not true")" \
    "$(summary orders expected_quarantined)" "orders to be quarantined"
assert_equal "$(sql source "select count(*) from orders where filled_quantity > requested_quantity and requested_quantity > 0
    and status = 'FILLED'")" "$(summary orders expected_warnings)" "orders with a warning"
assert_equal 0 "$(sql source "select count(*) from orders where account_id is not null and (tenant_id is null or client_id is null)")" \
    "orders of the desk without tenant or client"
assert_equal "$(sql source "select count(*) from risk_snapshots where utilization_pct = 'NaN' or risk_score = 'Infinity' or
    soft_breach_count < 0")" "$(summary risk_snapshots expected_quarantined)" "snapshots to be quarantined"
assert_equal "$(sql source "select count(*) from quotes where bid > 0 and bid < 1e20 and ask > 0 and (bid >= ask or is_stale)")" \
    "$(summary quotes expected_warnings)" "quotes with a warning"
assert_equal "$(sql source "select count(*) from executions
    where $valid and account_id is not null and (price >= 1e9 or fees < 0 or reported_at < executed_at)")" \
    "$(summary executions expected_warnings)" "executions with a warning"
assert_equal "$(sql source "select count(*) from (select from trades where tenant_id is not null
    group by tenant_id, trade_reference having count(distinct updated_at) = 2) as repeated")" \
    "$(summary trades expected_superseded)" "references that come twice"
assert_equal "$(sql source "select count(*) from executions where status = 'CORRECTED'")" \
    "$(summary executions corrected)" "corrections"
assert_equal "$(sql source "select count(*) from executions
    where status = 'NEW' and updated_at > executed_at + interval '20 hours'")" "$(summary executions late)" "late rows"
assert_equal "$(sql source 'select count(*) from positions')" "$(summary positions rows)" "positions"

# Orders in every state, of the desk and of clients, filled as far as their state says.
assert_equal 'CANCELLED FILLED PARTIAL PENDING REJECTED
CANCELLED FILLED PARTIAL PENDING REJECTED' "$(sql source "select string_agg(distinct status, ' ' order by status)
    from orders where status in ('PENDING', 'PARTIAL', 'FILLED', 'CANCELLED', 'REJECTED') group by account_id is null")" \
    "states of orders"
assert_equal 0 "$(sql source "select count(*) from orders where requested_quantity > 0 and requested_quantity < 1e20 and status <> 'DONE' and not case status
    when 'PENDING' then filled_quantity = 0 and total_latency_ms is null and avg_fill_price is null
    when 'PARTIAL' then filled_quantity > 0 and filled_quantity < requested_quantity and avg_fill_price > 0
    when 'FILLED' then filled_quantity >= requested_quantity and fill_count > 0 and total_latency_ms > routing_latency_ms
    else filled_quantity < requested_quantity and (filled_quantity = 0) = (fill_count = 0) end")" "orders at odds with their state"
assert_equal 0 "$(sql source "select count(*) from (
        select order_id, sum(quantity) as filled, count(*) as fills from trades where quantity > 0 and quantity < 1e20 and scale(quantity) <= 8
        and price < 1e9 and price > 0 and status <> 'CANCELLED' group by order_id) t
    join orders o using (order_id) where t.fills = o.fill_count and t.filled <> o.filled_quantity and status <> 'FILLED'")" \
    "orders whose trades come to something else"
assert_equal 't|t|t|t|t|t' "$(sql source "select count(*) filter (where lp_id is null) > 0, count(*) filter (where latency_ms is null) > 0,
    count(*) filter (where is_stale) > 0, count(*) filter (where ask < bid and ask > 0) > 0,
    avg(spread_changed::integer) between 0.1 and 0.3, count(distinct lp_id) > 4 from quotes")" "quotes of every sort"
assert_equal 't|t|t|t' "$(sql source "select count(*) filter (where hard_breach_count > 0) > 0,
    count(*) filter (where soft_breach_count > 0) > 0, count(*) = count(distinct (client_id, snapshot_at)),
    count(*) > 2 * count(distinct (client_id, snapshot_at::date)) from risk_snapshots")" "risk snapshots, several a day"

# Positions are what the executions come to, lot by lot, but for those told in sample_breaks.
off="with held as (
        select account_id, instrument_id, sum(case side when 'SHORT' then -abs(quantity) else abs(quantity) end) as held
        from positions group by 1, 2
    ), traded as (
        select account_id, instrument_id, sum(case side when 'SELL' then -quantity else quantity end) as traded
        from executions where $valid and account_id is not null and status <> 'CANCELLED' group by 1, 2
    )
    select account_id, instrument_id, held - traded as excess from held full join traded using (account_id, instrument_id)
    where held is distinct from traded"
assert_equal "$(sql source 'select account_id, instrument_id, trim_scale(excess) from sample_breaks order by 1, 2')" \
    "$(sql source "select account_id, instrument_id, trim_scale(excess) from ($off) o order by 1, 2")" "positions that break"
assert_equal "$(sql source 'select count(*) from sample_breaks')" "$(summary positions expected_breaks)" "breaks in the summary"
assert_equal 't|t|t|t' "$(sql source "select count(*) > count(distinct (account_id, instrument_id)),
    count(*) filter (where quantity = 0 and closed_at is not null and realized_pnl <> 0) > 0, count(*) filter (where quantity < 0) > 0,
    (select count(*) between 2 and 40 from sample_breaks) from positions")" "lots, closed ones, signed ones, breaks"
assert_equal 0 "$(sql source "select count(*) from executions where updated_at >= '2024-03-13 America/New_York'")" \
    "rows written after the last day"

# The parts of a day are independent, and a day does not depend on the first one.
weekday="execution_id between 883200000000 and 883299999999"
executions=$(sql source "select md5(string_agg(e::text, '/' order by execution_id)) from executions e where $weekday and status = 'NEW'
    and updated_at < executed_at + interval '20 hours'")
generate --from 2024-03-05 --days 8 --replace --client-rows 10 --quotes 5 --dirty 30 --missing-rate CHF
assert_equal "$executions" "$(sql source "select md5(string_agg(e::text, '/' order by execution_id)) from executions e
    where $weekday and status = 'NEW' and updated_at < executed_at + interval '20 hours'")" "a day of another sample"
assert_equal '2000|20' "$(sql source "select count(*) filter (where executed_at::date = '2024-03-08'),
    count(*) filter (where extract(isodow from executed_at) > 5) from executions")" "rows of a weekday and of a weekend"
assert_equal 'EUR|GBP|JPY' "$(sql source "select string_agg(distinct currency, '|') from fx_rates")" "currencies with rates"
generate --from 2024-03-07 --days 1 --replace --dirty 1000
assert_equal 2000 "$(sql source "select sum(rows) from sample_summary
    where table_name = 'executions' and what like 'dirty_%'")" "a table of nothing but dirty rows"

# Corrections and late rows look at the last day; without them appending is the same as generating at once.
steady=("${usual[@]}" --corrections 0 --busts 0 --late 0)
generate --from 2024-03-07 --days 8 --replace "${steady[@]}"
whole=$(checksums)
generate --from 2024-03-07 --days 4 --replace "${steady[@]}"
tapemill source evolve --seed 7 --date 2024-03-11 >"$TEST_DIR/evolve.out"
assert_fails 1 tapemill source evolve --seed 7 --date 2024-03-11
generate --from 2024-03-11 --days 4 --append "${steady[@]}"
assert_equal "$whole" "$(checksums)" "days generated, evolved and appended"
assert_fails 1 generate --from 2024-03-14 --days 1 --append
assert_contains "$OUTPUT" 'holds days through 2024-03-14' "appending a day that is there"

# Lines made here: one good file, and what must not leave a trace.
tapemill source init --replace
printf '%s\n' epoch_s,ex,symbol,cond,size,price,corr 1514887281.479,P,XYZ,FTI,2,157.80,0 \
    1514887281.479,P,XYZ,FTI,2,157.80,0 1514887282.5,N,XYZ,,10,157.79,8 >"$TEST_DIR/good.csv"
sed '3s/157.80/157,80/' "$TEST_DIR/good.csv" >"$TEST_DIR/bad.csv"
assert_fails 1 tapemill source import --format taq "$TEST_DIR/bad.csv"
assert_contains "$OUTPUT" 'bad.csv line 3 goes on after column "corr"' "a line with a field too many"
assert_equal '0|0' "$(sql source 'select (select count(*) from executions), (select count(*) from instruments)')" \
    "what a refused file leaves"
tapemill source import --format taq "$TEST_DIR/good.csv" >"$TEST_DIR/import.out"
assert_equal '1000000001|BUY|2|157.80|P|NEW
1000000002|BUY|2|157.80|P|NEW
1000000003|SELL|10|157.79|N|CANCELLED' \
    "$(sql source 'select execution_id, side, quantity, price, execution_venue, status from executions order by 1')" \
    "three prints"
assert_fails 1 tapemill source import --format taq "$TEST_DIR/good.csv"
assert_contains "$OUTPUT" 'were imported before, from good.csv' "the same file twice"

need_test_data crypto_binance/trades_20240808.csv.zst
tapemill source import --format binance "$DATA" >"$TEST_DIR/import.out"
assert_equal '51252|14067.66205000|193571094.7925686000000000' "$(sql source "select count(*), sum(quantity),
    sum(quantity * price) from executions where execution_id > 2000000000")" "Binance's prints"
need_test_data us_equity_taq/trades_raw_2018-01-02_03.csv.zst
tapemill source import --format taq "$DATA" >"$TEST_DIR/import.out"
assert_equal '77263|10254551|1609568167.0883|2' "$(sql source "select count(*), sum(quantity), sum(quantity * price),
    count(*) filter (where status = 'CANCELLED') from executions where execution_id > 3000000000")" "TAQ's prints"
head -c 200000 "$DATA" >"$TEST_DIR/truncated.csv.zst"
assert_fails 1 tapemill source import --format taq "$TEST_DIR/truncated.csv.zst"
assert_contains "$OUTPUT" 'is truncated' "a truncated file"
