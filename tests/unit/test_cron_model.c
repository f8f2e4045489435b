/* Random cron expressions against a slow model that shares nothing with core/cron.c: around changes of the clock it
 * looks at every second, as the C library shows it; over many years, at every day. */
#include "core/cron.h"

#include "tests/support/random_source.h"
#include "tests/support/time_zone_names.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#define DAY_S        86400
#define EDGE_S       (2 * DAY_S) /* on both sides of what is compared, so that the model knows every twin of a time */
#define WINDOW_S     (6 * DAY_S)
#define WALL_S       (WINDOW_S + 4 * DAY_S) /* clocks have been moved by a day */
#define ROUNDS       150
#define ROUNDS_LONG  1500
#define RESTARTS     100
#define FIRST_YEAR_S INT64_C(94694400)   /* 1973; before, some clocks were changed within a minute */
#define LAST_YEAR_S  INT64_C(2114380800) /* 2037 */
#define YEARS        30

enum { SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };

static const int firsts[FIELDS] = {0, 0, 0, 1, 1, 0};
static const int lasts[FIELDS] = {59, 59, 23, 31, 12, 6};

/* An expression as the model has it. */
struct expression {
    char text[512];
    bool set[FIELDS][60];
    bool any[FIELDS]; /* written as * */
};

static struct random_source numbers;
static struct time_zone zone; /* large, so not on the stack */
static struct expression expression;

/* The window, by second. */
static int64_t window_start_s;
static int64_t wall[WINDOW_S];
static unsigned char shown[WALL_S]; /* how often a wall second is shown */
static unsigned char seen[WALL_S];
static bool matching[WALL_S];
static bool due[WINDOW_S];

static unsigned
below(unsigned bound)
{
    return random_source_below(&numbers, bound);
}

static void append(const char *format, ...) ERROR_PRINTF(1, 2);

static void
append(const char *format, ...)
{
    va_list arguments;
    size_t length = strlen(expression.text);
    va_start(arguments, format);
    (void)vsnprintf(expression.text + length, sizeof(expression.text) - length, format, arguments);
    va_end(arguments);
}

static void
set_values(int field, int first, int last, int step)
{
    for (int value = first; value <= last; value += step)
        expression.set[field][value] = true;
}

static void
append_element(int field)
{
    int width = lasts[field] - firsts[field] + 1;
    int first = firsts[field] + (int)below((unsigned)width);
    int last = first + (int)below((unsigned)(lasts[field] - first + 1));
    int step = 1 + (int)below((unsigned)(width - 1));
    switch (below(5)) {
    case 0:
        append("%d-%d", first, last);
        set_values(field, first, last, 1);
        break;
    case 1:
        append("%d-%d/%d", first, last, step);
        set_values(field, first, last, step);
        break;
    case 2:
        append("%d/%d", first, step);
        set_values(field, first, lasts[field], step);
        break;
    case 3:
        append("*/%d", step);
        set_values(field, firsts[field], lasts[field], step);
        expression.any[field] = expression.any[field] || step == 1;
        break;
    default:
        append("%d", first);
        set_values(field, first, first, 1);
    }
}

/* likely_any in 10 fields are a star. */
static void
append_field(int field, unsigned likely_any)
{
    append("%s", field == SECOND ? "" : " ");
    if (below(10) < likely_any) {
        append("*");
        set_values(field, firsts[field], lasts[field], 1);
        expression.any[field] = true;
        return;
    }
    for (unsigned left = 1 + below(3); left > 0; left--) {
        append_element(field);
        append("%s", left > 1 ? "," : "");
    }
}

static void
invent_expression(const unsigned likely_any[FIELDS])
{
    memset(&expression, 0, sizeof(expression));
    for (int field = SECOND; field < FIELDS; field++)
        append_field(field, likely_any[field]);
}

static bool
is_day_matching(const struct tm *day)
{
    bool by_day = expression.set[DAY][day->tm_mday], by_weekday = expression.set[WEEKDAY][day->tm_wday];
    if (!expression.set[MONTH][day->tm_mon + 1])
        return false;
    if (expression.any[DAY])
        return by_weekday;
    if (expression.any[WEEKDAY])
        return by_day;
    return by_day || by_weekday;
}

