-- What jobs/probe.c runs.

-- name: pause
select pg_sleep($1::double precision)

-- name: mark
insert into etl_probes (job_id, run_no) values ($1::bigint, $2::bigint)
