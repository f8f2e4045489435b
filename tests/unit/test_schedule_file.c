/* Schedule files: what is refused, on which line and with which remedy; defaults; placeholders in arguments. */
#include "jobs/schedule_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/buffer.h"
#include "core/business_clock.h"
#include "core/calendar_date.h"
#include "jobs/period.h"
#include "jobs/schedule_argument.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define OK            "\"cron\": \"0 1 * * *\", \"job\": \"dates\""

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

static enum error_code
parse(const char *text, struct schedule_set *set, struct error *error)
{
    return schedule_file_parse(text, "s.json", "Europe/London", &arena, set, error);
}

static void
errors_name_line_and_remedy(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{\"schedules\": [\n{\"name\": \"a\", \"corn\": \"\"}]}",
         "s.json, line 2: there is no key \"corn\"; a schedule may say name, about, cron"},
        {"{\"schedules\": [\n{\"name\": \"a\",\n" OK ",\n\"name\": \"b\"}]}",
         "s.json, line 4: \"name\" is given twice, first on line 2"},
        {"{\"schedules\": [\n{" OK "}]}", "s.json, line 2: a schedule has no \"name\""},
        {"{\"schedules\": [{\"name\": \"A b\", " OK "}]}",
         "s.json, line 1: schedule \"A b\": a name has 1 to 64 small letters"},
        {"{\"schedules\": [\n{\"name\": \"a\", " OK "},\n{\n\"name\": \"a\", " OK "}]}",
         "s.json, line 4: there is a schedule \"a\" already"},
        {"{\"schedules\": [{\"name\": \"a\",\n\"cron\": \"0 25 * * *\", \"job\": \"dates\"}]}",
         "s.json, line 2: schedule \"a\": "},
        {"{\"schedules\": [{\"name\": \"a\",\n\n\"cron\": \"0 0 30 2 *\", \"job\": \"dates\"}]}",
         "s.json, line 3: schedule \"a\": cron \"0 0 30 2 *\" is never due"},
        {"{\"schedules\": [\n{\"name\": \"a\", \"job\": \"dates\"}]}",
         "s.json, line 2: schedule \"a\": there is no \"cron\"; say when"},
        {"{\"schedules\": [{\"name\": \"a\", \"cron\": \"@daily\",\n\"job\": \"date\"}]}",
         "s.json, line 2: schedule \"a\": there is no job \"date\"; `tapemill enqueue --help` lists them"},
        {"{\"schedules\": [{\"name\": \"a\", \"cron\": \"@daily\",\n\"job\": \"daily_load\"}]}",
         "line 2: schedule \"a\": there is no job \"daily_load\", but a pipeline"},
        {"{\"schedules\": [{\"name\": \"a\", \"cron\": \"@daily\",\n\"pipeline\": \"dates\"}]}",
         "line 2: schedule \"a\": there is no pipeline \"dates\", but a job"},
        {"{\"schedules\": [{\"name\": \"a\", \"cron\": \"@daily\"}]}",
         "line 1: schedule \"a\": there is no \"job\" or \"pipeline\""},
        {"{\"schedules\": [{\"name\": \"a\", " OK ", \"pipeline\": \"daily_load\"}]}",
         "there are both \"job\" and \"pipeline\""},
        {"{\"schedules\": [{\"name\": \"a\", \"cron\": \"@daily\",\n\n\"pipeline\": \"daily_load\"}]}",
         "s.json, line 1: schedule \"a\": daily_load works on business dates; add \"dates\""},
        {"{\"schedules\": [{\"name\": \"a\", \"cron\": \"@daily\", \"job\": \"load_trades\"}]}",
         "load_trades works on business dates"},
        {"{\"schedules\": [{\"name\": \"a\", " OK ",\n\"dates\": \"completed\"}]}",
         "line 2: schedule \"a\": dates is not about a date; leave \"dates\" out"},
        {"{\"schedules\": [{\"name\": \"a\", " OK ",\n\"time_zone\": \"America/Gotham\"}]}",
         "line 2: schedule \"a\": "},
        {"{\"schedules\": [{\"name\": \"a\", " OK ",\n\"catch_up\": \"some\"}]}",
         "line 2: schedule \"a\": \"catch_up\" is \"some\"; it must be one of none, last, all"},
        {"{\"schedules\": [{\"name\": \"a\", " OK ",\n\"gap\": \"first\"}]}", "it must be one of next_instant, skip"},
        {"{\"schedules\": [{\"name\": \"a\", " OK ",\n\"fold\": \"skip\"}]}", "it must be one of first, second, both"},
        {"{\"schedules\": [{\"name\": \"a\", " OK ",\n\"overlap\": \"\"}]}", "it must be one of skip, queue, allow"},
        {"{\"schedules\": [{\"name\": \"a\", " OK ",\n\"first\": \"now\"}]}", "it must be one of next_tick, at_once"},
        {"{\"schedules\": [{\"name\": \"a\", " OK ",\n\"catch_up_window\": \"1 day\"}]}",
         "line 2: schedule \"a\": \"catch_up_window\" is \"1 day\"; write a number"},
        {"{\"schedules\": [{\"name\": \"a\", " OK ",\n\"catch_up_window\": \"367d\"}]}", "it must be from 1s to 366d"},
        {"{\"schedules\": [{\"name\": \"a\", " OK ",\n\"catch_up_window\": \"0s\"}]}", "it must be from 1s to 366d"},
        {"{\"schedules\": [{\"name\": \"a\", " OK ",\n\"priority\": 10}]}",
         "line 2: schedule \"a\": \"priority\" is 10; it must be a whole number from 0 to 9"},
        {"{\"schedules\": [{\"name\": \"a\", " OK ",\n\"priority\": \"5\"}]}",
         "s.json, line 2: here must be a number, such as 5 (without quotes)"},
        {"{\"schedules\": [{\"name\": \"a\", " OK ",\n\"queue\": \"a b\"}]}",
         "line 2: schedule \"a\": \"queue\" is \"a b\""},
        {"{\"schedules\": [{\"name\": \"a\", " OK ",\n\"arguments\": {\n\"depth\": \"1\"}}]}",
         "s.json, line 3: schedule \"a\": dates takes no argument \"depth\""},
        {"{\"schedules\": [{\"name\": \"a\", \"cron\": \"@daily\", \"job\": \"load_changed_trades\",\n\"arguments\": "
         "{\"since\": \"{when}\"}}]}",
         "line 2: schedule \"a\": argument \"since\": \"{when}\" is no placeholder"},
        {"{\"schedules\": [{\"name\": \"a\", \"cron\": \"@daily\", \"job\": \"load_changed_trades\",\n\"arguments\": "
         "{\"since\": \"{date}\"}}]}",
         "{date} needs \"dates\""},
        {"{\"schedules\": [{\"name\": \"a\", \"cron\": \"@daily\", \"job\": \"load_changed_trades\",\n\"arguments\": "
         "{\"since\": \"1\",\n\"since\": \"2\"}}]}",
         "s.json, line 3: argument \"since\" is given twice"},
        {"{\"schedules\": [{\"name\": \"a\", \"cron\": \"@daily\", \"job\": \"load_changed_trades\",\n\"arguments\": "
         "{\"since\": 1}}]}",
         "s.json, line 2: here must be a text in quotes"},
        {"[]", "s.json, line 1: here must be an object: {\"schedules\": [...]}"},
        {"{\n\"jobs\": []}", "s.json, line 2: there is no key \"jobs\" here"},
        {"{\"schedules\": [\n5]}", "s.json, line 2: here must be a schedule: {\"name\""},
        {"{\"schedules\": [],\n\"more\": 1}", "s.json, line 2: here must be nothing more"},
        {"{\"schedules\": [\n{\"name\": \"a\"\n\"cron\": \"\"}]}", "s.json, line 3: a comma or } should stand where"},
    };
    struct schedule_set set;
    struct error error;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        if (!parse(cases[i].text, &set, &error))
            fail_msg("accepted: %s", cases[i].text);
        if (!strstr(error.message, cases[i].message) || error.code == ERROR_MEMORY)
            fail_msg("%s\ngives: %s\nnot:   %s", cases[i].text, error.message, cases[i].message);
    }
}

