-- A leaf that is built beside the table. Names and bounds come from jobs/partition.c. See jobs/leaf.h.

-- name: memory utility
set local maintenance_work_mem = '128MB'

-- name: indexes
-- The statements that give the leaf $1 every index that its parent $2 has, so that ATTACH finds them all in place.
select case when c.oid is not null then format('alter table %I add %s', $1::text, pg_get_constraintdef(c.oid))
            else format('create index on %I %s', $1::text, substring(pg_get_indexdef(i.indexrelid) from 'USING .*$')) end
from pg_index i
left join pg_constraint c on c.conindid = i.indexrelid and c.contype in ('p', 'u')
where i.indrelid = to_regclass($2)
order by c.contype nulls last, i.indexrelid

-- name: analyze
-- What the planner needs of a new leaf is known from a small sample; without any, the steps that follow would be planned
-- for a table of a few rows.
select format('set local default_statistics_target = 10; analyze %I; set local default_statistics_target to default', $1::text)

-- name: savepoint utility
savepoint leaf;
set local lock_timeout = '500ms'

-- name: rollback utility
rollback to savepoint leaf

-- name: attach
select format('alter table %I attach partition %I for values %s', $1::text, $2::text, $3::text)

-- name: done utility
set local lock_timeout = 0
