# shellcheck shell=bash disable=SC2154 # ops/bench sources this file: jobs, samples, workers, rounds, root, json, bin, dir come from there
# The queue and the ledger without work to do; see ops/bench.
verbs=$(dirname "$bin")/tests/bin/queue_verbs
[ -x "$verbs" ] || { echo "Build first: cmake --preset release && cmake --build --preset release" >&2; exit 1; }
redis_command config set appendonly yes >/dev/null
redis_command config set appendfsync everysec >/dev/null
"$bin/tapemill" migrate --schedule <(echo '{"schedules": []}') >/dev/null
sql "$WAREHOUSE_DATABASE" -c 'vacuum analyze'
sql postgres -c "alter database $WAREHOUSE_DATABASE rename to bench_template"
lines=$dir/jobs.jsonl
IFS=, read -ra counts <<<"$workers"

# rate COUNT SECONDS: a second
rate() {
    awk -v n="$1" -v s="$2" 'BEGIN { printf "%.0f", n / s }'
}

fill_lines() {
    awk -v n="$1" 'BEGIN { while (n-- > 0) print "{}" }' >"$lines"
}

# enqueue_lines COUNT BATCH: jobs a second
enqueue_lines() {
    local since
    fill_lines "$1"
    since=$(now)
    "$bin/tapemill" enqueue probe --each "$lines" --batch "$2" >/dev/null
    rate "$1" "$(elapsed "$since")"
}

all_done() {
    [ "$(sql "$WAREHOUSE_DATABASE" -c "select count(*) from etl_jobs where state <> 'done' and job_name = 'probe'")" = 0 ]
}

# Jobs a second, by the ledger's own times: from the first claim to the last completion.
ledger_rate() {
    wait_until 600 "all jobs are done" all_done
    sql "$WAREHOUSE_DATABASE" -c "
        select round(count(*) / extract(epoch from max(completed_at) - min(started_at)))::bigint
        from etl_job_runs where job_name = 'probe'"
}

drain_tapemill() {
    fresh "$WAREHOUSE_DATABASE"
    redis_flush
    enqueue_lines "$jobs" 1000 >/dev/null
    start_processes "$1"
    note "drain_$1" "$(ledger_rate)" jobs/s
    stop_processes
}

# statement NAME: of sql/ledger/ledger.sql, its parameters as variables :p1, :p2 ... of pgbench
statement() {
    awk -v name="$1" '/^-- name: / { on = $3 == name; next } on && !/^--/' "$root/sql/ledger/ledger.sql" |
        sed -e 's/\$11::jsonb/null::jsonb/' -e 's/\$\([0-9][0-9]*\)/:p\1/g' -e '/^$/d'
    echo ';'
}

# What a worker asks of PostgreSQL for each job, in the same order and transactions.
write_pgbench() {
    printf '\\set n :n + 1\n\\set p1 (:n - 1) * :clients + :client_id + 1\n'
    statement claim | sed 's/:p2/:worker/g'
    printf '\\set p2 1\n'
    printf "begin isolation level read committed; set local idle_in_transaction_session_timeout = '14460s'; "
    printf 'set local plan_cache_mode = force_custom_plan;\n'
    statement check
    statement release_dependants
    for p in 3 4 5 6 7 8 9 10; do
        printf '\\set p%s 0\n' $p
    done
    statement complete_run
    statement complete_job
    printf 'commit;\n'
}

drain_pgbench() {
    local since
    fresh "$WAREHOUSE_DATABASE"
    redis_flush
    enqueue_lines "$jobs" 1000 >/dev/null
    write_pgbench >"$dir/drain.pgbench"
    since=$(now)
    pgbench -n -M prepared -c "$1" -j "$1" -t $((jobs / $1)) -D n=0 -D clients="$1" -D worker=bench -f "$dir/drain.pgbench" \
        "$(servers_url "$WAREHOUSE_DATABASE")" >>"$dir.log" 2>&1
    note "pgbench_$1" "$(ledger_rate)" jobs/s
}

