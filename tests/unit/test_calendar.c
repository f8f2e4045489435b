/* Calendars from files, and the rows of dim_date and dim_time. */
#include "core/business_clock.h"
#include "jobs/calendar.h"

#include "tests/support/test_data.h"

#include <stdbool.h>

#define LENGTH(array)    (sizeof(array) / sizeof((array)[0]))
#define AT(hour, minute) ((hour)*3600 + (minute)*60)

#define WEEK                                                                                                           \
    "monday,open,08:00,16:30\ntuesday,open,08:00,16:30\nwednesday,open,08:00,16:30\nthursday,open,08:00,16:30\n"       \
    "friday,open,08:00,16:30\nsaturday,closed\nsunday,closed\n"
#define HEAD "venue,XLON\ntimezone,Europe/London\ncovers,2020-01-01,2030-12-31\n"

static int32_t
days_of(const char *text)
{
    struct error error;
    int32_t days;
    if (calendar_date_parse(text, &days, &error) != ERROR_NONE)
        fail_msg("%s", error.message);
    return days;
}

static struct calendar *
parse(const char *text)
{
    struct calendar *calendar = NULL;
    struct error error;
    if (calendar_parse("london.csv", text, strlen(text), &calendar, &error) != ERROR_NONE)
        fail_msg("%s", error.message);
    return calendar;
}

static void
assert_day(const struct calendar *calendar, const char *date, int open_s, int close_s, const char *holiday_name)
{
    struct calendar_day day;
    calendar_day_of(calendar, days_of(date), &day);
    if (day.open_s != open_s || day.close_s != close_s || day.is_trading_day != (open_s != CALENDAR_CLOSED) ||
        (day.holiday_name == NULL) != (holiday_name == NULL) ||
        (holiday_name && strcmp(day.holiday_name, holiday_name) != 0) || day.is_holiday != (holiday_name != NULL))
        fail_msg("%s: %d to %d, %s", date, day.open_s, day.close_s, day.holiday_name ? day.holiday_name : "no holiday");
}

static void
reads_a_file(void **state)
{
    (void)state;
    struct calendar_day day;
    struct calendar *calendar = parse("\xEF\xBB\xBF# London\r\n"
                                      "\r\n"
                                      "2024-12-26 , closed , , , Boxing Day\r\n"
                                      "2024-12-24,open,08:00,12:30,Christmas Eve\r\n" HEAD WEEK "extended,05:05,17:15\n"
                                      "  # any order, names with commas and umlauts\n"
                                      "2022-06-02,closed,,,Spring, moved for the jubil\xC3\xA9\n"
                                      "2024-12-28,open,09:00,17:30\n"
                                      "2024-12-21,closed,,,Test\n"
                                      "2024-12-23,open,07:00,16:30");
    assert_string_equal(calendar->venue, "XLON");
    assert_string_equal(calendar->timezone, "Europe/London");
    assert_day(calendar, "2024-12-20", AT(8, 0), AT(16, 30), NULL);
    assert_day(calendar, "2024-12-21", CALENDAR_CLOSED, CALENDAR_CLOSED, "Test");
    assert_day(calendar, "2024-12-22", CALENDAR_CLOSED, CALENDAR_CLOSED, NULL);
    assert_day(calendar, "2024-12-23", AT(7, 0), AT(16, 30), NULL);
    assert_day(calendar, "2024-12-24", AT(8, 0), AT(12, 30), NULL);
    assert_day(calendar, "2024-12-26", CALENDAR_CLOSED, CALENDAR_CLOSED, "Boxing Day");
    assert_day(calendar, "2024-12-28", AT(9, 0), AT(17, 30), NULL);
    assert_day(calendar, "2022-06-02", CALENDAR_CLOSED, CALENDAR_CLOSED, "Spring, moved for the jubil\xC3\xA9");
    calendar_day_of(calendar, days_of("2024-12-24"), &day);
    assert_true(day.early_close);
    calendar_day_of(calendar, days_of("2024-12-23"), &day);
    assert_false(day.early_close); /* opens earlier, closes as usual */
    calendar_day_of(calendar, days_of("2024-12-28"), &day);
    assert_false(day.early_close); /* a Saturday has no usual close */
    assert_true(calendar_covers(calendar, days_of("2020-01-01")) && calendar_covers(calendar, days_of("2030-12-31")));
    assert_false(calendar_covers(calendar, days_of("2019-12-31")) || calendar_covers(calendar, days_of("2031-01-01")));
    calendar_destroy(calendar);
    calendar_destroy(NULL);
}

