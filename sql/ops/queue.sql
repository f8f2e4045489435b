-- name: running
-- $1 limit.
select id from etl_jobs where state = 'running' order by id limit $1::integer;

-- name: ledger
-- Live jobs by queue, with queues that have none. $1 queue names in the order of the workers, $2 ids of those that hold a lease in Redis.
with named as (
    select name, min(position) as position
    from unnest($1::text[]) with ordinality as n (name, position)
    group by name
), counted as (
    select queue,
           count(*) filter (where state = 'queued') as queued,
           count(*) filter (where state = 'retry') as retry,
           count(*) filter (where state = 'waiting') as waiting,
           count(*) filter (where state = 'running') as running,
           count(*) filter (where id = any ($2::bigint[])) as leased
    from etl_jobs
    where state in ('queued', 'retry', 'waiting', 'running') or id = any ($2::bigint[])
    group by queue
)
select coalesce(name, queue) as queue, coalesce(leased, 0) as leased, coalesce(queued, 0) as queued,
       coalesce(retry, 0) as retry, coalesce(waiting, 0) as waiting, coalesce(running, 0) as running
from named
full join counted on queue = name
order by position nulls last, 1;
