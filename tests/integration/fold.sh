#!/usr/bin/env bash
# The leaves of a closed month folded into one: nothing that anybody reads changes, no constraint is lost, the dimensions
# are not held while it is built, loads that race with it or come after it are right, and it happens by itself.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up TAPEMILL_LEASE_SECONDS=20 TAPEMILL_DATES_FROM=2023-01-01 TAPEMILL_TIMEZONE=UTC

sample=(--seed 11 --rows 60 --client-rows 20 --quotes 0 --dirty 0)
tapemill source generate "${sample[@]}" --from 2024-01-29 --days 5 >/dev/null 2>&1
for from in 2024-03-04 2024-04-01 2024-05-01 2024-06-03; do
    tapemill source generate "${sample[@]}" --from $from --days 2 --append >/dev/null 2>&1
done
warehouse_prepare 2024-01-29 5
warehouse_fresh folded

leaves_of() {
    sql warehouse "select string_agg(c.relname, ' ' order by c.relname) from pg_inherits i
                   join pg_class c on c.oid = i.inhrelid where i.inhparent = to_regclass('fact_trades_m$1')"
}

# Every column of a month's trades, as one hash.
rows_of() {
    sql warehouse "select count(*) || ' ' || md5(string_agg(f::text, ';' order by trade_key)) from fact_trades f
                   where date_key / 100 = $1"
}

reports() {
    local report
    for report in overview trades 'trades --by date' 'trades --by instrument' 'trades --by sector' 'trades --by strategy' pnl \
        'pnl --by date' 'pnl --by account'; do
        # shellcheck disable=SC2086
        tapemill report $report --from 2024-01-01 --to 2024-02-29 --json | sed '/^ "runs"/,$d'
    done
}

state_of() {
    sql warehouse "select state from etl_jobs where id = $1"
}

metadata_of() {
    sql warehouse "select metadata from etl_job_runs where job_id = $1 and status = 'COMPLETED'"
}

job_ends() { # at its first run
    wait_until_sql 60 "job $1 ends" warehouse "select state in ('done', 'dead') from etl_jobs where id = $1" t
    assert_equal done "$(state_of "$1")" "job $1: $(sql warehouse "select error_message from etl_jobs where id = $1")"
    assert_equal '' "$(sql warehouse "select error_message from etl_job_runs where job_id = $1 and status <> 'COMPLETED'")" \
        "runs of job $1 that failed"
}

job_waits_for_a_lock() {
    wait_until_sql 30 "job $1 waits for the day" warehouse "
        select count(*) from etl_jobs j join pg_stat_activity a on a.pid = j.backend_pid
        where j.id = $1 and a.wait_event_type = 'Lock' and a.wait_event = 'advisory'" 1
}

# The locks that job $1 holds on dimensions and that anybody who writes to them would wait for.
dimension_locks() {
    sql warehouse "
        select count(*) from etl_jobs j join pg_locks l on l.pid = j.backend_pid join pg_class c on c.oid = l.relation
        where j.id = $1 and c.relname like 'dim\_%' and l.granted
          and l.mode not in ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')"
}

# ---- a gate that refuses, and a month that is not over

start_scheduler
scheduler=$STARTED_PID
for _ in 1 2 3; do
    start_worker
done
for date in 2024-01-29 2024-01-30; do
    tapemill enqueue daily_load --date $date --wait >/dev/null 2>&1 || fail "$date was not loaded"
done
wait_until_quiet
assert_equal 'fact_trades_d20240129_client fact_trades_d20240129_desk fact_trades_d20240130_client fact_trades_d20240130_desk' \
    "$(leaves_of 202401)" "leaves of January"
rows=$(rows_of 202401) report=$(reports) print=$(print_of_all)
built_leaf=fact_trades_d20240129_desk

# Somebody takes a row out of every new leaf, behind our back.
gate_breaks() {
    sql warehouse <<END
create function lose_a_row() returns event_trigger language plpgsql as \$\$
begin
    if to_regclass('fact_trades_m$1_all') is not null then
        delete from fact_trades_m$1_all where trade_key = (select min(trade_key) from fact_trades_m$1_all);
    end if;
end \$\$;
create event trigger lose_a_row on ddl_command_end when tag in ('CREATE INDEX') execute function lose_a_row();
END
}
gate_holds_again() {
    sql warehouse 'drop event trigger lose_a_row; drop function lose_a_row()'
}

