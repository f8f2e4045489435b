-- Backfills as the scheduler drives them. See scheduler/backfill.h.

-- name: survey
-- Backfills with dates left. $1 the last id of the survey before, $2 how many at most.
select id from etl_backfills
where state = 'running' and next_date is not null and id > $1::bigint
order by id
limit $2::integer

-- name: lock
select target, arguments, next_date, reprocess, queue, priority
from etl_backfills
where id = $1::bigint and state = 'running' and next_date is not null
for update skip locked

-- name: free_places
-- How many more dates may be under way, and how many are. A date is, while one of its jobs is queued, waits to be tried again, or runs,
-- or at a limit, or waits for such a job (for a step that several dates share), or for the end of a job that is not blocked.
-- One whose jobs only wait for something else holds no place. None is free once $2 jobs are dead, shared ones among them, nor while
-- a shared step runs that its dates wait for: the next date cannot depend on it any more, and can on its result.
-- Looked at are jobs that can go on, never all that wait or are done: begun backwards, every date waits for its yesterday.
with shared as materialized (
    select s.id, s.state, j.business_date
    from etl_jobs s
    cross join lateral (select j.business_date
                        from etl_job_dependencies d join etl_jobs j on j.id = d.job_id
                        where d.depends_on = s.id and j.backfill_id = $1::bigint and j.state = 'waiting'
                        offset 0) j
    where s.step is not null and s.pipeline_run_id is null
      and s.state in ('waiting', 'queued', 'retry', 'running', 'dead')
      and (s.state <> 'waiting' or s.wait_key like 'limit:%')
), ends as materialized (
    select end_key from etl_jobs
    where end_key is not null and state in ('waiting', 'queued', 'retry', 'running')
      and (state <> 'waiting' or pending = 0)
), under_way as (
    select business_date from etl_jobs where backfill_id = $1::bigint and state in ('queued', 'retry', 'running')
    union
    select business_date from shared where state <> 'dead'
    union
    select business_date from etl_jobs
    where backfill_id = $1::bigint and state = 'waiting' and wait_key like 'limit:%'
    union
    select j.business_date
    from ends
    cross join lateral (select business_date from etl_jobs
                        where wait_key = ends.end_key and backfill_id = $1::bigint and state = 'waiting'
                        offset 0) j
)
select case
           when (select count(*) from etl_jobs where backfill_id = $1::bigint and state = 'dead')
               + (select count(distinct id) from shared where state = 'dead') >= $2::integer then 0
           when exists (select from shared where state = 'running') then 0
           else b.parallel - (select count(business_date) from under_way)
       end,
       (select count(business_date) from under_way)
from etl_backfills b
where b.id = $1::bigint

-- name: pipeline_dates
-- What became of the last run of pipeline $1 for each date from $2 to $3, in order.
select case
           when r.id is null then 'never'
           when exists (select from etl_jobs j where j.pipeline_run_id = r.id and j.state in ('dead', 'cancelled'))
               or exists (select from etl_jobs j
                          join etl_job_dependencies d on d.job_id = j.id
                          join etl_jobs needed on needed.id = d.depends_on
                          where j.pipeline_run_id = r.id and j.state = 'waiting'
                            and needed.state in ('dead', 'cancelled'))
               then 'failed'
           when exists (select from etl_jobs j where j.pipeline_run_id = r.id and j.state <> 'done') then 'live'
           else 'completed'
       end
from generate_series(0, $3::date - $2::date) as day (number)
left join lateral (select id from etl_pipeline_runs
                   where pipeline = $1 and business_date = $2::date + day.number
                   order by id desc limit 1) r on true
order by day.number

-- name: job_dates
-- What became of the last run of job $1 with the arguments $4 for each date from $2 to $3, in order; on its own or as a
-- step of a pipeline.
select case
           when j.state is null then 'never'
           when j.state in ('dead', 'cancelled') then 'failed'
           when j.state = 'done' then 'completed'
           else 'live'
       end
from generate_series(0, $3::date - $2::date) as day (number)
left join lateral (select state from etl_jobs
                   where job_name = $1 and business_date = $2::date + day.number and arguments = $4::jsonb
                   order by id desc limit 1) j on true
order by day.number

-- name: advance
update etl_backfills
set next_date = case
                    when backwards and next_date > from_date then next_date - 1
                    when not backwards and next_date < to_date then next_date + 1
                end,
    skipped_dates = skipped_dates + $2::integer
where id = $1::bigint

-- name: reopen
-- A failed backfill goes on when one of its jobs does: a dead one was retried, or a waiting one was released.
with looked as (
    select b.id
    from etl_backfills b
    where b.state = 'failed' and b.next_date is null
      and exists (select from etl_jobs j where j.backfill_id = b.id and j.state in ('queued', 'retry', 'running'))
    for update of b skip locked
)
update etl_backfills b
set state = 'running', finished_at = null
from looked
where b.id = looked.id
returning b.id, b.state, b.target

