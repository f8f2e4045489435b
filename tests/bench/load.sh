# shellcheck shell=bash disable=SC2154 # ops/bench sources this file: rows, rounds, root, json come from there
# One business date: Tapemill and the alternatives; see ops/bench.
key=${first_date//-/} leaf=fact_trades_d${first_date//-/}_desk
fill_source 1 "$rows"
make_template

correct_one_percent() {
    sql "$SOURCE_DATABASE" -c "update executions set price = price + 0.01, status = 'CORRECTED', updated_at = clock_timestamp()
                               where execution_id % 100 = $1"
}

run_tapemill() {
    local wal server worker since
    wal=$(sql postgres -c 'select pg_current_wal_lsn()') server=$(server_cpu) worker=$(worker_cpu)
    note tapemill "$(run_date)"
    note wal "$(sql postgres -c "select round((pg_current_wal_lsn() - '$wal') / $rows)")" "bytes of WAL a row"
    note server_cpu "$(awk -v a="$server" -v b="$(server_cpu)" 'BEGIN { print b - a }')" "s of the server's CPU"
    note worker_cpu "$(awk -v a="$worker" -v b="$(worker_cpu)" 'BEGIN { print b - a }')" "s of the worker's CPU"
    sql "$WAREHOUSE_DATABASE" -c "copy (select * from fact_trades where date_key = $key and source = 'DESK')
                                  to '$SERVERS_HOME/rows.bin' (format binary)"
    note unchanged "$(run_date)"
    written=$(sql "$WAREHOUSE_DATABASE" -c "select inserted + updated + removed from etl_job_runs
                                            where job_name = 'load_executions' order by run_no desc limit 1")
    [ "$written" = 0 ] || { echo "a load of the same rows wrote $written of them" >&2; exit 1; }
    correct_one_percent $((round % 100))
    note corrected "$(run_date)"
    since=$(sql "$SOURCE_DATABASE" -c 'select clock_timestamp()')
    correct_one_percent $(((round + 50) % 100))
    "$bin/tapemill" enqueue load_changed_executions --arg since="$since" --wait >/dev/null 2>&1
    note changes "$(sql "$WAREHOUSE_DATABASE" -c "
        select round(extract(epoch from r.completed_at - j.created_at)::numeric, 3)
        from etl_jobs j join etl_job_runs r on r.job_id = j.id where r.updated = $((rows / 100)) and j.job_name = 'load_changed_executions'")"
}

run_insert() {
    local table begun
    fresh bench_other
    sql bench_other -f "$root/tests/bench/insert_source.sql" -v source="$(servers_url "$SOURCE_DATABASE")" >/dev/null
    for table in executions orders; do
        sql "$SOURCE_DATABASE" -c "copy $table to stdout (format binary)" |
            sql bench_other -c "copy source.$table from stdin (format binary)"
    done
    sql bench_other -c 'analyze' -c checkpoint
    begun=$(now)
    sql bench_other -f "$root/tests/bench/insert_select.sql" -v date="$first_date" -v key="$key" >/dev/null
    note insert "$(elapsed "$begun")"
}

run_copy() {
    local begun
    fresh bench_other
    sql bench_other -v key="$key" -f "$root/tests/bench/ordinary_leaf.sql"
    begun=$(now)
    sql bench_other -c "copy fact_trades from '$SERVERS_HOME/rows.bin' (format binary)"
    note copy "$(elapsed "$begun")"
}

run_limit() {
    local begun
    fresh bench_other
    begun=$(now)
    sql bench_other -v key="$key" -v leaf="$leaf" -v rows="$SERVERS_HOME/rows.bin" -f "$root/tests/bench/bulk_leaf.sql"
    note limit "$(elapsed "$begun")"
}

for ((round = 1; round <= rounds; round++)); do
    fresh "$WAREHOUSE_DATABASE"
    redis_flush
    start_processes 1
    run_tapemill
    stop_processes
    run_limit
    run_copy
    run_insert
done

ways=(tapemill unchanged corrected changes insert copy limit)
if [ -n "$json" ]; then
    printf '{"benchmark": "load", "rows": %s, "rounds": %s' "$rows" "$rounds"
    for way in "${ways[@]}"; do
        printf ', "%s_s": %s' "$way" "$(median "$way")"
    done
    printf ', "wal_bytes_per_row": %s, "worker_cpu_s": %s, "server_cpu_s": %s}\n' "$(median wal)" "$(median worker_cpu)" \
        "$(median server_cpu)"
    exit
fi
t=$(median tapemill)
printf '\n%-11s%10s%14s%14s\n' way seconds rows/s 'x tapemill'
for way in "${ways[@]}"; do
    s=$(median "$way")
    printf '%-11s%10.2f%14.0f%14s\n' "$way" "$s" "$(awk -v r="$rows" -v s="$s" 'BEGIN { print r / s }')" "$(ratio "$s" "$t")"
done
printf '\n%s rows, %s rounds, medians; fsync and synchronous_commit on. tapemill: %s bytes of WAL a row, %s s of CPU in the worker, %s s in the server.\n' \
    "$rows" "$rounds" "$(median wal)" "$(median worker_cpu)" "$(median server_cpu)"