static void
reads_a_file_without_exceptions(void **state)
{
    (void)state;
    struct calendar *calendar = parse(HEAD WEEK);
    assert_day(calendar, "2024-12-25", AT(8, 0), AT(16, 30), NULL);
    calendar_destroy(calendar);
}

static void
refuses_with_file_line_and_remedy(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected; /* in the message */
    } cases[] = {
        {"", "london.csv: no line begins with \"monday\"; add one, for example \"monday,open,08:00,16:30\""},
        {HEAD, "no line begins with \"monday\""},
        {WEEK, "no line begins with \"venue\"; add one, for example \"venue,XLON\""},
        {"venue,X\ncovers,2020-01-01,2020-12-31\n" WEEK, "no line begins with \"timezone\""},
        {"venue,X\ntimezone,UTC\n" WEEK, "no line begins with \"covers\""},
        {HEAD WEEK "2024-02-30,closed,,,X", "line 11: \"2024-02-30\" is not a date: day 30 does not exist"},
        {HEAD WEEK "2024-2-3,closed,,,X", "line 11: \"2024-2-3\" is not a date; write YYYY-MM-DD"},
        {HEAD WEEK "2024-12-25,shut,,,X", "line 11: \"shut\" stands where \"open\" or \"closed\" must"},
        {HEAD WEEK "2024-12-25", "line 11: \"\" stands where \"open\" or \"closed\" must"},
        {HEAD WEEK "2024-12-25,closed", "line 11: the holiday 2024-12-25 has no name; write it"},
        {HEAD WEEK "2024-12-25,closed,08:00,12:00,X", "line 11: a closed day has no hours"},
        {HEAD WEEK "2024-12-24,open,,,X", "line 11: \"\" is not a time of day; write HH:MM"},
        {HEAD WEEK "2024-12-24,open,8:00,12:30,X", "line 11: \"8:00\" is not a time of day"},
        {HEAD WEEK "2024-12-24,open,08:60,12:30,X", "line 11: \"08:60\" is not a time of day"},
        {HEAD WEEK "2024-12-24,open,08:00,24:01,X", "line 11: \"24:01\" is not a time of day"},
        {HEAD WEEK "2024-12-24,open,08:00,1230h,X", "line 11: \"1230h\" is not a time of day"},
        {HEAD WEEK "2024-12-24,open,16:30,08:00,X",
         "line 11: the hours from 16:30 to 08:00 are empty; write the earlier"},
        {HEAD WEEK "2024-12-24,open,08:00,08:00,X", "line 11: the hours from 08:00 to 08:00 are empty"},
        {HEAD WEEK "extended,20:00,04:00", "line 11: the hours from 20:00 to 04:00 are empty"},
        {HEAD WEEK "Monday,closed", "line 11: a line cannot begin with \"Monday\"; begin it with a date, a weekday"},
        {HEAD WEEK "monday,closed", "line 11: \"monday\" stands already on line 4; remove one of the two"},
        {HEAD WEEK "\n\nvenue,Y", "line 13: \"venue\" stands already on line 1"},
        {"venue,\n", "line 1: the venue has no name; write one, for example \"venue,XLON\""},
        {"timezone\n", "line 1: the time zone has no name; write one, for example \"timezone,Europe/London\""},
        {"covers,2020-01-01\n", "line 1: \"\" is not a date; write YYYY-MM-DD"},
        {"covers,2021-01-01,2020-01-01\n", "line 1: the last date lies before the first"},
        {HEAD WEEK "2031-01-01,closed,,,X",
         "2031-01-01 on line 11 lies outside what line 3 says the file covers; widen"},
        {HEAD WEEK "2024-12-25,closed,,,X\n2024-12-24,closed,,,X\n2024-12-25,closed,,,X",
         "2024-12-25 stands on lines 11 and 13; remove one of the two"},
        {HEAD WEEK "2024-12-25,closed,,,No\xEBl", "line 11: the name has a byte 0xEB that is not UTF-8 text; save"},
        {HEAD WEEK "2024-12-25,closed,,,\xED\xA0\x80", "byte 0xED that is not UTF-8"},
        {HEAD WEEK "2024-12-25,closed,,,\xC3", "byte 0xC3 that is not UTF-8"},
        {HEAD WEEK "2024-12-25,closed,,,A\tB", "byte 0x09 that is not UTF-8 text"},
        {HEAD WEEK "2024-12-25,closed,,,1234567890123456789012345678901234567890123456789012345678901234567890123456789"
                   "0123456789012345678901",
         "line 11: the name \"12345678901234567890...\" is longer than 100 bytes; shorten it"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct calendar *calendar = NULL;
        struct error error = {0};
        if (calendar_parse("london.csv", cases[i].text, strlen(cases[i].text), &calendar, &error) != ERROR_CONFIG)
            fail_msg("case %zu was accepted; expected: %s", i, cases[i].expected);
        if (!strstr(error.message, cases[i].expected) || !strstr(error.message, "calendar london.csv: "))
            fail_msg("case %zu: %s", i, error.message);
        assert_null(calendar);
    }
}

