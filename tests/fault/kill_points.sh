#!/usr/bin/env bash
# kill -9 of the runner, of the keeper and of both, at every failpoint of a job's life: the job has one effect, and it
# is that of an undisturbed run. The list of failpoints is the code's own, so that a new one is killed at without an
# edit here; one that no job below reaches makes the test fail.
#
# The job is load_executions of one date; its effect is the date's facts and the follow-up jobs that it enqueued in its
# own transaction, and what these compute from the facts. A case is "HOW FAILPOINT ACTION":
#
#   fresh     a date that was never loaded
#   limited   the same with a limit key
#   month     the same in a month that has no partitions yet
#   again     a date that was loaded, and whose rows have changed in the source
#   anew      the same with changes in all rows, so that its leaf is written anew
#   rekey     a loaded date one of whose accounts was gone for a while and was another after it: rekey_facts moves its facts, with
#             an inferred version for those of that while
#   fold      a month of two such dates, which fold_month folds; the effect is its single leaf, with the same facts
#   inferring one of whose rows some name an account that has not arrived
#   failing   a date whose load cannot work at first, and is retried when the cause is gone
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up

mapfile -t points < <(failpoints | grep -v '^scheduler\.') # those are integration/schedule.sh's
[ "${#points[@]}" -ge 13 ] || fail "the list of failpoints could not be read from core/failpoint.c"
cases=() changing=() # changed dates come last: the books of later ones differ from the undisturbed
for point in "${points[@]}"; do
    case $point in
    keeper.*) cases+=("fresh $point kill") ;;
    leaf.*) changing+=("anew $point kill" "anew $point kill-parent") ;;
    rekey.*) cases+=("rekey $point kill" "rekey $point kill-parent") ;;
    fold.*) cases+=("fold $point kill" "fold $point kill-parent") ;;
    partition.*) cases+=("month $point kill" "month $point kill-parent") ;;
    load.inferred) cases+=("inferring $point kill" "inferring $point kill-parent") ;;
    runner.admitted) cases+=("limited $point kill" "limited $point kill-parent" "limited $point kill-both") ;;
    runner.failing) cases+=("failing $point kill" "failing $point kill-parent" "failing $point kill-both") ;;
    runner.*) cases+=("fresh $point kill" "fresh $point kill-parent" "fresh $point kill-both") ;;
    *) cases+=("fresh $point kill" "fresh $point kill-parent") ;;
    esac
done
cases+=("${changing[@]}" "again load.staged kill" "again load.merged kill" "again load.merged kill-both")

# The other date of a month that is folded.
second_date() {
    weekdays "$1" 2 | tail -n 1
}