static void
defaults_are_spelt_out(void **state)
{
    (void)state;
    static const char *const expected[SCHEDULE_KEY_COUNT] = {
        [SCHEDULE_KEY_NAME] = "a",        [SCHEDULE_KEY_CRON] = "0 1 * * *", [SCHEDULE_KEY_TIME_ZONE] = "Europe/London",
        [SCHEDULE_KEY_JOB] = "dates",     [SCHEDULE_KEY_DATES] = "none",     [SCHEDULE_KEY_PRIORITY] = "5",
        [SCHEDULE_KEY_CATCH_UP] = "last", [SCHEDULE_KEY_WINDOW] = "1d",      [SCHEDULE_KEY_GAP] = "next_instant",
        [SCHEDULE_KEY_FOLD] = "first",    [SCHEDULE_KEY_OVERLAP] = "skip",   [SCHEDULE_KEY_FIRST] = "next_tick",
    };
    struct schedule_set set;
    struct error error;
    char scratch[24];
    assert_int_equal(parse("{\"schedules\": [{\"name\": \"a\", " OK "}]}", &set, &error), ERROR_NONE);
    assert_int_equal(set.count, 1);
    for (int key = 0; key < SCHEDULE_KEY_COUNT; key++) {
        const char *value = schedule_value(&set.items[0], (enum schedule_key)key, scratch);
        if (!value != !expected[key] || (value && strcmp(value, expected[key]) != 0))
            fail_msg("%s is %s", schedule_key_name((enum schedule_key)key), value ? value : "null");
    }
    assert_int_equal(set.items[0].window_s, 86400);
    assert_null(schedule_find(&set, "b"));
}

