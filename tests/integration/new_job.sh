#!/usr/bin/env bash
# A newcomer adds a job by the README's recipe, word for word, on a copy: one .c, one .sql, one line. It builds and runs.
. "$(dirname "$0")/../support/servers.sh"
servers_up

# The fenced block that follows a line with this text in the README, without its indentation.
block() {
    awk -v after="$1" '
        index($0, after) && !found { found = 1; next }
        found == 1 && /^ *```/ { found = 2; match($0, /^ */); indent = RLENGTH; next }
        found == 2 && /^ *```/ { exit }
        found == 2 { print substr($0, indent + 1) }' "$TAPEMILL_ROOT/README.md"
}

copy=$TEST_DIR/copy
mkdir "$copy"
for part in CMakeLists.txt CMakePresets.json cmake core jobs ops scheduler sql worker tests; do
    cp -r "$TAPEMILL_ROOT/$part" "$copy/"
done
block '`jobs/count_trades.c`' >"$copy/jobs/count_trades.c"
block '`sql/jobs/count_trades.sql`' >"$copy/sql/jobs/count_trades.sql"
line=$(sed -n 's/^3\. one line in `jobs\/jobs.def`: `\(.*\)`$/\1/p' "$TAPEMILL_ROOT/README.md")
assert_equal 'JOB(count_trades)' "$line" "the README's line"
echo "$line" >>"$copy/jobs/jobs.def"
[ -s "$copy/jobs/count_trades.c" ] || fail "the README has no C block for the job"
[ -s "$copy/sql/jobs/count_trades.sql" ] || fail "the README has no SQL block for the job"

cmake -S "$copy" -B "$copy/build" -G Ninja -DTAPEMILL_WERROR=ON -DCMAKE_BUILD_TYPE=Debug >"$TEST_DIR/cmake.log" 2>&1 ||
    fail "the copy does not configure: $(tail -5 "$TEST_DIR/cmake.log")"
cmake --build "$copy/build" --target tapemill tapemill-worker >"$TEST_DIR/build.log" 2>&1 ||
    fail "the copy does not build: $(grep -m5 -A3 error "$TEST_DIR/build.log")"

TAPEMILL_BIN=$copy/build/bin
tapemill migrate >/dev/null
start_worker
tapemill enqueue --help | grep -q 'count_trades .*count the trades of one business date' ||
    fail "enqueue --help does not list the new job"
tapemill enqueue count_trades --date 2024-01-02 --wait >"$TEST_DIR/enqueue.log" 2>&1 ||
    fail "the new job failed: $(cat "$TEST_DIR/enqueue.log")"
assert_equal 'trades of 2024-01-02: 0' "$(sql warehouse 'select key from etl_conditions')" "what the new job wrote"
assert_equal 'COMPLETED' "$(sql warehouse "select status from etl_job_runs where job_name = 'count_trades'")" "its run"
