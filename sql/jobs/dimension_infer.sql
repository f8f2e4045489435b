-- Versions of members that facts name and no version covers. See jobs/dimension_infer.h. Statements with {placeholders} are
-- templates (jobs/dimension.h); $1 are the members' ids as an array. Versions without an instant count as not there.

-- A sync locks the row first of all: nobody is in the middle of one, and none begins before the commit.
-- name: hold_epoch
select epoch from dim_epochs where dimension = $1::text for share

-- Whoever infers for the same members waits, and then sees what the other did. Facts that refer to them wait for nobody.
-- name: lock_members utility
select from {table} where {id} = any ($1::{id_type}[]) order by {id}, valid_from for no key update

-- Members that nobody knew. Another run may know one of them meanwhile.
-- name: first_versions utility
insert into {table} ({id}, is_inferred, known_from)
select m.id, true, now()
from (select distinct id from unnest($1::{id_type}[]) as m (id)) m
where not exists (select from {table} d where d.{id} = m.id and d.valid_from < d.valid_to)
order by m.id
on conflict do nothing

-- $2 their tenants, of those that name one; $3 that of the others.
-- name: tenants utility
update {table} d
set tenant_id = m.tenant
from (select id, coalesce(min(tenant::text)::uuid, $3::uuid) as tenant
      from unnest($1::{id_type}[], $2::uuid[]) as m (id, tenant)
      group by id) m
where d.{id} = m.id and d.is_inferred and d.tenant_id is null

-- Instants, $2 (microseconds since 1970), at which a member was not there: the gap around each is filled with the
-- attributes of the version before it; before all of them, with those of the first.
-- name: fill_gaps utility
insert into {table} ({id}, {type1_columns}, {type2_columns}, valid_from, valid_to, is_current, is_inferred, known_from,
                     effective_date, expiration_date)
select d.{id}, {type1_old}, {type2_old}, g.starts, g.ends, g.ends = 'infinity', true, now(),
       (g.starts at time zone current_setting('TimeZone'))::date, (g.ends at time zone current_setting('TimeZone'))::date
from (
    select distinct on (m.id, before.valid_to) m.id, coalesce(before.valid_to, '-infinity') as starts,
           coalesce(after.valid_from, 'infinity') as ends, coalesce(before.row_id, after.row_id) as row_id
    from (
        select id, timestamptz 'epoch' + us / 1000000 * interval '1 second' + us % 1000000 * interval '1 microsecond' as at
        from unnest($1::{id_type}[], $2::bigint[]) as m (id, us)
    ) m
    left join lateral (
        select d.ctid as row_id, d.valid_to from {table} d
        where d.{id} = m.id and d.valid_from < d.valid_to and d.valid_to <= m.at
        order by d.valid_to desc limit 1
    ) before on true
    left join lateral (
        select d.ctid as row_id, d.valid_from from {table} d
        where d.{id} = m.id and d.valid_from < d.valid_to and d.valid_from > m.at
        order by d.valid_from limit 1
    ) after on true
    where not exists (select from {table} d
                      where d.{id} = m.id and d.valid_from <= m.at and m.at < d.valid_to)
    order by m.id, before.valid_to
) g
join {table} d on d.ctid = g.row_id
order by d.{id}, g.starts
on conflict do nothing

-- The ordinals of versions, after gaps were filled.
-- name: number_versions utility
update {table} d
set version = n.version
from (
    select ctid as row_id, row_number() over (partition by {id} order by valid_from) as version
    from {table}
    where {id} = any ($1::{id_type}[]) and valid_from < valid_to
) n
where d.ctid = n.row_id and d.version <> n.version

-- One open finding per member of whose versions this transaction made one. $2 the dimension, $3 its table at the source.
-- name: report utility
insert into etl_data_quality_issues (source_table, record_id, rule_name, severity, error_message)
select $3::text, d.{id}::text, 'inferred_member', 'WARNING',
       case when bool_and(isfinite(d.valid_to))
            then format('[inferred_member] rows name %s %s at a time when it was gone from %s at the source, until %s; they get an '
                        'inferred version of it that fills the gap',
                        replace($2::text, '_', ' '), d.{id}, $3::text, max(d.valid_to))
            else format('[inferred_member] rows name %s %s, which the source has not shown %s; they get an inferred version of it, '
                        'which keeps its key: once the member is in %s at the source, sync_dimensions completes it',
                        replace($2::text, '_', ' '), d.{id},
                        case when bool_or(isfinite(d.valid_from))
                             then 'since ' || max(d.valid_from) filter (where isfinite(d.valid_from)) else 'yet' end, $3::text)
       end
from {table} d
where d.{id} = any ($1::{id_type}[]) and d.is_inferred and d.known_from = now()
  and not exists (select from etl_data_quality_issues i
                  where i.source_table = $3::text and i.record_id = d.{id}::text and i.rule_name = 'inferred_member'
                    and i.resolved_at is null)
group by d.{id}
