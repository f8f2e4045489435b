# shellcheck shell=bash disable=SC2154 # ops/bench sources this file: members, rounds, root, json, bin, dir come from there
# A dimension's full comparison, and one member after the other; see ops/bench.
one_by_one=$(dirname "$bin")/tests/bin/dimension_one_by_one
[ -x "$one_by_one" ] || { echo "Build first: cmake --preset release && cmake --build --preset release" >&2; exit 1; }
changed=$(((members + 99) / 100)) gone=$(((members + 1999) / 2000))
dimensions=(client instrument)
declare -A source_table=([client]=clients [instrument]=instruments)
declare -A change=([client]="segment = coalesce(segment, '') || '+'" [instrument]="sector = sector || '+'")
declare -A place=([client]='substr(client_code, 2)::bigint' [instrument]=instrument_id)

fill_members() {
    say "filling a source with $members clients and $members instruments"
    sql postgres -c "drop database if exists $SOURCE_DATABASE with (force)" -c "create database $SOURCE_DATABASE" 2>/dev/null
    "$bin/tapemill" source init >/dev/null
    sql "$SOURCE_DATABASE" -c "
        insert into clients (client_id, client_code, name, client_type, region, segment, industry, onboard_date, status, updated_at)
        select md5('client ' || i)::uuid, 'C' || i, 'Client number ' || i,
               (array['HEDGE_FUND', 'CORPORATE', 'BANK'])[i % 3 + 1], (array['EMEA', 'AMER', 'APAC'])[i % 3 + 1],
               (array['GOLD', 'SILVER', 'BRONZE', null])[i % 4 + 1], 'Industry ' || i % 50, date '2015-01-01' + i % 3000,
               'ACTIVE', timestamptz '2024-01-02 09:00Z' + i * interval '1 second'
        from generate_series(1, $members) i" -c "
        insert into instruments (instrument_id, symbol, name, exchange, asset_class, instrument_type, sector, industry,
                                 market_cap_category, country, currency, tick_size, lot_size, contract_multiplier,
                                 price_precision, quantity_precision, is_active, updated_at)
        select i, 'S' || i, 'Instrument number ' || i, 'XNAS', 'EQUITY', 'SHARE', 'Sector ' || i % 11, 'Industry ' || i % 160,
               'LARGE', 'US', 'USD', 0.01, 1, 1, 2, 0, true, timestamptz '2024-01-02 09:00Z' + i * interval '1 second'
        from generate_series(1, $members) i" -c 'vacuum analyze'
}

# copy_of NAME TEMPLATE
copy_of() {
    sql postgres -c "drop database if exists $1 with (force)" -c "create database $1 template $2" -c checkpoint 2>/dev/null
}

# sync_run ARGUMENTS...: seconds from enqueue to the end, and of the run alone, into $whole and $alone; the counts into $counts
sync_run() {
    local argument arguments=()
    for argument in "$@"; do
        arguments+=(--arg "$argument")
    done
    "$bin/tapemill" enqueue sync_dimensions "${arguments[@]}" --wait >>"$dir.log" 2>&1 || { tail -n 3 "$dir.log" >&2; exit 1; }
    read -r whole alone counts < <(sql "$WAREHOUSE_DATABASE" -F' ' -c "
        select round(extract(epoch from r.completed_at - j.created_at)::numeric, 3),
               round(extract(epoch from r.completed_at - r.started_at)::numeric, 3),
               format('inserted %s updated %s removed %s', r.inserted, r.updated, r.removed)
        from etl_jobs j join etl_job_runs r on r.job_id = j.id where j.job_name = 'sync_dimensions'
        order by r.run_no desc limit 1")
}

# note_run WAY COUNTS ARGUMENTS...
note_run() {
    local way=$1 expected=$2
    sync_run "${@:3}"
    [ "$counts" = "$expected" ] || { echo "$way: $counts, not $expected" >&2; exit 1; }
    note "$way" "$whole"
    note "${way}_run" "$alone"
}

# What the source is asked in a run by watermark that finds nothing, all dimensions.
count_queries() {
    local log=$SERVERS_HOME/postgres.log before
    sql postgres -c "alter database $SOURCE_DATABASE set log_statement = 'all'"
    before=$(wc -l <"$log")
    sync_run mode=changes
    sql postgres -c "alter database $SOURCE_DATABASE reset log_statement"
    note queries "$(tail -n +$((before + 1)) "$log" | grep -E 'LOG:  (statement|execute [^:]*):' |
        grep -vciE ': (begin|commit|rollback|set|declare|close|alter) ?')" queries
}

