-- What core/migration.c asks about the warehouse's schema.

-- name: lock
select pg_advisory_lock(hashtextextended('tapemill migrate', 0))

-- name: unlock
select pg_advisory_unlock(hashtextextended('tapemill migrate', 0))

-- name: create_table utility
create table if not exists etl_migrations (
    version    integer primary key,
    name       text not null,
    checksum   text not null,                 -- SHA-256 of the file's statements
    applied_at timestamptz not null default now()
)

-- name: exists
select to_regclass('etl_migrations') is not null

-- name: latest
select coalesce(max(version), 0) from etl_migrations

-- name: find
select applied_at::text, checksum = encode(sha256(convert_to($2, 'UTF8')), 'hex') as same
from etl_migrations
where version = $1::integer

-- name: unknown
select version, name, applied_at::text from etl_migrations where version > $1::integer order by version

-- name: record
insert into etl_migrations (version, name, checksum)
values ($1::integer, $2, encode(sha256(convert_to($3, 'UTF8')), 'hex'))
