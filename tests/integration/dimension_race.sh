#!/usr/bin/env bash
# Members arrive late, change, go and come back while dates are loaded, facts re-keyed, and dimensions synchronised in both
# modes, several at once. In the end the warehouse is, by its fingerprint, one in which one process did one thing after the
# other; the dimensions are clean, and nothing inferred is left.
#
# The source's clock stands still for a round, so that what is dated by it, a delete and a return, is the same in both.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
: "${RACE_SEED=$((EPOCHSECONDS % 32768))}" "${RACE_ROUNDS=${TAPEMILL_TEST_LONG:+12}}"
RACE_ROUNDS=${RACE_ROUNDS:-3}
echo "seed $RACE_SEED; again: RACE_SEED=$RACE_SEED RACE_ROUNDS=$RACE_ROUNDS tests/integration/dimension_race.sh"
RANDOM=$RACE_SEED
# Stamps are of the time of the facts: with this overlap a sync by watermark sees them all the same.
faults_up TAPEMILL_CHANGES_LAG_SECONDS=0 TAPEMILL_CHANGES_OVERLAP_SECONDS=604800 TAPEMILL_LEASE_SECONDS=10
dates=(2024-01-02 2024-01-03 2024-01-04)

# ---- what the source does ----------------------------------------------------------------------------------------

# table, its id, an attribute with history, one without
members='instruments instrument_id sector name
accounts account_id broker account_name
strategies strategy_id risk_tier strategy_name
clients client_id segment name
liquidity_providers lp_id tier name'

tapemill source generate --seed "$RACE_SEED" --from "${dates[0]}" --days 3 --rows 150 --client-rows 60 --quotes 0 --dirty 0 \
    --instruments 24 --accounts 12 --clients 24 --strategies 9 --providers 8 --late 0 >"$TEST_DIR/generated" 2>&1 || fail "$(cat "$TEST_DIR/generated")"
sql source "
    create schema clock;
    create table clock.instant as select timestamptz '2024-01-06 00:00Z' as at;
    create function clock.now() returns timestamptz language sql stable as 'select at from clock.instant';
    create function clock.clock_timestamp() returns timestamptz language sql volatile as 'select at from clock.instant'"
psql -XAtq "$(servers_url postgres)" -c "alter database $SOURCE_DATABASE set search_path = clock, pg_catalog, public"
# A third of them are not there yet.
while read -r table id _; do
    sql source "create table late_$table as select * from $table where hashtext($id::text) % 3 = 0;
                delete from $table where hashtext($id::text) % 3 = 0"
done <<<"$members"
hands=$(sql source "select min(account_id) from accounts") strategy=$(sql source "select min(strategy_id) from strategies")
paper=$(sql source "select min(instrument_id) from instruments")
warehouse_prepare "${dates[0]}" 3

# What happens to the source in round $1, a line each, in an order of chance: each member once at most, with a stamp of
# its own on a date of the facts, later than those of the rounds before.
changes_of() {
    sql source "update clock.instant set at = timestamptz '2024-01-06 00:00Z' + interval '$1 hours'"
    local table id history rest minute=$(($1 * 60)) sharpest="$((RACE_ROUNDS * 60 + 60))"
    while read -r table id history rest; do
        sql source "
            with members as (
                select $id as id, row_number() over (order by $id) as place from $table
            ), stamped as (
                select *, quote_literal(timestamptz '2024-01-02 14:30Z' +
                            (($minute + place % 60)::numeric / $sharpest) * interval '50 hours') as stamp
                from members
            )
            select case (place + $1 * 5) % 8
                   when 0 then format('update $table set $history = ''round $1'', updated_at = %s where $id = %L', stamp, id)
                   when 1 then format('update $table set $history = ''round $1'', $rest = ''round $1'', updated_at = %s where $id = %L',
                                      stamp, id)
                   when 2 then format('update $table set $rest = ''round $1'', updated_at = %s where $id = %L', stamp, id)
                   when 3 then format('update $table set is_active = not is_active, updated_at = %s where $id = %L', stamp, id)
                   when 4 then format('insert into gone_$table select * from $table where $id = %L; delete from $table where $id = %1\$L',
                                      id)
                   end
            from stamped
            where (place + $1 * 5) % 8 < case when place <= 8 then 5 else 4 end and ('$table' <> 'clients' or (place + $1 * 5) % 8 <> 3)
              and ('$table', id::text) not in (('accounts', '$hands'), ('instruments', '$paper'))
            union all
            select format('insert into $table select * from late_$table where $id = %L', $id) from late_$table
            where hashtext($id::text) % $RACE_ROUNDS = $1 - 1 or hashtext($id::text) % $RACE_ROUNDS = 1 - $1
            union all
            select format('insert into $table select * from gone_$table where $id = %L; delete from gone_$table where $id = %1\$L', $id)
            from gone_$table"
    done <<<"$members"
    # An account changes hands, an instrument its currency and its multiplier, orders their strategy.
    echo "update instruments set currency = '$([ $(($1 % 2)) -eq 1 ] && echo EUR || echo USD)', contract_multiplier = $1, updated_at = timestamptz '2024-01-02 15:00Z' + $1 * interval '61 minutes' where instrument_id = $paper"
    echo "update accounts set tenant_id = '00000000-0000-0000-0000-0000000000f$1', updated_at = updated_at + interval '1 second' where account_id = $hands"
    echo "update orders set strategy_id = $strategy, updated_at = now() - interval '1 second' where order_id % 7 = $1"
}

