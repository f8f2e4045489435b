#!/usr/bin/env bash
# Each lint catches what it is there for: a violation is planted in a copy of the project, and the lint must name it.
# A lint without a plant here fails this test.
source "$(dirname "${BASH_SOURCE[0]}")/../support/lint.sh"

copy=$(mktemp -d "${TMPDIR:-/tmp}/tapemill-lint.XXXXXX")
trap 'rm -rf "$copy"' EXIT

fresh_copy() {
    rm -rf "${copy:?}"/*
    project_files | tar -cf - --files-from=- | tar -xf - -C "$copy"
    mkdir -p "$copy/build/core" "$copy/build/jobs"
    cp "$TAPEMILL_BUILD/core/libtapemill_core.a" "$copy/build/core/"
    cp "$TAPEMILL_BUILD/jobs/libtapemill_jobs.a" "$copy/build/jobs/"
}

planted_lints=
# catches LINT NAMES COMMAND...: after COMMAND in the copy, LINT fails and its output contains NAMES.
catches() {
    local lint=$1 names=$2 output status=0
    shift 2
    planted_lints+=" $lint"
    fresh_copy
    (cd "$copy" && "$@")
    output=$(TAPEMILL_ROOT=$copy TAPEMILL_BUILD=$copy/build TAPEMILL_BIN=$TAPEMILL_BIN \
        bash "$copy/tests/lint/$lint.sh" 2>&1) || status=$?
    if [ "$status" -eq 0 ]; then
        violation "lint.$lint did not notice: $names"
    elif [[ $output != *"$names"* ]]; then
        violation "lint.$lint failed, but did not name \"$names\". It said:"$'\n'"$output"
    fi
}

append() {
    printf '%s\n' "$2" >>"$1"
}

plant_symbol() {
    echo 'int stray(void); int stray(void) { return 0; }' >build/planted_clock.c
    gcc -c -o build/planted_clock.c.o build/planted_clock.c
    ar r build/core/libtapemill_core.a build/planted_clock.c.o
}

catches layers 'core/clock.c' append core/clock.c '#include "jobs/job.h"'
catches layers 'scheduler/planted.c' append scheduler/planted.c '#include "worker/keeper.h"'
catches layers 'must be named with its folder' append core/clock.c '#include "error.h"'
catches third_party 'libpq-fe.h' append jobs/planted.c '#include <libpq-fe.h>'
catches third_party 'sys/prctl.h' append worker/planted.c '#include <sys/prctl.h>'
catches symbols 'exports stray' plant_symbol
catches leaks 'docs/planted.md' append docs/planted.md "See /ho""me/somebody/notes."
catches leaks 'core/clock.c' append core/clock.c "/* FIX""ME: unfinished */"
catches docs 'TAPEMILL_PLANTED' append core/config.def 'CONFIG(PLANTED, TEXT, NULL, 0, 0, "planted")'
catches docs 'no subcommand "tapemill frobnicate"' append README.md 'Run `tapemill frobnicate`.'
catches docs 'has no option --frobnicate' append README.md 'Run `tapemill migrate --frobnicate`.'
catches docs 'there is no core/planted.c' append docs/configuration.md 'See `core/planted.c`.'
catches ranges 'sql/report/planted.sql:2' append sql/report/planted.sql \
    $'select count(*) from fact_trades\nwhere date_key between $1::integer and $2::integer'
catches format 'core/clock.c' append core/clock.c 'int planted( void ) ;'

for script in tests/lint/*.sh; do
    lint=$(basename "$script" .sh)
    [ "$lint" = selftest ] || [[ "$planted_lints " == *" $lint "* ]] ||
        violation "lint.$lint has no planted violation here"
done
lint_end