static bool
is_every_hour(void)
{
    for (int hour = 0; hour < 24; hour++)
        if (!expression.set[HOUR][hour])
            return false;
    return true;
}

/* The wall second's place in the arrays. */
static size_t
place_of(int64_t local_s)
{
    int64_t place = local_s - window_start_s + (WALL_S - WINDOW_S) / 2;
    assert_true(place >= 0 && place < WALL_S);
    return (size_t)place;
}

static void
show_window(void)
{
    memset(shown, 0, sizeof(shown));
    memset(seen, 0, sizeof(seen));
    for (int at = 0; at < WINDOW_S; at++) {
        static long offset_s;
        time_t instant_s = window_start_s + at;
        if (at % 60 == 0) { /* clocks change at whole minutes */
            struct tm local;
            assert_non_null(localtime_r(&instant_s, &local));
            offset_s = local.tm_gmtoff;
        }
        wall[at] = instant_s + offset_s;
        shown[place_of(wall[at])]++;
    }
}

static void
match_wall(void)
{
    bool day_matches = false;
    for (int at = 0; at < WALL_S; at++) {
        time_t local_s = window_start_s - (WALL_S - WINDOW_S) / 2 + at;
        int of_day = (int)(local_s % DAY_S);
        if (at == 0 || of_day == 0) {
            struct tm day;
            assert_non_null(gmtime_r(&local_s, &day));
            day_matches = is_day_matching(&day);
        }
        matching[at] = day_matches && expression.set[HOUR][of_day / 3600] && expression.set[MINUTE][of_day / 60 % 60] &&
                       expression.set[SECOND][of_day % 60];
    }
}

static void
find_due(struct cron_policy policy)
{
    if (is_every_hour())
        policy = (struct cron_policy){CRON_GAP_SKIP, CRON_FOLD_BOTH};
    memset(seen, 0, sizeof(seen));
    for (int at = 0; at < WINDOW_S; at++) {
        size_t place = place_of(wall[at]);
        due[at] =
            matching[place] && (policy.fold == CRON_FOLD_BOTH || (policy.fold == CRON_FOLD_FIRST && !seen[place]) ||
                                (policy.fold == CRON_FOLD_SECOND && seen[place] + 1 == shown[place]));
        seen[place]++;
        if (at > 0 && policy.gap == CRON_GAP_NEXT_INSTANT)
            for (int64_t skipped_s = wall[at - 1] + 1; skipped_s < wall[at]; skipped_s++)
                due[at] = due[at] || (matching[place_of(skipped_s)] && !shown[place_of(skipped_s)]);
    }
}

/* Whether cron_next says of the time after at what the model says of the compared part. */
static void
compare_next(const struct cron *cron, struct cron_policy policy, int at)
{
    int64_t next_s = INT64_MAX;
    int model = at + 1;
    while (model < WINDOW_S - EDGE_S && !due[model])
        model++;
    bool found = cron_next(cron, &zone, policy, window_start_s + at, &next_s);
    if (found && next_s < window_start_s + WINDOW_S - EDGE_S ? next_s != window_start_s + model
                                                             : model < WINDOW_S - EDGE_S)
        fail_msg("\"%s\" in %s, gap %d, fold %d, after %" PRId64 ": %" PRId64 " instead of %" PRId64, expression.text,
                 zone.name, (int)policy.gap, (int)policy.fold, window_start_s + at, found ? next_s : -1,
                 window_start_s + model);
}

static void
choose_window(void)
{
    struct error error;
    struct time_zone_span span;
    const char *name = time_zone_names.names[below((unsigned)time_zone_names.count)];
    if (time_zone_load(&zone, name, &error) != ERROR_NONE)
        fail_msg("%s", error.message);
    assert_int_equal(setenv("TZ", name, 1), 0);
    tzset();
    int64_t middle_s = FIRST_YEAR_S + (int64_t)(random_source_next(&numbers) % (uint64_t)(LAST_YEAR_S - FIRST_YEAR_S));
    time_zone_span_at(&zone, middle_s, &span);
    if (span.start_s > FIRST_YEAR_S)
        middle_s = span.start_s;
    window_start_s = (middle_s - WINDOW_S / 2 - (int64_t)below(DAY_S) + DAY_S / 2) / 60 * 60;
}

