#!/usr/bin/env bash
# A date before TAPEMILL_HISTORY_START has no books: what needs them says so at once instead of waiting for them, and the refresh
# of what is dirty does not ask for it.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up TAPEMILL_LEASE_SECONDS=20 TAPEMILL_TIMEZONE=UTC TAPEMILL_DATES_FROM=2023-12-01 TAPEMILL_DATES_YEARS_AHEAD=1
export TAPEMILL_HISTORY_START=2024-01-04
tapemill migrate >/dev/null
tapemill source generate --seed 4 --rows 60 --client-rows 40 --from 2024-01-03 --days 3 >/dev/null 2>&1
start_scheduler
start_worker
for day in 3 4 5; do
    tapemill enqueue daily_load --date 2024-01-0$day >/dev/null
done
wait_until_quiet
assert_equal '1 realized_pnl' "$(sql warehouse "select count(*) || ' ' || min(job_name) from etl_jobs where state = 'dead'")" "jobs that failed"

for _ in 1 2; do
    tapemill enqueue refresh_aggregates --date 2025-02-01 --wait >/dev/null 2>&1
    wait_until_quiet
done
assert_equal 1 "$(sql warehouse "select count(*) from etl_jobs where state = 'dead'")" "jobs that failed in the refresh"
assert_equal 0 "$(sql warehouse "select count(*) from etl_jobs where state = 'waiting' and pipeline_run_id is null")" "jobs that wait for ever"
# asked JOB PERIOD: the dates for which the refresh asked
asked() {
    sql warehouse "select coalesce(string_agg(distinct business_date::text, ' '), 'none') from etl_jobs
                   where job_name = '$1' and arguments ->> 'period' = '$2'"
}
assert_equal '2024-01-04 2024-01-05' "$(asked client_metrics DAILY)" "dates of client metrics"
for period in WEEKLY MONTHLY QUARTERLY YEARLY; do
    assert_equal none "$(asked client_metrics $period)" "periods with trades before the history"
done
assert_contains "$(asked lp_performance DAILY)" 2024-01-03 "dates of what needs no books"
assert_contains "$(asked lp_performance WEEKLY)" 2024-01-03 "weeks of what needs no books"

for job in daily_performance daily_positions client_metrics; do
    assert_fails 1 tapemill enqueue $job --date 2024-01-03 --wait
    assert_equal 'argument|2024-01-03 is before TAPEMILL_HISTORY_START (2024-01-04): its books are empty and its trades have no realised P&L; choose a later date or set an earlier start' \
        "$(sql warehouse "select error_code, error_message from etl_job_runs where job_name = '$job' and status = 'FAILED' order by run_no desc limit 1")" \
        "$job of the date"
done
