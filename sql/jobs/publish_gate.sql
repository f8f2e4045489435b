-- The publish gate of a business date: what must hold before its rows are final. See jobs/publish_gate.c, jobs/publish_check.h.

-- name: check
-- $1 date key, $2 what is looked at: "date" everything, "look" everything but what a missing rate holds, "summary" only the
-- summary. One row for each difference: rule, what it is about, figures, message. One statement, so that all is seen as of one
-- instant.
with holds as (
    select target, count(*) as buckets
    from etl_dirty_buckets
    where date_key = $1::integer and reason = 'fx_rate_missing' and ($2 = 'date' or $2 = 'summary' and target = 'summary')
    group by target
), waiting as (
    -- What is dirty or held is not compared; nor what follows from books, while they are not closed.
    select distinct target from etl_dirty_buckets where date_key = $1::integer
    union
    select target from unnest(array['performance', 'positions']) as t (target)
    where not exists (select from etl_conditions where key = 'pnl:' || $1::integer and met)
), facts as (
    select tenant_id, count(*) as trades, count(*) filter (where side = 'SELL') as sells,
           count(*) filter (where source = 'DESK') as desk_trades, sum(quantity) as volume,
           sum(notional_value * rate_to_base) as notional, sum(fees * rate_to_base) as fees,
           sum(commission * rate_to_base) as commission
    from fact_trades
    where date_key = $1::integer and not is_deleted
    group by tenant_id
), summary as (
    select * from agg_daily_trade_summary
    where date_key = $1::integer and not exists (select from waiting where target = 'summary')
), levels as (
    select l.level, t.tenant_id, sum(s.trade_count) as trades, sum(s.sell_count) as sells, sum(s.total_volume) as volume,
           sum(s.exact_notional) as notional, sum(s.exact_fees) as fees, sum(s.exact_commission) as commission
    from (select distinct tenant_id from summary) t
    cross join (values ('TENANT'), ('CLIENT'), ('INSTRUMENT'), ('LP'), ('CLIENT_INSTRUMENT')) l (level)
    left join summary s on s.tenant_id = t.tenant_id and s.aggregation_level = l.level
    group by l.level, t.tenant_id
), differences as (
    select 'summary_differs' as rule, format('%s %s', tenant_id, l.level) as record,
           jsonb_build_object('facts', to_jsonb(f), 'summary', to_jsonb(l)) as figures,
           format('level %s of tenant %s has %s trades with a notional of %s, the facts have %s with %s', l.level, tenant_id,
                  coalesce(l.trades, 0), coalesce(l.notional, 0), coalesce(f.trades, 0), coalesce(f.notional, 0)) as message
    from levels l
    full join facts f using (tenant_id)
    where not exists (select from waiting where target = 'summary')
      and (l.trades, l.sells, l.volume, l.notional, l.fees, l.commission)
          is distinct from (f.trades, f.sells, f.volume, f.notional, f.fees, f.commission)
    union all
    -- A quotient, times what it was divided by, is off by its rounding at most.
    select 'summary_differs', format('%s %s %s', s.tenant_id, s.aggregation_level, concat_ws(' ', s.client_id, s.instrument_id, s.lp_id)),
           to_jsonb(s), format('figures of a row of level %s of tenant %s do not follow from its sums', s.aggregation_level, s.tenant_id)
    from summary s
    where abs(s.total_notional - s.exact_notional) * 2 > 1e-16 or abs(s.total_fees - s.exact_fees) * 2 > 1e-8
       or abs(s.total_commission - s.exact_commission) * 2 > 1e-8
       or (s.price_currency is null) is distinct from (s.avg_price is null)
       or (s.price_currency is null) is distinct from (s.vwap_price is null)
       or (s.price_currency is null) is distinct from (s.min_price is null)
       or (s.price_currency is null) is distinct from (s.max_price is null)
       or (s.latency_count = 0) is distinct from (s.avg_latency_ms is null)
       or abs(s.avg_price * s.trade_count - s.price_sum) * 2 > s.trade_count * 1e-16
       or abs(s.vwap_price * s.total_volume - s.price_notional) * 2 > s.total_volume * 1e-16
       or abs(s.avg_latency_ms * s.latency_count - s.latency_sum_ms) * 2 > s.latency_count * 1e-16
       or s.min_price > s.avg_price or s.avg_price > s.max_price + 1e-16
    union all
    select 'performance_differs', tenant_id::text, jsonb_build_object('facts', f.desk_trades, 'performance', p.trades),
           format('the daily performance of tenant %s counts %s trades, the desk has %s', tenant_id, coalesce(p.trades, 0),
                  coalesce(f.desk_trades, 0))
    from (select tenant_id, sum(total_trades) as trades from fact_performance_daily where date_key = $1::integer group by tenant_id) p
    full join (select tenant_id, desk_trades from facts where desk_trades > 0) f using (tenant_id)
    where $2 <> 'summary' and not exists (select from waiting where target = 'performance')
      and p.trades is distinct from f.desk_trades
    union all
    select 'positions_differ', concat_ws(' ', k.tenant_id, k.account_id, k.instrument_id),
           jsonb_build_object('positions', k.positions, 'books', k.books),
           format('account %s holds %s of instrument %s in the daily positions, but its books close with %s',
                  coalesce(k.account_id::text, 'Unknown'), k.positions, k.instrument_id, k.books)
    from (select tenant_id, account_id, instrument_id, coalesce(sum(position), 0) as positions, coalesce(sum(book), 0) as books
          from (select tenant_id, account_id, instrument_id, quantity as position, null::numeric as book
                from fact_positions_daily where date_key = $1::integer
                union all
                select tenant_id, account_id, instrument_id, null, quantity
                from etl_open_positions where date_key = $1::integer and source = 'DESK') both_sides
          group by tenant_id, account_id, instrument_id) k
    where $2 <> 'summary' and not exists (select from waiting where target = 'positions') and k.positions <> k.books
      -- What has no row because nobody can tell its currency has a finding instead.
      and not exists (select from etl_data_quality_issues q
                      where q.source_table = 'fact_positions_daily' and q.rule_name = 'position_currency'
                        and q.business_date = to_date($1::text, 'YYYYMMDD') and q.resolved_at is null
                        and q.record_id = format('%s/%s/%s', k.tenant_id, coalesce(k.account_id::text, 'Unknown'),
                                                 k.instrument_id))
    union all
    select 'fx_rate_missing', target, jsonb_build_object('target', target, 'buckets', buckets),
           format('a missing rate to the base currency holds back rows of %s', target)
    from holds
)
select rule, record, figures, message from differences order by rule, record limit 100

