/* Business dates and times of day: named cases, every zone of the database against the C library, and the promise that
 * a business date is one unbroken stretch of time. */
#include "core/business_clock.h"
#include "core/calendar_date.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define LENGTH(array)              (sizeof(array) / sizeof((array)[0]))
#define DAY_S                      CALENDAR_DATE_DAY_S
#define US_PER_S                   1000000
#define ROLL(hour, minute, second) ((hour)*3600 + (minute)*60 + (second))

static struct business_clock business;

static void
set_business(const char *zone, int roll_s)
{
    struct error error;
    if (business_clock_init(&business, zone, roll_s, &error) != ERROR_NONE)
        fail_msg("%s", error.message);
}

/* "2024-03-10 06:59:59" as an instant in UTC, in seconds. */
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
    return (int64_t)days * DAY_S + ROLL(hour, minute, second);
}

static const struct {
    const char *zone;
    int roll_s;
    const char *utc;
    const char *date;
    const char *wall;
} splits[] = {
    {"America/New_York", 0, "2024-01-02 04:59:59", "2024-01-01", "23:59:59"},
    {"America/New_York", 0, "2024-01-02 05:00:00", "2024-01-02", "00:00:00"},
    /* the gap: 01:59:59 is followed by 03:00:00 */
    {"America/New_York", 0, "2024-03-10 06:59:59", "2024-03-10", "01:59:59"},
    {"America/New_York", 0, "2024-03-10 07:00:00", "2024-03-10", "03:00:00"},
    /* the fold: 01:30 comes twice */
    {"America/New_York", 0, "2024-11-03 05:30:00", "2024-11-03", "01:30:00"},
    {"America/New_York", 0, "2024-11-03 06:30:00", "2024-11-03", "01:30:00"},
    {"America/New_York", 0, "2024-11-03 07:00:00", "2024-11-03", "02:00:00"},
    /* roll at 17:00: Sunday evening is Monday's */
    {"America/New_York", ROLL(17, 0, 0), "2024-07-07 20:59:59", "2024-07-07", "16:59:59"},
    {"America/New_York", ROLL(17, 0, 0), "2024-07-07 21:00:00", "2024-07-08", "17:00:00"},
    {"America/New_York", ROLL(17, 0, 0), "2024-07-08 20:59:59", "2024-07-08", "16:59:59"},
    {"Europe/London", ROLL(23, 59, 59), "2024-01-01 23:59:58", "2024-01-01", "23:59:58"},
    {"Europe/London", ROLL(23, 59, 59), "2024-01-01 23:59:59", "2024-01-02", "23:59:59"},
    {"UTC", ROLL(0, 0, 1), "2024-01-01 00:00:00", "2024-01-01", "00:00:00"},
    {"UTC", ROLL(0, 0, 1), "2024-01-01 00:00:01", "2024-01-02", "00:00:01"},
    /* roll in the hour that is repeated: the date begins once, the wall clock shows 01:15 again */
    {"America/New_York", ROLL(1, 30, 0), "2024-11-03 05:29:59", "2024-11-03", "01:29:59"},
    {"America/New_York", ROLL(1, 30, 0), "2024-11-03 05:30:00", "2024-11-04", "01:30:00"},
    {"America/New_York", ROLL(1, 30, 0), "2024-11-03 06:15:00", "2024-11-04", "01:15:00"},
    {"America/New_York", ROLL(1, 30, 0), "2024-11-03 07:15:00", "2024-11-04", "02:15:00"},
    /* set back from 00:01 to 23:01 the evening before */
    {"America/St_Johns", 0, "2006-10-29 02:30:30", "2006-10-29", "00:00:30"},
    {"America/St_Johns", 0, "2006-10-29 02:31:00", "2006-10-29", "23:01:00"},
    {"America/St_Johns", 0, "2006-10-29 03:30:30", "2006-10-29", "00:00:30"},
    /* midnight that does not exist, midnight that comes at the end of a repeated hour */
    {"America/Sao_Paulo", 0, "2018-11-04 02:59:59", "2018-11-03", "23:59:59"},
    {"America/Sao_Paulo", 0, "2018-11-04 03:00:00", "2018-11-04", "01:00:00"},
    {"America/Sao_Paulo", 0, "2018-02-18 01:30:00", "2018-02-17", "23:30:00"},
    {"America/Sao_Paulo", 0, "2018-02-18 02:30:00", "2018-02-17", "23:30:00"},
    {"America/Sao_Paulo", 0, "2018-02-18 03:00:00", "2018-02-18", "00:00:00"},
    /* a date left out, half an hour of daylight saving, odd offsets, winter time as daylight time */
    {"Pacific/Apia", 0, "2011-12-30 09:59:59", "2011-12-29", "23:59:59"},
    {"Pacific/Apia", 0, "2011-12-30 10:00:00", "2011-12-31", "00:00:00"},
    {"Australia/Lord_Howe", 0, "2024-04-06 14:59:59", "2024-04-07", "01:59:59"},
    {"Australia/Lord_Howe", 0, "2024-04-06 15:00:00", "2024-04-07", "01:30:00"},
    {"Asia/Kathmandu", 0, "2024-01-01 18:14:59", "2024-01-01", "23:59:59"},
    {"Asia/Kathmandu", 0, "2024-01-01 18:15:00", "2024-01-02", "00:00:00"},
    {"Europe/Dublin", 0, "2024-07-01 23:00:00", "2024-07-02", "00:00:00"},
    {"Europe/Dublin", 0, "2024-01-01 23:00:00", "2024-01-01", "23:00:00"},
    /* before 1970, and when offsets had seconds */
    {"America/New_York", 0, "1969-12-31 23:59:59", "1969-12-31", "18:59:59"},
    {"Africa/Monrovia", 0, "1971-12-31 00:44:29", "1971-12-30", "23:59:59"},
    {"Africa/Monrovia", 0, "1971-12-31 00:44:30", "1971-12-31", "00:00:00"},
    {"UTC", 0, "1899-02-28 23:59:59", "1899-02-28", "23:59:59"},
    /* by the rule, long after the listed changes */
    {"America/New_York", 0, "2300-07-02 03:59:59", "2300-07-01", "23:59:59"},
    {"America/New_York", 0, "2300-01-02 04:59:59", "2300-01-01", "23:59:59"},
};

