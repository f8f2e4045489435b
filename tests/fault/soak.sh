#!/usr/bin/env bash
# Four workers and two schedulers do a mixed load of work while processes are killed and frozen, connections cut, Redis
# and PostgreSQL restarted, emptied and set back, and failpoints hit, all at random. In the end the history is clean
# (`tapemill history check`), every job is accounted for, and by its fingerprint the warehouse, whose dates were loaded,
# merged, written anew and folded, is one in which a single process loaded each date once, as the source is in the end.
#
# Two dozen seconds, or half an hour with TAPEMILL_TEST_LONG. By hand, with any of these set:
#
#   SOAK_SECONDS    how long faults go on (and longer, until the least numbers below are reached)
#   SOAK_DATES      business dates that are loaded; each is loaded again twice, a third and all of its rows changed
#   SOAK_PROBES     further jobs
#   SOAK_JOBS, SOAK_LOADS, SOAK_KILLS, SOAK_HITS   least number of jobs, loads of a date, killed processes, hits of each
#                   failpoint (those of fold want about as many months of dates)
#   SOAK_SEED       what faults and work are drawn from; a run prints its own
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
source "$(dirname "${BASH_SOURCE[0]}")/../support/disturb.sh"

if [ -n "${TAPEMILL_TEST_LONG:-}" ]; then
    : "${SOAK_SECONDS=1800}" "${SOAK_DATES=200}" "${SOAK_PROBES=3500}"
    : "${SOAK_JOBS=5000}" "${SOAK_LOADS=500}" "${SOAK_KILLS=200}" "${SOAK_HITS=5}"
else
    : "${SOAK_SECONDS=20}" "${SOAK_DATES=6}" "${SOAK_PROBES=80}"
    : "${SOAK_JOBS=100}" "${SOAK_LOADS=12}" "${SOAK_KILLS=5}" "${SOAK_HITS=0}"
fi
: "${SOAK_SEED=$((EPOCHSECONDS % 32768))}"
echo "seed $SOAK_SEED; again: SOAK_SEED=$SOAK_SEED SOAK_SECONDS=$SOAK_SECONDS SOAK_DATES=$SOAK_DATES \
SOAK_PROBES=$SOAK_PROBES tests/fault/soak.sh"
RANDOM=$SOAK_SEED
faults_up

SEGMENT=$((SOAK_DATES / 20 + 3)) # dates that are loaded together,
PASSES=3                         # once, and then again with changes
SETTLE_SECONDS=600               # from the last fault until all is quiet
first=2024-01-28 # so that even a few dates see a month end

# ---- before ----------------------------------------------------------------------------------------------------

dates=()
for ((i = 0; i < SOAK_DATES; i++)); do
    dates+=("$(date -u -d "$first + $i days" +%F)")
done
segments=$(((SOAK_DATES + SEGMENT - 1) / SEGMENT))
tapemill source generate --seed "$SOAK_SEED" --rows 150 --client-rows 60 --quotes 0 --weekends few --from $first \
    --days "$SOAK_DATES" >/dev/null 2>&1
warehouse_prepare $first 0
# Dates that are loaded together have an account of their own, which arrives after its fills, and changes in their midst.
for ((i = 0; i < segments; i++)); do
    sql source "update executions set account_id = $((900000 + i))
                where (executed_at at time zone 'America/New_York')::date between '${dates[i * SEGMENT]}' and
                      date '${dates[i * SEGMENT]}' + $((SEGMENT - 1)) and execution_id % 20 = 0"
done

# ---- work ------------------------------------------------------------------------------------------------------

pass=1 segment=0 # the next backfill of dates
probes=0 backfills=() cancelled=() retried=0 pauses=0

# What share of the fault time is over, in thousands.
share() {
    local share=$(((SECONDS - begun) * 1000 / SOAK_SECONDS))
    echo $((share < 1000 ? share : 1000))
}

