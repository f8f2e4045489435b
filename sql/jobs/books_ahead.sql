-- Closing books before their load has committed, and on what a load stood. See jobs/books_ahead.h.

-- name: look
-- What a load of the date $1 (YYYYMMDD) of the flow $4 can stand on, $2 being the date before and $3 the one after; $5
-- is its job. Whether $1, $3 and $2 are closed; whether books of $2 are published; whether they will be: their first load
-- was enqueued before this job, nothing but such a load holds it up, and neither has it said that none will come.
select exists (select from etl_conditions where key = 'pnl:' || $1 and met),
       exists (select from etl_conditions where key = 'pnl:' || $3 and met),
       exists (select from etl_conditions where key = 'pnl:' || $2 and met),
       exists (select from etl_books_ahead where date_key = $2::integer and source = $4),
       exists (select from etl_jobs j
               where j.end_key = 'ahead:' || $4 || ':' || $2 and j.id < $5::bigint
                 and (j.state in ('queued', 'retry', 'running') or (j.state = 'waiting' and j.pending = 0)))
           and not exists (select from etl_conditions where key = 'ahead:' || $4 || ':' || $2 and met)
           and not exists (select from etl_fact_days where source = $4 and date_key = $2::integer)

-- name: announce
insert into etl_books_ahead as b (date_key, source, run_no) values ($1::integer, $2, $3::bigint)
on conflict (date_key, source) do update set run_no = excluded.run_no, published_at = now()

-- name: withdraw
with header as (delete from etl_books_ahead where date_key = $1::integer and source = $2),
     lots as (delete from etl_books_ahead_lots where date_key = $1::integer and source = $2)
delete from etl_books_ahead_positions where date_key = $1::integer and source = $2

-- name: forget_closed
-- Books of closed dates; $1 the last of them.
with header as (delete from etl_books_ahead where date_key <= $1::integer),
     lots as (delete from etl_books_ahead_lots where date_key <= $1::integer)
delete from etl_books_ahead_positions where date_key <= $1::integer

-- name: digest
-- Of the books of date $1 and flow $2, their lots included: as they were published ($3), or as the date was closed. Equal
-- books, whatever their order and however many zeros end a number, have equal digests, and other books have others.
select encode(sha256(coalesce(string_agg(part, ''::bytea order by part), ''::bytea)), 'hex')
from (
    select sha256(textsend(concat(tenant_id, ',', account_id, ',', strategy_id, ',', client_id, ',', instrument_id, ',',
                                  trim_scale(quantity), ',', trim_scale(total_cost)))) as part
    from (
        select tenant_id, account_id, strategy_id, client_id, instrument_id, quantity, total_cost
        from etl_open_positions
        where not $3::boolean and date_key = $1::integer and source = $2
        union all
        select tenant_id, account_id, strategy_id, client_id, instrument_id, quantity, total_cost
        from etl_books_ahead_positions
        where $3::boolean and date_key = $1::integer and source = $2
    ) positions
    union all
    select sha256(textsend(concat(tenant_id, ',', account_id, ',', strategy_id, ',', client_id, ',', instrument_id, ',',
                                  trim_scale(quantity), ',', trim_scale(cost), ',', lot_no, ',', extract(epoch from executed_at), ',',
                                  trade_reference)))
    from (
        select tenant_id, account_id, strategy_id, client_id, instrument_id, quantity, cost, lot_no, executed_at,
               trade_reference
        from etl_open_lots
        where not $3::boolean and date_key = $1::integer and source = $2
        union all
        select tenant_id, account_id, strategy_id, client_id, instrument_id, quantity, cost, lot_no, executed_at,
               trade_reference
        from etl_books_ahead_lots
        where $3::boolean and date_key = $1::integer and source = $2
    ) lots
) parts

-- name: note_opening
insert into etl_booked_on as b (date_key, source, opening_digest, run_no) values ($1::integer, $2, $3, $4::bigint)
on conflict (date_key, source) do update set opening_digest = excluded.opening_digest, run_no = excluded.run_no

-- name: stands
select exists (select from etl_booked_on where date_key = $1::integer and source = $2 and opening_digest = $3)

-- name: forget_openings
delete from etl_booked_on where date_key = $1::integer and source = any ($2::text[])
