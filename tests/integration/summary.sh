#!/usr/bin/env bash
# The daily summary, its refresh by delta, the refresh of whatever is dirty, and the publish gate: by hand where a person can
# follow the numbers, and at random, where adding must end with the same bits as computing anew.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up
export TAPEMILL_TIMEZONE=America/New_York TAPEMILL_HISTORY_START=2024-01-01 TAPEMILL_CHANGES_LAG_SECONDS=0
tenant_a=00000000-0000-0000-0000-00000000000a
tenant_b=00000000-0000-0000-0000-00000000000b
client_one=c0000000-0000-0000-0000-000000000001
key=20240102 day=2024-01-02

# run_job JOB [NAME=VALUE]...: one job of the date, with these arguments; prints the line of what became of it
run_job() {
    local job=$1 arguments=() argument
    shift
    for argument in "$@"; do arguments+=(--arg "$argument"); done
    tapemill enqueue "$job" --date "$day" "${arguments[@]}" >/dev/null
    "$TAPEMILL_TEST_BIN/run_job" --queued | tail -n 1 || true
}

# ---- a warehouse with members, and a way to put facts into it as loads do

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
insert into dim_instrument (instrument_id, symbol, currency) select i, 'S' || i, 'USD' from generate_series(1, 20) i;
insert into dim_account (account_id, account_name) values (1, 'one');
insert into dim_strategy (strategy_id, strategy_name) values (1, 'first');
insert into dim_client (client_id, client_code, version, valid_from, valid_to, is_current)
select ('c0000000-0000-0000-0000-' || lpad(c::text, 12, '0'))::uuid, 'c' || c, v.version, v.valid_from, v.valid_to, v.is_current
from generate_series(1, 10) c, (values (1, timestamptz '-infinity', timestamptz '2024-01-02 12:00-05', false),
                                       (2, '2024-01-02 12:00-05', 'infinity', true)) v (version, valid_from, valid_to, is_current);
insert into dim_liquidity_provider (lp_id, lp_code)
select ('d0000000-0000-0000-0000-' || lpad(l::text, 12, '0'))::uuid, 'l' || l from generate_series(1, 3) l;
create table fact_trades_of_the_test partition of fact_trades for values from (20240101) to (20240201) partition by range (date_key);
create table fact_trades_leaf partition of fact_trades_of_the_test for values from (20240101) to (20240201);
create table fact_performance_of_the_test partition of fact_performance_daily for values from (20240101) to (20240201);
create table fact_positions_of_the_test partition of fact_positions_daily for values from (20240101) to (20240201);

-- latency: a client's trade has it as fill latency.
create table given (reference text, source text, tenant_id uuid, client_id uuid, instrument_id integer, lp_id uuid, at time,
    side text, quantity numeric, price numeric, commission numeric, fees numeric, currency text, rate numeric, latency numeric,
    is_deleted boolean);

-- What a load that inserts does, under the run's number: facts, and rows in the dirty log.
create function insert_given(run bigint, key integer) returns void language sql as $$
    insert into fact_trades (date_key, time_key, instrument_key, account_key, strategy_key, client_key, lp_key, tenant_id,
        source, trade_reference, execution_timestamp, side, quantity, price, notional_value, commission, fees, net_amount,
        currency, rate_to_base, latency_ms, fill_latency_ms, is_deleted, source_updated_at, etl_run_id)
    select key, extract(epoch from g.at)::integer, i.instrument_key, case g.source when 'DESK' then 1 else 0 end,
           case g.source when 'DESK' then 1 else 0 end, coalesce(c.client_key, 0), coalesce(l.lp_key, 0), g.tenant_id, g.source,
           g.reference, x.instant, g.side, g.quantity, g.price, g.quantity * g.price, g.commission, g.fees,
           g.quantity * g.price + case g.side when 'BUY' then 1 else -1 end * (g.commission + g.fees), g.currency, g.rate,
           case g.source when 'DESK' then g.latency end, case g.source when 'CLIENT' then g.latency end, g.is_deleted, now(), run
    from given g
    cross join lateral (select (to_date(key::text, 'YYYYMMDD') + g.at) at time zone 'America/New_York' as instant) x
    join dim_instrument i on i.instrument_id = g.instrument_id
    left join dim_client c on c.client_id = g.client_id and c.valid_from <= x.instant and x.instant < c.valid_to
    left join dim_liquidity_provider l on l.lp_id = g.lp_id;
    insert into etl_dirty_buckets (target, date_key, reason, run_no, is_insert_only)
    select target, key, 'facts changed', run, true from etl_dirty_targets where change = 'trades';
    truncate given
$$;

-- What a load that changes facts does.
create function changed(key integer) returns void language sql as $$
    insert into etl_dirty_buckets (target, date_key, reason, run_no)
    select target, key, 'facts changed', 1 from etl_dirty_targets where change = 'trades'
$$;
END

# insert RUN [DATE_KEY]: reads rows of the table given as CSV
insert() {
    sql warehouse "copy given from stdin (format csv)"
    sql warehouse "select insert_given($1, ${2:-$key})" >/dev/null
}

change() {
    sql warehouse "update fact_trades set $2 where date_key = $key and trade_reference = '$1'; select changed($key)" >/dev/null
}

