-- Instruments whose contract multiplier was corrected, and the dates that were computed with the old one. See
-- jobs/multiplier_change.h.

-- name: stage utility
create temporary table if not exists stage_multipliers (
    instrument_id  integer primary key,
    symbol         text,
    old_multiplier numeric,
    new_multiplier numeric
) on commit drop;
create temporary table if not exists stage_recomputed (instrument_id integer, date_key integer) on commit drop;
truncate stage_multipliers, stage_recomputed;

-- name: note utility
-- A template (jobs/dimension.h), run before the change is written. A member that has not arrived counts with 1, as
-- realized_pnl takes it.
insert into stage_multipliers (instrument_id, symbol, old_multiplier, new_multiplier)
select distinct on (s.instrument_id) s.instrument_id, s.symbol, coalesce(d.contract_multiplier, 1), s.contract_multiplier
from {stage} s
join {table} d on d.instrument_id = s.instrument_id
where coalesce(d.contract_multiplier, 1) <> s.contract_multiplier and d.valid_from < d.valid_to
order by s.instrument_id, d.version desc

-- name: drop_unwritten
-- After the change is written: an old state of a member leaves its multiplier as it is.
delete from stage_multipliers m
where not exists (select from dim_instrument d
                  where d.instrument_id = m.instrument_id and d.contract_multiplier = m.new_multiplier)

-- name: count
select count(*) from stage_multipliers

-- name: find_dates
insert into stage_recomputed (instrument_id, date_key)
select distinct m.instrument_id, f.date_key
from stage_multipliers m
join dim_instrument i using (instrument_id)
join fact_trades f using (instrument_key)
where not f.is_deleted

-- name: lock_conditions
-- Every condition of these dates, met or not: a run of realized_pnl that still read the old multiplier is waited for.
-- In the order in which loads and realized_pnl take them.
select c.key
from etl_conditions c
where split_part(c.key, ':', 1) in ('pnl', 'booked')
  and right(c.key, 8) in (select date_key::text from stage_recomputed)
order by right(c.key, 8), c.key
for update

-- name: reopen
-- After lock_conditions; gives the dates that were closed, oldest first.
with unmet as (
    update etl_conditions c
    set met = false, updated_at = clock_timestamp()
    where c.met and split_part(c.key, ':', 1) in ('pnl', 'booked')
      and right(c.key, 8) in (select date_key::text from stage_recomputed)
    returning c.key
)
select to_char(to_date(right(key, 8), 'YYYYMMDD'), 'YYYY-MM-DD')
from unmet
where key like 'pnl:%'
order by 1

-- name: report
-- $1 the run's id. Of an instrument without trades there is nothing to say.
insert into etl_data_quality_issues (job_run_id, source_table, record_id, rule_name, severity, error_message)
select $1::uuid, 'instruments', m.instrument_id::text, 'multiplier_changed', 'WARNING',
       format('[multiplier_changed] contract_multiplier of instrument %s (%s) changed from %s to %s; %s', m.instrument_id,
              m.symbol, trim_scale(m.old_multiplier), trim_scale(m.new_multiplier),
              format('realised P&L of its trades on %s dates, from %s on, is computed again', d.dates,
                     to_char(to_date(d.first::text, 'YYYYMMDD'), 'YYYY-MM-DD')))
from stage_multipliers m
cross join lateral (select count(*) as dates, min(date_key) as first
                    from stage_recomputed r where r.instrument_id = m.instrument_id) d
where d.dates > 0
