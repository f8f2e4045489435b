-- What operators decide about queues and limits, and what a job asks for itself: deadlines, uniqueness, evidence.

-- A queue without a row here is open and unlimited.
create table etl_queues (
    name         text primary key,
    paused_at    timestamptz,                           -- null: open
    paused_by    text,                                  -- "user@host" of the command
    pause_reason text,
    concurrency  integer check (concurrency >= 1),      -- jobs of the queue that may run at once; null: any number
    updated_at   timestamptz not null default now()
);

-- How many jobs with one limit_key may run at once. A limit_key without a row here allows one.
create table etl_limits (
    key         text primary key,
    concurrency integer not null check (concurrency >= 1),
    updated_at  timestamptz not null default now()
);

alter table etl_jobs
    add column unique_while   text not null default 'live' check (unique_while in ('queued', 'live')), -- how long unique_key holds
    add column soft_timeout_s integer check (soft_timeout_s >= 1),  -- its statement is cancelled and it fails; null: the setting
    add column hard_timeout_s integer check (hard_timeout_s >= 1);  -- its runner is killed; null: the setting
create index etl_jobs_running_limit on etl_jobs (limit_key) where state = 'running' and limit_key is not null;
create index etl_jobs_lost_backend on etl_jobs (id) where state <> 'running' and backend_pid is not null;  -- rare: its run was taken away, its backend may be there

-- A job that finds no room is parked: waiting, with wait_key 'limit:key:KEY' or 'limit:queue:NAME'. The most urgent goes first.
create index etl_jobs_parked on etl_jobs (wait_key collate "C", priority desc, id)
    where state = 'waiting' and wait_key like 'limit:%';

-- What probe jobs left behind: one row per committed run.
create table etl_probes (
    id         bigint generated always as identity primary key,
    job_id     bigint not null references etl_jobs on delete cascade,
    run_no     bigint not null,
    created_at timestamptz not null default clock_timestamp()
);
create index on etl_probes (job_id);
