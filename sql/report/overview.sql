-- The parts of one report. $1 from, $2 to: date_keys of business dates (null: open). Integers, so that the
-- planner sees which partitions they leave.

-- name: warehouse
select count(distinct f.date_key) as days, min(d.date) as first_date, max(d.date) as last_date,
       count(*) filter (where not f.is_deleted) as live_trades,
       count(*) filter (where f.is_deleted) as cancelled_trades,
       count(distinct f.instrument_key) as instruments,
       (select count(*) from etl_quarantine
        where resolved_at is null and (business_date is null
              or business_date between coalesce(to_date($1::integer::text, 'YYYYMMDD'), '-infinity')
                                and coalesce(to_date($2::integer::text, 'YYYYMMDD'), 'infinity'))) as quarantined_rows
from fact_trades f
join dim_date d using (date_key)
where f.date_key >= coalesce($1::integer, 0) and f.date_key < coalesce($2::integer, 99991231) + 1;

-- name: currencies
select currency, count(*) as trades, sum(notional_value) as notional, sum(commission + fees) as costs,
       sum(realized_pnl) as realized_pnl
from fact_trades
where not is_deleted
  and date_key >= coalesce($1::integer, 0) and date_key < coalesce($2::integer, 99991231) + 1
group by currency
order by count(*) desc, currency;

-- name: runs
-- A run that only found that it must wait is told apart from those that a person cancelled.
select case when error_code = 'waiting' then 'WAITED' else status end as status, count(*) as runs, count(distinct job_name) as jobs,
       round(coalesce(sum(extract(epoch from completed_at - started_at)), 0), 3) as seconds,
       sum(records_processed)::bigint as processed
from etl_job_runs
where business_date is null
   or business_date between coalesce(to_date($1::integer::text, 'YYYYMMDD'), '-infinity')
                                and coalesce(to_date($2::integer::text, 'YYYYMMDD'), 'infinity')
group by 1
order by 1;
