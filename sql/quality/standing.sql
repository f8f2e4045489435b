-- Findings that stand until what they tell of is gone. See jobs/standing.h.

-- name: stage utility
create temporary table if not exists stage_standing (
    rule_name   text not null,
    record_id   text not null,
    message     text not null,
    record_data jsonb,
    is_unknown  boolean not null default false,
    primary key (rule_name, record_id)
) on commit drop;
truncate stage_standing;

-- name: resolve
-- $1 source table, $2 rules, $3 business date, $4 whether findings of earlier dates are meant too.
update etl_data_quality_issues i
set resolved_at = clock_timestamp()
where i.resolved_at is null and i.source_table = $1::text and i.source_table in ('fact_positions_daily', 'latest_positions')
  and i.rule_name = any ($2::text[])
  and (i.business_date = $3::date or $4::boolean and i.business_date < $3::date)
  and not exists (select from stage_standing s
                  where s.rule_name = i.rule_name and s.record_id = i.record_id
                    and (s.is_unknown or i.error_message = format('[%s] %s', s.rule_name, s.message)))

-- name: file
-- $1 source table, $2 business date, $3 whether an open finding of any date stands for it, $4 the run.
insert into etl_data_quality_issues (job_run_id, source_table, record_id, rule_name, severity, error_message, record_data,
                                     business_date)
select $4::uuid, $1::text, s.record_id, s.rule_name, 'WARNING', format('[%s] %s', s.rule_name, s.message), s.record_data, $2::date
from stage_standing s
where not s.is_unknown
  and not exists (select from etl_data_quality_issues i
                  where i.resolved_at is null and i.source_table = $1::text
                    and i.source_table in ('fact_positions_daily', 'latest_positions')
                    and i.rule_name = s.rule_name and i.record_id = s.record_id
                    and (i.business_date = $2::date or $3::boolean))
