-- The versions of the members that a run has seen, from all that was ever seen of them. See jobs/dimension_versions.h.
-- Every statement is a template, written out for each dimension from the table in jobs/dimension.c; s is the staged
-- source row, d a version. The parameters of each are named in the table in jobs/dimension_versions.c.

-- name: prepare utility
create temporary table if not exists {touched} (id {id_type} primary key, is_new boolean not null) on commit drop;
-- Members that only go on from where they were, or end there.
create temporary table if not exists forward_{work} (
    id {id_type} primary key, key integer not null, version integer not null, seen_at timestamptz not null,
    is_opened boolean not null, is_corrected boolean not null, is_gone boolean not null, reload boolean not null
) on commit drop;
truncate {touched}, forward_{work};

-- name: insert_members utility
-- Members that nobody knew, seen as they are now: one version, from the beginning of time, so that earlier facts find it.
with opened as (
    insert into {table} ({id}, {columns}, source_updated_at, known_from)
    select s.{id}, {values}, s.updated_at, $1::timestamptz
    from {stage} s
    where not exists (select from {table} d where d.{id} = s.{id})
    order by s.{id}
    returning {id}, source_updated_at
), observed as (
    insert into {observations} ({id}, observed_at, run_no)
    select {id}, least(source_updated_at, $1::timestamptz), $2::bigint from opened
)
insert into {touched} (id, is_new) select {id}, true from opened

-- name: forward utility
-- Most of what is seen is this: a member that is there, with a stamp later than all that was observed of it. Its current
-- version holds until then, and what is staged from then on; all that follows from an observation elsewhere is known. If what
-- facts take from it is overwritten in every version, more than this follows.
insert into forward_{work} (id, key, version, seen_at, is_opened, is_corrected, is_gone, reload)
select s.{id}, d.{key}, d.version, s.updated_at, row({type2_old}) is distinct from row({type2_values}),
       row({type1_old}) is distinct from row({type1_values}), false, false{facts_differ}
from {stage} s
join {table} d on d.{id} = s.{id} and d.is_current and not d.is_inferred
where s.updated_at <= $1::timestamptz
  and s.updated_at > (select max(o.observed_at) from {observations} o where o.{id} = s.{id})
  and not (false{type1_facts_differ})

-- name: forward_gone utility
-- So does the current version of a member that is not there any more: until it was seen to be gone, which is after all that
-- was observed of it and after it was first known.
insert into forward_{work} (id, key, version, seen_at, is_opened, is_corrected, is_gone, reload)
select a.id, d.{key}, d.version, greatest($1::timestamptz, greatest(o.last_at, k.known_from) + interval '1 microsecond'),
       false, false, true, false
from {absent} a
join {table} d on d.{id} = a.id and d.is_current and not d.is_inferred
cross join lateral (select max(observed_at) as last_at from {observations} o where o.{id} = a.id) o
cross join lateral (
    select min(known_from) as known_from from {table} k
    where k.{id} = a.id and not k.is_inferred and k.valid_from < k.valid_to
) k
where o.last_at is not null

-- name: forward_observe utility
insert into {observations} ({id}, observed_at, is_absent, run_no) select id, seen_at, is_gone, $1::bigint from forward_{work}

-- name: forward_close utility
update {table} d
set valid_to = f.seen_at, is_current = false, ends_deleted = f.is_gone, expiration_date = (f.seen_at at time zone current_setting('TimeZone'))::date
from forward_{work} f
where d.{key} = f.key and (f.is_opened or f.is_gone)

-- name: forward_open utility
insert into {table} ({id}, {columns}, source_updated_at, known_from, version, valid_from, effective_date)
select s.{id}, {values}, s.updated_at, $1::timestamptz, f.version + 1, f.seen_at,
       (f.seen_at at time zone current_setting('TimeZone'))::date
from forward_{work} f
join {stage} s on s.{id} = f.id
where f.is_opened
order by s.{id}

