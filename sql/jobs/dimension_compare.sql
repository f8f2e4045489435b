-- A dimension beside its source table. See jobs/dimension_compare.h. Templates (jobs/dimension.h).

-- name: versions utility
-- Three columns and whether it is inferred. As the table has them: no order is needed.
select {id}, source_updated_at, state_digest, is_inferred
from {table}
where is_current and {id} is not null

-- name: rows utility
-- The same three of the extraction, as a list of expressions: state_digest has the attributes in the order of jobs/dimension.c
-- (sql/migrations).
{id}, updated_at, hash_record_extended(row({filled_source}), 0)
