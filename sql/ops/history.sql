-- What `tapemill history check` asks. Statements without columns of their own give a sentence for each violation.

-- name: jobs
select id, job_name, state, fence, attempts from etl_jobs where id > $1::bigint order by id limit 5000

-- name: runs
select job_id, fence, status, error_code from etl_job_runs
where job_id > $1::bigint and job_id <= $2::bigint order by job_id, run_no

-- name: probes
-- A probe with mark=true leaves one row, of the run that completed.
select format('job %s (probe, %s) left %s rows in etl_probes, %s of them by a completed run', j.id, j.state,
              count(p.id), count(r.run_no))
from etl_jobs j
left join etl_probes p on p.job_id = j.id
left join etl_job_runs r on r.run_no = p.run_no and r.status = 'COMPLETED'
where j.job_name = 'probe' and j.arguments ->> 'mark' = 'true'
group by j.id
having count(p.id) <> case when j.state = 'done' then 1 else 0 end or count(p.id) <> count(r.run_no)
order by j.id

-- name: dependencies
select format('job %s (%s) began at %s, before job %s (%s), which it depends on, was %s', j.id, j.job_name,
              min(run.started_at), needed.id, needed.job_name,
              coalesce('done at ' || min(done.completed_at)::text, 'done'))
from etl_job_dependencies d
join etl_jobs j on j.id = d.job_id
join etl_jobs needed on needed.id = d.depends_on
join etl_job_runs run on run.job_id = j.id
left join etl_job_runs done on done.job_id = needed.id and done.status = 'COMPLETED'
group by j.id, j.job_name, needed.id, needed.job_name
having min(done.completed_at) is null or min(run.started_at) < min(done.completed_at)
order by j.id

-- name: waiting
select format('job %s (%s) waits for %s dependencies%s, but %s of them are not done', j.id, j.job_name, j.pending,
              coalesce(' and ' || j.wait_key, ''), count(needed.id))
from etl_jobs j
left join etl_job_dependencies d on d.job_id = j.id
left join etl_jobs needed on needed.id = d.depends_on and needed.state <> 'done'
where j.state = 'waiting'
group by j.id
having j.pending <> count(needed.id) or (j.pending = 0 and j.wait_key is null)
order by j.id

-- name: conditions
select format('job %s (%s) waits for %s, which is met', j.id, j.job_name, j.wait_key)
from etl_jobs j
join etl_conditions c on c.key = j.wait_key and c.met
where j.state = 'waiting'
order by j.id

-- name: tick_jobs
select format('the tick of %s at %s has no job', t.schedule, t.tick_at)
from etl_schedule_ticks t
left join etl_jobs j on j.id = t.job_id
where t.status = 'enqueued' and t.job_id is not null and j.id is null
order by t.schedule, t.tick_at

-- name: tick_gaps
-- A tick's data interval begins where that of the tick before ended, or earlier: what was put off is carried on. Not
-- where a person ran a tick of the time before the schedule's own first one, nor across a version without the schedule.
with ticks as (
    select schedule, tick_at, interval_start,
           case when status = 'skipped' and reason in ('coalesced', 'overlap') then coalesce(interval_start, tick_at)
                else tick_at end as carry_at,
           min(tick_at) filter (where reason is distinct from 'by_hand') over (partition by schedule) as first_at
    from etl_schedule_ticks
), joined as (
    select schedule, tick_at, interval_start, lag(carry_at) over chain as before, lag(tick_at) over chain as before_at
    from ticks
    where tick_at >= first_at
    window chain as (partition by schedule order by tick_at)
)
select format('schedule %s decided nothing between %s and %s', schedule, before, interval_start)
from joined
where interval_start > before
  and not exists (select from etl_schedule_versions v
                  where v.effective_from > before_at and v.effective_from <= tick_at
                    and not exists (select from etl_schedules s where s.version = v.id and s.name = schedule))
order by schedule, before

-- name: tick_known
select exists (select from etl_schedule_ticks
               where schedule = $1 and tick_at = timestamptz 'epoch' + $2::bigint * interval '1 microsecond')

-- name: forgotten
-- Of these ids, which Redis holds, those that are not live.
select format('Redis holds job %s, which is %s', known.id, coalesce(j.state, 'not in the ledger'))
from unnest($1::bigint[]) as known (id)
left join etl_jobs j on j.id = known.id
where j.state is null or j.state not in ('queued', 'retry', 'running')
order by known.id
