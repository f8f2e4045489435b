# shellcheck shell=bash disable=SC2154 # ops/bench sources this file: rows, root, json come from there
# Peak memory of keeper and runner, by number of rows, and what the index of a dimension takes; see ops/bench.
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

# index_bytes MEMBERS VERSIONS: of a dimension of so many members with so many versions each
index_bytes() {
    sql "$WAREHOUSE_DATABASE" -c 'truncate dim_account cascade' -c "
        insert into dim_account (account_id, tenant_id, version, valid_from, valid_to, is_current)
        select m, '00000000-0000-0000-0000-000000000001', v,
               case v when 1 then '-infinity' else timestamptz '2000-01-01Z' + v * interval '1 hour' end,
               case v when $2 then 'infinity' else timestamptz '2000-01-01Z' + (v + 1) * interval '1 hour' end, v = $2
        from generate_series(1, $1) m cross join generate_series(1, $2) v" >/dev/null 2>&1
    "$(dirname "$bin")/tests/bin/dimension_probe" memory account
}
indexes=()
for shape in '100000 1' '10000 10' '100 1000'; do
    read -r members versions <<<"$shape"
    bytes=$(index_bytes "$members" "$versions")
    [[ $bytes =~ ^[1-9][0-9]*$ ]] || { echo "no figure for an index of $members members: <$bytes>" >&2; exit 1; }
    bytes=$(awk -v bytes="$bytes" -v count="$((members * versions))" 'BEGIN { printf "%.1f", bytes / count }')
    say "  index of $members members with $versions versions each: $bytes bytes a version"
    indexes+=("{\"members\": $members, \"versions_each\": $versions, \"bytes_per_version\": $bytes}")
done
if [ -n "$json" ]; then
    printf '{"benchmark": "memory", "loads": [%s], "indexes": [%s]}\n' "$(IFS=,; echo "${results[*]}")" "$(IFS=,; echo "${indexes[*]}")"
    exit
fi
printf '\nVmHWM of one worker after a load and a second load of the same date:\n'
printf '%s\n' "${results[@]}" | sed 's/[{}"]//g'
printf '\nPoint-in-time index of a dimension in memory:\n'
printf '%s\n' "${indexes[@]}" | sed 's/[{}"]//g'
