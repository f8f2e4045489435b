-- Partitions of the facts: what jobs/partition.c runs, for this job and for the loads. Names come from the table of facts
-- there and from digits.

-- name: look
-- $1 fact, $2 its month, $3 leaf (the month again where a month is the leaf), $4 date_key.
-- A month that is an ordinary table holds its days itself; one that was folded has a single leaf for them.
select exists (select from dim_date where date_key = $4::integer) as date_known,
       m.oid is not null as month_exists, m.attached as month_attached,
       d.oid is not null as leaf_exists,
       (m.attached and m.relkind = 'r') or d.attached
           or exists (select from pg_inherits
                      where inhrelid = to_regclass($2::text || '_all') and inhparent = m.oid
                        and not inhdetachpending) as leaf_attached
from (select c.oid, c.relkind,
             exists (select from pg_inherits
                     where inhrelid = c.oid and inhparent = to_regclass($1::text) and not inhdetachpending) as attached
      from (select to_regclass($2::text) as oid) name
      left join pg_class c using (oid)) m,
     (select c.oid,
             exists (select from pg_inherits
                     where inhrelid = c.oid and inhparent = to_regclass($2::text) and not inhdetachpending) as attached
      from (select to_regclass($3::text) as oid) name
      left join pg_class c using (oid)) d

-- Short waits, so that a queue behind us gets on; and one maker per fact and month.
-- name: begin utility
begin isolation level read committed;
set local lock_timeout = '2s';

-- name: lock
-- $1 fact, $2 its month.
select pg_advisory_xact_lock(hashtext('tapemill partition of ' || $1::text), hashtext($2::text))

-- The statements that make a partition. CHECKs come from the fact itself; foreign keys and indexes come with ATTACH.
-- name: make
-- $1 fact, $2 parent, $3 name, $4 and $5 bounds (made of digits and the names of flows), $6 true for a parent of its own.
select format('create table %1$I (like %2$I including defaults including constraints)%3$s; '
              'alter table %4$I attach partition %1$I for values from (%5$s) to (%6$s)',
              $3::text, $1::text, case when $6::boolean then ' partition by range (date_key, source)' else '' end, $2::text,
              $4::text, $5::text)
