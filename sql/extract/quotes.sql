-- Quotes of one data interval; where everything is asked for, those without an instant too. quote_id may be NULL: then the
-- quote is known by a hash of what it says.
select q.quote_id::bigint          as quote_id,
       q.tenant_id::uuid           as tenant_id,
       q.lp_id::uuid               as lp_id,
       q.instrument_id::integer    as instrument_id,
       q.quoted_at::timestamptz    as quoted_at,
       q.bid::numeric              as bid,
       q.ask::numeric              as ask,
       q.bid_size::numeric         as bid_size,
       q.ask_size::numeric         as ask_size,
       q.is_stale::boolean         as is_stale,
       q.spread_changed::boolean   as spread_changed,
       q.latency_ms::numeric       as latency_ms,
       q.updated_at::timestamptz   as updated_at
from quotes q
where q.quoted_at >= current_setting('tapemill.interval_start')::timestamptz
  and q.quoted_at < current_setting('tapemill.interval_end')::timestamptz
   or q.quoted_at is null and current_setting('tapemill.interval_start')::timestamptz = '-infinity'
