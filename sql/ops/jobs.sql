-- name: list
-- Jobs, newest first. $1 state, $2 job name, $3 backfill (null: any), $4 limit.
select id, job_name as job, state, business_date as date, queue, priority, attempts, max_attempts,
       case when state = 'waiting' then coalesce(wait_key, pending || case pending when 1 then ' job' else ' jobs' end) end as waits_for,
       run_after, backfill_id, pipeline_run_id, step, unique_key, arguments, created_at, started_at, finished_at,
       claimed_by as worker, error_code, error_message as error
from etl_jobs
where ($1::text is null or state = $1)
  and ($2::text is null or job_name = $2)
  and ($3::bigint is null or backfill_id = $3)
order by id desc
limit $4::bigint;

-- name: show
-- One job. $1 id.
select id, job_name as job, state, business_date as date, interval_start, interval_end, queue, priority, arguments,
       attempts, max_attempts, losses, deaths, pending, wait_key, run_after, unique_key, unique_while, limit_key,
       soft_timeout_s, hard_timeout_s, parent_id, pipeline_run_id, step, backfill_id, claimed_by as worker, created_at, queued_at, started_at, finished_at, error_code,
       error_message as error
from etl_jobs
where id = $1::bigint;

-- name: states
-- Of the jobs asked about. $1 ids.
select id, job_name as job, state, attempts, coalesce(error_message, '') as error, business_date as date
from etl_jobs
where id = any ($1::bigint[])
order by id;

-- name: blocked
-- Jobs that wait for a cancelled one, the first of them. $1 ids.
select distinct j.id, j.job_name
from etl_job_dependencies d
join etl_jobs j on j.id = d.job_id
join etl_jobs o on o.id = d.depends_on
where o.id = any ($1::bigint[]) and o.state = 'cancelled' and j.state = 'waiting'
order by j.id
limit 20;

-- name: hopeless
-- Why the jobs $1, which only wait, will wait for ever: the job at the end of the chain that can neither go on nor be
-- readied by any other. No row while something live can still meet what they wait for: a job that is queued, runs or
-- waits at a limit, or a backfill that has the date before it. Books ("pnl:DATE") are closed by realized_pnl of their date.
with recursive needs (id, job_name, state, wait_key, needed_by) as (
    select id, job_name, state, wait_key, null::bigint
    from etl_jobs
    where id = any ($1::bigint[]) and state <> 'done'
    union
    select n.id, n.job_name, n.state, n.wait_key, w.id
    from needs w
    cross join lateral (
        select j.* from etl_job_dependencies d join etl_jobs j on j.id = d.depends_on
        where d.job_id = w.id and j.state <> 'done'
        union all
        select j.* from etl_jobs j
        where j.end_key = w.wait_key and j.state in ('waiting', 'queued', 'retry', 'running')
        union all
        select j.* from etl_jobs j
        where w.wait_key like 'pnl:%' and j.job_name = 'realized_pnl'
          and j.business_date = to_date(substr(w.wait_key, 5), 'YYYYMMDD')
          and j.state in ('waiting', 'queued', 'retry', 'running')) n
    where w.state = 'waiting'
), ends as (
    select n.*, case when wait_key like 'pnl:%' then to_date(substr(wait_key, 5), 'YYYYMMDD') end as books
    from needs n
    where not exists (select from needs m where m.needed_by = n.id)
)
select e.id, e.job_name as job, e.state, j.business_date as date, e.wait_key, e.books, coalesce(j.error_message, '') as error
from ends e
join etl_jobs j on j.id = e.id
where not exists (select from needs where state in ('queued', 'retry', 'running') or wait_key like 'limit:%')
  and not exists (select from needs n join etl_backfills b
                      on b.state in ('running', 'paused') and n.wait_key like 'pnl:%'
                         and to_date(substr(n.wait_key, 5), 'YYYYMMDD')
                             between case when b.backwards then b.from_date else b.next_date end
                                 and case when b.backwards then b.next_date else b.to_date end)
order by j.business_date nulls first, e.id
limit 1;
