-- What the clients' trades of one data interval add up to: one row, whatever there is. The nightly comparison holds it
-- against fact_trades, so it counts the rows that sql/extract/trades.sql delivers, of several with one reference the
-- newest, as the load does. tapemill.quarantined lists the rows that the warehouse holds in quarantine: they, and others
-- with their reference, are left out of everything, and those that are still as they were are counted.
with quarantined as materialized (
    select q.source_id, q.trade_reference, q.updated_at
    from jsonb_to_recordset(current_setting('tapemill.quarantined')::jsonb)
         as q (source_id bigint, trade_reference text, updated_at timestamptz)
), rows as (
    select t.status, t.quantity, t.price, t.fees, t.updated_at, q.source_id is not null or r.trade_reference is not null as is_held,
           q.source_id is not null and q.updated_at is not distinct from t.updated_at as is_quarantined,
           row_number() over (partition by q.source_id is not null, t.tenant_id, t.trade_reference
                              order by t.updated_at desc, t.trade_id desc) as place
    from trades t
    left join quarantined q on q.source_id = t.trade_id
    left join (select distinct trade_reference from quarantined) r on r.trade_reference = t.trade_reference
    where t.trade_date >= current_setting('tapemill.interval_start')::timestamptz
      and t.trade_date < current_setting('tapemill.interval_end')::timestamptz
), counted as (
    select r.is_quarantined, not r.is_held and r.place = 1 and r.status is distinct from 'CANCELLED' as is_live,
           not r.is_held and r.place = 1 and r.status = 'CANCELLED' as is_cancelled, r.quantity, r.price, r.fees, r.updated_at
    from rows r
)
select count(*) filter (where is_live)::bigint                           as live_rows,
       count(*) filter (where is_cancelled)::bigint                      as cancelled_rows,
       count(*) filter (where is_quarantined)::bigint                    as quarantined_rows,
       coalesce(sum(quantity) filter (where is_live), 0)::numeric         as quantity,
       coalesce(sum(quantity * price) filter (where is_live), 0)::numeric as notional,
       0::numeric                                                        as commission,
       coalesce(sum(fees) filter (where is_live), 0)::numeric             as fees,
       max(updated_at) filter (where is_live)::timestamptz               as newest_update
from counted
