-- The limit: resolved rows bulk-built and attached, as the load does it, and nothing else.
select format('create table fact_trades_m%s partition of fact_trades for values from (%s) to (%s) partition by range (date_key, source)',
              :key / 100, :key / 100 * 100 + 1, :key / 100 * 100 + 101)
where to_regclass('fact_trades_m' || :key / 100) is null \gexec
begin;
select format('create table %I (like fact_trades including defaults including constraints, check (date_key = %s and source = ''DESK''))',
              :'leaf', :key) \gexec
select format('copy %I from %L (format binary, freeze)', :'leaf', :'rows') \gexec
set local maintenance_work_mem = '128MB';
select case when c.oid is not null then format('alter table %I add %s', :'leaf', pg_get_constraintdef(c.oid))
            else format('create index on %I %s', :'leaf', substring(pg_get_indexdef(i.indexrelid) from 'USING .*$')) end
from pg_index i left join pg_constraint c on c.conindid = i.indexrelid and c.contype in ('p', 'u')
where i.indrelid = 'fact_trades'::regclass
order by c.contype nulls last, i.indexrelid \gexec
select format('alter table fact_trades_m%s attach partition %I for values from (%s, ''DESK'') to (%s, minvalue)',
              :key / 100, :'leaf', :key, :key + 1) \gexec
commit;
