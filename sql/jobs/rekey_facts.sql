-- Facts of one business date whose dimension versions are no longer those valid at their instants. See jobs/rekey_facts.c.

-- name: stage utility
-- A row per fact and dimension, or several alike: a trade by its flow (source) and key, an event by its label and key. new_key is
-- null where no version covers the instant.
create temporary table if not exists stage_rekeyed (
    dimension           text not null,
    source              text not null,
    trade_key           bigint not null,
    execution_timestamp timestamptz not null,
    tenant_id           uuid not null,
    currency            text not null,
    is_deleted          boolean not null,
    member              text not null,
    old_key             integer not null,
    new_key             integer,
    reload              boolean not null
) on commit drop;
truncate stage_rekeyed;

-- name: is_sync
-- Whether $1 is a run of sync_dimensions. Runs are forgotten before what they changed.
select exists (select from etl_job_runs where run_no = $1::bigint and job_name = 'sync_dimensions')
       or exists (select from etl_dimension_changes where run_no = $1::bigint)

-- name: find
-- The statement for one fact and dimension: $1 the dimension's name, $2 table, $3 column of the natural id, $4 date key, $5 the run
-- whose changes are followed, or null: all facts of the date; $6 the fact, $7 its key, $8 its instant, $9 what it goes by here (an
-- expression of its source), $10 its currency, $11 whether its loads take something else than the key from the member. A version
-- that is valid at no instant covers none. What is to be loaded again is so under any key of the member: another run, or somebody
-- by hand, may have moved the fact already.
select format($statement$
insert into stage_rekeyed
select %2$L, %9$s, f.%10$I, f.%11$I, f.tenant_id, %12$s, f.is_deleted, o.%4$I::text, f.%6$I, v.%6$I,
       %7$s
from %1$I f
join %3$I o on o.%6$I = f.%6$I
left join %3$I v on v.%4$I = o.%4$I and v.valid_from <= f.%11$I and f.%11$I < v.valid_to
%8$s
where f.date_key = %5$s and o.%4$I is not null and (v.%6$I is distinct from f.%6$I or %7$s)
$statement$, $6::text, $1::text, $2::text, $3::text, $4::integer, k.key,
              case when not $11::boolean then 'false'
                   when $5::bigint is not null then 'c.reload'
                   when $1 = 'account' and $6 = 'fact_trades'
                   then 'coalesce(f.source = ''DESK'' and not f.is_deleted and v.account_key is not null and (f.tenant_id <> v.tenant_id '
                        'or (select l.client_id from dim_client l where l.client_key = f.client_key) is distinct from v.client_id), false)'
                   when $1 = 'instrument' then 'coalesce(f.source = ''DESK'' and not f.is_deleted and f.currency <> v.currency, false)'
                   else 'false' end,
              case when $5::bigint is null then ''
                   else format('join (select r.*, k.%1$I as member from etl_dimension_changes r join %2$I k on k.%3$I = r.old_key '
                               'where r.run_no = %4$s and r.dimension = %5$L) c on c.member = o.%1$I and (c.reload or c.old_key = f.%3$I) '
                               'and c.changed_from <= f.%6$I and f.%6$I < c.changed_to',
                               $3::text, $2::text, k.key, $5::bigint, $1::text, $8::text) end,
              $9::text, $7::text, $8::text, $10::text)
from (select regexp_replace($3::text, '_id$', '_key') as key) k

-- name: missing
-- The statement for one dimension: members without a version, once per gap, and an instant in it, in microseconds. $1 its name,
-- $2 table, $3 column of the natural id.
select format($statement$
select m.member, min(m.tenant_id::text), (extract(epoch from min(m.execution_timestamp)) * 1000000)::bigint
from stage_rekeyed m
where m.dimension = %1$L and m.new_key is null
group by m.member, (select min(v.valid_from) from %2$I v
                    where v.%3$I::text = m.member and v.valid_from > m.execution_timestamp)
$statement$, $1::text, $2::text, $3::text)

-- name: forget
delete from stage_rekeyed where dimension = $1

