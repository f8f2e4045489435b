-- What follows from a sync of dimensions elsewhere. See jobs/dimension_follow.h.

-- name: stage utility
create temporary table if not exists stage_follow_loads (
    source_table  text,
    business_date date,
    primary key (source_table, business_date)
) on commit drop;
truncate stage_follow_loads;

-- name: note_loads utility
-- A template (jobs/dimension.h).
insert into stage_follow_loads (source_table, business_date)
select distinct q.source_table, q.business_date
from etl_quarantine q
join {touched} t on t.id::text = q.record_data ->> '{id}'
where t.is_new and q.resolved_at is null and q.business_date is not null and q.source_table in ('executions', 'trades')
on conflict do nothing

-- name: resolve_inferred utility
-- A template. $1 source table of the dimension.
update etl_data_quality_issues i
set resolved_at = clock_timestamp()
from {touched} t
join {table} d on d.{id} = t.id and d.is_current and not d.is_inferred
where t.is_new and i.source_table = $1 and i.rule_name = 'inferred_member' and i.record_id = t.id::text
  and i.resolved_at is null

-- name: loads utility
select 'load_' || source_table, to_char(business_date, 'YYYY-MM-DD') from stage_follow_loads order by business_date, 1

-- name: pieces
-- $1 run number. What keys lost, in microseconds, as stretches that do not overlap, in order.
select (extract(epoch from greatest(lower(r.piece), '0001-01-02 00:00+00')) * 1000000)::bigint,
       (extract(epoch from least(upper(r.piece), '9999-12-31 00:00+00')) * 1000000)::bigint
from (select range_agg(tstzrange(changed_from, changed_to)) as pieces from etl_dimension_changes where run_no = $1::bigint) c
cross join lateral unnest(c.pieces) as r (piece)
order by 1

-- name: dates
select distinct date_key from etl_fact_days order by date_key
