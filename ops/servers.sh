# shellcheck shell=bash
# A private PostgreSQL and a private Redis in one folder, for ops/dev, ops/quickstart and the tests (source this file).
# Both listen on unix sockets only, in a folder that only their own user can enter, and nothing here ever touches a
# server of another folder. Run by root, they run as an unprivileged user. fsync is off: what they hold can be made
# again, and a crash of the machine (not of PostgreSQL) may spoil it.
#
#   servers_use DIR        chooses the folder; all other functions work on it
#   servers_start          creates what is missing and starts both      servers_stop     ends both
#   servers_delete         ends both and removes the folder             servers_status   says what runs
#   servers_environment    prints the settings that lead here, as KEY='value' lines (for bash and foreman)
#   postgres_start, postgres_stop [smart|fast|immediate], postgres_kill, postgres_running, postgres_pid
#   redis_start, redis_stop, redis_kill, redis_flush, redis_running, redis_pid
#   servers_guard FILE FUNCTION   lets FUNCTION of FILE clean up should this shell be killed; servers_guard_end
#   wait_until SECONDS DESCRIPTION COMMAND...   polls until COMMAND succeeds

SERVERS_DIR= SERVERS_HOME= SERVERS_USER= SERVERS_POSTGRES_BIN= SERVERS_GUARD=
WAREHOUSE_DATABASE=tapemill_warehouse
SOURCE_DATABASE=tapemill_source

# Runs COMMAND ten times a second until it succeeds. Past the deadline: its last output, the description, and 1.
wait_until() {
    local seconds=$1 description=$2 output='' deadline
    shift 2
    deadline=$((SECONDS + seconds))
    until output=$("$@" 2>&1); do
        if [ "$SECONDS" -ge "$deadline" ]; then
            printf '%s\n' "$output" "waited $seconds s in vain: $description" >&2
            return 1
        fi
        sleep 0.1
    done
}

servers_fail() {
    printf '%s\n' "$*" >&2
    return 1
}

# The newest PostgreSQL server programs on this machine, or those on the PATH.
servers_find_postgres() {
    local initdb
    initdb=$(find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1)
    [ -n "$initdb" ] || initdb=$(command -v initdb) ||
        servers_fail "No PostgreSQL server is installed. Run ops/setup." || return
    SERVERS_POSTGRES_BIN=$(dirname "$initdb")
    PATH=$SERVERS_POSTGRES_BIN:$PATH # its psql is that program itself; Debian's is a script that looks for it, five times as slow
}

# PostgreSQL refuses to run as root, so root lends it (and Redis) another user.
servers_find_user() {
    SERVERS_USER=$(id -un)
    [ "$(id -u)" -eq 0 ] || return 0
    for SERVERS_USER in postgres nobody; do
        id "$SERVERS_USER" >/dev/null 2>&1 && return
    done
    servers_fail "PostgreSQL cannot run as root, and there is neither a user postgres nor nobody to run it as."
}

# Runs a command as the servers' user, from a folder that this user can enter. Descriptor 9 is where callers hold a
# lock: a server must not inherit it.
as_server() (
    cd / && exec 9>&-
    [ "$(id -u)" -ne 0 ] || set -- setpriv --reuid="$SERVERS_USER" --regid="$(id -g "$SERVERS_USER")" --init-groups "$@"
    exec env -u PGDATA -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE -u PGOPTIONS "$@"
)

