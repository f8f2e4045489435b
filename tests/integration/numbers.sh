#!/usr/bin/env bash
# Every figure of every table against an independent calculation: some thirty days of a generated source, in five currencies, with
# corrections, busts, late and deleted rows, trades that move to another date, members that change, a missing rate and one that
# comes late, are loaded by the real jobs as they come; then numbers_model.py computes from the source's rows what must be
# there, in exact fractions, and names what differs. Reruns write nothing; another order of arrival ends with the same
# fingerprint; the first days once more by FIFO.
#
# NUMBERS_TABLES="a b" compares only these tables, and runs only the jobs that they need.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
all_tables='fact_trades etl_open_positions fact_orders fact_quotes fact_risk_snapshots fact_positions_daily
fact_performance_daily performance_risk agg_performance_monthly agg_daily_trade_summary agg_client_metrics agg_lp_performance
mv_top_performing_strategies mv_instrument_statistics'
read -r -d '' -a tables <<<"${NUMBERS_TABLES:-$all_tables}" || true
for table in "${tables[@]}"; do
    [[ " ${all_tables//$'\n'/ } " == *" $table "* ]] || fail "NUMBERS_TABLES names $table, which is none of: $all_tables"
done
servers_up
command -v python3 >/dev/null || fail "python3 is not installed. Run ops/setup."
model=$TAPEMILL_ROOT/tests/integration/numbers_model.py
export PGTZ=UTC TAPEMILL_TIMEZONE=America/New_York TAPEMILL_DATES_FROM=2023-01-01 TAPEMILL_FX_MAX_AGE_DAYS=2
export TAPEMILL_CHANGES_LAG_SECONDS=0 TAPEMILL_CHANGES_OVERLAP_SECONDS=1 TAPEMILL_CHANGES_WINDOW_HOURS=8784
export TAPEMILL_RETRY_BASE_SECONDS=0
first=2023-12-12 chunks=(12 10 10) generate=(--rows 120 --client-rows 60 --quotes 300)
if [ -n "${TAPEMILL_TEST_LONG:-}" ]; then
    chunks=(40 40 40) generate=(--rows 800 --client-rows 400 --quotes 2000)
fi
export TAPEMILL_HISTORY_START=$first
generate+=(--seed 23 --weekends few --instruments 20 --accounts 3 --clients 12 --strategies 2 --providers 4 --dirty 15
    --corrections 25 --busts 15 --late 25)

day() {
    date -u -d "$first + $1 days" +%F
}

days() {
    local offset
    for ((offset = $1; offset < $2; offset++)); do
        day "$offset"
    done
}

end=0
for count in "${chunks[@]}"; do
    end=$((end + count))
done
last=$(day $((end - 1)))

compares() {
    local wanted table
    for wanted in "$@"; do
        for table in "${tables[@]}"; do
            [ "$table" != "$wanted" ] || return 0
        done
    done
    return 1
}

# ---- the source, as it comes

