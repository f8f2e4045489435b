-- The source's positions against the books at the close of one business date. See jobs/position_breaks.c.

-- name: lock
-- One at a time: the second sees what the first has found.
select pg_advisory_xact_lock(hashtext('tapemill position_breaks'), 0)

-- name: synced
-- $1 the end of the business date (exclusive). Whether the source's positions are known as they were then: some are, and they
-- were not read for the last time before it.
select exists (select from latest_positions where account_id is not null)
       and not exists (select from etl_cdc_watermarks
                       where source_table = 'positions' and last_processed_timestamp < $1::timestamptz)

-- name: stage utility
create temporary table if not exists stage_pairs (
    account_id      integer not null,
    instrument_id   integer not null,
    source_quantity numeric not null,
    lots            bigint not null,
    books_quantity  numeric not null,
    books           bigint not null,
    is_comparable   boolean not null
) on commit drop;
truncate stage_pairs;

-- name: compare
-- $1 date key, $2 the end of the business date (exclusive). A lot that was opened later is not in the date; one that was closed
-- in it holds nothing. Where a lot of the pair was changed since, nobody knows what it was.
insert into stage_pairs
select account_id, instrument_id, sum(source_quantity), sum(lots), sum(books_quantity), sum(books), bool_and(is_comparable)
from (
    select account_id, instrument_id, case when closed_at < $2::timestamptz then 0 else quantity end as source_quantity,
           1 as lots, 0 as books_quantity, 0 as books, source_updated_at < $2::timestamptz as is_comparable
    from latest_positions
    where account_id is not null and instrument_id is not null and (opened_at < $2::timestamptz or opened_at is null)
    union all
    select account_id, instrument_id, 0, 0, quantity, 1, true
    from etl_open_positions
    where date_key = $1::integer and source = 'DESK' and account_id is not null
) parts
group by account_id, instrument_id

-- name: counts
select count(*), count(*) filter (where not is_comparable),
       count(*) filter (where is_comparable and source_quantity <> books_quantity)
from stage_pairs

-- name: find_breaks
-- $1 the business date. One that a later date's comparison has told of is left to that.
insert into stage_standing (rule_name, record_id, message, record_data, is_unknown)
select 'position_break', r.record_id,
       format('account %s, instrument %s: the source holds %s (%s lots), the books hold %s (%s books), a difference of %s: look for '
              'missing or wrong trades, and for a split or another corporate action, which is no trade', p.account_id,
              p.instrument_id, trim_scale(p.source_quantity), p.lots, trim_scale(p.books_quantity), p.books,
              trim_scale(p.source_quantity - p.books_quantity)),
       jsonb_build_object('account_id', p.account_id, 'instrument_id', p.instrument_id,
                          'source', jsonb_build_object('quantity', trim_scale(p.source_quantity), 'lots', p.lots),
                          'books', jsonb_build_object('quantity', trim_scale(p.books_quantity), 'books', p.books)),
       not p.is_comparable or later.is_known
from stage_pairs p
cross join lateral (select format('%s/%s', p.account_id, p.instrument_id) as record_id) r
cross join lateral (
    select exists (select from etl_data_quality_issues i
                   where i.resolved_at is null and i.source_table = 'latest_positions' and i.rule_name = 'position_break'
                     and i.record_id = r.record_id and i.business_date > $1::date) as is_known
) later
where not p.is_comparable or p.source_quantity <> p.books_quantity
