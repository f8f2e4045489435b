-- The materialised views. See jobs/refresh_views.c.

-- name: lock
-- One refresh at a time, to its commit: two would wait for each other's view.
select pg_advisory_xact_lock(hashtext('tapemill refresh_views'), 0)

-- name: set_as_of
-- $1 the date, $2 the end of that business date, $3 whether an earlier date may take a later one's place, $4 the run.
insert into as_of (as_of, ends_at, run_no)
values ($1::date, $2::timestamptz, $4::bigint)
on conflict (singleton) do update
set as_of = excluded.as_of, ends_at = excluded.ends_at, run_no = excluded.run_no
where (as_of.as_of, as_of.ends_at) is distinct from (excluded.as_of, excluded.ends_at)
  and ($3::boolean or excluded.as_of >= as_of.as_of)

-- name: as_of
select as_of from as_of

-- name: later_of_backfill
-- $1 the backfill, $2 the job. Whether the backfill has further dates to take, or others whose views are to be refreshed. A
-- job that is blocked by one that is dead or cancelled may never run: nothing is left to it.
select exists (select from etl_backfills b
               where b.id = $1::bigint and b.state = 'running'
                 and (b.next_date is not null
                      or exists (select from etl_jobs o
                                 where o.backfill_id = b.id and o.job_name = 'refresh_views' and o.id <> $2::bigint
                                   and o.state in ('waiting', 'queued', 'retry')
                                   and (o.pending = 0
                                        or not exists (select from etl_jobs d where d.pipeline_run_id = o.pipeline_run_id
                                                                                and d.state in ('dead', 'cancelled'))))))

-- name: lock_window
-- $1 and $2 the first and the last date_key. A refresh has its snapshot before its query is planned, which is where it waits
-- for a leaf that is being replaced: it would find the new one empty. Planning this waits for it beforehand.
select from fact_trades f where f.date_key >= $1::integer and f.date_key < $2::integer + 1 limit 0

-- name: refresh_strategies utility
refresh materialized view concurrently mv_top_performing_strategies

-- name: refresh_instruments utility
refresh materialized view concurrently mv_instrument_statistics

-- name: rows
select (select count(*) from mv_top_performing_strategies) as strategies,
       (select count(*) from mv_instrument_statistics) as instruments
