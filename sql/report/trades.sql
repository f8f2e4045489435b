-- Trades, the desk's fills and the clients' trades apart. Figures are those of live trades. $1 from, $2 to: date_keys
-- of business dates (null: open).

-- name: main
-- By date and instrument, in the trades' currencies, which are never added up.
select d.date, f.source, i.symbol, i.instrument_id, f.currency,
       count(*) filter (where not f.is_deleted) as trades,
       count(*) filter (where f.is_deleted) as cancelled,
       coalesce(sum(f.quantity) filter (where not f.is_deleted), 0) as quantity,
       coalesce(sum(f.notional_value) filter (where not f.is_deleted), 0) as notional,
       coalesce(sum(f.commission + f.fees) filter (where not f.is_deleted), 0) as costs,
       sum(f.realized_pnl) as realized_pnl
from fact_trades f
join dim_date d using (date_key)
join dim_instrument i using (instrument_key)
where f.date_key >= coalesce($1::integer, 0) and f.date_key < coalesce($2::integer, 99991231) + 1
group by d.date, f.source, i.symbol, i.instrument_id, f.currency
order by d.date, f.source, i.symbol nulls last, i.instrument_id, f.currency;

-- name: totals
-- By $3: date, instrument, sector or strategy, in base currency. A sum is null where one of its trades has no rate. A trade
-- counts for the sector that its instrument had at its instant.
with trades as (
    select f.*, case $3::text when 'date' then d.date end as date,
           case $3::text when 'instrument' then i.symbol end as symbol,
           case $3::text when 'instrument' then i.instrument_id end as instrument_id, i.instrument_id as instrument,
           case $3::text when 'sector' then i.sector end as sector,
           case $3::text when 'strategy' then s.strategy_id end as strategy_id,
           case $3::text when 'strategy' then s.strategy_name end as strategy
    from fact_trades f
    join dim_date d using (date_key)
    join dim_instrument i using (instrument_key)
    join dim_strategy s using (strategy_key)
    where f.date_key >= coalesce($1::integer, 0) and f.date_key < coalesce($2::integer, 99991231) + 1
), sums as (
    select date, source, symbol, instrument_id, sector, strategy_id, max(strategy) as strategy,
           count(*) filter (where not is_deleted) as trades, count(*) filter (where is_deleted) as cancelled,
           count(distinct instrument) filter (where not is_deleted) as instruments,
           bool_and(is_deleted or rate_to_base is not null) as is_complete,
           coalesce(sum(notional_value * rate_to_base) filter (where not is_deleted), 0) as notional,
           coalesce(sum((commission + fees) * rate_to_base) filter (where not is_deleted), 0) as costs,
           sum(realized_pnl * rate_to_base) as realized_pnl
    from trades
    group by date, source, symbol, instrument_id, sector, strategy_id
)
select date, source, symbol, instrument_id, case $3::text when 'sector' then coalesce(sector, 'Unknown') end as sector,
       strategy_id, strategy, trades, cancelled, instruments,
       case when is_complete then notional end as notional, case when is_complete then costs end as costs,
       case when is_complete then realized_pnl end as realized_pnl
from sums
order by date, source, symbol nulls last, instrument_id, sums.sector nulls last, strategy_id nulls last;
