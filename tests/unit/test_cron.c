/* Cron expressions: what is read and refused, and what the policies do at the changes of the clock. That the answers
 * are right far from these cases is in test_cron_oracles.c, test_cron_model.c and test_cron_zones.c. */
#include "core/calendar_date.h"
#include "core/cron.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define TIMES_MAX     5

static struct time_zone zone; /* large, so not on the stack */

static void
load(const char *name)
{
    struct error error;
    if (time_zone_load(&zone, name, &error) != ERROR_NONE)
        fail_msg("%s", error.message);
}

static struct cron
parse(const char *text)
{
    struct cron cron;
    struct error error;
    if (cron_parse(text, &cron, &error) != ERROR_NONE)
        fail_msg("%s", error.message);
    return cron;
}

/* "2026-03-08 07:00:00" in UTC. */
static int64_t
instant(const char *text)
{
    struct error error;
    char date[CALENDAR_DATE_BYTES];
    int32_t days;
    int hour, minute, second;
    (void)snprintf(date, sizeof(date), "%.10s", text);
    assert_int_equal(calendar_date_parse(date, &days, &error), ERROR_NONE);
    assert_int_equal(sscanf(text + 10, " %d:%d:%d", &hour, &minute, &second), 3);
    return (int64_t)days * CALENDAR_DATE_DAY_S + hour * 3600 + minute * 60 + second;
}

static void
assert_same(const char *text, const char *other)
{
    struct cron a = parse(text), b = parse(other);
    if (a.seconds != b.seconds || a.minutes != b.minutes || a.hours != b.hours || a.days != b.days ||
        a.months != b.months || a.weekdays != b.weekdays || a.any_day != b.any_day || a.any_weekday != b.any_weekday ||
        a.every_hour != b.every_hour)
        fail_msg("\"%s\" and \"%s\" differ", text, other);
}

static const struct {
    const char *text;
    const char *plain;
} same[] = {
    {"5 4 * * *", "0 5 4 * * *"},
    {"  5\t4 *  * * ", "5 4 * * *"},
    {"05 04 * * *", "5 4 * * *"},
    {"*/15 * * * *", "0,15,30,45 * * * *"},
    {"50/3 * * * *", "50,53,56,59 * * * *"},
    {"10-20/5,3 * * * *", "3,10,15,20 * * * *"},
    {"7-7 * * * *", "7 * * * *"},
    {"0 */1 * * *", "0 0-23 * * *"},
    {"0 0 */1 * *", "0 0 * * *"},
    {"0 0 ? * ?", "0 0 * * *"},
    {"0 0 1 JAN,feb-Apr *", "0 0 1 1-4 *"},
    {"0 0 1 may/2 *", "0 0 1 5,7,9,11 *"},
    {"0 0 * * 7", "0 0 * * 0"},
    {"0 0 * * 5-7", "0 0 * * 0,5,6"},
    {"0 0 * * fri-SUN", "0 0 * * 0,5,6"},
    {"0 0 * * SUN-TUE", "0 0 * * 0-2"},
    {"0 0 * * Mon/2", "0 0 * * 1,3,5"},
    {"0 0 * * 7/2", "0 0 * * 0,2,4,6"},
    {"0 0 * * 0-7", "0 0 * * 0-6"},
    {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
    {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"},
    {"@daily", "0 0 * * *"},
    {"@midnight", "0 0 * * *"},
    {" @Hourly ", "0 * * * *"},
};

static void
reads_what_is_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(same); i++)
        assert_same(same[i].text, same[i].plain);
}

static void
reads_into_sets(void **state)
{
    (void)state;
    struct cron cron = parse("1-3 59 23 31 12 6");
    assert_true(cron.seconds == 0xE && cron.minutes == UINT64_C(1) << 59 && cron.hours == UINT32_C(1) << 23);
    assert_true(cron.days == UINT32_C(1) << 31 && cron.months == UINT32_C(1) << 12 && cron.weekdays == 1U << 6);
    assert_false(cron.any_day || cron.any_weekday || cron.every_hour);
    cron = parse("0 0-23 */2 * ?");
    assert_false(cron.any_day);
    assert_true(cron.any_weekday && cron.every_hour);
    assert_true(parse("0 * 1 1 1").every_hour);
    assert_false(parse("0 */2 * * *").every_hour);
}

