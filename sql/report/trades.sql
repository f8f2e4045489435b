-- name: main
-- Trades by date and instrument, the desk's fills and the clients' trades apart; currencies are never added up. Figures
-- are those of live trades. $1 from, $2 to (null: open).
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
where f.date_key between coalesce(to_char($1::date, 'YYYYMMDD')::integer, 0)
                     and coalesce(to_char($2::date, 'YYYYMMDD')::integer, 99991231)
group by d.date, f.source, i.symbol, i.instrument_id, f.currency
order by d.date, f.source, i.symbol nulls last, i.instrument_id, f.currency;
