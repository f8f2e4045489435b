/* The rules of the New York Stock Exchange against three collections of what it did and announced, against dates known
 * from elsewhere, and against themselves in years to come. */
#include "core/business_clock.h"
#include "jobs/calendar.h"

#include "tests/support/test_data.h"

#include <stdbool.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define OPEN_S        (9 * 3600 + 1800)
#define CLOSE_S       (16 * 3600)
#define ONE_O_CLOCK   (13 * 3600)
#define US_PER_S      1000000

static int32_t
days_of(const char *text)
{
    struct error error;
    int32_t days;
    if (calendar_date_parse(text, &days, &error) != ERROR_NONE)
        fail_msg("%s", error.message);
    return days;
}

static void
fail_on(int32_t days, const struct calendar_day *day, const char *expected)
{
    char text[CALENDAR_DATE_BYTES];
    fail_msg("%s: trading %d, %d to %d, holiday %s; expected: %s", calendar_date_format(days, text),
             day->is_trading_day, day->open_s, day->close_s, day->holiday_name ? day->holiday_name : "none", expected);
}

/* "2024-11-29T14:30:00Z" as a date and a second in New York. */
static void
split_utc(const struct business_clock *business, const char *text, int32_t *days, int32_t *second)
{
    char date[CALENDAR_DATE_BYTES];
    int hour, minute, rest;
    (void)snprintf(date, sizeof(date), "%.10s", text);
    assert_int_equal(sscanf(text + 10, "T%d:%d:%dZ", &hour, &minute, &rest), 3);
    int64_t unix_s = (int64_t)days_of(date) * CALENDAR_DATE_DAY_S + hour * 3600 + minute * 60 + rest;
    business_clock_split(business, unix_s * US_PER_S, days, second);
}

static void
assert_closed_between(int32_t first, int32_t last)
{
    struct calendar_day day;
    for (int32_t days = first; days <= last; days++) {
        calendar_nyse_day(days, &day);
        if (day.is_trading_day || day.open_s != CALENDAR_CLOSED || day.close_s != CALENDAR_CLOSED || day.early_close)
            fail_on(days, &day, "closed");
        if (day.is_holiday != (calendar_date_weekday(days) <= CALENDAR_FRIDAY) ||
            day.is_holiday != (day.holiday_name != NULL))
            fail_on(days, &day, "a weekend, or a holiday with a name");
    }
}

/* Every session from 1990-01-02 to 2023-01-13 with its hours in UTC: days, hours, early closes and, on the way, both
 * changes of New York's clocks in 33 years. */
static void
equals_recorded_sessions(void **state)
{
    (void)state;
    static struct business_clock business;
    char line[256];
    int sessions = 0, early = 0;
    struct error error;
    int32_t next = days_of("1990-01-01");
    FILE *file = test_data_open("calendars/sessions_xnys.csv.zst");
    assert_int_equal(business_clock_init(&business, "America/New_York", 0, &error), ERROR_NONE);
    assert_non_null(fgets(line, sizeof(line), file));
    while (fgets(line, sizeof(line), file)) {
        int32_t open_days, open_s, close_days, close_s;
        char date[CALENDAR_DATE_BYTES], opens[32], closes[32];
        struct calendar_day day;
        assert_int_equal(sscanf(line, "%10[^T]%*[^,],%31[^,],%31[^,]", date, opens, closes), 3);
        int32_t days = days_of(date);
        split_utc(&business, opens, &open_days, &open_s);
        split_utc(&business, closes, &close_days, &close_s);
        calendar_nyse_day(days, &day);
        if (open_days != days || close_days != days || !day.is_trading_day || day.is_holiday || day.holiday_name ||
            day.open_s != open_s || day.close_s != close_s || day.early_close != (close_s != CLOSE_S))
            fail_on(days, &day, line);
        assert_closed_between(next, days - 1);
        next = days + 1;
        sessions++;
        early += day.early_close;
    }
    test_data_close(file);
    assert_int_equal(sessions, 8324);
    assert_int_equal(early, 69);
    assert_int_equal(next, days_of("2023-01-14"));
}

/* "7/3/2024" */
static int32_t
days_of_american(const char *text)
{
    int year, month, day;
    assert_int_equal(sscanf(text, "%d/%d/%d", &month, &day, &year), 3);
    return calendar_date_days(year, month, day);
}

/* A set of the dates of 1990 to 2030. */
struct date_set {
    bool has[15000];
};

#define SET_FIRST 7305 /* 1990-01-01 */

static void
set_add(struct date_set *set, int32_t days)
{
    assert_true(days >= SET_FIRST && days < SET_FIRST + (int32_t)LENGTH(set->has));
    set->has[days - SET_FIRST] = true;
}

