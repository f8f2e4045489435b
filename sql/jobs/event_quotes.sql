-- Quotes. See jobs/event_fact.h for what the sections do, and jobs/event_quotes.c for which quotes are sampled.

-- name: stage utility
create temporary table if not exists stage_quotes (
    quote_id        bigint,
    tenant_id       uuid,
    lp_id           uuid,
    instrument_id   integer,
    quoted_at       timestamptz,
    bid             numeric,
    ask             numeric,
    bid_size        numeric,
    ask_size        numeric,
    is_stale        boolean,
    spread_changed  boolean,
    latency_ms      numeric,
    updated_at      timestamptz,
    row_no          bigint primary key,
    date_key        integer,
    time_key        integer,
    quote_reference text collate "C" not null,
    is_sampled      boolean not null,
    owner_tenant    uuid,
    issues          text,
    is_error        boolean generated always as (coalesce(issues ~ '(^|\n)E\|', false)) stored
) on commit drop;
create temporary table if not exists rows_quotes (
    row_no            bigint primary key,
    date_key          integer not null,
    time_key          integer not null,
    instrument_key    integer not null,
    lp_key            integer not null,
    tenant_id         uuid not null,
    quote_reference   text collate "C" not null,
    quote_timestamp   timestamptz not null,
    bid_price         numeric not null,
    ask_price         numeric not null,
    bid_size          numeric,
    ask_size          numeric,
    mid_price         numeric not null,
    spread            numeric not null,
    spread_bps        numeric not null,
    is_stale          boolean not null,
    spread_changed    boolean not null,
    sample_weight     smallint not null,
    latency_ms        numeric,
    is_deleted        boolean not null default false,
    source_updated_at timestamptz not null
) on commit drop;
create index if not exists stage_quotes_key on stage_quotes (quote_reference);
truncate stage_quotes, rows_quotes;

-- name: copy utility
copy stage_quotes (quote_id, tenant_id, lp_id, instrument_id, quoted_at, bid, ask, bid_size, ask_size, is_stale, spread_changed,
    latency_ms, updated_at, row_no, date_key, time_key, quote_reference, is_sampled)
from stdin (format binary)

-- name: judge
-- Quotes that name no tenant are the default one's. A quote that is not sampled is judged by nobody.
update stage_quotes s
set owner_tenant = coalesce(s.tenant_id, current_setting('tapemill.default_tenant')::uuid), issues = nullif(j.issues, '')
from (
    select row_no,
           case when is_sampled then concat_ws(E'\n',
               case when instrument_id is null then 'E|instrument_required|instrument_id is required' end,
               case when quoted_at is null then 'E|quoted_at_required|quoted_at is required' end,
               case when updated_at is null then 'E|updated_at_required|updated_at is required: it is the row''s version' end,
               case when quoted_at is not null and date_key is null or not isfinite(updated_at)
                    then 'E|finite_instants|an instant is infinite, or beyond what a calendar knows' end,
               case when bid is null or bid <= 0 then 'E|positive_bid|bid must be greater than 0' end,
               case when ask is null or ask <= 0 then 'E|positive_ask|ask must be greater than 0' end,
               case when special then 'E|finite_numbers|a measure is NaN or infinite' end,
               case when not special and (beyond or bid > 0 and (ask - bid) / bid >= 1e17)
                    then 'E|numbers_in_range|a measure has more digits than the warehouse keeps (prices and sizes 20.8, '
                         'latency 17.3); it is not rounded' end,
               case when ask = bid then 'W|not_locked|bid and ask are equal: the market is locked' end,
               case when ask < bid then 'W|not_crossed|bid is above ask: the market is crossed' end,
               case when is_stale then 'W|not_stale|the quote is stale' end,
               case when latency_ms < 0 then 'W|latency_non_negative|the latency is negative' end) end as issues
    from (
        select *,
               (coalesce(bid, 0) + coalesce(ask, 0) + coalesce(bid_size, 0) + coalesce(ask_size, 0) + coalesce(latency_ms, 0))
                   in ('NaN', 'Infinity', '-Infinity') as special,
               greatest(abs(bid), abs(ask), abs(bid_size), abs(ask_size)) >= 1e20 or abs(latency_ms) >= 1e17
                   or greatest(scale(trim_scale(bid)), scale(trim_scale(ask)), scale(trim_scale(bid_size)), scale(trim_scale(ask_size))) > 8
                   or scale(trim_scale(latency_ms)) > 3 as beyond
        from stage_quotes
    ) n
) j
where s.row_no = j.row_no

-- name: derive
-- A quote takes nothing from its members.
select 1

-- name: resolve
-- The basis points are taken to 60 decimals first, so that rounding them a second time rounds right.
insert into rows_quotes (row_no, date_key, time_key, instrument_key, lp_key, tenant_id, quote_reference, quote_timestamp, bid_price,
                         ask_price, bid_size, ask_size, mid_price, spread, spread_bps, is_stale, spread_changed, sample_weight,
                         latency_ms, source_updated_at)
select s.row_no, s.date_key, s.time_key, coalesce(i.instrument_key, 0), coalesce(l.lp_key, 0), s.owner_tenant, s.quote_reference,
       s.quoted_at, s.bid, s.ask, s.bid_size, s.ask_size, (s.bid + s.ask) * 0.5, s.ask - s.bid,
       round(((s.ask - s.bid) * 10000 + 0e-60) / s.bid, 16), coalesce(s.is_stale, false), coalesce(s.spread_changed, false),
       case when s.spread_changed then 1 else 10 end, s.latency_ms, s.updated_at
from stage_quotes s
join stage_days d on d.date_key = s.date_key and d.is_wanted
left join dim_instrument i on i.instrument_id = s.instrument_id and i.valid_from <= s.quoted_at and s.quoted_at < i.valid_to
left join dim_liquidity_provider l on l.lp_id = s.lp_id and l.valid_from <= s.quoted_at and s.quoted_at < l.valid_to
where not s.is_error and s.is_sampled

-- name: leave
-- Quotes that are not sampled any more, since their spread changed not after all, become tombstones, as they do where their
-- date is read as a whole. $1 date key, $2 the run.
with gone as (
    update fact_quotes f
    set is_deleted = true, etl_run_id = $2::bigint, loaded_at = clock_timestamp()
    from stage_quotes s
    where f.date_key = $1::integer and s.date_key = $1::integer and not s.is_sampled and not f.is_deleted
      and f.tenant_id = s.owner_tenant and f.quote_reference = s.quote_reference
      and (f.source_updated_at < s.updated_at or (f.source_updated_at = s.updated_at and f.source_lsn is null))
    returning s.row_no
)
insert into stage_kinds (target, row_no, kind) select distinct 'fact_quotes', row_no, 'D'::"char" from gone

-- name: issues
insert into stage_issues (record_id, business_date, issues, record_data)
select s.quote_id::text, to_date(s.date_key::text, 'YYYYMMDD'), s.issues,
       to_jsonb(s) - '{row_no,date_key,time_key,quote_reference,is_sampled,owner_tenant,issues,is_error}'::text[]
from stage_quotes s
where s.is_error
   or s.issues is not null and exists (select from stage_kinds k where k.row_no = s.row_no and k.kind in ('I', 'U'))

-- name: read
update etl_quarantine q
set resolved_at = now()
from stage_quotes s
where q.resolved_at is null and q.source_table = $1 and q.record_id = s.quote_id::text and not s.is_error
