# shellcheck shell=bash
# What the benchmarks share: a private server, workers, stopwatches, medians (source this file; ops/bench does).
# It reads root, dir, bin, json and rounds, and keeps the figures of each way in figures[WAY].
# shellcheck source=ops/servers.sh
source "$root/ops/servers.sh"

first_date=2024-01-02
scheduler='' bench_workers=()
declare -A figures

bench_begin() {
    local name
    for name in $(compgen -e TAPEMILL_); do
        unset "$name"
    done
    # A fold of a month while something else is measured would be measured with it.
    export TAPEMILL_FOLD_AFTER_DAYS=36500
    servers_use "$dir"
    servers_delete
    servers_use "$dir"
    trap 'set +e; stop_processes; servers_delete' EXIT
    servers_start >/dev/null
    # What a warehouse server is given on a small machine; every way runs on the same.
    sql postgres -c "alter system set shared_buffers = '1GB'" -c "alter system set max_wal_size = '8GB'" \
        -c "alter system set synchronous_commit = on" -c "alter system set fsync = on"
    postgres_stop fast >/dev/null
    postgres_start >/dev/null
    set -a
    # shellcheck source=/dev/null
    source <(servers_environment)
    TAPEMILL_NAMESPACE=bench TAPEMILL_HISTORY_START=$first_date TAPEMILL_LOG_LEVEL=warn TAPEMILL_CHANGES_LAG_SECONDS=0
    set +a
    : >"$dir.log"
}

# start_processes N: a scheduler and N workers
start_processes() {
    local i
    "$bin/tapemill-scheduler" >>"$dir.log" 2>&1 &
    scheduler=$!
    bench_workers=()
    for ((i = 0; i < $1; i++)); do
        "$bin/tapemill-worker" >>"$dir.log" 2>&1 &
        bench_workers+=($!)
    done
}

stop_processes() {
    local pid
    for pid in "${bench_workers[@]}" $scheduler; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    done
    bench_workers=() scheduler=''
}

say() {
    [ -n "$json" ] || printf '%s\n' "$*" >&2
}

sql() {
    psql -XAtq -v ON_ERROR_STOP=1 "$(servers_url "$1")" "${@:2}"
}

now() {
    date +%s.%N
}

elapsed() {
    awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.3f", b - a }'
}

# note WAY FIGURE [UNIT]
note() {
    [[ $2 =~ ^[0-9]+(\.[0-9]+)?$ ]] || { echo "no figure for $1: <$2>; see $dir.log" >&2; exit 1; }
    figures[$1]+="$2 "
    say "  round $round  $1 $2 ${3:-s}"
}

median() {
    tr ' ' '\n' <<<"${figures[$1]}" | sed '/^$/d' | sort -n |
        awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'
}

# fill_source DAYS ROWS [MEMBERS]: desk executions of so many dates, over 25,000 books unless the generator's options for
# members are given
fill_source() {
    say "filling a source with $1 x $2 executions from $first_date"
    local members=(--instruments 100 --accounts 50)
    [ $# -eq 2 ] || members=("${@:3}")
    sql postgres -c "drop database if exists $SOURCE_DATABASE with (force)" -c "create database $SOURCE_DATABASE" 2>/dev/null
    "$bin/tapemill" source init >/dev/null
    "$bin/tapemill" source generate --seed 7 --from "$first_date" --days "$1" --rows "$2" --client-rows 1 --quotes 0 \
        "${members[@]}" --strategies 5 --dirty 0 --corrections 0 --busts 0 --late 0 >/dev/null 2>&1
    sql "$SOURCE_DATABASE" -c 'vacuum analyze'
}

# Makes bench_template: a warehouse whose dates and dimensions are there. Every round begins with a copy of it.
make_template() {
    local job
    "$bin/tapemill" migrate --schedule <(echo '{"schedules": []}') >/dev/null
    start_processes 1
    for job in dates partitions sync_dimensions sync_fx_rates; do
        "$bin/tapemill" enqueue "$job" --wait >/dev/null 2>&1
    done
    stop_processes
    sql "$WAREHOUSE_DATABASE" -c 'vacuum analyze'
    sql postgres -c "alter database $WAREHOUSE_DATABASE rename to bench_template"
}

fresh() {
    sql postgres -c "drop database if exists $1 with (force)" -c "create database $1 template bench_template" -c checkpoint \
        2>/dev/null
}

# Seconds from enqueue to the end of realised P&L, by the ledger's own times.
run_date() {
    "$bin/tapemill" enqueue daily_load --date "$first_date" --wait >/dev/null 2>&1
    sql "$WAREHOUSE_DATABASE" -c "
        select round(extract(epoch from max(r.completed_at) - min(j.created_at))::numeric, 3)
        from etl_jobs j join etl_job_runs r on r.job_id = j.id
        where j.pipeline_run_id = (select max(id) from etl_pipeline_runs) and j.job_name <> 'daily_performance'"
}

# cpu_ticks PID: of the process and the children it has waited for
cpu_ticks() {
    sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 + $14 + $15 }'
}

# CPU seconds so far: of the server (the backends that ended are in its own figures), and of a worker's keeper and runner
server_cpu() {
    local pid
    for pid in $(postgres_pid) $(pgrep -P "$(postgres_pid)"); do
        cpu_ticks "$pid" 2>/dev/null
    done | awk -v hz="$(getconf CLK_TCK)" '{ s += $1 } END { printf "%.2f", s / hz }'
}

worker_cpu() {
    local pid
    for pid in "${bench_workers[0]}" $(pgrep -P "${bench_workers[0]}"); do
        cpu_ticks "$pid" 2>/dev/null
    done | awk -v hz="$(getconf CLK_TCK)" '{ s += $1 } END { printf "%.2f", s / hz }'
}

# peak_memory PID: KiB
peak_memory() {
    awk '/^VmHWM:/ { print $2 }' "/proc/$1/status"
}
