#!/usr/bin/env bash
# The point-in-time index of the loads finds at every instant the version that SQL finds: just before, at and just after each
# boundary, before all time, in gaps that deletes left; for members with one version and with a thousand.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up
tapemill migrate >/dev/null

probe() {
    "$TAPEMILL_TEST_BIN/dimension_probe" "$@"
}

# Members 1..30 have as many versions, 31 a thousand; every seventh version ends with a delete, after which there is a gap of
# an hour; every fifth place has a version without an instant. Half of the members begin at -infinity. Keys are shuffled.
sql warehouse "
insert into dim_instrument (instrument_key, instrument_id, symbol, currency, version, valid_from, valid_to, is_current, ends_deleted)
select 1 + (row_number() over () * 7919) % 10007, m, 'S' || m, 'USD', v,
       case when v = 1 and m % 2 = 0 then '-infinity' else starts end, case when v = versions and m % 3 <> 0 then 'infinity' else ends end,
       v = versions and m % 3 <> 0, (v % 7 = 0 or v = versions) and not (v = versions and m % 3 <> 0)
from (select m, case when m <= 30 then m else 1000 end as versions from generate_series(1, 31) m) members
cross join lateral generate_series(1, versions) v
cross join lateral (select timestamptz '1969-12-01 00:00:00.000001Z' + m * interval '1 microsecond' + v * interval '1 day' as starts) s
cross join lateral (select starts + case when v % 7 = 0 then interval '23 hours' else interval '1 day' end as ends) e;
insert into dim_instrument (instrument_key, instrument_id, symbol, version, valid_from, valid_to, is_current)
select 20000 + row_number() over (), instrument_id, 'void', 1, valid_to, valid_to, false
from dim_instrument where instrument_id is not null and version % 5 = 0 and isfinite(valid_to);
insert into dim_client (client_key, client_id, valid_from, valid_to, is_current, ends_deleted)
select 100 + i, ('00000000-0000-0000-0000-0000000000' || to_char(i, 'FM00'))::uuid, '-infinity',
       case when i % 2 = 0 then timestamptz '2024-01-02 05:00Z' else 'infinity' end, i % 2 <> 0, i % 2 = 0
from generate_series(1, 20) i"

# agree DIMENSION TABLE ID KEY: asked for instants (microseconds since 1970) around every boundary of every member, and far from
# all, the index answers as SQL does.
agree() {
    local table=$2 id=$3 key=$4
    psql -XAtq -F ' ' "$TAPEMILL_WAREHOUSE_URL" -c "
        select q.id, q.us, coalesce(d.$key, 0)
        from (
            select id, us, timestamptz 'epoch' + us / 1000000 * interval '1 second' + us % 1000000 * interval '1 microsecond' as at
            from (
                select b.id, (extract(epoch from b.at) * 1000000)::bigint + around as us
                from (select $id as id, unnest(array[valid_from, valid_to]) as at from $table where $id is not null) b
                cross join unnest(array[-1, 0, 1]) around
                where isfinite(b.at)
                union
                select $id, us from $table cross join unnest(array[-10000000000000000, 0, 10000000000000000]) us
                where $id is not null
            ) asked
        ) q
        left join $table d on d.$id = q.id and d.valid_from <= q.at and q.at < d.valid_to
        order by q.id, q.us" >"$TEST_DIR/$1.expected"
    cut -d ' ' -f 1,2 "$TEST_DIR/$1.expected" | probe find "$1" >"$TEST_DIR/$1.answers"
    cut -d ' ' -f 1,2 "$TEST_DIR/$1.expected" | paste -d ' ' - "$TEST_DIR/$1.answers" | cmp - "$TEST_DIR/$1.expected" ||
        fail "the index of $1 differs from SQL"
}

agree instrument dim_instrument instrument_id instrument_key
agree client dim_client client_id client_key
assert_equal t "$(sql warehouse "select $(wc -l <"$TEST_DIR/instrument.expected") > 4000")" "questions that were asked"
assert_equal t "$(sql warehouse "select $(grep -c ' 0$' "$TEST_DIR/instrument.expected") between 100 and 1000")" "answers that are none"

# A member that nobody knows, and a dimension of which all versions are of one member.
assert_equal 0 "$(echo '4711 0' | probe find instrument)" "an unknown member"
assert_equal 0 "$(echo '1 0' | probe find strategy)" "a dimension without members"
