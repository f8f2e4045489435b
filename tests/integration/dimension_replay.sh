#!/usr/bin/env bash
# Eleven years of published lists of the S&P 500 and of Nasdaq as states of the source, synchronised as of their dates: in
# order, with late ones, and shuffled. Each snapshot is found again by its date, and the versions are the same in the end.
# All in every order with TAPEMILL_TEST_LONG; without, all snapshots of the S&P 500 in order, of one in three members, and
# samples of both lists' snapshots out of order.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
need_test_data ref_instruments
servers_up
replay=$TAPEMILL_ROOT/tests/integration/dimension_replay.py
seed=${DIMENSION_SEED:-$((EPOCHSECONDS % 32768))}
echo "seed $seed; again: DIMENSION_SEED=$seed tests/integration/dimension_replay.sh"
columns=instrument_id,symbol,name,exchange,asset_class,instrument_type,sector,industry,market_cap_category,country,currency,lot_size,is_active
history=symbol,exchange,asset_class,instrument_type,sector,industry,market_cap_category,currency,is_active

# sync ARGUMENTS: of the instruments; its counts
sync() {
    "$TAPEMILL_TEST_BIN/dimension_run" job sync_dimensions "{\"mode\": \"full\", \"dimension\": \"instrument\", \"deletes\": \"all\"$1}"
}

# show NUMBER: the source is as that snapshot says.
show() {
    sql source <<END
truncate instruments;
\\copy instruments ($columns, updated_at) from '$states/$1.csv' csv null '\\N'
END
}

# What the snapshots show and the dimension does not at their dates, and the other way round.
differences() {
    sql warehouse "
        with known as (
            select instrument_id, min(known_from) as known_from from dim_instrument group by instrument_id
        ), shown as (
            select s.number, d.instrument_id, $history
            from snapshots s
            join dim_instrument d on d.valid_from <= s.at and s.at < d.valid_to
            join known k on k.instrument_id = d.instrument_id and k.known_from <= s.at
        ), wanted as (
            select number, instrument_id, $history from expected
        )
        (select 'lacks', * from (select * from wanted except all select * from shown) x)
        union all (select 'has', * from (select * from shown except all select * from wanted) y)
        order by 2, 3 limit 20"
}

# All that is said of the versions, without keys and without what depends on when something was heard of first.
versions() {
    sql warehouse "
        select instrument_id, version, valid_from, valid_to, is_current, ends_deleted, is_inferred, $history, full_name, country,
               lot_size, min(known_from) over (partition by instrument_id)
        from dim_instrument where instrument_id is not null and valid_from < valid_to order by 1, 2"
}

# Attributes without history are those of the newest snapshot, in all versions.
stale() {
    sql warehouse "
        select d.instrument_id, d.version, d.full_name, n.name, d.country, n.country, d.lot_size, n.lot_size
        from dim_instrument d join newest n using (instrument_id)
        where (d.full_name, d.country, d.lot_size) is distinct from (n.name, n.country, n.lot_size) limit 20"
}

# replay_list NAME ARCHIVE EVERY MEMBERS ORDER...: the first of every so many snapshots, and one in so many members, in these
# orders
replay_list() {
    local order name states=$TEST_DIR/$1-$3 first='' count members number
    local -a instants
    mkdir -p "$states/snapshots"
    tar --extract --zstd --file "$DATA/$2.tar.zst" --directory "$states/snapshots" --transform 's|.*/||'
    read -r count members < <(python3 "$replay" states "$1" "$states/snapshots" "$states" "$3" "$4")
    mapfile -t instants < <(sed 's/.*,"//; s/"$//' "$states/snapshots.csv")
    while read -r name order; do
        [[ " ${*:5} " == *" $name "* ]] || continue
        databases_create "$1_$3_$name"
        tapemill migrate >/dev/null
        sql source <"$TAPEMILL_ROOT/sql/source/schema.sql"
        sql warehouse <<END
create table snapshots (number integer primary key, at timestamptz);
create table newest (instrument_id integer, symbol text, name text, exchange text, asset_class text, instrument_type text,
    sector text, industry text, market_cap_category text, country text, currency text, lot_size numeric(28,8),
    is_active boolean, updated_at timestamptz);
create table expected (number integer, like newest);
\\copy snapshots from '$states/snapshots.csv' csv
\\copy newest from '$states/newest.csv' csv null '\\N'
\\copy expected from '$states/expected.csv' csv null '\\N'
analyze snapshots, expected;
END
        for number in $order; do
            show "$number"
            sync ", \"as_of\": \"${instants[number]}\"" >/dev/null
        done
        assert_equal '' "$(differences)" "$1 $name: snapshots and as-of states that differ"
        for number in 0 $((count / 2)) $((count - 1)); do
            tapemill dimension list instrument --as-of "${instants[number]}" --limit 100000 --json >"$TEST_DIR/listed"
            assert_equal '' "$(python3 "$replay" listed "$states/$number.csv" <"$TEST_DIR/listed" | head -n 20)" \
                "$1 $name: dimension list --as-of ${instants[number]}"
        done
        assert_equal '' "$(stale)" "$1 $name: attributes that are not the newest"
        versions >"$states/$name"
        [ -n "$first" ] || first=$name
        cmp -s "$states/$first" "$states/$name" ||
            fail "$1 $name: other versions than $first: $(diff "$states/$first" "$states/$name" | head -n 20)"
    done < <(python3 "$replay" orders "$seed" "$count" | paste -d ' ' <(printf '%s\n' in_order late shuffled) -)
    # What is at the source now was said before.
    show "$((count - 1))"
    assert_contains "$(sync '')" 'inserted 0 updated 0 ' "$1: the newest snapshot, as the source is now"
    versions >"$states/now"
    cmp -s "$states/$first" "$states/now" || fail "$1: other versions: $(diff "$states/$first" "$states/now" | head -n 20)"
    tapemill dimension check instrument >"$TEST_DIR/check" 2>&1 || fail "$1: $(cat "$TEST_DIR/check")"
    echo "$1: $count snapshots of $members members, $(wc -l <"$states/now") versions"
}

orders='in_order late shuffled'
# shellcheck disable=SC2086 # words
if [ -n "${TAPEMILL_TEST_LONG:-}" ]; then
    replay_list sp500 sp500_constituents_2012_2023 1 1 $orders
    replay_list nasdaq nasdaq_listed_2015_2026 1 1 $orders
else
    replay_list sp500 sp500_constituents_2012_2023 1 3 in_order
    replay_list sp500 sp500_constituents_2012_2023 13 1 late shuffled
    replay_list nasdaq nasdaq_listed_2015_2026 8 4 late shuffled
fi
