#include "core/business_clock.h"

#include <time.h>

#include "core/calendar_date.h"

#define US_PER_S 1000000

static int64_t
floor_divide(int64_t dividend, int64_t divisor)
{
    return dividend / divisor - (dividend % divisor < 0);
}

enum error_code
business_clock_init(struct business_clock *clock, const char *zone, int roll_s, struct error *error)
{
    if (roll_s < 0 || roll_s >= CALENDAR_DATE_DAY_S)
        return error_set(
            error, ERROR_CONFIG,
            "the business day cannot roll %d seconds after midnight; give a time from 00:00:00 to 23:59:59", roll_s);
    clock->shift_s = roll_s > 0 ? CALENDAR_DATE_DAY_S - roll_s : 0;
    return time_zone_load(&clock->zone, zone, error);
}

void
business_clock_split(const struct business_clock *clock, int64_t unix_us, int32_t *date_days, int32_t *second_of_day)
{
    struct time_zone_span span;
    int64_t unix_s = floor_divide(unix_us, US_PER_S);
    time_zone_span_at(&clock->zone, unix_s, &span);
    int64_t wall_s = unix_s + span.offset_s;
    int64_t date = floor_divide(wall_s + clock->shift_s, CALENDAR_DATE_DAY_S);
    int32_t set_back_s = span.previous_offset_s - span.offset_s;
    if (set_back_s > 0 && unix_s - span.start_s < set_back_s) { /* the wall clock repeats what it showed before */
        int64_t latest_s = span.start_s - 1 + span.previous_offset_s;
        int64_t latest = floor_divide(latest_s + clock->shift_s, CALENDAR_DATE_DAY_S);
        if (latest > date)
            date = latest;
    }
    *date_days = (int32_t)date;
    *second_of_day = (int32_t)(wall_s - floor_divide(wall_s, CALENDAR_DATE_DAY_S) * CALENDAR_DATE_DAY_S);
}

int64_t
business_clock_start(const struct business_clock *clock, int32_t date_days)
{
    int64_t wall_s = (int64_t)date_days * CALENDAR_DATE_DAY_S - clock->shift_s;
    return time_zone_first_instant(&clock->zone, wall_s) * US_PER_S;
}

static void
instant_text(char text[BUSINESS_CLOCK_INSTANT_BYTES], int64_t unix_us)
{
    time_t seconds = (time_t)floor_divide(unix_us, US_PER_S);
    struct tm parts;
    (void)gmtime_r(&seconds, &parts);
    (void)strftime(text, BUSINESS_CLOCK_INSTANT_BYTES, "%Y-%m-%d %H:%M:%S+00", &parts);
}

bool
business_clock_interval(const struct business_clock *clock, int32_t date_days, char start[BUSINESS_CLOCK_INSTANT_BYTES],
                        char end[BUSINESS_CLOCK_INSTANT_BYTES])
{
    int64_t start_us = business_clock_start(clock, date_days), end_us = business_clock_start(clock, date_days + 1);
    instant_text(start, start_us);
    instant_text(end, end_us);
    return start_us < end_us;
}
