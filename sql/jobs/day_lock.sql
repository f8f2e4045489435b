-- name: take
select pg_advisory_xact_lock(hashtext('tapemill day ' || $1), $2::integer)
