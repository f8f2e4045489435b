-- The desk's executions of one data interval, as sql/extract/executions.sql has them, and when the order of each changed:
-- load_changed_orders asks for those whose order_updated_at lies in a window. One without an order is none of them.
select e.execution_id::bigint                       as source_id,
       e.execution_id::text                         as trade_reference,
       null::uuid                                   as tenant_id,
       e.account_id::integer                        as account_id,
       null::uuid                                   as client_id,
       e.instrument_id::integer                     as instrument_id,
       o.strategy_id::integer                       as strategy_id,
       o.lp_id::uuid                                as lp_id,
       e.order_id::bigint                           as order_id,
       o.order_type::text                           as order_type,
       e.executed_at::timestamptz                   as executed_at,
       e.reported_at::timestamptz                   as reported_at,
       null::date                                   as settlement_date,
       e.side::text                                 as side,
       e.quantity::numeric                          as quantity,
       e.price::numeric                             as price,
       e.commission::numeric                        as commission,
       e.fees::numeric                              as fees,
       null::text                                   as currency,
       e.liquidity_flag::text                       as liquidity_flag,
       e.execution_venue::text                      as execution_venue,
       null::numeric                                as fill_latency_ms,
       null::integer                                as fill_count,
       null::boolean                                as is_partial_fill,
       e.status::text                               as status,
       e.updated_at::timestamptz                    as updated_at,
       o.updated_at::timestamptz                    as order_updated_at
from executions e
join orders o on o.order_id = e.order_id
where e.executed_at >= current_setting('tapemill.interval_start')::timestamptz
  and e.executed_at < current_setting('tapemill.interval_end')::timestamptz
order by e.executed_at, e.execution_id
