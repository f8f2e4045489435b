-- Where the window of a report ends, and where one of trading days begins. Dates are date_keys.

-- name: last_performance
-- The last date up to $1 (null: of all) with performance, or with one that is held back. Every month is looked at by nature,
-- from the newest back.
select greatest((select max(date_key) from fact_performance_daily where date_key <= coalesce($1::integer, 99991231)),
                (select max(date_key) from etl_dirty_buckets
                 where target = 'performance' and reason = 'fx_rate_missing'
                   and date_key <= coalesce($1::integer, 99991231)));

-- name: last_trade
-- The last date up to $1 with live trades of either flow.
select max(date_key) from fact_trades where not is_deleted and date_key < coalesce($1::integer, 99991231) + 1;

-- name: last_position
-- The last date up to $1 with a snapshot of positions.
select max(date_key) from fact_positions_daily where date_key <= coalesce($1::integer, 99991231);

-- name: trading_days
-- The first of the last $2 trading days up to $1, and how many there are.
select min(date_key), count(*)
from (select date_key from dim_date where is_trading_day and date_key <= $1::integer order by date_key desc limit $2::bigint) d;

-- name: outdated
-- How many dates from $1 to $2 have facts that changed since the target $3 was computed from them, and the first of these. What
-- a missing rate holds back is told by the rows themselves.
select count(distinct date_key), to_date(min(date_key)::text, 'YYYYMMDD')
from etl_dirty_buckets
where target = $3::text and reason <> 'fx_rate_missing' and date_key between $1::integer and $2::integer;