-- name: forward_correct utility
update {table} d
set ({type1_columns}) = row({type1_values})
from forward_{work} f
join {stage} s on s.{id} = f.id
where d.{id} = f.id and f.is_corrected and row({type1_old}) is distinct from row({type1_values})

-- name: forward_stamp utility
update {table} d
set source_updated_at = f.seen_at
from forward_{work} f
where d.{key} = f.key and not (f.is_opened or f.is_gone)

-- name: forward_moved utility
-- $2 the dimension.
insert into etl_dimension_changes (run_no, dimension, old_key, changed_from, changed_to, reload)
select $1::bigint, $2::text, key, seen_at, 'infinity', reload from forward_{work} where is_opened or is_gone order by id

-- name: forward_touch utility
insert into {touched} (id, is_new) select id, false from forward_{work} where is_opened or is_corrected or is_gone

-- name: forward_count utility
-- Updated, unchanged, removed.
select count(*) filter (where is_opened or is_corrected), count(*) filter (where not (is_opened or is_corrected or is_gone)),
       count(*) filter (where is_gone)
from forward_{work}

-- name: has_rest utility
select exists (select from {stage} s
               where not exists (select from {touched} t where t.id = s.{id})
                 and not exists (select from forward_{work} f where f.id = s.{id}))
    or exists (select from {absent} a where not exists (select from forward_{work} f where f.id = a.id))

-- name: prepare_rest utility
-- Of each member: the instant for which its state at the source stands, since when it is known to have been there, the
-- last observation, the last at which it was there, and the first run that saw it (all before this one), and whether it
-- has a version that is not inferred, and one of those that is current.
create temporary table if not exists members_{work} (
    id {id_type} primary key, is_absent boolean not null, seen_at timestamptz not null, known_from timestamptz,
    last_at timestamptz, last_live_at timestamptz, first_run bigint, has_real boolean not null, has_current boolean not null
) on commit drop;
-- Observations; a state is the row of attributes of type 2, as text, and null if the member was not there.
create temporary table if not exists points_{work} (
    id {id_type}, at timestamptz, state text, version_key integer, is_new boolean not null, primary key (id, at)
) on commit drop;
-- What follows: a state from one instant to another. key is the version that says it, source_key one whose attributes
-- it has; without, they are the staged row's.
create temporary table if not exists regions_{work} (
    id {id_type}, place bigint, valid_from timestamptz, valid_to timestamptz, state text, source_key integer, key integer,
    is_inferred boolean not null default false, ends_deleted boolean not null default false, version bigint,
    primary key (id, place)
) on commit drop;
create temporary table if not exists old_{work} (
    key integer primary key, id {id_type}, valid_from timestamptz, valid_to timestamptz, is_inferred boolean,
    in_facts text, line text
) on commit drop;
truncate members_{work}, points_{work}, regions_{work}, old_{work};

-- name: members utility
-- All that was staged but both. A live run's state is the newest there is: behind an observation that is later than the
-- source's clock, not in its place.
insert into members_{work} (id, is_absent, seen_at, known_from, last_at, last_live_at, first_run, has_real,
                            has_current)
select m.id, m.is_absent, case when not $2::boolean and o.last_at > $1::timestamptz then o.last_at + interval '1 microsecond'
                                    else $1::timestamptz end,
       case when $2::boolean and not m.is_absent then least(v.known_from, $1::timestamptz)
            else coalesce(v.known_from, $1::timestamptz) end, o.last_at, o.last_live_at,
       o.first_run, coalesce(v.has_real, false), coalesce(v.has_current, false)
