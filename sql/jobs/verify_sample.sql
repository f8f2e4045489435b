-- Derived rows of a few dates, verified each day. See jobs/verify_sample.c.

-- name: dates
-- $1 what the choice is drawn from, $2 how many: the last loaded date, and others of all that were ever loaded.
with loaded as (
    select distinct date_key from etl_fact_days
), drawn as (
    select date_key, date_key = max(date_key) over () as is_last from loaded
)
select to_char(to_date(date_key::text, 'YYYYMMDD'), 'YYYY-MM-DD')
from drawn
order by not is_last, md5($1 || date_key), date_key
limit $2::integer

-- name: hold
-- No leaf of fact_trades is replaced while the snapshot stands: it would not see the rows of the new one.
select pg_advisory_lock_shared(hashtext('tapemill fold'), 0)

-- name: let_go
select pg_advisory_unlock_shared(hashtext('tapemill fold'), 0)

-- name: snapshot utility
begin isolation level repeatable read

-- name: resolve
-- What was found on the date before is found again, or put right.
update etl_data_quality_issues set resolved_at = now()
where rule_name = 'verify_difference' and business_date = $1::date and resolved_at is null

-- name: file_finding
-- $1 the run's id, $2 the table, $3 its row, $4 the column, $5 the date, $6 and $7 what is stored and what comes out.
-- A row may differ in several columns: each is a finding of its own, of which one at most may be open.
insert into etl_data_quality_issues (job_run_id, source_table, record_id, rule_name, severity, error_message, record_data,
                                     business_date)
select $1::uuid, $2::text, $3::text || ', ' || $4::text, 'verify_difference', 'ERROR',
       format('[verify_difference] %s, %s: %s is %s, but the facts come to %s', $2::text, $3::text, $4::text,
              coalesce($6::text, 'null'), coalesce($7::text, 'null')),
       jsonb_build_object('column', $4::text, 'stored', $6::text, 'recomputed', $7::text), $5::date
