-- name: page
-- Jobs by what they are, the latest first. $1 states, $2 job name, $3 queue, $4 last error, $5 and $6 first and last
-- business date, $7 backfill (null: any), $8 only ids below this (0: all), $9 limit.
select id
from etl_jobs
where state = any ($1::text[])
  and ($2::text is null or job_name = $2)
  and ($3::text is null or queue = $3)
  and ($4::text is null or error_code = $4)
  and ($5::date is null or business_date >= $5::date)
  and ($6::date is null or business_date <= $6::date)
  and ($7::bigint is null or backfill_id = $7::bigint)
  and ($8::bigint = 0 or id < $8::bigint)
order by id desc
limit $9::bigint;

-- name: instant
-- $1 a time as people write it: seconds since 1970-01-01 UTC, and the same in microseconds. Nulls for infinity.
select floor(extract(epoch from given))::bigint, (extract(epoch from given) * 1000000)::bigint
from (select nullif(nullif($1::timestamptz, 'infinity'), '-infinity') as given) as finite
