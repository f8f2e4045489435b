-- Changes at the source by watermark. See jobs/trade_changes.h. Instants travel as text with all their digits, in UTC.

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
