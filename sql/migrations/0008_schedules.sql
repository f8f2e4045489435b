-- What is due when: versions of the schedule, who paused what, and more about each tick.

-- One loading of a schedule file. At any instant the version with the newest effective_from (then id) up to it counts.
create table etl_schedule_versions (
    id             bigint generated always as identity primary key,
    effective_from timestamptz not null,
    origin         text not null,                       -- the file it was read from, or 'built in'
    loaded_at      timestamptz not null default now(),
    closed_at      timestamptz                          -- replaced, and every tick of its time is decided; null: not yet
);
create index on etl_schedule_versions (effective_from, id);

-- The entries of a version, every value spelt out. Names of values are those of the file.
create table etl_schedules (
    version          bigint not null references etl_schedule_versions on delete cascade,
    position         integer not null,                  -- in the file, from 1
    name             text not null,
    about            text,
    cron             text not null,
    time_zone        text not null,                     -- IANA name
    job              text,
    pipeline         text,
    arguments        jsonb not null default '{}',       -- texts, with placeholders
    dates            text not null check (dates in ('none', 'to_tick', 'completed')),
    queue            text,                              -- null: each job's own
    priority         smallint not null check (priority between 0 and 9),
    catch_up         text not null check (catch_up in ('none', 'last', 'all')),
    catch_up_window  text not null,
    gap              text not null check (gap in ('next_instant', 'skip')),
    fold             text not null check (fold in ('first', 'second', 'both')),
    overlap          text not null check (overlap in ('skip', 'queue', 'allow')),
    first            text not null check (first in ('next_tick', 'at_once')),
    primary key (version, name),
    unique (version, position),
    check (num_nonnulls(job, pipeline) = 1)
);

create table etl_schedule_pauses (
    schedule  text primary key,
    reason    text not null,
    paused_at timestamptz not null default now()
);

-- A tick is enqueued, skipped, or queued: decided, but its jobs are inserted only once those of the tick before have
-- ended. A skipped tick speaks for all ticks of its interval.
alter table etl_schedule_ticks
    drop constraint etl_schedule_ticks_status_check,
    add constraint etl_schedule_ticks_status_check check (status in ('enqueued', 'skipped', 'queued')),
    add column version        bigint references etl_schedule_versions on delete set null,
    add column interval_start timestamptz,                  -- of the data: [interval_start, interval_end)
    add column interval_end   timestamptz,
    add column reason         text,                         -- why it is not enqueued, or how it came to be
    add column job_ids        bigint[] not null default '{}',
    add column ended_at       timestamptz,                  -- none of its jobs is live any more; null: not seen yet
    add check (interval_end > interval_start);
update etl_schedule_ticks
set job_ids = case when job_id is null then '{}' else array[job_id] end, ended_at = now();
create index etl_schedule_ticks_open on etl_schedule_ticks (schedule) where ended_at is null and status <> 'skipped';
