-- Which dirty buckets are to be computed again. See jobs/refresh.h.

-- name: buckets
-- $1 target, $2 what a bucket spans, $3 the date before which a bucket must end to be due, $4 and $5 first and last date_key,
-- $6 its job and $7 the job's arguments, $8 how many at most, $9 the first date of which there are books, or null for a target that
-- needs none. A date of each bucket that has a dirty one, and its first date; the
-- latest first. A bucket that is not over is due once it was computed; what follows from books, once they are closed. A job of it that is blocked by one that is dead or
-- cancelled asks for nothing. If the last one is dead and nothing became dirty since it was asked for, another would die too.
with dirty as (
    select min(d.date) as date, date_trunc($2, d.date::timestamp)::date as first_date, max(d.newest) as newest
    from (select to_date(date_key::text, 'YYYYMMDD') as date, max(created_at) as newest from etl_dirty_buckets
          where target = $1 and date_key between $4::integer and $5::integer and reason <> 'fx_rate_missing'
          group by date_key) d
    group by 2
), buckets as (
    select date, first_date, newest, to_char(first_date, 'YYYYMMDD')::integer as first_key,
           (first_date + ('1 ' || replace($2, 'quarter', 'month'))::interval
                         * case $2 when 'quarter' then 3 else 1 end)::date as end_date
    from dirty
)
select b.date, b.first_date
from buckets b
where (b.end_date <= $3::date
       or case split_part($1, ':', 1)
              when 'summary' then exists (select from agg_daily_trade_summary where date_key = b.first_key)
              when 'performance_monthly'
                  then exists (select from agg_performance_monthly where month_key = b.first_key / 100)
              when 'client_metrics'
                  then exists (select from agg_client_metrics
                               where period_type = split_part($1, ':', 2) and metric_date = b.first_date)
              when 'lp_performance'
                  then exists (select from agg_lp_performance
                               where period_type = split_part($1, ':', 2) and metric_date = b.first_date)
              else exists (select from etl_conditions where key = 'pnl:' || b.first_key and met) end)
  and ($9::date is null
       or (b.end_date > $9::date
           and not exists (select from etl_fact_days d
                           where d.date_key >= b.first_key and d.date_key < to_char($9::date, 'YYYYMMDD')::integer
                             and d.source in ('CLIENT', 'DESK') and (d.low_text is not null or d.low_number is not null))))
  and not exists (select from etl_jobs j
                  where j.job_name = $6 and j.state in ('queued', 'retry', 'waiting') and j.arguments @> $7::jsonb
                    and j.business_date >= b.first_date and j.business_date < b.end_date
                    and (j.pending = 0
                         or not exists (select from etl_jobs o where o.pipeline_run_id = j.pipeline_run_id
                                                                 and o.state in ('dead', 'cancelled'))))
  and not coalesce((select j.state = 'dead' and j.created_at > b.newest from etl_jobs j
                    where j.job_name = $6 and j.arguments @> $7::jsonb
                      and j.business_date >= b.first_date and j.business_date < b.end_date
                    order by j.id desc
                    limit 1), false)
order by b.first_date desc
limit $8::integer
