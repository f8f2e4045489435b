-- Loading trades of one business date: stage, then merge by version. See jobs/trade_load.h.

-- name: stage utility
create temp table if not exists stage_trades (
    record_id text, is_error boolean not null, issues text, record_data jsonb, source_id bigint,
    time_key integer, instrument_key integer, account_key integer, strategy_key integer, client_key integer,
    lp_key integer, tenant_id uuid, trade_reference text collate "C", execution_id bigint, order_id bigint,
    execution_timestamp timestamptz, settlement_date date, side text, order_type text, quantity numeric, price numeric,
    notional_value numeric, commission numeric, fees numeric, net_amount numeric, currency text, rate_to_base numeric,
    liquidity_flag text, execution_venue text, latency_ms numeric, fill_latency_ms numeric, fill_count integer,
    is_partial_fill boolean, is_deleted boolean, source_updated_at timestamptz
) on commit drop;
create temp table if not exists stage_pairs (stage_row tid, trade_key bigint, kind "char") on commit drop;
create temp table if not exists stage_absent (trade_key bigint) on commit drop;
truncate stage_trades, stage_pairs, stage_absent;

-- name: copy utility
copy stage_trades (record_id, is_error, issues, record_data, source_id, time_key, instrument_key, account_key,
    strategy_key, client_key, lp_key, tenant_id, trade_reference, execution_id, order_id, execution_timestamp,
    settlement_date, side, order_type, quantity, price, notional_value, commission, fees, net_amount, currency,
    rate_to_base, liquidity_flag, execution_venue, latency_ms, fill_latency_ms, fill_count, is_partial_fill, is_deleted,
    source_updated_at)
from stdin (format binary)

-- name: copy_absent utility
copy stage_absent (trade_key) from stdin (format binary)

-- name: met_twice
-- Whether a staged row's fact was met by another row, which was not staged.
select exists (select from stage_trades s
               join fact_trades f on f.tenant_id = s.tenant_id and f.trade_reference = s.trade_reference
               where not s.is_error and f.date_key = $1::integer and f.source = $2
                 and not exists (select from stage_absent a where a.trade_key = f.trade_key))

-- name: all_absent
-- Where all rows are staged, none was met while facts were read.
insert into stage_absent (trade_key) select trade_key from fact_trades where date_key = $1::integer and source = $2

-- name: note_left
-- A trade left the date: whoever compares it meanwhile is to know.
update etl_fact_days set last_loaded_at = clock_timestamp(), last_run_no = $3::bigint where source = $1 and date_key = $2::integer

-- name: empty_stage utility
truncate stage_trades, stage_absent

-- name: analyze_stage utility
analyze stage_trades

-- name: hold_rates
select pg_advisory_xact_lock_shared(hashtext('tapemill fx_rates'), 0)

-- name: rates
-- The last rate of each currency that is not older than $2 days.
select distinct on (currency) currency, rate_to_base
from fx_rates
where rate_date <= $1::date and rate_date >= $1::date - $2::integer
order by currency, rate_date desc

-- name: epochs
select epoch from dim_epochs
where dimension in ('instrument', 'account', 'strategy', 'client', 'liquidity_provider')
order by dimension

-- name: hold_epochs
select epoch from dim_epochs
where dimension in ('instrument', 'account', 'strategy', 'client', 'liquidity_provider')
order by dimension
for share

-- name: stage_issues
insert into stage_issues (record_id, business_date, issues, record_data)
select record_id, $1::date, issues, record_data from stage_trades where issues is not null

-- name: resolve_staged
-- What was read again and broke no rule is out of quarantine; the date's other rows were not looked at. $1 source table.
update etl_quarantine q
set resolved_at = now()
from stage_trades s
where q.resolved_at is null and q.source_table = $1 and q.record_id = s.record_id and not s.is_error

