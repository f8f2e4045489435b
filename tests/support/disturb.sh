# shellcheck shell=bash
# What a fault run does to the processes and servers of a test: source it after support/faults.sh. Choices are drawn
# from RANDOM, which the test seeds.
#
#   WORKERS, SCHEDULERS             pids of start_supervised, filled by the test
#   disturb_begin                   before the first
#   disturb                         one fault, drawn by the weights below; its name is in $FAULT
#   disturb_arm FAILPOINT           arms it with an action drawn, unless it is armed
#   disturb_wake                    lets go on whoever was frozen for long enough, and counts failpoints that were hit
#   disturb_end                     disarms failpoints, lets everybody go on, sets the clock right
#   COUNTS[NAME], HITS[FAILPOINT]   how often what was done
#   disturb_kills                   how many processes were killed
#
# Servers that a fault takes away are there again when it returns.

WORKERS=() SCHEDULERS=()
declare -A COUNTS=() HITS=() ARMED=() WAKE_MS=()
FAULT=

# NAME WEIGHT
FAULTS=(
    kill_runner 14 kill_keeper 8 kill_both 8 kill_scheduler 6
    arm_failpoint 34
    freeze_runner 4 freeze_keeper 4 freeze_both 4 freeze_scheduler 3
    cut_runner 4 cut_scheduler 2 cut_all 2 cut_redis 3
    redis_restarts 1 redis_loses_all 1 redis_is_flushed 2 redis_loses_tail 2
    postgres_restarts 1 postgres_stops_at_once 1 postgres_loses_power 1
    clock_steps 3
)

counted() {
    COUNTS[$1]=$((${COUNTS[$1]:-0} + 1))
}

disturb_now_ms() {
    echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

# Sets DRAWN to a number from $1 to $2. (A subshell would draw the same number again and again.)
draw() {
    DRAWN=$(($1 + (RANDOM * 32768 + RANDOM) % ($2 - $1 + 1)))
}

draw_one_of() {
    draw 1 $#
    DRAWN=${!DRAWN}
}

disturb_kills() {
    local name sum=0
    for name in "${!COUNTS[@]}"; do
        [[ $name != killed_* ]] || sum=$((sum + COUNTS[$name]))
    done
    echo "$sum"
}

# ---- processes -------------------------------------------------------------------------------------------------

# Sets KEEPER and RUNNER to those of one worker, SCHEDULER to one of the schedulers; empty when there is none just now.
draw_worker() {
    draw_one_of "${WORKERS[@]}"
    KEEPER=$(pgrep -P "$DRAWN" -f tapemill-worker | head -n 1) || true
    RUNNER=
    [ -z "$KEEPER" ] || RUNNER=$(pgrep -P "$KEEPER" | head -n 1) || true
}

draw_scheduler() {
    draw_one_of "${SCHEDULERS[@]}"
    SCHEDULER=$(pgrep -P "$DRAWN" -f tapemill-scheduler | head -n 1) || true
}

kill_one() {
    [ -n "$2" ] && kill -KILL "$2" 2>/dev/null || return 0
    counted "killed_$1"
}

kill_runner() {
    draw_worker
    kill_one runner "$RUNNER"
}

kill_keeper() {
    draw_worker
    kill_one keeper "$KEEPER"
}

kill_both() {
    draw_worker
    kill_one keeper "$KEEPER"
    kill_one runner "$RUNNER"
}

kill_scheduler() {
    draw_scheduler
    kill_one scheduler "$SCHEDULER"
}

# For up to four leases.
freeze_one() {
    [ -n "$2" ] && kill -STOP "$2" 2>/dev/null || return 0
    counted "frozen_$1"
    wake_later "$2"
}

wake_later() {
    draw 500 4000
    WAKE_MS[$1]=$(($(disturb_now_ms) + DRAWN))
}

freeze_runner() {
    draw_worker
    freeze_one runner "$RUNNER"
}

freeze_keeper() {
    draw_worker
    freeze_one keeper "$KEEPER"
}

freeze_both() {
    draw_worker
    freeze_one keeper "$KEEPER"
    freeze_one runner "$RUNNER"
}

freeze_scheduler() {
    draw_scheduler
    freeze_one scheduler "$SCHEDULER"
}

# ---- failpoints ------------------------------------------------------------------------------------------------

# Arms one of those that were hit least, and are not armed.
arm_failpoint() {
    local name least=999999 candidates=()
    for name in "${!HITS[@]}"; do
        [ -z "${ARMED[$name]:-}" ] || continue
        if [ "${HITS[$name]}" -lt "$least" ]; then
            least=${HITS[$name]} candidates=()
        fi
        [ "${HITS[$name]}" -gt "$least" ] || candidates+=("$name")
    done
    [ ${#candidates[@]} -gt 0 ] || return 0
    # What a bash hands out of a table has no order of its own.
    mapfile -t candidates < <(printf '%s\n' "${candidates[@]}" | sort)
    draw_one_of "${candidates[@]}"
    disturb_arm "$DRAWN"
}

# Arms a failpoint, unless it is.
disturb_arm() {
    local name=$1 actions=(kill stop exit)
    [ -z "${ARMED[$name]:-}" ] || return 0
    [[ $name == keeper.* || $name == scheduler.* ]] || actions+=(kill-parent kill-both stop-both kill)
    draw_one_of "${actions[@]}"
    ARMED[$name]=$DRAWN
    arm "$name" "$DRAWN"
}

# What a failpoint that was hit did.
count_hit() {
    local name=$1 action=${ARMED[$1]} pid parent
    pid=$(cat "$TAPEMILL_FAILPOINT_DIR/$name.hit")
    rm -f "$TAPEMILL_FAILPOINT_DIR/$name.hit"
    unset "ARMED[$name]"
    HITS[$name]=$((HITS[$name] + 1))
    case $action in
    kill-both) counted killed_at_failpoint && counted killed_at_failpoint ;;
    kill*) counted killed_at_failpoint ;;
    exit) counted exited_at_failpoint ;;
    stop*)
        counted frozen_at_failpoint
        parent=$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status" 2>/dev/null) || true
        wake_later "$pid"
        [ "$action" != stop-both ] || [ -z "$parent" ] || wake_later "$parent"
        ;;
    esac
}

