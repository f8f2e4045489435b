-- name: running
-- Runs under way. $1 job name, $2 backfill (null: any), $3 limit.
select r.run_no, r.job_name as job, r.business_date as date, r.status, r.job_id, r.attempt, r.worker,
       to_char(r.started_at, 'HH24:MI:SS') as at,
       round(extract(epoch from clock_timestamp() - r.started_at) * 1000)::bigint as ms,
       r.records_processed as processed, null::numeric as rate, null::text as error
from etl_job_runs r
left join etl_jobs j on j.id = r.job_id
where r.status = 'RUNNING'
  and ($1::text is null or r.job_name = $1)
  and ($2::bigint is null or j.backfill_id = $2)
order by r.run_no
limit $3::bigint;

-- name: newest
select coalesce(max(run_no), 0) from etl_job_runs;

-- name: begun
-- Runs after $2, and those after $1 that began just now: numbers are given before they are committed, so that a lower
-- one may appear after a higher. $3 up to this run, $4 job name, $5 backfill (null: any), $6 limit.
select r.run_no, r.job_name as job, r.business_date as date, r.status, r.job_id, r.attempt, r.worker,
       to_char(coalesce(r.completed_at, r.started_at), 'HH24:MI:SS') as at,
       round(extract(epoch from coalesce(r.completed_at, clock_timestamp()) - r.started_at) * 1000)::bigint as ms,
       r.records_processed as processed,
       round(r.records_processed / nullif(extract(epoch from r.completed_at - r.started_at), 0)) as rate,
       r.error_message as error
from etl_job_runs r
left join etl_jobs j on j.id = r.job_id
where r.run_no > $1::bigint and r.run_no <= $3::bigint
  and (r.run_no > $2::bigint or r.started_at > clock_timestamp() - interval '10 seconds')
  and ($4::text is null or r.job_name = $4)
  and ($5::bigint is null or j.backfill_id = $5)
order by r.run_no
limit $6::bigint;

-- name: ended
-- Of the runs asked about those that ended. $1 run numbers.
select r.run_no, r.job_name as job, r.business_date as date, r.status, r.job_id, r.attempt, r.worker,
       to_char(r.completed_at, 'HH24:MI:SS') as at,
       round(extract(epoch from r.completed_at - r.started_at) * 1000)::bigint as ms,
       r.records_processed as processed,
       round(r.records_processed / nullif(extract(epoch from r.completed_at - r.started_at), 0)) as rate,
       r.error_message as error
from etl_job_runs r
where r.run_no = any ($1::bigint[]) and r.status <> 'RUNNING'
order by r.completed_at, r.run_no;

-- name: live
-- Whether more is to come: jobs to be run, jobs that wait while any other may still ready them, dates that a backfill
-- has yet to enqueue. $1 job name, $2 backfill (null: any).
select exists (select from etl_jobs
               where state in ('queued', 'retry', 'running') and kind = 'batch'
                 and ($1::text is null or job_name = $1)
                 and ($2::bigint is null or backfill_id = $2))
    or (exists (select from etl_jobs
                where state = 'waiting' and kind = 'batch'
                  and ($1::text is null or job_name = $1)
                  and ($2::bigint is null or backfill_id = $2))
        and exists (select from etl_jobs where state in ('queued', 'retry', 'running') and kind = 'batch'))
    or exists (select from etl_backfills
               where state = 'running' and next_date is not null and ($2::bigint is null or id = $2)) as live;

-- name: waiting
-- How many jobs are left waiting. $1 job name, $2 backfill (null: any).
select count(*) from etl_jobs
where state = 'waiting' and kind = 'batch'
  and ($1::text is null or job_name = $1)
  and ($2::bigint is null or backfill_id = $2);