-- name: books_asked_for
-- Whether a job that computes the books of a date is there and has not begun.
select count(*) from etl_jobs
where job_name = 'realized_pnl' and business_date = $1::date and state in ('queued', 'retry', 'waiting') and pending = 0

-- name: drop_duplicates
-- The same reference twice in one extraction: the newest row counts, the others are superseded by it. $1 the flow: the desk
-- has one series of references for all tenants.
delete from stage_trades s
using (
    select ctid as row_id,
           row_number() over (partition by case when $1 = 'CLIENT' then tenant_id end, trade_reference
                              order by source_updated_at desc, source_id desc nulls last) as place
    from stage_trades
    where not is_error
) ranked
where s.ctid = ranked.row_id and ranked.place > 1

-- name: candidate_days
-- Other dates whose references can include one of ours ($3..$4 as numbers for the desk, $5..$6 as texts for clients).
select coalesce(string_agg(date_key::text, ',' order by date_key), '')
from etl_fact_days
where source = $2 and date_key <> $1::integer
  and case when $2 = 'DESK' then low_number <= $4::bigint and high_number >= $3::bigint
           else low_text <= $6 and high_text >= $5 end

-- name: look utility
savepoint look

-- name: looked utility
rollback to savepoint look;
release savepoint look

-- name: other_days
-- Of these dates, those on which facts stand whose trades are now on this date. They are named twice, since only what is
-- constant tells the planner which partitions to leave out.
select d.date_key
from unnest(string_to_array($1, ',')::integer[]) d (date_key)
where exists (select from stage_trades s
              join fact_trades f on f.tenant_id = s.tenant_id and f.source = $2 and f.trade_reference = s.trade_reference
              where not s.is_error and f.date_key = d.date_key
                and f.date_key = any (string_to_array($1, ',')::integer[]))
order by 1

-- name: superseded_elsewhere
-- The trade stands on another date in a newer version.
delete from stage_trades s
using fact_trades f
where not s.is_error and f.tenant_id = s.tenant_id and f.source = $2 and f.trade_reference = s.trade_reference
  and f.date_key = $3::integer
  and (f.source_updated_at > s.source_updated_at
       or (f.source_updated_at = s.source_updated_at and f.source_lsn is not null))
  and not exists (select from fact_trades here
                  where here.tenant_id = s.tenant_id and here.source = $2 and here.trade_reference = s.trade_reference
                    and here.date_key = $1::integer)

-- name: leave_other_day
-- A trade that moved to this date leaves the other one.
delete from fact_trades f
using stage_trades s
where not s.is_error and f.tenant_id = s.tenant_id and f.source = $1 and f.trade_reference = s.trade_reference
  and f.date_key = $2::integer

-- name: pair
-- Staged rows whose fact stands already, and what is to be done: 'S' the fact is newer, 'N' it says the same, 'U' it is to
-- be updated. At equal source_updated_at a row without LSN is older than one with. The statement for the table $1: the fact,
-- or the date's leaf itself. $2 date_key, $3 source.
select format($statement$
insert into stage_pairs (stage_row, trade_key, kind)
select s.ctid, f.trade_key,
       case when f.source_updated_at > s.source_updated_at
                 or (f.source_updated_at = s.source_updated_at and f.source_lsn is not null) then 'S'
            when (f.time_key, f.instrument_key, f.account_key, f.strategy_key, f.client_key, f.lp_key, f.execution_id,
                       f.order_id, f.execution_timestamp, f.settlement_date, f.side, f.order_type,
                       f.quantity, f.price, f.commission, f.fees, f.currency, f.rate_to_base,
                       f.liquidity_flag, f.execution_venue, f.latency_ms, f.fill_latency_ms,
                       f.fill_count, f.is_partial_fill, f.is_deleted, f.source_updated_at)
                 is distinct from
                 (s.time_key, s.instrument_key, s.account_key, s.strategy_key, s.client_key, s.lp_key, s.execution_id,
                       s.order_id, s.execution_timestamp, s.settlement_date, s.side, s.order_type,
                       s.quantity, s.price, s.commission, s.fees, s.currency, s.rate_to_base,
                       s.liquidity_flag, s.execution_venue, s.latency_ms, s.fill_latency_ms,
                       s.fill_count, s.is_partial_fill, s.is_deleted, s.source_updated_at) then 'U'
            else 'N' end
from stage_trades s
join %1$I f on f.tenant_id = s.tenant_id and f.trade_reference = s.trade_reference
where not s.is_error and f.date_key = %2$s and f.source = %3$L
$statement$, $1::text, $2::integer, $3::text)

