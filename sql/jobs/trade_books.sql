-- The open books of a flow, as a load carries them. See jobs/trade_books.h.

-- name: set_opening
-- COPY takes no parameters.
select set_config('tapemill.books_date_key', $1, true), set_config('tapemill.books_source', $2, true)

-- name: opening_closed
select tenant_id, account_id, strategy_id, client_id, instrument_id, quantity, total_cost
from etl_open_positions
where date_key = current_setting('tapemill.books_date_key')::integer
  and source = current_setting('tapemill.books_source')

-- name: opening_published
select tenant_id, account_id, strategy_id, client_id, instrument_id, quantity, total_cost
from etl_books_ahead_positions
where date_key = current_setting('tapemill.books_date_key')::integer
  and source = current_setting('tapemill.books_source')

-- name: lots_closed
select tenant_id, account_id, strategy_id, client_id, instrument_id, quantity, cost, executed_at, trade_reference
from etl_open_lots
where date_key = current_setting('tapemill.books_date_key')::integer
  and source = current_setting('tapemill.books_source')
order by lot_no

-- name: lots_published
select tenant_id, account_id, strategy_id, client_id, instrument_id, quantity, cost, executed_at, trade_reference
from etl_books_ahead_lots
where date_key = current_setting('tapemill.books_date_key')::integer
  and source = current_setting('tapemill.books_source')
order by lot_no

-- name: forget_closing
with lots as (delete from etl_open_lots where date_key = $1::integer and source = $2)
delete from etl_open_positions where date_key = $1::integer and source = $2

-- name: forget_published
with lots as (delete from etl_books_ahead_lots where date_key = $1::integer and source = $2)
delete from etl_books_ahead_positions where date_key = $1::integer and source = $2

-- name: copy_closing utility
copy etl_open_positions (date_key, source, tenant_id, account_id, strategy_id, client_id, instrument_id, quantity,
    total_cost) from stdin (format binary)

-- name: copy_published utility
copy etl_books_ahead_positions (date_key, source, tenant_id, account_id, strategy_id, client_id, instrument_id, quantity,
    total_cost) from stdin (format binary)

-- name: copy_closing_lots utility
copy etl_open_lots (date_key, source, tenant_id, account_id, strategy_id, client_id, instrument_id, lot_no, quantity, cost,
    executed_at, trade_reference) from stdin (format binary)

-- name: copy_published_lots utility
copy etl_books_ahead_lots (date_key, source, tenant_id, account_id, strategy_id, client_id, instrument_id, lot_no, quantity,
    cost, executed_at, trade_reference) from stdin (format binary)
