/* Two years of schedules in every zone of the tz database: no tick is lost or doubled, by each policy, from wherever a
 * scheduler starts again.
 *
 * What is due is found here by asking each day for its times of day and the C library for the zone's offsets, and
 * shares nothing with core/cron.c and core/time_zone.c. The two years are 2025 and 2026 and, for a zone that does not
 * change its clock any more, also those of its last change. Zones whose clocks agree throughout these years are
 * simulated once; each is counted. */
#include "core/cron.h"

#include "tests/support/random_source.h"
#include "tests/support/time_zone_names.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#define LENGTH(array)   (sizeof(array) / sizeof((array)[0]))
#define DAY_S           INT64_C(86400)
#define MARGIN_S        (4 * DAY_S)
#define PROBE_S         (DAY_S / 2) /* no zone changes its clock twice within */
#define SPANS_MAX       24
#define TICKS_MAX       200000
#define SIMULATED_MAX   20000
#define RESTARTS        20
#define FIRST_YEAR      2025
#define LONG_FIRST_YEAR 1975 /* with TAPEMILL_TEST_LONG also two years in every twelve, to 2036 */
#define LONG_LAST_YEAR  2035
#define LONG_STEP_YEARS 12
#define ALL_HOURS       0xFFFFFFU
#define EVERY_MINUTE    (-1)
#define DENSE_AROUND_S  DAY_S

/* A schedule, in cron's language and in the test's. */
struct schedule {
    const char *text;
    uint32_t hours;
    int minutes[3]; /* ends with the second 0; EVERY_MINUTE for all */
    int second;
    int weekday;      /* 0 is Sunday; -1 for all */
    int day_of_month; /* -1 for all */
};

static const struct schedule schedules[] = {
    {"30 2 * * *", 1U << 2, {30}, 0, -1, -1},
    {"@daily", 1U << 0, {0}, 0, -1, -1},
    {"59 59 23 * * *", 1U << 23, {59}, 59, -1, -1},
    {"15,45 0-3 * * *", 0xF, {15, 45}, 0, -1, -1},
    {"0 1,3 * * SUN", 1U << 1 | 1U << 3, {0}, 0, 0, -1},
    {"0 2 1 * *", 1U << 2, {0}, 0, -1, 1},
    {"20 1/5 * * *", 1U << 1 | 1U << 6 | 1U << 11 | 1U << 16 | 1U << 21, {20}, 0, -1, -1},
};
static const struct schedule hourly = {"10,40 * * * *", ALL_HOURS, {10, 40}, 0, -1, -1};
static const struct schedule dense[] = {
    {"* * * * *", ALL_HOURS, {EVERY_MINUTE}, 0, -1, -1},
    {"30 * 0-4,22-23 * * *", 0xC0001FU, {EVERY_MINUTE}, 30, -1, -1},
};

struct span {
    int64_t start_s, end_s;
    int64_t offset_s;
};

/* The clocks of one simulation. */
struct clocks {
    int64_t from_s, to_s;
    size_t count;
    struct span spans[SPANS_MAX]; /* from MARGIN_S before to MARGIN_S after */
};

static struct random_source numbers;
static struct time_zone zone; /* large, so not on the stack */
static struct clocks simulated[SIMULATED_MAX];
static size_t simulated_count;
static int64_t ticks[TICKS_MAX];
static size_t tick_count;
static long ticks_compared, restarts_compared, changes_simulated;

static int64_t
offset_at(time_t instant_s)
{
    struct tm local;
    assert_non_null(localtime_r(&instant_s, &local));
    return local.tm_gmtoff;
}

static int64_t
year_start_s(int year)
{
    struct tm start = {.tm_year = year - 1900, .tm_mday = 1};
    return timegm(&start);
}

/* The first instant after low_s with the offset of high_s, which is another. */
static int64_t
find_change(int64_t low_s, int64_t high_s)
{
    int64_t offset_s = offset_at(high_s);
    while (high_s - low_s > 1) {
        int64_t middle_s = low_s + (high_s - low_s) / 2;
        if (offset_at(middle_s) == offset_s)
            high_s = middle_s;
        else
            low_s = middle_s;
    }
    return high_s;
}

static void
read_clocks(struct clocks *clocks, int year)
{
    memset(clocks, 0, sizeof(*clocks)); /* they are compared as bytes */
    clocks->from_s = year_start_s(year);
    clocks->to_s = year_start_s(year + 2);
    int64_t at_s = clocks->from_s - MARGIN_S;
    clocks->spans[clocks->count++] = (struct span){at_s, 0, offset_at(at_s)};
    for (; at_s < clocks->to_s + MARGIN_S; at_s += PROBE_S) {
        if (offset_at(at_s) == offset_at(at_s + PROBE_S))
            continue;
        assert_true(clocks->count < SPANS_MAX);
        int64_t change_s = find_change(at_s, at_s + PROBE_S);
        clocks->spans[clocks->count - 1].end_s = change_s;
        clocks->spans[clocks->count++] = (struct span){change_s, 0, offset_at(change_s)};
    }
    clocks->spans[clocks->count - 1].end_s = at_s;
}

