#!/usr/bin/env bash
# Bad input of every kind gets a sentence that names the thing and the remedy, the right exit code, a FAILED run where a
# run exists, and leaves nothing half-written. Passwords stay out of all of it.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up
export TAPEMILL_HISTORY_START=2024-01-02 TAPEMILL_RETRY_BASE_SECONDS=0

# refused STATUS PART COMMAND...: the command ends with STATUS, and what it says contains PART.
refused() {
    local status=$1 part=$2
    shift 2
    assert_fails "$status" "$@"
    assert_contains "$OUTPUT" "$part" "$*"
}

with() {
    env "$1" "$TAPEMILL_BIN/${2}" "${@:3}"
}

# ---- a warehouse that is not what the binary knows ---------------------------------------------------------------

refused 1 'is at version 0, this binary knows' tapemill runs
assert_contains "$OUTPUT" 'run `tapemill migrate`' "an empty warehouse"
tapemill migrate >/dev/null
newest=$(sql warehouse 'select max(version) from etl_migrations')
sql warehouse "insert into etl_migrations (version, name, checksum) values (9999, '9999_future', 'x')"
refused 1 'is at version 9999, this binary knows' tapemill runs
assert_contains "$OUTPUT" 'install the newer Tapemill' "a newer warehouse"
start_worker
start_scheduler
for log in "$TEST_DIR"/worker-*.log "$TEST_DIR"/scheduler-*.log; do
    wait_until 20 "$log says that the schema is newer" grep -q 'is at version 9999' "$log" || fail "it does not say so"
done
sql warehouse "delete from etl_migrations where version in (9999, $newest)"
refused 1 "is at version $((newest - 1)), this binary knows $newest" tapemill runs
psql -XAtq "$(servers_url postgres)" -c "drop database $WAREHOUSE_DATABASE with (force)" \
    -c "create database $WAREHOUSE_DATABASE"
tapemill migrate >/dev/null
while read -r pid _; do
    stop_process "$pid"
done <"$TEST_DIR/processes"

# ---- the command line and the settings ---------------------------------------------------------------------------

refused 2 'did you mean load_executions?' tapemill enqueue lod_executions --date 2024-01-02
refused 2 'there is no job or pipeline "nonsense"; there are daily_load,' tapemill enqueue nonsense
refused 2 'add --date YYYY-MM-DD' tapemill enqueue load_executions
refused 2 '"2024-02-30" is not a date: day 30 does not exist' tapemill enqueue load_executions --date 2024-02-30
refused 2 '"tomorrow" is not a date; write YYYY-MM-DD' tapemill enqueue load_executions --date tomorrow
refused 2 '--priority is "urgent"; write a whole number from 0 to 9' \
    tapemill enqueue load_executions --date 2024-01-02 --priority urgent
refused 2 '--priority is "12"; write a whole number from 0 to 9' \
    tapemill enqueue load_executions --date 2024-01-02 --priority 12
refused 2 'takes no argument "colour"' tapemill enqueue load_executions --date 2024-01-02 --arg colour=red
refused 2 'has no option --colour' tapemill enqueue load_executions --date 2024-01-02 --colour red
refused 2 'is after --to 2024-01-02; swap them' tapemill backfill daily_load --from 2024-01-05 --to 2024-01-02
refused 2 'there is no command "frobnicate"' tapemill frobnicate
refused 2 'unknown or incomplete argument "--colour"' "$TAPEMILL_BIN/tapemill-worker" --colour
refused 2 'unknown argument "--colour"' "$TAPEMILL_BIN/tapemill-scheduler" --colour
refused 1 'there is no job 99; `tapemill jobs` lists them' tapemill dead show 99
for program in tapemill tapemill-worker tapemill-scheduler; do
    arguments=()
    [ $program != tapemill ] || arguments=(runs)
    refused 2 'there is no time zone "Mars/Base"' with TAPEMILL_TIMEZONE=Mars/Base $program "${arguments[@]}"
    refused 2 'TAPEMILL_LEASE_SECONDS is "soon", but must be a whole number from 1 to 3600' \
        with TAPEMILL_LEASE_SECONDS=soon $program "${arguments[@]}"
done
refused 2 'TAPEMILL_WAREHOUSE_URL is not set' with TAPEMILL_WAREHOUSE_URL= tapemill runs
refused 2 '(http://here) is not a Redis URL; write redis://' with TAPEMILL_REDIS_URL=http://here tapemill-worker
assert_equal 0 "$(sql warehouse 'select count(*) from etl_jobs')" "jobs that refused commands left"

