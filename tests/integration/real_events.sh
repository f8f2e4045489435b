#!/usr/bin/env bash
# Real quotes (FX, US equities, crypto) and a real exchange's order events through the source's tables: facts are what an
# independent model says, in every column, by whole dates and by changes. A part of each set; --long: all of it.
source "$(dirname "${BASH_SOURCE[0]}")/../support/events.sh"
need_test_data fx_quotes/fxcm_eurusd_2014-05.csv.zst
fx=$DATA
need_test_data us_equity_taq/quotes_raw_2018-01-02_03.csv.zst
taq=$DATA
need_test_data crypto_binance/quotes_20240808.csv.zst
binance=$DATA
need_test_data order_events_bitstamp/orders_2015-05-01.csv.zst
bitstamp=$DATA
events_up America/New_York TAPEMILL_DATES_FROM=2014-01-01 TAPEMILL_HISTORY_START=2014-01-01

model() { # WHAT SET FILE EVERY
    zstdcat "$3" | python3 "$TAPEMILL_ROOT/tests/integration/real_events_model.py" "$1" "$2" "$4"
}
quote_facts() {
    sql warehouse "select f.quote_reference, f.date_key, f.time_key, i.instrument_id, l.lp_id, f.bid_price, f.ask_price, f.bid_size, f.ask_size,
                          f.mid_price, f.spread, f.spread_bps, f.sample_weight, f.latency_ms
                   from fact_quotes f join dim_instrument i using (instrument_key) join dim_liquidity_provider l using (lp_key)
                   where not f.is_deleted order by f.quote_reference::bigint"
}
order_facts() {
    sql warehouse "select order_id, date_key, time_key, final_status, side, requested_quantity, filled_quantity, fill_rate, limit_price, fill_count,
                          total_latency_ms
                   from fact_orders where not is_deleted order by order_id"
}
dates_of() { # TABLE INSTANT
    sql source "select distinct ($2 at time zone 'America/New_York')::date from $1 order by 1"
}
# check SET FILE EVERY TABLE INSTANT LOAD CHANGES
check() {
    local date before
    [ -z "${TAPEMILL_TEST_LONG:-}" ] || set -- "$1" "$2" 1 "$4" "$5" "$6" "$7"
    sql source "truncate quotes, orders"
    sql warehouse "truncate fact_quotes, fact_orders, latest_orders, etl_quarantine; delete from etl_fact_days"
    model source "$1" "$2" "$3" | psql -XAtq -v ON_ERROR_STOP=1 "$TAPEMILL_SOURCE_URL" -c "copy $4 from stdin (format csv)"
    model facts "$1" "$2" "$3" >"$TEST_DIR/expected-$1"
    [ "$(wc -l <"$TEST_DIR/expected-$1")" -gt 300 ] || fail "the model of $1 has too few facts"
    # Each other date as a whole; the rest by changes, once they are loaded without a row.
    for date in $(dates_of "$4" "$5"); do
        run "$6" --date "$date"
    done
    "${4%s}_facts" >"$TEST_DIR/facts-$1"
    cmp "$TEST_DIR/expected-$1" "$TEST_DIR/facts-$1" || fail "facts of $1: $(diff "$TEST_DIR/expected-$1" "$TEST_DIR/facts-$1" | head -n 6)"
    before=$(versions)
    sql warehouse "delete from etl_cdc_watermarks"
    run "$7" --arg since="$(sql source "select min(updated_at) from $4")"
    assert_equal "$before" "$(versions)" "$1: changes find nothing to write"
    sql warehouse "truncate fact_quotes, fact_orders, latest_orders"
    run "$7" --arg since="$(sql source "select min(updated_at) from $4")"
    "${4%s}_facts" >"$TEST_DIR/facts-$1"
    cmp "$TEST_DIR/expected-$1" "$TEST_DIR/facts-$1" || fail "facts of $1 by changes: $(diff "$TEST_DIR/expected-$1" "$TEST_DIR/facts-$1" | head -n 6)"
    echo "$1: $(sql source "select count(*) from $4") rows, $(wc -l <"$TEST_DIR/facts-$1") facts, $(sql warehouse "select count(*) from etl_quarantine") rows in quarantine"
}
sql source "insert into instruments (instrument_id, symbol, currency, updated_at) values (3, 'OTHER', 'USD', '2014-01-01Z')"

check fx "$fx" 60 quotes quoted_at load_quotes load_changed_quotes
check taq "$taq" 9 quotes quoted_at load_quotes load_changed_quotes
check binance "$binance" 9 quotes quoted_at load_quotes load_changed_quotes
check bitstamp "$bitstamp" 5 orders created_at load_orders sync_orders
