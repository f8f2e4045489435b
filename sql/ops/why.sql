-- What `tapemill why` asks the ledger.

-- name: job
-- $1 id.
select j.id, j.job_name || coalesce(' of ' || j.business_date, ''), j.state, j.queue, j.pending, j.wait_key, j.limit_key,
       greatest(0, ceil(extract(epoch from j.run_after - clock_timestamp())))::bigint, date_trunc('second', j.run_after),
       j.attempts, j.max_attempts, j.error_code, j.error_message, j.claimed_by, date_trunc('second', j.started_at),
       date_trunc('second', j.finished_at), q.paused_at is not null, date_trunc('second', q.paused_at), q.paused_by,
       q.pause_reason, q.concurrency, coalesce(l.concurrency, 1), b.id, b.state, j.returns,
       greatest(0, floor(extract(epoch from clock_timestamp() - j.queued_at)))::bigint,
       case when j.backend_pid is not null
            then exists (select from pg_stat_activity a
                         where a.pid = j.backend_pid and a.backend_start = j.backend_start) end
from etl_jobs j
left join etl_queues q on q.name = j.queue
left join etl_limits l on l.key = j.limit_key
left join etl_backfills b on b.id = j.backfill_id
where j.id = $1::bigint;

-- name: holders
-- Running jobs that hold places, of the queue $1 or with the limit key $2 (null: not asked about), the oldest first. $3 limit.
select id, job_name || coalesce(' of ' || business_date, ''), claimed_by, date_trunc('second', started_at),
       count(*) over ()
from etl_jobs
where state = 'running' and ($1::text is null or queue = $1) and ($2::text is null or limit_key = $2)
order by started_at
limit $3::integer;

-- name: lock_holder
-- Who holds the lock of the limit $1 (sql/ledger/control.sql, lock_limit) for more than a second.
select a.pid, coalesce(nullif(a.application_name, ''), 'no name'),
       floor(extract(epoch from clock_timestamp() - a.xact_start))::bigint, coalesce(a.state, 'in no known state'),
       floor(extract(epoch from clock_timestamp() - a.state_change))::bigint
from pg_locks l
join pg_stat_activity a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted and l.objsubid = 1
  and l.database = (select oid from pg_database where datname = current_database())
  and l.classid::bigint = (hashtextextended('tapemill ' || $1, 0) >> 32) & 4294967295
  and l.objid::bigint = hashtextextended('tapemill ' || $1, 0) & 4294967295
  and a.xact_start < clock_timestamp() - interval '1 second'
limit 1;

-- name: blocker
-- Of the jobs that $1 depends on and that are not done, the one that says most: dead or cancelled, else running, else the
-- first; and how many there are.
select n.id, n.job_name || coalesce(' of ' || n.business_date, '') || coalesce(', step ' || n.step, ''), n.state,
       count(*) over ()
from etl_job_dependencies d
join etl_jobs n on n.id = d.depends_on
where d.job_id = $1::bigint and n.state <> 'done'
order by n.state in ('dead', 'cancelled') desc, n.state = 'running' desc, n.id
limit 1;

-- name: condition
-- Whether the condition $1 is met, and the unfinished job that will meet it: the one whose end it is; for books of a date
-- ('pnl:') the job that closes them; for the P&L of a flow ('booked:') its load.
select coalesce((select met from etl_conditions where key = $1), false), j.id,
       j.job_name || coalesce(' of ' || j.business_date, ''), j.state
from (values (1)) as always (one)
left join lateral (
    select c.id, c.job_name, c.business_date, c.state
    from etl_jobs c
    where c.state in ('waiting', 'queued', 'retry', 'running', 'dead')
      and (c.end_key = $1
           or (c.business_date = to_date(substring($1 from '[0-9]{8}$'), 'YYYYMMDD')
               and c.job_name = case split_part($1, ':', 1) || ':' || split_part($1, ':', 2)
                                    when 'booked:DESK' then 'load_executions'
                                    when 'booked:CLIENT' then 'load_trades'
                                    else case split_part($1, ':', 1) when 'pnl' then 'realized_pnl' end
                                end))
    order by c.state = 'dead', c.id
    limit 1) j on true;

-- name: backfill
-- $1 id.
select id, target, state, next_date, parallel,
       (select count(*) from etl_jobs j where j.backfill_id = b.id and j.state = 'dead'),
       (select count(distinct j.business_date) from etl_jobs j
        where j.backfill_id = b.id
          and (j.state in ('queued', 'retry', 'running') or (j.state = 'waiting' and j.wait_key like 'limit:%'))),
       (select min(j.id) from etl_jobs j
        where j.backfill_id = b.id
          and (j.state in ('queued', 'retry', 'running') or (j.state = 'waiting' and j.wait_key like 'limit:%'))),
       (select min(j.id) from etl_jobs j where j.backfill_id = b.id and j.state = 'waiting'),
       (select min(j.id) from etl_jobs j where j.backfill_id = b.id and j.state = 'dead')
from etl_backfills b
where id = $1::bigint;
