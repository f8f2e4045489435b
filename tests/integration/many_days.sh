#!/usr/bin/env bash
# A history of many small days, folded behind itself as it is loaded: leaves stay few, and every statement about a day or
# a month, of a report or of a job that runs for each date, touches that month's partitions alone, so that the locks it
# takes do not grow with the history. --long: 2,500 dates instead of 62.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up TAPEMILL_LEASE_SECONDS=20 TAPEMILL_TIMEZONE=UTC TAPEMILL_FOLD_AFTER_DAYS=7 TAPEMILL_DATES_FROM=2018-01-01 \
    TAPEMILL_DATES_YEARS_AHEAD=1 TAPEMILL_HISTORY_START=2018-01-01

first=2018-01-01 count=62
[ -z "${TAPEMILL_TEST_LONG:-}" ] || count=2500
last=$(date -u -d "$first + $((count - 1)) days" +%F)
months=$(sql warehouse "select count(*) from generate_series(date '$first', date_trunc('month', date '$last'), interval '1 month')")
LOCKS_MAX=100 # relations (tables and indexes) that a statement about one day or month may lock

tapemill migrate >/dev/null
tapemill source generate --seed 5 --rows 4 --client-rows 2 --quotes 0 --instruments 5 --accounts 3 --clients 3 --strategies 2 \
    --weekends few --from $first --days "$count" >/dev/null 2>&1
start_scheduler
start_worker
start_worker
tapemill backfill daily_load --from $first --to "$last" --parallel 16 --wait >"$TEST_DIR/backfill.txt" 2>&1 ||
    fail "$(tail -n 3 "$TEST_DIR/backfill.txt")"
wait_until_sql 600 "the last month is folded" warehouse "
    select count(*) from pg_inherits m where inhparent = 'fact_trades'::regclass
       and (select count(*) from pg_inherits where inhparent = m.inhrelid) > 1" 0
wait_until_quiet
assert_equal "$months" "$(sql warehouse "select count(*) from pg_inherits m join pg_inherits l on l.inhparent = m.inhrelid
                                         where m.inhparent = 'fact_trades'::regclass")" "leaves after $count dates"
assert_equal "$count" "$(sql warehouse "select count(*) from etl_conditions where key like 'pnl:%' and met")" "dates that are closed"
echo "$count dates in $months leaves, $(sql warehouse "select count(*) from etl_jobs where job_name = 'fold_month'") folds"

# ---- every statement on facts, with one day and with one month

# statement_of FILE NAME: its text
statement_of() {
    awk -v name="$2" '/^-- name: / { inside = $3 == name; next }
                      inside { text = text $0 "\n" }
                      END { sub(/;[[:space:]]*$/, "", text); print text }' "$TAPEMILL_ROOT/sql/$1.sql"
}

# statements_of FILE: the names of those that read or write facts (or the view of them), or a table f that they are told, but for
# utility statements
statements_of() {
    awk '/^-- name: / { name = $4 == "utility" ? "" : $3; next }
         name && / (fact_(trades|performance_daily|orders|quotes|risk_snapshots)|report_performance|%1\$I f( |$))/ && !/^--/ { print name; name = "" }' \
        "$TAPEMILL_ROOT/sql/$1.sql"
}

