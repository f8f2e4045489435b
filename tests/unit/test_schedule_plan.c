/* What becomes of ticks that are due: every policy, zones whose clocks change, and random histories in which every tick
 * is decided exactly once. */
#include "jobs/schedule_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/calendar_date.h"
#include "jobs/schedule_file.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define NO_END        INT64_MAX

static struct arena arena;

static int
begin(void **state)
{
    (void)state;
    arena_init(&arena, SCHEDULE_ARENA_BYTES);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    arena_term(&arena);
    return 0;
}

/* "2027-03-14 07:00" or with seconds, in UTC. */
static int64_t
instant(const char *text)
{
    int year, month, day, hour, minute, second = 0;
    if (sscanf(text, "%d-%d-%d %d:%d:%d", &year, &month, &day, &hour, &minute, &second) < 5)
        fail_msg("\"%s\" is no instant", text);
    return ((int64_t)calendar_date_days(year, month, day) * 24 + hour) * 3600 + minute * 60 + second;
}

/* A schedule of the job "dates" with these members. */
static const struct schedule *
schedule_of(const char *members)
{
    char text[1024];
    struct schedule_set set;
    struct error error;
    (void)snprintf(text, sizeof(text), "{\"schedules\": [{\"name\": \"s\", \"job\": \"dates\", %s}]}", members);
    if (schedule_file_parse(text, "test", "America/New_York", &arena, &set, &error))
        fail_msg("%s", error.message);
    return &set.items[0];
}

static const char *
short_instant(int64_t unix_s, char out[SCHEDULE_INSTANT_BYTES])
{
    (void)schedule_instant_utc(unix_s, out);
    out[10] = ' ';
    out[strcmp(out + 16, ":00Z") == 0 ? 16 : 19] = 0;
    return out;
}

/* "run [2027-03-13 07:30, 2027-03-14 07:00); skip overlap [...)" and "; more" when ticks are undecided. */
static const char *
render(const struct schedule_plan *plan)
{
    static const char *const actions[] = {"run", "queue", "skip"};
    static char out[4096];
    char start[SCHEDULE_INSTANT_BYTES], tick[SCHEDULE_INSTANT_BYTES];
    out[0] = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const struct schedule_verdict *verdict = &plan->verdicts[i];
        const char *reason = schedule_reason_name(verdict->reason);
        size_t used = strlen(out);
        (void)snprintf(out + used, sizeof(out) - used, "%s%s%s%s [%s, %s)", i ? "; " : "", actions[verdict->action],
                       reason[0] ? " " : "", reason, short_instant(verdict->start_s, start),
                       short_instant(verdict->tick_s, tick));
    }
    if (!plan->finished)
        (void)snprintf(out + strlen(out), sizeof(out) - strlen(out), "%smore", plan->count ? "; " : "");
    return out;
}

/* ---- policies ---------------------------------------------------------------------------------------------- */

enum { LIVE = 1, WAITING = 2, PAUSED = 4, RETURNS = 8 };

