#!/usr/bin/env bash
# Runs of events beside others: nobody waits for a date that its holder gives up only after us, what another run removed stays
# removed, and any number of dates can hold an event that moved.
source "$(dirname "${BASH_SOURCE[0]}")/../support/events.sh"
events_up UTC

# A psql session that stays, and what it is told.
mkfifo "$TEST_DIR/session.pipe"
start_process session -- bash -c 'exec psql -XAtq -v ON_ERROR_STOP=1 "$TAPEMILL_WAREHOUSE_URL" <"$1"' - "$TEST_DIR/session.pipe"
exec {session}>"$TEST_DIR/session.pipe"
in_session() { echo "$1;" >&"$session"; }
session_stands() {
    wait_until_sql 60 "the session has what it wants" warehouse \
        "select count(*) from pg_stat_activity where state = 'idle in transaction' and application_name = 'psql'" 1
}

# What waits for a lock that does not come fails, instead of the test.
export PGOPTIONS='-c lock_timeout=30s'

sql source "
insert into orders (order_id, account_id, instrument_id, side, status, requested_quantity, created_at, updated_at)
select n, 10, 1, 'BUY', 'REJECTED', 1, case when n <= 5 then '2024-01-02Z' else '2024-01-03Z' end::timestamptz, '2024-01-03Z' from generate_series(1, 10) n"
run load_orders --date 2024-01-02
run load_orders --date 2024-01-03
standing() {
    sql warehouse "select string_agg(order_id || ' ' || date_key, ', ' order by order_id) from fact_orders where order_id in ($1) and not is_deleted"
}

# ---- a date that another run holds -----------------------------------------------------------------------------------

# The session has the date as a load of it would, which waits for the merge of orders next.
in_session "begin; select pg_advisory_xact_lock(hashtext('tapemill day of fact_trades ORDERS'), 20240102)"
session_stands
sql source "update orders set created_at = '2024-01-03Z', updated_at = clock_timestamp() where order_id = 5"
tapemill enqueue load_orders --date 2024-01-03 >/dev/null
assert_fails 1 "$TAPEMILL_TEST_BIN/run_job" --queued
assert_contains "$OUTPUT" 'orders moved from 2024-01-02, which another run is writing' "a load that takes from the date"
in_session rollback
run load_orders --date 2024-01-03
assert_equal '5 20240103' "$(standing 5)" "once it is free"

# A snapshot never moves: its merge waits for no other date's.
sql source "insert into risk_snapshots (client_id, snapshot_at, utilization_pct, soft_breach_count, hard_breach_count, risk_score, updated_at)
            values ('$(client 22)', '2024-01-02 15:00Z', 1, 0, 0, 0, '2024-01-02 15:00Z')"
in_session "begin; select pg_advisory_xact_lock(hashtext('tapemill moves'), hashtext('RISK'))"
session_stands
run load_risk_snapshots --date 2024-01-02
in_session rollback

# ---- any number of dates ---------------------------------------------------------------------------------------------

sql warehouse "insert into etl_fact_days (source, date_key, low_number, high_number)
               select 'ORDERS', to_char(d, 'YYYYMMDD')::integer, 1, 1000 from generate_series('1980-01-01Z'::timestamptz, '2010-01-01Z', interval '1 day') d"
sql source "update orders set created_at = '2024-01-03Z', updated_at = clock_timestamp() where order_id = 1;
            update orders set created_at = '2024-01-02Z', updated_at = clock_timestamp() where order_id = 10"
run sync_orders
assert_equal '1 20240103, 10 20240102' "$(standing '1, 10')" "orders that change places"
sql warehouse "delete from etl_fact_days where date_key < 20240101"

# ---- positions: what is removed while changes are about to be read -----------------------------------------------------

sql source "insert into positions (position_id, account_id, instrument_id, quantity, side, updated_at)
            values (1, 10, 1, 5, 'LONG', '2024-01-02Z'), (2, 10, 1, 3, 'LONG', '2024-01-02Z')"
in_session "begin; select pg_advisory_xact_lock(hashtext('tapemill moves'), hashtext('POSITIONS'))"
session_stands
tapemill enqueue sync_positions --arg mode=changes >/dev/null
start_process changes -- "$TAPEMILL_TEST_BIN/run_job" --queued
wait_until_sql 20 "changes wait for a comparison" warehouse \
    "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and application_name <> 'psql'" 1
sql source "delete from positions where position_id = 1"
in_session commit
wait "$STARTED_PID" || fail "$(cat "$STARTED_LOG")"
assert_equal 2 "$(sql warehouse "select string_agg(position_id::text, ' ' order by position_id) from latest_positions")" \
    "a position that went before changes were read"