# Begins the next backfill of some dates, if its time has come and the one before it on these dates is over.
feed_loads() {
    local from to made=$(((pass - 1) * segments + segment)) all=$((segments * PASSES))
    [ "$pass" -le "$PASSES" ] && [ $((made * 1000)) -le $((all * $(share) * 10 / 9)) ] || return 0
    from=${dates[segment * SEGMENT]}
    to=$((segment * SEGMENT + SEGMENT - 1))
    to=${dates[to < SOAK_DATES ? to : SOAK_DATES - 1]}
    if [ "$pass" -gt 1 ]; then
        is_over "${backfills[segment]}" || return 0
        change "$from" "$to" $((pass == PASSES ? 1 : 3))
        change_account $((900000 + segment)) "$from"
        disturb_arm rekey.moved
    fi
    disturb_arm partition.made # which only the first loads of a month reach
    disturb_arm load.inferred
    tapemill backfill daily_load --from "$from" --to "$to" --reprocess completed >/dev/null
    backfills[segment]=$(sql warehouse "select max(id) from etl_backfills")
    segment=$((segment + 1))
    [ "$segment" -lt "$segments" ] || pass=$((pass + 1)) segment=$((segment % segments))
}

is_over() {
    sql_is warehouse "select state from etl_backfills where id = $1" completed >/dev/null
}

# Every $3rd row of these dates changes at the source.
change() {
    sql source "
        update executions set price = price + 1, updated_at = updated_at + interval '10 days'
        where (executed_at at time zone 'America/New_York')::date between '$1' and '$2' and execution_id % $3 = 0"
}

# The account comes, and is another from the second date's noon on.
change_account() {
    if [ "$pass" -eq 2 ]; then
        sql source "insert into accounts (account_id, account_name, account_type, broker, currency, is_active, updated_at)
                    values ($1, 'late', 'PROP', 'first', 'USD', true, '2020-01-01 00:00Z')"
    else
        sql source "update accounts set broker = 'second', updated_at = timestamptz '$2 17:00Z' + interval '1 day' where account_id = $1"
    fi
    draw 0 1
    [ "$DRAWN" -eq 0 ] || tapemill enqueue sync_dimensions --arg mode=changes >/dev/null
    tapemill enqueue sync_dimensions >/dev/null
}

# Folds the months whose last date is loaded, at all of fold's failpoints.
feed_folds() {
    local month point
    for month in $(sql warehouse "
        select distinct date_trunc('month', l.business_date)::date from etl_jobs l
        where l.job_name = 'load_trades' and l.state = 'done'
          and l.business_date = date_trunc('month', l.business_date) + interval '1 month - 1 day'
          and not exists (select from etl_jobs f where f.job_name = 'fold_month'
                          and f.business_date = date_trunc('month', l.business_date))
          and not exists (select from etl_jobs u where u.state <> 'done' and u.job_name like 'load_%'
                          and date_trunc('month', u.business_date) = date_trunc('month', l.business_date))"); do
        for point in "${!HITS[@]}"; do
            [[ $point != fold.* ]] || disturb_arm "$point"
        done
        tapemill enqueue fold_month --date "$month" >/dev/null
    done
}

# One of the ways in which other jobs come to be.
feed_probes() {
    local count i
    [ $((probes * 1000)) -le $((SOAK_PROBES * $(share) * 10 / 9)) ] && [ "$probes" -lt "$SOAK_PROBES" ] || return 0
    draw 1 10
    case $DRAWN in
    1) enqueue probe --arg mark=true --delay 2 ;;
    2) enqueue probe --arg fail=true ;;
    3) enqueue probe --arg mark=true --arg seconds=0.2 --priority 9 ;;
    4)
        enqueue probe --arg mark=true --arg seconds=3
        cancelled+=("$JOB")
        ;;
    5) enqueue probe --arg mark=true --arg seconds=0.2 --limit one-at-a-time ;;
    *)
        draw 10 40
        count=$DRAWN
        for ((i = 0; i < count; i++)); do
            draw 0 9
            printf '{"mark": "true", "seconds": "0.%d"}\n' "$DRAWN"
        done >"$TEST_DIR/each"
        tapemill enqueue probe --queue backfill --each "$TEST_DIR/each" >/dev/null
        probes=$((probes + count - 1))
        ;;
    esac
    probes=$((probes + 1))
    if [ ${#cancelled[@]} -gt 0 ] && draw 1 3 && [ "$DRAWN" -eq 1 ]; then
        tapemill cancel "${cancelled[-1]}" >/dev/null 2>&1 || true # it may be done
    fi
}

# Now and then a queue is paused for a while.
feed_pauses() {
    draw 1 60
    [ "$DRAWN" -le 4 ] || return 0
    case $DRAWN in
    1) tapemill queue pause backfill --reason "the soak does so" >/dev/null 2>&1 && pauses=$((pauses + 1)) || true ;;
    *) tapemill queue resume backfill >/dev/null 2>&1 || true ;;
    esac
}

