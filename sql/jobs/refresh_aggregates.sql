-- Asking for what is dirty. See jobs/refresh_aggregates.c; what is dirty says jobs/refresh.sql.

-- name: lock
-- One at a time, to its commit: the second sees what the first has asked for.
select pg_advisory_xact_lock(hashtext('tapemill refresh_aggregates'), 0)
