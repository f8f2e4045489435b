#include "core/cron.h"

#include "core/calendar_date.h"

#define DAY_S         CALENDAR_DATE_DAY_S
#define HOUR_S        3600
#define MINUTE_S      60
#define HORIZON_YEARS 40 /* 29 February is at most eight years away, in 2096 as in 1896 */

/* The least value of a set that is at least from; -1 if there is none. */
static int
next_in_set(uint64_t set, int from)
{
    uint64_t rest = from < 64 ? set >> from : 0;
    return rest ? from + __builtin_ctzll(rest) : -1;
}

/* The first due second of a day that is at least from_s (0 to 86399); -1 if there is none. */
static int
next_time_of_day(const struct cron *cron, int from_s)
{
    int hour = from_s / HOUR_S, minute = from_s / MINUTE_S % 60, second = from_s % MINUTE_S;
    int due_hour = next_in_set(cron->hours, hour);
    if (due_hour == hour) {
        int due_minute = next_in_set(cron->minutes, minute);
        int due_second = due_minute == minute ? next_in_set(cron->seconds, second) : -1;
        if (due_minute == minute && due_second < 0)
            due_minute = next_in_set(cron->minutes, minute + 1);
        if (due_second < 0)
            due_second = next_in_set(cron->seconds, 0);
        if (due_minute >= 0)
            return due_hour * HOUR_S + due_minute * MINUTE_S + due_second;
        due_hour = next_in_set(cron->hours, hour + 1);
    }
    if (due_hour < 0)
        return -1;
    return due_hour * HOUR_S + next_in_set(cron->minutes, 0) * MINUTE_S + next_in_set(cron->seconds, 0);
}

static bool
is_due_day(const struct cron *cron, int day_of_month, int weekday)
{
    bool by_day = cron->days >> day_of_month & 1;
    bool by_weekday = cron->weekdays >> weekday % CALENDAR_SUNDAY & 1;
    return cron->any_day || cron->any_weekday ? by_day && by_weekday : by_day || by_weekday;
}

/* The first due day that is at least from and at most last; last + 1 if there is none. */
static int64_t
next_day(const struct cron *cron, int64_t from, int64_t last)
{
    struct calendar_date date = calendar_date_split((int32_t)from);
    while (from <= last) {
        int length = calendar_date_month_length(date.year, date.month);
        if (cron->months >> date.month & 1) {
            for (int day = date.day; day <= length; day++) {
                int64_t candidate = from + day - date.day;
                if (is_due_day(cron, day, calendar_date_weekday((int32_t)candidate)))
                    return candidate <= last ? candidate : last + 1;
            }
        }
        from += length + 1 - date.day;
        date.day = 1;
        date.year += date.month == 12;
        date.month = date.month % 12 + 1;
    }
    return last + 1;
}

static int64_t
day_of(int64_t local_s)
{
    return local_s / DAY_S - (local_s % DAY_S < 0);
}

/* The first due second of the wall clock in [from_s, end_s). */
static bool
next_on_the_wall(const struct cron *cron, int64_t from_s, int64_t end_s, int64_t *local_s)
{
    if (from_s >= end_s)
        return false;
    int64_t last = day_of(end_s - 1);
    int64_t today = day_of(from_s);
    int64_t day = next_day(cron, today, last);
    int time_s = next_time_of_day(cron, day == today ? (int)(from_s - today * DAY_S) : 0);
    if (time_s < 0) { /* over for today; a whole day always has one */
        day = next_day(cron, today + 1, last);
        time_s = next_time_of_day(cron, 0);
    }
    *local_s = day * DAY_S + time_s;
    return day <= last && *local_s < end_s;
}

/* The first due instant of one span that is at least from_s and before end_s. */
static bool
next_in_span(const struct cron *cron, const struct time_zone *zone, struct cron_policy policy,
             const struct time_zone_span *span, int64_t from_s, int64_t end_s, int64_t *next_s)
{
    int64_t skipped_s, local_s;
    int64_t wall_from_s = from_s + span->offset_s;
    int64_t wall_end_s = end_s + span->offset_s;
    bool after_change = span->start_s > INT64_MIN;
    if (after_change && from_s == span->start_s && policy.gap == CRON_GAP_NEXT_INSTANT &&
        next_on_the_wall(cron, span->start_s + span->previous_offset_s, wall_from_s, &skipped_s)) {
        *next_s = from_s;
        return true;
    }
    if (after_change && policy.fold == CRON_FOLD_FIRST && wall_from_s < span->start_s + span->previous_offset_s)
        wall_from_s = span->start_s + span->previous_offset_s; /* shown by the span before */
    if (end_s == span->end_s && policy.fold == CRON_FOLD_SECOND) {
        struct time_zone_span after;
        time_zone_span_at(zone, span->end_s, &after);
        if (after.offset_s < span->offset_s)
            wall_end_s = end_s + after.offset_s; /* shown again by the span after */
    }
    if (!next_on_the_wall(cron, wall_from_s, wall_end_s, &local_s))
        return false;
    *next_s = local_s - span->offset_s;
    return true;
}

bool
cron_next(const struct cron *cron, const struct time_zone *zone, struct cron_policy policy, int64_t after_s,
          int64_t *next_s)
{
    static const struct cron_policy as_the_clock_shows = {CRON_GAP_SKIP, CRON_FOLD_BOTH};
    if (after_s < (int64_t)CALENDAR_DATE_FIRST * DAY_S || after_s >= (int64_t)CALENDAR_DATE_LAST * DAY_S)
        return false;
    if (cron->every_hour)
        policy = as_the_clock_shows;
    int64_t limit_s = after_s + (int64_t)HORIZON_YEARS * 366 * DAY_S;
    for (int64_t from_s = after_s + 1; from_s < limit_s;) {
        struct time_zone_span span;
        time_zone_span_at(zone, from_s, &span);
        int64_t end_s = span.end_s < limit_s ? span.end_s : limit_s;
        if (next_in_span(cron, zone, policy, &span, from_s, end_s, next_s))
            return true;
        from_s = end_s;
    }
    return false;
}
