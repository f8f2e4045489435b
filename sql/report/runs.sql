-- name: main
-- What the jobs did, by job. $1 from, $2 to: date_keys of the dates on which runs began, in the business time
-- zone (null: open).
select job_name as job, count(*) as runs,
       count(*) filter (where status = 'COMPLETED') as completed,
       count(*) filter (where status = 'FAILED') as failed,
       count(*) filter (where status = 'LOST') as lost,
       count(*) filter (where status = 'CANCELLED' and error_code is distinct from 'waiting') as cancelled,
       count(*) filter (where error_code = 'waiting') as waited,
       count(*) filter (where status = 'RUNNING') as running,
       round(avg(extract(epoch from completed_at - started_at)) filter (where status = 'COMPLETED'), 6) as avg_seconds,
       round(max(extract(epoch from completed_at - started_at)) filter (where status = 'COMPLETED'), 6) as max_seconds,
       sum(records_processed)::bigint as processed, sum(inserted + updated + removed)::bigint as written,
       sum(records_failed)::bigint as quarantined
from etl_job_runs
where ($1::integer is null or started_at >= to_date($1::integer::text, 'YYYYMMDD')::timestamptz)
  and ($2::integer is null or started_at < (to_date($2::integer::text, 'YYYYMMDD') + 1)::timestamptz)
group by job_name
order by job_name;