static const struct policy_case {
    const char *what, *members, *last, *now;
    int flags;
    const char *expected;
} policy_cases[] = {
    {"on time", "\"cron\": \"0 * * * *\"", "2027-01-10 10:00", "2027-01-10 11:00:00", 0,
     "run [2027-01-10 10:00, 2027-01-10 11:00)"},
    {"nothing is due", "\"cron\": \"0 * * * *\"", "2027-01-10 10:00", "2027-01-10 10:59:59", 0, ""},
    {"it happened already", "\"cron\": \"0 * * * *\"", "2027-01-10 11:00", "2027-01-10 11:00:30", 0, ""},

    {"catch-up last", "\"cron\": \"0 * * * *\", \"catch_up\": \"last\"", "2027-01-10 10:00", "2027-01-10 13:30", 0,
     "skip coalesced [2027-01-10 10:00, 2027-01-10 12:00); run [2027-01-10 10:00, 2027-01-10 13:00)"},
    {"catch-up last, window", "\"cron\": \"0 * * * *\", \"catch_up\": \"last\", \"catch_up_window\": \"2h\"",
     "2027-01-10 05:00", "2027-01-10 13:30", 0,
     "skip window [2027-01-10 05:00, 2027-01-10 11:00); skip coalesced [2027-01-10 11:00, 2027-01-10 12:00); "
     "run [2027-01-10 11:00, 2027-01-10 13:00)"},
    {"catch-up last, all too old", "\"cron\": \"0 3 * * *\", \"catch_up\": \"last\", \"catch_up_window\": \"2h\"",
     "2027-01-08 08:00", "2027-01-10 13:30", 0, "skip window [2027-01-08 08:00, 2027-01-10 08:00)"},
    {"at the window's edge", "\"cron\": \"0 * * * *\", \"catch_up\": \"last\", \"catch_up_window\": \"30m\"",
     "2027-01-10 12:00", "2027-01-10 13:30", 0, "run [2027-01-10 12:00, 2027-01-10 13:00)"},

    {"catch-up all", "\"cron\": \"0 * * * *\", \"catch_up\": \"all\", \"overlap\": \"allow\"", "2027-01-10 10:00",
     "2027-01-10 13:30", 0,
     "run [2027-01-10 10:00, 2027-01-10 11:00); run [2027-01-10 11:00, 2027-01-10 12:00); "
     "run [2027-01-10 12:00, 2027-01-10 13:00)"},
    {"catch-up all, window",
     "\"cron\": \"0 * * * *\", \"catch_up\": \"all\", \"catch_up_window\": \"2h\", "
     "\"overlap\": \"allow\"",
     "2027-01-10 05:00", "2027-01-10 13:30", 0,
     "skip window [2027-01-10 05:00, 2027-01-10 11:00); run [2027-01-10 11:00, 2027-01-10 12:00); "
     "run [2027-01-10 12:00, 2027-01-10 13:00)"},
    {"catch-up all, one after the other", "\"cron\": \"0 * * * *\", \"catch_up\": \"all\"", "2027-01-10 10:00",
     "2027-01-10 13:30", 0, "run [2027-01-10 10:00, 2027-01-10 11:00); more"},
    {"catch-up all, late ones wait", "\"cron\": \"0 * * * *\", \"catch_up\": \"all\"", "2027-01-10 11:00",
     "2027-01-10 13:30", LIVE, "more"},
    {"catch-up all, the last of them waits too", "\"cron\": \"0 * * * *\", \"catch_up\": \"all\"", "2027-01-10 12:00",
     "2027-01-10 13:30", LIVE, "more"},
    {"catch-up all, on time", "\"cron\": \"0 * * * *\", \"catch_up\": \"all\"", "2027-01-10 12:00",
     "2027-01-10 13:00:30", LIVE, "skip overlap [2027-01-10 12:00, 2027-01-10 13:00)"},
    {"catch-up all, one waits", "\"cron\": \"0 * * * *\", \"catch_up\": \"all\", \"overlap\": \"queue\"",
     "2027-01-10 10:00", "2027-01-10 13:30", LIVE, "queue overlap [2027-01-10 10:00, 2027-01-10 11:00); more"},

    {"catch-up none", "\"cron\": \"0 * * * *\", \"catch_up\": \"none\"", "2027-01-10 10:00", "2027-01-10 13:30", 0,
     "skip missed [2027-01-10 10:00, 2027-01-10 13:00)"},
    {"catch-up none, within a minute", "\"cron\": \"0 * * * *\", \"catch_up\": \"none\"", "2027-01-10 10:00",
     "2027-01-10 13:01:00", 0,
     "skip missed [2027-01-10 10:00, 2027-01-10 12:00); run [2027-01-10 12:00, 2027-01-10 13:00)"},
    {"catch-up none, past a minute", "\"cron\": \"0 * * * *\", \"catch_up\": \"none\"", "2027-01-10 12:00",
     "2027-01-10 13:01:01", 0, "skip missed [2027-01-10 12:00, 2027-01-10 13:00)"},
    {"catch-up none, every second", "\"cron\": \"* * * * * *\", \"catch_up\": \"none\"", "2027-01-10 10:00:00",
     "2027-01-10 10:00:30", 0,
     "skip missed [2027-01-10 10:00, 2027-01-10 10:00:29); run [2027-01-10 10:00:29, 2027-01-10 10:00:30)"},

    {"overlap skip", "\"cron\": \"0 * * * *\", \"overlap\": \"skip\"", "2027-01-10 10:00", "2027-01-10 11:00", LIVE,
     "skip overlap [2027-01-10 10:00, 2027-01-10 11:00)"},
    {"overlap queue", "\"cron\": \"0 * * * *\", \"overlap\": \"queue\"", "2027-01-10 10:00", "2027-01-10 11:00", LIVE,
     "queue overlap [2027-01-10 10:00, 2027-01-10 11:00)"},
    {"overlap queue, one waits", "\"cron\": \"0 * * * *\", \"overlap\": \"queue\"", "2027-01-10 11:00",
     "2027-01-10 12:00", LIVE | WAITING, "skip overlap [2027-01-10 11:00, 2027-01-10 12:00)"},
    {"overlap allow", "\"cron\": \"0 * * * *\", \"overlap\": \"allow\"", "2027-01-10 10:00", "2027-01-10 11:00", LIVE,
     "run [2027-01-10 10:00, 2027-01-10 11:00)"},
    {"overlap skip, coalesced", "\"cron\": \"0 * * * *\"", "2027-01-10 10:00", "2027-01-10 13:30", LIVE,
     "skip coalesced [2027-01-10 10:00, 2027-01-10 12:00); skip overlap [2027-01-10 10:00, 2027-01-10 13:00)"},

    {"paused", "\"cron\": \"0 * * * *\", \"catch_up\": \"all\"", "2027-01-10 10:00", "2027-01-10 13:30", PAUSED,
     "skip paused [2027-01-10 10:00, 2027-01-10 13:00)"},

    {"a year without a scheduler, every minute", "\"cron\": \"* * * * *\", \"catch_up\": \"last\"", "2026-01-10 10:00",
     "2027-01-10 13:30:30", 0,
     "skip window [2026-01-10 10:00, 2027-01-09 13:30); skip coalesced [2027-01-09 13:30, 2027-01-10 13:29); "
     "run [2027-01-09 13:30, 2027-01-10 13:30)"},
};