/* Every full-day closure from 1990 to July 2021. */
static void
equals_recorded_closures(void **state)
{
    (void)state;
    static struct date_set closures;
    char line[64];
    int count = 0;
    memset(&closures, 0, sizeof(closures));
    FILE *file = test_data_open("calendars/nyse_full_day_holidays_since_1928.csv");
    while (fgets(line, sizeof(line), file)) {
        int32_t days = days_of_american(line);
        if (days < SET_FIRST)
            continue;
        set_add(&closures, days);
        count++;
    }
    test_data_close(file);
    assert_int_equal(count, 283);
    for (int32_t days = SET_FIRST; days <= days_of("2021-07-05"); days++) {
        struct calendar_day day;
        calendar_nyse_day(days, &day);
        if (day.is_holiday != closures.has[days - SET_FIRST])
            fail_on(days, &day, closures.has[days - SET_FIRST] ? "a holiday" : "none");
    }
}

static char lean_text[32 * 1024];

/* The quoted texts of the list or object that follows a key of the United States equities; *at moves on. NULL at its
 * end. */
static const char *
next_quoted(char **at, char closing)
{
    char *start = *at;
    while (*start != '"' && *start != closing)
        start++;
    if (*start == closing)
        return NULL;
    char *end = strchr(start + 1, '"');
    assert_non_null(end);
    *end = 0;
    *at = end + 1;
    return start + 1;
}

static char *
find_key(const char *key)
{
    char *venue = strstr(lean_text, "\"Equity-usa-[*]\"");
    assert_non_null(venue);
    char *found = strstr(venue, key);
    assert_non_null(found);
    return found + strlen(key);
}

static void
read_lean(struct date_set *holidays, struct date_set *early)
{
    FILE *file = test_data_open("calendars/lean_market_hours_us_equity_fxcm.json");
    size_t length = fread(lean_text, 1, sizeof(lean_text) - 1, file);
    test_data_close(file);
    lean_text[length] = 0;
    char *early_at = find_key("\"earlyCloses\": {");
    char *holidays_at = find_key("\"holidays\": [");
    const char *text;
    while ((text = next_quoted(&holidays_at, ']')) != NULL)
        set_add(holidays, days_of_american(text));
    while ((text = next_quoted(&early_at, '}')) != NULL) {
        set_add(early, days_of_american(text));
        assert_string_equal(next_quoted(&early_at, '}'), "13:00:00");
    }
}

/* Holidays from 1998 to 2028 and early closes from November 1999 to 2028, as a trading engine has them. Where it
 * differs:
 *
 *   2011-01-01, 2022-01-01  listed as holidays, but Saturdays; no session was cancelled (sessions agree with us)
 *   2017-12-24              listed as an early close, but a Sunday; Friday the 22nd was a full day (sessions agree)
 *   1999-12-31              not listed; the exchange's board announced on 1999-06-04 that it would close at 13:00 that
 *                           day because of the year 2000, and the sessions have it */
static void
equals_announced_holidays_and_early_closes(void **state)
{
    (void)state;
    static struct date_set holidays, early;
    memset(&holidays, 0, sizeof(holidays));
    memset(&early, 0, sizeof(early));
    read_lean(&holidays, &early);
    set_add(&early, days_of("1999-12-31"));
    holidays.has[days_of("2011-01-01") - SET_FIRST] = false;
    holidays.has[days_of("2022-01-01") - SET_FIRST] = false;
    early.has[days_of("2017-12-24") - SET_FIRST] = false;
    for (int32_t days = days_of("1998-01-01"); days <= days_of("2028-12-31"); days++) {
        struct calendar_day day;
        calendar_nyse_day(days, &day);
        if (day.is_holiday != holidays.has[days - SET_FIRST])
            fail_on(days, &day, holidays.has[days - SET_FIRST] ? "a holiday" : "none");
        if (days < days_of("1999-11-01"))
            continue;
        if (day.early_close != early.has[days - SET_FIRST] || (day.early_close && day.close_s != ONE_O_CLOCK))
            fail_on(days, &day, early.has[days - SET_FIRST] ? "closes at 13:00" : "closes as usual");
    }
}

