#!/usr/bin/env bash
# Quotes: rules by name, what is computed, and which are sampled: always the same, whatever the way and the order in which they
# come, and with weights that add up.
source "$(dirname "${BASH_SOURCE[0]}")/../support/events.sh"
events_up America/New_York

# ---- rules and measures ----------------------------------------------------------------------------------------------

sql source "
insert into quotes (quote_id, tenant_id, lp_id, instrument_id, quoted_at, bid, ask, bid_size, ask_size, is_stale, spread_changed, latency_ms, updated_at) values
    (1, '$tenant', '$(lp 1)', 1, '2024-01-02 14:30:00.999999Z', 99, 100, 1, 2, false, true, 0.3, '2024-01-02 14:30Z'),
    (2, null, '$(lp 9)', 9, '2024-01-03 04:59:59.5Z', 3, 3, null, null, null, true, null, '2024-01-02 14:30Z'),
    (3, '$tenant', null, 1, '2024-01-02 15:00Z', 10.5, 10.25, 1, 1, true, true, -0.001, '2024-01-02 14:30Z'),
    (4, '$tenant', '$(lp 1)', 1, '2024-01-02 15:00Z', 0, -1, 1, 1, false, true, null, '2024-01-02 14:30Z'),
    (5, '$tenant', '$(lp 1)', null, '2024-01-02 15:00Z', 'NaN', 5, 1, 1, false, true, null, '2024-01-02 14:30Z'),
    (6, '$tenant', '$(lp 1)', 1, '2024-01-02 15:00Z', null, 1.000000001, 1, 1, false, true, null, '2024-01-02 14:30Z'),
    (7, '$tenant', '$(lp 1)', 1, '2024-01-03 05:00Z', 1, 2, 1, 1, false, true, null, '2024-01-02 14:30Z'),
    (8, '$tenant', '$(lp 1)', 1, null, 1, 2, 1, 1, false, true, null, clock_timestamp())"
run load_quotes --date 2024-01-02
assert_equal '6|3|0|0|0|3|0|0' "$(counts load_quotes)" "what became of a date's quotes"
assert_equal '1|20240102|34200|1|L1|99.00000000|100.00000000|99.500000000|1.00000000|101.0101010101010101|f|1|0.300
2|20240102|86399|9|?|3.00000000|3.00000000|3.000000000|0.00000000|0.0000000000000000|f|1|
3|20240102|36000|1||10.50000000|10.25000000|10.375000000|-0.25000000|-238.0952380952380952|t|1|-0.001' "$(quotes)" "quotes"
assert_equal "$default_tenant" "$(sql warehouse "select tenant_id from fact_quotes where quote_reference = '2'")" "a quote of nobody's"
assert_equal '[not_locked] bid and ask are equal: the market is locked' "$(findings quotes 2 WARNING)" "a locked market"
assert_equal '[latency_non_negative] the latency is negative; [not_crossed] bid is above ask: the market is crossed; [not_stale] the quote is stale' \
    "$(findings quotes 3 WARNING)" "a crossed market, a stale quote"
assert_equal '[positive_ask] ask must be greater than 0; [positive_bid] bid must be greater than 0' "$(findings quotes 4 ERROR)" "prices that are none"
assert_equal '[finite_numbers] a measure is NaN or infinite; [instrument_required] instrument_id is required' "$(findings quotes 5 ERROR)" "not a number"
assert_equal '[numbers_in_range] a measure has more digits than the warehouse keeps (prices and sizes 20.8, latency 17.3); it is not rounded; [positive_bid] bid must be greater than 0' \
    "$(findings quotes 6 ERROR)" "too many decimals"
run load_changed_quotes
assert_equal '[quoted_at_required] quoted_at is required' "$(findings quotes 8 ERROR)" "no instant"
sql source "delete from quotes where quote_id = 8"

