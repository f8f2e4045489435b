/* Civil dates: against the C library over many centuries, and the texts and keys that are none. */
#include "core/calendar_date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void
agrees_with_the_library(void **state)
{
    (void)state;
    for (int32_t days = calendar_date_days(1, 1, 1); days <= calendar_date_days(3000, 12, 31); days++) {
        struct tm expected;
        time_t noon = (time_t)days * CALENDAR_DATE_DAY_S + CALENDAR_DATE_DAY_S / 2;
        struct calendar_date date = calendar_date_split(days);
        assert_non_null(gmtime_r(&noon, &expected));
        if (date.year != expected.tm_year + 1900 || date.month != expected.tm_mon + 1 || date.day != expected.tm_mday ||
            calendar_date_weekday(days) % 7 != expected.tm_wday ||
            calendar_date_day_of_year(days) != expected.tm_yday + 1 ||
            calendar_date_days(date.year, date.month, date.day) != days)
            fail_msg("day %d is %04d-%02d-%02d", days, date.year, date.month, date.day);
    }
}

static void
agrees_on_iso_weeks(void **state)
{
    (void)state;
    for (int32_t days = calendar_date_days(1890, 1, 1); days <= calendar_date_days(2300, 12, 31); days++) {
        struct tm broken;
        char expected[16], text[16];
        int iso_year, week;
        time_t noon = (time_t)days * CALENDAR_DATE_DAY_S + CALENDAR_DATE_DAY_S / 2;
        assert_non_null(gmtime_r(&noon, &broken));
        assert_true(strftime(expected, sizeof(expected), "%G %V", &broken) > 0);
        calendar_date_iso_week(days, &iso_year, &week);
        (void)snprintf(text, sizeof(text), "%04d %02d", iso_year, week);
        assert_string_equal(text, expected);
    }
}

static void
knows_the_ends(void **state)
{
    (void)state;
    char text[CALENDAR_DATE_BYTES];
    assert_int_equal(calendar_date_days(1, 1, 1), CALENDAR_DATE_FIRST);
    assert_int_equal(calendar_date_days(9999, 12, 31), CALENDAR_DATE_LAST);
    assert_string_equal(calendar_date_format(CALENDAR_DATE_FIRST, text), "0001-01-01");
    assert_string_equal(calendar_date_format(CALENDAR_DATE_LAST, text), "9999-12-31");
    assert_int_equal(calendar_date_key(CALENDAR_DATE_FIRST), 10101);
    assert_int_equal(calendar_date_key(CALENDAR_DATE_LAST), 99991231);
    assert_int_equal(calendar_date_days(2024, 3, 0), calendar_date_days(2024, 2, 29));
    assert_int_equal(calendar_date_days(-400, 3, 1) + 146097, calendar_date_days(0, 3, 1));
    assert_int_equal(calendar_date_split(calendar_date_days(-5, 2, 28)).year, -5);
}

static void
names_months_and_weekdays(void **state)
{
    (void)state;
    assert_string_equal(calendar_date_month_name(1), "January");
    assert_string_equal(calendar_date_month_name(9), "September");
    assert_string_equal(calendar_date_month_name(12), "December");
    assert_string_equal(calendar_date_weekday_name(CALENDAR_MONDAY), "Monday");
    assert_string_equal(calendar_date_weekday_name(CALENDAR_SUNDAY), "Sunday");
    assert_int_equal(calendar_date_month_length(1900, 2), 28);
    assert_int_equal(calendar_date_month_length(2000, 2), 29);
}

static void
keys_and_texts_come_back(void **state)
{
    (void)state;
    struct error error;
    for (int32_t days = CALENDAR_DATE_FIRST; days <= CALENDAR_DATE_LAST; days += 37) {
        char text[CALENDAR_DATE_BYTES];
        int32_t parsed = 0, from_key = 0;
        assert_int_equal(calendar_date_parse(calendar_date_format(days, text), &parsed, &error), ERROR_NONE);
        assert_int_equal(calendar_date_from_key(calendar_date_key(days), &from_key, &error), ERROR_NONE);
        assert_int_equal(parsed, days);
        assert_int_equal(from_key, days);
    }
}

static void
refuses_what_is_no_date(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"2024-02-30", "\"2024-02-30\" is not a date: day 30 does not exist; February 2024 has days 01 to 29"},
        {"2023-02-29", "\"2023-02-29\" is not a date: day 29 does not exist; February 2023 has days 01 to 28"},
        {"2024-04-31", "\"2024-04-31\" is not a date: day 31 does not exist; April 2024 has days 01 to 30"},
        {"2024-01-00", "\"2024-01-00\" is not a date: day 00 does not exist; January 2024 has days 01 to 31"},
        {"2024-13-01", "\"2024-13-01\" is not a date: month 13 does not exist; months go from 01 to 12"},
        {"2024-00-01", "\"2024-00-01\" is not a date: month 00 does not exist; months go from 01 to 12"},
        {"0000-01-01", "\"0000-01-01\" is not a date: year 0000 is out of range; years go from 0001 to 9999"},
        {"2024-2-3", "\"2024-2-3\" is not a date; write YYYY-MM-DD, for example 2024-02-29"},
        {"", "\"\" is not a date; write YYYY-MM-DD, for example 2024-02-29"},
        {"2024-02-2", "\"2024-02-2\" is not a date; write YYYY-MM-DD, for example 2024-02-29"},
        {"2024-02-290", "\"2024-02-290\" is not a date; write YYYY-MM-DD, for example 2024-02-29"},
        {"2024/02/29", "\"2024/02/29\" is not a date; write YYYY-MM-DD, for example 2024-02-29"},
        {"-024-02-29", "\"-024-02-29\" is not a date; write YYYY-MM-DD, for example 2024-02-29"},
        {" 2024-02-29", "\" 2024-02-29\" is not a date; write YYYY-MM-DD, for example 2024-02-29"},
        {"20240229", "\"20240229\" is not a date; write YYYY-MM-DD, for example 2024-02-29"},
        {"yesterday", "\"yesterday\" is not a date; write YYYY-MM-DD, for example 2024-02-29"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct error error = {0};
        int32_t days;
        assert_int_equal(calendar_date_parse(cases[i].text, &days, &error), ERROR_FORMAT);
        assert_string_equal(error.message, cases[i].expected);
    }
}

static void
refuses_what_is_no_key(void **state)
{
    (void)state;
    static const struct {
        int32_t key;
        const char *expected;
    } cases[] = {
        {20240230, "20240230 is not a date key (yyyymmdd): day 30 does not exist; February 2024 has days 01 to 29"},
        {20241301, "20241301 is not a date key (yyyymmdd): month 13 does not exist; months go from 01 to 12"},
        {0, "0 is not a date key (yyyymmdd): year 0000 is out of range; years go from 0001 to 9999"},
        {-20240101, "-20240101 is not a date key; a key is yyyymmdd, for example 20240229"},
        {INT32_MAX, "2147483647 is not a date key (yyyymmdd): year 214748 is out of range; years go from 0001 to 9999"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct error error = {0};
        int32_t days;
        assert_int_equal(calendar_date_from_key(cases[i].key, &days, &error), ERROR_DATE_KEY);
        assert_string_equal(error.message, cases[i].expected);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_library),  cmocka_unit_test(agrees_on_iso_weeks),
        cmocka_unit_test(knows_the_ends),           cmocka_unit_test(names_months_and_weekdays),
        cmocka_unit_test(keys_and_texts_come_back), cmocka_unit_test(refuses_what_is_no_date),
        cmocka_unit_test(refuses_what_is_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
