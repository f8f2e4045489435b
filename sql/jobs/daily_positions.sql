-- The desk's positions at the end of one business date, and the marks of the date. See jobs/daily_positions.c.

-- name: stage utility
create temporary table if not exists stage_day_trades (
    source         text not null,
    tenant_id      uuid not null,
    account_key    integer not null,
    instrument_key integer not null,
    currency       text not null,
    realized_pnl   numeric,
    unbooked       bigint not null,
    last_at        timestamptz not null
) on commit drop;
create temporary table if not exists stage_marks (
    instrument_id integer not null,
    currency      text not null,
    price         numeric(28,8) not null,
    mark_source   text not null,
    mark_at       timestamptz not null,
    primary key (instrument_id, currency)
) on commit drop;
-- Between low_currency and high_currency lie all that the position may be in; currency is NULL until it is told which.
create temporary table if not exists stage_positions (
    tenant_id     uuid not null,
    account_id    integer,
    instrument_id integer not null,
    low_currency  text,
    high_currency text,
    currency      text,
    quantity      numeric not null,
    total_cost    numeric not null,
    realized_pnl  numeric not null
) on commit drop;
-- What fact_positions_daily should say.
create temporary table if not exists stage_position_rows (
    tenant_id       uuid not null,
    account_id      integer,
    instrument_id   integer not null,
    currency        text not null,
    account_key     integer not null,
    instrument_key  integer not null,
    rate_to_base    numeric,
    side            text not null,
    quantity        numeric not null,
    total_cost      numeric not null,
    avg_entry_price numeric,
    current_price   numeric,
    mark_source     text,
    mark_at         timestamptz,
    market_value    numeric,
    unrealized_pnl  numeric,
    realized_pnl    numeric not null,
    total_pnl       numeric not null
) on commit drop;
truncate stage_day_trades, stage_marks, stage_positions, stage_position_rows;

-- name: lock_buckets
-- $1 key of the date before, $2 of the date. Its marks stay as they are; nobody else works on the date.
select pg_advisory_xact_lock_shared(hashtext('fact_positions_daily'), $1::integer),
       pg_advisory_xact_lock(hashtext('fact_positions_daily'), $2::integer)

-- name: read_trades
-- $1 date key. Every live trade is visited once.
insert into stage_day_trades
select f.source, f.tenant_id, f.account_key, f.instrument_key, f.currency, sum(f.realized_pnl),
       count(*) filter (where f.realized_pnl is null), max(f.execution_timestamp)
from fact_trades f
where f.date_key = $1::integer and not f.is_deleted
group by f.source, f.tenant_id, f.account_key, f.instrument_key, f.currency

-- name: unbooked
select coalesce(sum(unbooked), 0) from stage_day_trades where source = 'DESK'

-- name: trade_marks
-- $1 date key. The last trade of each instrument and currency: by instant; at one instant those of clients come after those of
-- the desk; then by reference, of the desk as a number.
insert into stage_marks
select distinct on (l.instrument_id, l.currency) l.instrument_id, l.currency, f.price, 'TRADE', l.last_at
from (select i.instrument_id, t.currency, max(t.last_at) as last_at
      from stage_day_trades t
      join dim_instrument i using (instrument_key)
      where i.instrument_id is not null
      group by i.instrument_id, t.currency) l
join dim_instrument i on i.instrument_id = l.instrument_id
join fact_trades f on f.instrument_key = i.instrument_key and f.currency = l.currency and f.execution_timestamp = l.last_at
where f.date_key = $1::integer and not f.is_deleted
order by l.instrument_id, l.currency, f.source collate "C", f.execution_id desc nulls last, f.trade_reference desc,
         f.tenant_id desc

-- name: quote_marks
-- $1 date key. Without a trade, the last sampled quote that is not stale.
insert into stage_marks
select distinct on (i.instrument_id, i.currency) i.instrument_id, i.currency, round(q.mid_price, 8), 'QUOTE', q.quote_timestamp
from fact_quotes q
join dim_instrument i using (instrument_key)
where q.date_key = $1::integer and not q.is_deleted and not q.is_stale and i.instrument_id is not null
  and i.currency is not null
order by i.instrument_id, i.currency, q.quote_timestamp desc, q.quote_reference desc, q.tenant_id desc
on conflict do nothing

-- name: carry_marks
-- $1 key of the date before, $2 the first instant of which a mark is not too old. Without either, yesterday's mark.
insert into stage_marks
select instrument_id, currency, price, mark_source, mark_at
from etl_marks
where date_key = $1::integer and mark_at >= $2::timestamptz
on conflict do nothing

-- name: delete_marks
-- $1 date key.
delete from etl_marks m
where m.date_key = $1::integer
  and not exists (select from stage_marks s where s.instrument_id = m.instrument_id and s.currency = m.currency)

