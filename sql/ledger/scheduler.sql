-- What a scheduler asks for itself, and the ticks of daily jobs.

-- name: session
select set_config('idle_session_timeout', $1, false),
       set_config('idle_in_transaction_session_timeout', $1, false),
       set_config('lock_timeout', '2s', false),
       set_config('statement_timeout', '30s', false)

-- name: lead
select pg_try_advisory_lock(hashtextextended('tapemill scheduler', 0))

-- name: now_us
select (extract(epoch from clock_timestamp()) * 1000000)::bigint

-- name: last_tick_us
select (extract(epoch from max(tick_at)) * 1000000)::bigint from etl_schedule_ticks where schedule = $1

-- name: insert_tick
insert into etl_schedule_ticks (schedule, tick_at, status)
values ($1, timestamptz 'epoch' + $2::bigint * interval '1 microsecond', $3)
on conflict do nothing

-- name: set_tick_job
update etl_schedule_ticks set job_id = $3::bigint
where schedule = $1 and tick_at = timestamptz 'epoch' + $2::bigint * interval '1 microsecond'
