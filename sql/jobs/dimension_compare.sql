-- A dimension beside its source table. See jobs/dimension_compare.h. Templates (jobs/dimension.h).

-- name: versions utility
select {id}, {columns}, source_updated_at, is_inferred{stands_for_null}
from {table}
where is_current and {id} is not null
order by {id}
