-- name: create
-- $1 target, $2 arguments, $3 from, $4 to, $5 backwards, $6 parallel, $7 reprocess, $8 queue, $9 priority.
insert into etl_backfills (target, arguments, from_date, to_date, next_date, backwards, parallel, reprocess, queue, priority)
values ($1, $2::jsonb, $3::date, $4::date, case when $5::boolean then $4::date else $3::date end, $5::boolean,
        $6::integer, $7, $8, $9::smallint)
returning id;

-- name: list
-- $1 limit.
select id, target, state, from_date, to_date, to_date - from_date + 1 as dates, skipped_dates as skipped, next_date,
       backwards, parallel, reprocess, queue, priority, created_at, finished_at
from etl_backfills
order by id desc
limit $1::bigint;

-- name: show
-- $1 id.
select id, target, state, arguments, from_date, to_date, backwards, parallel, reprocess, queue, priority, next_date,
       created_at, finished_at
from etl_backfills
where id = $1::bigint;

-- name: progress
-- A date is done when all jobs of its pipeline run, or its job, are done. $1 id.
with dates as (
    select coalesce(p.business_date, j.business_date) as date, bool_and(j.state = 'done') as done,
           bool_or(j.state in ('dead', 'cancelled')) as failed, bool_or(j.state = 'running') as running
    from etl_jobs j
    left join etl_pipeline_runs p on p.id = j.pipeline_run_id
    where j.backfill_id = $1::bigint
    group by 1
)
select b.state, b.to_date - b.from_date + 1 as dates, b.skipped_dates as skipped,
       count(*) filter (where d.done) as done,
       count(*) filter (where d.failed) as failed,
       count(*) filter (where d.running and not d.failed) as running,
       count(*) filter (where not d.done and not d.failed and not d.running) as waiting
from etl_backfills b
left join dates d on d.date is not null
where b.id = $1::bigint
group by b.id;

-- name: dead
-- Its jobs that wait for a person. $1 id, $2 limit.
select j.id, j.job_name as job, coalesce(p.business_date, j.business_date) as date, j.attempts, j.error_code,
       j.error_message as error
from etl_jobs j
left join etl_pipeline_runs p on p.id = j.pipeline_run_id
where j.backfill_id = $1::bigint and j.state = 'dead'
order by j.id
limit $2::bigint;

-- name: change
-- Moves a backfill to state $2 from one of the states $3. $1 id.
update etl_backfills
set state = $2, finished_at = case when $2 = 'cancelled' then now() end
where id = $1::bigint and state = any ($3::text[])
returning id;

-- name: state
-- $1 id; "" when there is no such backfill.
select coalesce((select state from etl_backfills where id = $1::bigint), '');

-- name: cancellable
-- Its unfinished jobs, without those that jobs outside of it wait for. Dependants come first, so that none becomes ready
-- on the way. $1 id.
select j.id
from etl_jobs j
where j.backfill_id = $1::bigint and j.state in ('waiting', 'queued', 'retry', 'running', 'dead')
  and not exists (
      select from etl_job_dependencies d
      join etl_jobs o on o.id = d.job_id
      where d.depends_on = j.id and o.backfill_id is distinct from j.backfill_id
        and o.state in ('waiting', 'queued', 'retry', 'running'))
order by j.id desc;

-- name: durations
-- How long the jobs took lately: of each the last 200 completed runs. $1 job names.
select name as job, count(r.seconds) as runs, round(avg(r.seconds), 3) as seconds
from unnest($1::text[]) as n (name)
left join lateral (
    select extract(epoch from completed_at - started_at) as seconds
    from etl_job_runs
    where job_name = n.name and status = 'COMPLETED'
    order by started_at desc
    limit 200) r on true
group by name
order by name;