# one_way WAY DIMENSION: one member after the other
one_way() {
    local begun written
    copy_of "$WAREHOUSE_DATABASE" bench_template
    begun=$(now)
    written=$("$one_by_one" "$1" "$2" '2024-06-01 00:00Z')
    note "$2_$1" "$(elapsed "$begun")"
    [ "$written" = "$changed" ] || { echo "$1: $written members, not $changed" >&2; exit 1; }
}

change_source() {
    copy_of "$SOURCE_DATABASE" bench_source
    sql "$SOURCE_DATABASE" -c "
        update ${source_table[$1]} set ${change[$1]}, updated_at = timestamptz '2024-06-03 12:00Z' + ${place[$1]} * interval '1 ms'
        where ${place[$1]} % 100 = $((round % 100))" -c "
        delete from ${source_table[$1]} where ${place[$1]} % 2000 = $(((round + 50) % 2000))" -c "vacuum analyze ${source_table[$1]}"
}

fill_members
sql postgres -c "alter database $SOURCE_DATABASE rename to bench_source"
copy_of "$SOURCE_DATABASE" bench_source
"$bin/tapemill" migrate --schedule <(echo '{"schedules": []}') >/dev/null
sql postgres -c "alter database $WAREHOUSE_DATABASE rename to bench_empty"

for ((round = 1; round <= rounds; round++)); do
    copy_of "$SOURCE_DATABASE" bench_source
    copy_of "$WAREHOUSE_DATABASE" bench_empty
    redis_flush
    start_processes 1
    for dimension in "${dimensions[@]}"; do
        note_run "${dimension}_initial" "inserted $members updated 0 removed 0" "dimension=$dimension"
    done
    sync_run mode=changes
    for dimension in "${dimensions[@]}"; do
        note_run "${dimension}_unchanged" 'inserted 0 updated 0 removed 0' "dimension=$dimension"
    done
    note_run changes 'inserted 0 updated 0 removed 0' mode=changes
    count_queries
    stop_processes
    sql "$WAREHOUSE_DATABASE" -c 'vacuum analyze'
    sql postgres -c 'drop database if exists bench_template' -c "alter database $WAREHOUSE_DATABASE rename to bench_template" 2>/dev/null
    for dimension in "${dimensions[@]}"; do
        change_source "$dimension"
        copy_of "$WAREHOUSE_DATABASE" bench_template
        redis_flush
        start_processes 1
        note_run "$dimension" "inserted 0 updated $changed removed $gone" "dimension=$dimension"
        stop_processes
        one_way statement "$dimension"
        one_way plain "$dimension"
    done
done

names=(changes changes_run queries)
for dimension in "${dimensions[@]}"; do
    names+=("$dimension" "${dimension}_run" "${dimension}_statement" "${dimension}_plain" "${dimension}_unchanged"
        "${dimension}_unchanged_run" "${dimension}_initial" "${dimension}_initial_run")
done
if [ -n "$json" ]; then
    printf '{"benchmark": "dimension", "members": %s, "rounds": %s' "$members" "$rounds"
    for name in "${names[@]}"; do
        printf ', "%s": %s' "$name" "$(median "$name")"
    done
    printf '}\n'
    exit
fi
for dimension in "${dimensions[@]}"; do
    t=$(median "$dimension")
    printf '\n%-52s%8s%8s%10s\n' "$dimension" seconds run 'x tapemill'
    printf '%-52s%8.2f%8.2f%10s\n' "all compared, $changed changed, $gone deleted" "$t" "$(median "${dimension}_run")" 1.00 \
        'all compared, nothing changed' "$(median "${dimension}_unchanged")" "$(median "${dimension}_unchanged_run")" \
        "$(ratio "$(median "${dimension}_unchanged")" "$t")" \
        'all are new' "$(median "${dimension}_initial")" "$(median "${dimension}_initial_run")" \
        "$(ratio "$(median "${dimension}_initial")" "$t")"
    printf '%-52s%8.2f%8s%10s\n' "one by one, $changed, one statement each" "$(median "${dimension}_statement")" '' \
        "$(ratio "$(median "${dimension}_statement")" "$t")" \
        "one by one, $changed, look up, close, open" "$(median "${dimension}_plain")" '' "$(ratio "$(median "${dimension}_plain")" "$t")"
done
printf '\nby watermark, nothing changed: %s s, %s queries at the source for five dimensions\n' "$(median changes)" "$(median queries)"
printf '\n%s members, %s rounds, medians; seconds from enqueue to the end, run: of it the run; fsync and synchronous_commit on.\n' \
    "$members" "$rounds"
