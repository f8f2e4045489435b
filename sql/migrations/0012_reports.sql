-- What the reports on performance share: daily performance together with what is missing from it, and how a member was
-- called as of an instant.

-- fact_performance_daily by natural ids, and a row without figures for each account and strategy that a missing rate holds
-- back on a date. Whoever adds rows up tells by is_held that a sum would be a part only.
create view report_performance as
select f.date_key, a.account_id, s.strategy_id, f.net_pnl, f.total_trades, f.winning_trades,
       f.commissions + f.fees as costs, false as is_held
from fact_performance_daily f
join dim_account a using (account_key)
join dim_strategy s using (strategy_key)
union all
select distinct date_key, account_id, strategy_id, null::numeric, null::bigint, null::bigint, null::numeric, true
from etl_dirty_buckets
where target = 'performance' and reason = 'fx_rate_missing';

-- The member of an id (null: Unknown) as of an instant, exclusive: the version that began last before it, deleted since or
-- not; else its first, as a member with facts is never without a name.
create function report_account(id integer, before timestamptz) returns setof dim_account
language sql stable rows 1 as $$
    select v.* from dim_account v
    where (v.account_id = id or id is null and v.account_key = 0) and v.valid_from < v.valid_to
    order by case when v.valid_from < before then v.valid_from end desc nulls last, v.valid_from
    limit 1
$$;

create function report_strategy(id integer, before timestamptz) returns setof dim_strategy
language sql stable rows 1 as $$
    select v.* from dim_strategy v
    where (v.strategy_id = id or id is null and v.strategy_key = 0) and v.valid_from < v.valid_to
    order by case when v.valid_from < before then v.valid_from end desc nulls last, v.valid_from
    limit 1
$$;

create function report_instrument(id integer, before timestamptz) returns setof dim_instrument
language sql stable rows 1 as $$
    select v.* from dim_instrument v
    where (v.instrument_id = id or id is null and v.instrument_key = 0) and v.valid_from < v.valid_to
    order by case when v.valid_from < before then v.valid_from end desc nulls last, v.valid_from
    limit 1
$$;
