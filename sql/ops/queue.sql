-- name: running
-- $1 limit.
select id from etl_jobs where state = 'running' order by id limit $1::integer;

-- name: ledger
-- Live jobs by queue, with queues that have none. $1 queue names in the order of the workers, $2 ids of those that hold a lease in Redis.
with named as (
    select name, min(position) as position
    from (select name, position from unnest($1::text[]) with ordinality as n (name, position)
          union all
          select name, null from etl_queues where paused_at is not null or concurrency is not null) n
    group by name
), counted as (
    select queue,
           count(*) filter (where state = 'queued') as queued,
           count(*) filter (where state = 'retry') as retry,
           count(*) filter (where state = 'waiting') as waiting,
           count(*) filter (where state = 'waiting' and wait_key like 'limit:%') as parked,
           count(*) filter (where state = 'running') as running,
           count(*) filter (where id = any ($2::bigint[])) as leased
    from etl_jobs
    where state in ('queued', 'retry', 'waiting', 'running') or id = any ($2::bigint[])
    group by queue
)
select coalesce(named.name, queue) as queue, coalesce(leased, 0) as leased, coalesce(queued, 0) as queued,
       coalesce(retry, 0) as retry, coalesce(waiting, 0) as waiting, coalesce(running, 0) as running,
       coalesce(parked, 0) as parked, case when q.paused_at is null then 'open' else 'paused' end as state,
       q.concurrency as "limit", q.paused_at, q.paused_by, q.pause_reason
from named
full join counted on queue = named.name
left join etl_queues q on q.name = coalesce(named.name, queue)
order by position nulls last, 1;

-- name: limits
-- Limit keys that have a row, or live jobs. $1 limit.
with keys as (
    select key as name from etl_limits
    union
    select limit_key from etl_jobs where limit_key is not null and state in ('waiting', 'queued', 'retry', 'running')
)
select k.name as key, coalesce(l.concurrency, 1) as "limit",
       (select count(*) from etl_jobs j where j.state = 'running' and j.limit_key = k.name) as running,
       (select count(*) from etl_jobs j
        where j.state = 'waiting' and j.wait_key like 'limit:%' and j.wait_key collate "C" = 'limit:key:' || k.name) as parked,
       l.updated_at
from keys k
left join etl_limits l on l.key = k.name
order by 1
limit $1::bigint;

-- name: running_on
-- $1 queue.
select count(*) from etl_jobs where state = 'running' and queue = $1;
