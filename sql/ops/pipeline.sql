-- name: list
-- Pipeline runs, newest first, with what their steps make of them; the shared ones they wait for count too.
-- $1 run, $2 pipeline, $3 date, $4 backfill (null: any), $5 limit.
with recursive runs as (
    select id, pipeline, business_date, backfill_id, created_at
    from etl_pipeline_runs
    where ($1::bigint is null or id = $1)
      and ($2::text is null or pipeline = $2)
      and ($3::date is null or business_date = $3)
      and ($4::bigint is null or backfill_id = $4)
    order by id desc
    limit $5::bigint
), steps as (
    select r.id as run_id, j.id from runs r join etl_jobs j on j.pipeline_run_id = r.id
    union
    select s.run_id, d.depends_on from steps s join etl_job_dependencies d on d.job_id = s.id
)
select r.id, r.pipeline, r.business_date as date,
       case when bool_and(j.state = 'done') then 'done'
            when bool_or(j.state = 'running') then 'running'
            when bool_or(j.state in ('queued', 'retry')) then 'queued'
            when bool_or(j.state = 'dead') then 'failed'
            when bool_or(j.state = 'cancelled') then 'cancelled'
            else 'waiting'
       end as state,
       count(*) filter (where j.state = 'done') as done, count(*) as steps, r.backfill_id, r.created_at,
       case when bool_and(j.state in ('done', 'dead', 'cancelled')) then max(j.finished_at) end as finished_at,
       string_agg(coalesce(j.step, j.job_name), ', ' order by j.id) filter (where j.state = 'dead') as dead
from runs r
join steps s on s.run_id = r.id
join etl_jobs j on j.id = s.id
group by r.id, r.pipeline, r.business_date, r.backfill_id, r.created_at
order by r.id desc;

-- name: steps
-- The steps of one run and the shared ones they wait for. A step is inserted after those it waits for, so that the
-- order of ids leads from cause to effect. $1 run.
with recursive steps as (
    select id from etl_jobs where pipeline_run_id = $1::bigint
    union
    select d.depends_on from steps s join etl_job_dependencies d on d.job_id = s.id
)
select j.id, coalesce(j.step, j.job_name) as step, j.job_name as job, j.state,
       j.pipeline_run_id is distinct from $1::bigint as shared,
       coalesce((select json_agg(d.depends_on order by d.depends_on)
                 from etl_job_dependencies d where d.job_id = j.id), '[]') as depends_on,
       case j.state
           when 'waiting' then concat_ws(', ',
               (select string_agg(coalesce(o.step, o.job_name), ', ' order by o.id)
                from etl_job_dependencies d join etl_jobs o on o.id = d.depends_on
                where d.job_id = j.id and o.state <> 'done'),
               case when j.error_code = 'waiting' and j.wait_key is not null
                    then regexp_replace(j.error_message, '^waits for ', '')
                    else j.wait_key
               end)
           when 'retry' then 'its next attempt at ' || to_char(j.run_after, 'YYYY-MM-DD HH24:MI:SS')
       end as waits_for,
       j.wait_key, j.attempts, j.max_attempts, j.started_at, j.finished_at,
       round(extract(epoch from coalesce(j.finished_at, clock_timestamp()) - j.started_at), 3) as seconds,
       case when j.state not in ('done', 'waiting') then j.error_message end as error
from etl_jobs j
where j.id in (select id from steps)
order by j.id;
