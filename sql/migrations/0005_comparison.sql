-- Findings of the nightly comparison with the source (jobs/compare_source.c).

-- When a later comparison found the date equal, or said something else of it. Findings about single rows have none: their
-- row is in etl_quarantine, or loaded.
alter table etl_data_quality_issues add column resolved_at timestamptz;

-- One open finding per flow and date.
create unique index etl_dq_issues_open_comparison on etl_data_quality_issues (source_table, business_date)
    where resolved_at is null and rule_name in ('source_totals_differ', 'source_date_not_loaded');
