-- By which method the stored books were computed. See jobs/pnl_method.h.

-- name: hold
-- Until the commit nobody switches.
select value from etl_settings where name = 'pnl_method' for share

-- name: stored
select value from etl_settings where name = 'pnl_method'

-- name: choose
-- The first run decides.
insert into etl_settings (name, value) values ('pnl_method', $1) on conflict do nothing

-- name: switch
-- Waits for every run that holds the method.
insert into etl_settings as s (name, value) values ('pnl_method', $1)
on conflict (name) do update set value = excluded.value

-- name: lock_conditions
-- In the order in which loads and realized_pnl take them.
select key
from etl_conditions
where met and split_part(key, ':', 1) in ('pnl', 'booked')
order by right(key, 8), key
for update

-- name: forget_books
-- After lock_conditions: all books, and that any date is closed. Gives how many dates were, the first and the last.
with positions as (delete from etl_open_positions), lots as (delete from etl_open_lots),
     ahead as (delete from etl_books_ahead), ahead_positions as (delete from etl_books_ahead_positions),
     ahead_lots as (delete from etl_books_ahead_lots), stood as (delete from etl_booked_on),
     reopened as (
         update etl_conditions
         set met = false, updated_at = clock_timestamp()
         where met and split_part(key, ':', 1) in ('pnl', 'booked')
         returning key
     )
select count(*), to_char(to_date(min(right(key, 8)), 'YYYYMMDD'), 'YYYY-MM-DD'),
       to_char(to_date(max(right(key, 8)), 'YYYYMMDD'), 'YYYY-MM-DD')
from reopened
where key like 'pnl:%'
