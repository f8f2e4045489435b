# shellcheck shell=bash
# For fault tests. Source it in place of support/servers.sh, which it builds on; then:
#
#   faults_up [NAME=VALUE...]       servers_up, with leases of a second and all else as quick as it goes, and NAME=VALUE
#                                   on top of it; a folder for failpoints. Skips in a build without failpoints
#   warehouse_prepare DATE DAYS     migrates the warehouse and runs the jobs that come before any fact, for a history
#                                   that begins on DATE; then that state is kept
#   warehouse_fresh NAME            from here on a warehouse in that state, and nothing in Redis, under NAME
#   warehouse_use NAME              from here on that warehouse again
#   run_queued_undisturbed          runs all queued jobs, one after the other in one process, without Redis
#
#   failpoints                      the names of all failpoints, one a line
#   arm NAME ACTION                 lets the next process that reaches the failpoint do ACTION (core/failpoint.h)
#   wait_until_hit NAME             until one did; its pid is in $HIT_PID
#
#   start_supervised worker|scheduler   one that is replaced whenever it ends, as systemd would; $STARTED_PID is who
#                                   replaces it: its parent
#   enqueue ARGUMENTS...            enqueues one job; its id is in $JOB
#   wait_until_quiet                until no job is queued or runs, and Redis holds nothing about any
#   weekdays DATE COUNT             the first COUNT weekdays from DATE on, one a line
#   print_of TABLE DATE             the fingerprint of a table on one date
#   print_of_all                    the fingerprint of everything
# shellcheck source=tests/support/servers.sh
source "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

PREPARED_DATABASE=tapemill_prepared
HIT_PID= JOB=

faults_up() {
    local setting
    grep -q TAPEMILL_FAILPOINT_DIR "$TAPEMILL_BIN/tapemill-worker" ||
        skip "this build has no failpoints (cmake -DTAPEMILL_FAILPOINTS=ON)."
    servers_up
    TAPEMILL_FAILPOINT_DIR=$TEST_DIR/failpoints
    mkdir "$TAPEMILL_FAILPOINT_DIR"
    export TAPEMILL_FAILPOINT_DIR
    for setting in TAPEMILL_LEASE_SECONDS=1 TAPEMILL_HEARTBEAT_MS=200 TAPEMILL_SCHEDULER_TICK_MS=50 \
        TAPEMILL_RECONCILE_SECONDS=1 TAPEMILL_RETRY_BASE_SECONDS=0 "$@"; do
        export "${setting?}"
    done
}

# ---- warehouses ------------------------------------------------------------------------------------------------

# Weekends have no pipeline in most tests, but the books of a Monday wait for those of the Sunday.
prepare_weekends() {
    local offset date
    for ((offset = 0; offset < $2; offset++)); do
        date=$(date -u -d "$1 + $offset days" +%F)
        [ "$(date -u -d "$date" +%u)" -lt 6 ] || tapemill enqueue pnl_forward --date "$date" >/dev/null
    done
}

warehouse_prepare() {
    local job
    TAPEMILL_HISTORY_START=$1
    export TAPEMILL_HISTORY_START
    tapemill migrate >/dev/null
    for job in dates partitions sync_dimensions sync_fx_rates; do
        tapemill enqueue "$job" >/dev/null
    done
    prepare_weekends "$1" "$2"
    run_queued_undisturbed
    redis_flush
    database_copy "$WAREHOUSE_DATABASE" "$PREPARED_DATABASE"
}

# A sequence that is copied may hand out values that its WAL does not have yet, up to the next checkpoint: PostgreSQL,
# killed before it, would hand them out again.
database_copy() {
    psql -XAtq -v ON_ERROR_STOP=1 "$(servers_url postgres)" -c "create database $2 template $1" -c checkpoint
}

warehouse_fresh() {
    database_copy "$PREPARED_DATABASE" "warehouse_$1"
    warehouse_use "$1"
}

warehouse_use() {
    TAPEMILL_WAREHOUSE_URL=$(servers_url "warehouse_$1")
    TAPEMILL_NAMESPACE=$1
}

