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
-- Dates, each counted once: left out, done (all its jobs are), failed (one is dead), cancelled (one is), running (one
-- does), waiting, or still to be taken. Only jobs that are not done are looked at. $1 id.
with unfinished as (
    select business_date, bool_or(state = 'dead') as failed, bool_or(state = 'cancelled') as cancelled,
           bool_or(state = 'running') as running
    from etl_jobs
    where backfill_id = $1::bigint and state in ('waiting', 'queued', 'retry', 'running', 'dead', 'cancelled')
    group by business_date
)
select b.state, b.to_date - b.from_date + 1 as dates, b.skipped_dates as skipped,
       (b.to_date - b.from_date + 1) - b.skipped_dates - l.to_take - count(u.business_date) as done,
       count(*) filter (where u.failed) as failed,
       count(*) filter (where u.cancelled and not u.failed) as cancelled,
       count(*) filter (where u.running and not u.failed and not u.cancelled) as running,
       count(*) filter (where not u.running and not u.failed and not u.cancelled) as waiting,
       l.to_take
from etl_backfills b
cross join lateral (select case
                               when b.next_date is null then 0
                               when b.backwards then b.next_date - b.from_date + 1
                               else b.to_date - b.next_date + 1
                           end as to_take) l
left join unfinished u on true
where b.id = $1::bigint
group by b.id, l.to_take;

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

-- name: left
-- Its jobs that cancelling leaves, since jobs outside of it that can still go on depend on them: how many, and the first
-- $2 of them in words. $1 id.
select count(*) over (),
       format('job %s (%s%s) is %s; job %s depends on it', j.id, j.job_name, ' ' || j.business_date::text, j.state, min(o.id))
from etl_jobs j
join etl_job_dependencies d on d.depends_on = j.id
join etl_jobs o on o.id = d.job_id and o.backfill_id is distinct from j.backfill_id
                   and o.state in ('waiting', 'queued', 'retry', 'running')
where j.backfill_id = $1::bigint and j.state in ('waiting', 'queued', 'retry', 'running', 'dead')
group by j.id
order by j.id
limit $2::integer;

-- name: durations
-- The median time and number of records of the last 200 completed runs of each job. $1 job names.
select name as job, count(r.seconds) as runs,
       round((percentile_cont(0.5) within group (order by r.seconds))::numeric, 3) as seconds,
       round((percentile_cont(0.5) within group (order by r.records_processed))::numeric) as records
from unnest($1::text[]) as n (name)
left join lateral (
    select extract(epoch from completed_at - started_at) as seconds, records_processed
    from etl_job_runs
    where job_name = n.name and status = 'COMPLETED'
    order by started_at desc
    limit 200) r on true
group by name
order by name;

-- name: first_waiting
-- The first of its jobs that wait, as an array of one, when none of its jobs can go on by itself and no date is left to
-- take; else an empty one. $1 id.
select coalesce((select array_agg(w.id)
                 from (select j.id from etl_jobs j
                       where j.backfill_id = $1::bigint and j.state = 'waiting'
                         and not exists (select from etl_backfills b where b.id = j.backfill_id and b.next_date is not null)
                         and not exists (select from etl_jobs o where o.backfill_id = $1::bigint
                                           and o.state in ('queued', 'retry', 'running'))
                       order by j.business_date, j.id
                       limit 1) w), '{}');
