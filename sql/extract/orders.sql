-- Orders of one data interval, by the instant of their creation, in whatever state they are; where everything is asked for,
-- those without such an instant too.
select o.order_id::bigint              as order_id,
       o.tenant_id::uuid               as tenant_id,
       o.client_id::uuid               as client_id,
       o.account_id::integer           as account_id,
       o.strategy_id::integer          as strategy_id,
       o.instrument_id::integer        as instrument_id,
       o.lp_id::uuid                   as lp_id,
       o.order_type::text              as order_type,
       o.side::text                    as side,
       o.status::text                  as status,
       o.requested_quantity::numeric   as requested_quantity,
       o.filled_quantity::numeric      as filled_quantity,
       o.limit_price::numeric          as limit_price,
       o.avg_fill_price::numeric       as avg_fill_price,
       o.fill_count::bigint            as fill_count,
       o.total_latency_ms::numeric     as total_latency_ms,
       o.routing_latency_ms::numeric   as routing_latency_ms,
       o.created_at::timestamptz       as created_at,
       o.updated_at::timestamptz       as updated_at
from orders o
where o.created_at >= current_setting('tapemill.interval_start')::timestamptz
  and o.created_at < current_setting('tapemill.interval_end')::timestamptz
   or o.created_at is null and current_setting('tapemill.interval_start')::timestamptz = '-infinity'
