# shellcheck shell=bash disable=SC2154 # ops/bench sources this file: rows, root, json come from there
# Peak memory of keeper and runner, by number of rows; see ops/bench.
IFS=, read -ra counts <<<"$rows"
results=()
for count in "${counts[@]}"; do
    round=1
    fill_source 1 "$count"
    sql postgres -c "drop database if exists bench_template with (force)" 2>/dev/null
    sql postgres -c "drop database if exists $WAREHOUSE_DATABASE with (force)" -c "create database $WAREHOUSE_DATABASE" 2>/dev/null
    make_template
    fresh "$WAREHOUSE_DATABASE"
    redis_flush
    start_processes 1
    for step in load reload; do
        "$bin/tapemill" enqueue daily_load --date "$first_date" --wait >/dev/null 2>&1
        keeper=$(peak_memory "${bench_workers[0]}") runner=$(peak_memory "$(pgrep -P "${bench_workers[0]}")")
        books=$(sql "$WAREHOUSE_DATABASE" -c 'select count(*) from etl_open_positions')
        say "  $count rows, $step: keeper $keeper KiB, runner $runner KiB, $books open books"
    done
    stop_processes
    results+=("{\"rows\": $count, \"open_books\": $books, \"keeper_kib\": $keeper, \"runner_kib\": $runner}")
done
if [ -n "$json" ]; then
    printf '{"benchmark": "memory", "loads": [%s]}\n' "$(IFS=,; echo "${results[*]}")"
    exit
fi
printf '\nVmHWM of one worker after a load and a second load of the same date:\n'
printf '%s\n' "${results[@]}" | sed 's/[{}"]//g'
