-- The desk's performance on one business date, by account and strategy, in base currency. See jobs/daily_performance.c.

-- name: stage utility
-- What fact_performance_daily should say. Where missing is set, trades in these currencies have no rate to the base
-- currency, and the measures mean nothing.
create temporary table if not exists stage_performance (
    tenant_id       uuid not null,
    account_id      integer,
    strategy_id     integer,
    account_key     integer not null,
    strategy_key    integer not null,
    unbooked        bigint not null,
    missing         text,
    missing_trades  bigint not null,
    total_trades    bigint not null,
    closing_trades  bigint not null,
    winning_trades  bigint not null,
    losing_trades   bigint not null,
    total_volume    numeric(48,8),
    total_notional  numeric(58,16),
    gross_profit    numeric(48,8),
    gross_loss      numeric(48,8),
    net_pnl         numeric(48,8),
    commissions     numeric(48,8),
    fees            numeric(48,8),
    win_rate        numeric(20,16),
    profit_factor   numeric(58,16),
    avg_win         numeric(48,8),
    avg_loss        numeric(48,8),
    largest_win     numeric(48,8),
    largest_loss    numeric(48,8)
) on commit drop;
truncate stage_performance;

-- name: lock_bucket
select pg_advisory_xact_lock(hashtext('fact_performance_daily'), $1::integer)

-- name: clear_dirty
-- Before anything is computed, in a statement of its own: what becomes dirty later stays so.
delete from etl_dirty_buckets where target = 'performance' and date_key = $1::integer

-- name: compute
-- $1 date key, $2 the end of the business date (exclusive). An account or strategy is the version that began last before that
-- end, whether it was deleted before it or not: a member with trades is never Unknown. (A first version that begins later
-- stands for the trades until these are re-keyed.)
--
-- Sums are exact; each is rounded once. Quotients are taken to so many decimals first that rounding them a second time
-- rounds right: a/b is no closer than 1/2b units of the last place to a point where rounding turns, unless it is there.
insert into stage_performance
with keyed as (
    -- Every trade is visited once, without a join or a product: within one rate, sums may be converted as well as rows.
    select f.tenant_id, f.account_key, f.strategy_key, f.currency, f.rate_to_base as rate, count(*) as total,
           count(*) filter (where f.realized_pnl is null) as unbooked, count(*) filter (where f.is_closing) as closing,
           count(*) filter (where f.realized_pnl > 0) as winners, count(*) filter (where f.realized_pnl < 0) as losers,
           sum(f.quantity) as volume, sum(f.notional_value) as notional,
           sum(f.realized_pnl) filter (where f.realized_pnl > 0) as won,
           sum(f.realized_pnl) filter (where f.realized_pnl < 0) as lost,
           max(f.realized_pnl) filter (where f.realized_pnl > 0) as largest_win,
           min(f.realized_pnl) filter (where f.realized_pnl < 0) as largest_loss,
           sum(f.commission) as commissions, sum(f.fees) as fees
    from fact_trades f
    where f.date_key = $1::integer and f.source = 'DESK' and not f.is_deleted
    group by f.tenant_id, f.account_key, f.strategy_key, f.currency, f.rate_to_base
), sums as (
    select k.tenant_id, a.account_id, s.strategy_id, sum(k.unbooked)::bigint as unbooked,
           coalesce(sum(k.total) filter (where k.rate is null), 0)::bigint as missing_trades,
           string_agg(distinct k.currency, ', ' order by k.currency) filter (where k.rate is null) as missing,
           sum(k.total)::bigint as total, sum(k.closing)::bigint as closing, sum(k.winners)::bigint as winners,
           sum(k.losers)::bigint as losers, sum(k.volume) as volume, sum(k.notional * k.rate) as notional,
           coalesce(sum(k.won * k.rate), 0) as won, coalesce(sum(k.lost * k.rate), 0) as lost,
           max(k.largest_win * k.rate) as largest_win, min(k.largest_loss * k.rate) as largest_loss,
           sum(k.commissions * k.rate) as commissions, sum(k.fees * k.rate) as fees
    from keyed k
    join dim_account a using (account_key)
    join dim_strategy s using (strategy_key)
    group by k.tenant_id, a.account_id, s.strategy_id
), rounded as (
    select s.*, round(won, 8) as gross_profit, round(-lost, 8) as gross_loss, round(commissions, 8) as base_commissions,
           round(s.fees, 8) as base_fees
    from sums s
)
select r.tenant_id, r.account_id, r.strategy_id,
       coalesce((select v.account_key from dim_account v
                 where v.account_id = r.account_id and v.valid_from < v.valid_to
                 order by case when v.valid_from < $2::timestamptz then v.valid_from end desc nulls last, v.valid_from
                 limit 1), 0),
       coalesce((select v.strategy_key from dim_strategy v
                 where v.strategy_id = r.strategy_id and v.valid_from < v.valid_to
                 order by case when v.valid_from < $2::timestamptz then v.valid_from end desc nulls last, v.valid_from
                 limit 1), 0),
       r.unbooked, r.missing, r.missing_trades, r.total, r.closing, r.winners, r.losers, r.volume, round(r.notional, 16),
       r.gross_profit, r.gross_loss, r.gross_profit - r.gross_loss - r.base_commissions - r.base_fees,
       r.base_commissions, r.base_fees, round(r.winners::numeric(60,40) / r.total, 16),
       round(r.gross_profit::numeric(130,80) / nullif(r.gross_loss, 0), 16),
       round(r.won::numeric(100,44) / nullif(r.winners, 0), 8), round(r.lost::numeric(100,44) / nullif(r.losers, 0), 8),
       round(r.largest_win, 8), round(r.largest_loss, 8)
