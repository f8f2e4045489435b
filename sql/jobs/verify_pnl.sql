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

-- The books at the close before, then each book's fills in execution order. A date is given by the text of its number: with a
-- parameter every leaf would be locked.
create or replace function pg_temp.verify_events(day integer, day_before integer)
returns table (book text, is_fill boolean, reference text, size numeric, price numeric, multiplier numeric, side text,
               realized_pnl numeric, is_closing boolean, sizes numeric[], costs numeric[], place bigint)
language plpgsql as $$
begin
    return query execute format($events$
        with lots as (
            select concat_ws('|', l.source, l.tenant_id, coalesce(l.account_id::text, ''), coalesce(l.strategy_id::text, ''),
                             coalesce(l.client_id::text, ''), l.instrument_id) as book,
                   array_agg(l.quantity order by l.lot_no) as sizes, array_agg(l.cost order by l.lot_no) as costs
            from etl_open_lots l
            where l.date_key = %2$s
            group by 1
        )
        select e.book, e.is_fill, e.reference, e.size, e.price, e.multiplier, e.side, e.realized_pnl, e.is_closing,
               l.sizes, l.costs,
               row_number() over (order by e.book, e.is_fill, e.executed_at, e.number, e.reference collate "C")
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
        left join lots l on not e.is_fill and l.book = e.book $events$, day, day_before);
end
$$;

-- Books every fill of a date by average cost. A row for each fill whose fact says something else, and for each book that
-- is open at the close.
create or replace function pg_temp.verify_average(day integer, day_before integer)
returns table (kind text, key text, book text, stored_pnl numeric, pnl numeric, stored_closing boolean, closing boolean,
               quantity numeric, total_cost numeric)
language plpgsql as $$
declare
    event record;
    held numeric := 0;      -- signed
    cost numeric := 0;
    delta numeric;          -- signed quantity of the fill
    unit numeric;           -- price x multiplier
    fills bigint := 0;
begin
    for event in select * from pg_temp.verify_events(day, day_before) e order by e.place loop
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
        closing := held * delta < 0;
        pnl := 0;
        if not closing then
            cost := cost + delta * unit;
        else
            pnl := pg_temp.verify_half_away((held * unit - cost) * least(abs(delta), abs(held)), abs(held));
            if abs(delta) < abs(held) then
                cost := cost + delta * unit + pnl;
            else
                cost := (held + delta) * unit;
            end if;
        end if;
        held := held + delta;
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

-- What a FIFO book is at the close: its lots, by their place, and their sums.
create or replace function pg_temp.verify_lots(of_book text, sizes numeric[], costs numeric[])
returns table (kind text, key text, book text, stored_pnl numeric, pnl numeric, stored_closing boolean, closing boolean,
               quantity numeric, total_cost numeric)
language sql as $$
    select 'lot', place::text, of_book, null::numeric, null::numeric, null::boolean, null::boolean, size, cost
    from unnest(sizes, costs) with ordinality lots(size, cost, place)
    union all
    select 'book', null, of_book, null, null, null, null, sum(size), sum(cost)
    from unnest(sizes, costs) lots(size, cost)
    having count(*) > 0
$$;

-- The same first in, first out: a book is two arrays, what is left of each lot and what that cost.
create or replace function pg_temp.verify_fifo(day integer, day_before integer)
returns table (kind text, key text, book text, stored_pnl numeric, pnl numeric, stored_closing boolean, closing boolean,
               quantity numeric, total_cost numeric)
language plpgsql as $$
declare
    event record;
    sizes numeric[] := '{}';
    costs numeric[] := '{}';
    held numeric;
    cost numeric;
    delta numeric;
    unit numeric;
    wanted numeric;         -- what is left to close
    whole numeric;          -- gained on lots that close as a whole
    fills bigint := 0;