disturb_wake() {
    local name pid now_ms
    for name in "${!ARMED[@]}"; do
        [ ! -s "$TAPEMILL_FAILPOINT_DIR/$name.hit" ] || count_hit "$name"
    done
    now_ms=$(disturb_now_ms)
    for pid in "${!WAKE_MS[@]}"; do
        [ "${WAKE_MS[$pid]}" -le "$now_ms" ] || continue
        kill -CONT "$pid" 2>/dev/null || true
        unset "WAKE_MS[$pid]"
    done
}

# ---- connections -----------------------------------------------------------------------------------------------

cut_backends() {
    local ended
    ended=$(sql warehouse "select count(pg_terminate_backend(pid)) from pg_stat_activity
                           where datname = current_database() and application_name like '$2'")
    [ "$ended" -eq 0 ] || counted "cut_$1"
}

cut_runner() {
    cut_backends runners 'tapemill runner'
}

cut_scheduler() {
    cut_backends schedulers 'tapemill scheduler'
}

cut_all() {
    cut_backends everybody 'tapemill%'
}

cut_redis() {
    redis_command client kill type normal skipme yes >/dev/null
    counted cut_redis
}

# ---- servers ---------------------------------------------------------------------------------------------------

redis_keeps() {
    redis_command save >/dev/null
}

redis_restarts() {
    redis_keeps
    redis_kill
    redis_start
    counted redis_restarts
}

redis_loses_all() {
    rm -f "$SERVERS_HOME/redis/dump.rdb"
    redis_kill
    redis_start
    counted redis_loses_all
}

redis_is_flushed() {
    redis_flush
    counted redis_flushed
}

# It comes back as it was a while ago.
redis_loses_tail() {
    redis_keeps
    draw 200 2000
    sleep "$((DRAWN / 1000)).$(printf %03d $((DRAWN % 1000)))"
    redis_kill
    redis_start
    counted redis_loses_tail
}

postgres_restarts() {
    postgres_stop fast
    postgres_start
    counted postgres_restarts
}

postgres_stops_at_once() {
    postgres_stop immediate
    postgres_start
    counted postgres_stops_at_once
}

postgres_loses_power() {
    postgres_kill
    postgres_start
    counted postgres_loses_power
}

# The schedulers' clock, by up to two hours there and back.
clock_steps() {
    draw -7200000 7200000
    set_clock "$DRAWN"
    counted clock_steps
}

set_clock() {
    echo "$1" >"$TEST_DIR/clock_offset_ms"
    mv "$TEST_DIR/clock_offset_ms" "$TAPEMILL_FAILPOINT_DIR/clock_offset_ms"
}

# ---- all of it -------------------------------------------------------------------------------------------------

disturb_begin() {
    local name
    for name in $(failpoints); do
        HITS[$name]=0
    done
}

disturb() {
    local i sum=0
    for ((i = 1; i < ${#FAULTS[@]}; i += 2)); do
        sum=$((sum + FAULTS[i]))
    done
    draw 1 "$sum"
    for ((i = 1; DRAWN > FAULTS[i]; i += 2)); do
        DRAWN=$((DRAWN - FAULTS[i]))
    done
    FAULT=${FAULTS[i - 1]}
    "$FAULT"
}

disturb_end() {
    local name pid parent
    for name in "${!ARMED[@]}"; do
        rm -f "$TAPEMILL_FAILPOINT_DIR/$name"
    done
    disturb_wake
    for parent in "${WORKERS[@]}" "${SCHEDULERS[@]}"; do
        for pid in $(pgrep -P "$parent"); do
            kill -CONT "$pid" $(pgrep -P "$pid") 2>/dev/null || true
        done
    done
    set_clock 0
}
