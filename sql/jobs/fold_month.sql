-- Folding the leaves of a month of fact_trades into one. Names come from jobs/partition.c and from the catalog. See
-- jobs/fold_month.c.

-- name: leaves
-- How many leaves the month $1 has, whether the name $2 of the folded one is taken, how many locks it takes to drop them
-- (each table with its row type and its TOAST table, and all that hangs on it, is locked to the commit), and how many
-- the server has room for.
select count(*) as leaves, to_regclass($2) is not null as taken,
       coalesce(sum(7 + (select count(*) from pg_constraint c where c.conrelid = l.inhrelid)
                    + (select count(*) from pg_trigger t where t.tgrelid = l.inhrelid)
                    + (select count(*) from pg_index i where i.indrelid = l.inhrelid)
                    + (select count(*) from pg_attrdef d where d.adrelid = l.inhrelid)), 0)::bigint as locks,
       current_setting('max_locks_per_transaction')::bigint
       * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint) as capacity,
       current_setting('max_locks_per_transaction')::bigint as per_transaction
from pg_inherits l
where l.inhparent = to_regclass($1)

-- name: lock_leaves
-- Against whoever writes to them without having locked the day; readers go on.
select format('lock table %s in share mode', string_agg(inhrelid::regclass::text, ', ' order by inhrelid::regclass::text))
from pg_inherits
where inhparent = to_regclass($1)

-- name: create
-- $1 the folded leaf, $2 the month's first date_key, $3 the next month's. CHECKs come from the fact; the extra one lets
-- ATTACH skip its scan for rows out of bounds.
select format('create table %1$I (like fact_trades including defaults including constraints, '
              'check (date_key >= %2$s and date_key < %3$s))', $1::text, $2::integer, $3::integer)

-- name: fill
-- Every column as it is, whatever columns there are; rows in the order in which they are asked for.
select format('set local work_mem = ''128MB''; '
              'insert into %1$I (%3$s) select %3$s from %2$I order by date_key, source, execution_timestamp; '
              'set local work_mem to default', $1::text, $2::text,
              string_agg(quote_ident(attname), ', ' order by attnum))
from pg_attribute
where attrelid = 'fact_trades'::regclass and attnum > 0 and not attisdropped

-- name: compare
-- How many trades the folded leaf $2 has, and a flow and date of which it does not say what the month $1 says, if any.
select format('with sums as (%s), folded as (%s), wrong as ('
              '(table sums except table folded) union all (table folded except table sums)) '
              'select (select coalesce(sum(trades), 0) from folded)::bigint, '
              '(select source || '' of '' || date_key from wrong order by date_key, source limit 1)',
              format(part, $1::text), format(part, $2::text))
from (values ('select date_key, source, count(*) as trades, count(*) filter (where is_deleted) as cancelled, '
              'sum(quantity) as quantity, sum(notional_value) as notional, sum(net_amount) as net, '
              'sum(realized_pnl) as realized_pnl from %I group by date_key, source')) as parts (part)

-- name: lock_readers
-- A reader that has its snapshot before it has locked the tables would find the new leaf empty. In REPEATABLE READ such
-- readers hold this lock shared. In READ COMMITTED they are CREATE TABLE AS, COPY of a query and REFRESH MATERIALIZED VIEW:
-- these lock the tables in a statement of its own before.
select pg_advisory_xact_lock(hashtext('tapemill fold'), 0)

-- name: drop_leaves
select format('drop table %s', string_agg(inhrelid::regclass::text, ', ' order by inhrelid::regclass::text))
from pg_inherits
where inhparent = to_regclass($1)
