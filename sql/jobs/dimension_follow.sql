-- What follows from a sync of dimensions elsewhere. See jobs/dimension_follow.h.

-- name: stage utility
create temporary table if not exists stage_follow_loads (
    source_table  text,
    business_date date,
    primary key (source_table, business_date)
) on commit drop;
create temporary table if not exists stage_moved (
    dimension text, key integer, changed_from timestamptz, changed_to timestamptz, from_us bigint, to_us bigint
) on commit drop;
truncate stage_follow_loads, stage_moved;

-- name: note_loads utility
-- A template (jobs/dimension.h). $1 the dimension, $2 the run. Rows of members that have arrived, and of members of whom a load
-- takes something else now.
insert into stage_follow_loads (source_table, business_date)
select distinct q.source_table, q.business_date
from etl_quarantine q
join {touched} t on t.id::text = q.record_data ->> '{id}'
where (t.is_new
       or exists (select from etl_dimension_changes c join {table} d on d.{key} = c.old_key
                  where c.run_no = $2::bigint and c.dimension = $1::text and c.reload and d.{id} = t.id))
  and q.resolved_at is null and q.business_date is not null and q.source_table in ('executions', 'trades')
on conflict do nothing

-- name: resolve_inferred utility
-- A template. $1 source table of the dimension. The source shows them now, whatever was assumed of them.
update etl_data_quality_issues i
set resolved_at = clock_timestamp()
from {touched} t
join {table} d on d.{id} = t.id and d.is_current and not d.is_inferred
where i.record_id = t.id::text and i.resolved_at is null
  and (i.source_table = $1 and i.rule_name = 'inferred_member'
       or $1 = 'instruments' and i.source_table = 'fact_trades' and i.rule_name = 'multiplier_assumed')

-- name: loads utility
select 'load_' || source_table, to_char(business_date, 'YYYY-MM-DD') from stage_follow_loads order by business_date, 1

-- name: note_moved utility
-- A template. $1 the dimension, $2 the run. What keys lost, for each key of the member: a fact may carry another one yet, if the
-- job that moves it has not run.
insert into stage_moved
select $1::text, k.{key}, c.changed_from, c.changed_to, c.from_us, c.to_us
from (
    select old_key, changed_from, changed_to,
           (extract(epoch from greatest(changed_from, '0001-01-02 00:00+00')) * 1000000)::bigint as from_us,
           (extract(epoch from least(changed_to, '9999-12-31 00:00+00')) * 1000000)::bigint as to_us
    from etl_dimension_changes
    where run_no = $2::bigint and dimension = $1::text
    offset 0
) c
join {table} o on o.{key} = c.old_key
join {table} k on k.{id} = o.{id}

-- name: analyze_moved utility
analyze stage_moved

-- name: pieces utility
-- In microseconds, as stretches that do not overlap, in order.
select lower(r.piece), upper(r.piece)
from (select range_agg(int8range(from_us, to_us)) as pieces from stage_moved where from_us < to_us) c
cross join lateral unnest(c.pieces) as r (piece)
order by 1

-- name: has_facts utility
-- $1 date key, which names the leaves that are looked at; $2 and $3 the date's beginning and end in microseconds. Whether a fact
-- of the date lies in a piece, or what daily_performance or daily_positions has of it goes by a version of the member. No index knows the clients
-- and providers of facts: of theirs every date counts.
select exists (select from stage_moved k
               where k.dimension in ('client', 'liquidity_provider') and k.from_us < $3::bigint and $2::bigint < k.to_us)
    or exists (select from stage_moved k
               join fact_trades f on f.instrument_key = k.key
               where k.dimension = 'instrument' and k.from_us < $3::bigint and $2::bigint < k.to_us
                 and f.date_key = $1::integer
                 and k.changed_from <= f.execution_timestamp and f.execution_timestamp < k.changed_to)
    or exists (select from stage_moved k
               join fact_trades f on f.account_key = k.key
               where k.dimension = 'account' and k.from_us < $3::bigint and $2::bigint < k.to_us
                 and f.date_key = $1::integer
                 and k.changed_from <= f.execution_timestamp and f.execution_timestamp < k.changed_to)
    or exists (select from stage_moved k
               join fact_trades f on f.strategy_key = k.key
               where k.dimension = 'strategy' and k.from_us < $3::bigint and $2::bigint < k.to_us
                 and f.date_key = $1::integer
                 and k.changed_from <= f.execution_timestamp and f.execution_timestamp < k.changed_to)
    or exists (select from stage_moved k
               join fact_performance_daily p
                 on k.dimension = 'account' and p.account_key = k.key or k.dimension = 'strategy' and p.strategy_key = k.key
               where k.from_us < $3::bigint and $2::bigint < k.to_us and p.date_key = $1::integer)
    or exists (select from stage_moved k
               join fact_positions_daily p
                 on k.dimension = 'account' and p.account_key = k.key or k.dimension = 'instrument' and p.instrument_key = k.key
               where k.from_us < $3::bigint and $2::bigint < k.to_us and p.date_key = $1::integer)
    or exists (select from stage_moved k
               join fact_orders f
                 on k.dimension = 'instrument' and f.instrument_key = k.key or k.dimension = 'account' and f.account_key = k.key
                    or k.dimension = 'strategy' and f.strategy_key = k.key
               where k.from_us < $3::bigint and $2::bigint < k.to_us and f.date_key = $1::integer
                 and k.changed_from <= f.order_timestamp and f.order_timestamp < k.changed_to)
    or exists (select from stage_moved k
               join fact_quotes f on f.instrument_key = k.key
               where k.dimension = 'instrument' and k.from_us < $3::bigint and $2::bigint < k.to_us
                 and f.date_key = $1::integer
                 and k.changed_from <= f.quote_timestamp and f.quote_timestamp < k.changed_to)

-- name: dates
-- Dates with facts, and those of which positions were computed: what is held is there on dates without trades too.
select date_key from etl_fact_days
union
select substr(key, length('positions:') + 1)::integer from etl_conditions where key like 'positions:%' and met
order by date_key

-- name: months
-- Months whose performance names a version of one of the members: the first date of each.
select to_char(to_date(month_key::text, 'YYYYMM'), 'YYYY-MM-DD')
from (select p.month_key from stage_moved k join agg_performance_monthly p on p.account_key = k.key where k.dimension = 'account'
      union
      select p.month_key from stage_moved k join agg_performance_monthly p on p.strategy_key = k.key
      where k.dimension = 'strategy') m
order by month_key
