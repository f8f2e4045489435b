-- The dirty log. See jobs/dirty.h.

-- name: log
-- $1 what changed, $2 the date_key, $3 the run, $4 whether it only inserted, $5 why.
insert into etl_dirty_buckets (target, date_key, reason, run_no, is_insert_only)
select target, $2::integer, $5, $3::bigint, $4::boolean from etl_dirty_targets where change = $1

-- name: log_target
-- $1 the target, $2 the date_key, $3 the run, $4 why.
insert into etl_dirty_buckets (target, date_key, reason, run_no) values ($1, $2::integer, $4, $3::bigint)

-- name: take
-- $1 the target, $2 and $3 the first and the last date_key.
with taken as (
    delete from etl_dirty_buckets where target = $1 and date_key between $2::integer and $3::integer
    returning is_insert_only, run_no
)
select count(*), coalesce(bool_and(is_insert_only and run_no is not null), true),
       coalesce(array_agg(distinct run_no) filter (where run_no is not null), '{}')
from taken