# All that the summary says, without how and when it came.
figures="select aggregation_level, tenant_id, client_id, instrument_id, lp_id, trade_date, date_key, trade_count, buy_count,
    sell_count, total_volume, buy_volume, sell_volume, total_notional, total_fees, total_commission, price_currency, avg_price,
    vwap_price, min_price, max_price, avg_latency_ms, max_latency_ms, exact_notional, exact_fees, exact_commission,
    latency_count, latency_sum_ms, price_sum, price_notional, is_final
  from agg_daily_trade_summary where date_key = $key order by 1, 2, 3, 4, 5"

row_versions() {
    sql warehouse "select ctid, xmin, s::text from agg_daily_trade_summary s order by 1"
}

# Every level straight from the facts, one statement each: groups that are not alike.
check_levels() {
    local level client instrument provider_id
    while read -r level client instrument provider_id; do
        assert_equal '' "$(sql warehouse "
            with facts as (
                select f.tenant_id, $client as client_id, $instrument as instrument_id, $provider_id as lp_id, count(*) as n, sum(quantity) as volume,
                       count(*) filter (where side = 'BUY') as buys, round(sum(notional_value * rate_to_base), 16) as notional,
                       round(sum(fees * rate_to_base), 8) as fees, round(sum(commission * rate_to_base), 8) as commission,
                       case when count(distinct f.currency) = 1 then round(avg(price::numeric(60,40)), 16) end as price,
                       case when count(distinct f.currency) = 1
                            then round(sum(notional_value)::numeric(150,80) / sum(quantity), 16) end as vwap,
                       case when count(distinct f.currency) = 1 then min(price) end as lowest,
                       round(avg(coalesce(fill_latency_ms, latency_ms)::numeric(60,40)), 16) as latency
                from (select f.* from fact_trades f where f.date_key = $key and not f.is_deleted) f
                join dim_client c using (client_key)
                join dim_instrument i using (instrument_key) join dim_liquidity_provider l using (lp_key)
                group by 1, 2, 3, 4
                having bool_and(f.rate_to_base is not null)
            )
            select to_jsonb(s), to_jsonb(f)
            from (select * from agg_daily_trade_summary where date_key = $key and aggregation_level = '$level') s
            full join facts f on f.tenant_id = s.tenant_id and concat(f.client_id, '/', f.instrument_id, '/', f.lp_id)
                = concat(s.client_id, '/', s.instrument_id, '/', s.lp_id)
            where (f.n, f.buys, f.volume, f.notional, f.fees, f.commission, f.latency) is distinct from
                  (s.trade_count, s.buy_count, s.total_volume, s.total_notional, s.total_fees, s.total_commission, s.avg_latency_ms)
               or ('$level' ~ 'INSTRUMENT' and (f.price, f.vwap, f.lowest) is distinct from (s.avg_price, s.vwap_price, s.min_price))
               or ('$level' !~ 'INSTRUMENT' and coalesce(s.avg_price, s.vwap_price, s.min_price, s.max_price) is not null)")" \
            "level $level against the facts"
    done <<'END'
TENANT null::uuid null::integer null::uuid
CLIENT c.client_id null::integer null::uuid
INSTRUMENT null::uuid i.instrument_id null::uuid
LP null::uuid null::integer l.lp_id
CLIENT_INSTRUMENT c.client_id i.instrument_id null::uuid
END
}

# ---- by hand: five levels, an Unknown client and provider, two versions of a client, currencies, latencies

provider=d0000000-0000-0000-0000-000000000001
insert 11 <<END
1,DESK,$tenant_a,$client_one,1,$provider,10:00,BUY,100,10,1,0.25,USD,1,0.5,f
2,DESK,$tenant_a,$client_one,1,,13:00,SELL,40,12.5,1,0.25,USD,1,,f
t1,CLIENT,$tenant_a,$client_one,1,$provider,14:00,BUY,10,13,0,0.1,USD,1,2,f
t2,CLIENT,$tenant_a,,2,,14:00,SELL,3,7,0,0,EUR,1.1,4.001,f
t3,CLIENT,$tenant_b,c0000000-0000-0000-0000-000000000002,1,$provider,15:00,BUY,1,20,0,0,USD,1,,f
t4,CLIENT,$tenant_a,$client_one,1,$provider,15:00,BUY,1000,1000,9,9,USD,1,1000,t
END
assert_equal 'daily_summary 2024-01-02 done extracted=14 inserted=14 updated=0 unchanged=0 skipped=0 removed=0 {"way": "whole", "skipped": {"fx_rate_missing": 0}}' \
    "$(run_job daily_summary)" "a first time"
assert_equal 'TENANT|||4|2|153.00000000|1653.1000000000000000|0.60000000|2.00000000|||2.1670000000000000|4.001
CLIENT|1||3|2|150.00000000|1630.0000000000000000|0.60000000|2.00000000|||1.2500000000000000|2.000
CLIENT|||1|0|3.00000000|23.1000000000000000|0.00000000|0.00000000|||4.0010000000000000|4.001
INSTRUMENT||1|3|2|150.00000000|1630.0000000000000000|0.60000000|2.00000000|11.8333333333333333|10.8666666666666667|1.2500000000000000|2.000
INSTRUMENT||2|1|0|3.00000000|23.1000000000000000|0.00000000|0.00000000|7.0000000000000000|7.0000000000000000|4.0010000000000000|4.001
LP|||2|0|43.00000000|523.1000000000000000|0.25000000|1.00000000|||4.0010000000000000|4.001
LP|||2|2|110.00000000|1130.0000000000000000|0.35000000|1.00000000|||1.2500000000000000|2.000
CLIENT_INSTRUMENT|1|1|3|2|150.00000000|1630.0000000000000000|0.60000000|2.00000000|11.8333333333333333|10.8666666666666667|1.2500000000000000|2.000
CLIENT_INSTRUMENT||2|1|0|3.00000000|23.1000000000000000|0.00000000|0.00000000|7.0000000000000000|7.0000000000000000|4.0010000000000000|4.001' \
    "$(sql warehouse "
    select aggregation_level, right(client_id::text, 1), instrument_id, trade_count, buy_count, total_volume, total_notional,
           total_fees, total_commission, avg_price, vwap_price, avg_latency_ms, max_latency_ms
    from agg_daily_trade_summary where tenant_id = '$tenant_a'
    order by array_position('{TENANT,CLIENT,INSTRUMENT,LP,CLIENT_INSTRUMENT}', aggregation_level), client_id, instrument_id,
             total_volume")" "the levels"
