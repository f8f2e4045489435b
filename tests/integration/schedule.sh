#!/usr/bin/env bash
# Schedulers on a clock that the test sets: every policy, both changes of the clock, downtime, pauses, versions, clocks
# that jump, and leaders that are killed or frozen in the middle of a tick. Every tick happens once.
source "$(dirname "${BASH_SOURCE[0]}")/../support/faults.sh"
faults_up

scheduler=
warehouse_url=$TAPEMILL_WAREHOUSE_URL

# set_clock INSTANT: what schedulers and `tapemill schedule` take for now
set_clock() {
    echo "$(($(date -d "$1" +%s%3N) - $(date +%s%3N)))" >"$TEST_DIR/offset"
    mv "$TEST_DIR/offset" "$TAPEMILL_FAILPOINT_DIR/clock_offset_ms"
}

# fresh NAME INSTANT: another warehouse, no scheduler; the time is INSTANT
fresh() {
    [ -z "$scheduler" ] || stop_process "$scheduler"
    scheduler=
    set_clock "$2"
    TAPEMILL_WAREHOUSE_URL=$warehouse_url
    databases_create "$1"
    tapemill migrate >/dev/null
}

begin_scheduler() {
    start_scheduler
    scheduler=$STARTED_PID
}

# load [OPTIONS]: the entries on standard input, one a line, in place of those that are stored; probe jobs unless they say
load() {
    {
        echo '{"schedules": ['
        sed -e '/"job"\|"pipeline"/! s/}$/, "job": "probe"}/' -e '$! s/$/,/'
        echo ']}'
    } >"$TEST_DIR/schedule.json"
    tapemill schedule load "$TEST_DIR/schedule.json" "$@" >"$TEST_DIR/load.txt"
}

# The ticks of a schedule as "HH:MM status reason" (with -d: "MM-DD HH:MM ..."), UTC.
ticks_query() {
    local form=HH24:MI
    [ "$1" != -d ] || { form='MM-DD HH24:MI' && shift; }
    echo "select coalesce(string_agg(concat_ws(' ', to_char(tick_at at time zone 'UTC', '$form'), status, reason), ', '
          order by tick_at), 'none') from etl_schedule_ticks where schedule = '$1'"
}

# await_ticks [-d] SCHEDULE EXPECTED
await_ticks() {
    local expected=${*: -1}
    wait_until_sql 30 "the ticks of ${*:1:$#-1}" warehouse "$(ticks_query "${@:1:$#-1}")" "$expected"
}

# The data intervals of a schedule's jobs, in UTC.
intervals_of() {
    sql warehouse "select string_agg(to_char(j.interval_start at time zone 'UTC', 'HH24:MI') || '-' ||
                                     to_char(j.interval_end at time zone 'UTC', 'HH24:MI'), ' ' order by t.tick_at)
                   from etl_schedule_ticks t join etl_jobs j on j.id = any (t.job_ids) where t.schedule = '$1'"
}

# Every enqueued tick has its one job, which no other tick has.
assert_each_once() {
    assert_equal '0|0' "$(sql warehouse "
        select (select count(*) from etl_schedule_ticks where status = 'enqueued' and cardinality(job_ids) <> 1),
               (select count(*) from etl_jobs) - (select count(distinct id) from etl_schedule_ticks, unnest(job_ids) id)")" \
        "$1: enqueued ticks without their one job, jobs without a tick"
}

end_jobs() {
    sql warehouse "select id from etl_jobs where state in ('queued', 'waiting', 'retry')" | while read -r id; do
        tapemill cancel "$id" >/dev/null
    done
}

# ---- the schedule that Tapemill comes with ----------------------------------------------------------------------

