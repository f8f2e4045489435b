# shellcheck shell=bash disable=SC2154 # ops/bench sources this file: rows, rounds, root, json come from there
# The daily summary against five upserts, again, and by delta; see ops/bench.
key=${first_date//-/}
fill_source 1 "$rows" --instruments 500 --accounts 200 --clients 200
make_template

# Seconds of the last run of daily_summary, which must have gone this way; by the ledger's own times.
summary_run() {
    "$bin/tapemill" enqueue daily_summary --date "$first_date" "${@:2}" --wait >/dev/null 2>&1
    sql "$WAREHOUSE_DATABASE" -c "
        select round(extract(epoch from completed_at - started_at)::numeric, 3) from etl_job_runs
        where run_no = (select max(run_no) from etl_job_runs where job_name = 'daily_summary') and status = 'COMPLETED'
          and metadata ->> 'way' = '$1'"
}

upserts_run() {
    local begun
    begun=$(now)
    sql "$WAREHOUSE_DATABASE" -v key="$key" -f "$root/tests/bench/five_upserts.sql" >/dev/null 2>&1
    elapsed "$begun"
}

# Row for row, to the decimals that five averages have.
compare() {
    local differing
    differing=$(sql "$WAREHOUSE_DATABASE" -c "
        select count(*)
        from (select * from agg_daily_trade_summary where date_key = $key) s
        full join upserted_summary u on u.aggregation_level = s.aggregation_level and u.tenant_id = s.tenant_id
            and concat(u.client_id, '/', u.instrument_id, '/', u.lp_id) = concat(s.client_id, '/', s.instrument_id, '/', s.lp_id)
        where (s.trade_count, s.buy_count, s.sell_count, s.total_volume, s.buy_volume, s.sell_volume, s.total_notional,
               s.total_fees, s.total_commission, s.min_price, s.max_price, s.max_latency_ms, round(s.avg_price, 8),
               round(s.vwap_price, 8), round(s.avg_latency_ms, 8))
              is distinct from
              (u.trade_count, u.buy_count, u.sell_count, u.total_volume, u.buy_volume, u.sell_volume, u.total_notional,
               u.total_fees, u.total_commission, u.min_price, u.max_price, u.max_latency_ms, round(u.avg_price, 8),
               round(u.vwap_price, 8), round(u.avg_latency_ms, 8))")
    [ "$differing" = 0 ] || { echo "$1: $differing rows differ" >&2; exit 1; }
}

# One row in a hundred as new ones, as a load by watermark inserts them: facts and the dirty log.
insert_one_percent() {
    sql "$WAREHOUSE_DATABASE" -c "
        insert into fact_trades (date_key, time_key, instrument_key, account_key, strategy_key, client_key, lp_key, tenant_id,
            source, trade_reference, execution_timestamp, side, quantity, price, notional_value, commission, fees, net_amount,
            currency, rate_to_base, latency_ms, source_updated_at, etl_run_id)
        select date_key, time_key, instrument_key, account_key, strategy_key, client_key, lp_key, tenant_id, source,
               trade_reference || '-new-$1', execution_timestamp, side, quantity, price, notional_value, commission, fees,
               net_amount, currency, rate_to_base, latency_ms, source_updated_at, 1000000000 + $1
        from fact_trades where date_key = $key and source = 'DESK' and execution_id % 100 = $1;
        insert into etl_dirty_buckets (target, date_key, reason, run_no, is_insert_only)
        values ('summary', $key, 'facts changed', 1000000000 + $1, true)"
}

fresh "$WAREHOUSE_DATABASE"
redis_flush
start_processes 1
run_date >/dev/null
sql "$WAREHOUSE_DATABASE" -c 'vacuum analyze' -c checkpoint
for ((round = 1; round <= rounds; round++)); do
    sql "$WAREHOUSE_DATABASE" -c 'drop table if exists upserted_summary' -c 'truncate agg_daily_trade_summary' \
        -c "delete from etl_dirty_buckets where target = 'summary'" 2>/dev/null
    note summary "$(summary_run whole)"
    note upserts "$(upserts_run)"
    compare "a first time"
    note summary_again "$(summary_run whole --arg mode=whole)"
    note upserts_again "$(upserts_run)"
    compare again
    insert_one_percent "$round"
    note delta "$(summary_run delta)"
    note upserts_new "$(upserts_run)"
    compare "1 % new rows"
    written=$(sql "$WAREHOUSE_DATABASE" -c "select coalesce(max(run_no), 0) from etl_job_runs")
    note summary_full "$(summary_run whole --arg mode=whole)"
    written=$(sql "$WAREHOUSE_DATABASE" -c "select inserted + updated + removed from etl_job_runs
                                            where run_no > $written and job_name = 'daily_summary'")
    [ "$written" = 0 ] || { echo "after the delta the whole differs in $written rows" >&2; exit 1; }
done
groups=$(sql "$WAREHOUSE_DATABASE" -c 'select count(*) from agg_daily_trade_summary')
stop_processes

ways=(summary upserts summary_again upserts_again delta summary_full upserts_new)
if [ -n "$json" ]; then
    printf '{"benchmark": "aggregate", "rows": %s, "groups": %s, "rounds": %s' "$rows" "$groups" "$rounds"
    for way in "${ways[@]}"; do
        printf ', "%s_s": %s' "$way" "$(median "$way")"
    done
    printf '}\n'
    exit
fi
compared() {
    printf '%-22s%12.2f%12.2f%8s\n' "$1" "$(median "$2")" "$(median "$3")" "$(ratio "$(median "$3")" "$(median "$2")")"
}
printf '\n%-22s%12s%12s%8s\n' '' tapemill 'upserts s' ratio
compared 'a first time' summary upserts
compared again summary_again upserts_again
printf '%-22s%12s%12s%8s\n' '' 'delta s' 'whole s' ratio
compared '1 % new rows' delta summary_full
printf '\n%s trades, %s groups, %s rounds, medians; fsync and synchronous_commit on.\n' "$rows" "$groups" "$rounds"