static void
splits_instants(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(splits); i++) {
        char text[64], wall[16];
        int32_t date_days, second;
        set_business(splits[i].zone, splits[i].roll_s);
        business_clock_split(&business, instant(splits[i].utc) * US_PER_S, &date_days, &second);
        (void)snprintf(wall, sizeof(wall), "%02d:%02d:%02d", second / 3600, second / 60 % 60, second % 60);
        if (strcmp(calendar_date_format(date_days, text), splits[i].date) != 0 || strcmp(wall, splits[i].wall) != 0)
            fail_msg("%s %s: %s %s", splits[i].zone, splits[i].utc, text, wall);
    }
}

static void
drops_parts_of_a_second(void **state)
{
    (void)state;
    static const struct {
        int64_t unix_us;
        int32_t date_days;
        int32_t second;
    } cases[] = {
        {0, 0, 0},
        {1, 0, 0},
        {999999, 0, 0},
        {1000000, 0, 1},
        {-1, -1, 86399},
        {-999999, -1, 86399},
        {-1000000, -1, 86399},
        {-1000001, -1, 86398},
        {-86400000000, -1, 0},
        {-86400000001, -2, 86399},
        {86399999999, 0, 86399},
    };
    set_business("UTC", 0);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        int32_t date_days, second;
        business_clock_split(&business, cases[i].unix_us, &date_days, &second);
        if (date_days != cases[i].date_days || second != cases[i].second)
            fail_msg("case %zu: %d %d", i, date_days, second);
    }
}

static void
starts_dates(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        int roll_s;
        const char *date;
        const char *utc;
    } cases[] = {
        {"America/New_York", 0, "2024-01-02", "2024-01-02 05:00:00"},
        {"America/New_York", 0, "2024-03-10", "2024-03-10 05:00:00"},
        {"America/New_York", 0, "2024-03-11", "2024-03-11 04:00:00"}, /* 23 hours later */
        {"America/New_York", 0, "2024-11-04", "2024-11-04 05:00:00"}, /* after a day of 25 */
        {"America/New_York", ROLL(17, 0, 0), "2024-07-08", "2024-07-07 21:00:00"},
        {"America/New_York", ROLL(2, 30, 0), "2024-03-11", "2024-03-10 07:00:00"}, /* 02:30 does not exist */
        {"America/New_York", ROLL(1, 30, 0), "2024-11-04", "2024-11-03 05:30:00"}, /* 01:30 comes twice */
        {"America/Sao_Paulo", 0, "2018-11-04", "2018-11-04 03:00:00"},             /* nor does this midnight */
        {"America/Sao_Paulo", 0, "2018-02-18", "2018-02-18 03:00:00"},
        {"America/St_Johns", 0, "2006-10-29", "2006-10-29 02:30:00"},
        {"Pacific/Apia", 0, "2011-12-30", "2011-12-30 10:00:00"}, /* empty */
        {"Pacific/Apia", 0, "2011-12-31", "2011-12-30 10:00:00"},
        {"Asia/Tokyo", 0, "1970-01-01", "1969-12-31 15:00:00"},
        {"America/New_York", 0, "2300-07-01", "2300-07-01 04:00:00"},
        {"UTC", 0, "0001-01-01", "0001-01-01 00:00:00"},
        {"UTC", 0, "9999-12-31", "9999-12-31 00:00:00"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct error error;
        int32_t date_days;
        assert_int_equal(calendar_date_parse(cases[i].date, &date_days, &error), ERROR_NONE);
        set_business(cases[i].zone, cases[i].roll_s);
        int64_t start_us = business_clock_start(&business, date_days);
        if (start_us != instant(cases[i].utc) * US_PER_S)
            fail_msg("%s %s starts at %lld", cases[i].zone, cases[i].date, (long long)start_us);
    }
}

