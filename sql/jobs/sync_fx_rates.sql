-- fx_rates as the source has them: a full comparison.

-- name: stage utility
create temporary table if not exists stage_fx_rates (
    rate_date    date,
    currency     text,
    rate_to_base numeric,
    updated_at   timestamptz,
    issues       text
) on commit drop;
truncate stage_fx_rates;

-- Before the source is read, so that of two runs the later one has read the newer rates.
-- name: lock utility
lock table fx_rates in share row exclusive mode;

-- name: copy utility
copy stage_fx_rates (rate_date, currency, rate_to_base, updated_at) from stdin (format binary)

-- name: judge
update stage_fx_rates s
set issues = j.issues
from (
    select ctid as row_id,
           concat_ws(E'\n',
               case when rate_date is null then 'E|rate_date_required|rate_date is required'
                    when not isfinite(rate_date) then 'E|rate_date_finite|rate_date is ' || rate_date end,
               case when currency is null then 'E|currency_required|currency is required'
                    when currency !~ '^[A-Z]{3}$'
                    then 'E|currency_code|currency "' || translate(left(currency, 40), E'\n\r', '  ')
                         || '" is not three capital letters' end,
               case when rate_to_base is null then 'E|rate_required|rate_to_base is required'
                    when rate_to_base in ('NaN', 'Infinity', '-Infinity')
                    then 'E|rate_finite|rate_to_base is ' || rate_to_base
                    when rate_to_base <= 0 then 'E|rate_positive|rate_to_base must be greater than 0'
                    when rate_to_base >= 1e16 or scale(trim_scale(rate_to_base)) > 12
                    then 'E|rate_range|rate_to_base does not fit into 16 digits before and 12 after the point; round it in '
                         'the extraction query fx_rates.sql' end) as issues
    from stage_fx_rates
) j
where s.ctid = j.row_id and j.issues <> ''

-- name: stage_issues
insert into stage_issues (record_id, business_date, issues, record_data)
select coalesce(currency, '?') || ' ' || coalesce(rate_date::text, '?'), case when isfinite(rate_date) then rate_date end,
       issues, to_jsonb(s) - 'issues'
from stage_fx_rates s
where issues is not null

-- Two rows for one currency and date: the newest counts.
-- name: drop_superseded
delete from stage_fx_rates s
using (
    select ctid as row_id,
           row_number() over (partition by currency, rate_date order by updated_at desc nulls last, rate_to_base) as place
    from stage_fx_rates
    where issues is null
) r
where s.ctid = r.row_id and r.place > 1

-- What the source holds no row for any more, valid or not. This and the next two note what they change (jobs/fx_follow.h).
-- name: remove
with changed as (
    delete from fx_rates f
    where not exists (select from stage_fx_rates s where s.currency = f.currency and s.rate_date = f.rate_date)
    returning f.currency, f.rate_date
)
insert into stage_fx_changed select currency, rate_date from changed

-- name: update
with changed as (
    update fx_rates f
    set rate_to_base = s.rate_to_base, source_updated_at = s.updated_at
    from stage_fx_rates s
    where s.issues is null and s.currency = f.currency and s.rate_date = f.rate_date and s.rate_to_base <> f.rate_to_base
    returning f.currency, f.rate_date
)
insert into stage_fx_changed select currency, rate_date from changed

-- name: insert
with changed as (
    insert into fx_rates (rate_date, currency, rate_to_base, source_updated_at)
    select s.rate_date, s.currency, s.rate_to_base, s.updated_at
    from stage_fx_rates s
    where s.issues is null
      and not exists (select from fx_rates f where f.currency = s.currency and f.rate_date = s.rate_date)
    order by s.rate_date, s.currency
    returning currency, rate_date
)
insert into stage_fx_changed select currency, rate_date from changed

-- name: count_rates
select count(*) from fx_rates
