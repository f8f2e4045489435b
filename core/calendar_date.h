/* core/calendar_date.h - dates of the proleptic Gregorian calendar as day numbers.
 *
 * A date is an int32_t: days since 1970-01-01, negative before. Arithmetic on dates is arithmetic on that number. A
 * date key is the same date as the integer yyyymmdd, as it stands in the warehouse. Nothing here reads a clock or knows
 * a time zone. Functions that take a day number accept every date of the years 1 to 9999; outside they still count
 * rightly, but a key or a text has no room for the year. */
#ifndef TAPEMILL_CORE_CALENDAR_DATE_H
#define TAPEMILL_CORE_CALENDAR_DATE_H

#include "core/error.h"

#include <stdbool.h>
#include <stdint.h>

#define CALENDAR_DATE_FIRST (-719162) /* 0001-01-01 */
#define CALENDAR_DATE_LAST  2932896   /* 9999-12-31 */
#define CALENDAR_DATE_BYTES 16        /* "YYYY-MM-DD" and its end, with room to spare */
#define CALENDAR_DATE_DAY_S 86400     /* seconds of a day without a change of the clock */

/* Weekdays as ISO 8601 numbers them. */
enum calendar_weekday {
    CALENDAR_MONDAY = 1,
    CALENDAR_TUESDAY,
    CALENDAR_WEDNESDAY,
    CALENDAR_THURSDAY,
    CALENDAR_FRIDAY,
    CALENDAR_SATURDAY,
    CALENDAR_SUNDAY
};

struct calendar_date {
    int year;
    int month; /* 1..12 */
    int day;   /* 1..31 */
};

bool calendar_date_is_leap_year(int year);

/* Days of a month; month is 1..12. */
int calendar_date_month_length(int year, int month);

/* The day number of a date. The month must be 1..12; a day outside the month counts on from it (day 0 is the last day
 * of the month before). */
int32_t calendar_date_days(int year, int month, int day);

/* The date of a day number. */
struct calendar_date calendar_date_split(int32_t days);

/* 1 is Monday, 7 is Sunday. */
int calendar_date_weekday(int32_t days);

/* 1 is 1 January. */
int calendar_date_day_of_year(int32_t days);

/* ISO 8601: weeks begin on Monday; week 1 has the year's first Thursday, so that the days around New Year may belong to
 * a week of the neighbouring year, *iso_year. */
void calendar_date_iso_week(int32_t days, int *iso_year, int *week);

/* "January", "Monday": static, English whatever the locale. month is 1..12, weekday 1..7. */
const char *calendar_date_month_name(int month);
const char *calendar_date_weekday_name(int weekday);

/* yyyymmdd. */
int32_t calendar_date_key(int32_t days);

/* The date of a key. ERROR_DATE_KEY if no date has that key. */
enum error_code calendar_date_from_key(int32_t date_key, int32_t *days, struct error *error) ERROR_MUST_CHECK;

/* Exactly "YYYY-MM-DD", years 0001 to 9999. ERROR_FORMAT says what is wrong with it and how to write it. */
enum error_code calendar_date_parse(const char *text, int32_t *days, struct error *error) ERROR_MUST_CHECK;

/* "YYYY-MM-DD"; returns out. */
const char *calendar_date_format(int32_t days, char out[CALENDAR_DATE_BYTES]);

#endif