from (
    select s.{id} as id, false as is_absent from {stage} s
    where not exists (select from {touched} t where t.id = s.{id})
      and not exists (select from forward_{work} f where f.id = s.{id})
    union all
    select a.id, true from {absent} a where not exists (select from forward_{work} f where f.id = a.id)
) m
left join lateral (
    select min(d.known_from) filter (where not d.is_inferred) as known_from, bool_or(not d.is_inferred) as has_real,
           bool_or(d.is_current and not d.is_inferred) as has_current
    from {table} d where d.{id} = m.id and d.valid_from < d.valid_to
) v on true
left join lateral (
    select max(o.observed_at) as last_at, max(o.observed_at) filter (where not o.is_absent) as last_live_at,
           min(o.run_no) as first_run
    from {observations} o where o.{id} = m.id
) o on true
where not m.is_absent or v.has_real

-- name: analyze_members utility
analyze members_{work}

-- name: old utility
insert into old_{work} (key, id, valid_from, valid_to, is_inferred, in_facts, line)
select d.{key}, d.{id}, d.valid_from, d.valid_to, d.is_inferred, row({facts_old})::text,
       row({old}, d.valid_from, d.valid_to, d.is_inferred)::text
from members_{work} m
join {table} d on d.{id} = m.id

-- name: known_points utility
-- What was observed before. That a member was not there counts only from the time on at which it is known to have been:
-- a row may carry an old stamp when it is first seen.
insert into points_{work} (id, at, state, version_key, is_new)
select m.id, o.observed_at, v.state, v.{key}, false
from members_{work} m
cross join lateral (
    select * from {observations} o where o.{id} = m.id and (not o.is_absent or o.observed_at > m.known_from) offset 0
) o
left join lateral (
    select d.{key}, row({type2_old})::text as state
    from {table} d
    where not o.is_absent and d.{id} = m.id and d.valid_from <= o.observed_at and o.observed_at < d.valid_to
    limit 1
) v on true

-- name: compared_points utility
-- $2 the dimension, $3 the instant at which the source was as staged. Whom a full comparison did not know yet was not at the
-- source then. That says something only of members that a later run saw at an earlier instant: without replays, none.
insert into points_{work} (id, at, is_new)
select m.id, c.compared_at, false
from members_{work} m
join (
    select compared_at, run_no, is_complete, min(compared_at) over (order by run_no desc rows unbounded preceding
                                                                    exclude current row) as later_at
    from dim_comparisons where dimension = $2::text
) c on c.is_complete and least(c.later_at, $3::timestamptz) < c.compared_at and c.compared_at > m.known_from
   and c.run_no < coalesce(m.first_run, $1::bigint)
on conflict (id, at) do nothing

-- name: staged_points utility
-- The staged state, at its stamp: not later than it was seen, and then only if that says something new.
insert into points_{work} (id, at, state, is_new)
select m.id, least(s.updated_at, m.seen_at), row({type2_values})::text, true
from {stage} s
join members_{work} m on m.id = s.{id}
left join lateral (
    select p.state from points_{work} p where p.id = m.id and p.at <= m.seen_at order by p.at desc limit 1
) f on true
where s.updated_at <= m.seen_at or f.state is distinct from row({type2_values})::text
on conflict (id, at) do update
set state = excluded.state, version_key = null, is_new = true
where points_{work}.state is distinct from excluded.state

-- name: seen_points utility
-- The source says the state of the instant at which it was seen, whatever the stamp is.
insert into points_{work} (id, at, state, is_new)
select m.id, m.seen_at, row({type2_values})::text, true
from {stage} s
join members_{work} m on m.id = s.{id}
left join lateral (
    select p.state from points_{work} p where p.id = m.id and p.at <= m.seen_at order by p.at desc limit 1
) f on true
where $1::boolean or f.state is distinct from row({type2_values})::text
on conflict (id, at) do update
set state = excluded.state, version_key = null, is_new = true
where points_{work}.state is distinct from excluded.state

-- name: absent_points utility
insert into points_{work} (id, at, is_new)
select m.id,
       case when $2::boolean then m.seen_at
            else greatest($1::timestamptz,
                        greatest(m.last_at, m.known_from) + interval '1 microsecond') end, true