gate_breaks 202401
assert_fails 1 tapemill enqueue fold_month --date 2024-01-15 --wait
assert_contains "$OUTPUT" "the folded leaf of 2024-01 does not say what the leaves of its days say" "the gate"
assert_equal gate "$(sql warehouse "select distinct error_code from etl_job_runs where job_name = 'fold_month'")" "the error"
assert_equal 4 "$(leaves_of 202401 | wc -w)" "leaves after the gate refused"
assert_equal "$rows" "$(rows_of 202401)" "trades after the gate refused"
gate_holds_again
tapemill dead discard --all >/dev/null

this_month=$(date -u +%Y-%m)
assert_fails 1 tapemill enqueue fold_month --date "$this_month-01" --wait
assert_contains "$OUTPUT" "$this_month is not over: it can be folded from" "the month we are in"
tapemill dead discard --all >/dev/null

# A lock table with too little room for it.
for setting in 'max_locks_per_transaction = 10' 'max_connections = 25'; do
    sql warehouse "alter system set $setting"
done
postgres_stop fast
postgres_start
assert_contains "$("$TAPEMILL_TEST_BIN/run_job" fold_month 2024-01-15 || true)" \
    "and PostgreSQL has room for 250; set max_locks_per_transaction = 20 (it is 10), restart PostgreSQL" "a small lock table"
sql warehouse 'alter system reset all'
postgres_stop fast
postgres_start
tapemill dead discard --all >/dev/null
echo "refused"

# ---- nobody waits for the dimensions while the leaf is built; loads of the month wait

# What anybody who writes to a dimension does, if there is nothing to wait for.
dimensions_are_free() {
    sql warehouse "begin; set local lock_timeout = '1s'; update dim_instrument set version = version;
                   update dim_client set version = version; update dim_account set version = version; rollback" ||
        fail "the dimensions are locked at $1"
    assert_equal 0 "$(dimension_locks "$fold")" "locks on dimensions at $1"
}

for point in fold.filled fold.indexed fold.dropped; do
    arm $point stop
done
enqueue fold_month --date 2024-01-15
fold=$JOB
wait_until_hit fold.filled
dimensions_are_free fold.filled
assert_equal "$rows" "$(rows_of 202401)" "what others see while it is folded"
# One date that is there, with a row that changed; one that was never loaded, and whose load begins with no leaf.
sql source "update executions set price = price + 1, updated_at = updated_at + interval '10 days'
            where executed_at::date = '2024-01-30' and execution_id % 3 = 0"
