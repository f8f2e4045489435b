-- dim_date and dim_time from the trading calendar. Nothing that stays as it is is written.

-- name: stage utility
create temporary table if not exists stage_dates (like dim_date) on commit drop;
create temporary table if not exists stage_times (like dim_time) on commit drop;
truncate stage_dates, stage_times;

-- One at a time, so that two runs do not insert the same rows.
-- name: lock
select pg_advisory_xact_lock(hashtext('tapemill dates'))

-- name: copy_dates utility
copy stage_dates (date_key, date, year, quarter, month, month_name, day_of_month, day_of_week, day_name, week_of_year,
    iso_year, is_weekend, is_trading_day, is_holiday, holiday_name, fiscal_year, fiscal_quarter, fiscal_month,
    session_open, session_close) from stdin (format binary)

-- name: copy_times utility
copy stage_times (time_key, time, hour, minute, second, time_of_day, market_session) from stdin (format binary)

-- name: note_trading_days
-- $1 the run. Series of loaded dates that are trading days now, or were, say something else from there on.
insert into etl_dirty_buckets (target, date_key, reason, run_no)
select 'performance_risk', d.date_key, 'trading days changed', $1::bigint
from dim_date d
join stage_dates s using (date_key)
where s.is_trading_day is distinct from d.is_trading_day
  and exists (select from etl_fact_days l where l.date_key = d.date_key)

-- name: update_dates
update dim_date d
set date = s.date, year = s.year, quarter = s.quarter, month = s.month, month_name = s.month_name,
    day_of_month = s.day_of_month, day_of_week = s.day_of_week, day_name = s.day_name, week_of_year = s.week_of_year,
    iso_year = s.iso_year, is_weekend = s.is_weekend, is_trading_day = s.is_trading_day, is_holiday = s.is_holiday,
    holiday_name = s.holiday_name, fiscal_year = s.fiscal_year, fiscal_quarter = s.fiscal_quarter,
    fiscal_month = s.fiscal_month, session_open = s.session_open, session_close = s.session_close
from stage_dates s
where d.date_key = s.date_key and row(d.*) is distinct from row(s.*)

-- name: insert_dates
insert into dim_date
select s.* from stage_dates s
where not exists (select from dim_date d where d.date_key = s.date_key)
order by s.date_key

-- name: update_times
update dim_time d
set time = s.time, hour = s.hour, minute = s.minute, second = s.second, time_of_day = s.time_of_day,
    market_session = s.market_session
from stage_times s
where d.time_key = s.time_key and row(d.*) is distinct from row(s.*)

-- name: insert_times
insert into dim_time
select s.* from stage_times s
where not exists (select from dim_time d where d.time_key = s.time_key)
order by s.time_key
