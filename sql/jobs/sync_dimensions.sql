-- One full comparison of a dimension with its source table. Statements with {placeholders} are templates, written out for
-- each dimension from the table in jobs/dimension.c; s is the staged source row, d a version in the dimension.

-- In the order of the names, as the loads take them: no two wait for each other in a circle.
-- name: lock_epochs
select dimension from dim_epochs where dimension = any ($1::text[]) order by dimension for update

-- name: lock_tables utility
-- All at once and before anything is written, in the order in which ATTACH of a partition locks them (by the names of the
-- foreign keys): a sync that had one and waited for the next could wait for an ATTACH that waits for it.
lock table dim_account, dim_client, dim_instrument, dim_liquidity_provider, dim_strategy in row exclusive mode

-- name: advance_epoch
update dim_epochs set epoch = epoch + 1, updated_at = now() where dimension = $1::text

-- name: set_tenant
select set_config($1::text, $2::text::uuid::text, true)

-- name: temporary utility
create temporary table if not exists {stage} ({declare}, updated_at timestamptz, issues text) on commit drop;
truncate {stage};

-- name: judge utility
update {stage} s
set issues = j.issues
from (
    select ctid as row_id,
           concat_ws(E'\n',
               case when {id} is null then 'E|{id}_required|{id} is required' end,
               case when updated_at is null then 'E|updated_at_required|updated_at is required'
                    when not isfinite(updated_at) then 'E|updated_at_finite|updated_at is ' || updated_at
               end{numeric_rules}{positive_rules}) as issues
    from {stage}
) j
where s.ctid = j.row_id and j.issues <> ''

-- name: file_issues utility
insert into stage_issues (record_id, issues, record_data)
select {id}::text, issues, to_jsonb(s) - 'issues'
from {stage} s
where issues is not null

-- name: drop_broken utility
delete from {stage} where issues is not null

-- Two rows of one member: the newest counts. The other columns make the choice the same in every run.
-- name: drop_superseded utility
delete from {stage} s
using (
    select ctid as row_id, row_number() over (partition by {id} order by updated_at desc, {staged}) as place
    from {stage}
) r
where s.ctid = r.row_id and r.place > 1

-- name: fill utility
update {stage} set {fill} where {needs_fill}

-- name: analyze utility
analyze {stage}

-- Members nobody knew: their first version is valid from the beginning of time, so that earlier facts find it.
-- name: insert_members utility
insert into {table} ({id}, {columns}, source_updated_at)
select s.{id}, {values}, s.updated_at
from {stage} s
where not exists (select from {table} d where d.{id} = s.{id})
order by s.{id}

-- name: count_changed utility
select count(distinct s.{id})
from {stage} s
join {table} d on d.{id} = s.{id}
where row({type1_old}) is distinct from row({type1_values})
   or d.is_current and (d.is_inferred or row({type2_old}) is distinct from row({type2_values}))

-- In place: what completes an inferred member, and a change that is not later than the version it changes.
-- name: overwrite utility
update {table} d
set ({type2_columns}) = row({type2_values}), is_inferred = false, source_updated_at = s.updated_at
from {stage} s
where d.{id} = s.{id} and d.is_current
  and (d.is_inferred or s.updated_at <= d.valid_from and row({type2_old}) is distinct from row({type2_values}))

-- name: close_versions utility
update {table} d
set valid_to = s.updated_at, is_current = false,
    expiration_date = (s.updated_at at time zone current_setting('TimeZone'))::date
from {stage} s
where d.{id} = s.{id} and d.is_current and s.updated_at > d.valid_from
  and row({type2_old}) is distinct from row({type2_values})

-- After close_versions: the members that have no current version now.
-- name: open_versions utility
insert into {table} ({id}, {columns}, version, valid_from, effective_date, source_updated_at)
select s.{id}, {values}, d.version + 1, s.updated_at,
       (s.updated_at at time zone current_setting('TimeZone'))::date, s.updated_at
from {stage} s
join {table} d on d.{id} = s.{id} and d.valid_to = s.updated_at
where not exists (select from {table} c where c.{id} = s.{id} and c.is_current)
order by s.{id}

-- name: correct utility
update {table} d
set ({type1_columns}) = row({type1_values}),
    source_updated_at = case when d.is_current then s.updated_at else d.source_updated_at end
from {stage} s
where d.{id} = s.{id} and row({type1_old}) is distinct from row({type1_values})
