-- All positions as the source has them now. side says whether a quantity is LONG or SHORT.
select p.position_id::bigint       as position_id,
       p.tenant_id::uuid           as tenant_id,
       p.client_id::uuid           as client_id,
       p.account_id::integer       as account_id,
       p.instrument_id::integer    as instrument_id,
       p.quantity::numeric         as quantity,
       p.side::text                as side,
       p.avg_entry_price::numeric  as avg_entry_price,
       p.current_price::numeric    as current_price,
       p.market_value::numeric     as market_value,
       p.unrealized_pnl::numeric   as unrealized_pnl,
       p.realized_pnl::numeric     as realized_pnl,
       p.opened_at::timestamptz    as opened_at,
       p.closed_at::timestamptz    as closed_at,
       p.updated_at::timestamptz   as updated_at
from positions p
