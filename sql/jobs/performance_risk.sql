-- Sharpe ratio and largest drawdown of the desk's daily performance. See jobs/performance_risk.c.

-- name: lock
-- One at a time.
select pg_advisory_xact_lock(hashtext('performance_risk'), 0)

-- name: hold_writing
-- For daily_performance, while it writes rows; there may be many of it.
select pg_advisory_xact_lock_shared(hashtext('performance_risk'), 1)

-- name: lock_writing
-- Nobody else writes rows of fact_performance_daily.
select pg_advisory_xact_lock(hashtext('performance_risk'), 1)

-- name: dirty_dates
select distinct date_key from etl_dirty_buckets where target = 'performance_risk' order by date_key

-- name: first_date
select coalesce(min(date_key), 0) from fact_performance_daily

-- name: short_series
-- How many series with a row from the date $1 on have fewer than $2 trading days between $3 and it, and older rows. Whether
-- there are older ones is asked of these alone, by index.
with keyed as materialized (
    select tenant_id, account_key, strategy_key, max(date_key) as last_key,
           count(*) filter (where date_key < $1::integer and date_key in (select date_key from dim_date where is_trading_day)) as days
    from fact_performance_daily
    where date_key >= $3::integer
    group by tenant_id, account_key, strategy_key
), series as (
    select k.tenant_id, a.account_id, s.strategy_id
    from keyed k
    join dim_account a using (account_key)
    join dim_strategy s using (strategy_key)
    group by k.tenant_id, a.account_id, s.strategy_id
    having max(k.last_key) >= $1::integer and sum(k.days) < $2::bigint
)
select count(*)
from series
cross join lateral (
    select a.account_key, s.strategy_key
    from dim_account a
    cross join dim_strategy s
    where a.account_id is not distinct from series.account_id and s.strategy_id is not distinct from series.strategy_id
    offset 0
) keys
cross join lateral (
    select from fact_performance_daily p
    where p.tenant_id = series.tenant_id and p.account_key = keys.account_key and p.strategy_key = keys.strategy_key
      and p.date_key < $3::integer
    limit 1
) older

-- name: series
-- The statement that gives all rows from the date $1 on, series by series in order; its columns are enum series_field.
-- COPY takes no parameters.
select format($statement$
select p.tenant_id, a.account_id, s.strategy_id, p.date_key, p.date_key in (select date_key from dim_date where is_trading_day),
       p.net_pnl, p.performance_key, p.sharpe_ratio, p.max_drawdown
from fact_performance_daily p
join dim_account a using (account_key)
join dim_strategy s using (strategy_key)
where p.date_key >= %s
order by p.tenant_id, a.account_id, s.strategy_id, p.date_key
$statement$, $1::integer)

-- name: stage utility
-- Rows with the sums of their windows, and their figures as they stand; then those whose figures differ.
create temporary table if not exists stage_windows (
    performance_key  bigint not null,
    date_key         integer not null,
    observations     bigint not null,
    total            numeric not null,
    squares          numeric not null,
    max_drawdown     numeric not null,
    old_sharpe_ratio numeric,
    old_max_drawdown numeric
) on commit drop;
create temporary table if not exists stage_risk (
    performance_key bigint not null,
    date_key        integer not null,
    sharpe_ratio    numeric,
    max_drawdown    numeric not null
) on commit drop;
truncate stage_windows, stage_risk;

-- name: copy_stage utility
copy stage_windows (performance_key, date_key, observations, total, squares, max_drawdown, old_sharpe_ratio, old_max_drawdown)
    from stdin (format binary)

-- name: compare
-- $1 the fewest days that a Sharpe ratio is made of.
insert into stage_risk
select performance_key, date_key, sharpe_ratio, max_drawdown
from (select *, case when observations >= $1::bigint then sharpe_ratio(observations, total, squares) end as sharpe_ratio
      from stage_windows offset 0) w
where (sharpe_ratio, max_drawdown) is distinct from (old_sharpe_ratio, old_max_drawdown)

-- name: differing
select count(*), coalesce(min(date_key), 0), coalesce(max(date_key), 0) from stage_risk

-- name: update
-- $1 first and $2 last date of stage_risk, $3 the run.
update fact_performance_daily p
set sharpe_ratio = r.sharpe_ratio, max_drawdown = r.max_drawdown, etl_run_id = $3::bigint, loaded_at = clock_timestamp()
from stage_risk r
where p.date_key between $1::integer and $2::integer and p.performance_key = r.performance_key and p.date_key = r.date_key