-- name: pair_tenants
-- The desk's rows that found no fact of theirs: an account may have got another tenant since, and its facts with it. The
-- tenants of the date are read from the index, one by one, so that no date is read for a few rows. Parameters as above.
select format($statement$
insert into stage_pairs (stage_row, trade_key, kind)
with recursive tenants as (
    (select tenant_id from %1$I where date_key = %2$s and source = %3$L order by tenant_id limit 1)
    union all
    select (select f.tenant_id from %1$I f
            where f.date_key = %2$s and f.source = %3$L and f.tenant_id > t.tenant_id order by f.tenant_id limit 1)
    from tenants t
    where t.tenant_id is not null
)
select distinct on (s.ctid) s.ctid, f.trade_key,
       case when f.source_updated_at > s.source_updated_at
                 or (f.source_updated_at = s.source_updated_at and f.source_lsn is not null) then 'S' else 'U' end
from stage_trades s
join tenants t on t.tenant_id <> s.tenant_id
join %1$I f on f.tenant_id = t.tenant_id and f.trade_reference = s.trade_reference
where not s.is_error and f.date_key = %2$s and f.source = %3$L
  and not exists (select from stage_pairs p where p.stage_row = s.ctid)
order by s.ctid, f.is_deleted, f.source_updated_at desc, f.trade_key
$statement$, $1::text, $2::integer, $3::text)

-- name: analyze_pairs utility
analyze stage_pairs

-- name: count_superseded
select count(*) from stage_pairs where kind = 'S'

-- name: count_unchanged
select count(*) from stage_pairs where kind = 'N'

-- name: update
update fact_trades f
set tenant_id = s.tenant_id, time_key = s.time_key, instrument_key = s.instrument_key, account_key = s.account_key,
    strategy_key = s.strategy_key, client_key = s.client_key, lp_key = s.lp_key, execution_id = s.execution_id,
    order_id = s.order_id, execution_timestamp = s.execution_timestamp, settlement_date = s.settlement_date,
    side = s.side, order_type = s.order_type, quantity = s.quantity, price = s.price,
    notional_value = s.notional_value, commission = s.commission, fees = s.fees, net_amount = s.net_amount,
    currency = s.currency, rate_to_base = s.rate_to_base, liquidity_flag = s.liquidity_flag,
    execution_venue = s.execution_venue, latency_ms = s.latency_ms, fill_latency_ms = s.fill_latency_ms,
    fill_count = s.fill_count, is_partial_fill = s.is_partial_fill, is_deleted = s.is_deleted,
    source_updated_at = s.source_updated_at, source_lsn = null, realized_pnl = null, is_closing = null,
    etl_run_id = $3::bigint,
    loaded_at = clock_timestamp()
from stage_pairs p
join stage_trades s on s.ctid = p.stage_row
where p.kind = 'U' and f.date_key = $1::integer and f.source = $2 and f.trade_key = p.trade_key

-- name: count_updates
select count(*) from stage_pairs where kind = 'U'

