-- The ledger: what was asked for, what was run, what failed. PostgreSQL is the truth about all of it.

create extension if not exists btree_gist;

create table etl_backfills (
    id            bigint generated always as identity primary key,
    target        text not null,
    arguments     jsonb not null default '{}',
    from_date     date not null,
    to_date       date not null check (to_date >= from_date),
    next_date     date,                       -- next date to enqueue; null when all are
    backwards     boolean not null default false,
    parallel      integer not null check (parallel between 1 and 1000),
    reprocess     text not null check (reprocess in ('none', 'failed', 'completed')),
    queue         text not null,
    priority      smallint not null check (priority between 0 and 9),
    state         text not null default 'running' check (state in ('running', 'paused', 'completed', 'failed', 'cancelled')),
    skipped_dates integer not null default 0, -- dates that --reprocess left out
    created_at    timestamptz not null default now(),
    finished_at   timestamptz
);

create table etl_pipeline_runs (
    id            bigint generated always as identity primary key,
    pipeline      text not null,
    business_date date not null,
    backfill_id   bigint references etl_backfills on delete cascade,
    parent_id     bigint,
    created_at    timestamptz not null default now()
);
create index on etl_pipeline_runs (pipeline, business_date);
create index on etl_pipeline_runs (backfill_id) where backfill_id is not null;

create table etl_jobs (
    id              bigint generated always as identity primary key,
    job_name        text not null,
    job_type        text not null,
    kind            text not null default 'batch' check (kind in ('batch', 'service')),
    queue           text not null,
    priority        smallint not null default 5 check (priority between 0 and 9),
    arguments       jsonb not null default '{}',
    business_date   date,
    interval_start  timestamptz,
    interval_end    timestamptz,
    state           text not null check (state in ('waiting', 'queued', 'retry', 'running', 'done', 'dead', 'cancelled')),
    pending         integer not null default 0 check (pending >= 0),        -- dependencies that are not done yet
    wait_key        text,                                                   -- condition it waits for
    attempts        integer not null default 0,                             -- charged attempts
    max_attempts    integer not null check (max_attempts >= 1),
    losses          integer not null default 0,                             -- leases lost in a row
    deaths          integer not null default 0,                             -- deaths of its runner in a row, seen by a keeper
    returns         integer not null default 0,                             -- times given back in a row, for the backoff
    fence           bigint not null default 0,                              -- grows with every claim and takeover
    run_after       timestamptz not null default now(),
    unique_key      text,
    limit_key       text,
    parent_id       bigint,
    pipeline_run_id bigint references etl_pipeline_runs on delete cascade,
    step            text,
    backfill_id     bigint references etl_backfills on delete cascade,
    claimed_by      text,
    backend_pid     integer,
    backend_start   timestamptz,
    created_at      timestamptz not null default now(),
    queued_at       timestamptz not null default now(),
    started_at      timestamptz,
    finished_at     timestamptz,
    error_code      text,
    error_message   text,
    check (interval_end > interval_start)
);
create unique index etl_jobs_unique_live on etl_jobs (unique_key)
    where unique_key is not null and state in ('waiting', 'queued', 'retry', 'running');
create index etl_jobs_live on etl_jobs (state, id) where state in ('waiting', 'queued', 'retry', 'running', 'dead');
create index etl_jobs_wait on etl_jobs (wait_key) where wait_key is not null;
create index etl_jobs_pipeline on etl_jobs (pipeline_run_id) where pipeline_run_id is not null;
create index etl_jobs_backfill on etl_jobs (backfill_id, state) where backfill_id is not null;
create index etl_jobs_name on etl_jobs (job_name, business_date);

create table etl_job_dependencies (
    job_id     bigint not null references etl_jobs on delete cascade,
    depends_on bigint not null references etl_jobs on delete cascade,
    primary key (depends_on, job_id)
);
create index on etl_job_dependencies (job_id);

