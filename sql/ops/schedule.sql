-- name: version
-- $1 version: where it is from, and since when it is in effect.
select origin, effective_from, loaded_at from etl_schedule_versions where id = $1::bigint

-- name: coming
-- $1 now in microseconds: versions that will be in effect later.
select id, origin, effective_from from etl_schedule_versions
where effective_from > timestamptz 'epoch' + $1::bigint * interval '1 microsecond'
order by effective_from, id

-- name: ticks
-- $1 now in seconds, $2 version: of each schedule the newest tick, its jobs that are not finished, and why it is paused.
select s.name, extract(epoch from last.tick_at)::bigint as last_tick, last.status, last.reason, jobs.live,
       p.reason as paused
from etl_schedules s
     left join etl_schedule_pauses p on p.schedule = s.name
     left join lateral (
        select tick_at, status, reason from etl_schedule_ticks
        where schedule = s.name and tick_at <= timestamptz 'epoch' + $1::bigint * interval '1 second'
        order by tick_at desc limit 1) as last on true
     cross join lateral (
        select count(distinct j.id) as live
        from etl_schedule_ticks t cross join unnest(t.job_ids) as of_tick (id) join etl_jobs j on j.id = of_tick.id
        where t.schedule = s.name and t.status = 'enqueued' and t.ended_at is null
          and j.state in ('waiting', 'queued', 'retry', 'running')) as jobs
where s.version = $2::bigint
order by s.position

-- name: pause
insert into etl_schedule_pauses (schedule, reason) values ($1, $2)
on conflict (schedule) do update set reason = excluded.reason

-- name: resume
delete from etl_schedule_pauses where schedule = $1
