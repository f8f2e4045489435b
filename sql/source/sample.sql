-- What makes, fills and remembers a sample source (ops/source_*.c). The tables themselves: sql/source/schema.sql.

-- name: lock
select pg_advisory_xact_lock(hashtext('tapemill sample source'))

-- Which of the source's tables there are.
-- name: tables_present
select coalesce(string_agg(name, ', '), ''), count(*)
from unnest(array['instruments', 'accounts', 'strategies', 'clients', 'liquidity_providers', 'orders', 'executions',
                  'trades', 'quotes', 'positions', 'risk_snapshots', 'fx_rates']) as name
where to_regclass(name) is not null

-- Which of them hold a row.
-- name: tables_filled
select coalesce(string_agg(name, ', '), '')
from (values ('instruments', exists (select from instruments)), ('accounts', exists (select from accounts)),
             ('strategies', exists (select from strategies)), ('clients', exists (select from clients)),
             ('liquidity_providers', exists (select from liquidity_providers)),
             ('orders', exists (select from orders)), ('executions', exists (select from executions)),
             ('trades', exists (select from trades)), ('quotes', exists (select from quotes)),
             ('positions', exists (select from positions)), ('risk_snapshots', exists (select from risk_snapshots)),
             ('fx_rates', exists (select from fx_rates))) as tables (name, filled)
where filled

-- name: drop_tables utility
drop table if exists instruments, accounts, strategies, clients, liquidity_providers, orders, executions, trades, quotes,
    positions, risk_snapshots, fx_rates, sample_summary, sample_settings, sample_imports, sample_breaks;

-- name: empty_tables utility
truncate instruments, accounts, strategies, clients, liquidity_providers, orders, executions, trades, quotes, positions,
    risk_snapshots, fx_rates, sample_summary, sample_settings, sample_imports, sample_breaks;

-- The indexes that many rows are better loaded without; schema/create_indexes makes them again.
-- name: drop_indexes utility
drop index if exists idx_instruments_updated, idx_accounts_updated, idx_strategies_updated, idx_clients_updated,
    idx_liquidity_providers_updated, idx_orders_created, idx_orders_updated, idx_executions_executed,
    idx_executions_updated, idx_executions_order, idx_trades_date, idx_trades_updated, idx_quotes_quoted, idx_quotes_updated,
    idx_positions_updated, idx_risk_snapshots_updated, idx_fx_rates_updated;

-- name: analyze utility
analyze instruments, accounts, strategies, clients, liquidity_providers, orders, executions, trades, quotes, positions,
    risk_snapshots, fx_rates;

-- name: add_summary
insert into sample_summary (position, table_name, what, outcome, rows)
values ($1::integer, $2::text, $3::text, $4::text, $5::bigint)
on conflict (table_name, what) do update set rows = sample_summary.rows + excluded.rows

-- name: show_summary
select table_name as "table", what, outcome, rows
from sample_summary
order by position, what

-- name: set_setting
insert into sample_settings (name, value)
values ($1::text, $2::text)
on conflict (name) do update set value = excluded.value

-- name: setting
select value::bigint
from sample_settings
where name = $1::text

-- What the summary tells of something as a whole, whatever it told before.
-- name: set_summary
insert into sample_summary (position, table_name, what, outcome, rows)
values ($1::integer, $2::text, $3::text, $4::text, $5::bigint)
on conflict (table_name, what) do update set rows = excluded.rows

-- Positions, newly derived from the executions that a load would accept. Entry price: the average price of all purchases
-- for a long position, of all sales for a short one; realised and unrealised then add up to cash flow plus market value.
-- name: delete_positions
with breaks as (delete from sample_breaks)
delete from positions

-- An imported source has one row for each account and instrument. A generated one has several lots of some: two open ones,
-- or one that was closed and has all that was realised. Some short ones carry the sign in the quantity. A few, told in
-- sample_breaks, hold a lot more than the executions come to.
-- name: insert_positions
with accepted as (
    select e.execution_id, e.account_id, e.instrument_id, e.executed_at, e.updated_at, e.price,
           case e.side when 'BUY' then e.quantity else 0 end as bought,
           case e.side when 'SELL' then e.quantity else 0 end as sold
    from executions e
    where e.status is distinct from 'CANCELLED' and e.side in ('BUY', 'SELL') and e.account_id is not null
      and e.instrument_id is not null and e.quantity > 0 and e.quantity < 1e20 and scale(trim_scale(e.quantity)) <= 8
      and e.price > 0 and e.price < 1e20 and scale(trim_scale(e.price)) <= 8
), books as (
    select account_id, instrument_id, sum(bought) as bought, sum(sold) as sold,
           sum(bought * price) as paid, sum(sold * price) as received,
           min(executed_at) as opened_at, max(executed_at) as traded_at, max(updated_at) as updated_at,
           (array_agg(price order by executed_at desc, execution_id desc))[1] as last_price
    from accepted
    group by account_id, instrument_id
), numbered as (
    select b.*, b.bought - b.sold as held, coalesce(i.contract_multiplier, 1) as multiplier,
           coalesce(i.lot_size, 1) as lot_size,
           case when b.bought > b.sold then b.paid / b.bought
                when b.bought < b.sold then b.received / b.sold end as entry,
           case when exists (select from sample_settings s where s.name = 'seed')
                then row_number() over (order by b.account_id, b.instrument_id) else 0 end as number
    from books b
    left join instruments i using (instrument_id)
), kept as (
    select n.*, (n.received - n.paid + coalesce(n.held * n.entry, 0)) * n.multiplier as realized,
           case when n.number % 4 = 2 and abs(n.held) >= 2 * n.lot_size
                then trunc(n.held / 2 / n.lot_size) * n.lot_size else 0 end as second_quantity,
           case when n.number % 29 = 5 and n.held <> 0 then sign(n.held) * n.lot_size else 0 end as excess
    from numbered n
), lots as (
    select k.*, 1 as lot, k.held - k.second_quantity + k.excess as quantity, k.opened_at as since,
           case when k.held = 0 then k.traded_at end as until,
           case when k.number % 4 = 1 and k.held <> 0 then 0 else k.realized end as lot_realized
    from kept k
    union all
    select k.*, 2, k.second_quantity, k.traded_at, null, 0 from kept k where k.second_quantity <> 0
    union all
    select k.*, 3, 0, k.opened_at, k.traded_at, k.realized from kept k where k.number % 4 = 1 and k.held <> 0
), breaks as (
    insert into sample_breaks (account_id, instrument_id, excess)
    select account_id, instrument_id, excess from kept where excess <> 0
)
insert into positions (position_id, tenant_id, client_id, account_id, instrument_id, quantity, side, avg_entry_price,
                       current_price, market_value, unrealized_pnl, realized_pnl, opened_at, closed_at, updated_at)
select row_number() over (order by l.account_id, l.instrument_id, l.lot), a.tenant_id, a.client_id, l.account_id,
       l.instrument_id, case when l.number % 7 = 3 then l.quantity else abs(l.quantity) end,
       case when l.held >= 0 then 'LONG' else 'SHORT' end, round(l.entry, 8), l.last_price,
       trim_scale(l.quantity * l.last_price * l.multiplier),
       round(coalesce(l.quantity * (l.last_price - l.entry), 0) * l.multiplier, 8), round(l.lot_realized, 8), l.since,
       l.until, l.updated_at
from lots l
left join accounts a using (account_id)

-- name: count_breaks
select count(*) from sample_breaks
