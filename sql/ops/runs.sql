-- name: list
-- Runs, newest first. $1 job name, $2 status, $3 job id (null: any), $4 limit.
select run_no, job_id, job_name as job, job_type as type, status, business_date as date, attempt, started_at,
       completed_at,
       round(extract(epoch from coalesce(completed_at, clock_timestamp()) - started_at), 3) as seconds,
       records_processed as processed, inserted, updated, unchanged, superseded, records_failed as failed, skipped,
       removed, worker, error_code, sqlstate, error_message as error
from etl_job_runs
where ($1::text is null or job_name = $1)
  and ($2::text is null or status = $2)
  and ($3::bigint is null or job_id = $3)
order by run_no desc
limit $4::bigint;

-- name: show
-- One run. $1 run number.
select id, run_no, job_id, job_name as job, job_type as type, status, business_date as date, attempt, fence, worker,
       backend_pid, started_at, completed_at,
       round(extract(epoch from coalesce(completed_at, clock_timestamp()) - started_at), 3) as seconds,
       records_processed as processed, inserted, updated, unchanged, superseded, records_failed as failed, skipped,
       removed, error_code, sqlstate, error_message as error, metadata
from etl_job_runs
where run_no = $1::bigint;