assert_equal 'EUR|USD' "$(sql warehouse "select string_agg(distinct price_currency, '|' order by price_currency)
    from agg_daily_trade_summary")" "the currencies of prices"
check_levels

# Nothing dirty: nothing is looked at. The whole again: nothing is written.
before=$(row_versions)
assert_equal 'daily_summary 2024-01-02 done extracted=14 inserted=0 updated=0 unchanged=14 skipped=0 removed=0 {"way": "nothing", "skipped": {"fx_rate_missing": 0}}' \
    "$(run_job daily_summary)" "again"
assert_equal 'daily_summary 2024-01-02 done extracted=14 inserted=0 updated=0 unchanged=14 skipped=0 removed=0 {"way": "whole", "skipped": {"fx_rate_missing": 0}}' \
    "$(run_job daily_summary mode=whole)" "the whole again"
assert_equal "$before" "$(row_versions)" "rows after that"
assert_contains "$(run_job daily_summary mode=some)" 'failed argument: the argument mode is "some"' "a bad argument"
sql warehouse "update etl_jobs set state = 'cancelled' where state = 'dead'"

# A figure that somebody spoilt is put right by the whole.
sql warehouse "update agg_daily_trade_summary set avg_price = avg_price + 1 where aggregation_level = 'INSTRUMENT' and instrument_id = 2"
assert_contains "$(run_job daily_summary mode=whole)" 'inserted=0 updated=1 unchanged=13 ' "a spoilt figure"
check_levels

# ---- by delta: only what grew is written; one instrument's trades come to be in two currencies

before=$(row_versions)
insert 12 <<END
t5,CLIENT,$tenant_a,$client_one,1,$provider,09:00,BUY,1,15,0,0,EUR,1.1,3,f
END
assert_equal 'daily_summary 2024-01-02 done extracted=5 inserted=0 updated=5 unchanged=0 skipped=0 removed=0 {"way": "delta", "skipped": {"fx_rate_missing": 0}}' \
    "$(run_job daily_summary)" "a delta"
assert_equal '9' "$(comm -12 <(sort <<<"$before") <(row_versions | sort) | wc -l)" "rows that nobody touched"
assert_equal '||||1|' "$(sql warehouse "
    select price_currency, avg_price, vwap_price, min_price, (max_price is null)::integer, price_sum
    from agg_daily_trade_summary where aggregation_level = 'INSTRUMENT' and instrument_id = 1 and tenant_id = '$tenant_a'")" \
    "prices of several currencies"
check_levels

# Added to, it stays so; and a new group is inserted.
insert 13 <<END
t6,CLIENT,$tenant_a,c0000000-0000-0000-0000-000000000003,1,$provider,09:00,BUY,1,15,0,0,EUR,1.1,3,f
END
assert_contains "$(run_job daily_summary)" 'extracted=5 inserted=2 updated=3 unchanged=0 skipped=0 removed=0 {"way": "delta"' "a new group"
check_levels
delta=$(sql warehouse "$figures")
assert_contains "$(run_job daily_summary mode=whole)" 'inserted=0 updated=0 ' "the whole after deltas"
assert_equal "$delta" "$(sql warehouse "$figures")" "delta and whole"

# ---- what is gone leaves no row, and all levels agree on it

change t6 'is_deleted = true'
assert_equal 'daily_summary 2024-01-02 done extracted=14 inserted=0 updated=3 unchanged=11 skipped=0 removed=2 {"way": "whole", "skipped": {"fx_rate_missing": 0}}' \
    "$(run_job daily_summary)" "a trade that is gone"
check_levels

# ---- a missing rate holds the groups that it is in, and nothing else; with the rate they are there again

insert 14 <<END
t7,CLIENT,$tenant_a,$client_one,2,$provider,09:00,BUY,2,15,0,0,GBP,,3,f
END
assert_equal 'daily_summary 2024-01-02 done extracted=15 inserted=0 updated=0 unchanged=10 skipped=5 removed=4 {"way": "whole", "skipped": {"fx_rate_missing": 5}}' \
    "$(run_job daily_summary)" "a missing rate"
assert_equal "$tenant_a|WARNING|[fx_rate_missing] 1 of 6 trades of 2024-01-02 have no rate from GBP to USD, so that 5 groups of the tenant $tenant_a have no summary on that date: add the rate to the source's fx_rates, then run \`tapemill enqueue daily_load --date 2024-01-02\`" \
    "$(sql warehouse "select record_id, severity, error_message from etl_data_quality_issues
                      where source_table = 'agg_daily_trade_summary' and resolved_at is null")" "the finding"
