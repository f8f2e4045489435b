#!/usr/bin/env bash
# Random changes at the source - late, repeated, back-dated, two in one instant, deleted and come back, stamps of the future,
# the source's clock set back, dumps of old days in any order, members that facts named before - synchronised by the real
# job and compared after each run with a model that derives all versions anew (dimension_model.py).
#
# A few seeds, or many with TAPEMILL_TEST_LONG; DIMENSION_SEED runs that one alone.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
command -v python3 >/dev/null || fail "python3 is not installed. Run ops/setup."
servers_up
seeds=3 steps=40
[ -z "${TAPEMILL_TEST_LONG:-}" ] || seeds=100 steps=100
first=${DIMENSION_SEED:-$((EPOCHSECONDS % 32768))}
[ -z "${DIMENSION_SEED:-}" ] || seeds=1
export TAPEMILL_CHANGES_LAG_SECONDS=0 TAPEMILL_CHANGES_OVERLAP_SECONDS=0 TAPEMILL_TIMEZONE=America/New_York

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
done
