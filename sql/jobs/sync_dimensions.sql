-- A dimension and its source table: what was read, and what of it can be applied. Statements with {placeholders} are
-- templates, written out for each dimension from the table in jobs/dimension.c; s is the staged source row, d a version in
-- the dimension.

-- In the order of the names, as the loads take them: no two wait for each other in a circle.
-- name: lock_epochs
select dimension from dim_epochs where dimension = any ($1::text[]) order by dimension for update

-- name: lock_tables utility
-- All at once and before anything is written, in the order in which ATTACH of a partition locks them (by the names of the
-- foreign keys): a sync that had one and waited for the next could wait for an ATTACH that waits for it.
lock table dim_account, dim_client, dim_instrument, dim_liquidity_provider, dim_strategy in row exclusive mode

-- name: seen_at
-- On the source, the first query of a snapshot: no row that it shows was written later. $1 the instant of an old state, or
-- ''.
select coalesce(nullif($1, '')::timestamptz, clock_timestamp()) at time zone 'UTC' || '+00',
       $1 = '' or isfinite(nullif($1, '')::timestamptz) and nullif($1, '')::timestamptz <= clock_timestamp()

-- name: newest_instant
-- $1 the source's clock. It may have been set back since the last comparison: what is seen now is newer all the same.
select greatest($1::timestamptz, max(compared_at) filter (where compared_at > $1::timestamptz) + interval '1 microsecond')
       at time zone 'UTC' || '+00'
from dim_comparisons

-- name: advance_epoch
update dim_epochs set epoch = epoch + 1, updated_at = now() where dimension = $1::text

-- name: set_tenant
select set_config($1::text, $2::text::uuid::text, true)

-- name: temporary utility
-- What the comparison has just read is in memory, and few of its rows are looked up from here on: pages cost the same in any order,
-- and compiling a plan would take longer than running it.
set local jit = off;
set local random_page_cost = 1;
create temporary table if not exists {stage} ({declare}, updated_at timestamptz, issues text) on commit drop;
create temporary table if not exists {absent} (id {id_type} primary key) on commit drop;
truncate {stage}, {absent};

-- name: judge utility
update {stage} s
set issues = j.issues
from (
    select ctid as row_id,
           concat_ws(E'\n',
               case when {id} is null then 'E|{id}_required|{id} is required' end,
               case when updated_at is null then 'E|updated_at_required|updated_at is required'
                    when not isfinite(updated_at) then 'E|updated_at_finite|updated_at is ' || updated_at
                    when updated_at < '0001-01-02 00:00+00'
                    then 'E|updated_at_range|updated_at is before the year 1'
               end{text_rules}{numeric_rules}{positive_rules}) as issues
    from {stage}
) j
where s.ctid = j.row_id and j.issues <> ''

-- name: file_issues utility
insert into stage_issues (record_id, issues, record_data)
select {id}::text, issues, to_jsonb(s) - 'issues'
from {stage} s
where issues is not null

-- name: resolve_staged utility
-- $1 source table. Of the members that were read: what was quarantined is put right.
update etl_quarantine q
set resolved_at = now()
where q.resolved_at is null and q.source_table = $1::text
  and q.record_id in (select {id}::text from {stage})
  and not exists (select from stage_issues i where i.record_id = q.record_id and E'\n' || i.issues like E'%\nE|%')

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
-- What they are joined and judged by.
analyze {stage} ({id}, updated_at);
analyze {absent};

-- name: find_absent utility
-- Before anything leaves the stage: members that are known, and that an old state does not show.
insert into {absent} (id)
select distinct d.{id}
from {table} d
where d.{id} is not null and not d.is_inferred and d.valid_from < d.valid_to
  and not exists (select from {stage} s where s.{id} = d.{id})

-- name: count_absent utility
-- $1 an instant: members of whom was known that they were there then, and how many of them are absent.
select count(*), count(a.id)
from {table} d
left join {absent} a on a.id = d.{id}
where d.{id} is not null and not d.is_inferred and d.valid_from <= $1::timestamptz and $1::timestamptz < d.valid_to
  and $1::timestamptz >= (select min(k.known_from) from {table} k
                          where k.{id} = d.{id} and not k.is_inferred and k.valid_from < k.valid_to)

-- name: forget_absent utility
truncate {absent}

-- name: note_comparison
-- $1 dimension, $2 instant, $3 run, $4 whether what it did not show was believed to be gone. One that was not believed says
-- nothing of whom it did not show, nor takes back what another said of them.
insert into dim_comparisons as c (dimension, compared_at, run_no, is_complete)
values ($1::text, $2::timestamptz, $3::bigint, $4::boolean)
on conflict (dimension, compared_at) do update
set run_no = case when excluded.is_complete then excluded.run_no else c.run_no end,
    is_complete = c.is_complete or excluded.is_complete
