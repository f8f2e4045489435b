/* The test tables of two other cron libraries: every row of robfig/cron's and of ccronexpr's. robfig's rule for changes
 * of the clock (a time that is skipped is not due, one that is shown twice is due twice) is one of the policies, so
 * that no row of it has to be left out. */
#include "core/calendar_date.h"
#include "core/cron.h"

#include "tests/support/test_data.h"

#include <inttypes.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define COLUMNS       4
#define LINE_BYTES    512

static const struct cron_policy as_the_clock_shows = {CRON_GAP_SKIP, CRON_FOLD_BOTH};

static struct time_zone zone; /* large, so not on the stack */
static char line[LINE_BYTES];
static char *columns[COLUMNS];

/* Splits line in place; quotes as RFC 4180 has them, of which the tables use the plain ones only. */
static void
split_columns(void)
{
    char *at = line;
    line[strcspn(line, "\r\n")] = 0;
    for (int i = 0; i < COLUMNS; i++) {
        int quoted = *at == '"';
        columns[i] = at += quoted;
        at += strcspn(at, quoted ? "\"" : ",");
        if (quoted) {
            assert_int_equal(*at, '"');
            *at++ = 0;
        }
        assert_int_equal(*at, i + 1 < COLUMNS ? ',' : 0);
        *at++ = 0;
    }
}

static void
load(const char *name, size_t length)
{
    struct error error;
    char copy[TIME_ZONE_NAME_BYTES];
    (void)snprintf(copy, sizeof(copy), "%.*s", (int)length, name);
    if (time_zone_load(&zone, copy, &error) != ERROR_NONE)
        fail_msg("%s", error.message);
}

/* Loads the zone of a prefix "TZ=" or "CRON_TZ=", and returns what follows it; text itself if there is none. */
static const char *
take_zone(const char *text)
{
    static const char *const prefixes[] = {"TZ=", "CRON_TZ="};
    for (size_t i = 0; i < LENGTH(prefixes); i++) {
        size_t length = strlen(prefixes[i]);
        if (strncmp(text, prefixes[i], length) == 0) {
            size_t name = strcspn(text + length, " ");
            load(text + length, name);
            return text + length + name + 1;
        }
    }
    return text;
}

/* An instant in one of the tables' three ways to write it: "Mon Jul 9 14:59:59 2012" (seconds optional, weekdays not
 * always right), "2012-03-11T00:00:00-0500", "2019-03-09_11:43:00". */
static int64_t
instant(const char *text)
{
    int year, day, hour, minute, second = 0, month = 0, offset = 0;
    char name[4], mark;
    if (sscanf(text, "%d-%d-%d%c%d:%d:%d%d", &year, &month, &day, &mark, &hour, &minute, &second, &offset) < 7) {
        int length = 0;
        month = 0;
        second = 0;
        assert_int_equal(sscanf(text, "%*s %3s %d %d:%d%n", name, &day, &hour, &minute, &length), 4);
        for (int i = 1; i <= 12; i++)
            if (strncmp(calendar_date_month_name(i), name, 3) == 0)
                month = i;
        assert_true(month > 0);
        if (text[length] == ':')
            assert_int_equal(sscanf(text + length, ":%d %d", &second, &year), 2);
        else
            assert_int_equal(sscanf(text + length, " %d", &year), 1);
    }
    int offset_s = offset / 100 * 3600 + offset % 100 * 60;
    return (int64_t)calendar_date_days(year, month, day) * CALENDAR_DATE_DAY_S + hour * 3600 + minute * 60 + second -
           offset_s;
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

static void
check_next(const char *text, int64_t after_s, const char *expected)
{
    struct cron cron = parse(text);
    int64_t next_s = 0;
    int found = cron_next(&cron, &zone, as_the_clock_shows, after_s, &next_s);
    if (found != (expected[0] != 0))
        fail_msg("\"%s\" after %" PRId64 ": a next time is %s", text, after_s, found ? "found" : "missing");
    if (found && next_s != instant(expected))
        fail_msg("\"%s\" after %" PRId64 ": %" PRId64 " instead of %s", text, after_s, next_s, expected);
}

/* Whether it is due at that instant. */
static void
check_activation(const char *text, int64_t at_s, const char *expected)
{
    struct cron cron = parse(text);
    int64_t next_s = 0;
    assert_true(cron_next(&cron, &zone, as_the_clock_shows, at_s - 1, &next_s));
    if ((next_s == at_s) != (strcmp(expected, "true") == 0))
        fail_msg("\"%s\" at %" PRId64 ": not %s", text, at_s, expected);
}

static void
check_same(const char *text, const char *other)
{
    struct cron a = parse(text), b = parse(other);
    if (a.seconds != b.seconds || a.minutes != b.minutes || a.hours != b.hours || a.days != b.days ||
        a.months != b.months || a.weekdays != b.weekdays)
        fail_msg("\"%s\" and \"%s\" differ", text, other);
}

static void
check_invalid(const char *text)
{
    struct cron cron;
    struct error error;
    if (cron_parse(text, &cron, &error) != ERROR_ARGUMENT)
        fail_msg("\"%s\" is not refused", text);
}

static void
agrees_with_robfig(void **state)
{
    (void)state;
    int activations = 0, nexts = 0;
    FILE *file = test_data_open("oracle_cron/robfig_cron_spec.csv");
    assert_non_null(fgets(line, sizeof(line), file));
    while (fgets(line, sizeof(line), file)) {
        split_columns();
        load("UTC", 3);
        int64_t at_s = instant(take_zone(columns[1]));
        const char *text = take_zone(columns[2]);
        if (strcmp(columns[0], "activation") == 0) {
            activations++;
            check_activation(text, at_s, columns[3]);
        } else {
            assert_string_equal(columns[0], "next");
            nexts++;
            check_next(text, at_s, columns[3]);
        }
    }
    test_data_close(file);
    assert_int_equal(activations, 29);
    assert_int_equal(nexts, 58);
}

static void
agrees_with_ccronexpr(void **state)
{
    (void)state;
    int nexts = 0, invalids = 0, sames = 0;
    FILE *file = test_data_open("oracle_cron/ccronexpr.csv");
    assert_non_null(fgets(line, sizeof(line), file));
    load("UTC", 3);
    while (fgets(line, sizeof(line), file)) {
        split_columns();
        if (strcmp(columns[0], "next") == 0) {
            nexts++;
            check_next(columns[1], instant(columns[2]), columns[3]);
        } else if (strcmp(columns[0], "invalid") == 0) {
            invalids++;
            check_invalid(columns[1]);
        } else {
            assert_string_equal(columns[0], "same");
            sames++;
            check_same(columns[1], columns[2]);
        }
    }
    test_data_close(file);
    assert_int_equal(nexts, 60);
    assert_int_equal(invalids, 18);
    assert_int_equal(sames, 10);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_robfig),
        cmocka_unit_test(agrees_with_ccronexpr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
