#!/usr/bin/env bash
# `tapemill enqueue JOB --each FILE`: every line is one job, in its order, in batches of one transaction; a line that is
# refused is named, and the message says how many jobs were enqueued before it.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up
tapemill migrate >/dev/null

count() {
    sql warehouse "select count(*) from etl_jobs where job_name = 'probe' $1"
}

lines=$TEST_DIR/lines
for i in 1 2 3 4 5 6 7; do
    echo "{\"seconds\": \"0.00$i\"}"
done >"$lines"
assert_equal "enqueued probe: 7 jobs" "$(tapemill enqueue probe --each "$lines" --batch 3 --queue batch --priority 8)" "what is said"
assert_equal "0.001 0.002 0.003 0.004 0.005 0.006 0.007" \
    "$(sql warehouse "select string_agg(arguments ->> 'seconds', ' ' order by id) from etl_jobs
                      where queue = 'batch' and priority = 8 and state = 'queued'")" "the jobs, in the order of the lines"
assert_equal 7 "$(redis_command zcard "{$TAPEMILL_NAMESPACE}:ready:batch")" "jobs that Redis has"

# Standard input; empty lines are none; line ends of both kinds.
assert_equal '{"target": "probe", "jobs": 2}' "$(printf '{}\r\n\n{"mark": "true"}' | tapemill enqueue probe --each - --json)" "as JSON"
assert_equal 9 "$(count '')" "jobs by now"

# What is refused is named, and the batches before it stand.
printf '{}\n{}\n{"secnds": "1"}\n{}\n' >"$lines"
assert_fails 2 tapemill enqueue probe --each "$lines" --batch 2
assert_contains "$OUTPUT" '2 jobs were enqueued before this' "how many are there"
assert_contains "$OUTPUT" 'line 3' "the line"
assert_contains "$OUTPUT" 'takes no argument "secnds"' "what is wrong with it"
assert_equal 11 "$(count '')" "jobs after a refused line"
assert_fails 2 tapemill enqueue probe --each "$lines" --batch 1000
assert_equal 11 "$(count '')" "jobs of a batch that was refused"

printf '{"seconds": 1}\n' >"$lines"
assert_fails 2 tapemill enqueue probe --each "$lines"
assert_contains "$OUTPUT" 'write it in quotes' "a number"
printf 'seconds=1\n' >"$lines"
assert_fails 1 tapemill enqueue probe --each "$lines"
assert_contains "$OUTPUT" 'line 1' "no JSON"
assert_fails 2 tapemill enqueue probe --each "$TEST_DIR/absent"
assert_contains "$OUTPUT" 'cannot be opened' "no file"
assert_fails 2 tapemill enqueue daily_load --date 2024-01-02 --each "$lines"
assert_contains "$OUTPUT" 'tapemill backfill' "a pipeline"
assert_fails 2 tapemill enqueue probe --batch 5
assert_fails 2 tapemill enqueue probe --each "$lines" --unique x
assert_equal 11 "$(count '')" "jobs in the end"