assert_equal 'fx_rate_missing|f' "$(sql warehouse "select reason, is_insert_only from etl_dirty_buckets where target = 'summary'")" \
    "the held bucket"
check_levels
# What is held is not asked for again and again; what was added to it is computed as a whole.
tapemill enqueue refresh_aggregates >/dev/null
"$TAPEMILL_TEST_BIN/run_job" --queued >"$TEST_DIR/held.log" || true
assert_equal '' "$(grep daily_summary "$TEST_DIR/held.log")" "a refresh of what is held"
insert 15 <<END
t8,CLIENT,$tenant_a,$client_one,3,$provider,09:00,BUY,2,15,0,0,USD,1,3,f
END
assert_contains "$(run_job daily_summary)" '{"way": "whole", "skipped": {"fx_rate_missing": 5}}' "what is added to a held date"
check_levels
change t7 'rate_to_base = 1.25'
assert_contains "$(run_job daily_summary)" 'skipped=0 removed=0 {"way": "whole"' "the rate is there"
assert_equal '0|0' "$(sql warehouse "select (select count(*) from etl_dirty_buckets where target = 'summary'),
    (select count(*) from etl_data_quality_issues where source_table = 'agg_daily_trade_summary' and resolved_at is null)")" "what is open"
check_levels

# ---- no trade is counted twice, whoever commits when

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
    echo "$2;" >&"${session[$1]}"
}
sessions_wait() {
    wait_until_sql 60 "$1 sessions wait for a lock" warehouse \
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock'" "$1"
}
open_session load
open_session table

# insert_between REFERENCE RUN: a load commits after the dirty rows were taken and before the facts are read: they show its
# trade, and its dirty row stands. The run is held there by a lock that another session waits for in between.
insert_between() {
    in_session load "begin; insert into given values ('$1', 'CLIENT', '$tenant_a', '$client_one', 4, '$provider', '09:00', 'BUY',
        5, 5, 0, 0.5, 'USD', 1, null, false); select insert_given($2, $key)"
    wait_until_sql 60 "the load has written" warehouse \
        "select count(*) from pg_stat_activity where state = 'idle in transaction'" 1
    in_session table "begin; lock table only fact_trades in access exclusive mode"
    sessions_wait 1
    tapemill enqueue daily_summary --date $day >/dev/null
    start_process run_job -- "$TAPEMILL_TEST_BIN/run_job" --queued
    sessions_wait 2
    in_session load commit
    in_session table rollback
    wait "$STARTED_PID" || fail "$(cat "$STARTED_LOG")"
    cp "$STARTED_LOG" "$TEST_DIR/between.log"
}
change t5 'price = 16, notional_value = 16, net_amount = 16'
insert_between between-1 16
assert_contains "$(cat "$TEST_DIR/between.log")" '"way": "whole"' "a load in between"
check_levels # its trade is in
assert_equal 'facts changed|t
changed while it was computed|f' "$(sql warehouse "select reason, is_insert_only from etl_dirty_buckets
    where target = 'summary' order by id")" "what is dirty"
assert_contains "$(run_job daily_summary)" 'inserted=0 updated=0 unchanged=19 skipped=0 removed=0 {"way": "whole"' "it is not added once more"
check_levels
# The same while a delta is read: that looks at its own runs alone.
insert 17 <<END
t9,CLIENT,$tenant_a,$client_one,3,$provider,09:00,BUY,2,15,0,0,USD,1,3,f
END
insert_between between-2 18
assert_contains "$(cat "$TEST_DIR/between.log")" '"way": "delta"' "a load beside a delta"
assert_equal 'facts changed|t' "$(sql warehouse "select reason, is_insert_only from etl_dirty_buckets where target = 'summary'")" "dirty"
assert_contains "$(run_job daily_summary)" '"way": "delta"' "the other load"
check_levels
# A run whose trade is changed by another before it is added.
insert 19 <<END
t10,CLIENT,$tenant_a,$client_one,3,$provider,09:00,BUY,2,15,0,0,USD,1,3,f
END
change t10 'is_deleted = true, etl_run_id = 20'
assert_contains "$(run_job daily_summary)" '"way": "whole"' "inserted and deleted"
check_levels
# A run that fails leaves the log as it was.
insert 21 <<END
t11,CLIENT,$tenant_a,$client_one,3,$provider,09:00,BUY,2,15,0,0,USD,1,3,f
END
before=$(sql warehouse "$figures")
sql warehouse "alter table agg_daily_trade_summary add constraint broken check (etl_run_id < 0) not valid"
assert_contains "$(run_job daily_summary)" 'failed pg_constraint' "a run that fails"
assert_equal "$before" "$(sql warehouse "$figures")" "after a run that failed"
sql warehouse "alter table agg_daily_trade_summary drop constraint broken; update etl_jobs set state = 'cancelled' where state = 'retry'"
# Two at once: one adds, the other finds nothing left.
tapemill enqueue daily_summary --date $day >/dev/null
tapemill enqueue daily_summary --date $day >/dev/null
in_session table "begin; select pg_advisory_xact_lock(hashtext('agg_daily_trade_summary'), $key)"
wait_until_sql 60 "the bucket is locked" warehouse \
    "select count(*) from pg_stat_activity where state = 'idle in transaction'" 1
