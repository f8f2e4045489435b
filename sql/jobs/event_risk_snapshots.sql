-- Risk snapshots. See jobs/event_fact.h for what the sections do.

-- name: stage utility
create temporary table if not exists stage_risk_snapshots (
    tenant_id         uuid,
    client_id         uuid,
    snapshot_at       timestamptz,
    utilization_pct   numeric,
    soft_breach_count bigint,
    hard_breach_count bigint,
    risk_score        numeric,
    updated_at        timestamptz,
    row_no            bigint primary key,
    date_key          integer,
    time_key          integer,
    owner_tenant      uuid,
    issues            text,
    is_error          boolean generated always as (coalesce(issues ~ '(^|\n)E\|', false)) stored
) on commit drop;
create temporary table if not exists rows_risk_snapshots (
    row_no            bigint primary key,
    date_key          integer not null,
    time_key          integer not null,
    client_key        integer not null,
    tenant_id         uuid not null,
    client_id         uuid not null,
    snapshot_at       timestamptz not null,
    utilization_pct   numeric,
    soft_breach_count bigint not null,
    hard_breach_count bigint not null,
    risk_score        numeric,
    is_deleted        boolean not null default false,
    source_updated_at timestamptz not null
) on commit drop;
create index if not exists stage_risk_snapshots_key on stage_risk_snapshots (client_id, snapshot_at);
truncate stage_risk_snapshots, rows_risk_snapshots;

-- name: copy utility
copy stage_risk_snapshots (tenant_id, client_id, snapshot_at, utilization_pct, soft_breach_count, hard_breach_count, risk_score,
    updated_at, row_no, date_key, time_key)
from stdin (format binary)

-- name: judge
update stage_risk_snapshots s
set owner_tenant = s.tenant_id, issues = nullif(j.issues, '')
from (
    select row_no,
           concat_ws(E'\n',
               case when client_id is null then 'E|client_required|client_id is required' end,
               case when snapshot_at is null then 'E|snapshot_at_required|snapshot_at is required' end,
               case when updated_at is null then 'E|updated_at_required|updated_at is required: it is the row''s version' end,
               case when snapshot_at is not null and date_key is null or not isfinite(updated_at)
                    then 'E|finite_instants|an instant is infinite, or beyond what a calendar knows' end,
               case when soft_breach_count < 0 or hard_breach_count < 0
                    then 'E|breach_count_non_negative|a breach count is negative' end,
               case when n.special then 'E|finite_numbers|a measure is NaN or infinite' end,
               case when n.beyond
                    then 'E|numbers_in_range|a measure has more digits than the warehouse keeps (20.8); it is not rounded' end,
               case when utilization_pct < 0 then 'W|utilization_non_negative|utilization_pct is negative' end) as issues
    from stage_risk_snapshots
    cross join lateral (
        select bool_or(v in ('NaN', 'Infinity', '-Infinity')) as special,
               bool_or(v not in ('NaN', 'Infinity', '-Infinity') and (abs(v) >= 1e20 or scale(trim_scale(v)) > 8)) as beyond
        from (values (utilization_pct), (risk_score)) as m (v)
    ) n
) j
where s.row_no = j.row_no

-- name: derive
update stage_risk_snapshots s
set owner_tenant = coalesce(s.tenant_id, c.tenant_id)
from dim_client c
where not s.is_error and c.client_id = s.client_id and c.valid_from <= s.snapshot_at and s.snapshot_at < c.valid_to
  and s.owner_tenant is distinct from coalesce(s.tenant_id, c.tenant_id)

-- name: resolve
insert into rows_risk_snapshots (row_no, date_key, time_key, client_key, tenant_id, client_id, snapshot_at, utilization_pct,
                                 soft_breach_count, hard_breach_count, risk_score, source_updated_at)
select s.row_no, s.date_key, s.time_key, c.client_key, s.owner_tenant, s.client_id, s.snapshot_at, s.utilization_pct,
       coalesce(s.soft_breach_count, 0), coalesce(s.hard_breach_count, 0), s.risk_score, s.updated_at
from stage_risk_snapshots s
join stage_days d on d.date_key = s.date_key and d.is_wanted
join dim_client c on c.client_id = s.client_id and c.valid_from <= s.snapshot_at and s.snapshot_at < c.valid_to
where not s.is_error

-- name: issues
insert into stage_issues (record_id, business_date, issues, record_data)
select concat_ws(' ', s.client_id, s.snapshot_at at time zone 'UTC'), to_date(s.date_key::text, 'YYYYMMDD'), s.issues,
       to_jsonb(s) - '{row_no,date_key,time_key,owner_tenant,issues,is_error}'::text[]
from stage_risk_snapshots s
where s.is_error
   or s.issues is not null and exists (select from stage_kinds k where k.row_no = s.row_no and k.kind in ('I', 'U'))

-- name: read
update etl_quarantine q
set resolved_at = now()
from stage_risk_snapshots s
where q.resolved_at is null and q.source_table = $1
  and q.record_id = concat_ws(' ', s.client_id, s.snapshot_at at time zone 'UTC') and not s.is_error