begin
    for event in select * from pg_temp.verify_events(day, day_before) e order by e.place loop
        if event.book is distinct from book then
            return query select * from pg_temp.verify_lots(book, sizes, costs);
            book := event.book;
            sizes := '{}';
            costs := '{}';
        end if;
        if not event.is_fill then
            sizes := coalesce(event.sizes, '{}');
            costs := coalesce(event.costs, '{}');
            continue;
        end if;
        fills := fills + 1;
        delta := case event.side when 'BUY' then event.size else -event.size end;
        unit := event.price * event.multiplier;
        select coalesce(sum(s), 0) into held from unnest(sizes) s;
        select coalesce(sum(c), 0) into cost from unnest(costs) c;
        closing := held * delta < 0;
        pnl := 0;
        if closing and abs(delta) >= abs(held) then
            pnl := pg_temp.verify_half_away(held * unit - cost, 1);
            sizes := '{}';
            costs := '{}';
            delta := held + delta;
        elsif closing then
            wanted := abs(delta);
            whole := 0;
            while abs(sizes[1]) <= wanted loop
                wanted := wanted - abs(sizes[1]);
                whole := whole + sizes[1] * unit - costs[1];
                sizes := sizes[2:];
                costs := costs[2:];
            end loop;
            pnl := pg_temp.verify_half_away(whole * abs(sizes[1]) + (sizes[1] * unit - costs[1]) * wanted, abs(sizes[1]));
            sizes[1] := sizes[1] + sign(delta) * wanted;
            costs[1] := cost + delta * unit + pnl - (select coalesce(sum(c), 0) from unnest(costs[2:]) c);
            delta := 0;
        end if;
        if delta <> 0 then
            sizes := sizes || delta;
            costs := costs || delta * unit;
        end if;
        if pnl is distinct from event.realized_pnl or closing is distinct from event.is_closing then
            kind := 'fill';
            key := event.reference;
            stored_pnl := event.realized_pnl;
            stored_closing := event.is_closing;
            return next;
        end if;
    end loop;
    return query select * from pg_temp.verify_lots(book, sizes, costs);
    kind := 'fills';
    quantity := fills;
    return next;
end
$$;

-- name: closed
-- Whether the books of the date_key $1 are closed, and no row of the dirty log says that they will be computed again.
select count(*) from etl_conditions where key = 'pnl:' || $1::text and met

-- name: method
-- By which the stored books were computed.
select coalesce((select value from etl_settings where name = 'pnl_method'), 'average')

-- name: compare
-- The text of a COPY: (table, book, reference or lot, column, stored, recomputed); the row "fills" says how many fills and
-- books there were, the row "lots" how many lots. $1 the date_key, $2 that of the date before (0: none), $3 the method.
select format($statement$
with found as materialized (
    select * from pg_temp.%3$I(%1$s, %2$s)
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
), stored_lots as (
    select concat_ws('|', source, tenant_id, coalesce(account_id::text, ''), coalesce(strategy_id::text, ''),
                     coalesce(client_id::text, ''), instrument_id) as book, lot_no::text as lot, quantity, cost
    from etl_open_lots
    where date_key = %1$s
), lots as (
    select coalesce(s.book, f.book) as book, coalesce(s.lot, f.key) as lot, s.quantity as stored_quantity, f.quantity,
           s.cost as stored_cost, f.total_cost
    from stored_lots s
    full join (select * from found where kind = 'lot') f on f.book = s.book and f.key = s.lot
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
select 'etl_open_lots', book, 'lot ' || lot, 'quantity', trim_scale(stored_quantity)::text, trim_scale(quantity)::text
from lots where stored_quantity is distinct from quantity
union all
select 'etl_open_lots', book, 'lot ' || lot, 'cost', trim_scale(stored_cost)::text, trim_scale(total_cost)::text
from lots where stored_cost is distinct from total_cost
union all
select 'fills', '', '', '', (select trim_scale(quantity)::text from found where kind = 'fills'),
       (select count(*)::text from books)
union all
select 'lots', '', '', '', (select count(*)::text from lots), null
$statement$, $1::integer, $2::integer, 'verify_' || $3::text)