start_process run_job -- "$TAPEMILL_TEST_BIN/run_job" --queued
first=$STARTED_PID first_log=$STARTED_LOG
sessions_wait 1
start_process run_job -- "$TAPEMILL_TEST_BIN/run_job" --queued
sessions_wait 2
in_session table rollback
wait "$first" "$STARTED_PID" || fail "two runs at once"
assert_equal 'delta
nothing' "$(cat "$first_log" "$STARTED_LOG" | sed -n 's/.*"way": "\([a-z]*\)".*/\1/p' | sort)" "two at once"
check_levels

# A leaf that is replaced while the run waits for it: it is read as it is then.
in_session table "begin \\; create table new_leaf (like fact_trades_leaf including all) \\;
    insert into new_leaf select * from fact_trades_leaf \\; drop table fact_trades_leaf \\; alter table new_leaf rename to fact_trades_leaf \\;
    alter table fact_trades_of_the_test attach partition fact_trades_leaf for values from (20240101) to (20240201)"
wait_until_sql 60 "the leaf is replaced" warehouse "select count(*) from pg_stat_activity where state = 'idle in transaction'" 1
tapemill enqueue daily_summary --date $day --arg mode=whole >/dev/null
start_process run_job -- "$TAPEMILL_TEST_BIN/run_job" --queued
sessions_wait 1
in_session table commit
wait "$STARTED_PID" || fail "$(cat "$STARTED_LOG")"
assert_contains "$(cat "$STARTED_LOG")" 'updated=0' "a leaf that was replaced"
assert_contains "$(cat "$STARTED_LOG")" 'removed=0 {"way": "whole"' "a leaf that was replaced"
check_levels
# A list of runs without end would not fit into a statement.
insert 22 <<END
t12,CLIENT,$tenant_a,$client_one,3,$provider,09:00,BUY,2,15,0,0,USD,1,3,f
END
sql warehouse "insert into etl_dirty_buckets (target, date_key, reason, run_no, is_insert_only)
    select 'summary', $key, 'facts changed', 1000000 + r, true from generate_series(1, 10000) r"
assert_contains "$(run_job daily_summary)" '"way": "whole"' "inserts of ten thousand runs"
check_levels

# ---- at random: batches of inserts and now and then a change; after each the same bits as the whole from scratch

rounds=8
[ -z "${TAPEMILL_TEST_LONG:-}" ] || rounds=100
deltas=0
for ((round = 1; round <= rounds; round++)); do
    sql warehouse "select setseed($round / 1000.0);
        insert into given
        select 'r$round-' || g, case when random() < 0.5 then 'DESK' else 'CLIENT' end,
               case when random() < 0.7 then '$tenant_a' else '$tenant_b' end::uuid,
               case when random() < 0.9 then ('c0000000-0000-0000-0000-' || lpad((1 + floor(random() * 10))::text, 12, '0'))::uuid end,
               1 + floor(random() * 20), case when random() < 0.8 then ('d0000000-0000-0000-0000-' || lpad((1 + floor(random() * 3))::text, 12, '0'))::uuid end,
               time '00:00' + random() * interval '23 hours', case when random() < 0.5 then 'BUY' else 'SELL' end,
               round((0.00000001 + random() * 1000)::numeric, (random() * 8)::integer) + 0.00000001,
               round((random() * 100)::numeric, (random() * 8)::integer) + 0.00000001, round(random()::numeric, 8), round(random()::numeric, 8) - 0.1,
               c.currency, c.rate, case when random() < 0.8 then round((random() * 10 - 1)::numeric, 3) end, random() < 0.05
        from generate_series(1, 40) g
        cross join lateral (select * from (values ('USD', 1), ('EUR', 1.123456789012), ('JPY', 0.0067)) c (currency, rate)
                            order by random() + g * 0 limit 1) c;
        select insert_given($((100 + round)), $key)" >/dev/null
    if ((round % 4 == 3)); then
        change "r$round-7" 'is_deleted = true'
    fi
    [[ $(run_job daily_summary) != *'"way": "delta"'* ]] || deltas=$((deltas + 1))
    check_levels
    added=$(sql warehouse "$figures")
    sql warehouse "delete from agg_daily_trade_summary"
    run_job daily_summary mode=whole >/dev/null
    assert_equal "$added" "$(sql warehouse "$figures")" "round $round: added, and computed from scratch"
done
[ "$deltas" -ge $((rounds / 2)) ] || fail "only $deltas of $rounds rounds were added"

# ---- the gate

# What other jobs would have written of the date: the desk's performance and closing books, positions.
sql warehouse "
    delete from etl_dirty_buckets where date_key = $key;
    insert into etl_conditions (key, met) values ('pnl:$key', true) on conflict (key) do update set met = true;
    insert into fact_performance_daily (date_key, tenant_id, account_key, strategy_key, total_trades, closing_trades,
        winning_trades, losing_trades, total_volume, total_notional, gross_profit, gross_loss, net_pnl, commissions, fees, etl_run_id)
    select $key, tenant_id, 1, 1, count(*), 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1
    from fact_trades where date_key = $key and source = 'DESK' and not is_deleted group by tenant_id;
    insert into etl_open_positions (date_key, source, tenant_id, account_id, strategy_id, instrument_id, quantity, total_cost)
    values ($key, 'DESK', '$tenant_a', 1, 1, 1, 5, 50), ($key, 'DESK', '$tenant_a', 1, 2, 1, -2, -20);
    insert into fact_positions_daily (date_key, tenant_id, account_key, instrument_key, account_id, instrument_id, currency, side,
        quantity, total_cost, avg_entry_price, realized_pnl, total_pnl, etl_run_id)
    values ($key, '$tenant_a', 1, 1, 1, 1, 'USD', 'LONG', 3, 30, 10, 0, 0, 1), ($key, '$tenant_a', 1, 2, 1, 2, 'USD', 'FLAT', 0, 0, null, 1, 1, 1)"