-- name: move
-- The statement for one fact: $1 the fact, $2 its key, $3 what it goes by, $4 date key, $5 the run. Whoever looks for facts by run
-- or by loaded_at sees those that moved.
select format($statement$
update %1$I f
set %2$s, etl_run_id = %3$s, loaded_at = clock_timestamp()
from (select source, trade_key, max(new_key) filter (where dimension = 'instrument') as instrument_key,
             max(new_key) filter (where dimension = 'account') as account_key,
             max(new_key) filter (where dimension = 'strategy') as strategy_key,
             max(new_key) filter (where dimension = 'client') as client_key,
             max(new_key) filter (where dimension = 'liquidity_provider') as lp_key
      from stage_rekeyed
      where new_key <> old_key
      group by source, trade_key) m
where f.date_key = %4$s and m.source = %5$s and m.trade_key = f.%6$I
$statement$, $1::text, string_agg(format('%1$I = coalesce(m.%1$I, f.%1$I)', attname), ', ' order by attnum), $5::bigint,
              $4::integer, $3::text, $2::text)
from pg_attribute
where attrelid = to_regclass($1::text)
  and attname in ('instrument_key', 'account_key', 'strategy_key', 'client_key', 'lp_key')

-- name: counts
-- By dimension, for the run's metadata: those of which facts moved.
select dimension, count(distinct (source, trade_key)) from stage_rekeyed where new_key <> old_key group by dimension order by dimension

-- name: reloads
-- The loads that must run again: what they take from the member into the fact changed. From an instrument that is the currency,
-- of a fill always, of a client's trade if it names none: the fact itself tells whether it has the version's.
select distinct case m.source when 'DESK' then 'load_executions' when 'CLIENT' then 'load_trades' when 'ORDERS' then 'load_orders'
                              when 'RISK' then 'load_risk_snapshots' end as job
from stage_rekeyed m
left join dim_instrument i on m.dimension = 'instrument' and i.instrument_key = m.new_key
where case when m.dimension <> 'instrument' then m.reload
           when m.reload then i.currency is distinct from m.currency
           else m.source = 'DESK' and not m.is_deleted and i.currency <> m.currency end
order by job

-- name: performance_differs
-- $1 date key, $2 the end of the business date (exclusive). Whether a row carries another version of its account or strategy
-- than the last one that began before that end, which daily_performance chooses.
select exists (
    select from fact_performance_daily p
    join dim_account a using (account_key)
    join dim_strategy s using (strategy_key)
    where p.date_key = $1::integer
      and ((a.account_id is not null
            and (a.valid_from = a.valid_to or a.valid_from >= $2::timestamptz
                 or exists (select from dim_account v
                            where v.account_id = a.account_id and v.valid_from > a.valid_from
                              and v.valid_from < v.valid_to and v.valid_from < $2::timestamptz)))
           or (s.strategy_id is not null
               and (s.valid_from = s.valid_to or s.valid_from >= $2::timestamptz
                    or exists (select from dim_strategy v
                               where v.strategy_id = s.strategy_id and v.valid_from > s.valid_from
                                 and v.valid_from < v.valid_to and v.valid_from < $2::timestamptz)))))

-- name: lock_positions
-- As daily_positions takes it.
select pg_advisory_xact_lock(hashtext('fact_positions_daily'), $1::integer)

-- name: positions_differ
-- $1 date key, $2 the end of the business date (exclusive). The same of positions, their accounts and instruments.
select exists (
    select from fact_positions_daily p
    join dim_account a using (account_key)
    join dim_instrument i using (instrument_key)
    where p.date_key = $1::integer
      and ((a.account_id is not null
            and (a.valid_from = a.valid_to or a.valid_from >= $2::timestamptz
                 or exists (select from dim_account v
                            where v.account_id = a.account_id and v.valid_from > a.valid_from
                              and v.valid_from < v.valid_to and v.valid_from < $2::timestamptz)))
           or (i.instrument_id is not null
               and (i.valid_from = i.valid_to or i.valid_from >= $2::timestamptz
                    or exists (select from dim_instrument v
                               where v.instrument_id = i.instrument_id and v.valid_from > i.valid_from
                                 and v.valid_from < v.valid_to and v.valid_from < $2::timestamptz)))))

-- name: asked_for
-- Whether a job $1 of the date $2 is there that has not begun: it takes the locks that we hold before it looks at anything.
select exists (select from etl_jobs
               where job_name = $1 and business_date = $2::date and state in ('queued', 'retry', 'waiting') and pending = 0)