set_clock 2027-06-07T16:00:00Z # a Monday, noon in New York
"$TAPEMILL_BIN/tapemill" migrate >"$TEST_DIR/migrate.txt"
assert_contains "$(cat "$TEST_DIR/migrate.txt")" '16 schedules are stored' "migrating an empty warehouse"
assert_contains "$("$TAPEMILL_BIN/tapemill" migrate)" 'nothing to do' "migrating again"
assert_equal 1 "$(sql warehouse 'select count(*) from etl_schedule_versions')" "versions after migrating twice"
assert_equal 16 "$(tapemill schedule list --json | grep -c '"state": "active"')" "schedules in effect"
echo '{"schedules": []}' >"$TEST_DIR/other.json"
assert_fails 1 "$TAPEMILL_BIN/tapemill" migrate --schedule "$TEST_DIR/other.json"
assert_contains "$OUTPUT" "tapemill schedule load $TEST_DIR/other.json" "a schedule for a warehouse that has one"
"$TAPEMILL_BIN/tapemill" migrate --schedule "$TAPEMILL_ROOT/ops/schedule.json" >/dev/null # the same
sql warehouse "delete from etl_schedules where name = 'fx_rates'" # as if an older Tapemill had stored it
assert_contains "$("$TAPEMILL_BIN/tapemill" migrate)" 'tapemill schedule load --built-in' "migrating after an upgrade"
assert_contains "$(tapemill doctor || true)" 'comes with differs from the one stored' "doctor after an upgrade"
tapemill schedule load --built-in >"$TEST_DIR/load.txt"
assert_contains "$(cat "$TEST_DIR/load.txt")" '+ fx_rates' "what an upgrade brings"
begin_scheduler
wait_until_sql 30 "what begins at once" warehouse "select string_agg(schedule, ' ' order by schedule) from etl_schedule_ticks
    where job_id is not null" 'dates dimensions fx_rates partitions positions'
set_clock 2027-06-10T21:35:30Z # Thursday, after the close
wait_until_sql 30 "the dates that daily_load is enqueued for" warehouse "
    select string_agg(distinct p.business_date::text, ' ' order by p.business_date::text) from etl_schedule_ticks t
        join etl_jobs j on j.id = any (t.job_ids) join etl_pipeline_runs p on p.id = j.pipeline_run_id
    where t.schedule = 'daily_load'" '2027-06-06 2027-06-07 2027-06-08 2027-06-09 2027-06-10'
wait_until_sql 30 "those that ended, as a whole" warehouse "
    select string_agg(distinct p.business_date::text, ' ' order by p.business_date::text) from etl_schedule_ticks t
        join etl_jobs j on j.id = any (t.job_ids) join etl_pipeline_runs p on p.id = j.pipeline_run_id
    where t.schedule = 'daily'" '2027-06-07 2027-06-08 2027-06-09'
await_ticks -d compare_source '06-09 05:30 skipped coalesced, 06-10 05:30 enqueued'
assert_equal 'compare_source|2027-06-07 05:30:00|2027-06-10 05:30:00' "$(sql warehouse "
    select job_name, interval_start at time zone 'UTC', interval_end at time zone 'UTC' from etl_jobs
    where job_name = 'compare_source'")" "one comparison for three nights"
wait_until_sql 30 "three days of minutes" warehouse "select string_agg(reason, ' ' order by tick_at) from etl_schedule_ticks
    where schedule = 'changed_trades' and tick_at < '2027-06-10 21:35Z'" 'window coalesced'
stop_process "$scheduler"
scheduler=
echo "the schedule that Tapemill comes with"

# ---- the command line -------------------------------------------------------------------------------------------

fresh commands 2027-01-10T10:30:00Z
printf '{"schedules": [\n  {"name": "a", "cron": "0 * * * *", "job": "dates"},\n  {"name": "b", "cron": "61 * * * *", "job": "dates"}\n]}' \
    >"$TEST_DIR/bad.json"
