-- name: list
-- Jobs, newest first. $1 state, $2 job name, $3 backfill (null: any), $4 limit.
select id, job_name as job, state, business_date as date, queue, priority, attempts, max_attempts,
       case when state = 'waiting' then coalesce(wait_key, pending || case pending when 1 then ' job' else ' jobs' end) end as waits_for,
       run_after, backfill_id, pipeline_run_id, step, unique_key, arguments, created_at, started_at, finished_at,
       claimed_by as worker, error_code, error_message as error
from etl_jobs
where ($1::text is null or state = $1)
  and ($2::text is null or job_name = $2)
  and ($3::bigint is null or backfill_id = $3)
order by id desc
limit $4::bigint;

-- name: show
-- One job. $1 id.
select id, job_name as job, state, business_date as date, interval_start, interval_end, queue, priority, arguments,
       attempts, max_attempts, losses, deaths, pending, wait_key, run_after, unique_key, unique_while, limit_key,
       soft_timeout_s, hard_timeout_s, parent_id, pipeline_run_id, step, backfill_id, claimed_by as worker, created_at, queued_at, started_at, finished_at, error_code,
       error_message as error
from etl_jobs
where id = $1::bigint;

-- name: states
-- Of the jobs asked about. $1 ids.
select id, job_name as job, state, attempts, coalesce(error_message, '') as error, business_date as date
from etl_jobs
where id = any ($1::bigint[])
order by id;

-- name: blocked
-- Jobs that wait for a cancelled one, the first of them. $1 ids.
select distinct j.id, j.job_name
from etl_job_dependencies d
join etl_jobs j on j.id = d.job_id
join etl_jobs o on o.id = d.depends_on
where o.id = any ($1::bigint[]) and o.state = 'cancelled' and j.state = 'waiting'
order by j.id
limit 20;