from rounded r

-- name: unbooked
select coalesce(sum(unbooked), 0) from stage_performance

-- name: delete_rows
-- Groups that vanished, those that a missing rate holds back, and those that are another version's now.
delete from fact_performance_daily p
where p.date_key = $1::integer
  and not exists (select from stage_performance g
                  where g.tenant_id = p.tenant_id and g.account_key = p.account_key and g.strategy_key = p.strategy_key
                    and g.missing is null)

-- name: update_rows
-- $2 the run. sharpe_ratio and max_drawdown look at many days; they are not computed here.
update fact_performance_daily p
set total_trades = g.total_trades, closing_trades = g.closing_trades, winning_trades = g.winning_trades,
    losing_trades = g.losing_trades, total_volume = g.total_volume, total_notional = g.total_notional,
    gross_profit = g.gross_profit, gross_loss = g.gross_loss, net_pnl = g.net_pnl, commissions = g.commissions,
    fees = g.fees, win_rate = g.win_rate, profit_factor = g.profit_factor, avg_win = g.avg_win, avg_loss = g.avg_loss,
    largest_win = g.largest_win, largest_loss = g.largest_loss, etl_run_id = $2::bigint, loaded_at = clock_timestamp()
from stage_performance g
where p.date_key = $1::integer and g.tenant_id = p.tenant_id and g.account_key = p.account_key
  and g.strategy_key = p.strategy_key and g.missing is null
  and (p.total_trades, p.closing_trades, p.winning_trades, p.losing_trades, p.total_volume, p.total_notional,
       p.gross_profit, p.gross_loss, p.net_pnl, p.commissions, p.fees, p.win_rate, p.profit_factor, p.avg_win, p.avg_loss,
       p.largest_win, p.largest_loss)
      is distinct from
      (g.total_trades, g.closing_trades, g.winning_trades, g.losing_trades, g.total_volume, g.total_notional,
       g.gross_profit, g.gross_loss, g.net_pnl, g.commissions, g.fees, g.win_rate, g.profit_factor, g.avg_win, g.avg_loss,
       g.largest_win, g.largest_loss)

-- name: insert_rows
insert into fact_performance_daily (date_key, tenant_id, account_key, strategy_key, total_trades, closing_trades,
                                    winning_trades, losing_trades, total_volume, total_notional, gross_profit, gross_loss,
                                    net_pnl, commissions, fees, win_rate, profit_factor, avg_win, avg_loss, largest_win,
                                    largest_loss, etl_run_id)
select $1::integer, g.tenant_id, g.account_key, g.strategy_key, g.total_trades, g.closing_trades, g.winning_trades,
       g.losing_trades, g.total_volume, g.total_notional, g.gross_profit, g.gross_loss, g.net_pnl, g.commissions, g.fees,
       g.win_rate, g.profit_factor, g.avg_win, g.avg_loss, g.largest_win, g.largest_loss, $2::bigint
from stage_performance g
where g.missing is null
  and not exists (select from fact_performance_daily p
                  where p.date_key = $1::integer and p.tenant_id = g.tenant_id and p.account_key = g.account_key
                    and p.strategy_key = g.strategy_key)

-- name: groups
select count(*), count(missing) from stage_performance

-- name: hold_buckets
-- $2 the run.
insert into etl_dirty_buckets (target, date_key, account_id, strategy_id, reason, run_no)
select 'performance', $1::integer, account_id, strategy_id, 'fx_rate_missing', $2::bigint
from stage_performance
where missing is not null

-- name: report_held
-- $1 the run's id, $2 the business date, $3 the base currency.
insert into etl_data_quality_issues (job_run_id, source_table, record_id, rule_name, severity, error_message, record_data,
                                     business_date)
select $1::uuid, 'fact_trades', concat(coalesce(account_id::text, 'Unknown'), '/', coalesce(strategy_id::text, 'Unknown')),
       'fx_rate_missing', 'WARNING',
       format('[fx_rate_missing] %s of %s trades of %s have no rate from %s to %s, so that this account and strategy have '
              'no performance on that date: add the rate to the source''s fx_rates, then run '
              '`tapemill enqueue daily_load --date %s`',
              missing_trades, total_trades, $2::date, missing, $3::text, $2::date),
       jsonb_build_object('tenant_id', tenant_id, 'account_id', account_id, 'strategy_id', strategy_id,
                          'currencies', missing, 'missing_trades', missing_trades),
       $2::date
from stage_performance
where missing is not null
