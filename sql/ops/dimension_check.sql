-- `tapemill dimension check`: what must hold of versions, observations and the facts that use them. Templates as in
-- sql/ops/dimension.sql. A rule is kept where its sentence is null. A remedy is null where a sync that stages every
-- row is one, since it makes all versions anew; not where that would lose what only the version still says.

-- name: begin utility
begin isolation level repeatable read read only

-- name: summary utility
select count(distinct {id}) as members, count(*) as versions,
       count(distinct {id}) - count(distinct {id}) filter (where is_current) as deleted,
       count(*) filter (where is_inferred) as inferred,
       (select count(*) from {observations}) as observations
from {table}
where {key} <> 0 and valid_from < valid_to

-- name: versions utility
-- $1 how many of each rule are told. A member's versions in order, each with the one before it.
with lives as (
    select {id} as id, {key} as key, version, valid_from, valid_to, is_current, is_inferred, ends_deleted, effective_date,
           expiration_date, max(valid_to) over before as reach, lag(version) over lives as old_version,
           lag(ends_deleted) over lives as old_deleted, row_number() over lives as ordinal,
           lead(version) over lives is null as is_last, count(*) filter (where is_current) over member as currents,
           max(row({type1_columns})::text) over member <> min(row({type1_columns})::text) over member as differs,
           (valid_from at time zone current_setting('TimeZone'))::date as right_effective,
           (valid_to at time zone current_setting('TimeZone'))::date as right_expiration,
           'valid_from = ''-infinity'', effective_date = ''-infinity''' as from_beginning
    from {table}
    where {key} <> 0 and valid_from < valid_to
    window member as (partition by {id}),
           lives as (partition by {id} order by valid_from, valid_to, version),
           before as (partition by {id} order by valid_from, valid_to, version rows between unbounded preceding and 1 preceding)
), broken as (
    select r.rule, l.id, l.key, r.what,
           case when r.assignment like 'insert %' then 'psql: ' || r.assignment
                else format('psql: update {table} set %s where {key} = %s', r.assignment, l.key) end as remedy,
           r.assignment, l.valid_from,
           count(*) over (partition by r.rule) as total,
           row_number() over (partition by r.rule order by l.id, l.valid_from) as place
    from lives l
    cross join lateral (values
        ('overlap', case when l.valid_from < l.reach
            then format('versions %s and %s are both valid from %s', l.old_version, l.version, l.valid_from) end, null),
        ('gap', case when l.valid_from > l.reach and not l.old_deleted
            then format('no version is valid from %s to %s, and no delete is known', l.reach, l.valid_from) end, null),
        ('first', case when l.reach is null and isfinite(l.valid_from)
            then format('the first version is valid from %s, not from the beginning', l.valid_from) end, l.from_beginning),
        ('current', case when l.is_last and l.currents = 0 and not l.ends_deleted
                         then format('no version is current, and the last, %s, does not end with a delete', l.version)
                         when l.is_last and l.currents > 1 then format('%s versions are current', l.currents) end,
                    case when l.currents = 0 and isfinite(l.valid_to) then 'ends_deleted = true'
                         else 'is_current = (valid_to = ''infinity'')' end),
        ('order', case when l.version <> l.ordinal
            then format('version %s is the %s. of its member', l.version, l.ordinal) end, null),
        ('flags', case when l.is_current <> (l.valid_to = 'infinity')
                       then format('version %s has is_current %s, but is valid to %s', l.version, l.is_current, l.valid_to)
                       when l.ends_deleted and l.is_current then format('version %s is current and deleted', l.version)
                       when l.old_deleted and l.valid_from = l.reach and not l.is_inferred
                       then format('version %s ends with a delete, but version %s follows at once', l.old_version, l.version)
                  end,
                  case when l.is_current <> (l.valid_to = 'infinity') then 'is_current = (valid_to = ''infinity'')'
                       when l.ends_deleted and l.is_current then 'ends_deleted = false' end),
        ('dates', case when (l.effective_date, l.expiration_date) is distinct from (l.right_effective, l.right_expiration)
            then format('version %s has the dates %s and %s, not %s and %s', l.version, l.effective_date, l.expiration_date,
                        l.right_effective, l.right_expiration) end,
                  format('effective_date = %L, expiration_date = %L', l.right_effective, l.right_expiration)),
        ('type 1', case when l.is_last and l.differs
            then format('its versions differ in %s', (
                select string_agg(t.name, ', ' order by t.place)
                from unnest(string_to_array('{type1_columns}', ', ')) with ordinality t (name, place)
                where (select count(distinct coalesce(to_jsonb(d) -> t.name, 'null')) from {table} d
                       where d.{id} = l.id and d.valid_from < d.valid_to) > 1)) end, null),
        ('unseen', case when isfinite(l.valid_from) and not l.is_inferred
                             and not exists (select from {observations} o
                                             where o.{id} = l.id and o.observed_at = l.valid_from and not o.is_absent)
            then format('version %s begins at %s, when nothing was observed', l.version, l.valid_from) end,
                   case when l.reach is null then l.from_beginning
                        else format('insert into {observations} select %L, %L, false, coalesce(min(run_no), 0) from '
                                    '{observations} where {id} = %L', l.id, l.valid_from, l.id) end)
    ) r (rule, what, assignment)
    where r.what is not null
)
select rule, id::text as id, key, what, total, case when assignment is not null then remedy end as remedy
from broken
where place <= $1::bigint order by rule, place

