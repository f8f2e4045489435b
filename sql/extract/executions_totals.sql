-- What the desk's executions of one data interval add up to: one row, whatever there is. The nightly comparison holds it
-- against fact_trades, so it counts the rows that sql/extract/executions.sql delivers. tapemill.quarantined lists the rows
-- that the warehouse holds in quarantine: they are left out of everything, and counted where they are still as they were.
-- The last four columns are what the live rows take from their orders. order_checksum adds up one number per row, the
-- first 32 bits of the MD5 of EXECUTION|STRATEGY|PROVIDER|ORDER TYPE, each as text, '' where there is none: so it tells
-- also of two rows that have changed places, and of a row that has another one's strategy.
select count(*) filter (where q.source_id is null and e.status is distinct from 'CANCELLED')::bigint as live_rows,
       count(*) filter (where q.source_id is null and e.status = 'CANCELLED')::bigint                as cancelled_rows,
       count(*) filter (where q.updated_at is not distinct from e.updated_at
                          and q.source_id is not null)::bigint                                       as quarantined_rows,
       coalesce(sum(e.quantity) filter (where q.source_id is null and e.status is distinct from 'CANCELLED'),
                0)::numeric                                                                          as quantity,
       coalesce(sum(e.quantity * e.price) filter (where q.source_id is null and e.status is distinct from 'CANCELLED'),
                0)::numeric                                                                          as notional,
       coalesce(sum(e.commission) filter (where q.source_id is null and e.status is distinct from 'CANCELLED'),
                0)::numeric                                                                          as commission,
       coalesce(sum(e.fees) filter (where q.source_id is null and e.status is distinct from 'CANCELLED'),
                0)::numeric                                                                          as fees,
       max(e.updated_at) filter (where q.source_id is null
                                   and e.status is distinct from 'CANCELLED')::timestamptz           as newest_update,
       count(o.strategy_id) filter (where q.source_id is null and e.status is distinct from 'CANCELLED')::bigint
                                                                                                     as with_strategy,
       count(o.lp_id) filter (where q.source_id is null and e.status is distinct from 'CANCELLED')::bigint
                                                                                                     as with_provider,
       count(o.order_type) filter (where q.source_id is null and e.status is distinct from 'CANCELLED')::bigint
                                                                                                     as with_order_type,
       coalesce(sum(('x' || left(md5(concat(e.execution_id, '|', o.strategy_id, '|', o.lp_id, '|', o.order_type)), 8))::bit(32)::bigint)
                    filter (where q.source_id is null and e.status is distinct from 'CANCELLED'), 0)::numeric
                                                                                                     as order_checksum
from executions e
left join orders o on o.order_id = e.order_id
left join jsonb_to_recordset(current_setting('tapemill.quarantined')::jsonb)
     as q (source_id bigint, trade_reference text, updated_at timestamptz) on q.source_id = e.execution_id
where e.executed_at >= current_setting('tapemill.interval_start')::timestamptz
  and e.executed_at < current_setting('tapemill.interval_end')::timestamptz
