-- Versions of the schedule and their ticks. Instants travel as whole seconds or microseconds since 1970-01-01 UTC.

-- name: look
-- $1 offset of an injected clock in milliseconds: the time in microseconds, the newest version, the one in effect.
with moment as materialized (select clock_timestamp() + $1::bigint * interval '1 millisecond' as now)
select (extract(epoch from now) * 1000000)::bigint,
       coalesce((select max(id) from etl_schedule_versions), 0),
       coalesce((select id from etl_schedule_versions where effective_from <= now
                 order by effective_from desc, id desc limit 1), 0)
from moment

-- name: open
-- $1 now in microseconds: versions in effect, or replaced with ticks of their time undecided; the oldest first. Their
-- ticks are those from the first whole second on to the one before their successor's.
with placed as (
    select id, closed_at, effective_from, lead(effective_from) over (order by effective_from, id) as successor_from
    from etl_schedule_versions
    where effective_from <= timestamptz 'epoch' + $1::bigint * interval '1 microsecond'
)
select id, ceil(extract(epoch from effective_from))::bigint, ceil(extract(epoch from successor_from))::bigint
from placed
where closed_at is null or successor_from is null
order by effective_from, id

-- name: close
-- $1 version.
update etl_schedule_versions set closed_at = clock_timestamp() where id = $1::bigint

-- name: lock_versions
select pg_advisory_xact_lock(hashtextextended('tapemill schedule versions', 0))

-- name: add_version
-- $1 effective from in microseconds, $2 origin.
insert into etl_schedule_versions (effective_from, origin)
values (timestamptz 'epoch' + $1::bigint * interval '1 microsecond', $2)
returning id

-- name: add_schedule
insert into etl_schedules (version, position, arguments, name, about, cron, time_zone, job, pipeline, dates, queue,
                           priority, catch_up, catch_up_window, gap, fold, overlap, first)
values ($1::bigint, $2::integer, $3::jsonb, $4, $5, $6, $7, $8, $9, $10, $11, $12::smallint, $13, $14, $15, $16, $17, $18)

-- name: schedules
-- $1 version.
select name, about, cron, time_zone, job, pipeline, arguments, dates, queue, priority, catch_up, catch_up_window, gap,
       fold, overlap, first
from etl_schedules
where version = $1::bigint
order by position

-- name: origin
-- $1 version.
select origin from etl_schedule_versions where id = $1::bigint

-- name: try_lock
-- $1 schedule. Whoever decides its ticks holds this; what was read before is read again.
select pg_try_advisory_xact_lock(hashtextextended('tapemill schedule ' || $1, 0))

-- name: lock
select pg_advisory_xact_lock(hashtextextended('tapemill schedule ' || $1, 0))

-- name: settle
-- $1 schedule: its ticks whose jobs have all ended.
update etl_schedule_ticks t set ended_at = clock_timestamp()
where schedule = $1 and status = 'enqueued' and ended_at is null
  and not exists (select from unnest(t.job_ids) as of_tick (id) join etl_jobs j on j.id = of_tick.id
                  where j.state in ('waiting', 'queued', 'retry', 'running'))

-- name: state
-- $1 schedule, $2 now in seconds, $3 version: the newest tick up to now, where the next data interval begins; whether it
-- is paused, has live jobs, has a tick that waits; whether the version before has no such schedule. A tick that was run
-- by hand before the plan came to it says nothing about those before it, and does not count.
select extract(epoch from last.tick_at)::bigint, extract(epoch from last.carry_at)::bigint,
       exists (select from etl_schedule_pauses where schedule = $1),
       exists (select from etl_schedule_ticks where schedule = $1 and status = 'enqueued' and ended_at is null),
       exists (select from etl_schedule_ticks where schedule = $1 and status = 'queued' and ended_at is null),
       not exists (select from etl_schedules
                   where name = $1
                     and version = (select before.id from etl_schedule_versions before join etl_schedule_versions this
                                        on (before.effective_from, before.id) < (this.effective_from, this.id)
                                    where this.id = $3::bigint
                                    order by before.effective_from desc, before.id desc limit 1))
from (select 1) as always
     left join lateral (
        select tick_at,
               case when status = 'skipped' and reason in ('coalesced', 'overlap') then coalesce(interval_start, tick_at)
                    else tick_at end as carry_at
        from etl_schedule_ticks
        where schedule = $1 and tick_at <= timestamptz 'epoch' + $2::bigint * interval '1 second'
          and coalesce(reason, '') not like 'by\_hand%'
        order by tick_at desc limit 1) as last on true

-- name: paused
select exists (select from etl_schedule_pauses where schedule = $1)

-- name: waiting
-- $1 schedule: the tick that waits.
select extract(epoch from tick_at)::bigint, extract(epoch from interval_start)::bigint
from etl_schedule_ticks
where schedule = $1 and status = 'queued' and ended_at is null
order by tick_at limit 1

-- name: insert_tick
-- $1 schedule, $2 tick and $3 begin of the interval in seconds, $4 version, $5 status, $6 reason or "".
insert into etl_schedule_ticks (schedule, tick_at, interval_start, interval_end, version, status, reason)
values ($1, timestamptz 'epoch' + $2::bigint * interval '1 second', timestamptz 'epoch' + $3::bigint * interval '1 second',
        timestamptz 'epoch' + $2::bigint * interval '1 second', $4::bigint, $5, nullif($6, ''))
on conflict do nothing

-- name: set_jobs
-- $1 schedule, $2 tick in seconds, $3 its jobs, $4 reason or "".
update etl_schedule_ticks
set status = 'enqueued', reason = nullif($4, ''), job_ids = $3::bigint[], job_id = ($3::bigint[])[1], ended_at = null
where schedule = $1 and tick_at = timestamptz 'epoch' + $2::bigint * interval '1 second'

-- name: tick
-- $1 schedule, $2 tick in seconds.
select status, coalesce(reason, ''), extract(epoch from coalesce(interval_start, tick_at))::bigint,
       ended_at is null and status = 'enqueued'
from etl_schedule_ticks
where schedule = $1 and tick_at = timestamptz 'epoch' + $2::bigint * interval '1 second'