# What is to come later is kept in tables named later_*: rows that are late, and what corrected and cancelled rows are in the
# end. Until then the former are not there, and the latter are as they were before: of another price, some on another date.
sql_of_waiting() {
    local from=$1 to=$2
    cat <<END
set client_min_messages = warning;
create table if not exists later_executions (like executions);
create table if not exists later_trades (like trades);
create table if not exists later_orders (like orders);
create table if not exists later_quotes (like quotes);
create table if not exists later_risk_snapshots (like risk_snapshots);
create temporary table period as select '$from America/New_York'::timestamptz as since, '$to America/New_York'::timestamptz as until;

-- Quotes that are stale among those of which one in ten is kept.
update quotes set is_stale = true from period where quoted_at >= since and quoted_at < until and not spread_changed and quote_id % 11 = 0;

insert into later_executions select e.* from executions e, period where executed_at >= since and executed_at < until
    and (status in ('CORRECTED', 'CANCELLED') or updated_at > executed_at + interval '20 hours');
delete from executions e using later_executions l where e.execution_id = l.execution_id and l.status = 'NEW';
update executions e
set status = 'NEW', price = e.price * 2, updated_at = e.executed_at + interval '1 second',
    executed_at = e.executed_at - case when e.execution_id % 3 = 0 and e.executed_at > since + interval '1 day'
                                       then interval '1 day' else '0' end
from later_executions l, period where e.execution_id = l.execution_id;

insert into later_trades select t.* from trades t, period where trade_date >= since and trade_date < until
    and (status in ('CORRECTED', 'CANCELLED') or updated_at > trade_date + interval '20 hours');
delete from trades t using later_trades l where t.trade_id = l.trade_id and l.status = 'NEW';
update trades t
set status = 'NEW', quantity = t.quantity * 3, updated_at = t.trade_date + interval '1 second',
    trade_date = t.trade_date - case when t.trade_id % 3 = 0 and t.trade_date > since + interval '1 day'
                                     then interval '1 day' else '0' end
from later_trades l, period where t.trade_id = l.trade_id;

-- Orders that come after their fills, and such that change: from open to final, and back.
insert into later_orders select o.* from orders o, period where created_at >= since and created_at < until and order_id % 17 in (0, 1, 2);
delete from orders o using later_orders l where o.order_id = l.order_id and l.order_id % 17 = 0;
update orders o
set status = case l.status when 'PENDING' then 'CANCELLED' when 'PARTIAL' then 'REJECTED' else 'PARTIAL' end,
    strategy_id = case when o.account_id is not null then 1 end, updated_at = o.created_at
from later_orders l where o.order_id = l.order_id and l.status in ('PENDING', 'PARTIAL', 'FILLED', 'CANCELLED', 'REJECTED');

insert into later_quotes select q.* from quotes q, period where quoted_at >= since and quoted_at < until and quote_id % 19 in (0, 1);
delete from quotes q using later_quotes l where q.quote_id = l.quote_id and l.quote_id % 19 = 0;
update quotes q set ask = q.ask * 2, updated_at = q.quoted_at from later_quotes l where q.quote_id = l.quote_id;

insert into later_risk_snapshots select r.* from risk_snapshots r, period
    where snapshot_at >= since and snapshot_at < until and hashtext(client_id::text || snapshot_at::text) % 9 = 0;
delete from risk_snapshots r using later_risk_snapshots l where (r.client_id, r.snapshot_at) = (l.client_id, l.snapshot_at);
END
}

# An instrument that an account trades by two strategies so that its books close: within a day, over a weekend, in parts that
# leave odd costs, one strategy against the other, and through zero.
sql_of_round_trips() {
    cat <<END
insert into instruments (instrument_id, symbol, currency, lot_size, contract_multiplier, is_active, updated_at)
values (99, 'ROUND', 'GBP', 1, 2.5, true, '2023-11-01Z');
insert into orders (order_id, tenant_id, client_id, account_id, strategy_id, instrument_id, order_type, side, status, requested_quantity,
                    filled_quantity, fill_count, created_at, updated_at)
select s, tenant_id, client_id, 2, s, 99, 'MARKET', 'BUY', 'FILLED', 30, 30, 1, '$first 12:00 America/New_York', '$first 12:00 America/New_York'
from accounts, generate_series(1, 2) s where account_id = 2;
insert into executions (execution_id, order_id, account_id, instrument_id, executed_at, reported_at, side, quantity, price, commission,
                        fees, liquidity_flag, execution_venue, status, updated_at)
select row_number() over (order by at, strategy), strategy, 2, 99, at, at + interval '310 microseconds', side, quantity, price, 0.1, 0.05,
       'TAKER', 'XLON', 'NEW', at
from (values (1, 1, '10:00', 'BUY', 7, 100.1), (1, 1, '15:00', 'SELL', 7, 101.07), (2, 2, '11:00', 'SELL', 5, 99), (4, 2, '12:00', 'BUY', 5, 98.5),
             (6, 1, '10:00', 'BUY', 3, 97.333333), (7, 1, '10:00', 'BUY', 3, 97.1), (8, 1, '10:00', 'SELL', 2, 99), (9, 1, '10:00', 'SELL', 4, 98.7),
             (10, 1, '10:00', 'BUY', 10, 99), (10, 2, '11:00', 'SELL', 10, 99.7), (13, 1, '10:00', 'SELL', 4, 99.2), (14, 2, '10:00', 'BUY', 10, 98),
             (15, 1, '10:00', 'SELL', 6, 97.9), (16, 1, '10:00', 'BUY', 4, 98.1), (17, 1, '10:00', 'SELL', 9, 98.25), (18, 1, '10:00', 'BUY', 5, 97.55)
     ) as fills (day, strategy, time, side, quantity, price),
     lateral (select (date '$first' + day + time::time) at time zone 'America/New_York' as at) instants;
END
}

