-- Events into facts and latest states, whatever they are. See jobs/event_fact.h. Most statements here make the statement for
-- the tables at hand: $1 the table that is merged into, $2 the rows s that are merged, $3 the columns that find a row in both.

-- name: stage utility
-- What becomes of each row that was read, by table: 'I' it is new, 'U' it changes what stands, 'N' it says nothing new,
-- 'S' what stands is newer, 'D' what stands is to go. Indexes keep every plan linear, whatever it expects of rows that were
-- just written. And the dates that are locked: their rows are wanted, or left.
create temporary table if not exists stage_kinds (target text not null, row_no bigint not null, kind "char" not null) on commit drop;
create temporary table if not exists stage_days (date_key integer primary key, is_wanted boolean not null) on commit drop;
create index if not exists stage_kinds_row on stage_kinds (row_no);
truncate stage_kinds, stage_days;
set local jit = off; -- many short statements, whose estimates of rows just read say little

-- name: note_day
insert into stage_days (date_key, is_wanted) values ($1::integer, $2::boolean) on conflict (date_key) do nothing

-- name: unknown_days
-- Whether a row was read of a date that is not locked. $1 the staging table.
select format('select exists (select from %I s where not s.is_error and s.date_key is not null '
              'and not exists (select from stage_days d where d.date_key = s.date_key))', $1::text)

-- name: count_errors
select format('select count(*) from %I where is_error', $1::text)

-- name: wanted_days
-- $1 the staging table: dates that are wanted and have a row, in order.
select format('select distinct d.date_key from stage_days d join %I s using (date_key) where d.is_wanted and not s.is_error '
              'order by 1', $1::text)

-- name: missing
-- Members that rows name and no version covers, each once per gap, and an instant in it in microseconds. $1 the staging table,
-- $2 the dimension's table, $3 its id, $4 the column of the staging table, $5 the event's instant.
select format($statement$
select s.%4$I::text, min(s.owner_tenant::text), (extract(epoch from min(s.%5$I)) * 1000000)::bigint
from %1$I s
join stage_days d on d.date_key = s.date_key and d.is_wanted
where not s.is_error and s.%4$I is not null
  and not exists (select from %2$I v where v.%3$I = s.%4$I and v.valid_from <= s.%5$I and s.%5$I < v.valid_to)
group by s.%4$I, (select min(v.valid_from) from %2$I v
                  where v.%3$I = s.%4$I and v.valid_from < v.valid_to and v.valid_from > s.%5$I)
$statement$, $1::text, $2::text, $3::text, $4::text, $5::text)

-- name: drop_duplicates
-- The same event twice in one extraction: the newest row counts. $1 the staging table, $2 the columns that tell events apart.
-- What they say decides between rows of one version, so that the order in which they came does not.
select format($statement$
delete from %1$I s
using (
    select s.row_no, row_number() over (partition by %2$s order by s.updated_at desc, (to_jsonb(s) - 'row_no')::text) as place
    from %1$I s
    where not s.is_error and (%2$s) in (select %2$s from %1$I s where not s.is_error group by %2$s having count(*) > 1)
) ranked
where s.row_no = ranked.row_no and ranked.place > 1
$statement$, $1::text, string_agg('s.' || quote_ident(k), ', '))
from unnest($2::text[]) k

-- name: lock_moves
-- Runs of a kind of event that can change its date merge one after the other, each until its commit: an event that changes its
-- date while both are loaded is seen by the second. Events without a date are read under it too.
select pg_advisory_xact_lock(hashtext('tapemill moves'), hashtext($1))

-- name: range
-- $1 the staging table, $2 its column: the numbers of the events of the date $3.
select format('select min(%1$I), max(%1$I) from %2$I where not is_error and date_key = %3$s', $2::text, $1::text, $3::integer)

-- name: note_loaded
-- $1 label, $2 date_key, $3 the run, $4 and $5 the range of the numbers.
insert into etl_fact_days as d (source, date_key, last_run_no, low_number, high_number)
values ($1, $2::integer, $3::bigint, $4::bigint, $5::bigint)
on conflict (source, date_key) do update
set last_loaded_at = clock_timestamp(), last_run_no = excluded.last_run_no,
    low_number = least(d.low_number, excluded.low_number), high_number = greatest(d.high_number, excluded.high_number)

