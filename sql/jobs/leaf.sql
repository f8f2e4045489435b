-- A leaf that is built beside the table. Names and bounds come from jobs/partition.c. See jobs/leaf.h.

-- name: create
-- $1 leaf, $2 date_key, $3 source. CHECKs come from the fact; the extra one lets ATTACH skip its scan for rows out of
-- bounds, and says for whoever reads it what the leaf holds.
select format('create table %1$I (like fact_trades including defaults including constraints, '
              'check (date_key = %2$s and source = %3$L))', $1::text, $2::integer, $3::text)

-- name: stands
-- Whether $1 is a partition of $2.
select exists (select from pg_inherits
               where inhrelid = to_regclass($1) and inhparent = to_regclass($2) and not inhdetachpending)

-- name: keep_writers_out
-- Whoever writes to a leaf without having locked its day waits; readers go on.
select format('lock table %I in share mode', $1::text)

-- name: take_place
select format('drop table %1$I; alter table %2$I rename to %1$I', $1::text, $2::text)

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
savepoint leaf

-- name: timeout utility
set local lock_timeout = '500ms'

-- name: before_rewrite utility
savepoint rewrite

-- name: undo_rewrite utility
rollback to savepoint rewrite

-- name: rollback utility
rollback to savepoint leaf

-- name: attach
select format('alter table %I attach partition %I for values %s', $1::text, $2::text, $3::text)

-- name: done utility
set local lock_timeout = 0
