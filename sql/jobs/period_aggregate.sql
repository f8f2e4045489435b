-- What aggregates by period have in common. See jobs/period_aggregate.c.

-- name: lock_bucket
-- $1 the target, such as client_metrics:WEEKLY, $2 the first date_key of the period.
select pg_advisory_xact_lock(hashtext($1), $2::integer)

-- name: savepoint utility
savepoint gather

-- name: release utility
-- Gives the locks on the partitions that were read back.
rollback to savepoint gather;
release savepoint gather;

-- name: unbooked
-- $1 date_key: trades without realised P&L.
select count(*) from fact_trades f where f.date_key = $1::integer and not f.is_deleted and f.realized_pnl is null

-- name: hold_bucket
-- $1 the target, $2 the held groups, $3 the run. One row is enough: the period is computed as a whole.
insert into etl_dirty_buckets (target, date_key, reason, run_no)
select $1, min(missing_date), 'fx_rate_missing', $3::bigint
from json_to_recordset($2::json) as h (missing_date integer)
having count(*) > 0

-- name: resolve_held
-- $1 the table, $2 the period's type, $3 its first date, $4 the held groups. What is open and says something else.
update etl_data_quality_issues i
set resolved_at = clock_timestamp()
where i.source_table = $1 and i.rule_name = 'fx_rate_missing' and i.business_date = $3::date and i.resolved_at is null
  and i.record_data ->> 'period_type' = $2::text
  and not exists (select from json_array_elements($4::json) h
                  where h::jsonb || jsonb_build_object('period_type', $2::text) = i.record_data)

-- name: report_held
-- $1 the run's id, $2 the table, $3 the period's type, $4 its first date, $5 the held groups, $6 what a group is, $7 the
-- base currency, $8 what the period is called.
insert into etl_data_quality_issues (job_run_id, source_table, record_id, rule_name, severity, error_message, record_data,
                                     business_date)
select $1::uuid, $2::text, concat_ws('/', $3::text, h.tenant_id, h.member_id), 'fx_rate_missing', 'WARNING',
       format('[fx_rate_missing] %s of %s trades of %s in %s have no rate from %s to %s, so that this %s has no row for that '
              'period: add the rate to the source''s fx_rates, then run `tapemill enqueue daily_load --date %s`',
              h.missing_trades, h.trades, h.member_id, $8::text, h.missing, $7::text, $6::text,
              to_date(h.missing_date::text, 'YYYYMMDD')),
       to_jsonb(h) || jsonb_build_object('period_type', $3::text), $4::date
from json_to_recordset($5::json)
         as h (tenant_id uuid, member_id uuid, trades bigint, missing_trades bigint, missing text, missing_date integer)
where not exists (select from etl_data_quality_issues i
                  where i.source_table = $2::text and i.rule_name = 'fx_rate_missing' and i.business_date = $4::date
                    and i.resolved_at is null and i.record_data = to_jsonb(h) || jsonb_build_object('period_type', $3::text))