rows=$(sql warehouse "select count(*) from agg_daily_trade_summary")
final_rows() {
    sql warehouse "select count(*) filter (where is_final), (select count(*) from etl_published_days) from agg_daily_trade_summary"
}
assert_equal "publish_gate 2024-01-02 done extracted=$rows inserted=0 updated=0 unchanged=$rows skipped=0 removed=0 {\"final\": false, \"dirty\": \"\"}" \
    "$(run_job publish_gate)" "a look"
assert_equal '0|0' "$(final_rows)" "after a look"

# refused RULE STATEMENT UNDO: the gate notices what the statement spoils, publishes nothing, and tells of it
refused() {
    sql warehouse "$2"
    assert_contains "$(run_job publish_gate final=true)" 'failed gate: ' "$2"
    assert_equal '0|0' "$(final_rows)" "nothing is published after: $2"
    assert_contains "$(sql warehouse "select string_agg(rule_name || ' ' || severity || ' ' || error_message, ' ') from etl_data_quality_issues
        where source_table = 'publish_gate' and resolved_at is null")" "$1 ERROR [$1]" "findings of: $2"
    sql warehouse "update etl_jobs set state = 'cancelled' where state = 'retry'; $3"
}
sql warehouse "create table kept as select * from agg_daily_trade_summary"
restore='delete from agg_daily_trade_summary; insert into agg_daily_trade_summary select * from kept'
for level in TENANT CLIENT INSTRUMENT LP CLIENT_INSTRUMENT; do
    one="ctid = (select min(ctid) from agg_daily_trade_summary where aggregation_level = '$level')"
    for sets in 'trade_count = trade_count + 1, buy_count = buy_count + 1' 'buy_count = buy_count + 1, sell_count = sell_count - 1' \
        'total_volume = total_volume + 1, buy_volume = buy_volume + 1' 'exact_notional = exact_notional + 1' \
        'exact_fees = exact_fees + 1' 'exact_commission = exact_commission + 1'; do
        refused summary_differs "update agg_daily_trade_summary set $sets where $one" "$restore"
    done
    refused summary_differs "delete from agg_daily_trade_summary where $one" "$restore"
done
for column in total_notional total_fees total_commission avg_price vwap_price avg_latency_ms; do
    refused summary_differs "update agg_daily_trade_summary set $column = $column + 0.00000001
        where ctid = (select min(ctid) from agg_daily_trade_summary where price_currency is not null and latency_count > 0)" "$restore"
done
refused performance_differs "update fact_performance_daily set total_trades = total_trades + 1 where tenant_id = '$tenant_a'" \
    "update fact_performance_daily set total_trades = total_trades - 1 where tenant_id = '$tenant_a'"
refused positions_differ "update fact_positions_daily set quantity = 4 where instrument_id = 1" \
    "update fact_positions_daily set quantity = 3 where instrument_id = 1"
refused positions_differ "delete from etl_open_positions where quantity < 0" \
    "insert into etl_open_positions (date_key, source, tenant_id, account_id, strategy_id, instrument_id, quantity, total_cost)
     values ($key, 'DESK', '$tenant_a', 1, 2, 1, -2, -20)"
# A position that has no row because nobody can tell its currency: its finding is there already.
sql warehouse "insert into etl_open_positions (date_key, source, tenant_id, account_id, strategy_id, instrument_id, quantity, total_cost)
        values ($key, 'DESK', '$tenant_a', 1, 1, 3, 5, 50);
    insert into etl_data_quality_issues (source_table, record_id, rule_name, severity, error_message, business_date)
        values ('fact_positions_daily', '$tenant_a/1/3', 'position_currency', 'WARNING', 'several', '$day')"
assert_contains "$(run_job publish_gate)" ' done ' "a position without a currency"
refused positions_differ "update etl_data_quality_issues set resolved_at = now() where rule_name = 'position_currency'" \
    "delete from etl_open_positions where instrument_id = 3"
# Books that are not closed: a look leaves out what follows from them, a final gate waits.
sql warehouse "update etl_conditions set met = false where key = 'pnl:$key'; update fact_positions_daily set quantity = 4 where instrument_id = 1"
assert_contains "$(run_job publish_gate)" ' done ' "a look while books are open"
assert_contains "$(run_job publish_gate final=true)" 'waits for the books of 2024-01-02 to be closed' "a final gate while books are open"
sql warehouse "update etl_conditions set met = true where key = 'pnl:$key'; update fact_positions_daily set quantity = 3 where instrument_id = 1;
    update etl_jobs set state = 'cancelled' where state = 'waiting'"
refused fx_rate_missing "insert into etl_dirty_buckets (target, date_key, reason) values ('performance', $key, 'fx_rate_missing')" \
    "delete from etl_dirty_buckets"
[ "$(sql warehouse "select count(*) from etl_alerts where cause = 'publish_gate:2024-01-02'")" -gt 0 ] || fail "nobody was alerted"
assert_contains "$(run_job publish_gate final=maybe)" 'failed argument: the argument final is "maybe"' "a bad argument"

