#!/usr/bin/env bash
# Random changes at the source - late, repeated, back-dated, two in one instant, deleted and come back, stamps of the future,
# the source's clock set back, dumps of old days in any order, members that facts named before - synchronised by the real
# job and compared after each run with a model that derives all versions anew (dimension_model.py).
#
# Afterwards the index behind each exclusion constraint must find every version that is there: one that loses some lets
# overlaps in, and nothing else tells.
#
# Two seeds, or many with TAPEMILL_TEST_LONG; DIMENSION_SEED runs that one alone.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
command -v python3 >/dev/null || fail "python3 is not installed. Run ops/setup."
servers_up
seeds=2 steps=30
[ -z "${TAPEMILL_TEST_LONG:-}" ] || seeds=100 steps=100
first=${DIMENSION_SEED:-$((EPOCHSECONDS % 32768))}
[ -z "${DIMENSION_SEED:-}" ] || seeds=1
export TAPEMILL_CHANGES_LAG_SECONDS=0 TAPEMILL_CHANGES_OVERLAP_SECONDS=0 TAPEMILL_TIMEZONE=America/New_York

# found_by_index PREFIX: PREFIX and then, of each dimension, versions with an id and an instant of theirs, and those that
# find themselves through the index of the exclusion constraint
found_by_index() {
    sql warehouse <<END
set enable_seqscan = off;
set enable_hashjoin = off;
set enable_mergejoin = off;
with indexes as (
    select conrelid::regclass as dimension,
           format('(select %s as hash, %s as id, %s as validity from %s)', pg_get_indexdef(conindid, 1, false),
                  pg_get_indexdef(conindid, 2, false), pg_get_indexdef(conindid, 3, false), conrelid::regclass) as versions
    from pg_constraint where contype = 'x'
)
select format('$1 select %L, (select count(*) filter (where id is not null and not isempty(validity)) from %s v), (select '
              'count(*) from %s v join %s i on i.hash = v.hash and i.id = v.id and i.validity && v.validity)',
              dimension, versions, versions, versions)
from indexes order by dimension::text \\gexec
END
}

# find_all SEED
find_all() {
    local plans counts
    plans=$(found_by_index 'explain (costs off)')
    assert_equal '5 5' "$(grep -c '_no_overlap' <<<"$plans") $(grep -c 'Index Cond: .* && ' <<<"$plans")" \
        "seed $1: dimensions whose index is read, for one of the two counts, in $plans"
    counts=$(found_by_index '')
    assert_equal 5 "$(grep -cE '^dim_[a-z_]+\|[1-9]' <<<"$counts")" "seed $1: dimensions with versions in $counts"
    assert_equal '' "$(awk -F '|' '$2 != $3' <<<"$counts")" "seed $1: dimension, its versions, and those that its index finds"
}

for ((seed = first; seed < first + seeds; seed++)); do
    databases_create "model$seed"
    tapemill migrate >/dev/null
    sql source <"$TAPEMILL_ROOT/sql/source/schema.sql"
    # The source's clock, which the test sets.
    sql source "
        create schema clock;
        create table clock.instant (at timestamptz);
        insert into clock.instant values (now());
        create function clock.now() returns timestamptz language sql stable as 'select at from clock.instant';
        create function clock.clock_timestamp() returns timestamptz language sql volatile as 'select at from clock.instant';
        create function clock.statement_timestamp() returns timestamptz language sql stable as 'select at from clock.instant';
        create function clock.transaction_timestamp() returns timestamptz language sql stable as 'select at from clock.instant';
        alter database model${seed}_source set search_path = clock, pg_catalog, public"
    python3 "$TAPEMILL_ROOT/tests/integration/dimension_model.py" "$seed" "${DIMENSION_STEPS:-$steps}" ||
        fail "the dimensions and the model differ; again: DIMENSION_SEED=$seed tests/integration/dimension_model.sh"
    tapemill dimension check >"$TEST_DIR/check" 2>&1 || fail "seed $seed: $(cat "$TEST_DIR/check")"
    find_all "$seed"
done

# A version that the index has not got is missed.
before=$(found_by_index '' | grep '^dim_strategy')
sql warehouse "update pg_index set indisready = false where indexrelid = 'dim_strategy_no_overlap'::regclass"
sql warehouse "insert into dim_strategy (strategy_id, strategy_name) values (1000000, 'x')"
sql warehouse "update pg_index set indisready = true where indexrelid = 'dim_strategy_no_overlap'::regclass"
IFS='|' read -r _ versions found <<<"$before"
assert_equal "dim_strategy|$((versions + 1))|$found" "$(found_by_index '' | grep '^dim_strategy')" "a version that is in no index"
