-- What the ledger says of the jobs that Redis should know. See scheduler/reconcile.h, core/ledger_audit.h.

-- name: due
-- $1 the state, queued or retry; $2 the last id of the batch before; $3 the batch's size; $4 without those that became so
-- within as many seconds.
select id, queue, priority, greatest(0, ceil(extract(epoch from run_after - clock_timestamp()) * 1000))::bigint
from etl_jobs
where state = $1 and id > $2::bigint
  and ($4::integer = 0 or queued_at < clock_timestamp() - make_interval(secs => $4::integer))
order by id
limit $3::integer

-- name: running
select id, fence from etl_jobs where state = 'running' and id > $1::bigint order by id limit $2::integer

-- name: found
-- What the ledger says of the ids $1: state ('' for an unknown one), queue, priority, delay in ms. Those whose state changed
-- within the last $2 milliseconds are left out: whoever changed it is about to tell Redis.
select known.id, coalesce(j.state, ''), coalesce(j.queue, ''), coalesce(j.priority, 0),
       coalesce(greatest(0, ceil(extract(epoch from j.run_after - clock_timestamp()) * 1000))::bigint, 0)
from unnest($1::bigint[]) as known (id)
left join etl_jobs j on j.id = known.id
where greatest(j.queued_at, j.started_at, j.finished_at) is null
   or greatest(j.queued_at, j.started_at, j.finished_at) < clock_timestamp() - $2::bigint * interval '1 millisecond'