drain_verbs() {
    local since i pids=()
    redis_flush
    "$verbs" put 1 "$jobs" 1000
    since=$(now)
    for ((i = 0; i < $1; i++)); do
        "$verbs" drain >/dev/null &
        pids+=($!)
    done
    wait "${pids[@]}"
    note "redis_$1" "$(rate "$jobs" "$(elapsed "$since")")" jobs/s
}

enqueue_rates() {
    local since
    fresh "$WAREHOUSE_DATABASE"
    redis_flush
    note enqueue_single "$(enqueue_lines $((jobs / 10)) 1)" jobs/s
    note enqueue_bulk "$(enqueue_lines "$jobs" 1000)" jobs/s
    redis_flush
    since=$(now)
    "$verbs" put 1 $((jobs / 10)) 1
    note redis_put_single "$(rate $((jobs / 10)) "$(elapsed "$since")")" jobs/s
    redis_flush
    since=$(now)
    "$verbs" put 1 "$jobs" 1000
    note redis_put_bulk "$(rate "$jobs" "$(elapsed "$since")")" jobs/s
}

# latency NAME SINCE: p50 and p99 of the milliseconds from the transaction that enqueued to the start of the run, of the jobs
# after SINCE
latency() {
    wait_until 60 "all jobs are done" all_done
    read -r p50 p99 < <(sql "$WAREHOUSE_DATABASE" -F' ' -c "
        select round((percentile_cont(0.5) within group (order by ms))::numeric, 2),
               round((percentile_cont(0.99) within group (order by ms))::numeric, 2)
        from (select extract(epoch from r.started_at - j.created_at) * 1000 as ms
              from etl_jobs j join etl_job_runs r on r.job_id = j.id where j.job_name = 'probe' and j.id > $2) s")
    note "$1_p50" "$p50" ms
    note "$1_p99" "$p99" ms
}

last_job() {
    sql "$WAREHOUSE_DATABASE" -c 'select coalesce(max(id), 0) from etl_jobs'
}

# One job at a time on an idle system: from a process that stays connected, and from a new one for each job.
start_latency() {
    local i since
    fresh "$WAREHOUSE_DATABASE"
    redis_flush
    start_processes 1
    "$bin/tapemill" enqueue probe --wait >/dev/null 2>&1
    since=$(last_job)
    for ((i = 0; i < samples; i++)); do
        echo '{}'
        sleep 0.03
    done | "$bin/tapemill" enqueue probe --each - --batch 1 >/dev/null
    latency start "$((since + 10))" # its connection and that of the worker have met these statements by then
    since=$(last_job)
    for ((i = 0; i < samples / 5; i++)); do
        "$bin/tapemill" enqueue probe >/dev/null
        sleep 0.03
    done
    latency command "$since"
}

# The worker of start_latency, left alone: CPU in percent of a core, and memory that is its own.
idle_cost() {
    local before pid pss=0
    before=$(worker_cpu)
    sleep "$idle_seconds"
    note idle_cpu "$(awk -v a="$before" -v b="$(worker_cpu)" -v s="$idle_seconds" 'BEGIN { printf "%.3f", 100 * (b - a) / s }')" '% of a core'
    for pid in "${bench_workers[0]}" $(pgrep -P "${bench_workers[0]}"); do
        pss=$((pss + $(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup")))
    done
    note idle_memory "$((pss / 1024))" MiB
}

# Forty jobs, each of which waits for the one before.
chain() {
    local i id=''
    "$bin/tapemill" queue pause live --reason benchmark >/dev/null
    for ((i = 0; i < 40; i++)); do
        id=$("$bin/tapemill" enqueue probe ${id:+--after "$id"} --json | sed -n 's/.*"job_ids": \[\([0-9]*\)\].*/\1/p')
    done
    "$bin/tapemill" queue resume live >/dev/null
    wait_until 60 "all jobs are done" all_done
    note chain_of_40 "$(sql "$WAREHOUSE_DATABASE" -c "
        select round(extract(epoch from max(completed_at) - min(started_at))::numeric, 3)
        from (select r.* from etl_job_runs r where job_name = 'probe' order by run_no desc limit 40) r")"
}

run_starts() {
    [ "$(sql "$WAREHOUSE_DATABASE" -c "select count(*) from etl_job_runs where job_id = $1")" -ge "$2" ]
}

# killed_to_running WHAT: seconds from kill -9 of the runner, or of both, to the start of the job's next run
killed_to_running() {
    local id runner at
    id=$("$bin/tapemill" enqueue probe --arg seconds=2 --json | sed -n 's/.*"job_ids": \[\([0-9]*\)\].*/\1/p')
    wait_until 30 "the job runs" run_starts "$id" 1
    runner=$(pgrep -P "${bench_workers[0]}")
    at=$(date +%s.%N)
    kill -9 "$runner"
    if [ "$1" = worker ]; then
        kill -9 "${bench_workers[0]}"
        wait "${bench_workers[0]}" 2>/dev/null || true
        "$bin/tapemill-worker" >>"$dir.log" 2>&1 &
        bench_workers=($!)
    fi
    wait_until 60 "the job runs again" run_starts "$id" 2
    note "killed_$1" "$(sql "$WAREHOUSE_DATABASE" -c "
        select round(extract(epoch from max(started_at))::numeric - $at, 3) from etl_job_runs where job_id = $id")"
    wait_until 60 "the job is done" all_done
    [ "$(sql "$WAREHOUSE_DATABASE" -c "select attempts from etl_jobs where id = $id")" = 0 ] || { echo "an attempt was charged" >&2; exit 1; }
}

for ((round = 1; round <= rounds; round++)); do
    enqueue_rates
    for count in "${counts[@]}"; do
        drain_tapemill "$count"
        drain_pgbench "$count"
        drain_verbs "$count"
    done
    start_latency
    idle_cost
    chain
    killed_to_running runner
    killed_to_running worker
    stop_processes
done

names=(enqueue_single enqueue_bulk redis_put_single redis_put_bulk)
for count in "${counts[@]}"; do
    names+=("drain_$count" "pgbench_$count" "redis_$count")
done
names+=(start_p50 start_p99 command_p50 command_p99 idle_cpu idle_memory chain_of_40 killed_runner killed_worker)
if [ -n "$json" ]; then
    printf '{"benchmark": "queue", "jobs": %s, "rounds": %s, "samples": %s' "$jobs" "$rounds" "$samples"
    for name in "${names[@]}"; do
        printf ', "%s": %s' "$name" "$(median "$name")"
    done
    printf '}\n'
    exit
fi
printf '\n%-34s%10s\n' 'jobs a second' rate
printf '%-34s%10.0f\n' 'enqueue, one a transaction' "$(median enqueue_single)" 'enqueue, 1,000 a transaction' "$(median enqueue_bulk)" \
    'Redis verb put alone, one a call' "$(median redis_put_single)" 'Redis verb put alone, 1,000 a call' "$(median redis_put_bulk)"
printf '\n%-10s%12s%12s%12s%12s\n' workers 'drain/s' 'pgbench/s' 'of it' 'Redis/s'
for count in "${counts[@]}"; do
    printf '%-10s%12.0f%12.0f%12s%12.0f\n' "$count" "$(median "drain_$count")" "$(median "pgbench_$count")" \
        "$(ratio "$(median "drain_$count")" "$(median "pgbench_$count")")" "$(median "redis_$count")"
done
printf '\n'
printf '%-48s%10s ms\n' 'enqueue to start, p50' "$(median start_p50)" 'enqueue to start, p99' "$(median start_p99)" \
    'the same by a command for each job, p50' "$(median command_p50)" \
    'the same by a command for each job, p99' "$(median command_p99)"
printf '%-48s%10s %%\n' 'idle worker, CPU of a core' "$(median idle_cpu)"
printf '%-48s%10s MiB\n' 'idle worker, memory (PSS)' "$(median idle_memory)"
printf '%-48s%10s s\n' 'chain of 40 jobs' "$(median chain_of_40)" 'kill -9 of the runner to its job running' "$(median killed_runner)" \
    'kill -9 of keeper and runner to its job running' "$(median killed_worker)"
printf '\n%s no-op jobs; %s rounds, medians; %s samples of the latency; fsync and synchronous_commit on, appendfsync everysec.\n' \
    "$jobs" "$rounds" "$samples"