# ---- servers that are not there ----------------------------------------------------------------------------------

refused 1 'warehouse (TAPEMILL_WAREHOUSE_URL): PostgreSQL at postgresql://127.0.0.1:1/w cannot be reached' \
    with TAPEMILL_WAREHOUSE_URL=postgresql://127.0.0.1:1/w tapemill runs
refused 1 'source (TAPEMILL_SOURCE_URL): PostgreSQL at postgresql://127.0.0.1:1/s cannot be reached' \
    with TAPEMILL_SOURCE_URL=postgresql://127.0.0.1:1/s tapemill source summary
tapemill source generate --seed 6 --from 2024-01-02 --days 3 --rows 20 --client-rows 10 --quotes 0 >/dev/null 2>&1
OUTPUT=$(with TAPEMILL_REDIS_URL=redis://127.0.0.1:1/0 tapemill enqueue sync_dimensions 2>&1)
assert_contains "$OUTPUT" 'Redis at redis://127.0.0.1:1/0 cannot be reached' "enqueueing without Redis"
assert_contains "$OUTPUT" 'the scheduler will push them to Redis' "what becomes of the job then"

# ---- files -------------------------------------------------------------------------------------------------------

# What a refused file leaves: nothing.
import_refused() {
    local before
    before=$(sql source 'select count(*), max(execution_id), (select count(*) from instruments) from executions')
    refused 1 "$1" tapemill source import --format taq "$2"
    assert_equal "$before" "$(sql source 'select count(*), max(execution_id), (select count(*) from instruments)
                                          from executions')" "what $2 leaves"
}

{
    echo epoch_s,ex,symbol,cond,size,price,corr
    for ((i = 0; i < 20000; i++)); do
        echo "1514887$((281 + i / 1000)).$((100 + i % 900)),P,X,,$((1 + i * 7919 % 97)),157.$((10 + i * 104729 % 89)),0"
    done
} >"$TEST_DIR/good.csv"
zstd -q "$TEST_DIR/good.csv" -o "$TEST_DIR/good.csv.zst"
head -c $(($(stat -c %s "$TEST_DIR/good.csv.zst") * 2 / 3)) "$TEST_DIR/good.csv.zst" >"$TEST_DIR/cut.csv.zst"
import_refused 'cut.csv.zst is truncated: its zstd frame does not end, after line' "$TEST_DIR/cut.csv.zst"
sed '12345s/,157/,15x7/' "$TEST_DIR/good.csv" >"$TEST_DIR/malformed.csv"
import_refused 'malformed.csv line 12345' "$TEST_DIR/malformed.csv"
sed '777s/,P,X.*//' "$TEST_DIR/good.csv" >"$TEST_DIR/short.csv"
import_refused 'short.csv line 777 ends before column "ex"' "$TEST_DIR/short.csv"
import_refused 'none.csv cannot be opened: No such file' "$TEST_DIR/none.csv"

# ---- jobs --------------------------------------------------------------------------------------------------------

mkdir "$TEST_DIR/extract"
query=$TEST_DIR/extract/executions.sql
start_scheduler TAPEMILL_SCHEDULER_TICK_MS=50 TAPEMILL_RECONCILE_SECONDS=1
scheduler=$STARTED_PID
start_worker TAPEMILL_EXTRACT_DIR="$TEST_DIR/extract"
worker=$STARTED_PID
tapemill enqueue dates --wait >"$TEST_DIR/dates.log" 2>&1 || fail "$(cat "$TEST_DIR/dates.log")"
wait_until_sql 30 "the scheduler pushes what was enqueued without Redis" warehouse \
    "select state from etl_jobs where job_name = 'sync_dimensions'" done

rewrite_query() {
    sed "$@" "$TAPEMILL_ROOT/sql/extract/executions.sql" >"$query.new"
    mv "$query.new" "$query"
}

# doctor looks at the queries before a load trips over one.
rewrite_query '/ as price,$/d'
refused 1 'lacks the column "price" (numeric)' with TAPEMILL_EXTRACT_DIR="$TEST_DIR/extract" tapemill doctor
: >"$query"
refused 1 'executions.sql is empty; write the query, or remove the file' \
    with TAPEMILL_EXTRACT_DIR="$TEST_DIR/extract" tapemill doctor
refused 1 'TAPEMILL_EXTRACT_DIR names /nonexistent' with TAPEMILL_EXTRACT_DIR=/nonexistent tapemill doctor
rm "$query"

# The load of date $3 fails: error code $1, $2 in its sentence, which --wait, the run and the job tell alike.
load_fails() {
    local code=$1 part=$2 date=$3 job run
    refused 1 "$part" tapemill enqueue load_executions --date "$date" --wait
    job=$(sql warehouse 'select max(id) from etl_jobs')
    assert_equal "dead|$code|FAILED|$code" "$(sql warehouse "
        select distinct j.state, j.error_code, r.status, r.error_code
        from etl_jobs j join etl_job_runs r on r.job_id = j.id where j.id = $job")" "the ledger ($part)"
    run=$(sql warehouse "select error_message from etl_job_runs where job_id = $job limit 1")
    assert_contains "$run" "$part" "the run"
    assert_contains "$(tapemill dead show "$job")" "$part" "tapemill dead show"
    assert_equal '0|0|0|0' "$(sql warehouse "select (select count(*) from fact_trades),
        (select count(*) from etl_fact_days), (select count(*) from etl_quarantine),
        (select count(*) from etl_pipeline_runs)")" "what a failed load leaves ($part)"
}

load_fails date_key 'dim_date has no row for 1989-01-02; run `tapemill enqueue dates`' 1989-01-02
rewrite_query '/e.price::numeric/d'
load_fails contract 'extract/executions.sql lacks the column "price" (numeric); add it to the SELECT list' 2024-01-03
rewrite_query 's/e.price::numeric/e.price::float8/'
load_fails contract 'gives the column "price" another type than numeric; cast it: price::numeric' 2024-01-03
rewrite_query 's/^from executions e/from executionz e/'
load_fails contract 'does not run on the source: relation "executionz" does not exist' 2024-01-03
rewrite_query 's/^  and e.executed_at < .*//'
load_fails contract 'of another business date (20240104) than asked for (20240103)' 2024-01-03
# This one fails when 100 rows are staged already.
rewrite_query 's/e.price::numeric/(1 \/ (877000000000 - e.execution_id + 100))::numeric * e.price/'
sql source "
    insert into executions (execution_id, account_id, instrument_id, executed_at, side, quantity, price, status,
                            updated_at)
    select 877000000000 + i, (select min(account_id) from accounts), (select min(instrument_id) from instruments),
           timestamptz '2024-01-03 15:00Z' + i * interval '1 s', 'BUY', 1, 1, 'NEW', '2024-01-03 18:00Z'
    from generate_series(1, 150) i"
load_fails pg_data 'reading executions: division by zero' 2024-01-03

# A number that does not fit: its row is quarantined, the others load.
rewrite_query 's/e.price::numeric/e.price::numeric * case when e.execution_id = 877000000007 then 1e30 else 1 end/'
tapemill enqueue load_executions --date 2024-01-03 --wait >"$TEST_DIR/load.log" 2>&1 ||
    fail "$(cat "$TEST_DIR/load.log")"
assert_contains "$(sql warehouse "select rules from etl_quarantine where record_id = '877000000007'")" \
    '[numbers_in_range] ' "the row with a number out of range"
assert_equal 149 "$(sql warehouse "select count(*) from fact_trades where execution_id > 877000000000")" "the others"
stop_process "$worker"

# A source that is away is not the job's fault: nothing is charged, and when it is there the job is done.
start_worker TAPEMILL_SOURCE_URL=postgresql://127.0.0.1:1/s
worker=$STARTED_PID
tapemill enqueue load_executions --date 2024-01-04 >/dev/null
job=$(sql warehouse 'select max(id) from etl_jobs')
wait_until_sql 30 "the run tells that the source is away" warehouse \
    "select status, error_code from etl_job_runs where job_id = $job order by run_no limit 1" 'FAILED|pg_connection'
assert_contains "$(sql warehouse "select error_message from etl_job_runs where job_id = $job limit 1")" \
    'source (TAPEMILL_SOURCE_URL): PostgreSQL at postgresql://127.0.0.1:1/s cannot be reached' "the run"
stop_process "$worker"
start_worker
wait_until_sql 60 "the job is done when the source is there" warehouse \
    "select state, attempts from etl_jobs where id = $job" 'done|0'
stop_process "$STARTED_PID"
stop_process "$scheduler"

# ---- secrets -----------------------------------------------------------------------------------------------------

secret=op3n-sesame
printf '%s\n' "$secret" >"$TEST_DIR/secret"
keeps_secret() {
    OUTPUT=$("$@" 2>&1) || true
    [[ $OUTPUT != *sesame* ]] || fail "$1 $3 tells the password: $OUTPUT"
}
for url in postgresql://u:$secret@127.0.0.1:1/w "host=127.0.0.1 port=1 user=u password='$secret'" \
    postgresql://127.0.0.1:1/w?password=$secret postgresql://u:op/$secret@127.0.0.1:1/w \
    postgresql://u:op@$secret@127.0.0.1:1/w postgresql://u:op?$secret@127.0.0.1:1/w \
    postgresql://u:op%zz$secret@127.0.0.1:1/w "postgresql://u:$secret@[::1/w"; do
    keeps_secret with TAPEMILL_WAREHOUSE_URL="$url" tapemill runs
    keeps_secret with TAPEMILL_WAREHOUSE_URL="$url" tapemill config
    keeps_secret with TAPEMILL_SOURCE_URL="$url" tapemill doctor
done
for url in redis://:$secret@127.0.0.1:1/0 redis://:op/$secret@127.0.0.1:1/0 redis://:$secret@127.0.0.1:port/0; do
    keeps_secret with TAPEMILL_REDIS_URL="$url" tapemill doctor
    keeps_secret with TAPEMILL_REDIS_URL="$url" tapemill config
done

# With working URLs that hold it, at the loudest log level, through a job that is done and one that fails.
redis_command config set requirepass "$secret" >/dev/null
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
REDISCLI_AUTH=$secret redis_command config set bind 127.0.0.1 >/dev/null
REDISCLI_AUTH=$secret redis_command config set port "$port" >/dev/null
with_secret() {
    sed "s#://tapemill@#://tapemill:$secret@#" <<<"$1"
}
secrets=(TAPEMILL_WAREHOUSE_URL="$(with_secret "$TAPEMILL_WAREHOUSE_URL")"
    TAPEMILL_SOURCE_URL="$(with_secret "$TAPEMILL_SOURCE_URL")" TAPEMILL_REDIS_URL="redis://:$secret@127.0.0.1:$port/0"
    TAPEMILL_SLACK_WEBHOOK_URL="http://127.0.0.1:1/services/$secret" TAPEMILL_LOG_LEVEL=debug
    TAPEMILL_SCHEDULER_TICK_MS=50)
[[ ${secrets[0]} == *"$secret"* && ${secrets[1]} == *"$secret"* ]] || fail "the URLs hold no password"
start_scheduler "${secrets[@]}"
scheduler_log=$STARTED_LOG
start_worker "${secrets[@]}" TAPEMILL_EXTRACT_DIR="$TEST_DIR/extract"
rewrite_query 's/^from executions e/from executionz e/'
keeps_secret env "${secrets[@]}" "$TAPEMILL_BIN/tapemill" enqueue load_executions --date 2024-01-04 --wait
assert_contains "$OUTPUT" 'relation "executionz" does not exist' "a job that fails behind passwords"
rm "$query"
keeps_secret env "${secrets[@]}" "$TAPEMILL_BIN/tapemill" enqueue load_trades --date 2024-01-04 --wait
assert_contains "$OUTPUT" 'load_trades 2024-01-04: done' "a job that is done behind passwords"
wait_until_sql 30 "the webhook fails" warehouse "select count(*) > 0 from etl_alerts where last_error is not null" t
! grep -lF -f "$TEST_DIR/secret" /proc/[0-9]*/cmdline 2>/dev/null || fail "a process listing shows the password"
! grep -F -f "$TEST_DIR/secret" "$TEST_DIR"/*.log || fail "a log tells the password"
postgres_stop immediate
wait_until 30 "the scheduler says that PostgreSQL is away" grep -qE 'went away|cannot be reached' "$scheduler_log" ||
    fail "it does not say so"
! grep -F -f "$TEST_DIR/secret" "$TEST_DIR"/*.log || fail "a log tells the password"
postgres_start
assert_equal 0 "$(sql warehouse "select (select count(*) from etl_job_runs where error_message like '%sesame%')
    + (select count(*) from etl_alerts where concat(title, body, last_error) like '%sesame%')")" \
    "rows with the password"
