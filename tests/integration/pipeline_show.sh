#!/usr/bin/env bash
# `pipeline list` and `pipeline show`: the steps of a run as a tree, before anything runs, with a step that died, and done.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up
export TAPEMILL_HISTORY_START=2024-01-02 TAPEMILL_RETRY_BASE_SECONDS=0
tapemill migrate >/dev/null

# ---- what is not there -------------------------------------------------------------------------------------------

# refused STATUS PART COMMAND...: the command ends with STATUS, and what it says contains PART.
refused() {
    local status=$1 part=$2
    shift 2
    assert_fails "$status" "$@"
    assert_contains "$OUTPUT" "$part" "$*"
}

assert_equal 'no runs of pipelines' "$(tapemill pipeline list)" "a warehouse without runs"
assert_equal '[]' "$(tapemill pipeline list --json)" "the same as JSON"
refused 1 'there is no pipeline run 1; `tapemill pipeline list` lists them' tapemill pipeline show 1
refused 1 'pipeline daily_load has no run for 2024-01-02; `tapemill enqueue daily_load --date 2024-01-02`' \
    tapemill pipeline show daily_load --date 2024-01-02
refused 2 'there is no pipeline "daily_lod"; there are daily_load, daily_close, pnl_forward' tapemill pipeline show daily_lod
refused 2 'there is no pipeline "trades"' tapemill pipeline list --pipeline trades
refused 2 'or by its pipeline and --date YYYY-MM-DD' tapemill pipeline show daily_load
refused 2 'a run is named by its number, or by' tapemill pipeline show 1 --date 2024-01-02

# ---- two dates, before anything runs: the shared steps are the same jobs -----------------------------------------

tapemill source generate --seed 5 --from 2024-01-02 --days 2 --rows 20 --client-rows 10 --quotes 0 >/dev/null 2>&1
tapemill enqueue daily_load --date 2024-01-02 >/dev/null 2>&1
tapemill enqueue daily_load --date 2024-01-03 >/dev/null 2>&1

# The tree without what differs from run to run: attempts allowed and spans.
tree() {
    tapemill pipeline show "$@" | sed -E 's/ (-?[0-9]+)\/[0-9]+ +([0-9.]+s)?  job/ \1 job/; s/([a-z])  +/\1 /g'
}

assert_equal 'pipeline run 2: daily_load of 2024-01-03 is queued, 0 of 15 steps done
├─ dates queued 0 job 1, shared
├─ dimensions queued 0 job 2, shared
│  ├─ orders waiting 0 job 18, after dates too; waits for dates, dimensions
│  ├─ quotes waiting 0 job 19, after dates too; waits for dates, dimensions
│  └─ risk waiting 0 job 20, after dates too; waits for dates, dimensions
└─ fx_rates queued 0 job 3, shared
   ├─ executions waiting 0 job 16, after dates, dimensions too; waits for dates, dimensions, fx_rates
   └─ trades waiting 0 job 17, after dates, dimensions too; waits for dates, dimensions, fx_rates
      ├─ realized_pnl waiting 0 job 21, after executions too; waits for executions, trades
      │  ├─ performance waiting 0 job 22; waits for realized_pnl
      │  │  └─ performance_risk waiting 0 job 23; waits for performance
      │  └─ positions waiting 0 job 24, after quotes too; waits for quotes, realized_pnl
      └─ summary waiting 0 job 25, after executions too; waits for executions, trades
         └─ gate waiting 0 job 26, after performance_risk, positions too; waits for performance_risk, positions, summary
            └─ views waiting 0 job 27; waits for gate' "$(tree daily_load --date 2024-01-03)" "before the work"
assert_equal "$(tree 1)" "$(tree daily_load --date 2024-01-02)" "a run by its number and by its name"
assert_equal '2|2024-01-03|queued|0|15 1|2024-01-02|queued|0|15' \
    "$(tapemill pipeline list --json | jq -r '.[] | [.id, .date, .state, .done, .steps] | map(tostring) | join("|")' |
        tr '\n' ' ' | sed 's/ $//')" "the list"
assert_equal 1 "$(tapemill pipeline list --date 2024-01-02 --json | jq -r '.[].id')" "the list of one date"
assert_equal 2 "$(tapemill pipeline list --limit 1 --json | jq -r '.[].id')" "the newest"

# ---- the first date's trades die: what waits for them stands still, the rest goes on ------------------------------

mkdir "$TEST_DIR/extract"
echo 'select 1 as one where $1::date is not null and $2::date is not null' >"$TEST_DIR/extract/trades.sql"
sql warehouse "update etl_jobs set state = 'cancelled', error_message = null where id = 17"
start_worker TAPEMILL_EXTRACT_DIR="$TEST_DIR/extract"
tapemill runs follow --until-quiet >"$TEST_DIR/follow.log" 2>&1
stop_process "$STARTED_PID"
first=$(tree 1)
assert_contains "$first" 'daily_load of 2024-01-02 is failed, 7 of 15 steps done' "the run with a dead step"
assert_contains "$first" '├─ executions done 0 job 4' "the step beside it"
assert_contains "$first" '└─ trades dead' "the dead step"
assert_contains "$first" "$(sql warehouse 'select error_message from etl_jobs where id = 5' | cut -c 1-40)" "its error"
assert_contains "$first" '├─ realized_pnl waiting 0 job 9, after executions too; waits for trades' "what waits for it"
assert_contains "$first" 'trades is dead, and what waits for it stands still; `tapemill dead retry 5`' "the remedy"
assert_contains "$(tree 2)" 'daily_load of 2024-01-03 is cancelled, 7 of 15 steps done' "a run with a cancelled step"
assert_equal 'failed trades' "$(tapemill pipeline list --json | jq -r '.[] | select(.id == 1) | "\(.state) \(.dead)"')" \
    "the list names the dead step"

# ---- retried, both go on; until then the second date waits for the first one's books ------------------------------

tapemill dead retry 17 >/dev/null
start_worker
wait_until_sql 30 "the second date waits for the first" warehouse \
    "select state || ' ' || wait_key from etl_jobs where id = 21" 'waiting pnl:20240102'
assert_contains "$(tree 2)" 'job 21, after executions too; waits for the books of 2024-01-02 to be closed' "a condition"
assert_equal 'pnl:20240102' "$(tapemill pipeline show 2 --json | jq -r '.steps[] | select(.id == 21) | .wait_key')" "its key"
assert_contains "$(tree 2)" 'daily_load of 2024-01-03 is waiting, 9 of 15 steps done' "a run that waits for another"
tapemill dead retry 5 >/dev/null
tapemill runs follow --until-quiet >>"$TEST_DIR/follow.log" 2>&1
for run in 1 2; do
    assert_equal 'done 15' "$(tapemill pipeline show $run --json | jq -r '"\(.run.state) \(.run.done)"')" "run $run"
    assert_equal 'done' "$(tapemill pipeline show $run --json | jq -r '[.steps[].state] | unique | join(" ")')" "its steps"
done
assert_equal '[1,2,3] true' "$(tapemill pipeline show 2 --json | jq -c '.steps[] | select(.step == "trades") | .depends_on' |
    tr '\n' ' ')$(tapemill pipeline show 2 --json | jq -r '.steps[0].shared')" "what the JSON says of a step"
