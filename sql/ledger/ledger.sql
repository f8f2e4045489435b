-- The life of a job, statement by statement. See core/ledger.h.

-- name: enqueue
-- One job for each element of the array $7, whose elements are the jobs' arguments.
insert into etl_jobs (job_name, job_type, kind, queue, priority, max_attempts, arguments, business_date,
                      interval_start, interval_end, unique_key, limit_key, run_after, parent_id, pipeline_run_id,
                      backfill_id, step, pending, end_key, unique_while, soft_timeout_s, hard_timeout_s, state)
select $1, $2, $3, $4, $5::smallint, $6::integer, each.arguments, $8::date,
       $9::timestamptz, $10::timestamptz, $11, $12, now() + $13::bigint * interval '1 millisecond',
       nullif($14::bigint, 0), nullif($15::bigint, 0), nullif($16::bigint, 0), $17, $18::integer, $19,
       coalesce($20, 'live'), nullif($21::integer, 0), nullif($22::integer, 0),
       case when $18::integer > 0 then 'waiting' else 'queued' end
from jsonb_array_elements($7::jsonb) with ordinality as each (arguments, place)
order by each.place
on conflict (unique_key) where unique_key is not null and state in ('waiting', 'queued', 'retry', 'running') do nothing
returning id

-- name: find_unique
select id from etl_jobs where unique_key = $1 and state in ('waiting', 'queued', 'retry', 'running')

-- name: lock_dependencies
-- Held until the dependency is written, so that none ends meanwhile unseen.
select id, state from etl_jobs where id = any($1::bigint[]) order by id for update

-- name: add_dependencies
insert into etl_job_dependencies (job_id, depends_on) select $1::bigint, unnest($2::bigint[])

-- name: pushable
select id, queue, priority, greatest(0, ceil(extract(epoch from run_after - clock_timestamp()) * 1000))::bigint
from etl_jobs
where id = any($1::bigint[]) and state in ('queued', 'retry')

-- name: claim
-- $3 whether pause and limits were looked at under their locks (core/ledger_limit.c); else only a job is claimed that
-- neither can hold up.
with claimed as (
    update etl_jobs j
    set state = 'running', fence = fence + 1, claimed_by = $2, started_at = clock_timestamp(),
        unique_key = case when unique_while = 'live' then unique_key end, backend_pid = pg_backend_pid(),
        backend_start = (select a.backend_start from pg_stat_get_activity(pg_backend_pid()) a)
    where id = $1::bigint and state in ('queued', 'retry') and run_after <= clock_timestamp() and backend_pid is null
      and ($3::boolean
           or (limit_key is null and not exists (
                   select from etl_queues q
                   where q.name = j.queue and (q.paused_at is not null or q.concurrency is not null))))
    returning *
), run as (
    insert into etl_job_runs (job_id, job_name, job_type, status, attempt, fence, business_date, worker, backend_pid,
                              backend_start, started_at)
    select id, job_name, job_type, 'RUNNING', attempts + 1, fence, business_date, claimed_by, backend_pid, backend_start,
           clock_timestamp()
    from claimed
    returning id, run_no
)
select c.id, r.run_no, c.fence, c.attempts + 1, c.max_attempts, r.id, c.job_name, c.queue, c.arguments, c.business_date,
       c.interval_start, c.interval_end, c.pipeline_run_id, c.backfill_id, c.parent_id, c.priority, c.end_key,
       c.limit_key, c.soft_timeout_s, c.hard_timeout_s
from claimed c cross join run r

-- name: look
select j.state, j.backend_pid, j.backend_start,
       greatest(0, ceil(extract(epoch from j.run_after - clock_timestamp()) * 1000))::bigint, j.fence,
       j.queue, j.limit_key, q.concurrency is not null, q.paused_at is not null
from etl_jobs j left join etl_queues q on q.name = j.queue
where j.id = $1::bigint

-- name: check
select 1 from etl_jobs where id = $1::bigint and fence = $2::bigint and state = 'running'

-- name: release_dependants
-- Locked in the order of their ids, so that two steps that end at once do not deadlock.
with dependants as (
    select j.id from etl_jobs j join etl_job_dependencies d on d.job_id = j.id
    where d.depends_on = $1::bigint and j.state in ('waiting', 'cancelled')
    order by j.id for update of j
)
update etl_jobs j
set pending = j.pending - 1,
    state = case when j.state = 'waiting' and j.pending = 1 and j.wait_key is null then 'queued' else j.state end,
    queued_at = now()
from dependants d
where j.id = d.id
returning j.id, j.state = 'queued'

-- name: complete_run
update etl_job_runs
set status = 'COMPLETED', completed_at = clock_timestamp(), records_processed = $3::bigint, inserted = $4::bigint,
    updated = $5::bigint, unchanged = $6::bigint, superseded = $7::bigint, records_failed = $8::bigint,
    skipped = $9::bigint, removed = $10::bigint, metadata = $11::jsonb
where job_id = $1::bigint and fence = $2::bigint and status = 'RUNNING'

-- name: complete_job
update etl_jobs
set state = 'done', finished_at = clock_timestamp(), losses = 0, deaths = 0, returns = 0, claimed_by = null, backend_pid = null,
    backend_start = null, error_code = null, error_message = null
where id = $1::bigint and fence = $2::bigint and state = 'running'
returning exists (select from etl_queues q where q.name = queue and q.concurrency is not null)

