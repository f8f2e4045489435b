-- Realised P&L recomputed in SQL: jobs/verify_pnl.c. The jobs book in C; what they must agree on is the arithmetic that
-- docs/numbers.md states.

-- name: functions utility
-- In pg_temp: it needs the right TEMPORARY on the database, and is gone with the session.
create or replace function pg_temp.verify_half_away(above numeric, below numeric) returns numeric
language sql immutable as $$
    -- above / below rounded to 8 decimals, from whole numbers: no quotient is rounded twice.
    select sign(above) * sign(below)
           * div(2 * abs(above) * 100000000 + abs(below), 2 * abs(below)) * 0.00000001
$$;

-- Books every fill of a date by average cost, from the books at the close before. A row for each fill whose fact says
-- something else, and for each book that is open at the close.
create or replace function pg_temp.verify_average_cost(day integer, day_before integer)
returns table (kind text, key text, book text, stored_pnl numeric, pnl numeric, stored_closing boolean, closing boolean,
               quantity numeric, total_cost numeric)
language plpgsql as $$
declare
    event record;
    held numeric := 0;      -- signed
    cost numeric := 0;
    delta numeric;          -- signed quantity of the fill
    unit numeric;           -- price x multiplier
    part numeric;           -- what closes
    fills bigint := 0;
begin
    book := null;
    for event in execute format($events$
        select e.*, row_number() over (partition by e.book order by e.is_fill, e.executed_at, e.number,
                                                                      e.reference collate "C") as place
        from (
            select concat_ws('|', p.source, p.tenant_id, coalesce(p.account_id::text, ''), coalesce(p.strategy_id::text, ''),
                             coalesce(p.client_id::text, ''), p.instrument_id) as book,
                   false as is_fill, null::timestamptz as executed_at, null::bigint as number, null::text as reference,
                   p.quantity as size, p.total_cost as price, null::numeric as multiplier, null::text as side,
                   null::numeric as realized_pnl, null::boolean as is_closing
            from etl_open_positions p
            where p.date_key = %2$s
            union all
            select case f.source when 'DESK'
                        then concat_ws('|', 'DESK', f.tenant_id, coalesce(a.account_id::text, ''),
                                       coalesce(s.strategy_id::text, ''), '', i.instrument_id)
                        else concat_ws('|', 'CLIENT', f.tenant_id, '', '', coalesce(c.client_id::text, ''), i.instrument_id)
                   end,
                   true, f.execution_timestamp, case f.source when 'DESK' then f.execution_id end, f.trade_reference,
                   f.quantity, f.price, coalesce(i.contract_multiplier, 1), f.side, f.realized_pnl, f.is_closing
            from fact_trades f
            join dim_instrument i using (instrument_key)
            join dim_account a using (account_key)
            join dim_strategy s using (strategy_key)
            join dim_client c on c.client_key = f.client_key
            where f.date_key = %1$s and not f.is_deleted
        ) e
        order by e.book, place $events$, day, day_before)
    loop
        if event.book is distinct from book then
            if held <> 0 then
                kind := 'book';
                quantity := held;
                total_cost := cost;
                return next;
            end if;
            book := event.book;
            held := 0;
            cost := 0;
        end if;
        if not event.is_fill then
            held := event.size;
            cost := event.price;
            continue;
        end if;
        fills := fills + 1;
        delta := case event.side when 'BUY' then event.size else -event.size end;
        unit := event.price * event.multiplier;
        if held * delta >= 0 then
            pnl := 0;
            closing := false;
            held := held + delta;
            cost := cost + delta * unit;
        else
            closing := true;
            part := least(abs(delta), abs(held));
            pnl := pg_temp.verify_half_away((held * unit - cost) * part, abs(held));
            if abs(delta) < abs(held) then
                held := held + delta;
                cost := cost + delta * unit + pnl;
            else
                held := held + delta;
                cost := held * unit;
            end if;
        end if;
        if pnl is distinct from event.realized_pnl or closing is distinct from event.is_closing then
            kind := 'fill';
            key := event.reference;
            stored_pnl := event.realized_pnl;
            stored_closing := event.is_closing;
            return next;
        end if;
    end loop;
    if held <> 0 then
        kind := 'book';
        quantity := held;
        total_cost := cost;
        return next;
    end if;
    kind := 'fills';
    quantity := fills;
    return next;
end
$$;

-- name: closed
-- Whether the books of the date_key $1 are closed, and no row of the dirty log says that they will be computed again.
select count(*) from etl_conditions where key = 'pnl:' || $1::text and met

-- name: compare
-- The text of a COPY: (table, date, book, reference, column, stored, recomputed), "" where there is none; the rows "fills"
-- and "books" say how many there were. $1 the date_key, $2 that of the date before (0: none).
select format($statement$
with found as materialized (
    select * from pg_temp.verify_average_cost(%1$s, %2$s)
), stored as (
    select concat_ws('|', source, tenant_id, coalesce(account_id::text, ''), coalesce(strategy_id::text, ''),
                     coalesce(client_id::text, ''), instrument_id) as book, quantity, total_cost
    from etl_open_positions
    where date_key = %1$s
), books as (
    select coalesce(s.book, f.book) as book, s.quantity as stored_quantity, f.quantity, s.total_cost as stored_cost,
           f.total_cost
    from stored s
    full join (select * from found where kind = 'book') f on f.book = s.book
)
select 'fact_trades', book, key, 'realized_pnl', trim_scale(stored_pnl)::text, trim_scale(pnl)::text
from found where kind = 'fill' and pnl is distinct from stored_pnl
union all
select 'fact_trades', book, key, 'is_closing', stored_closing::text, closing::text
from found where kind = 'fill' and closing is distinct from stored_closing
union all
select 'etl_open_positions', book, '', 'quantity', trim_scale(stored_quantity)::text, trim_scale(quantity)::text
from books where stored_quantity is distinct from quantity
union all
select 'etl_open_positions', book, '', 'total_cost', trim_scale(stored_cost)::text, trim_scale(total_cost)::text
from books where stored_cost is distinct from total_cost
union all
select 'fills', '', '', '', (select trim_scale(quantity)::text from found where kind = 'fills'),
       (select count(*)::text from books)
$statement$, $1::integer, $2::integer)
