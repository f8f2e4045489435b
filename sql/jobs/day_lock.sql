-- name: take
-- $1 the flow, $2 the day
select pg_advisory_xact_lock(hashtext('tapemill day of fact_trades ' || $1), $2::integer)

-- name: try
-- The same without waiting: whether it was free.
select pg_try_advisory_xact_lock(hashtext('tapemill day of fact_trades ' || $1), $2::integer)
