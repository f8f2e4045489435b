-- `tapemill dimension`. Statements with {placeholders} are templates, written out for one dimension from the table in
-- jobs/dimension.c. A void version (valid from and to the same) is nobody's: it only keeps its key.

-- name: find utility
-- $1 an id or a code: the members that have it, whether it is their id, and whether it is their code now.
select {id}::text as id, {id}::text = lower($1::text) as by_id,
       bool_or({code} = $1::text and valid_to = (select max(l.valid_to) from {table} l where l.{id} = d.{id})) as now,
       (array_agg({code} order by valid_from desc))[1] as code
from {table} d
where {key} <> 0 and valid_from < valid_to and ({id}::text = lower($1::text) or {code} = $1::text)
group by {id}
order by {id}

-- name: codes utility
-- $1 a code that nobody has: codes that begin like it, first one that differs in capitals alone.
select distinct lower({code}) <> lower($1::text) as differs, {code} as code
from {table}
where {key} <> 0 and left(lower({code}), 1) = left(lower($1::text), 1)
order by 1, 2
limit 5000

-- name: list utility
-- $1 an instant (null: now, the current versions), $2 limit.
select {id}, {columns}, d.version, d.{key} as key, d.valid_from, d.valid_to, d.is_inferred, k.known_from
from {table} d
join (select {id}, min(known_from) as known_from from {table} where valid_from < valid_to group by {id}) k using ({id})
where d.{key} <> 0 and d.valid_from < d.valid_to
  and case when $1::timestamptz is null then d.is_current
           else d.valid_from <= $1::timestamptz and $1::timestamptz < d.valid_to and k.known_from <= $1::timestamptz end
order by {id}
limit $2::bigint

-- name: earliest utility
-- Since when the first of the members has been known; null: there is none.
select min(known_from) as known_from from {table} where {key} <> 0 and valid_from < valid_to

-- name: keys utility
-- $1 id.
select array_agg({key}) as keys from {table} where {id}::text = $1::text and {key} <> 0

-- name: facts utility
-- $1 date_key, $2 keys: how many live facts use each.
select {key} as key, count(*) as facts
from fact_trades
where date_key = $1::integer and {key} = any ($2::integer[]) and not is_deleted
group by {key}

-- name: history utility
-- $1 id, $2 and $3 keys and their numbers of facts, or nulls.
with lives as (
    select d.*, to_jsonb(d) as new, lag(to_jsonb(d)) over lives as old, lag(valid_to) over lives as old_valid_to,
           lag(is_inferred) over lives as old_is_inferred
    from {table} d
    where {id}::text = $1::text and {key} <> 0 and valid_from < valid_to
    window lives as (order by valid_from, valid_to)
)
select l.version, l.{key} as key, l.valid_from, l.valid_to,
       case when l.is_current then 'current' when l.ends_deleted then 'deleted' else 'past' end
       || case when l.is_inferred then ', inferred' else '' end as state,
       l.known_from, f.facts,
       concat_ws(', ', case when l.is_inferred and l.old is null then 'named by facts, not shown by the source'
                            when l.is_inferred then 'gone, but facts are of this time'
                            when l.old_valid_to < l.valid_from or l.old_is_inferred then 'back after a delete' end,
                 c.what) as what,
       l.is_current, l.ends_deleted, l.is_inferred, l.effective_date, l.expiration_date, l.source_updated_at,
       coalesce(c.changes, '[]') as changes, a.attributes
from lives l
left join unnest($2::integer[], $3::bigint[]) f (key, facts) on f.key = l.{key}
cross join lateral (
    select string_agg(case when l.old is null then format('%s %s', t.name, l.new ->> t.name)
                           else format('%s: %s -> %s', t.name, coalesce(l.old ->> t.name, 'none'),
                                       coalesce(l.new ->> t.name, 'none')) end, ', ' order by t.place) as what,
           jsonb_agg(jsonb_build_object('attribute', t.name, 'old', l.old -> t.name, 'new', l.new -> t.name) order by t.place)
               filter (where l.old is not null) as changes
    from unnest(string_to_array('{type2_columns}', ', ')) with ordinality t (name, place)
    where case when l.old is null then l.new ->> t.name is not null else l.new -> t.name is distinct from l.old -> t.name end
) c
cross join lateral (
    select jsonb_object_agg(t.name, l.new -> t.name) as attributes
    from unnest(string_to_array('{columns}', ', ')) t (name)
) a
order by l.valid_from, l.valid_to

-- name: observations utility
-- $1 id.
select o.observed_at,
       case when o.is_absent then 'absent' else coalesce('as version ' || v.version, 'there, but no version says how') end as seen,
       r.job_name as job, o.run_no
from {observations} o
left join {table} v on v.{id} = o.{id} and v.valid_from <= o.observed_at and o.observed_at < v.valid_to
left join etl_job_runs r on r.run_no = o.run_no
where o.{id}::text = $1::text
order by o.observed_at

-- name: dates
-- $1 first and $2 last date_key: the dates that were loaded.
select distinct date_key from etl_fact_days where date_key between $1::integer and $2::integer order by date_key

-- name: session utility
-- A statement on facts names its date as a constant, so that it locks the partitions of that month alone.
set plan_cache_mode = force_custom_plan
