-- name: server
select current_setting('server_version') as version, current_setting('server_version_num')::integer as version_num,
       current_database() as database, current_user as role,
       (extract(epoch from clock_timestamp()) * 1000)::bigint as unix_ms;

-- name: time_zone
-- $1 zone.
select exists (select from pg_timezone_names where lower(name) = lower($1)) as known;

-- name: partitions
-- Month parents that are missing, of each fact, from this month to $1 months ahead.
with wanted as (
    select to_char(month, 'YYYYMMDD')::integer as first_key
    from generate_series(date_trunc('month', now()), date_trunc('month', now()) + make_interval(months => $1::integer),
                         interval '1 month') m (month)
), months as (
    select i.inhparent as fact, substring(pg_get_expr(c.relpartbound, c.oid) from 'FROM \(''?(\d+)''?\)')::integer as first_key
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
)
select count(*) as missing, coalesce(min(f.oid::regclass::text || ' ' || w.first_key), '') as example
from pg_class f
cross join wanted w
where f.relkind = 'p' and not f.relispartition and f.relname like 'fact\_%' and pg_table_is_visible(f.oid)
  and not exists (select from months m where m.fact = f.oid and m.first_key = w.first_key);

-- name: dates
select min(date) as first_date, max(date) as last_date, count(*) as dates,
       coalesce(max(date) - min(date) + 1, 0) as span, (select count(*) from dim_time) as seconds,
       coalesce(max(date) < current_date + 31, true) as ends_soon
from dim_date;

-- name: running
-- Ids that should hold a lease. $1 seconds, $2 limit.
select id
from etl_jobs
where state = 'running' and started_at < clock_timestamp() - make_interval(secs => $1::integer)
order by id
limit $2::bigint;

-- name: ledger
-- $1 seconds after which a run is stuck, $2 minutes after which an alert should have been delivered.
select (select count(*) from etl_jobs where state = 'dead') as dead,
       (select count(*) from etl_job_runs r
        left join etl_jobs j on j.id = r.job_id
        where r.status = 'RUNNING' and coalesce(j.kind, 'batch') = 'batch'
          and r.started_at < clock_timestamp() - make_interval(secs => $1::integer)) as stuck,
       (select count(*) from etl_alerts where delivered_at is null) as alerts,
       (select count(*) from etl_alerts
        where delivered_at is null and created_at < clock_timestamp() - make_interval(mins => $2::integer)) as late_alerts,
       (select count(*) from etl_quarantine where resolved_at is null) as quarantined,
       (select count(*) from etl_backfills where state = 'failed') as failed_backfills;

-- name: leader
-- Whether a scheduler leads: it holds the advisory lock of sql/ledger/scheduler.sql.
select exists (
    select from pg_locks
    where locktype = 'advisory' and granted and objsubid = 1
      and database = (select oid from pg_database where datname = current_database())
      and (classid::bigint << 32) | objid::bigint = hashtextextended('tapemill scheduler', 0)) as leads;

-- name: locks
-- What an unpruned query over the fact with most partitions locks (tables and their indexes), and how much the server's
-- lock table holds.
with recursive tree as (
    select oid, oid as root, 0 as level from pg_class
    where relkind = 'p' and not relispartition and relname like 'fact\_%' and pg_table_is_visible(oid)
    union all
    select i.inhrelid, t.root, t.level + 1 from tree t join pg_inherits i on i.inhparent = t.oid
), sizes as (
    select t.root, count(*) filter (where c.relkind = 'r') as leaves,
           count(*) + sum((select count(*) from pg_index x where x.indrelid = t.oid)) as locks
    from tree t join pg_class c on c.oid = t.oid
    group by t.root
)
select root::regclass::text as fact, leaves, locks::bigint as locks,
       current_setting('max_locks_per_transaction')::bigint
       * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint) as capacity,
       current_setting('max_locks_per_transaction')::bigint as per_transaction
from sizes
order by locks desc, fact
limit 1;

-- name: watermark
-- The watermark that is furthest behind.
select source_table, greatest(0, extract(epoch from clock_timestamp() - last_processed_timestamp))::bigint as seconds
from etl_cdc_watermarks
where last_processed_timestamp is not null
order by last_processed_timestamp
limit 1;

-- name: source
-- Whether our role sees when other sessions' transactions began (watermarks stop short of the oldest).
select current_setting('server_version') as version, current_database() as database, current_user as role,
       pg_has_role('pg_read_all_stats', 'usage') as sees_sessions;

-- name: paused_schedules
select schedule from etl_schedule_pauses order by schedule;

-- name: given_up
-- $1 now in seconds, $2 days: ticks about business dates that were skipped because they were too late, the newest first,
-- unless a later backfill of the target takes in their time.
select t.schedule, t.version,
       extract(epoch from coalesce(t.interval_start, t.tick_at))::bigint as start, extract(epoch from t.tick_at)::bigint as tick
from etl_schedule_ticks t
join etl_schedules s on s.version = t.version and s.name = t.schedule and s.dates <> 'none'
where t.status = 'skipped' and t.reason in ('window', 'missed')
  and t.tick_at between timestamptz 'epoch' + ($1::bigint - $2::bigint * 86400) * interval '1 second'
                    and timestamptz 'epoch' + $1::bigint * interval '1 second'
  and not exists (select from etl_backfills b
                  where b.target = coalesce(s.pipeline, s.job) and b.state <> 'cancelled'
                    and (b.arguments @> s.arguments
                         or exists (select from jsonb_each_text(s.arguments) a where a.value ~ '[{}]'))
                    and b.from_date <= (t.interval_start at time zone s.time_zone)::date + 1
                    and b.to_date >= (t.tick_at at time zone s.time_zone)::date - 1)
order by t.tick_at desc, t.schedule;

-- name: inferred
-- $1 hours: members whose newest version has been inferred for longer, and one of them; inferred versions in gaps that are
-- over, and the member of one.
with inferred (dimension, id, is_newest, known_from) as (
    select 'instrument', instrument_id::text, valid_to = 'infinity', known_from
    from dim_instrument where is_inferred and valid_from < valid_to
    union all
    select 'account', account_id::text, valid_to = 'infinity', known_from
    from dim_account where is_inferred and valid_from < valid_to
    union all
    select 'strategy', strategy_id::text, valid_to = 'infinity', known_from
    from dim_strategy where is_inferred and valid_from < valid_to
    union all
    select 'client', client_id::text, valid_to = 'infinity', known_from
    from dim_client where is_inferred and valid_from < valid_to
    union all
    select 'liquidity_provider', lp_id::text, valid_to = 'infinity', known_from
    from dim_liquidity_provider where is_inferred and valid_from < valid_to
), late as (
    select * from inferred where known_from < clock_timestamp() - make_interval(hours => $1::integer)
)
select count(*) filter (where is_newest) as members,
       coalesce(min(dimension || ' ' || id) filter (where is_newest), '') as member,
       count(*) filter (where not is_newest) as gaps,
       coalesce(min(dimension || ' ' || id) filter (where not is_newest), '') as gap
from late;

-- name: deletes_refused
-- Tables at the source.
select distinct source_table
from etl_data_quality_issues
where rule_name = 'deletes_refused' and resolved_at is null
order by 1;

-- name: rekey_dead
-- Dates with facts that a job gave up moving to other versions. A job with a wrong argument had none to move.
select count(distinct business_date)
from etl_jobs
where state = 'dead' and job_name = 'rekey_facts' and error_code is distinct from 'argument';