static void
policies(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(policy_cases); i++) {
        const struct policy_case *one = &policy_cases[i];
        const struct schedule *schedule = schedule_of(one->members);
        struct schedule_plan plan;
        struct schedule_state known = {
            .has_last = true,
            .last_s = instant(one->last),
            .carry_s = instant(one->last),
            .until_s = NO_END,
            .now_s = instant(one->now),
            .paused = one->flags & PAUSED,
            .live = one->flags & LIVE,
            .waiting = one->flags & WAITING,
        };
        schedule_plan(schedule, &known, &plan);
        if (strcmp(render(&plan), one->expected) != 0)
            fail_msg("%s:\n  expected %s\n  got      %s", one->what, one->expected, render(&plan));
    }
}

static void
a_backlog_comes_in_portions(void **state)
{
    (void)state;
    const struct schedule *schedule =
        schedule_of("\"cron\": \"* * * * *\", \"catch_up\": \"all\", \"overlap\": \"allow\"");
    struct schedule_state known = {.has_last = true,
                                   .last_s = instant("2027-01-10 10:00"),
                                   .carry_s = instant("2027-01-10 10:00"),
                                   .until_s = NO_END,
                                   .now_s = instant("2027-01-10 10:20")};
    struct schedule_plan plan;
    schedule_plan(schedule, &known, &plan);
    assert_int_equal(plan.count, SCHEDULE_PLAN_MAX);
    assert_false(plan.finished);
    known.last_s = known.carry_s = plan.verdicts[SCHEDULE_PLAN_MAX - 1].tick_s;
    assert_int_equal(known.last_s, instant("2027-01-10 10:16"));
    schedule_plan(schedule, &known, &plan);
    assert_int_equal(plan.count, 4);
    assert_true(plan.finished);
    assert_int_equal(plan.next_s, instant("2027-01-10 10:21"));
}

