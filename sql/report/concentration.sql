-- name: main
-- How much of an account is in one position, at the close of one date. $1, $2: its date_key; $3 the end of the as-of date,
-- exclusive. In base currency. A weight is the position's share in the gross market value: long and short count alike, and
-- the weights of an account come to 100. One position without a mark or a rate leaves the account without weights.
with open as (
    select p.*, case when p.instrument_key <> 0 then p.instrument_id end as member_id,
           abs(p.market_value * p.rate_to_base) as gross,
           case when p.market_value is null then 'mark' when p.rate_to_base is null then 'rate' end as missing
    from fact_positions_daily p
    where p.date_key between $1::integer and $2::integer and p.quantity <> 0
), weighed as (
    select o.*, case when bool_and(gross is not null) over w then sum(gross) over w end as account_gross
    from open o
    window w as (partition by account_id)
)
select to_date(w.date_key::text, 'YYYYMMDD') as date, w.account_id, a.account_number, a.account_name as account,
       w.member_id as instrument_id, i.symbol, i.instrument_type, w.side, w.quantity, w.currency, w.current_price,
       w.market_value * w.rate_to_base as market_value, w.account_gross as gross_market_value,
       round(round(w.gross * 100, 80) / nullif(w.account_gross, 0), 16) as weight_pct, w.missing
from weighed w
left join lateral report_account(w.account_id, $3::timestamptz) a on true
left join lateral report_instrument(w.member_id, $3::timestamptz) i on true
order by w.account_id nulls last, w.gross desc nulls last, w.instrument_id, w.currency;
