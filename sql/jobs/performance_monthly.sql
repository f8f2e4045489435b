-- The desk's performance in one month, by account and strategy. See jobs/performance_monthly.c.

-- name: stage utility
-- What agg_performance_monthly should say.
create temporary table if not exists stage_month (
    tenant_id      uuid not null,
    account_key    integer not null,
    strategy_key   integer not null,
    trading_days   bigint not null,
    total_trades   bigint not null,
    winning_trades bigint not null,
    total_volume   numeric not null,
    net_pnl        numeric not null,
    commissions    numeric not null,
    fees           numeric not null,
    win_rate       numeric,
    sharpe_ratio   numeric,
    max_drawdown   numeric not null,
    best_day_pnl   numeric not null,
    worst_day_pnl  numeric not null
) on commit drop;
truncate stage_month;

-- name: lock_bucket
select pg_advisory_xact_lock(hashtext('agg_performance_monthly'), $1::integer)

-- name: compute
-- $1 first and $2 last date key of the month, $3 its end (exclusive). An account or strategy is the version that began last
-- before that end, as in daily_performance. The peak of what was made so far starts at 0, before the month's first date.
insert into stage_month
with days as (
    select p.tenant_id, a.account_id, s.strategy_id, p.date_key, p.total_trades, p.winning_trades, p.total_volume, p.net_pnl,
           p.commissions, p.fees, sum(p.net_pnl) over series as made
    from fact_performance_daily p
    join dim_account a using (account_key)
    join dim_strategy s using (strategy_key)
    where p.date_key between $1::integer and $2::integer
    window series as (partition by p.tenant_id, a.account_id, s.strategy_id order by p.date_key)
), falls as (
    select *, greatest(max(made) over (partition by tenant_id, account_id, strategy_id order by date_key), 0) - made as fall
    from days
), months as (
    select tenant_id, account_id, strategy_id, count(*) as days, sum(total_trades)::bigint as trades,
           sum(winning_trades)::bigint as winners, sum(total_volume) as volume, sum(net_pnl) as net_pnl,
           sum(net_pnl * net_pnl) as squares, sum(commissions) as commissions, sum(fees) as fees, max(fall) as max_drawdown,
           max(net_pnl) as best, min(net_pnl) as worst
    from falls
    group by tenant_id, account_id, strategy_id
)
select m.tenant_id,
       coalesce((select v.account_key from dim_account v
                 where v.account_id = m.account_id and v.valid_from < v.valid_to
                 order by case when v.valid_from < $3::timestamptz then v.valid_from end desc nulls last, v.valid_from
                 limit 1), 0),
       coalesce((select v.strategy_key from dim_strategy v
                 where v.strategy_id = m.strategy_id and v.valid_from < v.valid_to
                 order by case when v.valid_from < $3::timestamptz then v.valid_from end desc nulls last, v.valid_from
                 limit 1), 0),
       m.days, m.trades, m.winners, m.volume, m.net_pnl, m.commissions, m.fees,
       round(m.winners::numeric(60,40) / nullif(m.trades, 0), 16),
       case when m.days >= 2 then sharpe_ratio(m.days, m.net_pnl, m.squares) end, m.max_drawdown, m.best, m.worst
from months m

-- name: delete_rows
-- $1 the month.
delete from agg_performance_monthly t
where t.month_key = $1::integer
  and not exists (select from stage_month g
                  where g.tenant_id = t.tenant_id and g.account_key = t.account_key and g.strategy_key = t.strategy_key)

-- name: update_rows
-- $1 the month, $2 the run.
update agg_performance_monthly t
set trading_days = g.trading_days, total_trades = g.total_trades, winning_trades = g.winning_trades,
    total_volume = g.total_volume, net_pnl = g.net_pnl, commissions = g.commissions, fees = g.fees, win_rate = g.win_rate,
    sharpe_ratio = g.sharpe_ratio, max_drawdown = g.max_drawdown, best_day_pnl = g.best_day_pnl,
    worst_day_pnl = g.worst_day_pnl, etl_run_id = $2::bigint, loaded_at = clock_timestamp()
from stage_month g
where t.month_key = $1::integer and g.tenant_id = t.tenant_id and g.account_key = t.account_key
  and g.strategy_key = t.strategy_key
  and (t.trading_days, t.total_trades, t.winning_trades, t.total_volume, t.net_pnl, t.commissions, t.fees, t.win_rate,
       t.sharpe_ratio, t.max_drawdown, t.best_day_pnl, t.worst_day_pnl)
      is distinct from
      (g.trading_days, g.total_trades, g.winning_trades, g.total_volume, g.net_pnl, g.commissions, g.fees, g.win_rate,
       g.sharpe_ratio, g.max_drawdown, g.best_day_pnl, g.worst_day_pnl)

-- name: insert_rows
-- $1 the month, $2 the run.
insert into agg_performance_monthly (month_key, tenant_id, account_key, strategy_key, year, month, trading_days, total_trades,
                                     winning_trades, total_volume, net_pnl, commissions, fees, win_rate, sharpe_ratio,
                                     max_drawdown, best_day_pnl, worst_day_pnl, etl_run_id)
select $1::integer, g.tenant_id, g.account_key, g.strategy_key, $1::integer / 100, $1::integer % 100, g.trading_days,
       g.total_trades, g.winning_trades, g.total_volume, g.net_pnl, g.commissions, g.fees, g.win_rate, g.sharpe_ratio,
       g.max_drawdown, g.best_day_pnl, g.worst_day_pnl, $2::bigint
from stage_month g
where not exists (select from agg_performance_monthly t
                  where t.month_key = $1::integer and t.tenant_id = g.tenant_id and t.account_key = g.account_key
                    and t.strategy_key = g.strategy_key)