static void
refuses_what_is_no_calendar_file(void **state)
{
    (void)state;
    static char large[CALENDAR_FILE_MAX_BYTES + 2];
    static const char zero[] = "venue,X\n\0timezone,UTC\n";
    struct calendar *calendar = NULL;
    struct error error;
    memset(large, '\n', sizeof(large));
    assert_int_equal(calendar_parse("large.csv", large, sizeof(large), &calendar, &error), ERROR_CONFIG);
    assert_non_null(strstr(error.message, "calendar large.csv: larger than 1048576 bytes"));
    assert_int_equal(calendar_parse("zero.csv", zero, sizeof(zero) - 1, &calendar, &error), ERROR_CONFIG);
    assert_non_null(strstr(error.message, "calendar zero.csv: not a text file"));
    assert_int_equal(calendar_load("/nowhere/at/all.csv", &calendar, &error), ERROR_CONFIG);
    assert_string_equal(error.message, "cannot read the calendar file /nowhere/at/all.csv: No such file or directory; "
                                       "correct its path or its rights");
    assert_int_equal(calendar_load("/", &calendar, &error), ERROR_CONFIG);
    assert_non_null(strstr(error.message, "Is a directory"));
    assert_int_equal(calendar_load("/dev/zero", &calendar, &error), ERROR_CONFIG);
    assert_non_null(strstr(error.message, "calendar /dev/zero: larger than"));
    assert_null(calendar);
}

/* Every text that begins like a good one must be read or refused, and nothing else happen (under the sanitizers). */
static void
survives_truncation(void **state)
{
    (void)state;
    static const char text[] = HEAD WEEK "2024-12-24,open,08:00,12:30,Christmas Eve\n2024-12-25,closed,,,No\xC3\xABl\n";
    for (size_t bytes = 0; bytes < sizeof(text); bytes++) {
        struct calendar *calendar = NULL;
        struct error error = {0};
        if (calendar_parse("cut.csv", text, bytes, &calendar, &error) == ERROR_NONE)
            calendar_destroy(calendar);
        else
            assert_non_null(strstr(error.message, "calendar cut.csv: "));
    }
}

