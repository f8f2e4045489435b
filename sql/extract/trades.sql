-- The clients' trades of one data interval, in execution order, so that the load can compute realised P&L on the way. trade_date is the instant of the execution.
select t.trade_id::bigint                           as source_id,
       t.trade_reference::text                      as trade_reference,
       t.tenant_id::uuid                            as tenant_id,
       null::integer                                as account_id,
       t.client_id::uuid                            as client_id,
       t.instrument_id::integer                     as instrument_id,
       null::integer                                as strategy_id,
       t.lp_id::uuid                                as lp_id,
       t.order_id::bigint                           as order_id,
       t.order_type::text                           as order_type,
       t.trade_date::timestamptz                    as executed_at,
       null::timestamptz                            as reported_at,
       t.settlement_date::date                      as settlement_date,
       t.side::text                                 as side,
       t.quantity::numeric                          as quantity,
       t.price::numeric                             as price,
       null::numeric                                as commission,
       t.fees::numeric                              as fees,
       t.currency::text                             as currency,
       null::text                                   as liquidity_flag,
       t.execution_venue::text                      as execution_venue,
       t.fill_latency_ms::numeric                   as fill_latency_ms,
       t.fill_count::integer                        as fill_count,
       t.is_partial_fill::boolean                   as is_partial_fill,
       t.status::text                               as status,
       t.updated_at::timestamptz                    as updated_at
from trades t
where t.trade_date >= current_setting('tapemill.interval_start')::timestamptz
  and t.trade_date < current_setting('tapemill.interval_end')::timestamptz
order by t.trade_date, t.trade_reference collate "C"