static void
add_tick(const struct clocks *clocks, int64_t tick_s)
{
    size_t place = tick_count;
    if (tick_s < clocks->from_s || tick_s >= clocks->to_s)
        return;
    while (place > 0 && ticks[place - 1] > tick_s)
        place--;
    if (place > 0 && ticks[place - 1] == tick_s)
        return;
    assert_true(tick_count < TICKS_MAX);
    memmove(&ticks[place + 1], &ticks[place], (tick_count - place) * sizeof(ticks[0]));
    ticks[place] = tick_s;
    tick_count++;
}

/* The instants of one time of one day. */
static void
add_local(const struct clocks *clocks, int64_t local_s, struct cron_policy policy)
{
    int64_t instants[SPANS_MAX];
    size_t count = 0, first_later = clocks->count;
    for (size_t i = clocks->count; i-- > 0;) {
        const struct span *span = &clocks->spans[i];
        if (span->start_s + span->offset_s > local_s)
            first_later = i;
    }
    for (size_t i = 0; i < clocks->count; i++) {
        const struct span *span = &clocks->spans[i];
        int64_t instant_s = local_s - span->offset_s;
        if (instant_s >= span->start_s && instant_s < span->end_s)
            instants[count++] = instant_s;
    }
    if (count == 0) {
        if (policy.gap == CRON_GAP_NEXT_INSTANT && first_later > 0 && first_later < clocks->count)
            add_tick(clocks, clocks->spans[first_later].start_s);
        return;
    }
    if (policy.fold != CRON_FOLD_SECOND)
        add_tick(clocks, instants[0]);
    if (policy.fold != CRON_FOLD_FIRST)
        add_tick(clocks, instants[count - 1]);
}

static void
add_hour(const struct clocks *clocks, const struct schedule *schedule, int64_t hour_s, struct cron_policy policy)
{
    if (schedule->minutes[0] == EVERY_MINUTE) {
        for (int minute = 0; minute < 60; minute++)
            add_local(clocks, hour_s + minute * 60 + schedule->second, policy);
        return;
    }
    for (int i = 0; i == 0 || schedule->minutes[i] > 0; i++)
        add_local(clocks, hour_s + schedule->minutes[i] * 60 + schedule->second, policy);
}

/* Fills ticks with all that is due from clocks->from_s to clocks->to_s. */
static void
enumerate(const struct clocks *clocks, const struct schedule *schedule, struct cron_policy policy)
{
    int64_t day_s = (clocks->from_s / DAY_S - 3) * DAY_S;
    if (schedule->hours == ALL_HOURS)
        policy = (struct cron_policy){CRON_GAP_SKIP, CRON_FOLD_BOTH};
    tick_count = 0;
    for (; day_s < clocks->to_s + 3 * DAY_S; day_s += DAY_S) {
        struct tm day;
        time_t at_s = day_s;
        assert_non_null(gmtime_r(&at_s, &day));
        if ((schedule->weekday >= 0 && schedule->weekday != day.tm_wday) ||
            (schedule->day_of_month >= 0 && schedule->day_of_month != day.tm_mday))
            continue;
        for (int hour = 0; hour < 24; hour++)
            if (schedule->hours >> hour & 1)
                add_hour(clocks, schedule, day_s + (int64_t)hour * 3600, policy);
    }
}

/* From after_s the next tick must be ticks[place], or beyond the end. */
static void
compare_next(const struct clocks *clocks, const struct cron *cron, const struct schedule *schedule,
             struct cron_policy policy, int64_t after_s, size_t place)
{
    int64_t expected_s = place < tick_count ? ticks[place] : INT64_MAX;
    int64_t next_s = INT64_MAX;
    if (!cron_next(cron, &zone, policy, after_s, &next_s) || next_s >= clocks->to_s)
        next_s = INT64_MAX;
    if (next_s != expected_s)
        fail_msg("\"%s\" in %s, gap %d, fold %d, after %" PRId64 ": %" PRId64 " instead of %" PRId64, schedule->text,
                 zone.name, (int)policy.gap, (int)policy.fold, after_s, next_s, expected_s);
}

static void
compare_restart(const struct clocks *clocks, const struct cron *cron, const struct schedule *schedule,
                struct cron_policy policy, int64_t after_s)
{
    size_t low = 0, high = tick_count;
    if (after_s < clocks->from_s || after_s >= clocks->to_s)
        return;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (ticks[middle] <= after_s)
            low = middle + 1;
        else
            high = middle;
    }
    compare_next(clocks, cron, schedule, policy, after_s, low);
    restarts_compared++;
}