static void
split_utc(const struct business_clock *business, const char *text, int32_t *days, int *second)
{
    char date[CALENDAR_DATE_BYTES];
    int hour, minute;
    (void)snprintf(date, sizeof(date), "%.10s", text);
    assert_int_equal(sscanf(text + 10, "T%d:%d:", &hour, &minute), 2);
    business_clock_split(business, ((int64_t)days_of(date) * CALENDAR_DATE_DAY_S + AT(hour, minute)) * 1000000, days,
                         second);
}

struct london_session {
    int32_t days;
    int open_s;
    int close_s;
};

static size_t
read_london_sessions(struct london_session *sessions, size_t count_max)
{
    static struct business_clock business;
    struct error error;
    char line[256];
    size_t count = 0;
    FILE *file = test_data_open("calendars/sessions_xlon.csv.zst");
    assert_int_equal(business_clock_init(&business, "Europe/London", 0, &error), ERROR_NONE);
    assert_non_null(fgets(line, sizeof(line), file));
    while (fgets(line, sizeof(line), file)) {
        char opens[32], closes[32];
        int32_t close_days;
        assert_true(count < count_max);
        assert_int_equal(sscanf(line, "%*[^,],%31[^,],%31[^,]", opens, closes), 2);
        split_utc(&business, opens, &sessions[count].days, &sessions[count].open_s);
        split_utc(&business, closes, &close_days, &sessions[count].close_s);
        assert_int_equal(close_days, sessions[count].days);
        count++;
    }
    test_data_close(file);
    return count;
}

/* Writes what the sessions have beside the usual hours, as a calendar file. */
static void
write_london(FILE *file, const struct london_session *sessions, size_t count)
{
    char text[CALENDAR_DATE_BYTES];
    fprintf(file, "# made by a test\nvenue,XLON\ntimezone,Europe/London\n%s",
            "covers,1990-01-02,2023-09-12\nextended,05:05,17:15\n" WEEK);
    for (size_t i = 0; i < count; i++) {
        for (int32_t days = i > 0 ? sessions[i - 1].days + 1 : sessions[i].days; days < sessions[i].days; days++)
            if (calendar_date_weekday(days) <= CALENDAR_FRIDAY)
                fprintf(file, "%s,closed,,,London holiday\n", calendar_date_format(days, text));
        if (sessions[i].open_s != AT(8, 0) || sessions[i].close_s != AT(16, 30))
            fprintf(file, "%s,open,%02d:%02d,%02d:%02d\n", calendar_date_format(sessions[i].days, text),
                    sessions[i].open_s / 3600, sessions[i].open_s / 60 % 60, sessions[i].close_s / 3600,
                    sessions[i].close_s / 60 % 60);
    }
}

/* 33 years of London through a file and back. */
static void
reads_back_the_sessions_of_london(void **state)
{
    (void)state;
    static struct london_session sessions[10000];
    char path[64];
    struct calendar *calendar = NULL;
    struct error error = {0};
    size_t next = 0, early = 0, count = read_london_sessions(sessions, LENGTH(sessions));
    FILE *file = tmpfile();
    assert_non_null(file);
    write_london(file, sessions, count);
    assert_int_equal(fflush(file), 0);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fileno(file));
    enum error_code code = calendar_load(path, &calendar, &error);
    (void)fclose(file);
    if (code != ERROR_NONE)
        fail_msg("%s", error.message);
    for (int32_t days = sessions[0].days; days <= sessions[count - 1].days; days++) {
        struct calendar_day day;
        calendar_day_of(calendar, days, &day);
        bool trades = sessions[next].days == days;
        assert_true(day.is_trading_day == trades);
        assert_true(day.open_s == (trades ? sessions[next].open_s : CALENDAR_CLOSED));
        assert_true(day.close_s == (trades ? sessions[next].close_s : CALENDAR_CLOSED));
        next += trades;
        early += day.early_close;
    }
    assert_int_equal(next, 8515);
    assert_int_equal(count, 8515);
    assert_true(early > 40);
    calendar_destroy(calendar);
}

