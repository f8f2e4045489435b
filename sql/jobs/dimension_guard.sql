-- Findings about deletes that were refused. See jobs/dimension_guard.h.

-- name: file_finding
-- $1 run, $2 source table, $3 message, $4 rows at the source, $5 members known before, $6 how many of them are gone. One
-- open finding per table.
insert into etl_data_quality_issues (job_run_id, source_table, rule_name, severity, error_message, record_data)
select $1::uuid, $2::text, 'deletes_refused', 'ERROR', '[deletes_refused] ' || $3::text,
       jsonb_build_object('shown', $4::bigint, 'known', $5::bigint, 'gone', $6::bigint)
where not exists (select from etl_data_quality_issues
                  where source_table = $2::text and rule_name = 'deletes_refused' and resolved_at is null)

-- name: resolve
update etl_data_quality_issues
set resolved_at = clock_timestamp()
where source_table = $1 and rule_name = 'deletes_refused' and resolved_at is null
