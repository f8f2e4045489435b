-- name: create_run
insert into etl_pipeline_runs (pipeline, business_date, backfill_id, parent_id)
values ($1, $2::date, nullif($3::bigint, 0), nullif($4::bigint, 0))
returning id

-- name: find_shared
-- A shared step that has not begun serves several runs: it will see all that is there now. One that has may have read
-- before, and its end may be over by the time that we depend on it. Its row is locked, so that it cannot begin before we depend on it.
select id from etl_jobs
where job_name = $1 and queue = $2 and step = $3 and pipeline_run_id is null and state in ('waiting', 'queued', 'retry')
order by id limit 1
for update

-- name: find_result
-- A shared step whose result serves date $3 of backfill $4 without a run of its own: it began after the backfill was made
-- and at least a day after the date was over, so that it has seen what the date refers to, and within the last hour, so
-- that what changes while a long backfill goes on is seen too.
select s.id
from etl_jobs s, etl_backfills b
where s.job_name = $1 and s.step = $2 and s.pipeline_run_id is null and s.state = 'done'
  and s.started_at > clock_timestamp() - interval '1 hour'
  and s.started_at > ($3::date + 2)::timestamptz and s.started_at > b.created_at and b.id = $4::bigint
order by s.started_at desc
limit 1
