-- name: list
-- Dead jobs, the latest first. $1 limit, $2 job name, $3 queue, $4 error, $5 and $6 first and last business date, $7
-- backfill (null: any).
select id, job_name as job, business_date as date, queue, attempts, max_attempts, backfill_id, finished_at as died_at,
       error_code, error_message as error
from etl_jobs
where state = 'dead'
  and ($2::text is null or job_name = $2)
  and ($3::text is null or queue = $3)
  and ($4::text is null or error_code = $4)
  and ($5::date is null or business_date >= $5::date)
  and ($6::date is null or business_date <= $6::date)
  and ($7::bigint is null or backfill_id = $7::bigint)
order by finished_at desc nulls last, id desc
limit $1::bigint;

-- name: state
-- $1 id; "" when there is no such job.
select coalesce((select state from etl_jobs where id = $1::bigint), '');
