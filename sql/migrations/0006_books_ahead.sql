-- Loads of consecutive dates overlap: the next date's load stands on closing books that are published before their own
-- load has committed. See jobs/books_ahead.h.

-- The condition that is met once the job has ended, however it ends: done, dead or cancelled.
alter table etl_jobs add column end_key text;
create index etl_jobs_end on etl_jobs (end_key)
    where end_key is not null and state in ('waiting', 'queued', 'retry', 'running');

-- Closing books as a load found them, one row per flow and date, until realized_pnl closes the date.
create table etl_books_ahead (
    date_key     integer not null,
    source       text not null check (source in ('DESK', 'CLIENT')),
    run_no       bigint not null,
    published_at timestamptz not null default now(),
    primary key (date_key, source)
);

-- Their books, as etl_open_positions will have them.
create table etl_books_ahead_positions (
    date_key      integer not null,
    source        text not null,
    tenant_id     uuid not null,
    account_id    integer,
    strategy_id   integer,
    client_id     uuid,
    instrument_id integer not null,
    quantity      numeric(38,8) not null,
    total_cost    numeric not null
);
create index on etl_books_ahead_positions (date_key, source);

-- On what a load stood that computed realised P&L on the way in: the digest of the opening books that it read. The flow
-- counts as booked only if the date before was closed with exactly these.
create table etl_booked_on (
    date_key       integer not null,
    source         text not null,
    opening_digest text not null,
    run_no         bigint not null,
    primary key (date_key, source)
);