-- name: finish
-- A backfill without dates left, or with $1 dead jobs, ends when none of its jobs can go on: completed when all are done;
-- failed when one is dead or cancelled, whatever waits for it. One that waits for something outside, such as the books of
-- the day before, stays running.
with shared as materialized (
    select j.backfill_id, s.id, s.state
    from etl_jobs s
    cross join lateral (select distinct j.backfill_id
                        from etl_job_dependencies d join etl_jobs j on j.id = d.job_id
                        where d.depends_on = s.id and j.backfill_id is not null and j.state = 'waiting'
                        offset 0) j
    where s.step is not null and s.pipeline_run_id is null
      and s.state in ('waiting', 'queued', 'retry', 'running', 'dead', 'cancelled')
      and (s.state <> 'waiting' or s.wait_key like 'limit:%')
), looked as (
    select b.id,
           exists (select from etl_jobs j where j.backfill_id = b.id and j.state = 'waiting') as waiting,
           exists (select from etl_jobs j where j.backfill_id = b.id and j.state in ('dead', 'cancelled'))
               or exists (select from shared s where s.backfill_id = b.id and s.state in ('dead', 'cancelled')) as lost
    from etl_backfills b
    where b.state = 'running'
      and (b.next_date is null
           or (select count(*) from etl_jobs j where j.backfill_id = b.id and j.state = 'dead')
              + (select count(*) from shared s where s.backfill_id = b.id and s.state = 'dead') >= $1::integer)
      and not exists (select from etl_jobs j where j.backfill_id = b.id and j.state in ('queued', 'retry', 'running'))
      and not exists (select from etl_jobs j
                      where j.backfill_id = b.id and j.state = 'waiting' and j.wait_key like 'limit:%')
      and not exists (select from shared s
                      where s.backfill_id = b.id and s.state in ('waiting', 'queued', 'retry', 'running'))
    for update of b skip locked
)
update etl_backfills b
set state = case when looked.lost then 'failed' else 'completed' end, finished_at = now()
from looked
where b.id = looked.id and (looked.lost or not looked.waiting)
returning b.id, b.state, b.target

-- name: fail
update etl_backfills set state = 'failed', finished_at = now() where id = $1::bigint and state = 'running'

-- name: cancelled_live
-- Cancelled backfills with jobs that are not running and could go on: the command that cancels them was killed, or a
-- running one was let finish and failed. Without jobs that others wait for. $1 how many at most.
select b.id
from etl_backfills b
where b.state = 'cancelled'
  and exists (select from etl_jobs j
              where j.backfill_id = b.id and j.state in ('waiting', 'queued', 'retry')
                and not exists (select from etl_job_dependencies d
                                join etl_jobs o on o.id = d.job_id
                                where d.depends_on = j.id and o.backfill_id is distinct from j.backfill_id
                                  and o.state in ('waiting', 'queued', 'retry', 'running')))
limit $1::integer

-- name: cancel_idle
-- Cancels at most $3 of backfill $1's jobs that neither run nor are held by a backend, nor meet a condition by their end,
-- nor are waited for outside of the backfill; $2 says why. Dependants come first, so that none becomes ready on the way.
with doomed as (
    select j.id
    from etl_jobs j
    where j.backfill_id = $1::bigint and j.state in ('waiting', 'queued', 'retry', 'dead') and j.end_key is null
      and j.backend_pid is null
      and not exists (select from etl_job_dependencies d
                      join etl_jobs o on o.id = d.job_id
                      where d.depends_on = j.id and o.backfill_id is distinct from j.backfill_id
                        and o.state in ('waiting', 'queued', 'retry', 'running'))
    order by j.id desc
    limit $3::integer
    for update of j skip locked
)
update etl_jobs j
set fence = j.fence + 1, state = 'cancelled', finished_at = clock_timestamp(), error_code = 'cancelled', error_message = $2
from doomed
where j.id = doomed.id
returning j.id

-- name: cancellable
-- At most $3 of backfill $1's unfinished jobs, running ones among them if $2, without those that jobs outside of it wait for.
select j.id
from etl_jobs j
where j.backfill_id = $1::bigint
  and (j.state in ('waiting', 'queued', 'retry', 'dead') or ($2::boolean and j.state = 'running'))
  and not exists (
      select from etl_job_dependencies d
      join etl_jobs o on o.id = d.job_id
      where d.depends_on = j.id and o.backfill_id is distinct from j.backfill_id
        and o.state in ('waiting', 'queued', 'retry', 'running'))
order by j.id desc
limit $3::integer
