# shellcheck shell=bash
# For tests written in bash. Source it, then:
#
#   servers_up                      a fresh PostgreSQL and Redis of this test alone; exports TAPEMILL_WAREHOUSE_URL,
#                                   TAPEMILL_SOURCE_URL, TAPEMILL_REDIS_URL, TAPEMILL_NAMESPACE. All other settings of
#                                   Tapemill are unset before; schedulers fold no month unless a test changes
#                                   TAPEMILL_FOLD_AFTER_DAYS. When the test ends, however it ends, all that it started
#                                   ends; its folder $TEST_DIR stays if it failed.
#   databases_create NAME           another, empty pair of databases on the same servers; the URLs and the namespace now
#                                   lead there
#   tapemill ARGUMENTS...           the command of the build under test; `tapemill migrate` stores an empty schedule, so
#                                   that schedulers enqueue nothing by themselves
#   start_worker [NAME=VALUE...] [-- ARGUMENTS...]       start a process in the background, its log in $TEST_DIR; its
#   start_scheduler [NAME=VALUE...] [-- ARGUMENTS...]    pid is in $STARTED_PID, its log in $STARTED_LOG. Not in $(...)
#   start_process NAME [NAME=VALUE...] -- COMMAND...
#   stop_process PID [SIGNAL]       sends SIGNAL (TERM) and waits until it is gone; its status is in $STOPPED_STATUS
#   sql warehouse|source [QUERY]    runs QUERY (or standard input); rows as a|b|c, nothing else
#   wait_until SECONDS DESCRIPTION COMMAND...
#   wait_until_sql SECONDS DESCRIPTION warehouse|source QUERY EXPECTED
#   assert_equal EXPECTED ACTUAL DESCRIPTION, assert_contains TEXT PART DESCRIPTION
#   assert_fails STATUS COMMAND...  runs COMMAND, which must end with STATUS; its output is in $OUTPUT
#   fail SENTENCE, skip SENTENCE
#   need_test_data PATH             sets DATA to that part of $TAPEMILL_TEST_DATA; skips when that is unset
#
# and from ops/servers.sh: postgres_start, postgres_stop [fast|immediate], postgres_kill, redis_start, redis_stop,
# redis_kill, redis_flush, redis_command.
set -euo pipefail

TAPEMILL_ROOT=${TAPEMILL_ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
TAPEMILL_BIN=${TAPEMILL_BIN:-$TAPEMILL_ROOT/build/asan/bin}
TAPEMILL_TEST_BIN=${TAPEMILL_TEST_BIN:-$TAPEMILL_BIN/../tests/bin}
TEST_NAME=$(basename "$0" .sh)
TEST_DIR= STARTED_PID= STARTED_LOG= STOPPED_STATUS= OUTPUT= DATA=
STARTED_COUNT=0
# shellcheck source=ops/servers.sh
source "$TAPEMILL_ROOT/ops/servers.sh"

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

# Status 77 is what ctest knows as "skipped".
skip() {
    printf 'skipped: %s\n' "$*" >&2
    exit 77
}

assert_equal() {
    [ "$1" = "$2" ] || fail "$3: expected <$1>, got <$2>"
}

assert_contains() {
    [[ $1 == *"$2"* ]] || fail "$3: <$2> is not in <$1>"
}

assert_fails() {
    local expected=$1 status=0
    shift
    OUTPUT=$("$@" 2>&1) || status=$?
    [ "$status" -eq "$expected" ] || fail "$*: expected status $expected, got $status: $OUTPUT"
}

need_test_data() {
    [ -n "${TAPEMILL_TEST_DATA:-}" ] || skip "TAPEMILL_TEST_DATA is unset: this test needs the real data it leads to."
    DATA=$TAPEMILL_TEST_DATA/$1
    [ -e "$DATA" ] || fail "TAPEMILL_TEST_DATA is set, but $DATA does not exist."
}

tapemill() {
    [ "$1" != migrate ] || set -- "$@" --schedule "$TAPEMILL_ROOT/tests/support/no_schedule.json"
    "$TAPEMILL_BIN/tapemill" "$@"
}

sql() {
    local url
    case $1 in
    warehouse) url=$TAPEMILL_WAREHOUSE_URL ;;
    source) url=$TAPEMILL_SOURCE_URL ;;
    *) fail "sql wants warehouse or source, not $1" ;;
    esac
    if [ $# -gt 1 ]; then
        psql -XAtq -v ON_ERROR_STOP=1 "$url" -c "$2"
    else
        psql -XAtq -v ON_ERROR_STOP=1 "$url"
    fi
}

sql_is() {
    local actual
    actual=$(sql "$1" "$2")
    [ "$actual" = "$3" ] || {
        echo "it is <$actual>, not <$3>"
        return 1
    }
}