create table etl_job_runs (
    id                uuid primary key default gen_random_uuid(),
    run_no            bigint generated always as identity unique,  -- facts carry it as etl_run_id
    job_id            bigint references etl_jobs on delete cascade,
    job_name          varchar(100) not null,
    job_type          varchar(50) not null check (job_type in ('CDC', 'DIMENSION_SYNC', 'ETL', 'AGGREGATION', 'ARCHIVAL',
                                                               'MAINTENANCE', 'QUALITY')),
    status            varchar(20) not null check (status in ('RUNNING', 'COMPLETED', 'FAILED', 'LOST', 'CANCELLED')),
    attempt           integer not null,
    fence             bigint not null,
    business_date     date,
    worker            text,
    backend_pid       integer,
    backend_start     timestamptz,
    started_at        timestamptz not null default now(),
    completed_at      timestamptz,
    records_processed bigint not null default 0,
    records_failed    bigint not null default 0,
    inserted          bigint not null default 0,
    updated           bigint not null default 0,
    unchanged         bigint not null default 0,
    superseded        bigint not null default 0,
    skipped           bigint not null default 0,
    removed           bigint not null default 0,
    error_code        text,
    sqlstate          text,
    error_message     text,
    metadata          jsonb,
    check ((status = 'RUNNING') = (completed_at is null))
);
create unique index etl_job_runs_running on etl_job_runs (job_id) where status = 'RUNNING';
create index idx_etl_job_runs_name on etl_job_runs (job_name, started_at);
create index on etl_job_runs (job_id);

create table etl_data_quality_issues (
    id            uuid primary key default gen_random_uuid(),
    job_run_id    uuid references etl_job_runs (id) on delete cascade,
    source_table  varchar(100) not null,
    record_id     text,
    rule_name     varchar(100) not null,
    severity      varchar(20) not null check (severity in ('ERROR', 'WARNING')),
    error_message text not null,
    record_data   jsonb,
    business_date date,
    created_at    timestamptz not null default now()
);
create index idx_etl_dq_issues_job on etl_data_quality_issues (job_run_id);
create index idx_etl_dq_issues_date on etl_data_quality_issues (created_at);

-- Rows that broke an ERROR rule: one row per source row, kept whole, until the source row loads.
create table etl_quarantine (
    id            bigint generated always as identity primary key,
    source_table  text not null,
    record_id     text not null,
    business_date date,
    rules         text not null,          -- every broken rule, "[rule] text; [rule] text"
    record_data   jsonb not null,
    first_run_no  bigint not null,
    last_run_no   bigint not null,
    created_at    timestamptz not null default now(),
    resolved_at   timestamptz
);
create unique index etl_quarantine_open on etl_quarantine (source_table, record_id) where resolved_at is null;

create table etl_cdc_watermarks (
    id                       uuid primary key default gen_random_uuid(),
    source_table             varchar(100) not null unique,
    last_processed_lsn       pg_lsn,
    last_processed_timestamp timestamptz,
    updated_at               timestamptz not null default now()
);

-- Named facts that jobs wait for, such as "pnl:20240102" (the books of that day are closed).
create table etl_conditions (
    key        text primary key,
    met        boolean not null,
    updated_at timestamptz not null default now()
);

-- A schedule's due moment: exists once, however many schedulers are alive.
create table etl_schedule_ticks (
    schedule   text not null,
    tick_at    timestamptz not null,
    job_id     bigint,
    status     text not null check (status in ('enqueued', 'skipped')),
    created_at timestamptz not null default now(),
    primary key (schedule, tick_at)
);

create table etl_alerts (
    id            bigint generated always as identity primary key,
    cause         text not null,
    severity      text not null check (severity in ('info', 'warning', 'critical')),
    title         text not null,
    body          text not null,
    job_id        bigint,
    created_at    timestamptz not null default now(),
    deliver_after timestamptz not null default now(),
    attempts      integer not null default 0,
    delivered_at  timestamptz,
    last_error    text
);
create index etl_alerts_pending on etl_alerts (deliver_after) where delivered_at is null;

-- Append-only: buckets whose derived rows no longer match their facts. A recompute deletes the rows that it saw first.
create table etl_dirty_buckets (
    id          bigint generated always as identity primary key,
    target      text not null,              -- "performance"
    date_key    integer not null,
    account_id  integer,
    strategy_id integer,
    reason      text not null,
    run_no      bigint,
    created_at  timestamptz not null default now()
);
create index on etl_dirty_buckets (target, date_key);

-- One row per flow and day of fact_trades that was ever loaded, with the range of its trade references (by number where
-- they are numbers): a trade that moved to another date is looked for only on days whose range can hold it.
create table etl_fact_days (
    source          text not null,
    date_key        integer not null,
    low_number      bigint,
    high_number     bigint,
    low_text        text collate "C",
    high_text       text collate "C",
    first_loaded_at timestamptz not null default now(),
    last_loaded_at  timestamptz not null default now(),
    last_run_no     bigint,
    primary key (source, date_key)
);
