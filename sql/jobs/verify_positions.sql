-- The desk's positions and the marks of a date from fills, trades and quotes: jobs/verify_positions.c. COPY takes no
-- parameters: most statements here give the text of another. Every field is a text.

-- name: clean
-- $1 the first date_key that marks may be carried from, $2 the date_key. Whether the positions of the date wait for nothing,
-- and whether the same holds for the dates before it: books closed, computed, neither dirty nor asked for again.
select coalesce(bool_and(is_clean) filter (where date_key = $2::integer), false),
       coalesce(bool_and(is_clean) filter (where date_key < $2::integer), true)
from (
    select d.date_key,
           (select count(*) from etl_conditions c
            where c.key in ('pnl:' || d.date_key, 'positions:' || d.date_key) and c.met) = 2
           and not exists (select from etl_dirty_buckets b where b.date_key = d.date_key and b.target = 'positions')
           and not exists (select from etl_jobs j
                           where j.job_name = 'daily_positions' and j.business_date = d.date
                             and j.state in ('waiting', 'queued', 'retry', 'running')) as is_clean
    from dim_date d
    where d.date_key between $1::integer and $2::integer
) dates

-- name: quantities
-- $1 first and $2 last date_key, of one month: what each book bought and sold by date and currency.
select format($statement$
select f.date_key::text, f.tenant_id::text, a.account_id::text, s.strategy_id::text, i.instrument_id::text, f.currency,
       sum(case f.side when 'BUY' then f.quantity else -f.quantity end)::text, null::text
from fact_trades f
join dim_account a using (account_key)
join dim_strategy s using (strategy_key)
join dim_instrument i using (instrument_key)
where f.date_key >= %1$s and f.date_key < %2$s + 1 and f.source = 'DESK' and not f.is_deleted
group by f.date_key, f.tenant_id, a.account_id, s.strategy_id, i.instrument_id, f.currency
order by f.date_key
$statement$, $1::integer, $2::integer)

-- name: fills
-- $1 the date_key: the same of each fill, with what it realised.
select format($statement$
select f.date_key::text, f.tenant_id::text, a.account_id::text, s.strategy_id::text, i.instrument_id::text, f.currency,
       case f.side when 'BUY' then f.quantity else -f.quantity end::text, f.realized_pnl::text
from fact_trades f
join dim_account a using (account_key)
join dim_strategy s using (strategy_key)
join dim_instrument i using (instrument_key)
where f.date_key = %1$s and f.source = 'DESK' and not f.is_deleted
$statement$, $1::integer)

-- name: last_trades
-- $1 the date_key. By instrument and currency, the trade after which there is none on the date.
select format($statement$
select instrument_id::text, currency, price::text, execution_timestamp::text
from (
    select i.instrument_id, f.currency, f.price, f.execution_timestamp,
           row_number() over (partition by i.instrument_id, f.currency
                              order by f.execution_timestamp desc, f.source = 'CLIENT' desc,
                                       coalesce(f.execution_id, -1) desc, f.trade_reference desc, f.tenant_id desc) as place
    from fact_trades f
    join dim_instrument i using (instrument_key)
    where f.date_key = %1$s and not f.is_deleted and i.instrument_id is not null
) trades
where place = 1
$statement$, $1::integer)

-- name: last_quotes
-- $1 the date_key. The same of quotes that are not stale; the middle is not rounded here.
select format($statement$
select instrument_id::text, currency, ((bid_price + ask_price) * 0.5)::text, quote_timestamp::text
from (
    select i.instrument_id, i.currency, q.bid_price, q.ask_price, q.quote_timestamp,
           row_number() over (partition by i.instrument_id, i.currency
                              order by q.quote_timestamp desc, q.quote_reference desc, q.tenant_id desc) as place
    from fact_quotes q
    join dim_instrument i using (instrument_key)
    where q.date_key = %1$s and not (q.is_deleted or q.is_stale) and i.instrument_id is not null and i.currency is not null
) quotes
where place = 1
$statement$, $1::integer)

-- name: costs
-- $1 the date_key: what the books at its close cost, which `tapemill verify pnl` recomputes.
select format($statement$
select tenant_id::text, account_id::text, instrument_id::text, total_cost::text
from etl_open_positions
where date_key = %1$s and source = 'DESK'
$statement$, $1::integer)

-- name: instruments
-- $1 the end of the business date. By instrument the multiplier of its version that began last before, else of its first;
-- and the lowest and the highest of the currencies that it has had.
select format($statement$
select instrument_id::text,
       coalesce((array_agg(contract_multiplier order by valid_from desc) filter (where valid_from < %1$L)
                 || array_agg(contract_multiplier order by valid_from))[1], 1)::text,
       min(currency) filter (where valid_from < %1$L), max(currency) filter (where valid_from < %1$L)
from dim_instrument
where instrument_id is not null and valid_from < valid_to
group by instrument_id
$statement$, $1::timestamptz)

-- name: rates
-- $1 the date, $2 how many days old a rate may be. Each currency's last rate.
select format($statement$
select r.currency, r.rate_to_base::text
from fx_rates r
left join fx_rates newer on newer.currency = r.currency and newer.rate_date > r.rate_date and newer.rate_date <= %1$L
where r.rate_date between date %1$L - %2$s and %1$L and newer.currency is null
$statement$, $1::date, $2::integer)

-- name: stored_positions
-- $1 the date_key.
select format($statement$
select to_char(to_date(date_key::text, 'YYYYMMDD'), 'YYYY-MM-DD'), tenant_id::text, account_id::text,
       instrument_id::text, currency, side, quantity::text, total_cost::text, avg_entry_price::text, current_price::text,
       mark_source, mark_at::text, market_value::text, unrealized_pnl::text, realized_pnl::text, total_pnl::text,
       rate_to_base::text
from fact_positions_daily
where date_key = %1$s
$statement$, $1::integer)

-- name: stored_marks
-- $1 the date_key, $2 the first instant of the marks that are compared.
select format($statement$
select to_char(to_date(date_key::text, 'YYYYMMDD'), 'YYYY-MM-DD'), instrument_id::text, currency, price::text, mark_source,
       mark_at::text
from etl_marks
where date_key = %1$s and mark_at >= %2$L
$statement$, $1::integer, $2::timestamptz)