-- name: observations utility
-- $1 how many are told. What was seen at an instant is what the versions say of it. That a member was absent says nothing
-- of the time before it was known to be there: its first version reaches back over that. One that does not is told by the
-- rule "first": what was seen before it is right.
with wrong as (
    select o.{id} as id, v.{key} as key, o.observed_at,
           case when o.is_absent then format('it was absent at %s, but version %s is valid then', o.observed_at, v.version)
                when v.{key} is null then format('it was there at %s, but no version is valid then', o.observed_at)
                else format('it was there at %s, but version %s is inferred', o.observed_at, v.version) end as what,
           case when not o.is_absent
                then format('psql: delete from {observations} where {id} = %L and observed_at = %L -- nobody knows how it was',
                            o.{id}, o.observed_at) end as remedy
    from {observations} o
    left join {table} v on v.{id} = o.{id} and v.valid_from <= o.observed_at and o.observed_at < v.valid_to
    where o.is_absent is distinct from (v.{key} is null or v.is_inferred)
      and (not o.is_absent or o.observed_at > (select min(k.known_from) from {table} k
                                               where k.{id} = o.{id} and k.valid_from < k.valid_to and not k.is_inferred))
      and (o.is_absent or o.observed_at >= coalesce((select min(k.valid_from) from {table} k
                                                     where k.{id} = o.{id} and k.valid_from < k.valid_to), '-infinity'))
)
select 'observation' as rule, id::text as id, key, what, count(*) over () as total, remedy
from wrong
order by wrong.id, observed_at
limit $1::bigint

-- name: inferred utility
-- $1 how many are told. Members, and gaps of members, that only facts speak of.
select {id}::text as id, {key} as key,
       case when isfinite(valid_to)
            then format('inferred: it was gone from %s to %s, but facts are of that time', valid_from, valid_to)
            when isfinite(valid_from) then format('inferred: it has been gone since %s, but facts are of later', valid_from)
            else format('inferred: the source has not shown it yet; facts have named it since %s', known_from) end as what,
       count(*) over () as total
from {table}
where {key} <> 0 and valid_from < valid_to and is_inferred
order by {table}.{id}, valid_from
limit $1::bigint

-- name: facts utility
-- $1 date_key: facts, and those whose version is not the one that is valid at their instant.
select count(*) as facts,
       count(*) filter (where f.execution_timestamp < d.valid_from or f.execution_timestamp >= d.valid_to) as misfits
from fact_trades f
join {table} d using ({key})
where f.date_key = $1::integer and {key} <> 0

-- name: fact_orphans utility
-- $1 date_key, $2 how many are told.
select w.id::text as id, w.key, w.facts,
       format('trade %s at %s has key %s (version %s), %s', w.first_reference, w.first_at, w.key, w.version,
              coalesce((select 'not ' || r.{key} || ' (version ' || r.version || ')' from {table} r
                        where r.{id} = w.id and r.valid_from <= w.first_at and w.first_at < r.valid_to
                        order by r.version limit 1), 'but no version is valid then')) as what