/* What must be in the message: the field or the words, and the remedy. */
static const struct {
    const char *text;
    const char *says;
    const char *remedy;
} refused[] = {
    {"", "has 0 fields", "write five"},
    {"*", "has 1 field;", "write five"},
    {"* * * *", "has 4 fields", "write five"},
    {"0 0 0 1 1 * 2026", "has 7 fields", "six (second first)"},
    {"TZ=UTC 0 0 0 1 1 *", "has 7 fields", "write five"},
    {"60 * * * *", "\"60\" in the minute field is out of range", "values from 0 to 59"},
    {"99999999999999999999 * * * *", "in the minute field is out of range", "values from 0 to 59"},
    {"60 * * * * *", "in the second field is out of range", "values from 0 to 59"},
    {"0 24 * * *", "in the hour field is out of range", "values from 0 to 23"},
    {"0 20-24 * * *", "in the hour field is out of range", "values from 0 to 23"},
    {"0 0 0 * *", "in the day-of-month field is out of range", "values from 1 to 31"},
    {"0 0 1 13 *", "in the month field is out of range", "values from 1 to 12"},
    {"0 0 * * 8", "in the day-of-week field is out of range", "values from 0 to 7"},
    {"0 22-6 * * *", "\"22-6\" in the hour field ends before it begins", "write two ranges"},
    {"0 0 * * 5-0", "in the day-of-week field ends before it begins", "write two ranges"},
    {"0 0 * * 7-1", "in the day-of-week field ends before it begins", "write two ranges"},
    {"0 0 1 nov-feb *", "in the month field ends before it begins", "write two ranges"},
    {"*/0 * * * *", "in the minute field has a step of 0", "1 or more"},
    {"*/60 * * * *", "no step that fits", "below the field's end"},
    {"*/ * * * *", "no step that fits", "below the field's end"},
    {"*/-1 * * * *", "no step that fits", "below the field's end"},
    {"1/2/3 * * * *", "in the minute field is not a number", "steps such as */15"},
    {"-5 * * * *", "in the minute field is not a number", "ranges such as 1-5"},
    {"/5 * * * *", "in the minute field is not a number", "ranges such as 1-5"},
    {"*5 * * * *", "in the minute field is not a number", "ranges such as 1-5"},
    {"5- * * * *", "in the minute field ends where a value should be", "range such as 1-5"},
    {"1,,2 * * * *", "in the minute field ends where a value should be", "range such as 1-5"},
    {"1, * * * *", "in the minute field ends where a value should be", "range such as 1-5"},
    {"? * * * *", "in the minute field has a ?", "write *"},
    {"0 0 ?/2 * *", "in the day-of-month field has a ?", "write *"},
    {"0 0 L * *", "\"L\" in the day-of-month field counts days by L, W or #", "28-31"},
    {"0 0 LW * *", "in the day-of-month field counts days by L, W or #", "28-31"},
    {"0 0 15W * *", "in the day-of-month field counts days by L, W or #", "28-31"},
    {"0 0 * * 5#2", "in the day-of-week field counts days by L, W or #", "28-31"},
    {"0 0 * * FRIL", "in the day-of-week field is neither a number nor a name", "SUN to SAT"},
    {"0 0 * * WEN", "in the day-of-week field is neither a number nor a name", "SUN to SAT"},
    {"0 0 * * Monday", "in the day-of-week field is neither a number nor a name", "SUN to SAT"},
    {"0 0 1 JUNE *", "in the month field is neither a number nor a name", "JAN to DEC"},
    {"0 MON * * *", "in the hour field is not a number", "lists such as 1,3"},
    {"H * * * *", "in the minute field is not a number", "lists such as 1,3"},
    {"@reboot", "no nickname", "@daily"},
    {"@daily now", "no nickname", "@daily"},
    {"@every 5m", "no nickname", "@daily"},
};

static void
refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(refused); i++) {
        struct cron cron;
        struct error error;
        if (cron_parse(refused[i].text, &cron, &error) != ERROR_ARGUMENT)
            fail_msg("\"%s\" is not refused", refused[i].text);
        if (!strstr(error.message, refused[i].says) || !strstr(error.message, refused[i].remedy))
            fail_msg("\"%s\": %s", refused[i].text, error.message);
    }
}

