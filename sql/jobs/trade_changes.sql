-- Changes at the source by watermark. See jobs/trade_changes.h. Instants travel as text with all their digits, in UTC.

-- name: limit
-- Runs on the source. $1 seconds of lag. Transactions that are open, whoever holds them and even if they have written
-- nothing yet, may still write rows that carry the instant at which they began. Ours are known to read only. When a
-- prepared transaction began is not known, only when it was prepared.
select least(clock_timestamp() - make_interval(secs => $1::integer),
             (select min(a.xact_start) from pg_stat_activity a
              where a.datname = current_database() and a.pid <> pg_backend_pid()
                and a.application_name not like 'tapemill %'),
             (select min(p.prepared) - interval '1 minute' from pg_prepared_xacts p where p.database = current_database()))
       at time zone 'UTC' || '+00' as until,
       pg_has_role('pg_read_all_stats', 'usage') as sees_sessions, current_user as role

-- name: window
-- $1 table, $2 how far the source can be read, $3 seconds of overlap, $4 hours that one run takes, $5 where to begin all the
-- same, or ''. Without a watermark: a day before.
with known as (
    select (select last_processed_timestamp from etl_cdc_watermarks where source_table = $1) as watermark,
           nullif($5, '')::timestamptz as since, $2::timestamptz as limit_at
), begun as (
    select watermark, since, limit_at, coalesce(since, watermark, limit_at - interval '1 day') as at from known
), cut as (
    select *, least(limit_at, at + make_interval(hours => $4::integer)) as until from begun
)
select coalesce(watermark at time zone 'UTC' || '+00', ''),
       (at - make_interval(secs => $3::integer)) at time zone 'UTC' || '+00',
       until at time zone 'UTC' || '+00',
       until <= at as nothing_new, until < limit_at as more, coalesce(isfinite(since), true) as is_finite
from cut

-- name: look_again utility
-- The source, in a snapshot that the next query takes.
rollback;
begin isolation level repeatable read read only

-- name: look_at_date
-- Whether the flow $1 of the date $2 was loaded and dim_date knows the date; and the instant $3 in microseconds.
select exists (select from etl_fact_days where source = $1 and date_key = $2::integer),
       exists (select from dim_date where date_key = $2::integer),
       (extract(epoch from $3::timestamptz) * 1000000)::bigint

-- name: report_unknown_date
-- $1 run, $2 source table, $3 the date. Once, until somebody resolves it.
insert into etl_data_quality_issues (job_run_id, source_table, record_id, rule_name, severity, error_message, business_date)
select $1::uuid, $2::text, $3::text, 'date_unknown', 'ERROR',
       format('[date_unknown] changed rows of %s are of %s, which dim_date does not have: put them right at the source, or have '
              'the date made with TAPEMILL_DATES_FROM or TAPEMILL_DATES_YEARS_AHEAD and `tapemill enqueue dates`, then '
              'load the date', $2::text, $3::text), $3::text::date
where not exists (select from etl_data_quality_issues
                  where source_table = $2::text and record_id = $3::text and rule_name = 'date_unknown' and resolved_at is null)

-- name: move_watermark
-- By compare-and-set: $2 the new one, $3 as it was read, or ''. A run that began before it does not take it back.
insert into etl_cdc_watermarks as w (source_table, last_processed_timestamp)
select $1::varchar, $2::timestamptz
where $3 = '' or exists (select from etl_cdc_watermarks where source_table = $1::varchar)
on conflict (source_table) do update
set last_processed_timestamp = greatest(w.last_processed_timestamp, excluded.last_processed_timestamp), updated_at = now()
where w.last_processed_timestamp is not distinct from nullif($3, '')::timestamptz
   or excluded.last_processed_timestamp <= w.last_processed_timestamp