# A look fails too, so that nothing goes on.
sql warehouse "update fact_positions_daily set quantity = 4 where instrument_id = 1"
assert_contains "$(run_job publish_gate)" 'failed gate: ' "a look at what differs"
sql warehouse "update fact_positions_daily set quantity = 3 where instrument_id = 1; update etl_jobs set state = 'cancelled' where state = 'retry'"

# What is dirty is computed first: the gate asks for it, and the next attempt publishes.
insert 300 <<END
late-1,CLIENT,$tenant_a,$client_one,3,$provider,09:00,BUY,2,15,0,0,USD,1,3,f
END
sql warehouse "delete from etl_dirty_buckets where target not in ('summary', 'client_metrics:MONTHLY', 'client_metrics:YEARLY')"
run_job publish_gate >/dev/null
assert_contains "$(sql warehouse "select metadata from etl_job_runs where job_name = 'publish_gate' order by run_no desc limit 1")" \
    '"dirty": "summary"' "a look at what is dirty"
tapemill enqueue publish_gate --date $day --arg final=true >/dev/null
gate_is_done() {
    "$TAPEMILL_TEST_BIN/run_job" --queued >>"$TEST_DIR/dirty.log" || true
    [ "$(sql warehouse "select state from etl_jobs where job_name = 'publish_gate' order by id desc limit 1")" = done ]
}
wait_until 60 "the gate publishes" gate_is_done || fail "$(cat "$TEST_DIR/dirty.log")"
assert_contains "$(cat "$TEST_DIR/dirty.log")" 'failed stale: 2024-01-02 cannot be published yet: summary changed' "a dirty date"
assert_contains "$(cat "$TEST_DIR/dirty.log")" '{"way": "delta"' "what it asked for"
assert_equal '' "$(grep client_metrics "$TEST_DIR/dirty.log")" "periods that are not over are not asked for"
assert_equal 0 "$(sql warehouse "select attempts from etl_jobs where job_name = 'publish_gate' order by id desc limit 1")" \
    "attempts charged for waiting"
rows=$(sql warehouse "select count(*) from agg_daily_trade_summary")
assert_contains "$(cat "$TEST_DIR/dirty.log")" \
    "publish_gate 2024-01-02 done extracted=$rows inserted=0 updated=$rows unchanged=0 skipped=0 removed=0 {\"final\": true, \"dirty\": \"\"}" "published"
assert_equal "$rows|1" "$(final_rows)" "is_final"
assert_equal '' "$(sql warehouse "select * from etl_data_quality_issues where source_table = 'publish_gate' and resolved_at is null")" \
    "findings are resolved"
assert_contains "$(run_job publish_gate final=true)" "updated=0 unchanged=$rows " "published once more"

# A published date that changes stays final, if the summary holds; if not, the old rows stay.
insert 301 <<END
late-2,CLIENT,$tenant_a,$client_one,20,$provider,09:00,BUY,2,15,0,0,USD,1,3,f
END
assert_contains "$(run_job daily_summary)" '"way": "delta"' "a late trade of a published date"
change late-2 'is_deleted = true'
run_job daily_summary >/dev/null
assert_equal "$(sql warehouse "select count(*) from agg_daily_trade_summary")|1" "$(final_rows)" "is_final after late trades"
check_levels
insert 302 <<END
late-3,CLIENT,$tenant_a,$client_one,20,$provider,09:00,BUY,2,15,0,0,USD,1,3,f
END
sql warehouse "update agg_daily_trade_summary set exact_fees = exact_fees + 1 where aggregation_level = 'TENANT'"
before=$(sql warehouse "$figures")
assert_contains "$(run_job daily_summary)" 'failed gate: ' "what is added to a spoilt row"
assert_equal "$before" "$(sql warehouse "$figures")" "the old rows"
sql warehouse "update etl_jobs set state = 'cancelled' where state = 'retry'"
assert_contains "$(run_job daily_summary mode=whole)" ' done ' "the whole puts it right"
check_levels
assert_equal "$(sql warehouse "select count(*) from agg_daily_trade_summary")|1" "$(final_rows)" "is_final in the end"

# ---- the refresh: every target's dirty buckets, each asked for once

# refresh: as on 2024-01-06; prints what it told. Jobs that it asked for stay queued.
refresh() {
    "$TAPEMILL_TEST_BIN/run_job" refresh_aggregates 2024-01-06 | sed 's/.* {/{/'
}
sql warehouse "delete from etl_dirty_buckets; update etl_jobs set state = 'cancelled' where state in ('queued', 'waiting', 'retry')"
assert_contains "$(refresh)" '{"buckets": 0, "enqueued": 0' "nothing is dirty"
sql warehouse "insert into etl_dirty_buckets (target, date_key, reason)
    select 'summary', to_char(d, 'YYYYMMDD')::integer, 'facts changed'
    from unnest(array[date '2024-01-02', '2024-01-02', '2024-01-03', '2024-01-05', '2024-01-06']) d"
assert_contains "$(refresh)" '{"buckets": 3, "enqueued": 3' "dates that are over"
assert_contains "$(refresh)" '{"buckets": 0, "enqueued": 0' "they are asked for already"
assert_equal '2024-01-02 2024-01-03 2024-01-05' "$(sql warehouse "select string_agg(business_date::text, ' ' order by business_date)
    from etl_jobs where job_name = 'daily_summary' and state = 'queued'")" "the jobs"
# Of one that is running nobody knows what it has seen; of a pipeline that is dead nobody knows when it goes on.
sql warehouse "insert into etl_pipeline_runs (pipeline, business_date) values ('daily_load', '2024-01-03');
    update etl_jobs set pipeline_run_id = (select max(id) from etl_pipeline_runs), pending = 1, state = 'waiting', unique_key = null
    where job_name = 'daily_summary' and state = 'queued' and business_date = '2024-01-03'"