static struct cron
parse_expression(void)
{
    struct cron cron;
    struct error error;
    if (cron_parse(expression.text, &cron, &error) != ERROR_NONE)
        fail_msg("%s", error.message);
    return cron;
}

/* Every tick in turn, then from anywhere. */
static long
compare_window(const struct cron *cron, struct cron_policy policy)
{
    long ticks = 0;
    find_due(policy);
    compare_next(cron, policy, EDGE_S - 1);
    for (int at = EDGE_S; at < WINDOW_S - EDGE_S; at++) {
        if (due[at]) {
            ticks++;
            compare_next(cron, policy, at);
        }
    }
    for (int i = 0; i < RESTARTS; i++)
        compare_next(cron, policy, EDGE_S + (int)below(WINDOW_S - 2 * EDGE_S));
    return ticks;
}

static void
agrees_around_changes_of_the_clock(void **state)
{
    (void)state;
    static const unsigned likely_any[][FIELDS] = {{1, 3, 3, 7, 9, 7}, {5, 1, 2, 9, 9, 9}, {0, 0, 1, 5, 9, 5}};
    int rounds = getenv("TAPEMILL_TEST_LONG") ? ROUNDS_LONG : ROUNDS;
    long ticks = 0;
    numbers = random_source_start("cron around changes of the clock");
    for (int round = 0; round < rounds; round++) {
        choose_window();
        invent_expression(likely_any[round % 3]);
        struct cron cron = parse_expression();
        struct cron_policy policy = {(enum cron_gap)below(2), (enum cron_fold)below(3)};
        show_window();
        match_wall();
        ticks += compare_window(&cron, policy);
    }
    print_message("%d expressions, %ld ticks\n", rounds, ticks);
    assert_true(ticks > 10 * rounds);
}

/* One time of day, any days, in UTC: the model looks at each day of many years. */
static void
agrees_over_years(void **state)
{
    (void)state;
    static const unsigned likely_any[FIELDS] = {0, 0, 0, 3, 2, 5};
    static const struct cron_policy policy = {CRON_GAP_SKIP, CRON_FOLD_BOTH};
    struct error error;
    numbers = random_source_start("cron over years");
    assert_int_equal(time_zone_load(&zone, "UTC", &error), ERROR_NONE);
    for (int round = 0; round < ROUNDS; round++) {
        invent_expression(likely_any);
        for (int field = SECOND; field <= HOUR; field++)
            memset(expression.set[field], 0, sizeof(expression.set[field]));
        char times[64];
        int hour = (int)below(24), minute = (int)below(60), second = (int)below(60);
        (void)snprintf(times, sizeof(times), "%d %d %d", second, minute, hour);
        const char *days = expression.text;
        for (int field = SECOND; field <= HOUR; field++)
            days = strchr(days, ' ') + 1;
        char text[sizeof(expression.text) + sizeof(times)];
        (void)snprintf(text, sizeof(text), "%s %s", times, days);
        struct cron cron;
        assert_int_equal(cron_parse(text, &cron, &error), ERROR_NONE);
        int64_t day_s = (int64_t)(random_source_next(&numbers) % (uint64_t)(LAST_YEAR_S / DAY_S)) * DAY_S;
        int64_t end_s = day_s + (int64_t)YEARS * 365 * DAY_S;
        int64_t next_s = INT64_MAX;
        bool found = cron_next(&cron, &zone, policy, day_s - 1, &next_s);
        for (; day_s < end_s; day_s += DAY_S) {
            struct tm day;
            time_t noon_s = day_s + DAY_S / 2;
            assert_non_null(gmtime_r(&noon_s, &day));
            int64_t due_s = day_s + hour * 3600 + minute * 60 + second;
            if (!is_day_matching(&day))
                due_s = 0;
            if ((found && next_s / DAY_S == day_s / DAY_S) != (due_s > 0) || (due_s > 0 && next_s != due_s))
                fail_msg("\"%s\": %" PRId64 " instead of %" PRId64, text, found ? next_s : -1, due_s);
            if (due_s > 0)
                found = cron_next(&cron, &zone, policy, due_s, &next_s);
        }
    }
}

static int
find_zones(void **state)
{
    (void)state;
    time_zone_names_read();
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_around_changes_of_the_clock),
        cmocka_unit_test(agrees_over_years),
    };
    return cmocka_run_group_tests(tests, find_zones, NULL);
}