-- name: write_staged
-- The statement that writes staged rows into the table $1: those without a fact, and those with one of the kinds $5. The
-- columns are those that both tables have. $2 date_key, $3 source, $4 the run.
select format('insert into %1$I (trade_key, date_key, source, etl_run_id, %6$s) '
              'select coalesce(p.trade_key, nextval(''fact_trades_trade_key_seq'')), %2$s, %3$L, %4$s, %7$s '
              'from stage_trades s left join stage_pairs p on p.stage_row = s.ctid '
              'where not s.is_error and (p.stage_row is null or p.kind = any (%5$L::"char"[]))',
              $1::text, $2::integer, $3::text, $4::bigint, $5::text, string_agg(quote_ident(f.attname), ', ' order by f.attnum),
              string_agg('s.' || quote_ident(f.attname), ', ' order by f.attnum))
from pg_attribute f
join pg_attribute s on s.attrelid = 'stage_trades'::regclass and s.attname = f.attname and s.attnum > 0
where f.attrelid = 'fact_trades'::regclass and f.attnum > 0 and not f.attisdropped

-- name: keep_others
-- Into the new leaf $1 all facts of the old one $2 that are not to be updated, every column as it is.
select format('insert into %1$I (%3$s) select %3$s from %2$I f '
              'where not exists (select from stage_pairs p where p.trade_key = f.trade_key and p.kind = ''U'')',
              $1::text, $2::text, string_agg(quote_ident(attname), ', ' order by attnum))
from pg_attribute
where attrelid = 'fact_trades'::regclass and attnum > 0 and not attisdropped

-- name: remove_vanished
-- Live facts of the date that the source no longer has become tombstones. A source row that is quarantined is still
-- there: its fact keeps the last good version. A client's row that lost its reference cannot be told from any other:
-- then nothing is taken for gone.
-- stage_absent has the facts that no row met while they were read; rows that were staged may have met them since.
-- Set operations on keys first, so that no plan depends on an estimate of how many are gone.
-- The statement for the table $1, as above. $2 date_key, $3 source, $4 the run.
select format($statement$
with gone as materialized (
    select trade_key from stage_absent
    except
    select trade_key from stage_pairs
), broken as materialized (
    select trade_reference, source_id from stage_trades where is_error
)
update %1$I f
set is_deleted = true, realized_pnl = null, is_closing = null, etl_run_id = %4$s, loaded_at = clock_timestamp()
from gone g
where f.date_key = %2$s and f.source = %3$L and f.trade_key = g.trade_key and not f.is_deleted
  and not exists (select from broken b where b.trade_reference = f.trade_reference)
  and not exists (select from broken b where b.source_id = f.execution_id)
  and (%3$L = 'DESK' or not exists (select from broken b where coalesce(b.trade_reference, '') = ''))
$statement$, $1::text, $2::integer, $3::text, $4::bigint)

-- name: lock_moves
-- Loads of different dates look at each other's dates one after the other, each until its commit.
select pg_advisory_xact_lock(hashtext('tapemill moves'), hashtext($1))

-- name: note_day
insert into etl_fact_days as d (source, date_key, last_run_no, low_number, high_number, low_text, high_text)
values ($1, $2::integer, $3::bigint, $4::bigint, $5::bigint, $6, $7)
on conflict (source, date_key) do update
set last_loaded_at = clock_timestamp(), last_run_no = excluded.last_run_no,
    low_number = least(d.low_number, excluded.low_number), high_number = greatest(d.high_number, excluded.high_number),
    low_text = least(d.low_text, excluded.low_text), high_text = greatest(d.high_text, excluded.high_text)

-- name: is_met
select count(*) from etl_conditions where key = $1 and met

-- name: missing_rates
insert into etl_data_quality_issues (job_run_id, source_table, record_id, rule_name, severity, error_message, business_date)
select $1::uuid, $2, currency, 'fx_rate_missing', 'WARNING',
       format('[fx_rate_missing] no rate of %s to the base currency on %s or the %s days before; %s rows wait for it: add '
              'it to fx_rates and load the day again', currency, $3::text, $4::text, count(*)),
       $3::date
from fact_trades
where date_key = $5::integer and source = $6 and not is_deleted and rate_to_base is null
group by currency
