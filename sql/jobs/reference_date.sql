-- name: instant
-- $1 end of a data interval or "": the microseconds since 1970-01-01 UTC of that, or of the warehouse's clock.
select (extract(epoch from coalesce(nullif($1::text, '')::timestamptz, now())) * 1000000)::bigint
