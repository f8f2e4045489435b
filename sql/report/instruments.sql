-- name: main
-- What instruments earned. $1 from, $2 to: date_keys; $3 the end of the as-of date, exclusive; $4 the flow, as trades of both
-- are sides of one thing; $5 at least so many live trades; $6 at most so many rows. In base currency, each trade at its own
-- rate; prices in the trades' currency, where that is one. realised P&L is gross of costs; return_pct is it in percent of
-- the notional. NULL is what is not known: without a rate all sums, before its books are closed the P&L.
with sums as (
    select i.instrument_id, count(*) as trades, count(*) filter (where f.rate_to_base is null) as unrated,
           count(*) filter (where f.realized_pnl is null) as unbooked,
           case when count(distinct f.currency) = 1 then min(f.currency) end as price_currency,
           sum(f.quantity) as volume, sum(f.price) as prices, sum(f.notional_value) as own_notional,
           sum(f.notional_value * f.rate_to_base) as notional,
           sum((f.commission + f.fees) * f.rate_to_base) as costs, sum(f.realized_pnl * f.rate_to_base) as pnl
    from fact_trades f
    join dim_instrument i using (instrument_key)
    where f.date_key >= $1::integer and f.date_key < $2::integer + 1 and f.source = $4::text and not f.is_deleted
    group by i.instrument_id
    having count(*) >= $5::bigint
), figures as (
    select s.*, case when unrated = 0 then notional end as total_notional, case when unrated = 0 then costs end as total_costs,
           case when unrated = 0 and unbooked = 0 then pnl end as total_pnl
    from sums s
)
select to_date($1::integer::text, 'YYYYMMDD') as from_date, to_date($2::integer::text, 'YYYYMMDD') as to_date,
       f.instrument_id, v.symbol, v.exchange, v.instrument_type, f.trades as trade_count, f.volume as total_volume,
       f.price_currency, case when f.price_currency is not null then round(round(f.prices, 40) / f.trades, 16) end as avg_price,
       case when f.price_currency is not null then round(round(f.own_notional, 80) / f.volume, 16) end as vwap_price,
       f.total_notional, f.total_costs, f.total_pnl,
       round(round(f.total_pnl * 100, 80) / f.total_notional, 16) as return_pct,
       f.unrated as unrated_trades, f.unbooked as unbooked_trades
from figures f
left join lateral report_instrument(f.instrument_id, $3::timestamptz) v on true
order by f.total_pnl desc nulls last, f.instrument_id nulls last
limit $6::bigint;
