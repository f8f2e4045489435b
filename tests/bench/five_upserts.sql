-- The daily summary as five statements, one for each level: group the date's facts, insert, or update what is there. With the
-- columns in one order, a unique key to conflict with, and sums in base currency. Given: key, the date; figures go to
-- upserted_summary.
create table if not exists upserted_summary (like agg_daily_trade_summary including defaults,
    unique nulls not distinct (date_key, aggregation_level, tenant_id, client_id, instrument_id, lp_id));

-- level(NAME, id of the client, of the instrument, of the provider, prices)
create or replace function pg_temp.upsert(level text, client text, instrument text, provider text, prices boolean, key integer)
returns void language plpgsql as $$
begin
    execute format($statement$
        insert into upserted_summary (tenant_id, trade_date, date_key, aggregation_level, client_id, instrument_id, lp_id,
            trade_count, buy_count, sell_count, total_volume, buy_volume, sell_volume, total_notional, total_fees,
            total_commission, price_currency, avg_price, vwap_price, min_price, max_price, avg_latency_ms, max_latency_ms,
            etl_run_id)
        select f.tenant_id, to_date(%6$s::text, 'YYYYMMDD'), %6$s, %1$L, %2$s, %3$s, %4$s, count(*),
               count(*) filter (where f.side = 'BUY'), count(*) filter (where f.side = 'SELL'), sum(f.quantity),
               coalesce(sum(f.quantity) filter (where f.side = 'BUY'), 0), coalesce(sum(f.quantity) filter (where f.side = 'SELL'), 0),
               round(sum(f.notional_value * f.rate_to_base), 16), round(sum(f.fees * f.rate_to_base), 8),
               round(sum(f.commission * f.rate_to_base), 8), %5$s,
               avg(coalesce(f.fill_latency_ms, f.latency_ms)), max(coalesce(f.fill_latency_ms, f.latency_ms)), 1
        from fact_trades f
        join dim_client c using (client_key)
        join dim_instrument i using (instrument_key)
        join dim_liquidity_provider l using (lp_key)
        where f.date_key = %6$s and not f.is_deleted
        group by 1, 5, 6, 7
        on conflict (date_key, aggregation_level, tenant_id, client_id, instrument_id, lp_id) do update
        set trade_count = excluded.trade_count, buy_count = excluded.buy_count, sell_count = excluded.sell_count,
            total_volume = excluded.total_volume, buy_volume = excluded.buy_volume, sell_volume = excluded.sell_volume,
            total_notional = excluded.total_notional, total_fees = excluded.total_fees,
            total_commission = excluded.total_commission, price_currency = excluded.price_currency,
            avg_price = excluded.avg_price, vwap_price = excluded.vwap_price, min_price = excluded.min_price,
            max_price = excluded.max_price, avg_latency_ms = excluded.avg_latency_ms,
            max_latency_ms = excluded.max_latency_ms, updated_at = clock_timestamp()
        $statement$, level, client, instrument, provider,
        case when prices then 'min(f.currency), case when min(f.currency) = max(f.currency) then avg(f.price) end, '
                              'case when min(f.currency) = max(f.currency) then sum(f.notional_value) / sum(f.quantity) end, '
                              'min(f.price), max(f.price)'
             else 'null, null::numeric, null::numeric, null::numeric, null::numeric' end, key);
end
$$;
begin;
select pg_temp.upsert('TENANT', 'null::uuid', 'null::integer', 'null::uuid', false, :key);
select pg_temp.upsert('CLIENT', 'c.client_id', 'null::integer', 'null::uuid', false, :key);
select pg_temp.upsert('INSTRUMENT', 'null::uuid', 'i.instrument_id', 'null::uuid', true, :key);
select pg_temp.upsert('LP', 'null::uuid', 'null::integer', 'l.lp_id', false, :key);
select pg_temp.upsert('CLIENT_INSTRUMENT', 'c.client_id', 'i.instrument_id', 'null::uuid', true, :key);
commit;