from (
    select d.{id} as id, {key} as key, d.version, count(*) as facts, min(f.execution_timestamp) as first_at,
           (array_agg(f.trade_reference order by f.execution_timestamp, f.trade_reference))[1] as first_reference
    from fact_trades f
    join {table} d using ({key})
    where f.date_key = $1::integer and {key} <> 0
      and (f.execution_timestamp < d.valid_from or f.execution_timestamp >= d.valid_to)
    group by {key}, d.{id}, d.version
    order by {key}
    limit $2::bigint
) w
order by w.key

-- name: performance_orphans utility
-- $1 date_key, $2 the end of that business date, $3 how many are told. Performance uses the version valid at the end.
select d.{id}::text as id, {key} as key, count(*) as facts, sum(count(*)) over ()::bigint as total,
       format('performance has key %s (version %s), %s', {key}, d.version,
              coalesce((select 'not ' || r.{key} || ' (version ' || r.version || ')' from {table} r
                        where r.{id} = d.{id} and r.valid_from < $2::timestamptz and $2::timestamptz <= r.valid_to
                        order by r.version limit 1), 'but no version is valid at the end of the date')) as what
from fact_performance_daily p
join {table} d using ({key})
where p.date_key = $1::integer and {key} <> 0
  and not (d.valid_from < $2::timestamptz and $2::timestamptz <= d.valid_to)
group by {key}, d.{id}, d.version
order by {key}
limit $3::bigint

-- name: taken_account
-- $1 date_key, $2 how many are told: live facts of the desk that do not have the tenant and the client of their account.
select a.account_id::text as id, account_key as key, count(*) as facts, sum(count(*)) over ()::bigint as total,
       format('trade %s has the tenant %s and the client %s, its account %s and %s', min(f.trade_reference), min(f.tenant_id::text),
              coalesce(min(c.client_id::text), 'none'), a.tenant_id, coalesce(a.client_id::text, 'none')) as what
from fact_trades f
join dim_account a using (account_key)
join dim_client c on c.client_key = f.client_key
where f.date_key = $1::integer and f.source = 'DESK' and not f.is_deleted and account_key <> 0
  and (f.tenant_id <> a.tenant_id or c.client_id is distinct from a.client_id)
group by account_key, a.account_id, a.tenant_id, a.client_id
order by account_key
limit $2::bigint

-- name: taken_instrument
-- $1 date_key, $2 how many are told: live facts of the desk that do not have the currency of their instrument's version.
select i.instrument_id::text as id, instrument_key as key, count(*) as facts, sum(count(*)) over ()::bigint as total,
       format('trade %s has the currency %s, its instrument (version %s) %s', min(f.trade_reference), min(f.currency), i.version,
              i.currency) as what
from fact_trades f
join dim_instrument i using (instrument_key)
where f.date_key = $1::integer and f.source = 'DESK' and not f.is_deleted and instrument_key <> 0 and f.currency <> i.currency
group by instrument_key, i.instrument_id, i.version, i.currency
order by instrument_key
limit $2::bigint

-- name: unknown
-- $1 date_key: live facts on Unknown although their row names a member, or (a desk fill's strategy) its order could. Any
-- trade may be without a provider.
select count(*) filter (where f.instrument_key = 0) as instrument,
       count(*) filter (where f.account_key = 0 and f.source = 'DESK') as account,
       count(*) filter (where f.strategy_key = 0 and f.source = 'DESK' and f.order_id is not null) as strategy,
       count(*) filter (where f.client_key = 0 and (f.source = 'CLIENT' or a.client_id is not null)) as client,
       0 as liquidity_provider
from fact_trades f
join dim_account a using (account_key)
where f.date_key = $1::integer and not f.is_deleted

-- name: rekey_jobs
-- $1 and $2 first and last date (nulls: any): the jobs that are still to move facts of a date.
select id, business_date as date, state
from etl_jobs
where job_name = 'rekey_facts' and state in ('waiting', 'queued', 'retry', 'running', 'dead')
  and not (state = 'dead' and error_code is not distinct from 'argument') -- it had none to move
  and business_date between coalesce($1::date, '-infinity') and coalesce($2::date, 'infinity')
order by business_date, state = 'dead', id
