-- What the ledger says of the jobs that Redis should know. See scheduler/reconcile.h.

-- name: due
-- $1 the state, queued or retry; $2 the last id of the batch before; $3 the batch's size
select id, queue, priority, greatest(0, ceil(extract(epoch from run_after - clock_timestamp()) * 1000))::bigint
from etl_jobs
where state = $1 and id > $2::bigint
order by id
limit $3::integer

-- name: running
select id, fence from etl_jobs where state = 'running' and id > $1::bigint order by id limit $2::integer

-- name: finished
-- Of these ids, the ones that Redis need not know.
select known.id
from unnest($1::bigint[]) as known (id)
left join etl_jobs j on j.id = known.id and j.state in ('queued', 'retry', 'running')
where j.id is null