while read -r table _; do
    sql source "create table gone_$table (like $table)"
done <<<"$members"

# Each line is a transaction of its own, with a while between some.
change_source() {
    local line
    changes_of "$1" | sed '/^$/d' | shuf --random-source=<(yes "$RACE_SEED $1") | while read -r line; do
        echo "begin; $line; commit;"
        [ $((RANDOM % 4)) -ne 0 ] || echo "select pg_sleep(0.05);"
    done >"$TEST_DIR/changes-$1.sql"
    start_process changes -- psql -XAtq -v ON_ERROR_STOP=1 -f "$TEST_DIR/changes-$1.sql" "$TAPEMILL_SOURCE_URL"
}

# ---- the race ----------------------------------------------------------------------------------------------------

race_jobs() {
    local i job
    [ "$1" -gt 1 ] || for i in "${dates[@]}"; do
        tapemill enqueue daily_load --date "$i" >/dev/null
    done
    for ((i = 0; i < 14; i++)); do
        case $((RANDOM % 7)) in
        0 | 1) job='sync_dimensions' ;;
        2 | 3) job='sync_dimensions --arg mode=changes' ;;
        4) job="rekey_facts --date ${dates[RANDOM % 3]}" ;;
        5) job="load_executions --date ${dates[RANDOM % 3]}" ;;
        *) job='load_changed_orders' ;;
        esac
        # shellcheck disable=SC2086 # the words of a command
        tapemill enqueue $job >/dev/null
    done
}

warehouse_fresh raced
start_scheduler
for i in 1 2 3; do
    start_worker
done
source_url=$TAPEMILL_SOURCE_URL
for ((round = 1; round <= RACE_ROUNDS; round++)); do
    change_source "$round"
    changes=$STARTED_PID
    race_jobs "$round"
    wait "$changes" || fail "the source could not be changed: $(cat "$STARTED_LOG")"
    # Two that overlap have the last word; what they move follows.
    tapemill enqueue sync_dimensions >/dev/null
    tapemill enqueue sync_dimensions --arg mode=changes >/dev/null
    tapemill enqueue load_changed_orders >/dev/null
    wait_until 300 "all jobs end" is_quiet || fail "jobs that do not end (seed $RACE_SEED)"
    assert_equal '' "$(sql warehouse "select job_name, left(error_message, 300) from etl_jobs where state <> 'done'")" \
        "jobs that did not work (seed $RACE_SEED)"
    psql -XAtq -v ON_ERROR_STOP=1 "$(servers_url postgres)" -c "create database source_$round template $SOURCE_DATABASE" \
        -c "alter database source_$round set search_path = clock, pg_catalog, public"
done

# ---- one after the other -----------------------------------------------------------------------------------------

warehouse_fresh undisturbed
for ((round = 1; round <= RACE_ROUNDS; round++)); do
    TAPEMILL_SOURCE_URL=$(servers_url "source_$round")
    tapemill enqueue sync_dimensions >/dev/null
    run_queued_undisturbed
done
for date in "${dates[@]}"; do
    tapemill enqueue daily_load --date "$date" >/dev/null
done
run_queued_undisturbed
TAPEMILL_SOURCE_URL=$source_url

# ---- the verdict -------------------------------------------------------------------------------------------------

# To show what differs.
versions_of() {
    local dimension columns
    for dimension in instrument account strategy client liquidity_provider; do
        columns=$(sql warehouse "select string_agg(attname, ', ' order by attnum) from pg_attribute
                                 where attrelid = 'dim_$dimension'::regclass and attnum > 0 and not attisdropped
                                   and attname not like '%_key' and attname <> 'known_from'")
        sql warehouse "select '$dimension', $columns from dim_$dimension where valid_from < valid_to order by 2, version"
    done
}

for name in undisturbed raced; do
    warehouse_use "$name"
    tapemill dimension check >"$TEST_DIR/check" 2>&1 || fail "$name: $(cat "$TEST_DIR/check")"
    assert_equal 0 "$(sql warehouse "
        select (select count(*) from dim_instrument where is_inferred) + (select count(*) from dim_account where is_inferred)
             + (select count(*) from dim_strategy where is_inferred) + (select count(*) from dim_client where is_inferred)
             + (select count(*) from dim_liquidity_provider where is_inferred)")" "$name: inferred members (seed $RACE_SEED)"
    tapemill enqueue refresh_aggregates >/dev/null # what corrected histories made dirty
    run_queued_undisturbed # or workers that still run
    wait_until_sql 60 "$name: what was dirty is computed" warehouse \
        "select count(*) from etl_jobs where state in ('queued', 'retry', 'running')" 0
    versions_of >"$TEST_DIR/versions-$name"
    print_of_all >"$TEST_DIR/prints-$name"
done
for what in versions prints; do
    diff "$TEST_DIR/$what-undisturbed" "$TEST_DIR/$what-raced" >"$TEST_DIR/difference" ||
        fail "$what of the race differ (seed $RACE_SEED): $(head -n 20 "$TEST_DIR/difference")"
done
moved=$(sql warehouse "select count(*) from etl_dimension_changes")
[ "$moved" -gt 0 ] || fail "no version lost an instant: this race proves nothing"
echo "$(wc -l <"$TEST_DIR/versions-raced") versions, $moved pieces that versions lost, $(sql warehouse "
    select string_agg(format('%s %s', count, job_name), ', ') from (select count(*), job_name from etl_jobs group by 2 order by 2) j")"
