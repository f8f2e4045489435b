-- Windows of changes by watermark. See jobs/change_window.h. Instants travel as text with all their digits, in UTC.

-- name: limit
-- Runs on the source. $1 seconds of lag. Transactions that are open, whoever holds them and even if they have written
-- nothing yet, may still write rows that carry the instant at which they began. Those of ours that only read are known by
-- name; `tapemill source` writes. When a prepared transaction began is not known, only when it was prepared.
select least(clock_timestamp() - make_interval(secs => $1::integer),
             (select min(a.xact_start) from pg_stat_activity a
              where a.datname = current_database() and a.pid <> pg_backend_pid()
                and a.application_name not in ('tapemill extract', 'tapemill doctor')),
             (select min(p.prepared) - interval '1 minute' from pg_prepared_xacts p where p.database = current_database()))
       at time zone 'UTC' || '+00' as until,
       pg_has_role('pg_read_all_stats', 'usage') as sees_sessions, current_user as role

-- name: windows
-- $1 tables, $2 how far the source can be read, $3 seconds of overlap, $4 hours that one run takes, 0 for all, $5 where to begin
-- all the same, or '', $6 without a watermark: so many hours before the limit, or '' for the beginning of time.
with known as (
    select t.place, w.last_processed_timestamp as watermark, nullif($5, '')::timestamptz as since,
           $2::timestamptz as limit_at
    from unnest($1::text[]) with ordinality as t (source_table, place)
    left join etl_cdc_watermarks w using (source_table)
), begun as (
    select *, coalesce(since, watermark, limit_at - make_interval(hours => nullif($6, '')::integer), '-infinity') as at
    from known
), cut as (
    select *, least(limit_at, at + make_interval(hours => nullif($4::integer, 0))) as until,
           at - make_interval(secs => $3::integer) as begins_at
    from begun
)
select coalesce(watermark at time zone 'UTC' || '+00', ''),
       case when isfinite(begins_at) then begins_at at time zone 'UTC' || '+00' else begins_at::text end,
       until at time zone 'UTC' || '+00',
       until <= at as nothing_new, until < limit_at as more, coalesce(isfinite(since), true) as is_finite
from cut
order by place

-- name: move_watermarks
-- By compare-and-set: $1 tables, $2 the new ones, $3 as they were read, or ''. A run that began before one does not take
-- it back. In the order of the names: two runs do not wait for each other in a circle.
insert into etl_cdc_watermarks as w (source_table, last_processed_timestamp)
select t.source_table::varchar, t.until::timestamptz
from unnest($1::text[], $2::text[], $3::text[]) as t (source_table, until, watermark)
where t.watermark = '' or exists (select from etl_cdc_watermarks k where k.source_table = t.source_table)
order by t.source_table
on conflict (source_table) do update
set last_processed_timestamp = greatest(w.last_processed_timestamp, excluded.last_processed_timestamp), updated_at = now()
where excluded.last_processed_timestamp <= w.last_processed_timestamp
   or w.last_processed_timestamp is not distinct from (
          select nullif(t.watermark, '')::timestamptz
          from unnest($1::text[], $3::text[]) as t (source_table, watermark) where t.source_table = w.source_table)