static void
fills_date_rows(void **state)
{
    (void)state;
    static const struct {
        const char *date;
        int fiscal_start_month;
        struct calendar_date_row row;
    } cases[] = {
        {"2024-02-29", 1, {20240229, 19782, 2024,  1,    2,    "February", 29, 4,         "Thursday", 9,    2024,
                           false,    true,  false, NULL, 2024, 1,          2,  AT(9, 30), AT(16, 0),  false}},
        {"2024-11-29", 10, {20241129, 20056, 2024,  4,    11,   "November", 29, 5,         "Friday",  48,  2024,
                            false,    true,  false, NULL, 2025, 1,          2,  AT(9, 30), AT(13, 0), true}},
        {"2024-12-25", 4, {20241225, 20082, 2024,  4,     12,   "December",      25,   3, "Wednesday",
                           52,       2024,  false, false, true, "Christmas Day", 2025, 3, 9,
                           -1,       -1,    false}},
        {"2023-01-01", 4, {20230101, 19358, 2023,  1,    1,    "January", 1,  7,  "Sunday", 52,   2022,
                           true,     false, false, NULL, 2023, 4,         10, -1, -1,       false}},
        {"2018-12-31", 12, {20181231, 17896, 2018,  4,    12,   "December", 31, 1,         "Monday",  1,    2019,
                            false,    true,  false, NULL, 2019, 1,          1,  AT(9, 30), AT(16, 0), false}},
        {"2021-01-03", 7, {20210103, 18630, 2021,  1,    1,    "January", 3, 7,  "Sunday", 53,   2020,
                           true,     false, false, NULL, 2021, 3,         7, -1, -1,       false}},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct calendar_date_row *want = &cases[i].row;
        struct calendar_date_row row;
        calendar_date_row(calendar_nyse(), days_of(cases[i].date), cases[i].fiscal_start_month, &row);
        assert_int_equal(row.days, days_of(cases[i].date));
        if (row.date_key != want->date_key || row.days != want->days || row.year != want->year ||
            row.quarter != want->quarter || row.month != want->month || strcmp(row.month_name, want->month_name) != 0 ||
            row.day_of_month != want->day_of_month)
            fail_msg("%s: the calendar columns differ", cases[i].date);
        if (row.day_of_week != want->day_of_week || strcmp(row.day_name, want->day_name) != 0 ||
            row.week_of_year != want->week_of_year || row.iso_year != want->iso_year ||
            row.is_weekend != want->is_weekend)
            fail_msg("%s: the week columns differ", cases[i].date);
        if (row.is_trading_day != want->is_trading_day || row.is_holiday != want->is_holiday ||
            row.session_open_s != want->session_open_s || row.session_close_s != want->session_close_s ||
            row.is_early_close != want->is_early_close || (row.holiday_name == NULL) != (want->holiday_name == NULL) ||
            (row.holiday_name && strcmp(row.holiday_name, want->holiday_name) != 0))
            fail_msg("%s: the session columns differ", cases[i].date);
        if (row.fiscal_year != want->fiscal_year || row.fiscal_quarter != want->fiscal_quarter ||
            row.fiscal_month != want->fiscal_month)
            fail_msg("%s: fiscal %d-%d-%d", cases[i].date, row.fiscal_year, row.fiscal_quarter, row.fiscal_month);
    }
}

/* Whatever the start month: fiscal months follow one another, twelve to a year, and the fiscal year has the name of the
 * calendar year in which its last month lies. */
