-- Orders. See jobs/event_fact.h for what the sections do.

-- name: stage utility
create temporary table if not exists stage_orders (
    order_id           bigint,
    tenant_id          uuid,
    client_id          uuid,
    account_id         integer,
    strategy_id        integer,
    instrument_id      integer,
    lp_id              uuid,
    order_type         text,
    side               text,
    status             text,
    requested_quantity numeric,
    filled_quantity    numeric,
    limit_price        numeric,
    avg_fill_price     numeric,
    fill_count         bigint,
    total_latency_ms   numeric,
    routing_latency_ms numeric,
    created_at         timestamptz,
    updated_at         timestamptz,
    row_no             bigint primary key,
    date_key           integer,
    time_key           integer,
    owner_tenant       uuid,
    owner_client       uuid,
    issues             text,
    source_updated_at  timestamptz generated always as (updated_at) stored,
    is_error           boolean generated always as (coalesce(issues ~ '(^|\n)E\|', false)) stored
) on commit drop;
create temporary table if not exists rows_orders (
    row_no             bigint primary key,
    date_key           integer not null,
    time_key           integer not null,
    instrument_key     integer not null,
    account_key        integer not null,
    strategy_key       integer not null,
    client_key         integer not null,
    lp_key             integer not null,
    tenant_id          uuid not null,
    order_id           bigint not null,
    order_timestamp    timestamptz not null,
    order_type         text,
    side               text,
    final_status       text not null,
    requested_quantity numeric not null,
    filled_quantity    numeric not null,
    fill_rate          numeric not null,
    limit_price        numeric,
    avg_fill_price     numeric,
    fill_count         bigint not null,
    total_latency_ms   numeric,
    routing_latency_ms numeric,
    was_rejected       boolean not null,
    was_cancelled      boolean not null,
    is_deleted         boolean not null default false,
    source_updated_at  timestamptz not null
) on commit drop;
create index if not exists stage_orders_key on stage_orders (order_id);
truncate stage_orders, rows_orders;

-- name: copy utility
copy stage_orders (order_id, tenant_id, client_id, account_id, strategy_id, instrument_id, lp_id, order_type, side, status,
    requested_quantity, filled_quantity, limit_price, avg_fill_price, fill_count, total_latency_ms, routing_latency_ms, created_at,
    updated_at, row_no, date_key, time_key)
from stdin (format binary)

-- name: judge
-- An order with an account is the desk's: its tenant and client are those of the account, if it names none (accounts have the
-- default tenant if they name none). One without is a client's.
update stage_orders s
set owner_tenant = s.tenant_id, owner_client = s.client_id, issues = nullif(j.issues, '')
from (
    select row_no,
           concat_ws(E'\n',
               case when order_id is null then 'E|order_required|order_id is required' end,
               case when tenant_id is null and account_id is null
                    then 'E|tenant_required|tenant_id is required' end,
               case when client_id is null and account_id is null then 'E|client_required|client_id is required' end,
               case when instrument_id is null then 'E|instrument_required|instrument_id is required' end,
               case when created_at is null then 'E|created_at_required|created_at is required' end,
               case when updated_at is null then 'E|updated_at_required|updated_at is required: it is the row''s version' end,
               case when created_at is not null and date_key is null or not isfinite(updated_at)
                    then 'E|finite_instants|an instant is infinite, or beyond what a calendar knows' end,
               case when requested_quantity is null or requested_quantity <= 0
                    then 'E|positive_requested_quantity|requested_quantity must be greater than 0' end,
               case when status is null or status not in ('PENDING', 'PARTIAL', 'FILLED', 'CANCELLED', 'REJECTED')
                    then 'E|valid_status|status must be PENDING, PARTIAL, FILLED, CANCELLED or REJECTED' end,
               case when side not in ('BUY', 'SELL') then 'E|valid_side|side must be BUY or SELL' end,
               case when filled_quantity < 0 then 'E|filled_quantity_non_negative|filled_quantity must not be negative' end,
               case when fill_count < 0 then 'E|fill_count_non_negative|fill_count must not be negative' end,
               case when special then 'E|finite_numbers|a measure is NaN or infinite' end,
               case when not special
                         and (beyond or requested_quantity > 0 and filled_quantity / requested_quantity >= 1e21)
                    then 'E|numbers_in_range|a measure has more digits than the warehouse keeps (quantities and prices 20.8, '
                         'latencies 17.3); it is not rounded' end,
               case when filled_quantity > requested_quantity
                    then 'W|filled_not_exceed_requested|filled_quantity is greater than requested_quantity' end,
               case when total_latency_ms < 0 or routing_latency_ms < 0
                    then 'W|latency_non_negative|a latency is negative' end) as issues
    from (
        select *,
               (coalesce(requested_quantity, 0) + coalesce(filled_quantity, 0) + coalesce(limit_price, 0) + coalesce(avg_fill_price, 0)
                + coalesce(total_latency_ms, 0) + coalesce(routing_latency_ms, 0)) in ('NaN', 'Infinity', '-Infinity') as special,
               greatest(abs(requested_quantity), abs(filled_quantity), abs(limit_price), abs(avg_fill_price)) >= 1e20
                   or greatest(abs(total_latency_ms), abs(routing_latency_ms)) >= 1e17
                   or greatest(scale(trim_scale(requested_quantity)), scale(trim_scale(filled_quantity)), scale(trim_scale(limit_price)),
                               scale(trim_scale(avg_fill_price))) > 8
                   or greatest(scale(trim_scale(total_latency_ms)), scale(trim_scale(routing_latency_ms))) > 3 as beyond
        from stage_orders
    ) n
) j
where s.row_no = j.row_no