static void
every_value_arrives(void **state)
{
    (void)state;
    static const char text[] = "{\"schedules\": [{\"name\": \"x-1\", \"about\": \"\\u00e9\", \"cron\": \"5 4 3 * * "
                               "*\", \"time_zone\": \"Asia/Tokyo\","
                               "\"pipeline\": \"daily_load\", \"dates\": \"completed\", \"queue\": \"live\", "
                               "\"priority\": 9, \"catch_up\": \"all\","
                               "\"catch_up_window\": \"90m\", \"gap\": \"skip\", \"fold\": \"both\", \"overlap\": "
                               "\"queue\", \"first\": \"at_once\"}]}";
    struct schedule_set set;
    struct error error;
    assert_int_equal(parse(text, &set, &error), ERROR_NONE);
    const struct schedule *schedule = &set.items[0];
    assert_true(schedule->is_pipeline);
    assert_string_equal(schedule->target, "daily_load");
    assert_string_equal(schedule->about, "\xc3\xa9");
    assert_string_equal(schedule->zone->name, "Asia/Tokyo");
    assert_string_equal(schedule->queue, "live");
    assert_int_equal(schedule->priority, 9);
    assert_int_equal(schedule->dates, SCHEDULE_DATES_COMPLETED);
    assert_int_equal(schedule->catch_up, SCHEDULE_CATCH_UP_ALL);
    assert_int_equal(schedule->window_s, 5400);
    assert_int_equal(schedule->policy.gap, CRON_GAP_SKIP);
    assert_int_equal(schedule->policy.fold, CRON_FOLD_BOTH);
    assert_int_equal(schedule->overlap, SCHEDULE_OVERLAP_QUEUE);
    assert_int_equal(schedule->first, SCHEDULE_FIRST_AT_ONCE);
}