# What waited comes.
come() {
    local table key
    for table in executions:execution_id trades:trade_id orders:order_id quotes:quote_id risk_snapshots:client_id,snapshot_at; do
        key=${table##*:}
        echo "update later_${table%%:*} set updated_at = clock_timestamp();
              delete from ${table%%:*} where ($key) in (select $key from later_${table%%:*});
              insert into ${table%%:*} select * from later_${table%%:*};
              truncate later_${table%%:*};"
    done | sql source
}

members=0
# The dimensions as a sync sees them now.
copy_members() {
    local table folder
    members=$((members + 1))
    folder=$TEST_DIR/numbers/source/members_$members
    mkdir -p "$folder"
    for table in instruments accounts strategies clients liquidity_providers; do
        sql source "copy (select * from $table) to stdout (format csv, header)" >"$folder/$table.csv"
    done
}

# ---- the warehouses

warehouse_use() {
    export TAPEMILL_WAREHOUSE_URL TAPEMILL_NAMESPACE=$1
    TAPEMILL_WAREHOUSE_URL=$(servers_url "$2")
}

warehouse_create() {
    sql warehouse "create database $1_warehouse"
    warehouse_use "$1" "$1_warehouse"
    tapemill migrate >/dev/null
}

enqueue() {
    tapemill enqueue "$@" >/dev/null
}

# load DATE...: together, so that they share what is not about a date
load() {
    local date
    tapemill queue pause batch >/dev/null
    for date in "$@"; do
        enqueue daily_load --date "$date"
    done
    tapemill queue resume batch >/dev/null
}

processes_start() {
    start_scheduler
    start_worker
    start_worker
}

# The gate keeps a date back of which a rate is missing: that job is dead, and the views that follow it wait for ever.
is_quiet() {
    sql_is warehouse "select coalesce(string_agg(concat_ws(' ', job_name, business_date, state), ', '), 'quiet') from etl_jobs
                      where state not in ('done', 'cancelled') and (job_name, state) not in (('publish_gate', 'dead'), ('refresh_views', 'waiting'))" quiet
}

wait_until_quiet() {
    wait_until "${1:-300}" "all jobs of $TAPEMILL_NAMESPACE end" is_quiet || fail "jobs that do not end"
}

# What changed since the last time, by watermark.
load_changes() {
    local job
    for job in load_changed_executions load_changed_trades load_changed_orders; do
        enqueue $job
    done
    ! compares fact_orders agg_lp_performance || enqueue sync_orders
    ! compares fact_quotes agg_lp_performance fact_positions_daily || enqueue load_changed_quotes
    ! compares fact_risk_snapshots agg_client_metrics || enqueue load_changed_risk_snapshots
}

# Not waited for: one with a date that the gate keeps back fails, and is_quiet tells of all else.
backfill() {
    tapemill backfill "$@" --parallel 32 >/dev/null
}

no_backfill_runs() {
    sql_is warehouse "select count(*) from etl_backfills where state = 'running'" 0
}

wait_for_backfills() {
    wait_until 300 "the backfills of $TAPEMILL_NAMESPACE end" no_backfill_runs || fail "backfills that do not end"
    wait_until_quiet
}

# periods NAME DATE...: clients and providers in the periods that the dates are in
periods() {
    local name=$1 date
    shift
    for date in "$@"; do
        ! compares agg_client_metrics || enqueue client_metrics --date "$date" --arg "period=$name"
        ! compares agg_lp_performance || enqueue lp_performance --date "$date" --arg "period=$name"
    done
}

# compute_longer DATE...: what no pipeline of a date computes, figures of the longer stretches that the dates are in
compute_longer() {
    local date
    periods WEEKLY "$@"
    periods MONTHLY "$@"
    periods QUARTERLY "$@"
    periods YEARLY "$@"
    for date in "$@"; do
        ! compares agg_performance_monthly || enqueue performance_monthly --date "$date"
    done
    ! compares performance_risk || enqueue performance_risk
    wait_until_quiet
}

compute_views() {
    ! compares mv_top_performing_strategies mv_instrument_statistics || enqueue refresh_views --date "$last" --arg "as_of=$last"
    wait_until_quiet
}

# ---- comparing

copy_source() {
    local table
    for table in orders executions trades quotes risk_snapshots fx_rates; do
        sql source "copy (select * from $table) to stdout (format csv, header)" >"$1/source/$table.csv"
    done
}

copy_warehouse() {
    local table
    mkdir -p "$1/warehouse"
    for table in dim_instrument dim_account dim_strategy dim_client dim_liquidity_provider "${@:2}"; do
        [ "$table" != performance_risk ] || table=fact_performance_daily
        sql warehouse "copy (select * from $table) to stdout (format csv, header)" >"$1/warehouse/$table.csv"
    done
}

# settings FOLDER METHOD LAST VARIETY
settings() {
    printf '%s\n' base=USD zone=$TAPEMILL_TIMEZONE rate_age=$TAPEMILL_FX_MAX_AGE_DAYS mark_age=10 "method=$2" first=$first "last=$3" \
        tenant=00000000-0000-0000-0000-000000000001 "variety=$4" >"$1/settings"
}

fingerprint() {
    tapemill fingerprint >"$TEST_DIR/$1"
}

written() {
    sql warehouse "select coalesce(string_agg(distinct job_name, ', '), 'nothing') from etl_job_runs
                   where run_no > $1 and inserted + updated + removed > 0"
}

# ==== the first warehouse: chunk by chunk, each loaded date by date, what came late by watermark

warehouse_create first
processes_start
sql warehouse "create database second_warehouse"
warehouse_use second second_warehouse
tapemill migrate >/dev/null
processes_start
done=0
for count in "${chunks[@]}"; do
    append=()
    if [ $done -gt 0 ]; then
        append=(--append)
        come
    fi
    tapemill source generate --from "$(day $done)" --days "$count" "${generate[@]}" "${append[@]}" >/dev/null 2>&1
    sql_of_waiting "$(day $done)" "$(day $((done + count)))" | sql source
    if [ $done -gt 0 ]; then
        # A strategy and an instrument are renamed, an account changed before the dates that are loaded already.
        sql source "
            update strategies set strategy_name = strategy_name || '+', updated_at = '$(day $((done + 2))) 12:00 America/New_York' where strategy_id = 1;
            update instruments set symbol = symbol || '.N', updated_at = '$(day $((done + 3))) 12:00 America/New_York' where instrument_id = 2;
            update accounts set risk_tier = 'BACKDATED', updated_at = '$(day 3) 12:00 America/New_York'
            where account_id = (select min(account_id) from accounts where updated_at < '$first');"
    fi
    copy_members
    warehouse_use second second_warehouse
    enqueue sync_dimensions
    wait_until_quiet
    warehouse_use first first_warehouse
    if [ $done -gt 0 ]; then
        enqueue sync_dimensions
        wait_until_quiet
        load_changes
        wait_until_quiet
    else
        # A currency has no rate from Tuesday to Friday of the second week, and so none that is young enough from Thursday to
        # Sunday; Friday's comes late.
        sql source "create table later_fx_rates as select * from fx_rates where currency = 'JPY' and rate_date = '$(day 10)';
                    delete from fx_rates where currency = 'JPY' and rate_date between '$(day 7)' and '$(day 10)'"
        sql_of_round_trips | sql source
    fi
    backfill daily_load --from "$(day $done)" --to "$(day $((done + count - 1)))"
    wait_for_backfills
    done=$((done + count))
done

# Half of the second warehouse's dates, in another order, before the rest comes; among them the one of two rows that the source
# then loses, as nobody tells a warehouse of rows that it never saw.
lossy=$(day 6)
mapfile -t shuffled < <(echo "$lossy" && days 0 $end | grep -v "$lossy" | while read -r date; do
    printf '%s %s\n' "$(md5sum <<<"$date")" "$date"
done | sort | sed 's/.* //')
half=$((end / 2))

none_can_run() {
    sql_is warehouse "select count(*) from etl_jobs where state in ('queued', 'retry', 'running')" 0
}

warehouse_use second second_warehouse
load "${shuffled[@]:0:half}"
wait_until 300 "of the dates shuffled is done what does not wait for another" none_can_run || fail "jobs that do not end"

# What is left comes; two rows are lost, and a rate comes late.
again=("$lossy" "$(day 10)" "$(day 11)" "$(day 12)")
come
sql source "
    insert into fx_rates select * from later_fx_rates;
    delete from executions where execution_id = (select max(execution_id) from executions
        where executed_at < '$(day 7) America/New_York' and status = 'NEW' and quantity > 0 and price > 0);
    delete from trades where trade_id = (select max(trade_id) from trades
        where trade_date < '$(day 7) America/New_York' and status = 'NEW' and quantity > 0 and price > 0)"
mkdir -p "$TEST_DIR/numbers"
copy_source "$TEST_DIR/numbers"
load "${shuffled[@]:half}"
wait_until_quiet
finish() {
    load_changes
    wait_until_quiet
    load "${again[@]}"
    wait_until_quiet
    "$@"
    ! compares agg_daily_trade_summary agg_performance_monthly agg_client_metrics agg_lp_performance || enqueue refresh_aggregates
    wait_until_quiet
    compute_views
    fingerprint "$TAPEMILL_NAMESPACE.fingerprint"
}

# One asks for every stretch by its name; the other leaves it to the refresh of what is dirty.
compute_all() {
    ! compares agg_client_metrics || backfill client_metrics --from $first --to "$last" --arg period=DAILY
    ! compares agg_lp_performance || backfill lp_performance --from $first --to "$last" --arg period=DAILY
    compute_longer $first "$last"
    wait_for_backfills
}
finish true
warehouse_use first first_warehouse
finish compute_all

# ==== every figure

settings "$TEST_DIR/numbers" average "$last" wanted
copy_warehouse "$TEST_DIR/numbers" "${tables[@]}"
python3 "$model" "$TEST_DIR/numbers" "${tables[@]}" || fail "the model does not agree"
diff "$TEST_DIR/first.fingerprint" "$TEST_DIR/second.fingerprint" || fail "another order of arrival ends with other facts"

# The first date of a month is all there when it is asked for by itself.
january=$(tapemill fingerprint --table fact_trades --from 2024-01-01 --to 2024-01-01 --json)
assert_contains "$january" "\"rows\": $(sql warehouse 'select count(*) from fact_trades where date_key = 20240101')" "trades of 2024-01-01"

# ==== published: the gate finds every date right but the one that lacks a rate

if [ -z "${NUMBERS_TABLES:-}" ]; then
    backfill publish_gate --from $first --to "$last" --arg final=true
    wait_for_backfills
    assert_equal "$(days 0 $end | grep -v "$(day 9)")" "$(sql warehouse "select to_date(date_key::text, 'YYYYMMDD') from etl_published_days
        order by 1")" "dates that are published"
    fingerprint first.fingerprint
fi

# ==== once more: nothing is written

run_no=$(sql warehouse 'select max(run_no) from etl_job_runs')
load "$first" "$(day 9)" "${again[@]}" "$(day $((end / 2)))" "$last"
periods DAILY "$first" "${again[@]}" 2024-01-01
compute_longer "$last"
compute_views
assert_equal nothing "$(written "$run_no")" "what reruns wrote"
fingerprint again.fingerprint
diff "$TEST_DIR/first.fingerprint" "$TEST_DIR/again.fingerprint" || fail "a rerun changed what is there"

# ==== by FIFO: the first dates once more

fifo_tables=()
for table in fact_trades etl_open_positions fact_positions_daily fact_performance_daily; do
    ! compares $table || fifo_tables+=("$table")
done
if [ ${#fifo_tables[@]} -gt 0 ]; then
    warehouse_create fifo
    export TAPEMILL_PNL_METHOD=fifo
    processes_start
    backfill daily_load --from $first --to "$(day 12)"
    wait_for_backfills
    folder=$TEST_DIR/fifo
    mkdir -p "$folder/source"
    cp "$TEST_DIR"/numbers/source/*.csv "$folder/source"
    cp -r "$TEST_DIR/numbers/source/members_$members" "$folder/source/members_1"
    settings "$folder" fifo "$(day 12)" any
    copy_warehouse "$folder" "${fifo_tables[@]}"
    python3 "$model" "$folder" "${fifo_tables[@]}" || fail "the model does not agree by FIFO"
fi