-- name: derive
update stage_orders s
set owner_tenant = coalesce(s.tenant_id, a.tenant_id), owner_client = coalesce(s.client_id, a.client_id)
from dim_account a
where not s.is_error and a.account_id = s.account_id and a.valid_from <= s.created_at and s.created_at < a.valid_to
  and (s.owner_tenant, s.owner_client)
      is distinct from (coalesce(s.tenant_id, a.tenant_id), coalesce(s.client_id, a.client_id))

-- name: resolve
-- The fill rate is taken to 60 decimals first, so that rounding it a second time rounds right.
insert into rows_orders (row_no, date_key, time_key, instrument_key, account_key, strategy_key, client_key, lp_key, tenant_id,
                         order_id, order_timestamp, order_type, side, final_status, requested_quantity, filled_quantity, fill_rate,
                         limit_price, avg_fill_price, fill_count, total_latency_ms, routing_latency_ms, was_rejected,
                         was_cancelled, source_updated_at)
select s.row_no, s.date_key, s.time_key, coalesce(i.instrument_key, 0), coalesce(a.account_key, 0), coalesce(t.strategy_key, 0),
       coalesce(c.client_key, 0), coalesce(l.lp_key, 0), s.owner_tenant, s.order_id, s.created_at, s.order_type, s.side, s.status,
       s.requested_quantity, coalesce(s.filled_quantity, 0),
       round((coalesce(s.filled_quantity, 0) + 0e-60) / s.requested_quantity, 16), s.limit_price, s.avg_fill_price,
       coalesce(s.fill_count, 0), s.total_latency_ms, s.routing_latency_ms, s.status = 'REJECTED', s.status = 'CANCELLED',
       s.updated_at
from stage_orders s
join stage_days d on d.date_key = s.date_key and d.is_wanted
left join dim_instrument i
    on i.instrument_id = s.instrument_id and i.valid_from <= s.created_at and s.created_at < i.valid_to
left join dim_account a on a.account_id = s.account_id and a.valid_from <= s.created_at and s.created_at < a.valid_to
left join dim_strategy t on t.strategy_id = s.strategy_id and t.valid_from <= s.created_at and s.created_at < t.valid_to
left join dim_client c on c.client_id = s.owner_client and c.valid_from <= s.created_at and s.created_at < c.valid_to
left join dim_liquidity_provider l on l.lp_id = s.lp_id and l.valid_from <= s.created_at and s.created_at < l.valid_to
where not s.is_error and s.status in ('FILLED', 'CANCELLED', 'REJECTED')

-- name: leave
-- Orders that are in no final state any more. $1 date key.
with gone as (
    delete from fact_orders f
    using stage_orders s
    where f.date_key = $1::integer and s.date_key = $1::integer and f.order_id = s.order_id and not s.is_error
      and s.status not in ('FILLED', 'CANCELLED', 'REJECTED')
      and (f.source_updated_at < s.updated_at or (f.source_updated_at = s.updated_at and f.source_lsn is null))
      and not exists (select from stage_kinds k where k.row_no = s.row_no and k.kind = 'S')
    returning s.row_no
)
insert into stage_kinds (target, row_no, kind) select distinct 'fact_orders', row_no, 'D'::"char" from gone

-- name: issues
insert into stage_issues (record_id, business_date, issues, record_data)
select s.order_id::text, to_date(s.date_key::text, 'YYYYMMDD'), s.issues,
       to_jsonb(s) - '{row_no,date_key,time_key,owner_tenant,owner_client,issues,source_updated_at,is_error}'::text[]
from stage_orders s
where s.is_error
   or s.issues is not null and exists (select from stage_kinds k where k.row_no = s.row_no and k.kind in ('I', 'U', 'D'))

-- name: read
update etl_quarantine q
set resolved_at = now()
from stage_orders s
where q.resolved_at is null and q.source_table = $1 and q.record_id = s.order_id::text and not s.is_error