assert_fails 1 tapemill schedule load "$TEST_DIR/bad.json"
assert_contains "$OUTPUT" 'bad.json, line 3: schedule "b": ' "a bad cron expression"
assert_equal 1 "$(sql warehouse 'select count(*) from etl_schedule_versions')" "nothing is stored of a bad file"
assert_fails 1 tapemill schedule load "$TEST_DIR/absent.json"
assert_contains "$OUTPUT" 'cannot be read: No such file' "a file that is not there"
assert_fails 2 tapemill schedule load
assert_fails 2 tapemill schedule load --built-in --effective-from 'soon'
assert_fails 2 tapemill schedule load --built-in --effective-from infinity
assert_contains "$OUTPUT" 'write a time such as' "a time that is none"
printf '{"schedules": [\n  {"name": "a", "cron": "0 * * * *", "job": "dates",\n   "about": "caf\xe9"}\n]}' >"$TEST_DIR/bad.json"
assert_fails 1 tapemill schedule load "$TEST_DIR/bad.json" --dry-run
assert_contains "$OUTPUT" 'bad.json, line 3: a byte 0xE9 is not UTF-8' "a file in another encoding"
assert_fails 2 tapemill schedule load --built-in --effective-from '2027-01-10T10:00:00Z'
load <<'END'
{"name": "hourly", "cron": "0 * * * *", "catch_up": "all", "overlap": "queue", "about": "each hour"}
{"name": "night", "cron": "30 2 * * *", "fold": "both"}
{"name": "quarters", "cron": "*/15 * * * *", "time_zone": "Australia/Lord_Howe"}
END
load --effective-from 2027-01-12T00:00:00Z <<'END'
{"name": "hourly", "cron": "0 * * * *"}
END
"$TAPEMILL_BIN/tapemill" schedule load --built-in --effective-from 2027-01-11T00:00:00Z >"$TEST_DIR/load.txt"
assert_contains "$(cat "$TEST_DIR/load.txt")" "But only until 2027-01-11 19:00:00-05: then version 3 " "a version that will be replaced"
sql warehouse 'delete from etl_schedule_versions where id > 2'
load --dry-run <<'END'
{"name": "hourly", "cron": "30 * * * *", "catch_up": "all", "overlap": "queue", "about": "each hour"}
{"name": "new", "cron": "@daily"}
END
assert_contains "$(cat "$TEST_DIR/load.txt")" '~ hourly: cron "0 * * * *" -> "30 * * * *"' "what a load would change"
assert_contains "$(cat "$TEST_DIR/load.txt")" '+ new: probe, cron "@daily" in America/New_York' "what it would add"
assert_contains "$(cat "$TEST_DIR/load.txt")" '- night' "what it would remove"
assert_equal 2 "$(sql warehouse 'select count(*) from etl_schedule_versions')" "a dry run stores nothing"
assert_equal '2027-01-10T06:00:00-05:00 2027-01-10T07:00:00-05:00' \
    "$(tapemill schedule next hourly --count 2 --json | sed -n 's/.*"tick": "\([^"]*\)".*/\1/p' | xargs)" "the next two ticks"
tapemill schedule explain hourly >"$TEST_DIR/explain.txt"
assert_contains "$(cat "$TEST_DIR/explain.txt")" 'all: every one that could not be made in time runs' "policies in words"
assert_contains "$(cat "$TEST_DIR/explain.txt")" 'nothing is left out, moved or doubled' "an hourly schedule on DST days"
tapemill schedule explain night >"$TEST_DIR/explain.txt"
assert_contains "$(cat "$TEST_DIR/explain.txt")" '2027-03-14 02:00:00 the clock is set forward to 03:00:00, by 60 minutes (2027-03-14T07:00:00Z)
    02:30:00 does not exist: moved to 2027-03-14 03:00:00-04:00 (2027-03-14T07:00:00Z)' "a time that is skipped"
tapemill schedule explain quarters >"$TEST_DIR/explain.txt"
assert_contains "$(cat "$TEST_DIR/explain.txt")" '02:15:00 does not exist: left out' "a change by half an hour, due in every hour"
assert_fails 2 tapemill schedule explain nigth
assert_contains "$OUTPUT" 'did you mean night?' "a name that is not there"
assert_fails 2 tapemill schedule pause hourly
assert_fails 1 tapemill schedule resume hourly
assert_fails 2 tapemill schedule run hourly --at 2027-01-10T09:30:00Z
assert_contains "$OUTPUT" 'the nearest are 2027-01-10 04:00:00-05:00 and 2027-01-10 05:00:00-05:00' "a tick that is none"
assert_fails 2 tapemill schedule run hourly --at 2027-01-10T11:00:00Z
tapemill schedule run hourly --at 2027-01-10T09:00:00Z >/dev/null
assert_equal '08:00-09:00' "$(intervals_of hourly)" "the data interval of a tick by hand"
assert_fails 1 tapemill schedule run hourly --at 2027-01-10T09:00:00Z
assert_contains "$OUTPUT" 'are not finished' "the same tick again while it is live"
end_jobs
tapemill schedule run hourly --at 2027-01-10T09:00:00Z >/dev/null
end_jobs
tapemill schedule run hourly >/dev/null
await_ticks hourly '09:00 enqueued by_hand, 10:00 enqueued by_hand'
echo "the command line"

# ---- downtime: catch-up and its window --------------------------------------------------------------------------

fresh downtime 2027-01-10T10:30:00Z
load <<'END'
{"name": "none", "cron": "0 * * * *", "catch_up": "none"}
{"name": "last", "cron": "0 * * * *", "catch_up": "last"}
{"name": "all", "cron": "0 * * * *", "catch_up": "all", "overlap": "allow"}
{"name": "window", "cron": "0 * * * *", "catch_up": "all", "catch_up_window": "90m", "overlap": "allow"}
{"name": "serial", "cron": "0 * * * *", "catch_up": "all", "overlap": "skip"}
END
set_clock 2027-01-10T13:30:00Z
begin_scheduler
await_ticks none '13:00 skipped missed'
await_ticks last '12:00 skipped coalesced, 13:00 enqueued'
await_ticks all '11:00 enqueued, 12:00 enqueued, 13:00 enqueued'
await_ticks window '11:00 skipped window, 12:00 enqueued, 13:00 enqueued'
await_ticks serial '11:00 enqueued'
assert_equal '10:00-13:00' "$(intervals_of last)" "one run for all that were missed"
assert_equal '10:00-11:00 11:00-12:00 12:00-13:00' "$(intervals_of all)" "a run for each"
assert_each_once downtime
end_jobs
await_ticks serial '11:00 enqueued, 12:00 enqueued'
end_jobs
await_ticks serial '11:00 enqueued, 12:00 enqueued, 13:00 enqueued'
end_jobs
stop_process "$scheduler"
set_clock 2028-01-10T13:30:00Z
begin_scheduler
await_ticks -d none '01-10 13:00 skipped missed, 01-10 13:00 skipped missed'
await_ticks -d last '01-10 12:00 skipped coalesced, 01-10 13:00 enqueued, 01-09 13:00 skipped window, 01-10 12:00 skipped coalesced, 01-10 13:00 enqueued'
wait_until_sql 60 "a day of a year is caught up" warehouse \
    "select count(*) from etl_schedule_ticks where schedule = 'all' and tick_at > '2027-06-01' and status = 'enqueued'" 24
echo "downtime"

# ---- overlap ----------------------------------------------------------------------------------------------------

fresh overlap 2027-01-10T10:30:00Z
load <<'END'
{"name": "skip", "cron": "0 * * * *", "overlap": "skip"}
{"name": "queue", "cron": "0 * * * *", "overlap": "queue"}
{"name": "allow", "cron": "0 * * * *", "overlap": "allow"}
END
begin_scheduler
for hour in 11 12 13; do
    set_clock 2027-01-10T$hour:30:00Z
    wait_until_sql 30 "ticks of $hour:00" warehouse \
        "select count(*) from etl_schedule_ticks where tick_at = '2027-01-10 $hour:00Z'" 3
done
await_ticks skip '11:00 enqueued, 12:00 skipped overlap, 13:00 skipped overlap'
await_ticks queue '11:00 enqueued, 12:00 queued overlap, 13:00 skipped overlap'
await_ticks allow '11:00 enqueued, 12:00 enqueued, 13:00 enqueued'
end_jobs
await_ticks queue '11:00 enqueued, 12:00 enqueued, 13:00 skipped overlap'
end_jobs
set_clock 2027-01-10T14:30:00Z
await_ticks skip '11:00 enqueued, 12:00 skipped overlap, 13:00 skipped overlap, 14:00 enqueued'
await_ticks queue '11:00 enqueued, 12:00 enqueued, 13:00 skipped overlap, 14:00 enqueued'
await_ticks allow '11:00 enqueued, 12:00 enqueued, 13:00 enqueued, 14:00 enqueued'
assert_equal '10:00-11:00 11:00-14:00' "$(intervals_of skip)" "the next run covers what was skipped"
assert_equal '10:00-11:00 11:00-12:00 12:00-14:00' "$(intervals_of queue)" "and what did not find room to wait"
assert_each_once overlap
echo "overlap"

# ---- changes of the clock ---------------------------------------------------------------------------------------

changes() {
    load <<'END'
{"name": "moved", "cron": "30 2 * * *", "gap": "next_instant", "catch_up": "all", "overlap": "allow"}
{"name": "left_out", "cron": "30 2 * * *", "gap": "skip", "catch_up": "all", "overlap": "allow"}
{"name": "first", "cron": "30 1 * * *", "fold": "first", "catch_up": "all", "overlap": "allow"}
{"name": "second", "cron": "30 1 * * *", "fold": "second", "catch_up": "all", "overlap": "allow"}
{"name": "both", "cron": "30 1 * * *", "fold": "both", "catch_up": "all", "overlap": "allow"}
{"name": "hourly", "cron": "0 * * * *", "catch_up": "all", "overlap": "allow"}
{"name": "london", "cron": "30 1 * * *", "time_zone": "Europe/London", "catch_up": "all", "overlap": "allow"}
END
}
fresh gap 2027-03-14T04:30:00Z
changes
begin_scheduler
set_clock 2027-03-14T09:30:00Z
await_ticks moved '07:00 enqueued'
await_ticks first '06:30 enqueued'
await_ticks both '06:30 enqueued'
await_ticks hourly '05:00 enqueued, 06:00 enqueued, 07:00 enqueued, 08:00 enqueued, 09:00 enqueued'
await_ticks left_out none
set_clock 2027-03-15T06:45:00Z
await_ticks left_out '06:30 enqueued'
await_ticks -d moved '03-14 07:00 enqueued, 03-15 06:30 enqueued'

fresh fold 2027-11-07T04:15:00Z
changes
begin_scheduler
set_clock 2027-11-07T06:15:00Z # between the two half past ones
await_ticks first '05:30 enqueued'
await_ticks both '05:30 enqueued'
await_ticks second none
set_clock 2027-11-07T08:15:00Z
await_ticks second '06:30 enqueued'
await_ticks both '05:30 enqueued, 06:30 enqueued'
await_ticks first '05:30 enqueued'
await_ticks hourly '05:00 enqueued, 06:00 enqueued, 07:00 enqueued, 08:00 enqueued'
await_ticks moved '07:30 enqueued'
await_ticks london none
assert_each_once "changes of the clock"
echo "changes of the clock"

# ---- pause ------------------------------------------------------------------------------------------------------

fresh pause 2027-01-10T10:30:00Z
load <<'END'
{"name": "hourly", "cron": "0 * * * *", "catch_up": "all", "overlap": "allow"}
{"name": "other", "cron": "0 * * * *", "overlap": "allow"}
END
begin_scheduler
tapemill schedule pause hourly --reason 'the source is being moved' >/dev/null
assert_contains "$(tapemill schedule --json)" '"state": "paused"' "the list says so"
assert_contains "$(tapemill schedule --json)" '"paused_because": "the source is being moved"' "and why"
set_clock 2027-01-10T11:30:00Z
await_ticks hourly '11:00 skipped paused'
await_ticks other '11:00 enqueued'
set_clock 2027-01-10T12:30:00Z
await_ticks hourly '11:00 skipped paused, 12:00 skipped paused'
tapemill schedule resume hourly >/dev/null
set_clock 2027-01-10T13:30:00Z
await_ticks hourly '11:00 skipped paused, 12:00 skipped paused, 13:00 enqueued'
tapemill schedule run hourly --at 2027-01-10T11:00:00Z >/dev/null
await_ticks hourly '11:00 enqueued again_by_hand, 12:00 skipped paused, 13:00 enqueued'
assert_equal '10:00-11:00 12:00-13:00' "$(intervals_of hourly)" "a tick that is made up for has its own interval"
echo "pause"

# ---- a tick by hand, and entries that come back --------------------------------------------------------------------

fresh by_hand 2027-01-11T10:30:00Z
load <<'END'
{"name": "nightly", "cron": "0 1 * * *", "time_zone": "UTC", "catch_up": "all", "catch_up_window": "31d", "overlap": "allow", "job": "daily_performance", "dates": "completed"}
{"name": "serial", "cron": "0 1 * * *", "time_zone": "UTC", "catch_up": "all", "catch_up_window": "31d", "overlap": "skip"}
{"name": "later", "cron": "0 1 * * *", "time_zone": "UTC", "catch_up": "all", "catch_up_window": "2d", "overlap": "allow", "first": "at_once", "job": "daily_performance", "dates": "completed"}
{"name": "gone", "cron": "0 1 * * *", "time_zone": "UTC", "catch_up_window": "2d", "overlap": "allow", "job": "daily_performance", "dates": "completed"}
END
tapemill schedule run later --at 2026-03-03T01:00:00Z >/dev/null
set_clock 2027-01-12T10:30:00Z
begin_scheduler
await_ticks -d nightly '01-12 01:00 enqueued'
await_ticks -d gone '01-12 01:00 enqueued'
await_ticks -d later '03-03 01:00 enqueued by_hand, 01-12 01:00 enqueued'
assert_equal 1 "$(sql warehouse "select cardinality(job_ids) from etl_schedule_ticks where schedule = 'later' and reason is null")" \
    "dates of the first tick of its own"
end_jobs
stop_process "$scheduler"
set_clock 2027-01-16T10:30:00Z
tapemill schedule run nightly >/dev/null
tapemill schedule run serial >/dev/null
end_jobs
sed -i '/"gone"/d; s/\("later".*\),$/\1/' "$TEST_DIR/schedule.json"
tapemill schedule load "$TEST_DIR/schedule.json" >/dev/null
begin_scheduler
await_ticks -d nightly '01-12 01:00 enqueued, 01-13 01:00 enqueued, 01-14 01:00 enqueued, 01-15 01:00 enqueued, 01-16 01:00 enqueued by_hand'
for day in 13 14 15; do # one after the other
    wait_until_sql 30 "the tick of the ${day}th" warehouse \
        "select status from etl_schedule_ticks where schedule = 'serial' and tick_at = '2027-01-$day 01:00Z'" enqueued
    end_jobs
done
await_ticks -d gone '01-12 01:00 enqueued, 01-14 01:00 skipped window, 01-15 01:00 skipped coalesced, 01-16 01:00 enqueued'
set_clock 2027-01-17T10:30:00Z
await_ticks -d serial '01-12 01:00 enqueued, 01-13 01:00 enqueued, 01-14 01:00 enqueued, 01-15 01:00 enqueued, 01-16 01:00 enqueued by_hand, 01-17 01:00 enqueued'
end_jobs
set_clock 2027-02-17T10:30:00Z
load <<'END'
{"name": "gone", "cron": "0 1 * * *", "time_zone": "UTC", "catch_up_window": "2d", "overlap": "allow", "job": "daily_performance", "dates": "completed"}
END
set_clock 2027-02-18T10:30:00Z
await_ticks -d gone '01-12 01:00 enqueued, 01-14 01:00 skipped window, 01-15 01:00 skipped coalesced, 01-16 01:00 enqueued, 02-15 01:00 skipped window, 02-18 01:00 enqueued'
assert_equal 3 "$(sql warehouse "select cardinality(job_ids) from etl_schedule_ticks where schedule = 'gone' and tick_at > '2027-02-18'")" \
    "dates of an entry that came back: of the window, not of the month"
assert_contains "$(sql warehouse "select severity, body from etl_alerts where cause = 'schedule:gone'")" \
    'tapemill backfill daily_performance --from 2027-01-15 --to 2027-02-13' "the alert of what was given up"
tapemill doctor >"$TEST_DIR/doctor.txt" || true
# It names the last one given up, which is of "later" once the scheduler has decided that schedule's end too.
remedy=$(grep -oE 'tapemill backfill daily_performance --from [0-9-]+ --to [0-9-]+' "$TEST_DIR/doctor.txt") || fail "doctor names no remedy"
assert_contains "$(sql warehouse "select body from etl_alerts where cause in ('schedule:gone', 'schedule:later')")" "$remedy" "doctor on it"
echo "a tick by hand, and entries that come back"

# ---- entries that cannot run, ticks without dates -------------------------------------------------------------------

fresh trouble 2027-01-10T23:30:00Z
load <<'END'
{"name": "broken", "cron": "0 * * * *"}
{"name": "hourly", "cron": "0 * * * *", "overlap": "allow"}
{"name": "dated", "cron": "0 * * * *", "time_zone": "UTC", "catch_up": "all", "job": "daily_performance", "dates": "completed"}
END
sql warehouse "update etl_schedules set job = 'no_such_job' where name = 'broken'"
begin_scheduler
set_clock 2027-01-11T04:30:00Z
await_ticks hourly '03:00 skipped coalesced, 04:00 enqueued'
set_clock 2027-01-11T05:30:00Z # midnight in New York was at 05:00
await_ticks dated '00:00 skipped no_date, 01:00 skipped no_date, 02:00 skipped no_date, 03:00 skipped no_date, 04:00 skipped no_date, 05:00 enqueued'
said=$(grep -c 'a schedule cannot run' "$STARTED_LOG")
[ "$said" -ge 1 ] && [ "$said" -le 2 ] || fail "it is said $said times that one cannot run" # again after a version closed
tapemill doctor >"$TEST_DIR/doctor.txt" || true
assert_contains "$(cat "$TEST_DIR/doctor.txt")" 'cannot run: broken' "doctor on it"
tapemill schedule pause broken --reason 'its job is gone' >/dev/null
tapemill doctor >"$TEST_DIR/doctor.txt" || true
assert_equal 0 "$(grep -c 'cannot run' "$TEST_DIR/doctor.txt")" "doctor once it is paused"
echo "entries that cannot run, ticks without dates"

# ---- versions ---------------------------------------------------------------------------------------------------

fresh versions 2027-01-10T10:30:00Z
load <<'END'
{"name": "changed", "cron": "0 * * * *", "catch_up": "all", "overlap": "allow"}
{"name": "gone", "cron": "0 * * * *", "catch_up": "all", "overlap": "queue"}
{"name": "kept", "cron": "0 10 * * *", "time_zone": "UTC", "catch_up": "last"}
END
load --effective-from 2027-01-10T13:15:00Z <<'END'
{"name": "changed", "cron": "*/20 * * * *", "catch_up": "all", "overlap": "allow"}
{"name": "kept", "cron": "0 10 * * *", "time_zone": "UTC", "catch_up": "last"}
{"name": "new", "cron": "40 * * * *", "catch_up": "all", "overlap": "allow"}
END
assert_contains "$(tapemill schedule)" 'follows at 2027-01-10 08:15:00-05' "the version that follows"
set_clock 2027-01-10T11:30:00Z
begin_scheduler
await_ticks changed '11:00 enqueued'
await_ticks gone '11:00 enqueued'
set_clock 2027-01-10T12:30:00Z
await_ticks gone '11:00 enqueued, 12:00 queued overlap'
stop_process "$scheduler"
set_clock 2027-01-10T14:30:00Z # the change falls into a time without a scheduler
begin_scheduler
await_ticks changed '11:00 enqueued, 12:00 enqueued, 13:00 enqueued, 13:20 enqueued, 13:40 enqueued, 14:00 enqueued, 14:20 enqueued'
await_ticks new '13:40 enqueued'
assert_equal '2 2 2 3 3 3 3' "$(sql warehouse "select string_agg(version::text, ' ' order by tick_at) from etl_schedule_ticks
    where schedule = 'changed'")" "versions of the ticks"
# What is late waits for live jobs, and holds back no other schedule of the next version.
assert_equal '' "$(sql warehouse 'select closed_at from etl_schedule_versions where id = 2')" "ticks of version 2 are undecided"
end_jobs
await_ticks gone '11:00 enqueued, 12:00 enqueued, 13:00 queued overlap'
assert_equal '' "$(sql warehouse 'select closed_at from etl_schedule_versions where id = 2')" "one of its ticks waits"
end_jobs
await_ticks gone '11:00 enqueued, 12:00 enqueued, 13:00 enqueued'
wait_until_sql 30 "version 2 is closed" warehouse 'select closed_at is not null from etl_schedule_versions where id = 2' t
set_clock 2027-01-11T10:30:00Z
await_ticks -d kept '01-11 10:00 enqueued'
echo "versions"

# ---- clocks that jump -------------------------------------------------------------------------------------------

fresh jumps 2027-01-10T10:30:00Z
load <<'END'
{"name": "hourly", "cron": "0 * * * *", "catch_up": "all", "overlap": "allow"}
{"name": "guide", "cron": "* * * * * *", "catch_up": "last", "overlap": "allow"}
END
begin_scheduler
# Waits until the scheduler has looked at the schedule at the new time.
await_look() {
    wait_until_sql 30 "the scheduler sees $1" warehouse "select count(*) > 0 from etl_schedule_ticks
        where schedule = 'guide' and tick_at between timestamptz '$1' and timestamptz '$1' + interval '10 minutes'" t
    sql warehouse "delete from etl_schedule_ticks where schedule = 'guide'"
    sql warehouse "delete from etl_jobs where id not in (select unnest(job_ids) from etl_schedule_ticks)"
}
set_clock 2027-01-10T12:30:00Z
await_ticks hourly '11:00 enqueued, 12:00 enqueued'
set_clock 2027-01-10T10:30:10Z
await_look 2027-01-10T10:30:05Z
set_clock 2027-01-10T11:30:00Z
await_look 2027-01-10T11:30:00Z
assert_equal '11:00 enqueued, 12:00 enqueued' "$(sql warehouse "$(ticks_query hourly)")" "set back, nothing happens again"
set_clock 2027-01-10T13:30:00Z
await_ticks hourly '11:00 enqueued, 12:00 enqueued, 13:00 enqueued'
set_clock 2027-01-10T16:30:00Z
await_ticks hourly '11:00 enqueued, 12:00 enqueued, 13:00 enqueued, 14:00 enqueued, 15:00 enqueued, 16:00 enqueued'
# A year ahead by mistake, and back: the schedule goes on where it was.
set_clock 2028-01-10T16:30:00Z
wait_until_sql 60 "a year ahead" warehouse \
    "select count(*) from etl_schedule_ticks where schedule = 'hourly' and tick_at > '2028-01-01' and status = 'enqueued'" 24
set_clock 2027-01-10T17:30:00Z
wait_until_sql 30 "a year back" warehouse \
    "select status from etl_schedule_ticks where schedule = 'hourly' and tick_at = '2027-01-10 17:00Z'" enqueued
assert_equal 0 "$(sql warehouse "select count(*) from etl_schedule_ticks where schedule = 'hourly' and status = 'enqueued'
    and cardinality(job_ids) <> 1")" "one job for each"
echo "clocks that jump"

# ---- leaders that vanish ----------------------------------------------------------------------------------------

fresh leaders 2027-01-10T10:30:00Z
load <<'END'
{"name": "hourly", "cron": "0 * * * *", "catch_up": "all", "overlap": "allow"}
END
begin_scheduler
first=$scheduler
wait_until 20 "the first scheduler leads" grep -q 'msg=leads' "$STARTED_LOG" || fail "nobody leads"
start_scheduler
second=$STARTED_PID second_log=$STARTED_LOG
wait_until 20 "the second stands by" grep -q 'standing by' "$second_log" || fail "the second does not stand by"
arm scheduler.ticked kill
set_clock 2027-01-10T11:30:00Z
wait_until_hit scheduler.ticked
assert_equal "$first" "$HIT_PID" "who was killed in the middle of a tick"
await_ticks hourly '11:00 enqueued'
assert_contains "$(cat "$second_log")" 'msg=leads' "the second took over"
assert_each_once "a leader that was killed"

start_scheduler
third_log=$STARTED_LOG scheduler=$STARTED_PID
wait_until 20 "the third stands by" grep -q 'standing by' "$third_log" || fail "the third does not stand by"
arm scheduler.ticked stop
set_clock 2027-01-10T12:30:00Z
wait_until_hit scheduler.ticked
assert_equal "$second" "$HIT_PID" "who was frozen in the middle of a tick"
await_ticks hourly '11:00 enqueued, 12:00 enqueued'
assert_contains "$(cat "$third_log")" 'msg=leads' "the third took over"
kill -CONT "$second"
wait_until 30 "the frozen one notices" grep -q 'leads no longer' "$second_log" || fail "the frozen one leads still"
wait_until 30 "it stands by" eval '[ "$(grep -c "standing by" "$second_log")" -eq 2 ]' || fail "it does not stand by"
set_clock 2027-01-10T14:30:00Z
await_ticks hourly '11:00 enqueued, 12:00 enqueued, 13:00 enqueued, 14:00 enqueued'
assert_each_once "a leader that was frozen"
stop_process "$second"
stop_process "$scheduler"
scheduler=
echo "leaders that vanish"