static void
simulate_schedule(const struct clocks *clocks, const struct schedule *schedule, struct cron_policy policy)
{
    static const int64_t around[] = {-7200, -3601, -3600, -1801, -1, 0, 1, 899, 1800, 3599, 3600, 7200};
    struct cron cron;
    struct error error;
    if (cron_parse(schedule->text, &cron, &error) != ERROR_NONE)
        fail_msg("%s", error.message);
    enumerate(clocks, schedule, policy);
    compare_next(clocks, &cron, schedule, policy, clocks->from_s - 1, 0);
    for (size_t i = 0; i < tick_count; i++)
        compare_next(clocks, &cron, schedule, policy, ticks[i], i + 1);
    ticks_compared += (long)tick_count;
    for (size_t i = 1; i < clocks->count; i++)
        for (size_t j = 0; j < LENGTH(around); j++)
            compare_restart(clocks, &cron, schedule, policy, clocks->spans[i].start_s + around[j]);
    for (int i = 0; i < RESTARTS; i++)
        compare_restart(clocks, &cron, schedule, policy,
                        clocks->from_s +
                            (int64_t)(random_source_next(&numbers) % (uint64_t)(clocks->to_s - clocks->from_s)));
}

static void
simulate_policy(const struct clocks *clocks, struct cron_policy policy)
{
    for (size_t i = 0; i < LENGTH(schedules); i++)
        simulate_schedule(clocks, &schedules[i], policy);
    for (size_t i = 1; i < clocks->count; i++) {
        struct clocks near = *clocks;
        near.from_s = clocks->spans[i].start_s - DENSE_AROUND_S;
        near.to_s = clocks->spans[i].start_s + DENSE_AROUND_S;
        if (near.from_s < clocks->from_s || near.to_s > clocks->to_s)
            continue;
        for (size_t j = 0; j < LENGTH(dense); j++)
            simulate_schedule(&near, &dense[j], policy);
    }
}

/* Two years of the zone that is set, unless a zone with the same clocks has had them. */
static void
simulate_years(int year)
{
    struct clocks *clocks = &simulated[simulated_count];
    assert_true(simulated_count < SIMULATED_MAX);
    read_clocks(clocks, year);
    for (size_t i = 0; i < simulated_count; i++)
        if (memcmp(&simulated[i], clocks, sizeof(*clocks)) == 0)
            return;
    simulated_count++;
    changes_simulated += (long)clocks->count - 1;
    for (int gap = CRON_GAP_NEXT_INSTANT; gap <= CRON_GAP_SKIP; gap++)
        for (int fold = CRON_FOLD_FIRST; fold <= CRON_FOLD_BOTH; fold++)
            simulate_policy(clocks, (struct cron_policy){(enum cron_gap)gap, (enum cron_fold)fold});
    simulate_schedule(clocks, &hourly, (struct cron_policy){CRON_GAP_NEXT_INSTANT, CRON_FOLD_FIRST});
}

/* The year of the last change of the clock in a zone that keeps to one offset since; 0 if it never had one. */
static int
last_change_year(void)
{
    struct tm change;
    if (zone.count == 1)
        return 0;
    time_t change_s = zone.start_s[zone.count - 1];
    assert_non_null(gmtime_r(&change_s, &change));
    return change.tm_year + 1900;
}

static void
loses_and_doubles_no_tick(void **state)
{
    (void)state;
    long zones_changed = 0;
    numbers = random_source_start("cron in every zone");
    time_zone_names_read();
    for (size_t i = 0; i < time_zone_names.count; i++) {
        struct error error;
        if (time_zone_load(&zone, time_zone_names.names[i], &error) != ERROR_NONE)
            fail_msg("%s", error.message);
        assert_int_equal(setenv("TZ", zone.name, 1), 0);
        tzset();
        simulate_years(FIRST_YEAR);
        int year = last_change_year();
        if (year > 0 && !zone.rule.has_daylight && year < FIRST_YEAR)
            simulate_years(year - 1);
        zones_changed += year > 0;
        for (year = LONG_FIRST_YEAR; getenv("TAPEMILL_TEST_LONG") && year <= LONG_LAST_YEAR; year += LONG_STEP_YEARS)
            simulate_years(year);
    }
    print_message("%zu zones, %ld of which have changed their clocks; %zu different pairs of years with %ld changes of "
                  "the clock, %ld ticks, %ld restarts\n",
                  time_zone_names.count, zones_changed, simulated_count, changes_simulated, ticks_compared,
                  restarts_compared);
    assert_true(zones_changed > 300 && changes_simulated > 300);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(loses_and_doubles_no_tick)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
