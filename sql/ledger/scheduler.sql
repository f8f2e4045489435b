-- What a scheduler asks for itself.

-- name: session
select set_config('idle_session_timeout', $1, false),
       set_config('idle_in_transaction_session_timeout', $1, false),
       set_config('lock_timeout', '2s', false),
       set_config('statement_timeout', '30s', false)

-- name: lead
select pg_try_advisory_lock(hashtextextended('tapemill scheduler', 0))