/* Every date of 1969..2101: its start is on it or (if it is empty) after it, and the microsecond before is not. */
static void
keeps_dates_unbroken(void **state)
{
    (void)state;
    static const char *const zones[] = {"America/New_York",  "Europe/London",     "Asia/Tokyo",
                                        "Pacific/Apia",      "America/St_Johns",  "America/Sao_Paulo",
                                        "Africa/Casablanca", "Asia/Gaza",         "Australia/Lord_Howe",
                                        "Asia/Beirut",       "Pacific/Kwajalein", "America/Havana"};
    static const int rolls_s[] = {0, 1, ROLL(1, 30, 0), ROLL(17, 0, 0), ROLL(23, 59, 59)};
    for (size_t i = 0; i < LENGTH(zones) * LENGTH(rolls_s); i++) {
        set_business(zones[i / LENGTH(rolls_s)], rolls_s[i % LENGTH(rolls_s)]);
        int64_t start_us = business_clock_start(&business, -366);
        for (int32_t days = -366; days < 48000; days++) {
            int32_t at_start, before, second;
            int64_t next_us = business_clock_start(&business, days + 1);
            business_clock_split(&business, start_us, &at_start, &second);
            business_clock_split(&business, start_us - 1, &before, &second);
            if (next_us < start_us || before >= days || (next_us > start_us ? at_start != days : at_start <= days))
                fail_msg("%s, roll %d, day %d: starts on day %d after day %d", zones[i / LENGTH(rolls_s)],
                         rolls_s[i % LENGTH(rolls_s)], days, at_start, before);
            start_us = next_us;
        }
    }
}

/* The C library's view of an instant, in the zone that TZ names. */
static void
library_split(int64_t unix_s, int32_t *date_days, int32_t *second)
{
    struct tm local;
    time_t instant_s = (time_t)unix_s;
    assert_non_null(localtime_r(&instant_s, &local));
    *date_days = calendar_date_days(local.tm_year + 1900, local.tm_mon + 1, local.tm_mday);
    *second = ROLL(local.tm_hour, local.tm_min, local.tm_sec);
}

static long
library_offset(int64_t unix_s)
{
    struct tm local;
    time_t instant_s = (time_t)unix_s;
    assert_non_null(localtime_r(&instant_s, &local));
    return local.tm_gmtoff;
}

static struct comparison {
    const char *zone;
    long instants;
    long changes;
    long kept_dates; /* the wall clock fell back to the date before, our date did not */
} comparison;

static void
compare_instant(int64_t unix_s)
{
    int32_t expected_date, expected_second, date, second;
    library_split(unix_s, &expected_date, &expected_second);
    business_clock_split(&business, unix_s * US_PER_S + (unix_s & 1 ? 999999 : 0), &date, &second);
    comparison.instants++;
    if (date == expected_date + 1) { /* right only if the wall clock has shown that date before */
        int32_t earlier_date = expected_date, earlier_second;
        for (int64_t earlier_s = unix_s; earlier_date <= expected_date && unix_s - earlier_s < DAY_S; earlier_s -= 60)
            library_split(earlier_s, &earlier_date, &earlier_second);
        expected_date = earlier_date;
        comparison.kept_dates++;
    }
    if (date != expected_date || second != expected_second)
        fail_msg("%s at %lld: day %d second %d, the C library has day %d second %d", comparison.zone, (long long)unix_s,
                 date, second, expected_date, expected_second);
}

/* Both sides of the change of the clock somewhere in (before_s, after_s]. */
static void
compare_change(int64_t before_s, int64_t after_s)
{
    static const int around_s[] = {-7200, -3601, -3600, -1801, -1, 0, 1, 30, 1799, 1800, 3540, 3599, 3600, 3601, 7200};
    long offset = library_offset(before_s);
    while (after_s - before_s > 1) {
        int64_t middle_s = before_s + (after_s - before_s) / 2;
        if (library_offset(middle_s) == offset)
            before_s = middle_s;
        else
            after_s = middle_s;
    }
    for (size_t i = 0; i < LENGTH(around_s); i++)
        compare_instant(after_s + around_s[i]);
    comparison.changes++;
}