static void
what_was_skipped_is_carried_into_the_next_run(void **state)
{
    (void)state;
    const struct schedule_state known = {.has_last = true,
                                         .last_s = instant("2027-01-10 12:00"),
                                         .carry_s = instant("2027-01-10 10:00"),
                                         .until_s = NO_END,
                                         .now_s = instant("2027-01-10 13:00")};
    struct schedule_plan plan;
    schedule_plan(schedule_of("\"cron\": \"0 * * * *\""), &known, &plan);
    assert_string_equal(render(&plan), "run [2027-01-10 10:00, 2027-01-10 13:00)");
}

/* ---- the first tick, and versions -------------------------------------------------------------------------- */

static const struct version_case {
    const char *what, *members, *last, *from, *until, *now; /* last NULL: none; until NULL: no end */
    int flags;
    const char *expected;
} version_cases[] = {
    {"next_tick waits", "\"cron\": \"0 3 * * *\"", NULL, "2027-01-10 10:00", NULL, "2027-01-10 10:00", 0, ""},
    {"next_tick", "\"cron\": \"0 3 * * *\"", NULL, "2027-01-10 10:00", NULL, "2027-01-11 08:00", 0,
     "run [2027-01-10 08:00, 2027-01-11 08:00)"},
    {"next_tick, late", "\"cron\": \"0 3 * * *\", \"catch_up_window\": \"1h\"", NULL, "2027-01-10 10:00", NULL,
     "2027-01-11 10:00", 0, "skip window [2027-01-10 08:00, 2027-01-11 08:00)"},
    {"at_once, however old", "\"cron\": \"0 3 1 * *\", \"first\": \"at_once\", \"catch_up\": \"none\"", NULL,
     "2027-01-20 10:00", NULL, "2027-01-20 10:00", 0, "run [2026-12-01 08:00, 2027-01-01 08:00)"},
    {"at_once, but paused", "\"cron\": \"0 3 * * *\", \"first\": \"at_once\"", NULL, "2027-01-10 10:00", NULL,
     "2027-01-10 10:00", PAUSED, ""},
    {"at_once, but not any more", "\"cron\": \"0 3 * * *\", \"first\": \"at_once\"", NULL, "2027-01-10 10:00",
     "2027-01-10 10:05", "2027-01-10 10:06", 0, ""},
    {"at_once is for the first", "\"cron\": \"0 3 * * *\", \"first\": \"at_once\"", "2027-01-10 08:00",
     "2027-01-10 10:00", NULL, "2027-01-10 10:00", 0, ""},
    {"ticks before a version are not its own",
     "\"cron\": \"*/10 * * * *\", \"catch_up\": \"all\", \"overlap\": \"allow\"", "2027-01-10 10:00",
     "2027-01-10 10:25", NULL, "2027-01-10 10:40", 0,
     "run [2027-01-10 10:00, 2027-01-10 10:30); run [2027-01-10 10:30, 2027-01-10 10:40)"},
    {"a tick at its beginning is", "\"cron\": \"*/10 * * * *\"", "2027-01-10 10:00", "2027-01-10 10:30", NULL,
     "2027-01-10 10:30", 0, "run [2027-01-10 10:00, 2027-01-10 10:30)"},
    {"gone for longer than its window", "\"cron\": \"0 0 * * *\", \"time_zone\": \"UTC\", \"catch_up_window\": \"2d\"",
     "2027-01-10 00:00", "2027-02-10 10:00", NULL, "2027-02-11 10:00", RETURNS,
     "skip window [2027-01-10 00:00, 2027-02-08 00:00); run [2027-02-08 00:00, 2027-02-11 00:00)"},
    {"gone for less", "\"cron\": \"0 0 * * *\", \"time_zone\": \"UTC\", \"catch_up_window\": \"2d\"",
     "2027-02-09 00:00", "2027-02-10 10:00", NULL, "2027-02-11 10:00", RETURNS,
     "run [2027-02-09 00:00, 2027-02-11 00:00)"},
    {"replaced, however rarely it was due",
     "\"cron\": \"0 0 * * *\", \"time_zone\": \"UTC\", \"catch_up_window\": \"2d\"", "2027-01-10 00:00",
     "2027-02-10 10:00", NULL, "2027-02-11 10:00", 0, "run [2027-01-10 00:00, 2027-02-11 00:00)"},
    {"nor are those past its end", "\"cron\": \"*/10 * * * *\", \"catch_up\": \"all\", \"overlap\": \"allow\"",
     "2027-01-10 10:00", "2027-01-10 09:00", "2027-01-10 10:19:59", "2027-01-10 10:40", 0,
     "run [2027-01-10 10:00, 2027-01-10 10:10)"},
};

