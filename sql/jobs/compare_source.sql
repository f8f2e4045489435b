-- The nightly comparison of counts and sums with the source. See jobs/compare_source.c.

-- name: lock
-- One comparison at a time, to its commit: the second sees what the first has found.
select pg_advisory_xact_lock(hashtext('tapemill compare_source'), 0)

-- name: stage utility
-- Dates as loaded before the source was looked at: a date that was loaded since is not compared.
create temporary table if not exists stage_loaded (
    source      text not null,
    date_key    integer not null,
    last_run_no bigint,
    primary key (source, date_key)
) on commit drop;
truncate stage_loaded;

-- name: note_loaded
-- $1 first and $2 last date key.
insert into stage_loaded (source, date_key, last_run_no)
select source, date_key, last_run_no from etl_fact_days where date_key between $1::integer and $2::integer

-- name: quarantined
-- $1 source table, $2 business date. What the totals leave out, as tapemill.quarantined lists it.
select count(*), coalesce(jsonb_agg(jsonb_build_object('source_id', record_data -> 'source_id',
                                                       'trade_reference', nullif(record_data ->> 'trade_reference', ''),
                                                       'updated_at', record_data -> 'updated_at')), '[]')
from etl_quarantine
where source_table = $1 and business_date = $2::date and resolved_at is null and record_data ->> 'source_id' is not null

-- name: pass_quarantined
-- On the source: $1 the list.
select set_config('tapemill.quarantined', $1, true)

-- name: compare
-- $1 date key, $2 flow, $3 source table, $4 business date, $5 the source's totals. A fact of a quarantined row keeps the
-- last good version; it is left out, as the row is at the source. A tombstone is a cancelled row or one that vanished at
-- the source: there may be more of them than cancelled rows, never fewer. What fills take from their orders is compared of the
-- desk alone: order_checksum is sql/extract/executions_totals.sql's, of the natural ids.
with held as materialized (
    select (record_data ->> 'source_id')::bigint as source_id, nullif(record_data ->> 'trade_reference', '') as trade_reference
    from etl_quarantine
    where source_table = $3 and business_date = $4::date and resolved_at is null and record_data ->> 'source_id' is not null
), warehouse as (
    select count(*) filter (where not f.is_deleted) as live_rows, count(*) filter (where f.is_deleted) as tombstones,
           (select count(*) from held) as quarantined_rows,
           trim_scale(coalesce(sum(f.quantity) filter (where not f.is_deleted), 0)) as quantity,
           trim_scale(coalesce(sum(f.notional_value) filter (where not f.is_deleted), 0)) as notional,
           trim_scale(coalesce(sum(f.commission) filter (where not f.is_deleted), 0)) as commission,
           trim_scale(coalesce(sum(f.fees) filter (where not f.is_deleted), 0)) as fees,
           max(f.source_updated_at) filter (where not f.is_deleted) as newest_update,
           count(s.strategy_id) filter (where not f.is_deleted) as with_strategy,
           count(l.lp_id) filter (where not f.is_deleted) as with_provider,
           count(f.order_type) filter (where not f.is_deleted) as with_order_type,
           coalesce(sum(('x' || left(md5(concat(f.execution_id, '|', s.strategy_id, '|', l.lp_id, '|', f.order_type)), 8))::bit(32)::bigint)
                        filter (where $2 = 'DESK' and not f.is_deleted), 0) as order_checksum
    from fact_trades f
    left join dim_strategy s on s.strategy_key = f.strategy_key
    left join dim_liquidity_provider l on l.lp_key = f.lp_key
    where f.date_key = $1::integer and f.source = $2
      and not exists (select from held h where h.trade_reference = f.trade_reference)
      and not exists (select from held h where h.source_id = f.execution_id)
), source as (
    select * from jsonb_to_record($5::jsonb)
                  as s (live_rows bigint, cancelled_rows bigint, quarantined_rows bigint, quantity numeric, notional numeric,
                        commission numeric, fees numeric, newest_update timestamptz, with_strategy bigint,
                        with_provider bigint, with_order_type bigint, order_checksum numeric)
)
select exists (select from etl_fact_days d where d.source = $2 and d.date_key = $1::integer) as is_loaded,
       (select d.last_run_no from etl_fact_days d where d.source = $2 and d.date_key = $1::integer)
           is distinct from
       (select l.last_run_no from stage_loaded l where l.source = $2 and l.date_key = $1::integer) as was_loaded_meanwhile,
       s.live_rows + s.cancelled_rows as source_rows,
       coalesce((select string_agg(format('%s %s at the source, %s in the warehouse', line.what,
                                          coalesce(line.at_source, 'none'), coalesce(line.in_warehouse, 'none')),
                                   '; ' order by line.place)
                 from (values (1, 'live rows', s.live_rows::text, w.live_rows::text, s.live_rows is distinct from w.live_rows),
                              (2, 'cancelled rows', s.cancelled_rows::text, w.tombstones::text, s.cancelled_rows > w.tombstones),
                              (3, 'rows that are in quarantine', s.quarantined_rows::text, w.quarantined_rows::text,
                               s.quarantined_rows is distinct from w.quarantined_rows),
                              (4, 'quantity', trim_scale(s.quantity)::text, w.quantity::text,
                               s.quantity is distinct from w.quantity),
                              (5, 'quantity x price', trim_scale(s.notional)::text, w.notional::text,
                               s.notional is distinct from w.notional),
                              (6, 'commission', trim_scale(s.commission)::text, w.commission::text,
                               s.commission is distinct from w.commission),
                              (7, 'fees', trim_scale(s.fees)::text, w.fees::text, s.fees is distinct from w.fees),
                              (8, 'newest updated_at', s.newest_update::text, w.newest_update::text,
                               s.newest_update is distinct from w.newest_update),
                              (9, 'rows with a strategy', s.with_strategy::text, w.with_strategy::text,
                               $2 = 'DESK' and s.with_strategy is distinct from w.with_strategy),
                              (10, 'rows with a liquidity provider', s.with_provider::text, w.with_provider::text,
                               $2 = 'DESK' and s.with_provider is distinct from w.with_provider),
                              (11, 'rows with an order type', s.with_order_type::text, w.with_order_type::text,
                               $2 = 'DESK' and s.with_order_type is distinct from w.with_order_type),
                              (12, 'checksum of what the rows take from their orders', s.order_checksum::text,
                               w.order_checksum::text, $2 = 'DESK' and s.order_checksum is distinct from w.order_checksum))
                      as line (place, what, at_source, in_warehouse, differs)
                 where line.differs), '') as differences,
       jsonb_build_object('source', $5::jsonb, 'warehouse', to_jsonb(w)) as figures
