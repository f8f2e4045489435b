-- Months of fact_trades that wait to be folded. See jobs/fold_debt.h.

-- name: now_us
select (extract(epoch from clock_timestamp()) * 1000000)::bigint

-- name: look
-- $1 a month that ended on this date or before it is closed. One row; its columns are those of struct fold_debt.
with months as (
    select to_date(substring(pg_get_expr(m.relpartbound, m.oid) from 'FROM \((\d{8})\)'), 'YYYYMMDD') as first,
           (select count(*) from pg_inherits l where l.inhparent = m.oid) as leaves
    from pg_inherits i
    join pg_class m on m.oid = i.inhrelid and m.relkind = 'p'
    where i.inhparent = 'fact_trades'::regclass
), debt as (
    select first, (first + interval '1 month')::date as next
    from months
    where leaves > 1 and first + interval '1 month' <= $1::date
), live as materialized (
    select business_date, job_name from etl_jobs where state in ('waiting', 'queued', 'retry', 'running')
), dead as materialized (
    select business_date from etl_jobs where state = 'dead' and job_name = 'fold_month'
), judged as (
    select first,
           exists (select from dead where business_date >= first and business_date < next) as is_dead,
           exists (select from live where business_date >= first and business_date < next)
               or exists (select from etl_backfills
                          where state in ('running', 'paused') and next_date is not null
                            and case when backwards then from_date < next and next_date >= first
                                     else next_date < next and to_date >= first end) as is_busy
    from debt
), folding as (
    select exists (select from live where job_name = 'fold_month') as any
)
select (select coalesce(sum(leaves), 0) from months)::bigint as leaves, (select count(*) from judged) as months,
       (select count(*) from judged where is_dead) as dead,
       (select to_char(min(first), 'YYYY-MM-DD') from judged) as oldest,
       (select to_char(min(first), 'YYYY-MM-DD') from judged, folding
        where not is_dead and not is_busy and not folding.any) as next,
       (select folding.any from folding) as folding
