-- Rows that broke rules (jobs/quality.h).

-- name: stage utility
create temporary table if not exists stage_issues (
    record_id     text,
    business_date date,
    issues        text not null,
    record_data   jsonb
) on commit drop;
truncate stage_issues;

-- Rows without an id get a hash of their content.
-- name: name_rows
update stage_issues
set record_id = 'sha256:' || encode(sha256(convert_to(coalesce(record_data::text, ''), 'UTF8')), 'hex')
where record_id is null

-- name: insert_issues
-- $1 run, $2 source table.
insert into etl_data_quality_issues (job_run_id, source_table, record_id, rule_name, severity, error_message, record_data,
                                     business_date)
select $1::uuid, $2::text, s.record_id, split_part(i.line, '|', 2),
       case when i.line like 'E|%' then 'ERROR' else 'WARNING' end,
       format('[%s] %s', split_part(i.line, '|', 2), substr(i.line, length(split_part(i.line, '|', 2)) + 4)),
       s.record_data, s.business_date
from stage_issues s
cross join lateral string_to_table(s.issues, E'\n') as i (line)
where i.line <> ''

-- name: upsert_quarantine
-- $1 run number, $2 source table. Of several rows with one id, the first by content stands for all.
insert into etl_quarantine (source_table, record_id, business_date, rules, record_data, first_run_no, last_run_no)
select distinct on (s.record_id) $2::text, s.record_id, s.business_date, r.rules, coalesce(s.record_data, '{}'), $1::bigint,
       $1::bigint
from stage_issues s
cross join lateral (
    select string_agg(format('[%s] %s', split_part(i.line, '|', 2), substr(i.line, length(split_part(i.line, '|', 2)) + 4)),
                      '; ' order by i.position) as rules,
           bool_or(i.line like 'E|%') as has_error
    from string_to_table(s.issues, E'\n') with ordinality as i (line, position)
    where i.line <> ''
) r
where r.has_error
order by s.record_id, s.business_date, s.record_data
on conflict (source_table, record_id) where resolved_at is null do update
set business_date = excluded.business_date, rules = excluded.rules, record_data = excluded.record_data,
    last_run_no = excluded.last_run_no

-- name: count_errors
select count(*) from stage_issues where E'\n' || issues like E'%\nE|%'

-- name: resolve
-- $1 source table, $2 business date or null for all.
update etl_quarantine q
set resolved_at = now()
where q.resolved_at is null and q.source_table = $1::text
  and ($2::date is null or q.business_date = $2::date)
  and not exists (select from stage_issues s
                  where s.record_id = q.record_id and E'\n' || s.issues like E'%\nE|%')
