-- Pause and limits, as the claim decides them. See core/ledger_limit.c and core/ledger_pause.c.

-- name: lock_limit
-- Held to the commit by whoever claims under a limit, parks, or wakes. $1 the limit: 'limit:queue:NAME' or 'limit:key:KEY'.
select pg_advisory_xact_lock(hashtextextended('tapemill ' || $1, 0))

-- name: room
-- $1 queue or null, $2 limit key or null: whether the queue is paused, and how many more jobs may run on the queue
-- (null: any number) and with the key (null: there is none). A key without a row allows one. A run that was taken away
-- counts until its backend is gone.
with lost as materialized (
    select j.queue, j.limit_key from etl_jobs j
    where j.state <> 'running' and j.backend_pid is not null
      and exists (select from pg_stat_get_activity(j.backend_pid) a where a.backend_start = j.backend_start)
)
select exists (select from etl_queues where name = $1 and paused_at is not null),
       (select q.concurrency - (select count(*) from etl_jobs r where r.state = 'running' and r.queue = $1)
                              - (select count(*) from lost where lost.queue = $1)
        from etl_queues q where q.name = $1 and q.concurrency is not null),
       case when $2::text is not null
            then coalesce((select l.concurrency from etl_limits l where l.key = $2), 1)
                 - (select count(*) from etl_jobs r where r.state = 'running' and r.limit_key = $2)
                 - (select count(*) from lost where lost.limit_key = $2) end

-- name: park
update etl_jobs set state = 'waiting', wait_key = $2
where id = $1::bigint and state in ('queued', 'retry') and backend_pid is null

-- name: wake
-- The most urgent parked jobs of the limit $1, at most $2; those of paused queues stay.
with next as (
    select j.id from etl_jobs j
    where j.wait_key collate "C" = $1 and j.state = 'waiting' and j.wait_key like 'limit:%'
      and not exists (select from etl_queues q where q.name = j.queue and q.paused_at is not null)
    order by j.priority desc, j.id
    limit $2::bigint
    for update skip locked
)
update etl_jobs j set state = 'queued', wait_key = null, run_after = clock_timestamp(), queued_at = clock_timestamp()
from next where j.id = next.id
returning j.id

-- name: parked_limits
-- The limits after $1 that jobs are parked at, each found by one step in the index, at most $2.
with recursive limits (wait_key, number) as (
    select $1::text collate "C", 0
    union all
    select (select j.wait_key collate "C" from etl_jobs j
            where j.state = 'waiting' and j.wait_key like 'limit:%' and j.wait_key collate "C" > l.wait_key
            order by j.wait_key collate "C"
            limit 1),
           l.number + 1
    from limits l
    where l.wait_key is not null and l.number < $2::integer
)
select wait_key from limits where wait_key is not null and number > 0 order by number

-- name: parked_keys
-- The limits of keys, after $2, that jobs of queue $1 are parked at, at most $3.
select distinct j.wait_key collate "C" as wait_key from etl_jobs j
where j.queue = $1 and j.state = 'waiting' and j.wait_key like 'limit:%' and j.wait_key like 'limit:key:%'
  and j.wait_key collate "C" > $2
order by 1
limit $3::integer

-- name: lost_backends
-- Jobs that do not run and still have the backend of a lost run: whoever took them was killed before that was gone. Not
-- those changed just now. $1 how many at most.
select id from etl_jobs
where state <> 'running' and backend_pid is not null
  and coalesce(finished_at, queued_at) < clock_timestamp() - interval '30 seconds'
order by id
limit $1::integer

-- name: met_dependencies
-- Waiting jobs after $1, at most $2 of them looked at: the id of the last one, and those whose dependencies are all done
-- although they count some as pending: they were enqueued while one of these was committing.
with looked as (
    select id from etl_jobs where state = 'waiting' and id > $1::bigint order by id limit $2::integer
), met as (
    select j.id
    from etl_jobs j join looked l on l.id = j.id
    where j.state = 'waiting' and j.pending > 0
      and exists (select from etl_job_dependencies d where d.job_id = j.id)
      and not exists (select from etl_job_dependencies d join etl_jobs needed on needed.id = d.depends_on
                      where d.job_id = j.id and needed.state <> 'done')
    for update of j skip locked
), readied as (
    update etl_jobs j
    set pending = 0, state = case when j.wait_key is null then 'queued' else j.state end, queued_at = clock_timestamp()
    from met where j.id = met.id
    returning j.id
)
select l.id, r.id is not null from looked l left join readied r on r.id = l.id order by l.id

-- name: is_paused
select exists (select from etl_queues where name = $1 and paused_at is not null)

-- name: paused
-- $1 how many at most.
select name from etl_queues where paused_at is not null order by name limit $1::integer

-- name: pause
-- $1 queue, $2 by whom, $3 why. One that is paused already stays as it is.
insert into etl_queues as q (name, paused_at, paused_by, pause_reason) values ($1, clock_timestamp(), $2, $3)
on conflict (name) do update
set paused_at = excluded.paused_at, paused_by = excluded.paused_by, pause_reason = excluded.pause_reason,
    updated_at = clock_timestamp()
where q.paused_at is null
returning name

-- name: resume
update etl_queues set paused_at = null, paused_by = null, pause_reason = null, updated_at = clock_timestamp()
where name = $1 and paused_at is not null
returning name

-- name: limit_queue
-- $1 queue, $2 how many (null: any number)
insert into etl_queues (name, concurrency) values ($1, $2::integer)
on conflict (name) do update set concurrency = excluded.concurrency, updated_at = clock_timestamp()

-- name: limit_key
insert into etl_limits (key, concurrency) values ($1, $2::integer)
on conflict (key) do update set concurrency = excluded.concurrency, updated_at = clock_timestamp()

-- name: unlimit_key
delete from etl_limits where key = $1