-- name: write_marks
-- $1 date key.
insert into etl_marks as m (date_key, instrument_id, currency, price, mark_source, mark_at)
select $1::integer, instrument_id, currency, price, mark_source, mark_at
from stage_marks
on conflict (date_key, instrument_id, currency) do update
set price = excluded.price, mark_source = excluded.mark_source, mark_at = excluded.mark_at
where (m.price, m.mark_source, m.mark_at) is distinct from (excluded.price, excluded.mark_source, excluded.mark_at)

-- name: gather
-- $1 date key, $2 the end of the business date (exclusive). What is open at the close and what was traded on the date, all
-- strategies of the account together.
insert into stage_positions
select g.tenant_id, g.account_id, g.instrument_id, c.low_currency, c.high_currency,
       case when c.low_currency = c.high_currency then c.low_currency end, g.quantity, g.total_cost, g.realized_pnl
from (
    select tenant_id, account_id, instrument_id, coalesce(sum(quantity), 0) as quantity,
           coalesce(sum(total_cost), 0) as total_cost, coalesce(sum(realized_pnl), 0) as realized_pnl,
           min(currency) as low_currency, max(currency) as high_currency
    from (
        select tenant_id, account_id, instrument_id, quantity, total_cost, null::numeric as realized_pnl, null as currency
        from etl_open_positions
        where date_key = $1::integer and source = 'DESK'
        union all
        select t.tenant_id, a.account_id, i.instrument_id, null, null, t.realized_pnl, t.currency
        from stage_day_trades t
        join dim_account a using (account_key)
        join dim_instrument i using (instrument_key)
        where t.source = 'DESK'
    ) parts
    group by tenant_id, account_id, instrument_id
) g
cross join lateral (
    select least(g.low_currency, min(v.currency)) as low_currency, greatest(g.high_currency, max(v.currency)) as high_currency
    from dim_instrument v
    where v.instrument_id = g.instrument_id and v.valid_from < v.valid_to and v.valid_from < $2::timestamptz
) c

-- name: several_currencies
select count(*) from stage_positions where currency is null

-- name: tell_currencies
-- $1 date key. Of an instrument that was in several currencies, what the position is in is told by the trades since the
-- account last had nothing open in it, if these agree. (Rare; it reads as many months as the position is old.)
update stage_positions s
set currency = told.currency
from (
    select p.tenant_id, p.account_id, p.instrument_id, min(f.currency) as currency
    from stage_positions p
    cross join lateral (
        select coalesce(max(d.date_key), 0) as date_key
        from dim_date d
        where d.date_key < $1::integer
          and not exists (select from etl_open_positions o
                          where o.date_key = d.date_key and o.source = 'DESK' and o.tenant_id = p.tenant_id
                            and o.account_id is not distinct from p.account_id and o.instrument_id = p.instrument_id)
    ) flat
    join fact_trades f on f.tenant_id = p.tenant_id and f.date_key > flat.date_key and f.date_key < $1::integer + 1
    join dim_account a on a.account_key = f.account_key and a.account_id is not distinct from p.account_id
    join dim_instrument i on i.instrument_key = f.instrument_key and i.instrument_id = p.instrument_id
    where p.currency is null and f.source = 'DESK' and not f.is_deleted
    group by p.tenant_id, p.account_id, p.instrument_id
    having min(f.currency) = max(f.currency)
) told
where s.tenant_id = told.tenant_id and s.account_id is not distinct from told.account_id
  and s.instrument_id = told.instrument_id

-- name: value
-- $1 the end of the business date (exclusive), $2 the date, $3 the base currency, $4 how many days old a rate may be. Account
-- and instrument are the versions that began last before that end, as in daily_performance.
--
-- Each figure is rounded once. The average price is cut from twice itself, in units of the last place, which rounds half away
-- from zero exactly. What has no quantity is worth nothing, whatever its mark; what it cost less than nothing was gained.
insert into stage_position_rows
select p.tenant_id, p.account_id, p.instrument_id, p.currency,
       coalesce((select v.account_key from dim_account v
                 where v.account_id = p.account_id and v.valid_from < v.valid_to
                 order by case when v.valid_from < $1::timestamptz then v.valid_from end desc nulls last, v.valid_from
                 limit 1), 0),
       i.instrument_key,
       case p.currency when $3 then 1
                       else (select r.rate_to_base from fx_rates r
                             where r.currency = p.currency and r.rate_date <= $2::date and r.rate_date >= $2::date - $4::integer
                             order by r.rate_date desc limit 1) end,
       case sign(p.quantity) when 1 then 'LONG' when -1 then 'SHORT' else 'FLAT' end, p.quantity, p.total_cost,
       case when p.quantity <> 0
            then sign(p.total_cost) * sign(p.quantity)
                 * div(2e16 * abs(p.total_cost) + abs(p.quantity) * i.multiplier, 2 * abs(p.quantity) * i.multiplier) * 1e-16 end,
       m.price, m.mark_source, m.mark_at, round(w.worth, 16), round(w.worth - p.total_cost, 16), p.realized_pnl,
       round(coalesce(w.worth - p.total_cost, 0) + p.realized_pnl, 16)
