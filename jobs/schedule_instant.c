/* Ticks before and after an instant, how instants are written, and which dates a tick is about (jobs/schedule.h). */
#include <stdio.h>
#include <time.h>

#include "core/calendar_date.h"
#include "jobs/schedule.h"

enum { US_PER_S = 1000000 };

#define REACH_S ((int64_t)40 * 366 * CALENDAR_DATE_DAY_S)

bool
schedule_next(const struct schedule *schedule, int64_t after_s, int64_t *tick_s)
{
    return cron_next(&schedule->cron, schedule->zone, schedule->policy, after_s, tick_s);
}

/* Whether a tick lies in (after_s, until_s]. */
static bool
has_tick(const struct schedule *schedule, int64_t after_s, int64_t until_s)
{
    int64_t tick_s;
    return schedule_next(schedule, after_s, &tick_s) && tick_s <= until_s;
}

bool
schedule_previous(const struct schedule *schedule, int64_t until_s, int64_t *tick_s)
{
    int64_t none_s = 0, span_s = 1; /* seconds back from until_s without a tick; with one */
    while (!has_tick(schedule, until_s - span_s, until_s)) {
        if (span_s > REACH_S)
            return false;
        none_s = span_s;
        span_s *= 2;
    }
    while (span_s - none_s > 1) {
        int64_t middle_s = none_s + (span_s - none_s) / 2;
        if (has_tick(schedule, until_s - middle_s, until_s))
            span_s = middle_s;
        else
            none_s = middle_s;
    }
    *tick_s = until_s - span_s + 1;
    return true;
}

static struct tm
split(int64_t wall_s)
{
    time_t seconds = (time_t)wall_s;
    struct tm parts;
    (void)gmtime_r(&seconds, &parts);
    return parts;
}

const char *
schedule_instant_utc(int64_t unix_s, char out[SCHEDULE_INSTANT_BYTES])
{
    struct tm parts = split(unix_s);
    if (!strftime(out, SCHEDULE_INSTANT_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts))
        out[0] = 0;
    return out;
}

const char *
schedule_instant(const struct time_zone *zone, int64_t unix_s, char out[SCHEDULE_INSTANT_BYTES])
{
    struct time_zone_span span;
    time_zone_span_at(zone, unix_s, &span);
    int minutes = (span.offset_s < 0 ? -span.offset_s : span.offset_s) / 60;
    struct tm parts = split(unix_s + span.offset_s);
    size_t length = strftime(out, SCHEDULE_INSTANT_BYTES, "%Y-%m-%d %H:%M:%S", &parts);
    (void)snprintf(out + length, SCHEDULE_INSTANT_BYTES - length, "%c%02d:%02d", span.offset_s < 0 ? '-' : '+',
                   minutes / 60, minutes % 60);
    return out;
}

static int32_t
date_of(const struct business_clock *clock, int64_t unix_s)
{
    int32_t days, second;
    business_clock_split(clock, unix_s * US_PER_S, &days, &second);
    return days;
}

void
schedule_dates_of(const struct schedule *schedule, const struct business_clock *clock, int64_t interval_start_s,
                  int64_t tick_s, int32_t *first, int32_t *last)
{
    int32_t from = date_of(clock, interval_start_s), to = date_of(clock, tick_s);
    *first = from;
    *last = schedule->dates == SCHEDULE_DATES_TO_TICK ? to : to - 1;
    if (schedule->dates == SCHEDULE_DATES_LAST_COMPLETED && *first < *last)
        *first = *last;
}