-- name: resolve
-- $1 the business date, $2 what was looked at.
update etl_data_quality_issues
set resolved_at = clock_timestamp()
where source_table = 'publish_gate' and business_date = $1::date and resolved_at is null
  and ($2 = 'date' or $2 = 'look' and rule_name <> 'fx_rate_missing'
       or $2 = 'summary' and (rule_name = 'summary_differs' or rule_name = 'fx_rate_missing' and record_id = 'summary'))

-- name: file_finding
-- $1 the run's id, $2 rule, $3 what it is about, $4 figures, $5 message, $6 business date.
insert into etl_data_quality_issues (job_run_id, source_table, record_id, rule_name, severity, error_message, record_data,
                                     business_date)
values ($1::uuid, 'publish_gate', $3, $2::text, 'ERROR', format('[%s] %s', $2::text, $5::text), $4::jsonb, $6::date)

-- name: dirty
-- What of the date $1 is to be computed again first, of the targets $2. What a missing rate holds will not be helped by that.
select coalesce(string_agg(distinct target, ', ' order by target), '')
from etl_dirty_buckets
where date_key = $1::integer and target = any ($2::text[]) and reason <> 'fx_rate_missing'

-- name: under_way
-- Whether jobs $2 of the date $1 are there that may yet do it.
select exists (select from etl_jobs j
               where j.job_name = any ($2::text[]) and j.business_date = $1::date
                 and (j.state in ('queued', 'retry', 'running')
                      or j.state = 'waiting'
                         and (j.pending = 0
                              or not exists (select from etl_jobs d where d.pipeline_run_id = j.pipeline_run_id
                                                                      and d.state in ('dead', 'cancelled')))))

-- name: publish
-- $1 date key, $2 the run.
insert into etl_published_days (date_key, run_no) values ($1::integer, $2::bigint) on conflict (date_key) do nothing

-- name: make_final
-- $1 date key.
update agg_daily_trade_summary set is_final = true where date_key = $1::integer and not is_final

-- name: count_rows
select count(*) from agg_daily_trade_summary where date_key = $1::integer