run_queued_undisturbed() {
    "$TAPEMILL_TEST_BIN/run_job" --queued >>"$TEST_DIR/undisturbed.log" 2>&1 || {
        tail -n 5 "$TEST_DIR/undisturbed.log" >&2
        fail "run_job --queued"
    }
}

# ---- failpoints ------------------------------------------------------------------------------------------------

failpoints() {
    sed -n '/^const char \*const failpoint_names\[\]/,/^};/s/^ *"\([a-z_.]*\)".*/\1/p' "$TAPEMILL_ROOT/core/failpoint.c"
}

arm() {
    rm -f "$TAPEMILL_FAILPOINT_DIR/$1.hit"
    printf '%s\n' "$2" >"$TEST_DIR/arming"
    mv "$TEST_DIR/arming" "$TAPEMILL_FAILPOINT_DIR/$1"
}

wait_until_hit() {
    wait_until 30 "a process reaches failpoint $1" test -s "$TAPEMILL_FAILPOINT_DIR/$1.hit" ||
        fail "failpoint $1 was not reached"
    HIT_PID=$(cat "$TAPEMILL_FAILPOINT_DIR/$1.hit")
}

# ---- processes -------------------------------------------------------------------------------------------------

supervise() {
    trap 'kill -TERM $! 2>/dev/null && wait $!; exit 0' TERM
    while :; do
        "$TAPEMILL_BIN/tapemill-$1" >>"$2" 2>&1 </dev/null &
        echo "$! $(process_start_time $!)" >>"$TEST_DIR/processes"
        wait $! || true
        sleep 0.05 # as systemd's RestartSec: one that cannot start is not tried a thousand times a second
    done
}

start_supervised() {
    STARTED_COUNT=$((STARTED_COUNT + 1))
    STARTED_LOG=$TEST_DIR/supervised-$1-$STARTED_COUNT.log
    supervise "$1" "$STARTED_LOG" 2>/dev/null &
    STARTED_PID=$!
    echo "$STARTED_PID $(process_start_time "$STARTED_PID")" >>"$TEST_DIR/processes"
}

# ---- jobs ------------------------------------------------------------------------------------------------------

enqueue() {
    JOB=$(tapemill enqueue "$@" --json | sed -n 's/.*"job_ids": \[\([0-9]*\)].*/\1/p')
    [ -n "$JOB" ] || fail "tapemill enqueue $* gave no id"
}

redis_holds_nothing() {
    local found
    found=$(redis_command --raw eval "
        local found = {}
        for _, key in ipairs(redis.call('KEYS', '{$TAPEMILL_NAMESPACE}:*')) do
            local part = string.match(key, '}:([a-z]+)')
            if part == 'jobs' or part == 'owners' or part == 'leases' or part == 'delayed' or part == 'expired' or
                part == 'ready' then
                found[#found + 1] = key
            end
        end
        return table.concat(found, ' ')" 0)
    [ -z "$found" ] || {
        echo "Redis holds $found"
        return 1
    }
}

is_quiet() {
    sql_is warehouse "select coalesce(string_agg(format('%s %s %s', id, job_name, state), ', '), 'quiet')
                      from etl_jobs where state in ('queued', 'retry', 'running')" quiet && redis_holds_nothing
}

wait_until_quiet() {
    wait_until 60 "all jobs end, and Redis forgets them" is_quiet || fail "jobs that do not end"
}

# ---- dates and fingerprints ------------------------------------------------------------------------------------

weekdays() {
    local offset=0 found=0 date
    while [ "$found" -lt "$2" ]; do
        date=$(date -u -d "$1 + $offset days" +%F)
        offset=$((offset + 1))
        [ "$(date -u -d "$date" +%u)" -lt 6 ] || continue
        found=$((found + 1))
        echo "$date"
    done
}

print_of() {
    tapemill fingerprint --table "$1" --from "$2" --to "$2" --json
}

print_of_all() {
    tapemill fingerprint
}