enqueue load_executions --date 2024-01-30
reload=$JOB
enqueue load_executions --date 2024-01-31
fresh=$JOB
job_waits_for_a_lock "$reload"
job_waits_for_a_lock "$fresh"
kill -CONT "$HIT_PID"
wait_until_hit fold.indexed
dimensions_are_free fold.indexed
kill -CONT "$HIT_PID"
wait_until_hit fold.dropped
assert_equal 0 "$(dimension_locks "$fold")" "locks on dimensions at fold.dropped"
# What the run expected (it refuses to fill the lock table) is about what it holds.
held=$(sql warehouse "select count(distinct (locktype, relation, classid, objid, objsubid)) from pg_locks
                      where pid = (select backend_pid from etl_jobs where id = $fold)")
echo "locks to fold 4 leaves: $held"
[ "$held" -gt 150 ] && [ "$held" -lt 400 ] || fail "a fold of 4 leaves holds $held locks"
# A dimension is being written to: the attach is tried again, and does not keep the month meanwhile.
mkfifo "$TEST_DIR/session.pipe"
start_process session -- bash -c 'exec psql -XAtq -v ON_ERROR_STOP=1 "$TAPEMILL_WAREHOUSE_URL" <"$1"' - \
    "$TEST_DIR/session.pipe"
exec {session}>"$TEST_DIR/session.pipe"
echo "begin; lock table dim_client in row exclusive mode;" >&"$session"
wait_until_sql 20 "the session has the dimension" warehouse \
    "select count(*) from pg_locks where relation = 'dim_client'::regclass and mode = 'RowExclusiveLock' and granted" 1
kill -CONT "$HIT_PID"
assert_equal "$rows" "$(rows_of 202401)" "what others see while the attach is tried"
echo "commit;" >&"$session"
job_ends "$fold"
assert_equal '{"month": "2024-01", "folded": true, "leaves": 4}' "$(metadata_of "$fold")" "what the run says"
assert_equal "160|0|160|0" "$(sql warehouse "select records_processed, inserted, unchanged, updated from etl_job_runs
                                             where job_id = $fold and status = 'COMPLETED'")" "counts of the run"
job_ends "$reload"
job_ends "$fresh"
wait_until_quiet
assert_equal fact_trades_m202401_all "$(leaves_of 202401)" "leaves of January once it is folded"
assert_equal 'FOR VALUES FROM (20240101, MINVALUE) TO (20240201, MINVALUE)' "$(sql warehouse "
    select pg_get_expr(relpartbound, oid) from pg_class where relname = 'fact_trades_m202401_all'")" "its bounds"
assert_equal '60|20' "$(sql warehouse "select (select count(*) from fact_trades where date_key = 20240131),
    (select updated from etl_job_runs where job_id = $reload and status = 'COMPLETED')")" "the loads that raced"
echo "raced"

# ---- everything as it was

tapemill enqueue daily_load --date 2024-01-31 --wait >/dev/null 2>&1 || fail "2024-01-31 was not loaded"
sql source "update executions set price = price - 1, updated_at = updated_at + interval '1 day'
            where executed_at::date = '2024-01-30' and execution_id % 3 = 0"
tapemill enqueue daily_load --date 2024-01-30 --wait >/dev/null 2>&1 || fail "2024-01-30 was not loaded"
wait_until_quiet
enqueue fold_month --date 2024-01-31
job_ends "$JOB"
assert_equal '{"month": "2024-01", "folded": false, "leaves": 1}' "$(metadata_of "$JOB")" "a second fold"

# A month that nobody disturbs: every column, the reports and the fingerprint stay.
for date in 2024-02-01 2024-02-02; do
    tapemill enqueue daily_load --date $date --wait >/dev/null 2>&1 || fail "$date was not loaded"
done
wait_until_quiet
rows=$(rows_of 202402) report=$(reports) print=$(print_of_all)
"$TAPEMILL_TEST_BIN/dimension_run" ensure fact_trades 20240203
enqueue fold_month --date 2024-02-29
job_ends "$JOB"
assert_equal fact_trades_m202402_all "$(leaves_of 202402)" "leaves of February once it is folded"
assert_equal "$rows" "$(rows_of 202402)" "every column of every trade"
assert_equal "$report" "$(reports)" "the reports"
assert_equal "$print" "$(print_of_all)" "the fingerprint"
for job in realized_pnl daily_performance; do
    tapemill enqueue $job --date 2024-02-02 --wait >/dev/null 2>&1
    wait_until_quiet
    assert_equal '0|0' "$(sql warehouse "select inserted, updated from etl_job_runs where job_name = '$job'
                                         order by run_no desc limit 1")" "$job of a folded month"
done
assert_equal "$report" "$(reports)" "the reports, once its books were computed again"
echo "the same"

# ---- a folded month loses no constraint

# What the catalog says of leaf $1, names and bounds left out. $2: what is done to it first, and undone.
catalog_of() {
    sql warehouse <<END
begin;
set local allow_system_table_mods = on;
$2
select replace(line, e'\n', ' ') from (
    select format('constraint %s %s validated %s deferrable %s local %s inherited %s of a parent %s', contype,
                  pg_get_constraintdef(oid), convalidated, condeferrable, conislocal, coninhcount, conparentid <> 0)
    from pg_constraint where conrelid = '$1'::regclass
    union all
    select format('index %s unique %s primary %s valid %s of a parent %s', substring(pg_get_indexdef(indexrelid) from 'USING .*'),
                  indisunique, indisprimary, indisvalid and indisready,
                  exists (select from pg_inherits where inhrelid = indexrelid))
    from pg_index where indrelid = '$1'::regclass
    union all
    select format('column %s %s %s not null %s default %s collation %s storage %s%s local %s inherited %s', a.attnum, a.attname,
                  format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attcollation::regcollation,
                  a.attstorage, a.attcompression, a.attislocal, a.attinhcount)
    from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = '$1'::regclass and a.attnum > 0
    union all
    select format('trigger %s %s %s on %s', tgfoid::regproc, tgtype, tgenabled, tgconstrrelid::regclass)
    from pg_trigger where tgrelid = '$1'::regclass
    union all
    select format('table %s %s %s %s %s %s', relkind, relpersistence, relrowsecurity, relowner::regrole, reloptions, relacl)
    from pg_class where oid = '$1'::regclass) lines (line)
order by replace(line, e'\n', ' ') collate "C";
rollback;
END
}

# The lines that only one of two has.
difference() {
    LC_ALL=C comm -3 --output-delimiter='+ ' <(echo "$1") <(echo "$2") | LC_ALL=C sort
}

tapemill enqueue load_executions --date 2024-03-04 --wait >/dev/null || fail "2024-03-04 was not loaded"
"$TAPEMILL_TEST_BIN/dimension_run" ensure fact_trades 20240306
folded=$(catalog_of fact_trades_m202402_all '') built=$(catalog_of fact_trades_d20240304_desk '')
ordinary=$(catalog_of fact_trades_d20240306_desk '')
bounds='validated t deferrable f local t inherited 0 of a parent f'
assert_contains "$ordinary" 'constraint f FOREIGN KEY (instrument_key) REFERENCES dim_instrument(instrument_key) validated t' \
    "what the catalog says"
assert_equal "+ constraint c CHECK (((date_key >= 20240201) AND (date_key < 20240301))) $bounds" \
    "$(difference "$ordinary" "$folded")" "a folded leaf beside an ordinary one"
assert_equal "+ constraint c CHECK (((date_key = 20240304) AND (source = 'DESK'::text))) $bounds" \
    "$(difference "$ordinary" "$built")" "a leaf that was built beside an ordinary one"

# The comparison would notice.
# lost WHAT STATEMENT PART: after STATEMENT the folded leaf differs in a line with PART
lost() {
    local damaged
    damaged=$(catalog_of fact_trades_m202402_all "$2")
    assert_contains "$(difference "$folded" "$damaged")" "$3" "a leaf that lost $1"
}
leaf="'fact_trades_m202402_all'::regclass"
lost "a foreign key" "delete from pg_constraint where conrelid = $leaf and pg_get_constraintdef(oid) like '%dim_client%';" \
    'FOREIGN KEY (client_key)'
lost "a check" "delete from pg_constraint where conrelid = $leaf and pg_get_constraintdef(oid) like '%(price > %';" \
    'CHECK (((price >'
lost "a validation" "update pg_constraint set convalidated = false where conrelid = $leaf and contype = 'f';" 'validated f'
lost "a NOT NULL" "update pg_attribute set attnotnull = false where attrelid = $leaf and attname = 'etl_run_id';" 'etl_run_id'
lost "an index" "update pg_index set indisunique = false where indrelid = $leaf and not indisprimary and indisunique;" 'index '
echo "constraints"

# ---- changes to folded months, and a trade that moves into one and out of one

sql source "
update executions set price = price * 2, updated_at = updated_at + interval '20 days' where execution_id =
    (select min(execution_id) from executions where executed_at::date = '2024-01-29');
update executions set status = 'CANCELLED', updated_at = updated_at + interval '20 days' where execution_id =
    (select max(execution_id) from executions where executed_at::date = '2024-01-30');
update executions set executed_at = '2024-03-04 13:00Z', updated_at = updated_at + interval '20 days' where execution_id =
    (select max(execution_id) from executions where executed_at::date = '2024-01-29');
update executions set executed_at = '2024-02-01 13:00Z', updated_at = updated_at + interval '20 days' where execution_id =
    (select min(execution_id) from executions where executed_at::date = '2024-01-31')"
for date in 2024-01-29 2024-01-30 2024-02-01; do
    tapemill enqueue daily_load --date $date --wait >/dev/null 2>&1 || fail "$date was not loaded"
done
tapemill enqueue load_executions --date 2024-03-04 --wait >/dev/null 2>&1 || fail "2024-03-04 was not loaded"
wait_until_quiet
assert_equal '1|1' "$(sql warehouse "select count(*) filter (where date_key = 20240201), count(*) filter (where date_key = 20240304)
    from fact_trades where source = 'DESK' and execution_timestamp in ('2024-02-01 13:00Z', '2024-03-04 13:00Z')")" "trades that moved"
enqueue load_executions --date 2024-02-02
job_ends "$JOB"
assert_equal '60|60' "$(sql warehouse "select records_processed, unchanged from etl_job_runs where job_id = $JOB")" \
    "a date of a folded month again"
wait_until_quiet
echo "changed"

# ---- a fold waits for a load, also for one that needs another date that the fold has

enqueue load_executions --date 2024-03-05
job_ends "$JOB"
wait_until_quiet
sql source "update executions set price = price + 1, updated_at = updated_at + interval '10 days'
            where executed_at::date in ('2024-03-04', '2024-03-05') and execution_id % 3 = 0"
arm load.merged stop
enqueue load_executions --date 2024-03-04
load=$JOB
wait_until_hit load.merged
enqueue fold_month --date 2024-03-15
fold=$JOB
job_waits_for_a_lock "$fold"
assert_equal 3 "$(leaves_of 202403 | wc -w)" "leaves while a load is writing"
kill -CONT "$HIT_PID"
job_ends "$load"
job_ends "$fold"
wait_until_quiet
assert_equal fact_trades_m202403_all "$(leaves_of 202403)" "leaves of March once it is folded"
enqueue load_executions --date 2024-03-05
job_ends "$JOB"
wait_until_quiet

for date in 2024-04-01 2024-04-02; do
    enqueue load_executions --date $date
    job_ends "$JOB"
done
wait_until_quiet
sql source "update executions set executed_at = '2024-04-02 13:00Z', updated_at = updated_at + interval '20 days'
            where execution_id = (select max(execution_id) from executions where executed_at::date = '2024-04-01')"
arm load.staged stop
enqueue load_executions --date 2024-04-02
load=$JOB
wait_until_hit load.staged
enqueue fold_month --date 2024-04-01
fold=$JOB
job_waits_for_a_lock "$fold"
kill -CONT "$HIT_PID"
job_ends "$load"
job_ends "$fold"
wait_until_quiet
assert_equal "20240402" "$(sql warehouse "select date_key from fact_trades where execution_timestamp = '2024-04-02 13:00Z'")" \
    "a trade that moved within a month while that was to be folded"
assert_equal fact_trades_m202404_all "$(leaves_of 202404)" "leaves of April"
enqueue load_executions --date 2024-04-01
job_ends "$JOB"
wait_until_quiet
echo "merged"

# ---- by itself: the oldest closed month first; one that failed waits for a person

folds_of() {
    sql warehouse "select count(*) from etl_jobs where job_name = 'fold_month' and business_date >= '$1-01'
                   and business_date < date '$1-01' + interval '1 month'"
}
stop_process "$scheduler"
for date in 2024-05-01 2024-05-02 2024-06-03 2024-06-04; do
    enqueue load_executions --date $date
    job_ends "$JOB"
done
# Their books wait for a day that never comes: as long as they do, the month is not taken for finished.
assert_equal 1 "$(sql warehouse "select count(distinct business_date) from etl_jobs where state = 'waiting'
                                 and business_date = '2024-06-04'")" "jobs of June that wait"
sql warehouse "update etl_jobs set state = 'cancelled' where state = 'waiting'"
gate_breaks 202405
start_scheduler TAPEMILL_FOLD_AFTER_DAYS=7
wait_until_sql 60 "June is folded by itself" warehouse \
    "select count(*) from pg_inherits where inhrelid = to_regclass('fact_trades_m202406_all')" 1
wait_until_quiet
assert_equal '1|dead' "$(folds_of 2024-05)|$(sql warehouse "select state from etl_jobs where job_name = 'fold_month'
                                                            and business_date = '2024-05-01'")" "the older month"
assert_equal 1 "$(folds_of 2024-06)" "folds of June"
gate_holds_again
doctor=$(TAPEMILL_FOLD_AFTER_DAYS=7 tapemill doctor || true)
assert_contains "$doctor" 'closed months that are not folded: 1 (from 2024-05 on), of them waiting for a person: 1' "doctor"
tapemill dead retry --all >/dev/null
wait_until_sql 60 "the older month is folded" warehouse \
    "select count(*) from pg_inherits where inhrelid = to_regclass('fact_trades_m202405_all')" 1
wait_until_quiet
doctor=$(TAPEMILL_FOLD_AFTER_DAYS=7 tapemill doctor || true)
assert_contains "$doctor" 'closed months that are not folded: 0, of them waiting for a person: 0' "doctor, later"
echo "by itself"

# ---- the same as a warehouse that never folded

tapemill enqueue refresh_aggregates >/dev/null
wait_until_quiet
folded_print=$(print_of_all)
warehouse_fresh unfolded
for date in 2024-01-29 2024-01-30 2024-01-31 2024-02-01 2024-02-02; do
    tapemill enqueue daily_load --date $date >/dev/null
done
for date in 2024-03-04 2024-03-05 2024-04-01 2024-04-02 2024-05-01 2024-05-02 2024-06-03 2024-06-04; do
    enqueue load_executions --date $date
done
run_queued_undisturbed
tapemill enqueue refresh_aggregates >/dev/null
run_queued_undisturbed
assert_equal "$(print_of_all)" "$folded_print" "the fingerprint of a warehouse that was folded"
