-- The source's positions. See jobs/event_fact.h for what the sections do.

-- name: stage utility
create temporary table if not exists stage_positions (
    position_id     bigint,
    tenant_id       uuid,
    client_id       uuid,
    account_id      integer,
    instrument_id   integer,
    quantity        numeric,
    side            text,
    avg_entry_price numeric,
    current_price   numeric,
    market_value    numeric,
    unrealized_pnl  numeric,
    realized_pnl    numeric,
    opened_at       timestamptz,
    closed_at       timestamptz,
    updated_at      timestamptz,
    row_no          bigint primary key,
    date_key        integer,
    time_key        integer,
    issues          text,
    is_error        boolean generated always as (coalesce(issues ~ '(^|\n)E\|', false)) stored
) on commit drop;
create temporary table if not exists rows_positions (
    row_no            bigint primary key,
    position_id       bigint not null,
    tenant_id         uuid,
    client_id         uuid,
    account_id        integer,
    instrument_id     integer,
    quantity          numeric not null,
    side              text,
    avg_entry_price   numeric,
    current_price     numeric,
    market_value      numeric,
    unrealized_pnl    numeric,
    realized_pnl      numeric,
    opened_at         timestamptz,
    closed_at         timestamptz,
    source_updated_at timestamptz not null
) on commit drop;
create index if not exists stage_positions_key on stage_positions (position_id);
truncate stage_positions, rows_positions;

-- name: copy utility
copy stage_positions (position_id, tenant_id, client_id, account_id, instrument_id, quantity, side, avg_entry_price, current_price,
    market_value, unrealized_pnl, realized_pnl, opened_at, closed_at, updated_at, row_no, date_key, time_key)
from stdin (format binary)

-- name: judge
-- Whose tenant a position is of is not asked: it is compared by account. A side tells the sign of a quantity; a negative
-- quantity has it already, and is one of a short position.
update stage_positions s
set issues = nullif(j.issues, '')
from (
    select row_no,
           concat_ws(E'\n',
               case when position_id is null then 'E|position_required|position_id is required' end,
               case when account_id is null then 'E|account_required|account_id is required' end,
               case when instrument_id is null then 'E|instrument_required|instrument_id is required' end,
               case when updated_at is null then 'E|updated_at_required|updated_at is required: it is the row''s version' end,
               case when not isfinite(updated_at) or not isfinite(opened_at) or not isfinite(closed_at)
                    then 'E|finite_instants|an instant is infinite' end,
               case when quantity is null then 'E|quantity_required|quantity is required' end,
               case when side not in ('LONG', 'SHORT') then 'E|valid_side|side must be LONG or SHORT' end,
               case when quantity < 0 and side = 'LONG' then 'E|side_agrees|a LONG position has a negative quantity' end,
               case when (select bool_or(v in ('NaN', 'Infinity', '-Infinity'))
                          from (values (quantity), (avg_entry_price), (current_price), (market_value), (unrealized_pnl),
                                       (realized_pnl)) as m (v))
                    then 'E|finite_numbers|a measure is NaN or infinite' end,
               case when closed_at < opened_at then 'W|closed_after_opened|the position was closed before it was opened' end)
               as issues
    from stage_positions
) j
where s.row_no = j.row_no and j.issues <> ''

-- name: derive
-- A position takes nothing from its members.
select 1

-- name: resolve
insert into rows_positions (row_no, position_id, tenant_id, client_id, account_id, instrument_id, quantity, side, avg_entry_price,
                            current_price, market_value, unrealized_pnl, realized_pnl, opened_at, closed_at, source_updated_at)
select row_no, position_id, tenant_id, client_id, account_id, instrument_id,
       case when side = 'SHORT' then -abs(quantity) else quantity end, side, avg_entry_price, current_price, market_value,
       unrealized_pnl, realized_pnl, opened_at, closed_at, updated_at
from stage_positions
where not is_error

-- name: issues
insert into stage_issues (record_id, business_date, issues, record_data)
select s.position_id::text, null, s.issues, to_jsonb(s) - '{row_no,date_key,time_key,issues,is_error}'::text[]
from stage_positions s
where s.is_error
   or s.issues is not null and exists (select from stage_kinds k where k.row_no = s.row_no and k.kind in ('I', 'U'))

-- name: read
update etl_quarantine q
set resolved_at = now()
from stage_positions s
where q.resolved_at is null and q.source_table = $1 and q.record_id = s.position_id::text and not s.is_error