static void
versions_have_their_own_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(version_cases); i++) {
        const struct version_case *one = &version_cases[i];
        struct schedule_plan plan;
        struct schedule_state known = {
            .has_last = one->last,
            .last_s = one->last ? instant(one->last) : 0,
            .carry_s = one->last ? instant(one->last) : 0,
            .from_s = instant(one->from),
            .until_s = one->until ? instant(one->until) : NO_END,
            .now_s = instant(one->now),
            .paused = one->flags & PAUSED,
            .returns = one->flags & RETURNS,
        };
        schedule_plan(schedule_of(one->members), &known, &plan);
        if (strcmp(render(&plan), one->expected) != 0)
            fail_msg("%s:\n  expected %s\n  got      %s", one->what, one->expected, render(&plan));
    }
}

/* ---- clocks that are set ----------------------------------------------------------------------------------- */

static void
changes_of_the_clock(void **state)
{
    (void)state;
    static const struct {
        const char *members, *last, *now, *expected;
    } cases[] = {
        {"\"cron\": \"30 2 * * *\", \"gap\": \"next_instant\"", "2027-03-13 07:30", "2027-03-14 20:00",
         "run [2027-03-13 07:30, 2027-03-14 07:00)"},
        {"\"cron\": \"30 2 * * *\", \"gap\": \"skip\"", "2027-03-13 07:30", "2027-03-14 20:00", ""},
        {"\"cron\": \"30 2 * * *\", \"gap\": \"skip\"", "2027-03-13 07:30", "2027-03-15 06:30",
         "run [2027-03-13 07:30, 2027-03-15 06:30)"},
        {"\"cron\": \"30 1 * * *\", \"fold\": \"first\"", "2027-11-06 05:30", "2027-11-07 20:00",
         "run [2027-11-06 05:30, 2027-11-07 05:30)"},
        {"\"cron\": \"30 1 * * *\", \"fold\": \"second\"", "2027-11-06 05:30", "2027-11-07 20:00",
         "run [2027-11-06 05:30, 2027-11-07 06:30)"},
        {"\"cron\": \"30 1 * * *\", \"fold\": \"both\", \"catch_up\": \"all\", \"overlap\": \"allow\"",
         "2027-11-06 05:30", "2027-11-07 20:00",
         "run [2027-11-06 05:30, 2027-11-07 05:30); run [2027-11-07 05:30, 2027-11-07 06:30)"},
        {"\"cron\": \"0 0 * * *\"", "2027-03-14 05:00", "2027-03-15 04:00", "run [2027-03-14 05:00, 2027-03-15 04:00)"},
        {"\"cron\": \"0 0 * * *\"", "2027-11-07 04:00", "2027-11-08 05:00", "run [2027-11-07 04:00, 2027-11-08 05:00)"},
        {"\"cron\": \"0 * * * *\", \"catch_up\": \"all\", \"overlap\": \"allow\"", "2027-11-07 04:00",
         "2027-11-07 07:00",
         "run [2027-11-07 04:00, 2027-11-07 05:00); run [2027-11-07 05:00, 2027-11-07 06:00); "
         "run [2027-11-07 06:00, 2027-11-07 07:00)"},
        {"\"cron\": \"0 * * * *\", \"catch_up\": \"all\", \"overlap\": \"allow\"", "2027-03-14 06:00",
         "2027-03-14 08:00", "run [2027-03-14 06:00, 2027-03-14 07:00); run [2027-03-14 07:00, 2027-03-14 08:00)"},
        {"\"cron\": \"30 1 * * *\", \"time_zone\": \"Europe/London\"", "2027-03-27 01:30", "2027-03-28 20:00",
         "run [2027-03-27 01:30, 2027-03-28 01:00)"},
        {"\"cron\": \"15 2 * * *\", \"time_zone\": \"Australia/Lord_Howe\"", "2027-10-01 15:45", "2027-10-02 20:00",
         "run [2027-10-01 15:45, 2027-10-02 15:30)"}, /* by half an hour */
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct schedule_plan plan;
        struct schedule_state known = {.has_last = true,
                                       .last_s = instant(cases[i].last),
                                       .carry_s = instant(cases[i].last),
                                       .until_s = NO_END,
                                       .now_s = instant(cases[i].now)};
        schedule_plan(schedule_of(cases[i].members), &known, &plan);
        if (strcmp(render(&plan), cases[i].expected) != 0)
            fail_msg("%s:\n  expected %s\n  got      %s", cases[i].members, cases[i].expected, render(&plan));
    }
}