# What a statement is given: D the day's date_key, F and T the first and the last date_key of a range. One that makes a
# statement for COPY, or for a table whose name it is given, is explained by what it makes: "makes".
declare -A values=(
    [report/overview/warehouse]='F, T' [report/overview/currencies]='F, T'
    [report/trades/main]='F, T' [report/trades/totals]="F, T, 'date'"
    [report/pnl/main]='F, T' [report/pnl/totals]="F, T, 'account'"
    [report/strategies/main]="F, T, '2018-03-01Z', 20" [report/monthly_pnl/main]="F, T, '2018-03-01Z'"
    [report/value_at_risk/main]="F, T, '2018-03-01Z'" [report/drawdown/main]="F, T, '2018-03-01Z'"
    [report/instruments/main]="F, T, '2018-03-01Z', 'DESK', 1, 50" [report/intraday/main]="F, T, 'DESK'"
    # The newest date with rows: whatever month that is in. They look from the newest month back and stop at the first row.
    [report/window/last_performance]='' [report/window/last_trade]=''
    [jobs/trade_load/met_twice]="D, 'DESK'" [jobs/trade_load/all_absent]="D, 'DESK'"
    [jobs/trade_load/other_days]="'D', 'DESK'"
    [jobs/trade_load/superseded_elsewhere]="D, 'DESK', D"
    [jobs/trade_load/leave_other_day]="'DESK', D"
    [jobs/trade_load/pair]="makes 'fact_trades', D, 'DESK'"
    [jobs/trade_load/pair_tenants]="makes 'fact_trades', D, 'DESK'"
    [jobs/trade_load/update]="D, 'DESK', 1"
    [jobs/trade_load/remove_vanished]="makes 'fact_trades', D, 'DESK', 1"
    [jobs/trade_load/missing_rates]="gen_random_uuid(), 'executions', '2018-02-14', '7', D, 'DESK'"
    [jobs/trade_build/stands_elsewhere]="makes 'fact_trades_m201801_all', 'DESK', 'D'"
    [jobs/trade_compare/facts]="makes D, 'DESK'"
    [jobs/fx_follow/differs]="D, 'DESK', '{USD,EUR}', '2018-02-14', 7"
    [jobs/compare_source/compare]="D, 'DESK', 'executions', '2018-02-14', '{}'"
    [jobs/rekey_facts/find]="makes 'account', 'dim_account', 'account_id', D, 1, 'fact_trades', 'trade_key', 'execution_timestamp', 'f.source', 'f.currency', true"
    [jobs/rekey_facts/move]="makes 'fact_trades', 'trade_key', 'f.source', D, 1"
    [jobs/rekey_facts/performance_differs]="D, '2018-02-15Z'"
    [jobs/realized_pnl/events]="makes D, 0, '{DESK,CLIENT}'"
    [jobs/realized_pnl/update_facts]="D, 'DESK'"
    [jobs/realized_pnl/report_assumed_multipliers]="gen_random_uuid(), '2018-02-14', D"
    [jobs/daily_performance/compute]="D, '2018-02-15Z'"
    [jobs/daily_performance/delete_rows]='D' [jobs/daily_performance/update_rows]='D, 1'
    [jobs/daily_performance/insert_rows]='D, 1'
    [jobs/client_metrics/gather_risk]='F, T'
    [jobs/lp_performance/gather_orders]='F, T' [jobs/lp_performance/gather_quotes]='F, T'
    [jobs/daily_positions/quote_marks]='D'
    [jobs/verify/trades]='makes D' [jobs/verify/risk]='makes D' [jobs/verify/quotes]='makes D' [jobs/verify/orders]='makes D'
    [jobs/verify/stored_performance]='makes D'
    [jobs/verify/series_before]='' # a ratio looks back a year and more
    [jobs/client_metrics/gather_trades]='F, T' [jobs/lp_performance/gather_trades]='F, T'
    [jobs/period_aggregate/unbooked]='D'
    [jobs/performance_risk/update]='F, T, 1'
    [jobs/performance_monthly/compute]="F, T, '2018-03-01Z'"
    [jobs/daily_positions/read_trades]='D' [jobs/daily_positions/trade_marks]='D'
    # A ratio looks back a year and more, and forward as far as a change reaches; an instrument that changed its currency is
    # looked at since a position in it was opened.
    [jobs/performance_risk/first_date]='' [jobs/performance_risk/short_series]='' [jobs/performance_risk/series]=''
    [jobs/daily_positions/tell_currencies]=''
    [jobs/daily_summary/lock_facts]='D' [jobs/refresh_views/lock_window]='F, T'
    [jobs/daily_summary/base]="makes D, null" [jobs/publish_gate/check]="D, 'date'"
    [jobs/verify_positions/quantities]="makes F, T" [jobs/verify_positions/fills]="makes D"
    [jobs/verify_positions/last_trades]="makes D" [jobs/verify_positions/last_quotes]="makes D"
    [jobs/event_facts/other_days]="makes 'fact_orders', 'stage_orders', '{order_id}', '{order_id}', 'D'"
    [jobs/event_facts/newer_elsewhere]="makes 'fact_orders', 'stage_orders', '{order_id}', '{order_id}', D"
    [jobs/event_facts/leave_other_day]="makes 'fact_orders', 'stage_orders', '{order_id}', '{order_id}', D"
    [jobs/event_facts/pair]="makes 'fact_orders', 'rows_orders', '{order_id}', 'true', D"
    [jobs/event_facts/update]="makes 'fact_orders', 'rows_orders', '{order_id}', D, 1"
    [jobs/event_facts/remove_gone]="makes 'fact_orders', 'stage_orders', '{order_id}', '{order_id}', D, 1"
    [jobs/event_orders/leave]='D' [jobs/event_quotes/leave]='D, 1'
    # Latest states have no dates.
    [jobs/event_facts/remove_latest]=''
    # These make tables or lock a name; and a corrected multiplier is about all dates of its instrument.
    [jobs/leaf/create]='' [jobs/fold_month/create]='' [jobs/day_lock/take]='' [jobs/day_lock/try]='' [jobs/multiplier_change/find_dates]=''
)

# Temporary tables of one file that the statements of another work on.
declare -A stages=([jobs/event_facts]=jobs/event_orders [jobs/event_orders]=jobs/event_facts [jobs/event_quotes]=jobs/event_facts)
stages_of() {
    statement_of "$1" stage
    [ ! -v "stages[$1]" ] || { echo ';' && statement_of "${stages[$1]}" stage; }
}