from stage_positions p
cross join lateral (
    select v.instrument_key, coalesce(v.contract_multiplier, 1) as multiplier
    from dim_instrument v
    where v.instrument_id = p.instrument_id and v.valid_from < v.valid_to
    order by case when v.valid_from < $1::timestamptz then v.valid_from end desc nulls last, v.valid_from
    limit 1
) i
left join stage_marks m on m.instrument_id = p.instrument_id and m.currency = p.currency
cross join lateral (
    select case when p.quantity = 0 then 0 else p.quantity * m.price * i.multiplier end as worth
) w
where p.currency is not null

-- name: groups
select (select count(*) from stage_positions), (select count(*) from stage_positions where currency is null),
       (select count(*) from stage_marks)

-- name: delete_rows
-- $1 date key.
delete from fact_positions_daily t
where t.date_key = $1::integer
  and not exists (select from stage_position_rows g
                  where g.tenant_id = t.tenant_id and g.account_id is not distinct from t.account_id
                    and g.instrument_id = t.instrument_id and g.currency = t.currency)

-- name: update_rows
-- $1 date key, $2 the run.
update fact_positions_daily t
set account_key = g.account_key, instrument_key = g.instrument_key, rate_to_base = g.rate_to_base, side = g.side,
    quantity = g.quantity, total_cost = g.total_cost, avg_entry_price = g.avg_entry_price,
    current_price = g.current_price, mark_source = g.mark_source, mark_at = g.mark_at, market_value = g.market_value,
    unrealized_pnl = g.unrealized_pnl, realized_pnl = g.realized_pnl, total_pnl = g.total_pnl, etl_run_id = $2::bigint,
    loaded_at = clock_timestamp()
from stage_position_rows g
where t.date_key = $1::integer and g.tenant_id = t.tenant_id and g.account_id is not distinct from t.account_id
  and g.instrument_id = t.instrument_id and g.currency = t.currency
  and (t.account_key, t.instrument_key, t.rate_to_base, t.side, t.quantity, t.total_cost, t.avg_entry_price, t.current_price,
       t.mark_source, t.mark_at, t.market_value, t.unrealized_pnl, t.realized_pnl, t.total_pnl)
      is distinct from
      (g.account_key, g.instrument_key, g.rate_to_base, g.side, g.quantity, g.total_cost, g.avg_entry_price, g.current_price,
       g.mark_source, g.mark_at, g.market_value, g.unrealized_pnl, g.realized_pnl, g.total_pnl)

-- name: insert_rows
-- $1 date key, $2 the run.
insert into fact_positions_daily (date_key, tenant_id, account_key, instrument_key, account_id, instrument_id, currency,
                                  rate_to_base, side, quantity, total_cost, avg_entry_price, current_price, mark_source,
                                  mark_at, market_value, unrealized_pnl, realized_pnl, total_pnl, etl_run_id)
select $1::integer, g.tenant_id, g.account_key, g.instrument_key, g.account_id, g.instrument_id, g.currency,
       g.rate_to_base, g.side, g.quantity, g.total_cost, g.avg_entry_price, g.current_price, g.mark_source, g.mark_at,
       g.market_value, g.unrealized_pnl, g.realized_pnl, g.total_pnl, $2::bigint
from stage_position_rows g
where not exists (select from fact_positions_daily t
                  where t.date_key = $1::integer and t.tenant_id = g.tenant_id
                    and t.account_id is not distinct from g.account_id and t.instrument_id = g.instrument_id
                    and t.currency = g.currency)

-- name: find_troubles
-- $1 the business date, $2 the base currency, $3 and $4 how many days old a mark and a rate may be. Findings of the date.
insert into stage_standing (rule_name, record_id, message)
select distinct 'mark_missing', format('%s/%s', instrument_id, currency),
       format('instrument %s has no mark in %s on %s: no trade or sampled quote that is not stale on the date, nor on the %s days '
              'before it; its positions have no market value', instrument_id, currency, $1::date, $3::integer)
from stage_position_rows where quantity <> 0 and current_price is null
union all
select distinct 'fx_rate_missing', currency,
       format('no rate from %s to %s on %s or the %s days before it, so that positions in %s have no value in %s: add the rate to the '
              'source''s fx_rates, then run `tapemill enqueue daily_load --date %s`', currency, $2::text, $1::date, $4::integer,
              currency, $2::text, $1::date)
from stage_position_rows where rate_to_base is null
union all
select 'position_currency', format('%s/%s/%s', tenant_id, coalesce(account_id::text, 'Unknown'), instrument_id),
       format('the position of account %s in instrument %s on %s has no row: the instrument was in %s and in %s, and the trades '
              'since the position was opened are not all in one of them; close it in the old currency at the source',
              coalesce(account_id::text, 'Unknown'), instrument_id, $1::date, low_currency, high_currency)
from stage_positions where currency is null