from members_{work} m
left join lateral (
    select p.state from points_{work} p where p.id = m.id and p.at <= m.seen_at order by p.at desc limit 1
) f on true
where m.is_absent and case when $2::boolean then m.seen_at > m.known_from else f.state is not null end
on conflict (id, at) do update
set state = null, version_key = null, is_new = true
where points_{work}.state is not null

-- name: observe utility
insert into {observations} as o ({id}, observed_at, is_absent, run_no)
select id, at, state is null, $1::bigint from points_{work} where is_new
union all
select id, seen_at, true, $1::bigint from members_{work}
where $2::boolean and is_absent and seen_at <= known_from
  and not exists (select from {observations} o where o.{id} = members_{work}.id and o.observed_at = seen_at)
on conflict ({id}, observed_at) do update
set is_absent = excluded.is_absent
where o.is_absent <> excluded.is_absent

-- name: regions utility
insert into regions_{work} (id, place, valid_from, valid_to, state, source_key, ends_deleted)
with marked as (
    select *, row_number() over member = 1 or state is distinct from lag(state) over member as begins
    from points_{work}
    window member as (partition by id order by at)
), placed as (
    select *, count(*) filter (where begins) over (partition by id order by at) as place from marked
), merged as (
    select id, place, state, min(at) as at,
           (array_agg(version_key order by at) filter (where version_key is not null))[1] as source_key
    from placed
    group by id, place, state
)
select id, place, case when place = 1 then '-infinity' else at end, coalesce(lead(at) over member, 'infinity'), state,
       source_key, state is not null and lead(at) over member is not null and lead(state) over member is null
from merged
window member as (partition by id order by place)

-- name: analyze_regions utility
analyze regions_{work}

-- name: keep_keys utility
-- A version keeps its key where its state holds first.
update regions_{work} r
set key = k.source_key
from (
    select distinct on (source_key) source_key, id, place from regions_{work}
    where source_key is not null
    order by source_key, place
) k
where r.id = k.id and r.place = k.place

-- name: keep_inferred utility
-- An inferred version goes on filling the gap that it was made for. A first one becomes the member's first that is real.
update regions_{work} r
set key = k.key, is_inferred = true
from (
    select distinct on (o.key) o.key, r.id, r.place
    from old_{work} o
    join regions_{work} r on r.id = o.id and r.state is null and r.valid_from < o.valid_to and o.valid_from < r.valid_to
    where o.is_inferred and o.valid_from > '-infinity' and o.valid_from < o.valid_to
    order by o.key, r.place
) k
where r.id = k.id and r.place = k.place

-- name: drop_gaps utility
delete from regions_{work} where state is null and not is_inferred

-- name: take_place utility
-- What begins where a version began takes its key: two states of one instant, or an inferred member that has arrived.
update regions_{work} r
set key = o.key
from old_{work} o
where r.key is null and o.id = r.id and o.valid_from = r.valid_from and o.valid_from < o.valid_to
  and not exists (select from regions_{work} x where x.id = o.id and x.key = o.key)

-- name: use_again utility
-- Keys of versions that have no instant left.
update regions_{work} r
set key = k.key
from (
    select id, place, row_number() over (partition by id order by place) as turn from regions_{work} where key is null
) w
join (
    select o.id, o.key, row_number() over (partition by o.id order by o.key) as turn
    from old_{work} o
    where not exists (select from regions_{work} x where x.id = o.id and x.key = o.key)
) k using (id, turn)
where r.id = w.id and r.place = w.place

-- name: number_versions utility
update regions_{work} r
set version = n.version
from (select id, place, row_number() over (partition by id order by place) as version from regions_{work}) n
where r.id = n.id and r.place = n.place

