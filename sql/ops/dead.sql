-- name: list
-- Dead jobs, the latest first. $1 limit.
select id, job_name as job, business_date as date, queue, attempts, max_attempts, backfill_id, finished_at as died_at,
       error_code, error_message as error
from etl_jobs
where state = 'dead'
order by finished_at desc nulls last, id desc
limit $1::bigint;

-- name: ids
select id from etl_jobs where state = 'dead' order by id;

-- name: state
-- $1 id; "" when there is no such job.
select coalesce((select state from etl_jobs where id = $1::bigint), '');