first=2024-01-02
mapfile -t free_dates < <(weekdays $first "${#cases[@]}")
days=$((($(date -u -d "${free_dates[-1]}" +%s) - $(date -u -d $first +%s)) / 86400 + 1))
sample=(--seed 3 --rows 120 --client-rows 0 --quotes 0)
tapemill source generate "${sample[@]}" --from $first --days $days >/dev/null 2>&1
free_months=()
for case in "${cases[@]}"; do
    [[ $case == month* || $case == fold* ]] || continue
    date=$(weekdays "$(date -u -d "2024-06-01 + ${#free_months[@]} months" +%F)" 1)
    free_months+=("$date")
    tapemill source generate "${sample[@]}" --from "$date" --days 4 --append >/dev/null 2>&1
done
warehouse_prepare $first $days

dates=() also=()
for case in "${cases[@]}"; do
    if [[ $case == month* || $case == fold* ]]; then
        dates+=("${free_months[0]}")
        [[ $case == month* ]] || also+=("$(second_date "${free_months[0]}")")
        free_months=("${free_months[@]:1}")
    else
        dates+=("${free_dates[0]}")
        free_dates=("${free_dates[@]:1}")
    fi
done

for place in "${!cases[@]}"; do
    [[ ${cases[place]} != inferring* ]] ||
        sql source "update executions set account_id = 990000 + $place
                    where (executed_at at time zone 'America/New_York')::date = '${dates[place]}' and execution_id % 4 = 0"
done

declare -A expected
warehouse_fresh undisturbed
for date in "${dates[@]}" "${also[@]}"; do
    enqueue load_executions --date "$date"
done
run_queued_undisturbed
for date in "${dates[@]}"; do
    expected[$date]=$(print_of fact_trades "$date")
done
assert_equal "$((120 * (${#dates[@]} + ${#also[@]})))" "$(sql warehouse "select count(*) + (select count(*) from etl_quarantine)
                                                         from fact_trades")" "rows of the undisturbed run"

# What the ledger says of job $1: state, charged attempts, and its runs by status, LOST ones left out: a kill may or may
# not cost a run.
story() {
    sql warehouse "
        select concat_ws(' ', state, attempts,
                         (select string_agg(status || ' ' || times, ', ' order by status)
                          from (select status, count(*) as times from etl_job_runs
                                where job_id = j.id and status <> 'LOST' group by status) runs))
        from etl_jobs j where id = $1"
}

is_over() {
    [[ $(story "$1") =~ ^(done|dead)\  ]]
}

wait_until_over() {
    wait_until 60 "job $1 ends" is_over "$1" || fail "the job is still: $(story "$1")"
}

assert_one_effect() {
    assert_equal "$1" "$(story "$JOB")" "$what: the job"
    assert_equal 1 "$(sql warehouse "select count(*) from etl_pipeline_runs where parent_id = $JOB")" \
        "$what: follow-up pipelines enqueued by its transaction"
    [ -z "${expected[$date]}" ] ||
        assert_equal "${expected[$date]}" "$(print_of fact_trades "$date")" "$what: the facts"
}

kill_fresh() {
    arm "$point" "$action"
    enqueue load_executions --date "$date" "$@"
    wait_until_hit "$point"
    wait_until_over "$JOB"
    wait_until_quiet
    assert_one_effect "done 0 COMPLETED 1"
}

kill_inferring() {
    kill_fresh
}

kill_limited() {
    kill_fresh --limit loads
}

kill_month() {
    kill_fresh
}

# The facts of such a date are compared in the end, when the undisturbed warehouse has loaded it again, too.
# kill_again [EVERY]: every third row is changed, or every EVERYth
kill_again() {
    enqueue load_executions --date "$date"
    wait_until_quiet
    sql source "update executions set price = price + 1, updated_at = updated_at + interval '10 days'
                where (executed_at at time zone 'America/New_York')::date = '$date' and execution_id % ${1:-3} = 0"
    expected[$date]=''
    kill_fresh
}

kill_anew() {
    kill_again 1
}

kill_fold() {
    local day
    for day in "$date" "$(second_date "$date")"; do
        enqueue load_executions --date "$day"
        wait_until_quiet
    done
    arm "$point" "$action"
    enqueue fold_month --date "$date"
    wait_until_hit "$point"
    wait_until_over "$JOB"
    wait_until_quiet
    assert_equal "done 0 COMPLETED 1" "$(story "$JOB")" "$what: the job"
    assert_equal "fact_trades_m$(date -u -d "$date" +%Y%m)_all 240" "$(sql warehouse "
        select string_agg(inhrelid::regclass::text, ' ') || ' ' ||
               (select count(*) from fact_trades where date_key / 100 = $(date -u -d "$date" +%Y%m)) +
               (select count(*) from etl_quarantine
                where to_char(business_date, 'YYYYMM') = '$(date -u -d "$date" +%Y%m)')
        from pg_inherits where inhparent = 'fact_trades_m$(date -u -d "$date" +%Y%m)'::regclass")" "$what: the leaf"
    assert_equal "${expected[$date]}" "$(print_of fact_trades "$date")" "$what: the facts"
}

# Afterwards the warehouse is made as it was, so that it can be compared with the undisturbed.
kill_rekey() {
    local key gone back later="account_key > (select max(account_key) from before)"
    enqueue load_executions --date "$date"
    wait_until_quiet
    key=$(sql warehouse "select account_key from fact_trades where date_key = ${date//-/} group by 1 order by count(*) desc, 1 limit 1")
    IFS='|' read -r gone back < <(sql warehouse "
        select percentile_disc(0.3) within group (order by execution_timestamp), percentile_disc(0.7) within group (order by execution_timestamp)
        from fact_trades where date_key = ${date//-/} and account_key = $key")
    sql warehouse "
        create table before as select * from dim_account;
        update dim_account set valid_to = '$gone', is_current = false, ends_deleted = true where account_key = $key;
        insert into dim_account (account_id, tenant_id, client_id, account_type, version, valid_from)
        select account_id, tenant_id, client_id, 'MARGIN', 2, '$back' from dim_account where account_key = $key;
        update dim_epochs set epoch = epoch + 1 where dimension = 'account'"
    arm "$point" "$action"
    enqueue rekey_facts --date "$date"
    wait_until_hit "$point"
    wait_until_over "$JOB"
    wait_until_quiet
    assert_equal "done 0 COMPLETED 1" "$(story "$JOB")" "$what: the job"
    assert_equal 'f t f|0|3' "$(sql warehouse "
        select string_agg(is_inferred::text, ' ' order by valid_from), sum(astray), count(*)
        from (select distinct a.account_key, left(a.is_inferred::text, 1) as is_inferred, a.valid_from,
                     count(*) filter (where execution_timestamp < a.valid_from or execution_timestamp >= a.valid_to) as astray
              from fact_trades f join dim_account a using (account_key)
              where f.date_key = ${date//-/} and (account_key = $key or $later) group by 1, 2, 3) versions")" "$what: the account's versions"
    assert_equal 1 "$(sql warehouse "select count(*) from etl_jobs where parent_id = $JOB and job_name = 'daily_performance'")" \
        "$what: follow-up jobs enqueued by its transaction"
    assert_equal 1 "$(sql warehouse "select count(*) from fact_performance_daily where date_key = ${date//-/} and $later
        and account_key in (select account_key from dim_account where not is_inferred)
        and not exists (select from fact_performance_daily p where p.date_key = ${date//-/} and p.account_key = $key)
        having count(*) > 0" | wc -l)" "$what: the performance"
    sql warehouse "
        update fact_trades set account_key = $key where date_key = ${date//-/} and $later;
        update fact_performance_daily set account_key = $key where $later;
        update fact_positions_daily set account_key = $key where $later;
        delete from dim_account where $later;
        update dim_account set valid_to = 'infinity', is_current = true, ends_deleted = false where account_key = $key;
        update dim_epochs set epoch = epoch + 1 where dimension = 'account';
        drop table before"
    assert_equal "${expected[$date]}" "$(print_of fact_trades "$date")" "$what: the facts"
}

kill_failing() {
    sql source "alter table executions rename to executions_away"
    arm "$point" "$action"
    enqueue load_executions --date "$date"
    wait_until_hit "$point"
    wait_until_over "$JOB"
    assert_equal "dead 1 FAILED 1" "$(story "$JOB")" "$what: the failure is written once"
    assert_equal 1 "$(sql warehouse "select count(*) from etl_alerts where job_id = $JOB")" "$what: alerts"
    sql source "alter table executions_away rename to executions"
    tapemill dead retry "$JOB" >/dev/null
    wait_until_over "$JOB"
    wait_until_quiet
    assert_one_effect "done 0 COMPLETED 1, FAILED 1"
}

warehouse_fresh killed
start_scheduler
# A date has 120 rows: here leaves are written anew where the undisturbed warehouse updates them.
export TAPEMILL_REWRITE_MIN_ROWS=100
start_supervised worker
start_supervised worker
wait_until_quiet
for i in "${!cases[@]}"; do
    read -r how point action <<<"${cases[i]}"
    date=${dates[i]} what="$how $date, $action at $point"
    "kill_$how"
    echo "one effect: $what"
done
assert_equal 0 "$(sql warehouse "select count(*) from etl_job_runs where status = 'RUNNING'")" "runs left over"
wait_until_sql 30 "no transaction of a killed process is left open" warehouse "select count(*) from pg_stat_activity
    where application_name like 'tapemill%' and state like 'idle in transaction%'" 0
actual=$(print_of_all)

warehouse_use undisturbed
for i in "${!cases[@]}"; do
    [[ ${cases[i]} != again* && ${cases[i]} != anew* ]] || enqueue load_executions --date "${dates[i]}"
done
run_queued_undisturbed
assert_equal "$(print_of_all)" "$actual" "the warehouse after ${#cases[@]} kills"
