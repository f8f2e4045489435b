# shellcheck shell=bash
# For tests of orders, quotes, risk snapshots and positions. Source it in place of support/servers.sh, which it builds on:
#
#   events_up ZONE [NAME=VALUE...]  servers, a migrated warehouse, an empty source with some members, dimensions synchronised
#   run JOB...                      enqueues and runs it, with all that follows, in one process
#   counts JOB                      of what it did in the last run: extracted, inserted, updated, unchanged, superseded,
#                                   quarantined, removed, skipped
#   findings TABLE ID SEVERITY      messages of one source row, each once, in order
#   quarantined TABLE, dirty CHANGE, clean
#   orders, quotes, snapshots       facts, in words
#   versions                        which row versions there are of all facts and latest states
#   client N, lp N                  ids
# shellcheck source=tests/support/servers.sh
source "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

tenant=11111111-1111-1111-1111-111111111111
other_tenant=11111111-1111-1111-1111-222222222222
default_tenant=00000000-0000-0000-0000-000000000001
last_run=0
client() { printf '22222222-2222-2222-2222-2222222222%02d' "$1"; }
lp() { printf '33333333-3333-3333-3333-3333333333%02d' "$1"; }

events_up() {
    local setting
    servers_up
    export TAPEMILL_TIMEZONE=$1 TAPEMILL_DATES_FROM=2023-12-01 TAPEMILL_DATES_YEARS_AHEAD=1 TAPEMILL_HISTORY_START=2024-01-02 \
        TAPEMILL_CHANGES_LAG_SECONDS=0 TAPEMILL_CHANGES_OVERLAP_SECONDS=0 TAPEMILL_CHANGES_WINDOW_HOURS=8784
    shift
    for setting in "$@"; do
        export "${setting?}"
    done
    tapemill source init >/dev/null
    sql source "
    insert into instruments (instrument_id, symbol, currency, contract_multiplier, updated_at) values
        (1, 'AAA', 'USD', 1, '2023-12-01Z'), (2, 'BBB', 'USD', 1, '2023-12-01Z');
    insert into clients (client_id, tenant_id, client_code, updated_at) values
        ('$(client 22)', '$tenant', 'C22', '2023-12-01Z'), ('$(client 2)', '$tenant', 'C2', '2023-12-01Z');
    insert into accounts (account_id, tenant_id, client_id, updated_at) values (10, '$tenant', '$(client 22)', '2023-12-01Z');
    insert into strategies (strategy_id, strategy_name, updated_at) values (7, 'Seven', '2023-12-01Z');
    insert into liquidity_providers (lp_id, code, updated_at) values ('$(lp 1)', 'L1', '2023-12-01Z'), ('$(lp 2)', 'L2', '2023-12-01Z')"
    events_warehouse
}

# A warehouse that knows the source's members.
events_warehouse() {
    tapemill migrate >/dev/null
    run dates
    run sync_dimensions
}

run() {
    last_run=$(sql warehouse "select coalesce(max(run_no), 0) from etl_job_runs")
    tapemill enqueue "$@" >/dev/null
    "$TAPEMILL_TEST_BIN/run_job" --queued >>"$TEST_DIR/run.log" 2>&1 || fail "$* did not run: $(tail -n 3 "$TEST_DIR/run.log")"
}

counts() {
    sql warehouse "select sum(records_processed), sum(inserted), sum(updated), sum(unchanged), sum(superseded), sum(records_failed),
                          sum(removed), sum(skipped)
                   from etl_job_runs where job_name = '$1' and status = 'COMPLETED' and run_no > $last_run"
}

findings() {
    sql warehouse "select string_agg(distinct error_message, '; ' order by error_message) from etl_data_quality_issues
                   where source_table = '$1' and record_id = '$2' and severity = '$3'"
}

quarantined() {
    sql warehouse "select string_agg(record_id, ' ' order by record_id) from etl_quarantine
                   where source_table = '$1' and resolved_at is null"
}

# Date, change, and 1 where rows were inserted and nothing else was done.
dirty() {
    sql warehouse "select distinct date_key || ' $1 ' || is_insert_only::integer from etl_dirty_buckets
                   where target in (select target from etl_dirty_targets where change = '$1') order by 1"
}

clean() {
    sql warehouse "delete from etl_dirty_buckets"
}

orders() {
    sql warehouse "
        select f.order_id, f.date_key, f.time_key, 'i' || i.instrument_id, concat('a', a.account_id), concat('s', s.strategy_id),
               concat('c', right(c.client_id::text, 2)), case when l.lp_key > 0 then coalesce(l.lp_code, '?') end, f.tenant_id, f.final_status,
               f.requested_quantity, f.filled_quantity, f.fill_rate, f.fill_count, f.total_latency_ms, f.routing_latency_ms,
               f.was_rejected, f.was_cancelled
        from fact_orders f join dim_instrument i using (instrument_key) join dim_account a using (account_key)
        join dim_strategy s using (strategy_key) join dim_client c on c.client_key = f.client_key
        join dim_liquidity_provider l using (lp_key)
        where not f.is_deleted order by f.order_id, f.date_key"
}

quotes() {
    sql warehouse "
        select f.quote_reference, f.date_key, f.time_key, i.instrument_id, case when l.lp_key > 0 then coalesce(l.lp_code, '?') end, f.bid_price,
               f.ask_price, f.mid_price, f.spread, f.spread_bps, f.is_stale, f.sample_weight, f.latency_ms
        from fact_quotes f join dim_instrument i using (instrument_key) join dim_liquidity_provider l using (lp_key)
        where not f.is_deleted order by f.date_key, f.quote_reference"
}

snapshots() {
    sql warehouse "
        select right(c.client_id::text, 2), f.date_key, f.time_key, f.tenant_id, f.utilization_pct, f.soft_breach_count,
               f.hard_breach_count, f.risk_score
        from fact_risk_snapshots f join dim_client c on c.client_key = f.client_key
        where not f.is_deleted order by f.client_id, f.snapshot_at"
}

versions() {
    local table
    for table in fact_orders fact_quotes fact_risk_snapshots latest_orders latest_positions; do
        sql warehouse "select string_agg(xmin || ' ' || tableoid || ctid, ', ' order by tableoid, ctid) from $table"
    done
}

# Another, empty warehouse of the same source.
warehouse_again() {
    again=$((${again:-0} + 1))
    sql warehouse "create database again_$again"
    TAPEMILL_WAREHOUSE_URL=$(servers_url "again_$again")
    TAPEMILL_NAMESPACE=again_$again
    redis_flush
    events_warehouse
}