static void
compare_years(int first_year, int last_year, int64_t step_s)
{
    int64_t at_s = (int64_t)calendar_date_days(first_year, 1, 1) * DAY_S;
    int64_t end_s = (int64_t)calendar_date_days(last_year + 1, 1, 1) * DAY_S;
    long offset = library_offset(at_s);
    for (; at_s < end_s; at_s += step_s) {
        long now = library_offset(at_s);
        if (now != offset)
            compare_change(at_s - step_s, at_s);
        compare_instant(at_s);
        offset = now;
    }
}

static void
use_zone(const char *zone)
{
    assert_int_equal(setenv("TZ", zone, 1), 0);
    tzset();
    set_business(zone, 0);
    comparison.zone = zone;
}

/* Odd, so that samples fall on all seconds of the day. */
#define SAMPLE_STEP_S (6 * DAY_S - 12347)

static int zones_compared;

static int
compare_zone_file(const char *path, const struct stat *status, int type, struct FTW *place)
{
    char magic[4] = "";
    const char *name = path + sizeof(TIME_ZONE_DIRECTORY);
    (void)status;
    if (type != FTW_F)
        return FTW_CONTINUE;
    if (place->level > 1 && (strncmp(name, "posix/", 6) == 0 || strncmp(name, "right/", 6) == 0))
        return FTW_CONTINUE; /* the same zones again, and those with leap seconds */
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t got = fread(magic, 1, sizeof(magic), file);
    (void)fclose(file);
    if (got != sizeof(magic) || memcmp(magic, "TZif", sizeof(magic)) != 0)
        return FTW_CONTINUE;
    use_zone(name);
    compare_years(1970, 2037, SAMPLE_STEP_S);
    compare_years(2038, 2110, 29 * DAY_S + 5432);
    zones_compared++;
    return FTW_CONTINUE;
}

static void
agrees_with_the_library_in_every_zone(void **state)
{
    (void)state;
    memset(&comparison, 0, sizeof(comparison));
    assert_int_equal(nftw(TIME_ZONE_DIRECTORY, compare_zone_file, 16, FTW_PHYS | FTW_ACTIONRETVAL), 0);
    print_message("%d zones, %ld instants, %ld changes of the clock, %ld kept dates\n", zones_compared,
                  comparison.instants, comparison.changes, comparison.kept_dates);
    assert_true(zones_compared > 300);
    assert_true(comparison.changes > 10000);
    assert_true(comparison.kept_dates > 0);
}

static void
agrees_with_the_library_in_detail(void **state)
{
    (void)state;
    static const char *const zones[] = {"America/New_York", "Europe/London", "Asia/Gaza", "America/Nuuk", "Asia/Tokyo"};
    for (size_t i = 0; i < LENGTH(zones); i++) {
        use_zone(zones[i]);
        memset(&comparison, 0, sizeof(comparison));
        comparison.zone = zones[i];
        compare_years(1970, 2037, 3 * 3600 - 601);
        compare_years(2037, 2600, 17 * DAY_S + 7);
        if (i == 0)
            assert_int_equal(comparison.kept_dates, 0);
    }
}

static void
ignores_the_zone_of_the_process(void **state)
{
    (void)state;
    int32_t date_days, second;
    assert_int_equal(setenv("TZ", "Asia/Tokyo", 1), 0);
    tzset();
    set_business("America/New_York", 0);
    business_clock_split(&business, instant("2024-07-01 12:00:00") * US_PER_S, &date_days, &second);
    assert_int_equal(second, ROLL(8, 0, 0));
    assert_int_equal(unsetenv("TZ"), 0);
    tzset();
    business_clock_split(&business, instant("2024-07-01 12:00:00") * US_PER_S, &date_days, &second);
    assert_int_equal(second, ROLL(8, 0, 0));
}

static void
refuses_bad_settings(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        int roll_s;
        const char *expected;
    } cases[] = {
        {"Mars/Phobos", 0, "there is no time zone \"Mars/Phobos\""},
        {"", 0, "there is no time zone \"\""},
        {"UTC", -1, "cannot roll -1 seconds after midnight"},
        {"UTC", 86400, "cannot roll 86400 seconds after midnight"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct error error = {0};
        assert_int_equal(business_clock_init(&business, cases[i].zone, cases[i].roll_s, &error), ERROR_CONFIG);
        if (!strstr(error.message, cases[i].expected))
            fail_msg("case %zu: %s", i, error.message);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_instants),
        cmocka_unit_test(drops_parts_of_a_second),
        cmocka_unit_test(starts_dates),
        cmocka_unit_test(keeps_dates_unbroken),
        cmocka_unit_test(agrees_with_the_library_in_every_zone),
        cmocka_unit_test(agrees_with_the_library_in_detail),
        cmocka_unit_test(ignores_the_zone_of_the_process),
        cmocka_unit_test(refuses_bad_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
