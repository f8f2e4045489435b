-- name: main
-- Value at risk of accounts, by history. $1 from, $2 to: date_keys; $3 the end of the as-of date, exclusive. In base currency.
--
-- One observation per account and date: the net P&L of its strategies, summed. It has two forms:
--   pnl    that amount itself
--   ratio  that amount / the magnitude of the one of the account's date before: -2 is a loss twice as large as what was won or
--          lost then. Without a date before, or with 0 on it, there is none.
-- var_P = -(the (100 - P)th percentile), so that a loss is a positive number; between two observations the percentile is
-- interpolated linearly, as percentile_cont does, but in decimals. Volatility is the sample deviation, NULL under 2
-- observations. A date that is held back is no observation, nor is a ratio to it.
with days as (
    select account_id, date_key, bool_or(is_held) as is_held, case when bool_and(not is_held) then sum(net_pnl) end as pnl
    from report_performance
    where date_key between $1::integer and $2::integer
    group by account_id, date_key
), observations as (
    select d.*, round(pnl, 80) / abs(nullif(lag(pnl) over (partition by account_id order by date_key), 0)) as ratio
    from days d
), kinds as (
    select o.account_id, k.kind, k.value, row_number() over w as place, count(*) over w as observations
    from observations o
    cross join lateral (values ('pnl', o.pnl), ('ratio', o.ratio)) k (kind, value)
    where k.value is not null
    window w as (partition by o.account_id, k.kind order by k.value rows between unbounded preceding and unbounded following)
), shares as (
    -- How much of an observation is in the percentile: 1 at its place, less with the distance, nothing from the next place on.
    select k.*, greatest(0, 1 - abs(place - 1 - 0.05 * (observations - 1))) as share_95,
           greatest(0, 1 - abs(place - 1 - 0.01 * (observations - 1))) as share_99
    from kinds k
), sums as (
    select account_id, kind, count(*) as n, sum(value) as total, sum(value * value) as squares,
           -sum(value * share_95) as var_95, -sum(value * share_99) as var_99
    from shares
    group by account_id, kind
), figures as (
    select account_id, kind, n, round(var_95, 16) as var_95, round(var_99, 16) as var_99,
           round(round(total, 80) / n, 16) as mean,
           round(sqrt(round(n * squares - total * total, 80) / nullif(n * (n - 1), 0)), 16) as volatility
    from sums
), accounts as (
    select account_id, count(*) filter (where is_held) as held_days from days group by account_id
)
select to_date($1::integer::text, 'YYYYMMDD') as from_date, to_date($2::integer::text, 'YYYYMMDD') as to_date,
       a.account_id, v.account_number, v.account_name as account, coalesce(p.n, 0) as days, a.held_days,
       p.var_95 as pnl_var_95, p.var_99 as pnl_var_99, p.volatility as pnl_volatility, p.mean as pnl_mean,
       coalesce(r.n, 0) as ratio_days, r.var_95 as ratio_var_95, r.var_99 as ratio_var_99, r.volatility as ratio_volatility,
       r.mean as ratio_mean
from accounts a
left join figures p on p.account_id is not distinct from a.account_id and p.kind = 'pnl'
left join figures r on r.account_id is not distinct from a.account_id and r.kind = 'ratio'
left join lateral report_account(a.account_id, $3::timestamptz) v on true
order by pnl_var_95 desc nulls last, a.account_id nulls last;