/* ---- random histories -------------------------------------------------------------------------------------- */

static uint64_t
draw(uint64_t *seed, uint64_t below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (*seed >> 33) % below;
}

/* What a warehouse would know, kept by the test. */
struct history {
    const struct schedule *schedule;
    struct schedule_state state;
    int64_t run_until_s; /* data is covered, or given up, up to here */
};

/* Holds a plan against what must be true of any, and takes it into the history. */
static void
take(struct history *history, const struct schedule_plan *plan)
{
    struct schedule_state *state = &history->state;
    int64_t tick_s;
    for (size_t i = 0; i < plan->count; i++) {
        const struct schedule_verdict *verdict = &plan->verdicts[i];
        bool carried = verdict->action == SCHEDULE_SKIP &&
                       (verdict->reason == SCHEDULE_REASON_COALESCED || verdict->reason == SCHEDULE_REASON_OVERLAP);
        assert_true(verdict->tick_s > state->last_s && verdict->tick_s <= state->now_s);
        assert_true(schedule_next(history->schedule, verdict->tick_s - 1, &tick_s) && tick_s == verdict->tick_s);
        assert_int_equal(verdict->start_s, history->run_until_s);
        if (verdict->action != SCHEDULE_SKIP) {
            assert_true(schedule_next(history->schedule, state->last_s, &tick_s));
            assert_int_equal(tick_s, verdict->tick_s); /* nothing was jumped over in silence */
            assert_false(state->paused);
        }
        if (verdict->action == SCHEDULE_RUN && history->schedule->overlap != SCHEDULE_OVERLAP_ALLOW)
            assert_false(state->live);
        if (verdict->action == SCHEDULE_QUEUE)
            assert_false(state->waiting);
        state->live = state->live || verdict->action == SCHEDULE_RUN;
        state->waiting = state->waiting || verdict->action == SCHEDULE_QUEUE;
        state->last_s = verdict->tick_s;
        history->run_until_s = state->carry_s = carried ? verdict->start_s : verdict->tick_s;
    }
    assert_true(schedule_next(history->schedule, state->last_s, &tick_s));
    assert_int_equal(plan->finished, tick_s > state->now_s); /* finished means that none is left */
    if (plan->finished)
        assert_int_equal(plan->next_s, tick_s);
    else
        assert_true(plan->count == SCHEDULE_PLAN_MAX || history->schedule->catch_up == SCHEDULE_CATCH_UP_ALL);
}

