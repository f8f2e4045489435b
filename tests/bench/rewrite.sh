# shellcheck shell=bash disable=SC2154 # ops/bench sources this file: rows, rounds, root, json come from there
# Updating a leaf, and writing it anew; see ops/bench.
fill_source 1 "$rows"
make_template

shares=(40 100)
for ((round = 1; round <= rounds; round++)); do
    for way in update anew; do
        export TAPEMILL_REWRITE_MIN_ROWS=1000000000
        [ $way = update ] || TAPEMILL_REWRITE_MIN_ROWS=1
        fresh "$WAREHOUSE_DATABASE"
        redis_flush
        start_processes 1
        run_date >/dev/null
        for share in "${shares[@]}"; do
            sql "$SOURCE_DATABASE" -c "update executions set price = price + 0.01, status = 'CORRECTED', updated_at = clock_timestamp()
                                       where execution_id % 100 < $share" -c 'vacuum analyze executions'
            note "${way}_$share" "$(run_date)"
        done
        stop_processes
    done
done

if [ -n "$json" ]; then
    printf '{"benchmark": "rewrite", "rows": %s, "rounds": %s' "$rows" "$rounds"
    for share in "${shares[@]}"; do
        printf ', "update_%s_s": %s, "anew_%s_s": %s' "$share" "$(median "update_$share")" "$share" "$(median "anew_$share")"
    done
    printf '}\n'
    exit
fi
printf '\n%-10s%12s%12s%8s\n' changed 'update s' 'anew s' ratio
for share in "${shares[@]}"; do
    u=$(median "update_$share") a=$(median "anew_$share")
    printf '%-10s%12.2f%12.2f%8s\n' "$share %" "$u" "$a" "$(ratio "$u" "$a")"
done
printf '\n%s rows, %s rounds, medians, P&L included; fsync and synchronous_commit on.\n' "$rows" "$rounds"