/* After an instant, the next ones in UTC, with the wall clock's in the comment; an empty one ends the list. */
static const struct {
    const char *zone;
    const char *text;
    struct cron_policy policy;
    const char *after;
    const char *times[TIMES_MAX];
} cases[] = {
    /* New York goes from 02:00 to 03:00 on 8 March 2026, at 07:00 UTC */
    {"America/New_York",
     "30 2 * * *",
     {CRON_GAP_NEXT_INSTANT, CRON_FOLD_FIRST},
     "2026-03-07 07:30:00",
     {"2026-03-08 07:00:00" /* 03:00 */, "2026-03-09 06:30:00" /* 02:30 */}},
    {"America/New_York",
     "30 2 * * *",
     {CRON_GAP_SKIP, CRON_FOLD_FIRST},
     "2026-03-07 07:30:00",
     {"2026-03-09 06:30:00", "2026-03-10 06:30:00"}},
    /* several times in the gap, and one at its end: once */
    {"America/New_York",
     "*/20 2-3 * * *",
     {CRON_GAP_NEXT_INSTANT, CRON_FOLD_FIRST},
     "2026-03-08 00:00:00",
     {"2026-03-08 07:00:00", "2026-03-08 07:20:00", "2026-03-08 07:40:00", "2026-03-09 06:00:00"}},
    /* every two hours names times of day: that of 02:00 comes at 03:00, two hours after that of 00:00 */
    {"America/New_York",
     "0 */2 * * *",
     {CRON_GAP_NEXT_INSTANT, CRON_FOLD_FIRST},
     "2026-03-08 04:59:59",
     {"2026-03-08 05:00:00", "2026-03-08 07:00:00", "2026-03-08 08:00:00" /* 04:00 */}},
    /* an expression for every hour is not moved */
    {"America/New_York",
     "30 * * * *",
     {CRON_GAP_NEXT_INSTANT, CRON_FOLD_FIRST},
     "2026-03-08 05:30:00",
     {"2026-03-08 06:30:00", "2026-03-08 07:30:00", "2026-03-08 08:30:00"}},
    /* from 02:00 to 01:00 on 1 November 2026, at 06:00 UTC */
    {"America/New_York",
     "30 1 * * *",
     {CRON_GAP_SKIP, CRON_FOLD_FIRST},
     "2026-10-31 05:30:00",
     {"2026-11-01 05:30:00", "2026-11-02 06:30:00"}},
    {"America/New_York",
     "30 1 * * *",
     {CRON_GAP_SKIP, CRON_FOLD_SECOND},
     "2026-10-31 05:30:00",
     {"2026-11-01 06:30:00", "2026-11-02 06:30:00"}},
    {"America/New_York",
     "30 1 * * *",
     {CRON_GAP_SKIP, CRON_FOLD_BOTH},
     "2026-10-31 05:30:00",
     {"2026-11-01 05:30:00", "2026-11-01 06:30:00", "2026-11-02 06:30:00"}},
    {"America/New_York",
     "30 0-2 * * *",
     {CRON_GAP_SKIP, CRON_FOLD_SECOND},
     "2026-11-01 00:00:00",
     {"2026-11-01 04:30:00", "2026-11-01 06:30:00", "2026-11-01 07:30:00", "2026-11-02 05:30:00"}},
    {"America/New_York",
     "30 * * * *",
     {CRON_GAP_SKIP, CRON_FOLD_FIRST},
     "2026-11-01 04:30:00",
     {"2026-11-01 05:30:00", "2026-11-01 06:30:00", "2026-11-01 07:30:00"}},
    /* asked between the two, even within the second hour */
    {"America/New_York",
     "30 1 * * *",
     {CRON_GAP_SKIP, CRON_FOLD_FIRST},
     "2026-11-01 06:10:00",
     {"2026-11-02 06:30:00"}},
    {"America/New_York",
     "30 1 * * *",
     {CRON_GAP_SKIP, CRON_FOLD_SECOND},
     "2026-11-01 06:30:00",
     {"2026-11-02 06:30:00"}},
    /* a change by half an hour: 02:00 to 02:30 on 4 October 2026, 02:00 to 01:30 on 5 April */
    {"Australia/Lord_Howe",
     "15 2 * * *",
     {CRON_GAP_NEXT_INSTANT, CRON_FOLD_FIRST},
     "2026-10-03 00:00:00",
     {"2026-10-03 15:30:00" /* 02:30 */, "2026-10-04 15:15:00"}},
    {"Australia/Lord_Howe",
     "45 * * * *",
     {CRON_GAP_SKIP, CRON_FOLD_FIRST},
     "2026-04-04 14:00:00",
     {"2026-04-04 14:45:00" /* 01:45 */, "2026-04-04 15:15:00" /* 01:45 */, "2026-04-04 16:15:00"}},
    /* midnight does not exist: Santiago goes from 24:00 to 01:00 on 6 September 2026 */
    {"America/Santiago",
     "@daily",
     {CRON_GAP_NEXT_INSTANT, CRON_FOLD_FIRST},
     "2026-09-05 04:00:00",
     {"2026-09-06 04:00:00" /* 01:00 */, "2026-09-07 03:00:00"}},
    {"America/Santiago", "@daily", {CRON_GAP_SKIP, CRON_FOLD_FIRST}, "2026-09-05 04:00:00", {"2026-09-07 03:00:00"}},
    /* Apia left out 30 December 2011: its 06:00 came at the first instant of the 31st */
    {"Pacific/Apia",
     "0 6 * * *",
     {CRON_GAP_NEXT_INSTANT, CRON_FOLD_FIRST},
     "2011-12-29 12:00:00",
     {"2011-12-29 16:00:00", "2011-12-30 10:00:00" /* the 31st, 00:00 */, "2011-12-30 16:00:00"}},
    {"Pacific/Apia",
     "0 * 30 12 *",
     {CRON_GAP_NEXT_INSTANT, CRON_FOLD_FIRST},
     "2011-12-29 12:00:00",
     {"2012-12-29 10:00:00"}},
    /* both days restricted: either; otherwise both */
    {"UTC",
     "0 0 13 * FRI",
     {CRON_GAP_SKIP, CRON_FOLD_BOTH},
     "2026-02-07 00:00:00",
     {"2026-02-13 00:00:00", "2026-02-20 00:00:00", "2026-02-27 00:00:00", "2026-03-06 00:00:00",
      "2026-03-13 00:00:00"}},
    {"UTC",
     "0 0 31 * ?",
     {CRON_GAP_SKIP, CRON_FOLD_BOTH},
     "2026-01-31 00:00:00",
     {"2026-03-31 00:00:00", "2026-05-31 00:00:00"}},
    /* leap years, and the century that is none */
    {"UTC",
     "0 0 29 2 *",
     {CRON_GAP_SKIP, CRON_FOLD_BOTH},
     "2026-01-01 00:00:00",
     {"2028-02-29 00:00:00", "2032-02-29 00:00:00"}},
    {"UTC", "59 59 23 29 2 *", {CRON_GAP_SKIP, CRON_FOLD_BOTH}, "2096-02-29 23:59:59", {"2104-02-29 23:59:59"}},
    {"UTC", "0 0 29 2 *", {CRON_GAP_SKIP, CRON_FOLD_BOTH}, "1896-03-01 00:00:00", {"1904-02-29 00:00:00"}},
    {"UTC",
     "59 59 23 31 12 *",
     {CRON_GAP_SKIP, CRON_FOLD_BOTH},
     "1969-12-31 23:59:58",
     {"1969-12-31 23:59:59", "1970-12-31 23:59:59"}},
};