-- name: empty_versions utility
-- First what loses instants altogether, or takes some that others may still have: the database forbids overlap at every
-- single row.
update {table} d
set valid_from = '-infinity', valid_to = '-infinity', is_current = false, ends_deleted = false, is_inferred = false,
    effective_date = '-infinity', expiration_date = '-infinity'
from old_{work} o
left join regions_{work} r on r.id = o.id and r.key = o.key
where d.{key} = o.key and o.valid_from < o.valid_to
  and (r.key is null or r.valid_from < o.valid_from or r.valid_to > o.valid_to)

-- name: shrink_versions utility
update {table} d
set valid_from = r.valid_from, valid_to = r.valid_to, is_current = r.valid_to = 'infinity', ends_deleted = r.ends_deleted,
    is_inferred = r.is_inferred, version = r.version,
    effective_date = (r.valid_from at time zone current_setting('TimeZone'))::date,
    expiration_date = (r.valid_to at time zone current_setting('TimeZone'))::date
from regions_{work} r
where d.{key} = r.key and d.valid_from <= r.valid_from and r.valid_to <= d.valid_to
  and (d.valid_from, d.valid_to, d.ends_deleted, d.is_inferred, d.version)
      is distinct from (r.valid_from, r.valid_to, r.ends_deleted, r.is_inferred, r.version)

-- name: grow_versions utility
update {table} d
set valid_from = r.valid_from, valid_to = r.valid_to, is_current = r.valid_to = 'infinity', ends_deleted = r.ends_deleted,
    is_inferred = r.is_inferred, version = r.version,
    effective_date = (r.valid_from at time zone current_setting('TimeZone'))::date,
    expiration_date = (r.valid_to at time zone current_setting('TimeZone'))::date
from regions_{work} r
where d.{key} = r.key and (d.valid_from, d.valid_to) is distinct from (r.valid_from, r.valid_to)

-- name: overwrite_staged utility
-- Attributes in place. One that was inferred, or had no instant, begins to be known.
update {table} d
set ({type2_columns}) = row({type2_values}), source_updated_at = s.updated_at,
    known_from = case when o.is_inferred or o.valid_from = o.valid_to then $1::timestamptz else d.known_from end
from regions_{work} r
join old_{work} o on o.key = r.key
join {stage} s on s.{id} = r.id
where d.{key} = r.key and r.source_key is null and not r.is_inferred
  and (o.is_inferred or o.valid_from = o.valid_to or row({type2_old}) is distinct from row({type2_values}))

-- name: overwrite_copied utility
update {table} d
set ({type2_columns}) = row({type2_copied}),
    known_from = case when o.valid_from = o.valid_to then c.known_from else d.known_from end
from regions_{work} r
join {table} c on c.{key} = r.source_key
join old_{work} o on o.key = r.key
where d.{key} = r.key and r.source_key <> r.key

-- name: open_staged utility
insert into {table} ({id}, {columns}, source_updated_at, known_from, version, valid_from, valid_to, is_current,
                     ends_deleted, effective_date, expiration_date)
select s.{id}, {values}, s.updated_at, $1::timestamptz, r.version, r.valid_from, r.valid_to, r.valid_to = 'infinity',
       r.ends_deleted, (r.valid_from at time zone current_setting('TimeZone'))::date,
       (r.valid_to at time zone current_setting('TimeZone'))::date
from regions_{work} r
join {stage} s on s.{id} = r.id
where r.key is null and r.source_key is null
order by s.{id}, r.place

-- name: open_copied utility
insert into {table} ({id}, {columns}, source_updated_at, known_from, version, valid_from, valid_to, is_current,
                     ends_deleted, effective_date, expiration_date)
select c.{id}, {copied}, c.source_updated_at, c.known_from, r.version, r.valid_from, r.valid_to, r.valid_to = 'infinity',
       r.ends_deleted, (r.valid_from at time zone current_setting('TimeZone'))::date,
       (r.valid_to at time zone current_setting('TimeZone'))::date