-- name: candidate_days
-- Dates whose numbers can include one of another date's staged rows: $1 the staging table, $2 its column, $3 label. Each date's
-- rows are a range of their own: one old event among new ones does not reach all dates between them.
select format($statement$
select coalesce(string_agg(distinct d.date_key::text, ','), '')
from (select date_key, min(%2$I) as low, max(%2$I) as high from %1$I where not is_error group by date_key) s
join etl_fact_days d on d.source = %3$L and d.date_key <> s.date_key and d.low_number <= s.high and d.high_number >= s.low
$statement$, $1::text, $2::text, $3::text)

-- name: other_days
-- Of the dates $5, those on which events stand that are now on another, loaded or not. The dates are named as a constant, which
-- tells the planner which partitions to leave out.
select format($statement$
select distinct f.date_key
from %2$I s
join %1$I f on %3$s
where not s.is_error and f.date_key <> s.date_key and f.date_key = any (%4$L::integer[])
order by 1
$statement$, $1::text, $2::text, string_agg(format('f.%I = s.%I', k.key, k.stage_key), ' and '), '{' || $5::text || '}')
from unnest($3::text[], $4::text[]) k (key, stage_key)

-- name: newer_elsewhere
-- An event stands on another date, $5, in a newer version, and not on its own: $2 the staging table, $4 its key columns.
select format($statement$
insert into stage_kinds (target, row_no, kind)
select distinct %1$L, s.row_no, 'S'::"char"
from %2$I s
join %1$I f on %3$s
where not s.is_error and f.date_key <> s.date_key and f.date_key = %4$s
  and (f.source_updated_at > s.updated_at or (f.source_updated_at = s.updated_at and f.source_lsn is not null))
  and not exists (select from stage_kinds k where k.target = %1$L and k.row_no = s.row_no)
$statement$, $1::text, $2::text, string_agg(format('f.%I = s.%I', k.key, k.stage_key), ' and '), $5::integer)
from unnest($3::text[], $4::text[]) k (key, stage_key)

-- name: leave_other_day
-- An event that moved to another date leaves the date $5, whether the other one is loaded now or left to its load.
select format($statement$
delete from %1$I f
using %2$I s
where %3$s and not s.is_error and f.date_key <> s.date_key and f.date_key = %4$s
  and not exists (select from stage_kinds k where k.target = %1$L and k.row_no = s.row_no and k.kind = 'S')
$statement$, $1::text, $2::text, string_agg(format('f.%I = s.%I', k.key, k.stage_key), ' and '), $5::integer)
from unnest($3::text[], $4::text[]) k (key, stage_key)

-- name: pair
-- Each row, and what is to be done with it. $4 which rows, $5 the date or null. At equal source_updated_at a row without LSN is
-- older than one with. Compared are the columns that both tables have. A row that is superseded in one table is so in all.
select format($statement$
insert into stage_kinds (target, row_no, kind)
select %1$L, s.row_no,
       case when f.source_updated_at is null then 'I'
            when f.source_updated_at > s.source_updated_at
                 or (f.source_updated_at = s.source_updated_at and f.source_lsn is not null) then 'S'
            when (%4$s) is distinct from (%5$s) then 'U'
            else 'N' end::"char"
from %2$I s
left join %1$I f on %3$s%6$s
where (%7$s)%8$s
  and not exists (select from stage_kinds k where k.row_no = s.row_no and k.kind = 'S')
$statement$, $1::text, $2::text, (select string_agg(format('f.%1$I = s.%1$I', k), ' and ') from unnest($3::text[]) k),
              c.standing, c.new, ' and f.date_key = ' || $5::integer, $4::text, ' and s.date_key = ' || $5::integer)
from (
    select string_agg('f.' || quote_ident(f.attname), ', ' order by f.attnum) as standing,
           string_agg('s.' || quote_ident(f.attname), ', ' order by f.attnum) as new
    from pg_attribute f
    join pg_attribute s on s.attname = f.attname and s.attnum > 0 and s.attrelid = to_regclass($2::text)
    where f.attrelid = to_regclass($1::text) and f.attnum > 0 and not f.attisdropped and f.attname <> 'row_no'
) c