static void
the_one_that_is_shipped_is_valid_and_runs_what_it_must(void **state)
{
    (void)state;
    static const char *const targets[] = {"sync_dimensions",
                                          "sync_fx_rates",
                                          "load_changed_executions",
                                          "load_changed_trades",
                                          "sync_orders",
                                          "load_changed_quotes",
                                          "load_changed_risk_snapshots",
                                          "sync_positions",
                                          "daily_load",
                                          "compare_source",
                                          "dates",
                                          "partitions",
                                          "client_metrics",
                                          "lp_performance"};
    struct schedule_set set;
    struct error error;
    if (schedule_file_read(NULL, "America/New_York", &arena, &set, &error))
        fail_msg("%s", error.message);
    for (size_t i = 0; i < LENGTH(targets); i++) {
        size_t found = 0;
        for (size_t j = 0; j < set.count; j++)
            found += strcmp(set.items[j].target, targets[i]) == 0;
        if (!found)
            fail_msg("nothing enqueues %s", targets[i]);
    }
}

static void
placeholders_are_replaced(void **state)
{
    (void)state;
    static const char text[] =
        "{\"schedules\": [{\"name\": \"a\", \"cron\": \"@daily\", \"job\": \"load_changed_trades\","
        "\"arguments\": {\"since\": \"{{x}} {interval_start}/{interval_end} {tick_date}\\\"\"}}]}";
    const struct schedule_moment moment = {1804996800, 1805083200, "2027-03-15", ""};
    struct schedule_set set;
    struct buffer json;
    struct error error;
    if (parse(text, &set, &error))
        fail_msg("%s", error.message);
    buffer_init(&json, 1024);
    schedule_argument_append(&json, &set.items[0], &moment);
    assert_string_equal(json.bytes, "{\"since\": \"{x} 2027-03-14T04:00:00Z/2027-03-15T04:00:00Z 2027-03-15\\\"\"}");
    buffer_term(&json);
}

static enum schedule_dates
dates_named(const char *word)
{
    const char *const *words = schedule_choices(SCHEDULE_KEY_DATES);
    int i = 0;
    while (strcmp(words[i], word) != 0)
        i++;
    return (enum schedule_dates)i;
}

static void
dates_of_a_tick(void **state)
{
    (void)state;
    static const struct {
        const char *dates, *start, *tick, *first, *last; /* instants in UTC; New York: -5 hours in winter */
        int roll_hour;
    } cases[] = {
        {"to_tick", "2024-01-05T22:30", "2024-01-08T22:30", "2024-01-05", "2024-01-08", 0}, /* Friday to Monday */
        {"to_tick", "2024-01-08T22:30", "2024-01-09T22:30", "2024-01-08", "2024-01-09", 0},
        {"to_tick", "2024-01-09T15:00", "2024-01-09T16:00", "2024-01-09", "2024-01-09",
         0}, /* within a date: that date */
        {"to_tick", "2024-01-09T04:00", "2024-01-09T05:00", "2024-01-08", "2024-01-09",
         0}, /* at midnight: the one that ended, too */
        {"to_tick", "2024-01-08T22:30", "2024-01-09T22:30", "2024-01-09", "2024-01-10",
         17}, /* began half an hour ago */
        {"completed", "2024-01-08T22:30", "2024-01-09T22:30", "2024-01-09", "2024-01-09", 17},
        {"completed", "2024-01-05T06:00", "2024-01-08T06:00", "2024-01-05", "2024-01-07", 0},
        {"completed", "2024-01-08T06:00", "2024-01-09T06:00", "2024-01-08", "2024-01-08", 0},
        {"completed", "2024-01-09T04:00", "2024-01-09T05:00", "2024-01-08", "2024-01-08", 0},
        {"completed", "2024-01-09T15:00", "2024-01-09T16:00", "2024-01-09", "2024-01-08", 0},      /* none */
        {"completed", "2024-03-10T06:00", "2024-03-11T05:00", "2024-03-10", "2024-03-10", 0},      /* 23 hours */
        {"last_completed", "2024-01-01T07:00", "2024-01-08T07:00", "2024-01-07", "2024-01-07", 0}, /* a week's Sunday */
        {"last_completed", "2024-02-01T08:00", "2024-03-01T08:00", "2024-02-29", "2024-02-29", 0},
        {"last_completed", "2024-02-29T22:30", "2024-03-01T22:30", "2024-03-01", "2024-03-01", 17},
        {"last_completed", "2024-01-09T04:00", "2024-01-09T05:00", "2024-01-08", "2024-01-08", 0},
        {"last_completed", "2024-01-09T15:00", "2024-01-09T16:00", "2024-01-09", "2024-01-08", 0}, /* none */
    };
    struct business_clock clock;
    struct error error;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        assert_int_equal(business_clock_init(&clock, "America/New_York", cases[i].roll_hour * 3600, &error),
                         ERROR_NONE);
        struct schedule schedule = {.dates = dates_named(cases[i].dates)};
        const char *const instants[] = {cases[i].start, cases[i].tick};
        char first_text[CALENDAR_DATE_BYTES], last_text[CALENDAR_DATE_BYTES];
        int64_t unix_s[2];
        int32_t first, last;
        for (int k = 0; k < 2; k++) {
            int year, month, day, hour, minute;
            assert_int_equal(sscanf(instants[k], "%d-%d-%dT%d:%d", &year, &month, &day, &hour, &minute), 5);
            unix_s[k] = ((int64_t)calendar_date_days(year, month, day) * 24 + hour) * 3600 + minute * 60;
        }
        schedule_dates_of(&schedule, &clock, unix_s[0], unix_s[1], &first, &last);
        if (strcmp(calendar_date_format(first, first_text), cases[i].first) != 0 ||
            strcmp(calendar_date_format(last, last_text), cases[i].last) != 0)
            fail_msg("%s [%s, %s): %s to %s", cases[i].dates, cases[i].start, cases[i].tick, first_text, last_text);
    }
}

