/* Periods: by hand at the ends of years and months, and for every date of six centuries what must hold of all. */
#include "jobs/period.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/calendar_date.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static int32_t
day(const char *text)
{
    struct error error;
    int32_t days = 0;
    assert_int_equal(calendar_date_parse(text, &days, &error), ERROR_NONE);
    return days;
}

static void
by_hand(void **state)
{
    (void)state;
    static const struct {
        const char *type, *date, *first, *last, *text;
    } cases[] = {
        {"DAILY", "2024-02-29", "2024-02-29", "2024-02-29", "2024-02-29"},
        {"WEEKLY", "2024-02-29", "2024-02-26", "2024-03-03", "2024-W09"},
        {"WEEKLY", "2024-03-04", "2024-03-04", "2024-03-10", "2024-W10"}, /* Monday */
        {"WEEKLY", "2024-03-10", "2024-03-04", "2024-03-10", "2024-W10"}, /* Sunday */
        {"WEEKLY", "2021-01-01", "2020-12-28", "2021-01-03", "2020-W53"}, /* a week of the year before */
        {"WEEKLY", "2020-12-31", "2020-12-28", "2021-01-03", "2020-W53"},
        {"WEEKLY", "2024-12-31", "2024-12-30", "2025-01-05", "2025-W01"}, /* one of the year after */
        {"WEEKLY", "2026-12-31", "2026-12-28", "2027-01-03", "2026-W53"},
        {"MONTHLY", "2024-03-31", "2024-03-01", "2024-03-31", "2024-03"}, /* a month back from here is not March */
        {"MONTHLY", "2024-02-01", "2024-02-01", "2024-02-29", "2024-02"},
        {"MONTHLY", "2023-02-14", "2023-02-01", "2023-02-28", "2023-02"},
        {"MONTHLY", "1900-02-28", "1900-02-01", "1900-02-28", "1900-02"},
        {"MONTHLY", "2024-12-31", "2024-12-01", "2024-12-31", "2024-12"},
        {"QUARTERLY", "2024-01-01", "2024-01-01", "2024-03-31", "2024-Q1"},
        {"QUARTERLY", "2024-06-30", "2024-04-01", "2024-06-30", "2024-Q2"},
        {"QUARTERLY", "2024-12-31", "2024-10-01", "2024-12-31", "2024-Q4"},
        {"YEARLY", "2024-02-29", "2024-01-01", "2024-12-31", "2024"},
        {"YEARLY", "2023-12-31", "2023-01-01", "2023-12-31", "2023"},
        {"WEEKLY", "9999-12-31", "9999-12-27", "9999-12-31", "9999-W52"}, /* no date is beyond */
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char first[CALENDAR_DATE_BYTES], last[CALENDAR_DATE_BYTES], text[PERIOD_TEXT_BYTES];
        enum period_type type;
        struct error error;
        assert_int_equal(period_type_find(cases[i].type, &type, &error), ERROR_NONE);
        struct period period = period_of(type, day(cases[i].date));
        assert_string_equal(period_type_name(type), cases[i].type);
        assert_string_equal(calendar_date_format(period.first, first), cases[i].first);
        assert_string_equal(calendar_date_format(period.last, last), cases[i].last);
        assert_string_equal(period_text(&period, text), cases[i].text);
    }
}

/* The period of each of its dates is the period itself, and the next one begins a day after it. */
static void
periods_join(void **state)
{
    (void)state;
    static const int shortest[] = {1, 7, 28, 90, 365}, longest[] = {1, 7, 31, 92, 366};
    for (int type = 0; type < PERIOD_TYPES; type++) {
        int32_t days = day("1870-01-01");
        struct period period = period_of((enum period_type)type, days);
        for (; days < day("2470-01-01"); days++) {
            struct period of_day = period_of((enum period_type)type, days);
            if (days > period.last) {
                assert_int_equal(of_day.first, period.last + 1);
                assert_in_range(of_day.last - of_day.first + 1, shortest[type], longest[type]);
                period = of_day;
            }
            assert_int_equal(of_day.first, period.first);
            assert_int_equal(of_day.last, period.last);
        }
    }
}

/* Pieces are whole months of the period, join, and end with it. */
static void
pieces_by_month(void **state)
{
    (void)state;
    static const struct {
        const char *type, *date, *pieces;
    } cases[] = {
        {"DAILY", "2024-01-31", "20240131-20240131 "},
        {"WEEKLY", "2021-01-01", "20201228-20201231 20210101-20210103 "},
        {"WEEKLY", "2024-05-15", "20240513-20240519 "},
        {"MONTHLY", "2024-02-10", "20240201-20240229 "},
        {"QUARTERLY", "2024-02-10", "20240101-20240131 20240201-20240229 20240301-20240331 "},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char pieces[512] = "";
        enum period_type type;
        struct error error;
        assert_int_equal(period_type_find(cases[i].type, &type, &error), ERROR_NONE);
        struct period period = period_of(type, day(cases[i].date));
        for (int32_t first = period.first, last; first <= period.last; first = last + 1) {
            size_t used = strlen(pieces);
            period_month_piece(&period, first, &last);
            (void)snprintf(pieces + used, sizeof(pieces) - used, "%d-%d ", (int)calendar_date_key(first),
                           (int)calendar_date_key(last));
        }
        assert_string_equal(pieces, cases[i].pieces);
    }
    struct period year = period_of(PERIOD_YEARLY, day("2024-07-01"));
    int count = 0;
    for (int32_t first = year.first, last; first <= year.last; first = last + 1, count++)
        period_month_piece(&year, first, &last);
    assert_int_equal(count, 12);
}

static void
unknown_types_name_the_choices(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "daily", "HOURLY", "DAILY ", "WEEK"};
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        enum period_type type;
        struct error error;
        char expected[160];
        (void)snprintf(expected, sizeof(expected),
                       "the argument period is \"%s\", but must be DAILY, WEEKLY, MONTHLY, QUARTERLY or YEARLY",
                       wrong[i]);
        assert_int_equal(period_type_find(wrong[i], &type, &error), ERROR_ARGUMENT);
        assert_string_equal(error.message, expected);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(periods_join),
        cmocka_unit_test(pieces_by_month),
        cmocka_unit_test(unknown_types_name_the_choices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
