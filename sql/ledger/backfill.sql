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
-- How many more dates may be under way. A date is, while one of its jobs is queued, waits to be tried again, or runs,
-- or waits for such a job (for a step that several dates share), or for the end of a job that is not blocked. One whose
-- jobs only wait for something else holds no place. None is free once $2 jobs are dead, shared ones among them.
select case when (
    select count(*)
    from (select j.id from etl_jobs j where j.backfill_id = b.id and j.state = 'dead'
          union
          select needed.id
          from etl_jobs j
          join etl_job_dependencies d on d.job_id = j.id
          join etl_jobs needed on needed.id = d.depends_on
          where j.backfill_id = b.id and j.state = 'waiting' and needed.state = 'dead') dead) >= $2::integer then 0
else b.parallel - (
    select count(distinct dates.business_date)
    from (select j.business_date
          from etl_jobs j
          where j.backfill_id = b.id and j.state in ('queued', 'retry', 'running')
          union all
          select j.business_date
          from etl_jobs needed
          join etl_job_dependencies d on d.depends_on = needed.id
          join etl_jobs j on j.id = d.job_id
          where needed.state in ('queued', 'retry', 'running') and j.backfill_id = b.id and j.state = 'waiting'
          union all
          select j.business_date
          from etl_jobs j
          join etl_jobs needed on needed.end_key = j.wait_key
          where j.backfill_id = b.id and j.state = 'waiting'
            and (needed.state in ('queued', 'retry', 'running') or (needed.state = 'waiting' and needed.pending = 0))) dates)
end
from etl_backfills b
where b.id = $1::bigint

-- name: pipeline_date
-- What became of the last run of a pipeline for a date.
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
from (values (1)) as always (one)
left join lateral (select id from etl_pipeline_runs
                   where pipeline = $1 and business_date = $2::date
                   order by id desc limit 1) r on true

-- name: job_date
-- What became of a job's last run for a date with these arguments, on its own or as a step of a pipeline.
select case
           when j.state is null then 'never'
           when j.state in ('dead', 'cancelled') then 'failed'
           when j.state = 'done' then 'completed'
           else 'live'
       end
from (values (1)) as always (one)
left join lateral (select state from etl_jobs
                   where job_name = $1 and business_date = $2::date and arguments = $3::jsonb
                   order by id desc limit 1) j on true

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
with looked as (
    select b.id,
           exists (select from etl_jobs j where j.backfill_id = b.id and j.state = 'waiting') as waiting,
           exists (select from etl_jobs j where j.backfill_id = b.id and j.state in ('dead', 'cancelled'))
               or exists (select from etl_jobs j
                          join etl_job_dependencies d on d.job_id = j.id
                          join etl_jobs needed on needed.id = d.depends_on
                          where j.backfill_id = b.id and j.state = 'waiting' and needed.state in ('dead', 'cancelled'))
               as lost
    from etl_backfills b
    where b.state = 'running'
      and (b.next_date is null or $1::integer <= (
          select count(*)
          from (select j.id from etl_jobs j where j.backfill_id = b.id and j.state = 'dead'
                union
                select needed.id
                from etl_jobs j
                join etl_job_dependencies d on d.job_id = j.id
                join etl_jobs needed on needed.id = d.depends_on
                where j.backfill_id = b.id and j.state = 'waiting' and needed.state = 'dead') dead))
      and not exists (select from etl_jobs j where j.backfill_id = b.id and j.state in ('queued', 'retry', 'running'))
      and not exists (select from etl_jobs j
                      join etl_job_dependencies d on d.job_id = j.id
                      join etl_jobs needed on needed.id = d.depends_on
                      where j.backfill_id = b.id and j.state = 'waiting'
                        and needed.state in ('queued', 'retry', 'running'))
    for update of b skip locked
)
update etl_backfills b
set state = case when looked.lost then 'failed' else 'completed' end, finished_at = now()
from looked
where b.id = looked.id and (looked.lost or not looked.waiting)
returning b.id, b.state, b.target

-- name: fail
update etl_backfills set state = 'failed', finished_at = now() where id = $1::bigint and state = 'running'