static void
live_through_two_years(const struct schedule *schedule, uint64_t seed)
{
    static const int64_t steps_s[] = {1, 20, 60, 600, 1800, 3600, 7200, 86400, 9 * 86400};
    const int64_t start_s = instant("2026-02-03 04:05:06");
    struct history history = {.schedule = schedule};
    struct schedule_state *state = &history.state;
    struct schedule_plan plan;
    *state = (struct schedule_state){.has_last = true, .until_s = NO_END, .now_s = start_s};
    assert_true(schedule_previous(schedule, start_s, &state->last_s));
    history.run_until_s = state->carry_s = state->last_s;
    while (state->now_s < start_s + (int64_t)2 * 365 * 86400) {
        state->now_s += (int64_t)draw(&seed, (uint64_t)steps_s[draw(&seed, LENGTH(steps_s))]) + 1;
        state->paused = draw(&seed, 10) == 0;
        state->live = state->live && draw(&seed, 2);
        state->waiting = state->waiting && state->live;
        schedule_plan(schedule, state, &plan);
        take(&history, &plan);
    }
}

static void
random_histories_decide_every_tick_once(void **state)
{
    (void)state;
    static const char *const crons[] = {"*/20 * * * *", "30 2 * * *", "15,45 1 * * 1-5", "0 17 1 * *",
                                        "*/30 0-3 * * *"};
    static const char *const zones[] = {"America/New_York", "Australia/Lord_Howe", "UTC"};
    static const char *const catch_ups[] = {"none", "last", "all"}, *const overlaps[] = {"skip", "queue", "allow"};
    static const char *const folds[] = {"first", "second", "both"};
    char members[512];
    uint64_t seed = 20270314;
    for (size_t i = 0; i < LENGTH(crons) * LENGTH(zones) * 9; i++) {
        const char *fold = folds[draw(&seed, 3)], *gap = draw(&seed, 2) ? "skip" : "next_instant";
        (void)snprintf(members, sizeof(members),
                       "\"cron\": \"%s\", \"time_zone\": \"%s\", \"catch_up\": \"%s\", \"overlap\": \"%s\", "
                       "\"fold\": \"%s\", \"gap\": \"%s\", \"catch_up_window\": \"%d%s\"",
                       crons[i % LENGTH(crons)], zones[i / LENGTH(crons) % LENGTH(zones)],
                       catch_ups[i / (LENGTH(crons) * LENGTH(zones)) % 3],
                       overlaps[i / (LENGTH(crons) * LENGTH(zones)) / 3], fold, gap, (int)draw(&seed, 9) + 1,
                       draw(&seed, 2) ? "h" : "d");
        begin(NULL);
        live_through_two_years(schedule_of(members), seed);
        end(NULL);
    }
    begin(NULL);
}

static void
the_previous_tick_is_the_one_before(void **state)
{
    (void)state;
    static const char *const members[] = {"\"cron\": \"30 2 * * *\", \"fold\": \"both\"", "\"cron\": \"0 0 29 2 *\"",
                                          "\"cron\": \"*/7 * * * * *\""};
    uint64_t seed = 7;
    for (size_t i = 0; i < LENGTH(members); i++) {
        const struct schedule *schedule = schedule_of(members[i]);
        for (int k = 0; k < 200; k++) {
            int64_t at_s = instant("2024-01-01 00:00") + (int64_t)draw(&seed, (uint64_t)5 * 366 * 86400), previous_s,
                    next_s, after_s;
            assert_true(schedule_next(schedule, at_s, &next_s));
            assert_true(schedule_previous(schedule, next_s, &previous_s));
            assert_int_equal(previous_s, next_s);
            assert_true(schedule_previous(schedule, next_s - 1, &previous_s) && previous_s <= at_s);
            assert_true(schedule_next(schedule, previous_s, &after_s));
            assert_int_equal(after_s, next_s);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(policies, begin, end),
        cmocka_unit_test_setup_teardown(a_backlog_comes_in_portions, begin, end),
        cmocka_unit_test_setup_teardown(what_was_skipped_is_carried_into_the_next_run, begin, end),
        cmocka_unit_test_setup_teardown(versions_have_their_own_time, begin, end),
        cmocka_unit_test_setup_teardown(changes_of_the_clock, begin, end),
        cmocka_unit_test_setup_teardown(random_histories_decide_every_tick_once, begin, end),
        cmocka_unit_test_setup_teardown(the_previous_tick_is_the_one_before, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