# Without an id: known by what it says.
mkdir "$TEST_DIR/extract"
sed 's/q.quote_id::bigint /nullif(q.quote_id, 2)::bigint /' "$TAPEMILL_ROOT/sql/extract/quotes.sql" >"$TEST_DIR/extract/quotes.sql"
payload="$default_tenant|9|$(lp 9)|$(date -u -d '2024-01-03 04:59:59Z' +%s)500000|3|3||"
TAPEMILL_EXTRACT_DIR=$TEST_DIR/extract run load_quotes --date 2024-01-02
assert_equal "sha256:$(printf %s "$payload" | sha256sum | cut -d ' ' -f 1)" \
    "$(sql warehouse "select quote_reference from fact_quotes where time_key = 86399 and not is_deleted")" "a hash of the payload"
before=$(versions)
TAPEMILL_EXTRACT_DIR=$TEST_DIR/extract run load_quotes --date 2024-01-02
assert_equal "$before" "$(versions)" "the same quote again"

# ---- sampling --------------------------------------------------------------------------------------------------------

sql source "truncate quotes"
sql source "
insert into quotes (quote_id, tenant_id, lp_id, instrument_id, quoted_at, bid, ask, is_stale, spread_changed, latency_ms, updated_at)
select 1000 + n, '$tenant', case n % 2 when 0 then '$(lp 1)' else '$(lp 2)' end::uuid, 1 + n % 2, '2024-03-09 05:00Z'::timestamptz + n * interval '42599 ms' / 10,
       100 + (n % 17) * 0.01, 100 + (n % 17) * 0.01 + (1 + n % 7) * 0.01, n % 50 = 0, n % 20 = 7, (n % 40) * 0.125, '2024-03-12 00:00Z'::timestamptz + n * interval '1 ms'
from generate_series(1, 60000) n"
# Three New York dates, the middle one of 23 hours.
for day in 09 10 11; do
    run load_quotes --date 2024-03-$day
done
assert_equal '20240309 20240310 20240311' "$(sql warehouse "select string_agg(distinct date_key::text, ' ' order by date_key::text) from fact_quotes
    where date_key between 20240309 and 20240311")" "dates"
