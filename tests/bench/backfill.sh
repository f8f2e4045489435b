# shellcheck shell=bash disable=SC2154 # ops/bench sources this file: rows, days, workers, rounds, root, json come from there
# Many dates at once, with one worker and with several; see ops/bench.
fill_source "$days" "$rows"
make_template
last_date=$(date -u -d "$first_date + $((days - 1)) days" +%F)

# Seconds from the backfill's creation to the end of its last run.
run_backfill() {
    "$bin/tapemill" backfill daily_load --from "$first_date" --to "$last_date" --wait >>"$dir.log" 2>&1
    sql "$WAREHOUSE_DATABASE" -c "
        select round(extract(epoch from max(r.completed_at) - min(b.created_at))::numeric, 3)
        from etl_backfills b join etl_jobs j on j.backfill_id = b.id join etl_job_runs r on r.job_id = j.id"
}

# The dates are done: every fact has its P&L, every date is closed and has its performance.
check_done() {
    local unbooked closed
    unbooked=$(sql "$WAREHOUSE_DATABASE" -c "select count(*) from fact_trades where realized_pnl is null and not is_deleted")
    closed=$(sql "$WAREHOUSE_DATABASE" -c "select count(*) from etl_conditions where key like 'pnl:%' and met")
    [ "$unbooked $closed" = "0 $days" ] || { echo "$unbooked facts without P&L, $closed of $days dates closed" >&2; exit 1; }
}

IFS=, read -ra counts <<<"$workers"
for ((round = 1; round <= rounds; round++)); do
    for count in "${counts[@]}"; do
        fresh "$WAREHOUSE_DATABASE"
        redis_flush
        start_processes "$count"
        note "workers_$count" "$(run_backfill)"
        stop_processes
        check_done
    done
done

if [ -n "$json" ]; then
    printf '{"benchmark": "backfill", "days": %s, "rows": %s, "rounds": %s' "$days" "$rows" "$rounds"
    for count in "${counts[@]}"; do
        printf ', "workers_%s_s": %s' "$count" "$(median "workers_$count")"
    done
    printf '}\n'
    exit
fi
one=$(median "workers_${counts[0]}")
printf '\n%-8s%10s%14s%10s\n' workers seconds rows/s speed
for count in "${counts[@]}"; do
    s=$(median "workers_$count")
    printf '%-8s%10.2f%14.0f%10s\n' "$count" "$s" "$(awk -v r="$((rows * days))" -v s="$s" 'BEGIN { print r / s }')" "$(ratio "$one" "$s")"
done
printf '\n%s dates of %s rows, to P&L and performance; %s rounds, medians; fsync and synchronous_commit on.\n' "$days" "$rows" "$rounds"
