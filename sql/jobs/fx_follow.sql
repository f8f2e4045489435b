-- What follows from changed exchange rates. See jobs/fx_follow.h.

-- name: stage utility
-- stage_fx_reach: dates whose rate of a currency may be another one now.
create temporary table if not exists stage_fx_changed (
    currency  text not null,
    rate_date date not null
) on commit drop;
create temporary table if not exists stage_fx_reach (
    currency text not null,
    date_key integer not null,
    date     date not null,
    primary key (date_key, currency)
) on commit drop;
truncate stage_fx_changed, stage_fx_reach;

-- name: reach
-- $1 how many days old a rate may be, $2 the base currency. Of a warehouse without facts, and without loads that run, none.
insert into stage_fx_reach
select distinct c.currency, to_char(d.date, 'YYYYMMDD')::integer, d.date::date
from stage_fx_changed c
left join lateral (
    select r.rate_date from fx_rates r
    where r.currency = c.currency and r.rate_date > c.rate_date
    order by r.rate_date
    limit 1
) next on true
cross join lateral generate_series(c.rate_date::timestamp, least(next.rate_date - 1, c.rate_date + $1::integer)::timestamp,
                                   interval '1 day') as d (date)
where c.currency <> $2::text
  and (exists (select from etl_fact_days)
       or exists (select from etl_jobs where state = 'running' and job_name in ('load_executions', 'load_trades')))

-- name: loaded
-- Flows and dates that are loaded, with the currencies.
select d.source, d.date_key, to_char(min(r.date), 'YYYY-MM-DD'), array_agg(r.currency order by r.currency)
from stage_fx_reach r
join etl_fact_days d using (date_key)
where d.source in ('CLIENT', 'DESK')
group by d.source, d.date_key
order by d.date_key, d.source

-- name: differs
-- $1 date key, $2 the flow, $3 currencies, $4 the date, $5 how many days old a rate may be. Whether a fact has another rate than the
-- one that it would get now. A fact that was deleted has its rate too.
select exists (
    select from unnest($3::text[]) as c (currency)
    left join lateral (
        select r.rate_to_base from fx_rates r
        where r.currency = c.currency and r.rate_date <= $4::date and r.rate_date >= $4::date - $5::integer
        order by r.rate_date desc
        limit 1
    ) r on true
    join fact_trades f on f.currency = c.currency and f.rate_to_base is distinct from r.rate_to_base
    where f.date_key = $1::integer and f.source = $2)

-- name: lock
-- Loads read the rates under it (shared): who reads them now reads them after this run's commit.
select pg_advisory_xact_lock(hashtext('tapemill fx_rates'), 0)

-- name: in_flight
-- Loads that have read the rates before, and whose facts this transaction may not have seen: those that run, and those that ended
-- since it began. A load of changes may have been at any loaded date.
with begun as (
    select j.job_name, j.business_date from etl_jobs j where j.state = 'running' and j.job_name like 'load\_%'
    union
    select r.job_name, r.business_date from etl_job_runs r where r.completed_at >= now() and r.job_name like 'load\_%'
), loads (job_name, changes_job, source) as (
    values ('load_executions', 'load_changed_executions', 'DESK'), ('load_trades', 'load_changed_trades', 'CLIENT')
)
select l.job_name, to_char(r.date, 'YYYY-MM-DD')
from stage_fx_reach r
join loads l on exists (select from begun b where b.job_name = l.job_name and b.business_date = r.date)
             or (exists (select from begun b where b.job_name = l.changes_job)
                 and exists (select from etl_fact_days d where d.source = l.source and d.date_key = r.date_key))
group by 1, 2
order by 2, 1

-- name: log_positions
-- $1 the run. Whoever computes them meanwhile has taken what was dirty before.
insert into etl_dirty_buckets (target, date_key, reason, run_no)
select distinct 'positions', r.date_key, 'exchange rate changed', $1::bigint
from stage_fx_reach r
where exists (select from etl_fact_days d where d.date_key = r.date_key)
   or exists (select from etl_conditions c where c.key = 'positions:' || r.date_key)

-- name: asked_for
-- Whether a job $1 of the date $2 is there that has not begun, and does not wait for one that is dead or cancelled.
select exists (select from etl_jobs j
               where j.job_name = $1 and j.business_date = $2::date and j.state in ('queued', 'retry', 'waiting')
                 and (j.pending = 0
                      or not exists (select from etl_jobs o where o.pipeline_run_id = j.pipeline_run_id
                                                              and o.state in ('dead', 'cancelled'))))