chosen="(spread_changed or ('x' || left(encode(sha256(convert_to(tenant_id || '/' || quote_id, 'UTF8')), 'hex'), 8))::bit(32)::bigint % 10 = 0)"
expected=$(sql source "
    select count(*), sum(q.quote_id), count(*) filter (where spread_changed),
           count(*) filter (where (quoted_at at time zone 'America/New_York')::date = '2024-03-10'),
           sum(extract(epoch from (quoted_at at time zone 'America/New_York')::time(0))) filter (where extract(microseconds from quoted_at)::bigint % 1000000 = 0)
    from quotes q where $chosen")
assert_equal "$expected" "$(sql warehouse "
    select count(*), sum(quote_reference::bigint), count(*) filter (where sample_weight = 1), count(*) filter (where date_key = 20240310),
           sum(time_key::numeric(20,6)) filter (where extract(microseconds from quote_timestamp)::bigint % 1000000 = 0)
    from fact_quotes where date_key between 20240309 and 20240311 and not is_deleted")" "the quotes that the published rule chooses, on their dates"
# Weights: the sample stands for the whole. Three standard errors of a share of one in ten are far less than 2 %.
assert_equal 't t t' "$(sql warehouse "
    select abs(sum(sample_weight) - 60000) < 1800, abs(sum(sample_weight) filter (where is_stale) - 1200) < 300,
           abs(sum(sample_weight * spread_bps) / sum(sample_weight) - $(sql source "select avg((ask - bid) / bid * 10000) from quotes")) < 0.1
    from fact_quotes where date_key between 20240309 and 20240311" | tr '|' ' ')" "estimates by weight"
assert_equal 0 "$(sql warehouse "select count(*) from fact_quotes f join dim_time t using (time_key) join dim_date d using (date_key)
    where (f.quote_timestamp at time zone 'America/New_York')::date <> d.date
       or date_trunc('second', f.quote_timestamp at time zone 'America/New_York')::time <> t.time")" "dates and times of the zone"
assert_equal 't' "$(sql warehouse "select sum(records_processed) = sum(inserted) + sum(skipped) and sum(skipped) > 40000 from etl_job_runs
    where job_name = 'load_quotes' and run_no > $last_run - 2")" "what is not sampled is skipped, and counted"

# A replay chooses the same and writes nothing.
before=$(versions)
for day in 11 09 10; do
    run load_quotes --date 2024-03-$day
done
run load_changed_quotes --arg since=2024-03-11Z
assert_equal "$before" "$(versions)" "a replay"

# ---- another way, another order: one fingerprint ---------------------------------------------------------------------

# Changes come in pieces, each of them shuffled over the dates, into a warehouse that has the dates but none of their quotes.
sql source "create table all_quotes as table quotes"
whole=$(tapemill fingerprint --table fact_quotes --from 2024-03-09 --to 2024-03-11)
sql source "truncate quotes"
warehouse_again
for day in 09 10 11; do
    run load_quotes --date 2024-03-$day
done
for piece in 3 0 2 1; do
    sql source "insert into quotes select * from all_quotes where quote_id % 4 = $piece"
    run load_changed_quotes --arg since=2024-03-11Z
done
assert_equal "$whole" "$(tapemill fingerprint --table fact_quotes --from 2024-03-09 --to 2024-03-11)" "batch and changes"

# ---- moves, tombstones, a spread that changed not after all ----------------------------------------------------------

last=$(sql warehouse "select max(quote_reference::bigint) from fact_quotes where date_key = 20240310 and sample_weight = 10")
clean
sql source "update quotes set quoted_at = '2024-03-10 04:00Z', updated_at = clock_timestamp() where quote_id = $last"
run load_changed_quotes --arg since="$(sql source "select now() - interval '1 minute'")"
assert_equal '20240309|82800' "$(sql warehouse "select date_key, time_key from fact_quotes where quote_reference = '$last'")" "a quote that moved over midnight"
assert_equal '20240309 quotes 1
20240310 quotes 0' "$(dirty quotes)" "both dates are dirty"
always=$(sql source "select quote_id from quotes q where spread_changed and not ($chosen and not spread_changed) and not
    ('x' || left(encode(sha256(convert_to(tenant_id || '/' || quote_id, 'UTF8')), 'hex'), 8))::bit(32)::bigint % 10 = 0 order by 1 limit 1")
sql source "update quotes set spread_changed = false, updated_at = clock_timestamp() where quote_id = $always"
run load_changed_quotes --arg since="$(sql source "select now() - interval '1 minute'")"
assert_equal t "$(sql warehouse "select is_deleted from fact_quotes where quote_reference = '$always'")" "a quote that is sampled no more"
changes=$(tapemill fingerprint --table fact_quotes --from 2024-03-09 --to 2024-03-11)
run load_quotes --date 2024-03-09
run load_quotes --date 2024-03-10
assert_equal "$changes" "$(tapemill fingerprint --table fact_quotes --from 2024-03-09 --to 2024-03-11)" "whole dates say the same"
sql source "update quotes set spread_changed = true, updated_at = clock_timestamp() where quote_id = $always"
run load_changed_quotes --arg since="$(sql source "select now() - interval '1 minute'")"
assert_equal f "$(sql warehouse "select is_deleted from fact_quotes where quote_reference = '$always'")" "and once more"

# ---- members that come later -----------------------------------------------------------------------------------------

sql source "update quotes set lp_id = '$(lp 5)', updated_at = clock_timestamp() where quote_id = $last"
run load_changed_quotes --arg since="$(sql source "select now() - interval '1 minute'")"
assert_equal 't' "$(sql warehouse "select l.is_inferred from fact_quotes f join dim_liquidity_provider l using (lp_key) where quote_reference = '$last'")" \
    "a provider that has not arrived"
key=$(sql warehouse "select lp_key from fact_quotes where quote_reference = '$last'")
sql source "insert into liquidity_providers (lp_id, code, updated_at) values ('$(lp 5)', 'L5', clock_timestamp())"
run sync_dimensions
assert_equal "$key|L5|f" "$(sql warehouse "select lp_key, l.lp_code, l.is_inferred from fact_quotes f join dim_liquidity_provider l using (lp_key)
    where quote_reference = '$last'")" "it arrives, and its key stays"