from regions_{work} r
join {table} c on c.{key} = r.source_key
where r.key is null
order by c.{id}, r.place

-- name: correct utility
-- Attributes of type 1 reach all versions, from the newest state.
update {table} d
set ({type1_columns}) = row({type1_values})
from {stage} s
join members_{work} m on m.id = s.{id}
where d.{id} = s.{id} and coalesce(m.last_live_at <= m.seen_at, true) and row({type1_old}) is distinct from row({type1_values})

-- name: inherit utility
-- An old state leaves them as they are: a version that it brought has them from the others.
update {table} d
set ({type1_columns}) = (select {type1_copied} from {table} c
                         where c.{key} = (select min(o.key) from old_{work} o where o.id = m.id))
from members_{work} m
where d.{id} = m.id and m.last_live_at > m.seen_at and m.has_real
  and not exists (select from old_{work} o where o.key = d.{key})

-- name: stamp utility
-- The last version carries the newest stamp: a row that has it and says the same is not looked at again.
update {table} d
set source_updated_at = s.updated_at
from {stage} s
join members_{work} m on m.id = s.{id}
where d.{id} = s.{id} and d.valid_to = 'infinity' and coalesce(m.last_live_at <= m.seen_at, true)
  and d.source_updated_at is distinct from s.updated_at

-- name: know utility
-- The first version tells since when the member is known.
update {table} d
set known_from = m.known_from
from members_{work} m
where d.{id} = m.id and d.valid_from = '-infinity' and d.valid_to > '-infinity' and not d.is_inferred
  and d.known_from is distinct from m.known_from

-- name: note_moved utility
-- What keys lost. $2 the dimension, $3 whether a member's first inferred version is in facts too; one that fills a gap has
-- the attributes of the version before, and so have its facts.
insert into etl_dimension_changes (run_no, dimension, old_key, changed_from, changed_to, reload)
select $1::bigint, $2::text, o.key, lower(p.piece), upper(p.piece),
       exists (select from {table} n
               where n.{id} = o.id and tstzrange(n.valid_from, n.valid_to) && p.piece and row({facts_new})::text <> o.in_facts)
from old_{work} o
join {table} d on d.{key} = o.key
cross join lateral unnest(tstzmultirange(tstzrange(o.valid_from, o.valid_to))
                          - tstzmultirange(tstzrange(d.valid_from, d.valid_to))) p (piece)
where o.valid_from < o.valid_to and (o.valid_from, o.valid_to) is distinct from (d.valid_from, d.valid_to)
union all
select $1::bigint, $2::text, o.key, o.valid_from, o.valid_to, true
from old_{work} o
join {table} d on d.{key} = o.key
where o.valid_from < o.valid_to and d.valid_from < d.valid_to and ($3::boolean or not o.is_inferred or o.valid_from > '-infinity')
  and row({facts_old})::text <> o.in_facts

-- name: touch utility
insert into {touched} (id, is_new)
select m.id, not (m.has_real and m.has_current)
from members_{work} m
where exists (select from old_{work} o join {table} d on d.{key} = o.key
              where o.id = m.id and o.line <> row({old}, d.valid_from, d.valid_to, d.is_inferred)::text)
   or exists (select from {table} d where d.{id} = m.id and not exists (select from old_{work} o where o.key = d.{key}))

-- name: count utility
-- Of those that were not new at once: inserted, updated, unchanged, removed, completed.
select count(*) filter (where not m.is_absent and o.is_known is null),
       count(*) filter (where not m.is_absent and o.is_known and t.id is not null),
       count(*) filter (where not m.is_absent and o.is_known and t.id is null),
       count(*) filter (where m.is_absent and t.id is not null),
       count(*) filter (where not m.is_absent and o.is_known and not m.has_real and t.id is not null)
from members_{work} m
left join {touched} t on t.id = m.id
left join (select distinct id, true as is_known from old_{work}) o on o.id = m.id