wait_until_sql() {
    wait_until "$1" "$2" sql_is "$3" "$4" "$5" || fail "$2"
}

# A pid alone may come to name another process; with its start time it cannot.
process_start_time() {
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

start_process() {
    local name=$1 environment=()
    shift
    while [ "$1" != -- ]; do
        environment+=("$1")
        shift
    done
    shift
    STARTED_COUNT=$((STARTED_COUNT + 1))
    STARTED_LOG=$TEST_DIR/$name-$STARTED_COUNT.log
    env "${environment[@]}" "$@" >"$STARTED_LOG" 2>&1 </dev/null &
    STARTED_PID=$!
    echo "$STARTED_PID $(process_start_time "$STARTED_PID")" >>"$TEST_DIR/processes"
}

start_tapemill() {
    local program=$1 environment=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        environment+=("$1")
        shift
    done
    [ $# -eq 0 ] || shift
    start_process "$program" "${environment[@]}" -- "$TAPEMILL_BIN/tapemill-$program" "$@"
}

start_worker() {
    start_tapemill worker "$@"
}

start_scheduler() {
    start_tapemill scheduler "$@"
}

stop_process() {
    kill "-${2:-TERM}" "$1" || fail "process $1 is not there to be stopped"
    wait_until 60 "process $1 ends after SIG${2:-TERM}" servers_process_gone "$1" || fail "process $1 did not end"
    STOPPED_STATUS=0
    wait "$1" || STOPPED_STATUS=$?
}

# Ends every process of this test that still lives: gently first (a frozen one is woken for it), then not.
processes_end() {
    local signal pid start alive
    [ -e "$TEST_DIR/processes" ] || return 0
    for signal in TERM KILL; do
        alive=()
        while read -r pid start; do
            [ -n "$start" ] && [ "$(process_start_time "$pid")" = "$start" ] || continue
            kill "-$signal" "$pid" 2>/dev/null && kill -CONT "$pid" 2>/dev/null || continue
            alive+=("$pid")
        done <"$TEST_DIR/processes"
        for pid in "${alive[@]}"; do
            wait_until 10 "process $pid ends" servers_process_gone "$pid" 2>/dev/null || true
        done
    done
}

sanitizer_reports() {
    grep -lE 'ERROR: (Address|Leak)Sanitizer|runtime error: ' "$TEST_DIR"/*.log 2>/dev/null
}

show_logs() {
    local log
    for log in "$TEST_DIR"/*.log; do
        [ -s "$log" ] || continue
        printf '\n--- the end of %s\n' "$log" >&2
        tail -n 25 "$log" >&2
    done
    printf '\nKept: %s\n' "$TEST_DIR" >&2
}

test_ends() {
    local status=$?
    trap - EXIT
    set +e
    servers_guard_end
    processes_end
    servers_stop >/dev/null
    cp "$SERVERS_HOME"/postgres.log "$SERVERS_HOME"/redis.log "$TEST_DIR" 2>/dev/null
    if [ "$status" -eq 0 ] && sanitizer_reports; then
        echo "FAILED: a sanitizer report is in the logs named above" >&2
        status=1
    fi
    if [ "$status" -eq 0 ] || [ "$status" -eq 77 ]; then
        servers_delete
    else
        show_logs
    fi
    exit "$status"
}

# What the guard does for a test that was killed. The folder stays.
test_was_killed() {
    TEST_DIR=$SERVERS_DIR
    processes_end
    servers_stop
}

servers_up() {
    local name
    for name in $(compgen -e TAPEMILL_); do
        case $name in
        TAPEMILL_ROOT | TAPEMILL_BUILD | TAPEMILL_BIN | TAPEMILL_TEST_*) ;;
        *) unset "$name" ;;
        esac
    done
    TEST_DIR=$(mktemp -d "${TMPDIR:-/tmp}/tapemill-test-$TEST_NAME.XXXXXX")
    chmod 711 "$TEST_DIR"
    trap test_ends EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    servers_use "$TEST_DIR"
    servers_guard "$TAPEMILL_ROOT/tests/support/servers.sh" test_was_killed
    servers_start
    set -a
    # shellcheck source=/dev/null
    source <(servers_environment)
    TAPEMILL_NAMESPACE=test
    TAPEMILL_FOLD_AFTER_DAYS=36500
    set +a
}

databases_create() {
    sql warehouse "create database ${1}_warehouse"
    sql warehouse "create database ${1}_source"
    TAPEMILL_WAREHOUSE_URL=$(servers_url "${1}_warehouse")
    TAPEMILL_SOURCE_URL=$(servers_url "${1}_source")
    TAPEMILL_NAMESPACE=$1
}