static void
names_holidays(void **state)
{
    (void)state;
    static const struct {
        const char *date;
        const char *name;
    } cases[] = {
        {"2024-01-01", "New Year's Day"},
        {"2023-01-02", "New Year's Day (observed)"},
        {"2023-01-01", NULL}, /* the Sunday itself cancels nothing */
        {"2021-12-31", NULL}, /* New Year's Day 2022 was a Saturday */
        {"2027-12-31", NULL},
        {"1997-01-20", NULL}, /* the year before the exchange took it up */
        {"1998-01-19", "Martin Luther King Jr. Day"},
        {"2024-02-19", "Washington's Birthday"},
        {"2024-03-29", "Good Friday"},
        {"2024-05-27", "Memorial Day"},
        {"2021-06-18", NULL},
        {"2022-06-20", "Juneteenth (observed)"},
        {"2024-06-19", "Juneteenth"},
        {"2027-06-18", "Juneteenth (observed)"},
        {"2020-07-03", "Independence Day (observed)"},
        {"2021-07-05", "Independence Day (observed)"},
        {"2024-07-04", "Independence Day"},
        {"2024-09-02", "Labor Day"},
        {"2024-11-28", "Thanksgiving Day"},
        {"2023-11-23", "Thanksgiving Day"},
        {"2024-12-25", "Christmas Day"},
        {"2021-12-24", "Christmas Day (observed)"},
        {"2022-12-26", "Christmas Day (observed)"},
        {"1994-04-27", "National Day of Mourning for Richard Nixon"},
        {"2001-09-11", "September 11 attacks"},
        {"2001-09-14", "September 11 attacks"},
        {"2001-09-17", NULL},
        {"2004-06-11", "National Day of Mourning for Ronald Reagan"},
        {"2007-01-02", "National Day of Mourning for Gerald Ford"},
        {"2012-10-30", "Hurricane Sandy"},
        {"2018-12-05", "National Day of Mourning for George H. W. Bush"},
        {"2025-01-09", "National Day of Mourning for Jimmy Carter"},
        {"2024-11-29", NULL}, /* an early close is no holiday */
        {"1999-12-31", NULL},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct calendar_day day;
        calendar_nyse_day(days_of(cases[i].date), &day);
        bool same =
            cases[i].name ? day.holiday_name && strcmp(day.holiday_name, cases[i].name) == 0 : day.holiday_name == NULL;
        if (!same || day.is_holiday != (cases[i].name != NULL))
            fail_on(days_of(cases[i].date), &day, cases[i].name ? cases[i].name : "no holiday");
    }
}

/* Easter Sundays from published tables, the earliest, the latest and the exceptions of the epact among them. */
static void
finds_easter(void **state)
{
    (void)state;
    static const char *const easter_sundays[] = {
        "1818-03-22", "1886-04-25", "1943-04-25", "1954-04-18", "1961-04-02", "1981-04-19", "2000-04-23", "2008-03-23",
        "2011-04-24", "2016-03-27", "2024-03-31", "2038-04-25", "2049-04-18", "2076-04-19", "2285-03-22", "3165-04-18",
    };
    for (size_t i = 0; i < LENGTH(easter_sundays); i++) {
        struct calendar_day day;
        calendar_nyse_day(days_of(easter_sundays[i]) - 2, &day);
        if (!day.holiday_name || strcmp(day.holiday_name, "Good Friday") != 0)
            fail_on(days_of(easter_sundays[i]) - 2, &day, "Good Friday");
    }
}

/* In every year to come: ten holidays, or nine when New Year's Day is a Saturday; at most three early closes; sessions
 * have hours and nothing else does. */
static void
keeps_its_rules_in_years_to_come(void **state)
{
    (void)state;
    for (int year = 2026; year < 2426; year++) {
        int holidays = 0, early = 0;
        bool saturday = calendar_date_weekday(calendar_date_days(year, 1, 1)) == CALENDAR_SATURDAY;
        for (int32_t days = calendar_date_days(year, 1, 1); days < calendar_date_days(year + 1, 1, 1); days++) {
            struct calendar_day day;
            calendar_nyse_day(days, &day);
            holidays += day.is_holiday;
            early += day.early_close;
            if (!day.is_trading_day)
                assert_closed_between(days, days);
            else if (day.open_s != OPEN_S || day.close_s != (day.early_close ? ONE_O_CLOCK : CLOSE_S))
                fail_on(days, &day, "regular or early hours");
        }
        assert_int_equal(holidays, saturday ? 9 : 10);
        assert_true(early >= 1 && early <= 3);
    }
}

static void
is_a_calendar_like_others(void **state)
{
    (void)state;
    const struct calendar *nyse = calendar_nyse();
    struct calendar_day by_rule, by_calendar;
    assert_string_equal(nyse->venue, "NYSE");
    assert_string_equal(nyse->timezone, "America/New_York");
    assert_false(calendar_covers(nyse, days_of("1989-12-31")));
    assert_true(calendar_covers(nyse, days_of("1990-01-01")));
    assert_true(calendar_covers(nyse, days_of("2199-12-31")));
    for (int32_t days = days_of("1990-01-01"); days < days_of("2030-01-01"); days++) {
        calendar_nyse_day(days, &by_rule);
        calendar_day_of(nyse, days, &by_calendar);
        assert_true(by_rule.is_trading_day == by_calendar.is_trading_day && by_rule.open_s == by_calendar.open_s &&
                    by_rule.close_s == by_calendar.close_s && by_rule.holiday_name == by_calendar.holiday_name);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_recorded_sessions),
        cmocka_unit_test(equals_recorded_closures),
        cmocka_unit_test(equals_announced_holidays_and_early_closes),
        cmocka_unit_test(names_holidays),
        cmocka_unit_test(finds_easter),
        cmocka_unit_test(keeps_its_rules_in_years_to_come),
        cmocka_unit_test(is_a_calendar_like_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
