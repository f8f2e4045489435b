/* core/business_clock.h - from instants to the dates and times of day of the business, and back.
 *
 * The business has a time zone and a day roll. With roll 0 a business date is the calendar date on the zone's wall
 * clock. With roll R > 0 (seconds after midnight) the business date D runs from R o'clock on D - 1 to R o'clock on D:
 * with 17:00 in New York, Sunday evening is Monday's.
 *
 * Business dates never go backwards: date D is one unbroken stretch of time, from the first instant at which the wall
 * clock shows its start to the first instant at which it shows the start of D + 1. So
 * [business_clock_start(D), business_clock_start(D + 1)) holds exactly the instants that business_clock_split puts on
 * D. It matters where a clock that is set back shows the start of D twice, which takes a roll in the hour that is
 * repeated, or one of the few zones that were set back just after midnight: D begins at the first, and what is then
 * repeated of the evening before belongs to D, with the time of day that the wall clock shows. A date that a zone left
 * out (Samoa, 2011-12-30) is empty: it starts where the next one does.
 *
 * Instants are microseconds since 1970-01-01 UTC, negative before; parts of a second are dropped towards the past. */
#ifndef TAPEMILL_CORE_BUSINESS_CLOCK_H
#define TAPEMILL_CORE_BUSINESS_CLOCK_H

#include "core/error.h"
#include "core/time_zone.h"

#include <stdbool.h>
#include <stdint.h>

/* Caller's storage (about 12 KiB); may be copied, needs no end, never changes after its init. */
struct business_clock {
    struct time_zone zone;
    int32_t shift_s; /* from the roll to the midnight after it */
};

/* zone is an IANA name. roll_s is 0..86399. ERROR_CONFIG names the zone or the roll and the remedy. */
enum error_code business_clock_init(struct business_clock *clock, const char *zone, int roll_s,
                                    struct error *error) ERROR_MUST_CHECK;

/* The business date as a day number (core/calendar_date.h), and the second 0..86399 on the wall clock. */
void business_clock_split(const struct business_clock *clock, int64_t unix_us, int32_t *date_days,
                          int32_t *second_of_day);

/* The first instant of a business date of the years 1 to 9999. */
int64_t business_clock_start(const struct business_clock *clock, int32_t date_days);

/* The date's half-open interval as timestamptz texts. False when the zone left the date out: both are then the same. */
enum { BUSINESS_CLOCK_INSTANT_BYTES = 48 };
bool business_clock_interval(const struct business_clock *clock, int32_t date_days,
                             char start[BUSINESS_CLOCK_INSTANT_BYTES], char end[BUSINESS_CLOCK_INSTANT_BYTES]);

#endif