from source s cross join warehouse w

-- name: open_finding
-- $1 source table, $2 business date, $3 figures now. The repair is 'none', 'pending' (a dead one waits for somebody),
-- 'done' or 'cancelled'.
select i.rule_name, i.severity, i.record_data -> 'source' = $3::jsonb -> 'source' as is_source_unchanged,
       case when i.record_data ->> 'repair_job' is null then 'none'
            when j.id is null or j.state = 'done' then 'done'
            when j.state = 'cancelled' then 'cancelled'
            else 'pending' end as repair,
       i.record_data ->> 'repair_job' as repair_job
from etl_data_quality_issues i
left join etl_jobs j on j.id = (i.record_data ->> 'repair_job')::bigint
where i.source_table = $1 and i.business_date = $2::date and i.resolved_at is null
  and i.rule_name in ('source_totals_differ', 'source_date_not_loaded')

-- name: resolve
-- $1 source table, $2 business date.
update etl_data_quality_issues
set resolved_at = clock_timestamp()
where source_table = $1 and business_date = $2::date and resolved_at is null
  and rule_name in ('source_totals_differ', 'source_date_not_loaded')

-- name: file_finding
-- $1 run, $2 source table, $3 business date, $4 rule, $5 severity, $6 message, $7 figures, $8 job that loads the date or null.
insert into etl_data_quality_issues (job_run_id, source_table, record_id, rule_name, severity, error_message, record_data,
                                     business_date)
values ($1::uuid, $2, null, $4::text, $5, format('[%s] %s', $4::text, $6::text),
        $7::jsonb || jsonb_build_object('repair_job', $8::bigint), $3::date)

-- name: pending_load
-- A load of the date that has not begun will see what we saw. $1 job, $2 business date.
select id from etl_jobs
where job_name = $1 and business_date = $2::date and state in ('waiting', 'queued', 'retry')
order by id limit 1
