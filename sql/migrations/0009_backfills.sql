-- What a scheduler asks about backfills at every tick costs the same however many dates are done, left or waiting.

-- Shared steps that are not done: few, and what the dates of a backfill wait for besides their own jobs.
create index etl_jobs_shared on etl_jobs (state, id) where step is not null and pipeline_run_id is null and state <> 'done';

-- Shared steps by name, the latest first: one that began lately enough serves a backfill's next date too.
create index etl_jobs_shared_done on etl_jobs (job_name, started_at) where step is not null and pipeline_run_id is null and state = 'done';

-- Jobs of a backfill that wait at a limit.
create index etl_jobs_backfill_parked on etl_jobs (backfill_id)
    where backfill_id is not null and state = 'waiting' and wait_key like 'limit:%';