/* Each tick of a shipped schedule with a period works on the last date of one that is over, none is left out, and each
 * type of period has its ticks. */
static void
shipped_periods_are_over(void **state)
{
    (void)state;
    struct business_clock clock;
    struct schedule_set set;
    struct error error;
    size_t of_type[PERIOD_TYPES] = {0};
    if (schedule_file_read(NULL, "America/New_York", &arena, &set, &error) ||
        business_clock_init(&clock, "America/New_York", 0, &error))
        fail_msg("%s", error.message);
    for (size_t i = 0; i < set.count; i++) {
        const char *name = schedule_argument(&set.items[i], "period");
        int64_t before_s = business_clock_start(&clock, calendar_date_days(2023, 12, 31)) / 1000000, tick_s;
        struct period expected = {0};
        enum period_type type;
        if (!name)
            continue;
        assert_int_equal(period_type_find(name, &type, &error), ERROR_NONE);
        assert_true(schedule_next(&set.items[i], before_s, &before_s));
        for (int n = 0; n < 60 && schedule_next(&set.items[i], before_s, &tick_s); n++, before_s = tick_s) {
            int32_t first, last;
            schedule_dates_of(&set.items[i], &clock, before_s, tick_s, &first, &last);
            struct period period = period_of(type, last);
            assert_int_equal(first, last);
            assert_int_equal(period.last, last);
            if (n)
                assert_int_equal(period.first, expected.last + 1);
            expected = period;
            of_type[type]++;
        }
    }
    for (int type = PERIOD_WEEKLY; type < PERIOD_TYPES; type++)
        assert_true(of_type[type] >= 30);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(errors_name_line_and_remedy, begin, end),
        cmocka_unit_test_setup_teardown(defaults_are_spelt_out, begin, end),
        cmocka_unit_test_setup_teardown(every_value_arrives, begin, end),
        cmocka_unit_test_setup_teardown(the_one_that_is_shipped_is_valid_and_runs_what_it_must, begin, end),
        cmocka_unit_test_setup_teardown(placeholders_are_replaced, begin, end),
        cmocka_unit_test(dates_of_a_tick),
        cmocka_unit_test_setup_teardown(shipped_periods_are_over, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
