/* jobs/calendar.h - trading calendars, and the rows of dim_date and dim_time that follow from them.
 *
 * A calendar says for every date whether its venue trades and from when to when. Dates are day numbers
 * (core/calendar_date.h). Times are seconds of the local day of the venue, 0..86400; 86400 is midnight at the day's
 * end.
 *
 * "NYSE" is computed by rule, and right since 1990-01-01; for earlier dates the same rules are applied, which history
 * does not always bear out. Other venues are read from a file (calendar_load). What a calendar holds are sessions as
 * they were announced: an opening delayed by snow or a halt in the middle of the day changes no session. */
#ifndef TAPEMILL_JOBS_CALENDAR_H
#define TAPEMILL_JOBS_CALENDAR_H

#include "core/calendar_date.h"
#include "core/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALENDAR_FILE_MAX_BYTES 1048576
#define CALENDAR_NAME_MAX_BYTES 100 /* of a holiday's or a venue's name, as dim_date.holiday_name has it */
#define CALENDAR_CLOSED         (-1)
#define CALENDAR_CLOSE_PHASE_S  1800 /* the last half hour of the regular session is its close */

/* The two ends of a span of a day; both CALENDAR_CLOSED if there is none. */
struct calendar_hours {
    int open_s;
    int close_s;
};

struct calendar_day {
    bool is_trading_day;
    bool is_holiday;          /* closed by a holiday or another closure of that day, not merely by the weekday */
    const char *holiday_name; /* NULL if none; lives as long as the calendar */
    int open_s;               /* CALENDAR_CLOSED if closed */
    int close_s;
    bool early_close; /* closes before the weekday's usual hour */
};

/* A date on which the weekly hours do not hold. */
struct calendar_exception {
    int32_t days;
    int line;         /* of the file */
    const char *name; /* NULL if none */
    struct calendar_hours hours;
};

/* Made by calendar_nyse() or calendar_load(); fields are read by the functions below. */
struct calendar {
    const char *venue;
    const char *timezone;
    int32_t first_days; /* the dates it vouches for, both included */
    int32_t last_days;
    struct calendar_hours weekly[7]; /* Monday first */
    struct calendar_hours extended;  /* from the start of pre-market to the end of after-hours; closed if neither */
    void (*day_by_rule)(int32_t days, struct calendar_day *out); /* NULL if read from a file */
    struct calendar_exception *exceptions;                       /* ascending by date; owned */
    size_t exception_count;
    char *text; /* the file, in which the names live; owned */
};

/* A row of dim_date. The fiscal year is named by the calendar year in which it ends. */
struct calendar_date_row {
    int32_t date_key;
    int32_t days;
    int year;
    int quarter;
    int month;
    const char *month_name;
    int day_of_month;
    int day_of_week; /* ISO: 1 is Monday */
    const char *day_name;
    int week_of_year; /* ISO week, of iso_year */
    int iso_year;
    bool is_weekend; /* Saturday or Sunday, whatever the venue does */
    bool is_trading_day;
    bool is_holiday;
    const char *holiday_name; /* NULL if none; lives as long as the calendar */
    int fiscal_year;
    int fiscal_quarter;
    int fiscal_month;
    int session_open_s; /* CALENDAR_CLOSED if closed */
    int session_close_s;
    bool is_early_close;
};

/* A row of dim_time.
 *
 * market_session, from the hours of the calendar's regular session (09:30-16:00 for NYSE) and its extended hours
 * (04:00-20:00): 'Pre-Market', 'Regular', 'After-Hours', else 'Closed'.
 * time_of_day, the first that fits: 'Close' in the last half hour of the regular session; 'Night' before 06:00 and from
 * 22:00; 'Morning' before 12:00; 'Afternoon' until the regular session's close, or until 18:00 if that lies before noon
 * or after 18:00; 'Evening'. The row has no date, so that early closes do not move these borders. */
struct calendar_time_row {
    int32_t time_key; /* second of the day, 0..86399 */
    int hour;
    int minute;
    int second;
    const char *time_of_day;    /* static */
    const char *market_session; /* static */
};

/* The New York Stock Exchange; static, never destroyed. */
const struct calendar *calendar_nyse(void);

/* What the New York Stock Exchange does on a date, by rule. A holiday that falls on a weekend is a holiday on the
 * weekday on which it is observed, and its name says so. Sources: the exchange's holiday rule (Rule 7.2) and its yearly
 * notices of holidays and early closings. */
void calendar_nyse_day(int32_t days, struct calendar_day *out);

/* Reads a calendar from a file of lines. Fields are separated by commas, spaces around them are ignored, as are empty
 * lines and lines that begin with '#'. Hours are HH:MM; 24:00 is midnight at the day's end.
 *
 *     venue,XLON                                 the venue's name
 *     timezone,Europe/London                     the zone its hours are in
 *     covers,2015-01-01,2027-12-31               the dates for which the file knows the holidays, both included
 *     extended,07:00,17:15                       optional: start of pre-market, end of after-hours
 *     monday,open,08:00,16:30                    the usual hours, a line for each of the seven weekdays
 *     saturday,closed
 *     2026-12-24,open,08:00,12:30,Christmas Eve  a date with other hours; the name is for the reader
 *     2026-12-25,closed,,,Christmas Day          a holiday and its name
 *
 * A session past midnight is written on both days, to 24:00 and from 00:00. The regular session of dim_time is that of
 * the first weekday, from Monday, on which the venue opens. The order of the lines does not matter.
 *
 * On success *out is the caller's, for calendar_destroy. ERROR_CONFIG names the file, the line and the remedy;
 * ERROR_MEMORY. A file larger than CALENDAR_FILE_MAX_BYTES is refused. */
enum error_code calendar_load(const char *path, struct calendar **out, struct error *error) ERROR_MUST_CHECK;

/* The same from memory; name is what errors call it. */
enum error_code calendar_parse(const char *name, const char *text, size_t bytes, struct calendar **out,
                               struct error *error) ERROR_MUST_CHECK;

/* NULL and calendars that were not loaded are left alone. */
void calendar_destroy(struct calendar *calendar);

void calendar_day_of(const struct calendar *calendar, int32_t days, struct calendar_day *out);

/* Whether the calendar knows the holidays around that date; outside, calendar_day_of tells what the rule or the weekly
 * hours say. */
bool calendar_covers(const struct calendar *calendar, int32_t days);

/* The regular session, as dim_time needs it. */
struct calendar_hours calendar_regular_hours(const struct calendar *calendar);

/* fiscal_start_month is 1..12; 1 makes the fiscal year the calendar year. */
void calendar_date_row(const struct calendar *calendar, int32_t days, int fiscal_start_month,
                       struct calendar_date_row *out);

/* second_of_day is 0..86399. */
void calendar_time_row(const struct calendar *calendar, int32_t second_of_day, struct calendar_time_row *out);

#endif