# session VALUES FILE STATEMENT WHAT: in a transaction with the temporary tables of the file, prints WHAT of the statement:
# the partitions in its plan, or the number of relations it has locked once it has run
session() {
    local given=$1 file=$2 statement=$3 text made=
    text=$(statement_of "$file" "$statement")
    [[ $given != makes* ]] || made=$(sql warehouse <<<"begin; $(stages_of "$file"); prepare maker as $text; execute maker (${given#makes }); rollback")
    {
        echo "begin; set local plan_cache_mode = force_custom_plan;"
        stages_of "$file"
        echo ';'
        if [ -n "$made" ]; then
            echo "prepare run as $made;" && given=
        else
            echo "prepare run as $text;" && given="($given)"
        fi
        if [ "$4" = partitions ]; then
            echo "explain (format json) execute run $given;"
        else
            echo '\o /dev/null'
            echo "execute run $given;"
            echo '\o'
            echo "select count(distinct relation) from pg_locks where pid = pg_backend_pid() and locktype = 'relation'
                  and relation in (select oid from pg_class where relnamespace = 'public'::regnamespace);"
        fi
        echo "rollback;"
    } | sql warehouse
}

partitions_of() {
    session "$@" partitions | sed -n 's/.*"Relation Name": "\(fact_[a-z_]*_m[0-9a-z_]*\)".*/\1/p' | sort -u | tr '\n' ' '
}

# check VALUES FILE STATEMENT
check() {
    local partitions locks
    partitions=$(partitions_of "$@")
    # Where rows are inserted, each finds its partition as it comes.
    [[ $3 = insert* && -z $partitions ]] ||
        [[ $partitions =~ ^((fact_[a-z_]+_m201802(_all)?|fact_trades_m201801_all)\ )+$ ]] &&
        [[ $3 = stands_elsewhere || $partitions != *201801* ]] ||
        fail "$2, $3 with $1 touches <$partitions>, not the partitions of one month"
    locks=$(session "$@" locks)
    [ "$locks" -le "$LOCKS_MAX" ] || fail "$2, $3 with $1 locks $locks relations"
    [ "$locks" -le "$most" ] || most=$locks
    checked=$((checked + 1))
}

most=0 checked=0 left_out=0
for path in "$TAPEMILL_ROOT"/sql/report/*.sql "$TAPEMILL_ROOT"/sql/jobs/*.sql; do
    file=${path#"$TAPEMILL_ROOT/sql/"} file=${file%.sql}
    for statement in $(statements_of "$file"); do
        [ -v "values[$file/$statement]" ] ||
            fail "sql/$file.sql has a new statement on facts, $statement: say here what it is given"
        given=${values[$file/$statement]}
        [ -n "$given" ] || { left_out=$((left_out + 1)) && continue; }
        for range in '20180214 20180214' '20180201 20180228'; do
            check "$(sed "s/\bD\b/20180214/g; s/\bF\b/${range% *}/; s/\bT\b/${range#* }/" <<<"$given")" "$file" "$statement"
        done
    done
done
assert_equal "$(((${#values[@]} - left_out) * 2))" "$checked" "statements that were looked at"
echo "$checked plans touch one month; the most relations that one locks: $most"

# The counting would notice: without a range a report reads all months.
assert_equal "$months" "$(partitions_of 'null, null' report/trades main | wc -w)" "partitions of a report on everything"

# ---- a load in a worker that has run many: whatever plans it has cached, it locks little

arm load.merged stop
# What no book carries, so that the dates after it need not be closed again.
sql source "update executions set commission = commission + 1, updated_at = updated_at + interval '10 days'
            where executed_at::date = '2018-02-14'"
enqueue load_executions --date 2018-02-14
wait_until_hit load.merged
locks=$(sql warehouse "select count(distinct l.relation) from pg_locks l join etl_jobs j on j.backend_pid = l.pid
                       where j.id = $JOB and l.locktype = 'relation'")
[ "$locks" -le "$LOCKS_MAX" ] || fail "a load locks $locks relations"
[ "$locks" -gt 10 ] || fail "a load that merges locks $locks relations: too few to be true"
assert_equal t "$(sql warehouse "select count(*) * 10 < current_setting('max_locks_per_transaction')::integer
    * current_setting('max_connections')::integer from pg_locks")" "the lock table is less than a tenth full"
kill -CONT "$HIT_PID"
wait_until_quiet
echo "a load locks $locks relations"

for check in locks fold; do
    assert_contains "$(tapemill doctor --json | tr -d '\n' | sed 's/}/}\n/g' | grep "\"check\": \"$check\"")" '"status": "ok"' \
        "doctor on $check"
done
