-- name: create_run
insert into etl_pipeline_runs (pipeline, business_date, backfill_id, parent_id)
values ($1, $2::date, nullif($3::bigint, 0), nullif($4::bigint, 0))
returning id

-- name: find_shared
-- A shared step that has not begun serves several runs. Its row is locked, so that it cannot begin before we depend on it.
select id from etl_jobs
where job_name = $1 and queue = $2 and step = $3 and pipeline_run_id is null and state in ('waiting', 'queued', 'retry')
order by id limit 1
for update
