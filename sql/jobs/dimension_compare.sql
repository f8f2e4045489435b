-- A dimension beside its source table. See jobs/dimension_compare.h. Templates (jobs/dimension.h).

-- name: versions utility
-- In no order. What an inferred version says nobody has seen.
select {id}, source_updated_at, case when not is_inferred then state_digest end
from {table}
where is_current and {id} is not null

-- name: rows utility
-- The same three of the extraction, as a list of expressions: state_digest has the attributes in the order of jobs/dimension.c
-- (sql/migrations).
{id}, updated_at, hash_record_extended(row({filled_source}), 0)