-- name: fail_job
-- $3 the new state, $4 delay in ms, $5 charged (1 or 0), $6 given back (1 or 0), $7 the condition it waits for
update etl_jobs
set state = $3, run_after = clock_timestamp() + $4::bigint * interval '1 millisecond', attempts = attempts + $5::integer,
    returns = case when $6::integer = 1 then returns + 1 else 0 end, losses = 0, deaths = 0, wait_key = $7, claimed_by = null,
    backend_pid = null, backend_start = null, error_code = $8, error_message = $9, queued_at = clock_timestamp(),
    finished_at = case when $3 in ('dead', 'cancelled') then clock_timestamp() end
where id = $1::bigint and fence = $2::bigint and state = 'running'
returning exists (select from etl_queues q where q.name = queue and q.concurrency is not null)

-- name: fail_run
update etl_job_runs
set status = $3, completed_at = clock_timestamp(), error_code = $4, sqlstate = nullif($5, ''), error_message = $6,
    metadata = $7::jsonb
where job_id = $1::bigint and fence = $2::bigint and status = 'RUNNING'

-- name: failure_history
select attempts, max_attempts, returns from etl_jobs where id = $1::bigint and fence = $2::bigint and state = 'running'

-- name: take_over
-- Takes a job from its run. $2 only this worker's run (null: whoever's), $5 only the one with this fence (0: any), $3 how the run was lost: ten leases or three
-- deaths in a row are poison
with lost as (
    select id, losses + case when $3 = 'lease' then 1 else 0 end as losses,
           deaths + case when $3 = 'death' then 1 else 0 end as deaths
    from etl_jobs
    where id = $1::bigint and state = 'running' and ($2::text is null or claimed_by = $2)
      and $5::bigint in (0, fence)
    for update
)
update etl_jobs j
set fence = j.fence + 1, losses = l.losses, deaths = l.deaths, run_after = clock_timestamp(),
    queued_at = clock_timestamp(),
    state = case when l.losses >= 10 or l.deaths >= 3 then 'dead' else 'queued' end,
    finished_at = case when l.losses >= 10 or l.deaths >= 3 then clock_timestamp() end,
    error_code = case when l.losses >= 10 or l.deaths >= 3 then 'poison' end,
    error_message = case when l.losses >= 10 or l.deaths >= 3
                         then format('its run was lost %s times in a row, the last time because %s',
                                     l.losses + l.deaths, $4::text) end
from lost l
where j.id = l.id
returning j.backend_pid, j.backend_start, j.end_key, j.queue, j.limit_key,
          exists (select from etl_queues q where q.name = j.queue and q.concurrency is not null),
          j.state, j.job_name, j.error_message, j.fence

-- name: lose_run
update etl_job_runs set status = $2::text, completed_at = clock_timestamp(), error_code = lower($2::text), error_message = $3
where job_id = $1::bigint and status = 'RUNNING'

-- name: cancel
-- $3 only if it is dead.
update etl_jobs j
set fence = fence + 1, state = 'cancelled', finished_at = clock_timestamp(), error_code = 'cancelled', error_message = $2,
    wait_key = null
where id = $1::bigint and (state = 'dead' or (state in ('waiting', 'queued', 'retry', 'running') and not $3::boolean))
returning backend_pid, backend_start, end_key, queue, limit_key,
          exists (select from etl_queues q where q.name = j.queue and q.concurrency is not null), j.fence

-- name: end_backend
-- Together with its side connection (jobs/context.c).
select pg_terminate_backend(pid) from pg_stat_activity
where (pid = $1::integer and backend_start = $2::timestamptz)
   or (application_name = 'tapemill side of ' || $1 and backend_start >= $2::timestamptz)

-- name: backend_alive
select count(*) from pg_stat_activity
where (pid = $1::integer and backend_start = $2::timestamptz)
   or (application_name = 'tapemill side of ' || $1 and backend_start >= $2::timestamptz)

-- name: forget_backend
update etl_jobs set backend_pid = null, backend_start = null
where id = $1::bigint and backend_pid = $2::integer and state <> 'running'

-- name: retry
-- One of a cancelled backfill leaves it: what a person wants to run is not cancelled again.
update etl_jobs j
set state = case when pending > 0 then 'waiting' else 'queued' end, attempts = 0, losses = 0, deaths = 0, returns = 0,
    run_after = clock_timestamp(), queued_at = clock_timestamp(), finished_at = null, wait_key = null,
    backfill_id = (select b.id from etl_backfills b where b.id = j.backfill_id and b.state <> 'cancelled')
where id = $1::bigint and state in ('dead', 'cancelled')

-- name: retry_end_key
-- Its end is awaited anew.
update etl_conditions c set met = false, updated_at = clock_timestamp()
from etl_jobs j
where j.id = $1::bigint and c.key = j.end_key and c.met

-- name: retry_backfill
-- The backfill of the job, or those whose jobs wait for it (a step that several dates share).
update etl_backfills set state = 'running', finished_at = null
where state = 'failed'
  and id in (select backfill_id from etl_jobs where id = $1::bigint
             union all
             select j.backfill_id from etl_job_dependencies d join etl_jobs j on j.id = d.job_id
             where d.depends_on = $1::bigint)

-- name: set_condition
insert into etl_conditions as c (key, met) values ($1, $2::boolean)
on conflict (key) do update set met = excluded.met, updated_at = clock_timestamp() where c.met <> excluded.met

-- name: wake_waiting
update etl_jobs
set wait_key = null, state = case when pending > 0 then 'waiting' else 'queued' end, run_after = clock_timestamp(),
    queued_at = now()
where wait_key = $1 and state = 'waiting'
returning id, state = 'queued'

-- name: create_condition
insert into etl_conditions (key, met) values ($1, false) on conflict (key) do nothing

-- name: hold_condition
select met from etl_conditions where key = $1 for share

-- name: alert
insert into etl_alerts (cause, severity, title, body, job_id) values ($1, $2, $3, $4, nullif($5::bigint, 0))
