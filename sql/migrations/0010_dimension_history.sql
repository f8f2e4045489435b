-- Dimensions that remember: when the source was seen to say what, deletes, and which facts a change moves to another
-- version. See jobs/sync_dimensions.c and docs/architecture.md.

-- The member was no longer at the source from valid_to on. A version that ends otherwise is followed by the next at once.
alter table dim_instrument add column ends_deleted boolean not null default false;
alter table dim_account add column ends_deleted boolean not null default false;
alter table dim_strategy add column ends_deleted boolean not null default false;
alter table dim_client add column ends_deleted boolean not null default false;
alter table dim_liquidity_provider add column ends_deleted boolean not null default false;

-- A version that a correction left without a single instant stays, as valid from and to the same: its key may stand in
-- facts until they are re-keyed, and looking for those to delete it would read all facts. The sync uses its key again.
do $$
declare
    rule record;
begin
    for rule in
        select conrelid::regclass as dimension, conname
        from pg_constraint
        where contype = 'c' and pg_get_constraintdef(oid) = 'CHECK ((valid_from < valid_to))'
          and conrelid in ('dim_instrument'::regclass, 'dim_account'::regclass, 'dim_strategy'::regclass,
                           'dim_client'::regclass, 'dim_liquidity_provider'::regclass)
    loop
        execute format('alter table %s drop constraint %I', rule.dimension, rule.conname);
        execute format('alter table %s add check (valid_from <= valid_to), add check (not ends_deleted or not is_current)',
                       rule.dimension);
    end loop;
end
$$;

-- No two versions of a member overlap, as before; but the index comes to a member by a hash of its id. Ids that begin alike
-- (uuids that are counted up) and validities without end look all the same to it otherwise, and every check reads much of
-- it. The id itself stands in it as an expression, so that no query for a member is planned through it.
do $$
declare
    dimension record;
begin
    for dimension in
        select c.conrelid::regclass as name, c.conname, a.attname as id, a.atttypid = 'uuid'::regtype as is_uuid
        from pg_constraint c
        join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
        where c.contype = 'x'
          and c.conrelid in ('dim_instrument'::regclass, 'dim_account'::regclass, 'dim_strategy'::regclass,
                             'dim_client'::regclass, 'dim_liquidity_provider'::regclass)
    loop
        execute format('alter table %1$s drop constraint %2$I, add constraint %3$I exclude using gist '
                       '(%4$s(%5$I) with =, %6$s(%5$I) with =, tstzrange(valid_from, valid_to) with &&)',
                       dimension.name, dimension.conname, dimension.name || '_no_overlap',
                       case when dimension.is_uuid then 'uuid_hash' else 'hashint4' end, dimension.id,
                       case when dimension.is_uuid then 'uuid_send' else 'int8' end);
    end loop;
end
$$;

-- The life of a member.
create index on dim_instrument (instrument_id, valid_from);
create index on dim_account (account_id, valid_from);
create index on dim_strategy (strategy_id, valid_from);
create index on dim_client (client_id, valid_from);
create index on dim_liquidity_provider (lp_id, valid_from);

-- The instants at which the source was seen to say something of a member: that it was as the version says which is valid
-- then, or (is_absent) that it was not there. Versions follow from them: a state holds until the next instant.
create table dim_instrument_observations (
    instrument_id integer not null,
    observed_at   timestamptz not null,
    is_absent     boolean not null default false,
    run_no        bigint not null,  -- that saw it first
    primary key (instrument_id, observed_at)
);
create table dim_account_observations (
    account_id  integer not null,
    observed_at timestamptz not null,
    is_absent   boolean not null default false,
    run_no      bigint not null,
    primary key (account_id, observed_at)
);
create table dim_strategy_observations (
    strategy_id integer not null,
    observed_at timestamptz not null,
    is_absent   boolean not null default false,
    run_no      bigint not null,
    primary key (strategy_id, observed_at)
);
create table dim_client_observations (
    client_id   uuid not null,
    observed_at timestamptz not null,
    is_absent   boolean not null default false,
    run_no      bigint not null,
    primary key (client_id, observed_at)
);
create table dim_liquidity_provider_observations (
    lp_id       uuid not null,
    observed_at timestamptz not null,
    is_absent   boolean not null default false,
    run_no      bigint not null,
    primary key (lp_id, observed_at)
);

-- What is known of the versions that stand: where each but the first begins, and when it was last seen. Not later than now:
-- a stamp of the future tells when a row was written, not when it will be.
insert into dim_instrument_observations (instrument_id, observed_at, run_no)
select instrument_id, valid_from, 0 from dim_instrument where instrument_id is not null and isfinite(valid_from)
union
select instrument_id, greatest(valid_from, least(source_updated_at, now(), valid_to - interval '1 microsecond')), 0
from dim_instrument where instrument_id is not null and source_updated_at is not null;
insert into dim_account_observations (account_id, observed_at, run_no)
select account_id, valid_from, 0 from dim_account where account_id is not null and isfinite(valid_from)
union
select account_id, greatest(valid_from, least(source_updated_at, now(), valid_to - interval '1 microsecond')), 0
from dim_account where account_id is not null and source_updated_at is not null;
insert into dim_strategy_observations (strategy_id, observed_at, run_no)
select strategy_id, valid_from, 0 from dim_strategy where strategy_id is not null and isfinite(valid_from)
union
select strategy_id, greatest(valid_from, least(source_updated_at, now(), valid_to - interval '1 microsecond')), 0
from dim_strategy where strategy_id is not null and source_updated_at is not null;
insert into dim_client_observations (client_id, observed_at, run_no)
select client_id, valid_from, 0 from dim_client where client_id is not null and isfinite(valid_from)
union
select client_id, greatest(valid_from, least(source_updated_at, now(), valid_to - interval '1 microsecond')), 0
from dim_client where client_id is not null and source_updated_at is not null;
insert into dim_liquidity_provider_observations (lp_id, observed_at, run_no)
select lp_id, valid_from, 0 from dim_liquidity_provider where lp_id is not null and isfinite(valid_from)
union
select lp_id, greatest(valid_from, least(source_updated_at, now(), valid_to - interval '1 microsecond')), 0
from dim_liquidity_provider where lp_id is not null and source_updated_at is not null;

-- Full comparisons: a member that nobody knew by then was not at the source at that instant. One that showed too few
-- members is not believed (is_complete): it tells nothing of those that it did not show.
create table dim_comparisons (
    dimension   text not null references dim_epochs,
    compared_at timestamptz not null,
    run_no      bigint not null,
    is_complete boolean not null default true,
    primary key (dimension, compared_at)
);

-- What a run took from a version: facts that carry the key, of instants in [changed_from, changed_to), belong to another
-- version of the member now (job rekey_facts). reload: what a load takes from the member into the fact (currency, tenant,
-- client) changed as well, so that the date is to be loaded again.
create table etl_dimension_changes (
    id            bigint generated always as identity primary key,
    run_no        bigint not null,
    dimension     text not null,
    old_key       integer not null,
    changed_from  timestamptz not null,
    changed_to    timestamptz not null,
    reload        boolean not null default false,
    check (changed_from < changed_to)
);
create index on etl_dimension_changes (run_no);
