-- name: issues
-- Broken rules, newest first. $1 run: its number or its uuid (null: any), $2 limit.
select i.created_at, r.run_no, r.job_name as job, i.source_table, i.record_id, i.business_date as date, i.severity,
       i.rule_name as rule, i.resolved_at, i.error_message as message, i.record_data
from etl_data_quality_issues i
left join etl_job_runs r on r.id = i.job_run_id
where $1::text is null or r.run_no::text = $1 or r.id::text = $1
order by i.created_at desc, r.run_no desc, i.source_table, i.record_id, i.rule_name
limit $2::bigint;

-- name: quarantine
-- Rows that wait to be put right at the source, newest first. $1 limit.
select id, source_table, record_id, business_date as date, rules, first_run_no, last_run_no, created_at, record_data
from etl_quarantine
where resolved_at is null
order by id desc
limit $1::bigint;
