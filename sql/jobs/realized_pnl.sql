-- Realised P&L of one business date: reading the books and their fills, writing back what they came to. See
-- jobs/realized_pnl.c.

-- name: stage utility
-- Three kinds of row: a fill whose realised P&L is not what its fact says (trade_key is set), a book that is not flat at
-- the close, and a lot of such a book (lot_no is set).
create temporary table if not exists stage_pnl (
    trade_key     bigint,
    realized_pnl  numeric(38,8),
    is_closing    boolean,
    source        text,
    tenant_id     uuid,
    account_id    integer,
    strategy_id   integer,
    client_id     uuid,
    instrument_id integer,
    lot_no        integer,
    quantity      numeric(38,8),
    total_cost    numeric,
    executed_at   timestamptz,
    trade_reference text collate "C"
) on commit drop;
truncate stage_pnl;

-- name: copy_stage utility
copy stage_pnl (trade_key, realized_pnl, is_closing, source, tenant_id, account_id, strategy_id, client_id, instrument_id,
    lot_no, quantity, total_cost, executed_at, trade_reference) from stdin (format binary)

-- name: lock_condition
-- Makes the condition if need be, and locks it as it is: whoever holds it or sets it waits for the commit.
insert into etl_conditions as c (key, met) values ($1, false)
on conflict (key) do update set met = c.met where false

-- name: look_at_condition
-- The same for one that may not be there.
select met from etl_conditions where key = $1 for update

-- name: events
-- The statement that gives each book's opening state, its lots, then its fills in execution order; its columns are enum
-- event_field. COPY takes no parameters, and a date_key that is not a constant would lock the leaves of all dates. $1 the
-- business date's key, $2 the key of the date before, 0 if there is none, $3 the flows.
select format($statement$
select e.source, e.tenant_id, e.account_id, e.strategy_id, e.client_id, e.instrument_id, e.trade_key, e.lot_no,
       e.executed_at, e.trade_reference, e.side, e.quantity, e.price, e.multiplier, e.realized_pnl, e.is_closing
from (
    select p.source, p.tenant_id, p.account_id, p.strategy_id, p.client_id, p.instrument_id, null::bigint as trade_key,
           0::bigint as lot_no, null::text collate "C" as trade_reference, null::text as side, p.quantity,
           p.total_cost as price, null::numeric as multiplier, null::numeric as realized_pnl,
           null::boolean as is_closing, null::timestamptz as executed_at, null::bigint as execution_number
    from etl_open_positions p
    where p.date_key = %2$s
      and p.source = any (%3$L::text[])
    union all
    select l.source, l.tenant_id, l.account_id, l.strategy_id, l.client_id, l.instrument_id, null, l.lot_no,
           l.trade_reference, null, l.quantity, l.cost, null, null, null, l.executed_at, null
    from etl_open_lots l
    where l.date_key = %2$s
      and l.source = any (%3$L::text[])
    union all
    select f.source, f.tenant_id, case f.source when 'DESK' then a.account_id end,
           case f.source when 'DESK' then s.strategy_id end, case f.source when 'CLIENT' then c.client_id end,
           i.instrument_id, f.trade_key, null, f.trade_reference, f.side, f.quantity, f.price,
           coalesce(i.contract_multiplier, 1), f.realized_pnl, f.is_closing, f.execution_timestamp,
           case f.source when 'DESK' then f.execution_id end
    from fact_trades f
    join dim_instrument i using (instrument_key)
    join dim_account a using (account_key)
    join dim_strategy s using (strategy_key)
    join dim_client c on c.client_key = f.client_key
    where f.date_key = %1$s
      and f.source = any (%3$L::text[]) and not f.is_deleted
) e
order by e.source collate "C", e.tenant_id, e.account_id, e.strategy_id, e.client_id, e.instrument_id,
         e.lot_no, e.executed_at, e.execution_number, e.trade_reference
$statement$, $1::integer, $2::integer, $3::text)

-- name: update_facts
update fact_trades f
set realized_pnl = g.realized_pnl, is_closing = g.is_closing
from stage_pnl g
where f.date_key = $1::integer and f.source = $2 and f.trade_key = g.trade_key and not f.is_deleted
  and (f.realized_pnl, f.is_closing) is distinct from (g.realized_pnl, g.is_closing)

-- name: rewrite_facts
-- Into the new leaf $1 all facts of the old one $2, with what was computed; every other column as it is.
select format('insert into %1$I (%3$s) select %4$s from %2$I f left join stage_pnl g using (trade_key)', $1::text, $2::text,
              string_agg(quote_ident(attname), ', ' order by attnum),
              string_agg(case when attname in ('realized_pnl', 'is_closing')
                              then format('case when g.trade_key is null or f.is_deleted then f.%1$I else g.%1$I end', attname)
                              else 'f.' || quote_ident(attname) end, ', ' order by attnum))
from pg_attribute
where attrelid = 'fact_trades'::regclass and attnum > 0 and not attisdropped

-- name: closing_differs
-- Books and lots alike; a book stands here as its lot 0.
with computed as (
    select source, tenant_id, account_id, strategy_id, client_id, instrument_id, coalesce(lot_no, 0) as lot_no, quantity,
           total_cost, executed_at, trade_reference
    from stage_pnl where trade_key is null
), stored as (
    select source, tenant_id, account_id, strategy_id, client_id, instrument_id, 0 as lot_no, quantity, total_cost,
           null::timestamptz as executed_at, null::text collate "C" as trade_reference
    from etl_open_positions where date_key = $1::integer and source = any ($2::text[])
    union all
    select source, tenant_id, account_id, strategy_id, client_id, instrument_id, lot_no, quantity, cost, executed_at,
           trade_reference
    from etl_open_lots where date_key = $1::integer and source = any ($2::text[])
)
select exists (table computed except table stored) or exists (table stored except table computed)

-- name: delete_closing
with lots as (delete from etl_open_lots where date_key = $1::integer and source = any ($2::text[]))
delete from etl_open_positions where date_key = $1::integer and source = any ($2::text[])

-- name: insert_closing
insert into etl_open_positions (date_key, source, tenant_id, account_id, strategy_id, client_id, instrument_id, quantity,
                                total_cost)
select $1::integer, source, tenant_id, account_id, strategy_id, client_id, instrument_id, quantity, total_cost
from stage_pnl
where trade_key is null and lot_no is null

-- name: insert_closing_lots
insert into etl_open_lots (date_key, source, tenant_id, account_id, strategy_id, client_id, instrument_id, lot_no, quantity,
                           cost, executed_at, trade_reference)
select $1::integer, source, tenant_id, account_id, strategy_id, client_id, instrument_id, lot_no, quantity, total_cost,
       executed_at, trade_reference
from stage_pnl
where trade_key is null and lot_no is not null

-- name: report_assumed_multipliers
-- $1 the run's id, $2 the business date, $3 its key.
insert into etl_data_quality_issues (job_run_id, source_table, record_id, rule_name, severity, error_message, business_date)
select $1::uuid, 'fact_trades', i.instrument_id::text, 'multiplier_assumed', 'WARNING',
       format('[multiplier_assumed] instrument %s, with %s trades on %s, has not arrived: its realised P&L was computed '
              'with a contract multiplier of 1; when sync_dimensions reads it from the source with another one, it is '
              'computed again by itself', i.instrument_id, count(*), $2::date),
       $2::date
from fact_trades f
join dim_instrument i using (instrument_key)
where f.date_key = $3::integer and not f.is_deleted and i.is_inferred and i.contract_multiplier is null
group by i.instrument_id