# What a person would do: a job that died because its runners were killed three times in a row is tried again.
retry_poison() {
    local ids
    mapfile -t ids < <(sql warehouse "select id from etl_jobs where state = 'dead' and error_code = 'poison'")
    [ ${#ids[@]} -gt 0 ] || return 0
    tapemill dead retry "${ids[@]}" >/dev/null
    retried=$((retried + ${#ids[@]}))
}

feed() {
    feed_loads
    feed_folds
    feed_probes
    feed_pauses
    retry_poison
}

# ---- how far it is ---------------------------------------------------------------------------------------------

jobs_done() {
    sql warehouse "select count(*) from etl_jobs where state = 'done' $1"
}

# The failpoints that were hit too rarely. No member is gone before an instant of its facts here: kill_points.sh has
# rekey.inferred.
rare_failpoints() {
    local name
    for name in "${!HITS[@]}"; do
        [ "$name" = rekey.inferred ] || [ "${HITS[$name]}" -ge "$SOAK_HITS" ] || echo "$name ${HITS[$name]}"
    done | sort | paste -sd , | sed 's/,/, /g'
}

work_is_left() {
    [ "$pass" -le "$PASSES" ] || [ "$probes" -lt "$SOAK_PROBES" ]
}

# What is still missing, in words; empty when nothing is.
missing() {
    local loads jobs
    jobs=$(jobs_done '') loads=$(jobs_done "and job_name in ('load_executions', 'load_trades')")
    ! work_is_left || echo "work to enqueue"
    [ "$jobs" -ge "$SOAK_JOBS" ] || echo "jobs ($jobs)"
    [ "$loads" -ge "$SOAK_LOADS" ] || echo "loads ($loads)"
    [ "$(disturb_kills)" -ge "$SOAK_KILLS" ] || echo "kills ($(disturb_kills))"
    [ -z "$(rare_failpoints)" ] || echo "hits of failpoints ($(rare_failpoints))"
}

# ---- the run ---------------------------------------------------------------------------------------------------

# Ticks every second and every three, whatever the clock says.
schedule() {
    echo '{"schedules": ['
    echo '{"name": "seconds", "cron": "* * * * * *", "job": "probe", "arguments": {"mark": "true"}, "overlap": "skip"},'
    echo '{"name": "queued", "cron": "*/3 * * * * *", "job": "probe", "arguments": {"mark": "true"}, "overlap": "queue"}'
    echo ']}'
}

warehouse_fresh soaked
schedule >"$TEST_DIR/schedule.json"
tapemill schedule load "$TEST_DIR/schedule.json" >/dev/null
export TAPEMILL_HISTORY_DIR=$TEST_DIR/history
mkdir "$TAPEMILL_HISTORY_DIR"
first_job=$(sql warehouse "select coalesce(max(id), 0) + 1 from etl_jobs") # what came before is not recorded
# A date has some hundred rows: here leaves are written anew where the undisturbed warehouse updates them.
export TAPEMILL_REWRITE_MIN_ROWS=100
for i in 1 2 3 4; do
    start_supervised worker
    WORKERS+=("$STARTED_PID")
done
for i in 1 2; do
    start_supervised scheduler
    SCHEDULERS+=("$STARTED_PID")
done

disturb_begin
begun=$SECONDS
deadline=$((begun + SOAK_SECONDS * 3 / 2 + 90))
while [ $((SECONDS - begun)) -lt "$SOAK_SECONDS" ] || [ -n "$(missing)" ]; do
    [ "$SECONDS" -lt "$deadline" ] || fail "after $((SECONDS - begun)) s there are too few: $(missing | paste -sd ,)"
    feed
    disturb
    draw 0 9
    sleep 0.$DRAWN
    disturb_wake
done
fault_seconds=$((SECONDS - begun))

disturb_end
tapemill schedule pause seconds --reason "the faults are over" >/dev/null
tapemill schedule pause queued --reason "the faults are over" >/dev/null
settled() {
    disturb_wake
    retry_poison
    is_quiet
}
tapemill queue resume backfill >/dev/null 2>&1 || true
wait_until $SETTLE_SECONDS "all jobs end, and Redis forgets them" settled || fail "jobs that do not end"

# ---- the verdict -----------------------------------------------------------------------------------------------

print_table() {
    local -n table=$1
    local name
    for name in $(printf '%s\n' "${!table[@]}" | sort); do
        printf '  %-24s %6s\n' "$name" "${table[$name]}"
    done
}

echo "$fault_seconds s of faults, $(disturb_kills) processes killed, $retried dead jobs retried, $pauses pauses; what was done:"
print_table COUNTS
echo "hits of failpoints:"
print_table HITS
sql warehouse "select format('  %-24s %6s %s', job_name, count(*), state) from etl_jobs group by job_name, state order by 1"

tapemill history check "$TAPEMILL_HISTORY_DIR" --from-job "$first_job" || fail "the history is not clean (seed $SOAK_SEED)"

wait_until_sql 30 "no transaction of a killed process is left open" warehouse "select count(*) from pg_stat_activity
    where application_name like 'tapemill%' and state like 'idle in transaction%'" 0
assert_equal 0 "$(sql warehouse "
    select count(*) from etl_job_runs a join etl_jobs i on i.id = a.job_id and i.limit_key = 'one-at-a-time'
    join etl_job_runs b on b.run_no > a.run_no and b.started_at < a.completed_at
    join etl_jobs j on j.id = b.job_id and j.limit_key = 'one-at-a-time'")" "runs that overlap under a limit of one"
assert_equal '' "$(sql warehouse "
    select format('%s %s %s attempts %s: %s', id, job_name, state, attempts, left(error_message, 200)) from etl_jobs
    where state <> case when job_name = 'probe' and arguments ->> 'fail' = 'true' then 'dead' else 'done' end
      and not (state = 'cancelled' and id = any('{$(IFS=, && echo "${cancelled[*]}")}'))")" \
    "jobs that did not end as they should"
assert_equal '' "$(sql warehouse "
    select id, target, state from etl_backfills b
    where state <> 'completed'
       or (select count(distinct business_date) from etl_jobs where backfill_id = b.id and job_name = 'load_trades')
          <> to_date - from_date + 1")" "backfills that lack dates"

tapemill enqueue refresh_aggregates >/dev/null # re-keyed facts leave their aggregates dirty
wait_until $SETTLE_SECONDS "what is dirty is computed again" settled || fail "aggregates that do not settle"
soaked=$(print_of_all)
unset TAPEMILL_HISTORY_DIR
warehouse_fresh undisturbed
sql source "create table last_accounts as select * from accounts where account_id >= 900000;
            update accounts set broker = 'first', updated_at = '2020-01-01 00:00Z' where account_id >= 900000"
tapemill enqueue sync_dimensions >/dev/null
run_queued_undisturbed
sql source "update accounts a set broker = l.broker, updated_at = l.updated_at from last_accounts l where l.account_id = a.account_id"
tapemill enqueue sync_dimensions >/dev/null
run_queued_undisturbed
for date in "${dates[@]}"; do
    tapemill enqueue daily_load --date "$date" >/dev/null
done
run_queued_undisturbed
tapemill enqueue refresh_aggregates >/dev/null
run_queued_undisturbed
assert_equal "$(print_of_all)" "$soaked" "the warehouse after $(disturb_kills) kills (seed $SOAK_SEED)"
echo "the warehouse is that of an undisturbed run, seed $SOAK_SEED"