assert_contains "$(refresh)" '{"buckets": 0, "enqueued": 0' "a pipeline will do it"
sql warehouse "insert into etl_jobs (job_name, job_type, kind, queue, priority, max_attempts, business_date, pipeline_run_id, state)
    values ('load_trades', 'ETL', 'batch', 'batch', 5, 5, '2024-01-03', (select max(id) from etl_pipeline_runs), 'dead')"
assert_contains "$(refresh)" '{"buckets": 1, "enqueued": 1' "a pipeline that will not"
sql warehouse "update etl_jobs set state = 'cancelled' where state in ('queued', 'waiting', 'retry', 'dead');
    delete from etl_dirty_buckets"

# If the last job is dead, only what became dirty since is asked for.
sql warehouse "insert into etl_dirty_buckets (target, date_key, reason) values ('summary', 20240104, 'facts changed')"
assert_contains "$(refresh)" '{"buckets": 1, "enqueued": 1' "a date that is dirty"
sql warehouse "update etl_jobs set state = 'dead' where state = 'queued' and job_name = 'daily_summary'"
assert_contains "$(refresh)" '{"buckets": 0, "enqueued": 0' "its job is dead"
sql warehouse "insert into etl_dirty_buckets (target, date_key, reason) values ('summary', 20240104, 'facts changed')"
assert_contains "$(refresh)" '{"buckets": 1, "enqueued": 1' "dirty once more"
sql warehouse "update etl_jobs set state = 'cancelled' where state in ('queued', 'waiting', 'retry', 'dead');
    delete from etl_dirty_buckets"

# A date that is not over is refreshed once it was computed.
sql warehouse "insert into etl_dirty_buckets (target, date_key, reason) values ('summary', 20240106, 'facts changed')"
assert_contains "$(refresh)" '{"buckets": 0, "enqueued": 0' "today, never computed"
sql warehouse "
    insert into agg_daily_trade_summary (tenant_id, trade_date, date_key, aggregation_level, trade_count, buy_count, sell_count,
        total_volume, buy_volume, sell_volume, total_notional, total_fees, total_commission, etl_run_id)
    values ('$tenant_a', '2024-01-06', 20240106, 'TENANT', 1, 1, 0, 1, 1, 0, 1, 0, 0, 1)"
assert_contains "$(refresh)" '{"buckets": 1, "enqueued": 1' "today, computed before"

# Every target of the log is in the table.
assert_equal '' "$(comm -3 <(sql warehouse "select distinct target from etl_dirty_targets" | LC_ALL=C sort) \
    <(sed -n 's/^    {"\([a-zA-Z_:]*\)", "[a-z_]*", "[a-z]*", .*/\1/p' "$TAPEMILL_ROOT/jobs/refresh.c" | LC_ALL=C sort))" "targets and their jobs"

# ---- a trade that comes late, after everything was published, reaches the summary without anybody asking

databases_create late
tapemill migrate >/dev/null
tapemill source init >/dev/null 2>&1
tapemill source generate --seed 3 --from 2024-01-02 --days 1 --rows 60 --client-rows 40 --quotes 0 --instruments 5 --accounts 3 \
    --clients 3 --strategies 2 --dirty 0 --late 0 >/dev/null 2>&1
run_all() {
    "$TAPEMILL_TEST_BIN/run_job" --queued >>"$TEST_DIR/late.log" || true
}
TAPEMILL_HISTORY_START=2024-01-02
for job in dates partitions; do
    tapemill enqueue $job >/dev/null
done
run_all
tapemill enqueue daily_load --date $day >/dev/null
run_all
tapemill enqueue daily_summary --date $day >/dev/null
run_all
check_levels
assert_equal "$(sql warehouse "select count(*) from fact_trades where date_key = $key and not is_deleted")" \
    "$(sql warehouse "select sum(trade_count) from agg_daily_trade_summary where aggregation_level = 'TENANT' and date_key = $key")" "all trades"
sql warehouse "delete from etl_dirty_buckets; insert into etl_published_days (date_key, run_no) values ($key, 1);
               update agg_daily_trade_summary set is_final = true"
since=$(sql source 'select clock_timestamp()')
sql source "insert into trades select (jsonb_populate_record(null::trades, to_jsonb(t) || jsonb_build_object('trade_id', t.trade_id + 1000000,
                'trade_reference', 'late-' || t.trade_reference, 'updated_at', clock_timestamp()))).*
            from (select * from trades where status <> 'CANCELLED' and trade_date::date = '$day' order by trade_id limit 1) t"
tapemill enqueue load_changed_trades --arg since="$since" >/dev/null
run_all
assert_equal 1 "$(sql warehouse "select count(*) from fact_trades where trade_reference like 'late-%'")" "the late trade"
tapemill enqueue refresh_aggregates >/dev/null
run_all
assert_contains "$(grep '^daily_summary' "$TEST_DIR/late.log" | tail -n 1)" '"way": "delta"' "its summary"
check_levels
assert_equal 't' "$(sql warehouse "select bool_and(is_final) from agg_daily_trade_summary")" "it is final"
assert_equal '0' "$(sql warehouse "select count(*) from etl_dirty_buckets where target in ('summary', 'performance')")" "dirty"
echo "$deltas of $rounds random batches were added"