static void
counts_fiscal_months(void **state)
{
    (void)state;
    for (int start = 1; start <= 12; start++) {
        int previous = 0;
        for (int month = 0; month < 120; month++) {
            struct calendar_date_row row;
            int year = 2020 + month / 12;
            calendar_date_row(calendar_nyse(), calendar_date_days(year, month % 12 + 1, 15), start, &row);
            int index = row.fiscal_year * 12 + row.fiscal_month;
            assert_true(previous == 0 || index == previous + 1);
            assert_int_equal(row.fiscal_quarter, (row.fiscal_month + 2) / 3);
            assert_true(row.fiscal_month != 12 || row.fiscal_year == year);
            previous = index;
        }
    }
}

struct time_case {
    int second_of_day;
    const char *time_of_day;
    const char *market_session;
};

/* Each case holds from its second up to the next case's. */
static void
assert_times(const struct calendar *calendar, const struct time_case *cases, size_t count)
{
    size_t at = 0;
    for (int32_t second = 0; second < CALENDAR_DATE_DAY_S; second++) {
        struct calendar_time_row row;
        if (at + 1 < count && cases[at + 1].second_of_day <= second)
            at++;
        calendar_time_row(calendar, second, &row);
        assert_int_equal(row.time_key, second);
        assert_int_equal(AT(row.hour, row.minute) + row.second, second);
        assert_true(row.hour < 24 && row.minute < 60 && row.second < 60);
        if (strcmp(row.time_of_day, cases[at].time_of_day) != 0 ||
            strcmp(row.market_session, cases[at].market_session) != 0)
            fail_msg("%02d:%02d:%02d is %s, %s", row.hour, row.minute, row.second, row.time_of_day, row.market_session);
    }
}

static void
fills_time_rows(void **state)
{
    (void)state;
    static const struct time_case new_york[] = {
        {0, "Night", "Closed"},
        {AT(4, 0), "Night", "Pre-Market"},
        {AT(6, 0), "Morning", "Pre-Market"},
        {AT(9, 30), "Morning", "Regular"},
        {AT(12, 0), "Afternoon", "Regular"},
        {AT(15, 30), "Close", "Regular"},
        {AT(16, 0), "Evening", "After-Hours"},
        {AT(20, 0), "Evening", "Closed"},
        {AT(22, 0), "Night", "Closed"},
    };
    static const struct time_case london[] = {
        {0, "Night", "Closed"},           {AT(6, 0), "Morning", "Closed"},
        {AT(8, 0), "Morning", "Regular"}, {AT(12, 0), "Afternoon", "Regular"},
        {AT(16, 0), "Close", "Regular"},  {AT(16, 30), "Evening", "Closed"},
        {AT(22, 0), "Night", "Closed"},
    };
    static const struct time_case always[] = {
        {0, "Night", "Regular"},           {AT(6, 0), "Morning", "Regular"}, {AT(12, 0), "Afternoon", "Regular"},
        {AT(18, 0), "Evening", "Regular"}, {AT(22, 0), "Night", "Regular"},  {AT(23, 30), "Close", "Regular"},
    };
    struct calendar *calendar = parse(HEAD WEEK);
    assert_times(calendar_nyse(), new_york, LENGTH(new_york));
    assert_times(calendar, london, LENGTH(london));
    calendar_destroy(calendar);
    calendar = parse(HEAD "monday,closed\ntuesday,open,00:00,24:00\nwednesday,open,00:00,24:00\nthursday,closed\n"
                          "friday,closed\nsaturday,closed\nsunday,open,17:00,24:00\n");
    assert_times(calendar, always, LENGTH(always));
    calendar_destroy(calendar);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_file),
        cmocka_unit_test(reads_a_file_without_exceptions),
        cmocka_unit_test(refuses_with_file_line_and_remedy),
        cmocka_unit_test(refuses_what_is_no_calendar_file),
        cmocka_unit_test(survives_truncation),
        cmocka_unit_test(reads_back_the_sessions_of_london),
        cmocka_unit_test(fills_date_rows),
        cmocka_unit_test(counts_fiscal_months),
        cmocka_unit_test(fills_time_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
