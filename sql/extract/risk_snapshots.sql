-- Risk snapshots of one data interval. A row without a tenant has its client's.
select r.tenant_id::uuid             as tenant_id,
       r.client_id::uuid             as client_id,
       r.snapshot_at::timestamptz    as snapshot_at,
       r.utilization_pct::numeric    as utilization_pct,
       r.soft_breach_count::bigint   as soft_breach_count,
       r.hard_breach_count::bigint   as hard_breach_count,
       r.risk_score::numeric         as risk_score,
       r.updated_at::timestamptz     as updated_at
from risk_snapshots r
where r.snapshot_at >= current_setting('tapemill.interval_start')::timestamptz
  and r.snapshot_at < current_setting('tapemill.interval_end')::timestamptz
   or r.snapshot_at is null and current_setting('tapemill.interval_start')::timestamptz = '-infinity'