static void
decides_at_changes_of_the_clock(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct cron cron = parse(cases[i].text);
        int64_t at_s = instant(cases[i].after);
        load(cases[i].zone);
        for (int time = 0; time < TIMES_MAX && cases[i].times[time]; time++) {
            if (!cron_next(&cron, &zone, cases[i].policy, at_s, &at_s) || at_s != instant(cases[i].times[time]))
                fail_msg("case %zu, %s in %s: time %d is %+lld s from %s", i, cases[i].text, cases[i].zone, time,
                         (long long)(at_s - instant(cases[i].times[time])), cases[i].times[time]);
        }
    }
}

static void
ends_where_there_is_no_next(void **state)
{
    (void)state;
    static const char *const never[] = {"0 0 30 2 *", "0 0 31 4,6,9,11 ?", "* * 31 2 *"};
    static const struct cron_policy policy = {CRON_GAP_NEXT_INSTANT, CRON_FOLD_FIRST};
    static const char *const zones[] = {"UTC", "America/New_York"};
    int64_t next_s;
    for (size_t i = 0; i < LENGTH(zones); i++) {
        load(zones[i]);
        for (size_t j = 0; j < LENGTH(never); j++) {
            struct cron cron = parse(never[j]);
            assert_false(cron_next(&cron, &zone, policy, instant("2026-01-01 00:00:00"), &next_s));
        }
    }
    /* either day suffices, so that a day that does not exist is no obstacle to the weekday */
    struct cron cron = parse("0 0 30 2 MON");
    load("UTC");
    assert_true(cron_next(&cron, &zone, policy, instant("2026-01-01 00:00:00"), &next_s));
    assert_int_equal(next_s, instant("2026-02-02 00:00:00"));
    /* beyond the calendar */
    cron = parse("* * * * * *");
    assert_false(cron_next(&cron, &zone, policy, INT64_MAX, &next_s));
    assert_false(cron_next(&cron, &zone, policy, INT64_MIN, &next_s));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_the_same),
        cmocka_unit_test(reads_into_sets),
        cmocka_unit_test(refuses),
        cmocka_unit_test(decides_at_changes_of_the_clock),
        cmocka_unit_test(ends_where_there_is_no_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