-- name: update
-- $4 the date or null, $5 the run. loaded_at where the table has it.
select format($statement$
update %1$I f
set %4$s, source_lsn = null, etl_run_id = %6$s%5$s
from stage_kinds k
join %2$I s on s.row_no = k.row_no
where k.target = %1$L and k.kind = 'U' and %3$s%7$s
$statement$, $1::text, $2::text, (select string_agg(format('f.%1$I = s.%1$I', k), ' and ') from unnest($3::text[]) k),
              c.assignments,
              (select ', loaded_at = clock_timestamp()' from pg_attribute
               where attrelid = to_regclass($1::text) and attname = 'loaded_at'),
              $5::bigint, ' and f.date_key = ' || $4::integer || ' and s.date_key = ' || $4::integer)
from (
    select string_agg(format('%1$I = s.%1$I', f.attname), ', ' order by f.attnum) as assignments
    from pg_attribute f
    join pg_attribute s on s.attname = f.attname and s.attnum > 0 and s.attrelid = to_regclass($2::text)
    where f.attrelid = to_regclass($1::text) and f.attnum > 0 and not f.attisdropped and f.attname <> 'row_no'
) c

-- name: insert
-- $3 the date or null, $4 the run.
select format($statement$
insert into %1$I (%3$s, etl_run_id)
select %4$s, %5$s
from stage_kinds k
join %2$I s on s.row_no = k.row_no
where k.target = %1$L and k.kind = 'I'%6$s
$statement$, $1::text, $2::text, c.columns, c.new, $4::bigint, ' and s.date_key = ' || $3::integer)
from (
    select string_agg(quote_ident(f.attname), ', ' order by f.attnum) as columns,
           string_agg('s.' || quote_ident(f.attname), ', ' order by f.attnum) as new
    from pg_attribute f
    join pg_attribute s on s.attname = f.attname and s.attnum > 0 and s.attrelid = to_regclass($2::text)
    where f.attrelid = to_regclass($1::text) and f.attnum > 0 and not f.attisdropped and f.attname <> 'row_no'
) c

-- name: remove_gone
-- Live facts of the date $5 that the source no longer has become tombstones: $2 the staging table, $4 its key columns, $6 the
-- run. A row that is quarantined is still there: its fact keeps the last good version. If the key of one cannot be read, nothing
-- is taken for gone.
select format($statement$
update %1$I f
set is_deleted = true, etl_run_id = %6$s, loaded_at = clock_timestamp()
where f.date_key = %5$s and not f.is_deleted
  and not exists (select from %2$I s where %3$s)
  and not exists (select from %2$I s where %4$s)
$statement$, $1::text, $2::text, string_agg(format('s.%I = f.%I', k.stage_key, k.key), ' and '),
              string_agg(format('s.%I is null', k.stage_key), ' or '), $5::integer, $6::bigint)
from unnest($3::text[], $4::text[]) k (key, stage_key)

-- name: remove_latest
-- The same of a latest state, which goes: $5 the date or null for the whole table.
select format($statement$
delete from %1$I f
where not exists (select from %2$I s where %3$s)
  and not exists (select from %2$I s where %4$s)%5$s
$statement$, $1::text, $2::text, string_agg(format('s.%I = f.%I', k.stage_key, k.key), ' and '),
              string_agg(format('s.%I is null', k.stage_key), ' or '), ' and f.date_key = ' || $5::integer)
from unnest($3::text[], $4::text[]) k (key, stage_key)

-- name: counts
-- Rows by what became of them; each once, whatever tables it went to. $1 the table that tells what is new.
select count(*) filter (where k.is_new), count(*) filter (where not k.is_new and k.is_changed),
       count(*) filter (where not k.is_new and not k.is_changed and k.is_old),
       count(*) filter (where not k.is_new and not k.is_changed and not k.is_old)
from (
    select bool_or(target = $1 and kind = 'I') as is_new, bool_or(kind in ('I', 'U', 'D')) as is_changed,
           bool_or(kind = 'S') as is_old
    from stage_kinds
    group by row_no
) k

-- name: count_left
-- Rows that went nowhere: their date is not loaded, or they are not sampled. $1 the staging table.
select format('select count(*) from %I s where not s.is_error and not exists (select from stage_kinds k where k.row_no = s.row_no)',
              $1::text)