# Can the servers live in this folder? A socket's path has room for 107 bytes, and URLs want plain characters.
servers_can_live_in() {
    [[ ${#1} -le 70 && $1 =~ ^[A-Za-z0-9._/-]+$ ]] && as_server test -x "$1"
}

servers_use() {
    mkdir -p "$1"
    SERVERS_DIR=$(cd "$1" && pwd -P)
    servers_find_postgres
    servers_find_user
    SERVERS_HOME=$(readlink -f "$SERVERS_DIR/servers")
}

# DIR/servers is the servers' own folder, or a link to one elsewhere when they could not live under DIR.
servers_make_home() {
    if servers_can_live_in "$SERVERS_DIR"; then
        mkdir -m 700 "$SERVERS_DIR/servers"
    else
        local elsewhere
        elsewhere=$(mktemp -d "${TMPDIR:-/tmp}/tapemill.XXXXXX")
        chmod 711 "$elsewhere"
        servers_can_live_in "$elsewhere" || servers_fail "User $SERVERS_USER can enter neither $SERVERS_DIR nor \
$elsewhere. Set TMPDIR to a folder with a short plain path that everybody can enter." || return
        mkdir -m 700 "$elsewhere/servers"
        ln -s "$elsewhere/servers" "$SERVERS_DIR/servers"
    fi
    SERVERS_HOME=$(readlink -f "$SERVERS_DIR/servers")
    [ "$(id -u)" -ne 0 ] || chown "$SERVERS_USER:$(id -g "$SERVERS_USER")" "$SERVERS_HOME"
    as_server mkdir -m 700 "$SERVERS_HOME/sockets" "$SERVERS_HOME/redis"
}

servers_initialise() {
    as_server "$SERVERS_POSTGRES_BIN/initdb" --pgdata="$SERVERS_HOME/postgres" --username=tapemill --auth=trust \
        --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$SERVERS_DIR/initdb.log" 2>&1 ||
        servers_fail "initdb failed; see $SERVERS_DIR/initdb.log." || return
    rm "$SERVERS_DIR/initdb.log"
    as_server tee -a "$SERVERS_HOME/postgres/postgresql.conf" >/dev/null <<CONF
listen_addresses = ''
unix_socket_directories = '$SERVERS_HOME/sockets'
port = 5432
max_connections = 100
wal_level = logical
fsync = off
timezone = 'UTC'
log_timezone = 'UTC'
log_checkpoints = off
log_line_prefix = '%m [%p] %a '
CONF
    postgres_start
    local database
    for database in "$WAREHOUSE_DATABASE" "$SOURCE_DATABASE"; do
        psql -XAtq "$(servers_url postgres)" -c "create database $database" || return
    done
    as_server touch "$SERVERS_HOME/ready"
}

servers_start() {
    if ! [ -e "$SERVERS_HOME/ready" ]; then
        servers_delete_home
        servers_make_home
        servers_initialise
    fi
    postgres_running || postgres_start
    redis_running || redis_start
}

servers_stop() {
    ! redis_running || redis_stop
    ! postgres_running || postgres_stop fast
}

servers_delete_home() {
    servers_stop
    if [ -L "$SERVERS_DIR/servers" ] && [ -d "$SERVERS_HOME" ]; then
        rm -rf "$(dirname "$SERVERS_HOME")"
    fi
    rm -rf "$SERVERS_DIR/servers"
}

servers_delete() {
    servers_delete_home
    rm -rf "$SERVERS_DIR"
}

# A script that is killed (ctest does that past a time limit) cannot clean up, so another process waits for its end.
servers_guard() {
    SERVERS_GUARD=$(
        setsid bash -c 'while kill -0 "$2" 2>/dev/null; do sleep 1; done; source "$0"; servers_use "$1"; set +e; "$3"' \
            "$1" "$SERVERS_DIR" $$ "$2" >/dev/null 2>&1 </dev/null 9>&- &
        echo $!
    )
}

servers_guard_end() {
    # its process group, so that no sleep of it is left
    [ -z "$SERVERS_GUARD" ] || kill -- "-$SERVERS_GUARD" 2>/dev/null || kill "$SERVERS_GUARD" 2>/dev/null || true
    SERVERS_GUARD=
}

servers_status() {
    local server
    for server in postgres redis; do
        if "${server}_running"; then
            printf '%-9s running, pid %s\n' "$server" "$("${server}_pid")"
        else
            printf '%-9s stopped\n' "$server"
        fi
    done
}

# The connection string of a database.
servers_url() {
    printf 'postgresql://tapemill@/%s?host=%s&port=5432' "$1" "$SERVERS_HOME/sockets"
}

servers_environment() {
    printf "%s='%s'\n" TAPEMILL_WAREHOUSE_URL "$(servers_url "$WAREHOUSE_DATABASE")" \
        TAPEMILL_SOURCE_URL "$(servers_url "$SOURCE_DATABASE")" \
        TAPEMILL_REDIS_URL "unix://$SERVERS_HOME/sockets/redis.sock"
}

# True if the process PID is alive and its command line contains TEXT (a pid file may outlive its process).
servers_process_is() {
    [ -n "$1" ] && tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -qF -- "$2"
}

servers_process_gone() {
    ! kill -0 "$1" 2>/dev/null || grep -q '^State:[[:space:]]*Z' "/proc/$1/status"
}

postgres_pid() {
    head -n 1 "$SERVERS_HOME/postgres/postmaster.pid" 2>/dev/null
}

postgres_running() {
    servers_process_is "$(postgres_pid)" "$SERVERS_HOME/postgres"
}

postgres_control() {
    as_server "$SERVERS_POSTGRES_BIN/pg_ctl" --pgdata="$SERVERS_HOME/postgres" --silent --timeout=60 "$@"
}

postgres_start() {
    wait_until 60 "PostgreSQL starts (its log: $SERVERS_HOME/postgres.log)" \
        postgres_control --log="$SERVERS_HOME/postgres.log" start
}

postgres_stop() {
    postgres_control --mode="${1:-fast}" stop
}

# kill -9 of the postmaster and all its backends at once, as if the machine had lost power.
postgres_kill() {
    local postmaster pids pid
    postmaster=$(postgres_pid)
    kill -STOP "$postmaster"
    mapfile -t pids < <(pgrep -P "$postmaster")
    kill -KILL "${pids[@]}" "$postmaster" 2>/dev/null || true
    for pid in "${pids[@]}" "$postmaster"; do
        wait_until 10 "PostgreSQL process $pid is gone" servers_process_gone "$pid"
    done
}

# redis-cli on the private server.
redis_command() {
    redis-cli -s "$SERVERS_HOME/sockets/redis.sock" "$@"
}

redis_pid() {
    cat "$SERVERS_HOME/redis/redis.pid" 2>/dev/null
}

# Known by its folder: its title follows its settings, and may not name the socket any more.
redis_running() {
    local pid
    pid=$(redis_pid)
    servers_process_is "$pid" redis-server &&
        [ "$(readlink -f "/proc/$pid/cwd")" = "$(readlink -f "$SERVERS_HOME/redis")" ]
}

redis_answers() {
    [ "$(redis_command ping)" = PONG ]
}

redis_start() {
    as_server redis-server --port 0 --unixsocket "$SERVERS_HOME/sockets/redis.sock" --unixsocketperm 700 --save '' \
        --appendonly no --dir "$SERVERS_HOME/redis" --pidfile "$SERVERS_HOME/redis/redis.pid" \
        --logfile "$SERVERS_HOME/redis.log" --loglevel warning --daemonize yes >/dev/null
    wait_until 20 "Redis answers (its log: $SERVERS_HOME/redis.log)" redis_answers
}

redis_stop() {
    local pid
    pid=$(redis_pid)
    kill -TERM "$pid"
    wait_until 20 "Redis ends" servers_process_gone "$pid"
}

redis_kill() {
    local pid
    pid=$(redis_pid)
    kill -KILL "$pid"
    wait_until 10 "Redis is gone" servers_process_gone "$pid"
}

redis_flush() {
    [ "$(redis_command flushall)" = OK ] || servers_fail "Redis did not take FLUSHALL."
}
