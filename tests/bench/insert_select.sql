-- The best single statement: everything resolved by joins inside one database, straight into the day's ordinary leaf with
-- its keys, checks and indexes. The same columns as Tapemill's load; realised P&L is not computed.
\ir ordinary_leaf.sql
insert into fact_trades (date_key, time_key, instrument_key, account_key, strategy_key, client_key, lp_key, tenant_id, source,
    trade_reference, execution_id, order_id, execution_timestamp, side, order_type, quantity, price, notional_value,
    commission, fees, net_amount, currency, rate_to_base, liquidity_flag, execution_venue, latency_ms, is_deleted,
    source_updated_at, etl_run_id)
select :key, extract(epoch from (e.executed_at at time zone 'America/New_York')::time)::integer, i.instrument_key,
       a.account_key, coalesce(s.strategy_key, 0), coalesce(c.client_key, 0), coalesce(l.lp_key, 0), a.tenant_id, 'DESK',
       e.execution_id::text, e.execution_id, e.order_id, e.executed_at, e.side, o.order_type, e.quantity, e.price,
       e.quantity * e.price, e.commission, e.fees,
       e.quantity * e.price + case e.side when 'BUY' then 1 else -1 end * (e.commission + e.fees), i.currency,
       case when i.currency = 'USD' then 1 else r.rate_to_base end, e.liquidity_flag, e.execution_venue,
       extract(epoch from e.reported_at - e.executed_at) * 1000, e.status = 'CANCELLED', e.updated_at, 1
from source.executions e
left join source.orders o on o.order_id = e.order_id
join dim_instrument i on i.instrument_id = e.instrument_id and e.executed_at >= i.valid_from and e.executed_at < i.valid_to
join dim_account a on a.account_id = e.account_id and e.executed_at >= a.valid_from and e.executed_at < a.valid_to
left join dim_strategy s on s.strategy_id = o.strategy_id and e.executed_at >= s.valid_from and e.executed_at < s.valid_to
left join dim_client c on c.client_id = a.client_id and e.executed_at >= c.valid_from and e.executed_at < c.valid_to
left join dim_liquidity_provider l on l.lp_id = o.lp_id and e.executed_at >= l.valid_from and e.executed_at < l.valid_to
left join lateral (select f.rate_to_base from fx_rates f where f.currency = i.currency and f.rate_date <= :'date'
                   order by f.rate_date desc limit 1) r on true
on conflict (tenant_id, source, trade_reference, date_key) do nothing;
