#include "core/calendar_date.h"

#include <stdio.h>
#include <string.h>

/* Years are counted from 1 March, so that the leap day ends them, and in cycles of 400, after which the calendar
 * repeats. */
#define DAYS_PER_CYCLE      146097
#define YEARS_PER_CYCLE     400
#define DAYS_PER_CENTURY    36524 /* the shorter kind; the last century of a cycle has a day more */
#define DAYS_PER_FOUR_YEARS 1461
#define EPOCH_FROM_CYCLES   719468 /* 1970-01-01, counted from 0000-03-01 */

static const char *const month_names[] = {"January", "February", "March",     "April",   "May",      "June",
                                          "July",    "August",   "September", "October", "November", "December"};
static const char *const weekday_names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                            "Friday", "Saturday", "Sunday"};

static int32_t
floor_divide(int32_t dividend, int32_t divisor)
{
    int32_t quotient = dividend / divisor;
    return dividend % divisor < 0 ? quotient - 1 : quotient;
}

bool
calendar_date_is_leap_year(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int
calendar_date_month_length(int year, int month)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && calendar_date_is_leap_year(year) ? 29 : lengths[month - 1];
}

/* Days from 1 March to the first of a month, months counted from March = 0: from March on the lengths 31, 30, 31, 30,
 * 31 repeat every five months, 153 days. */
static int32_t
days_before_month(int32_t month_from_march)
{
    return (153 * month_from_march + 2) / 5;
}

int32_t
calendar_date_days(int year, int month, int day)
{
    int32_t march_year = month > 2 ? year : year - 1;
    int32_t cycle = floor_divide(march_year, YEARS_PER_CYCLE);
    int32_t year_of_cycle = march_year - cycle * YEARS_PER_CYCLE;
    int32_t leap_days = year_of_cycle / 4 - year_of_cycle / 100;
    int32_t month_from_march = month > 2 ? month - 3 : month + 9;
    return cycle * DAYS_PER_CYCLE + year_of_cycle * 365 + leap_days + days_before_month(month_from_march) + day - 1 -
           EPOCH_FROM_CYCLES;
}

struct calendar_date
calendar_date_split(int32_t days)
{
    int32_t from_origin = days + EPOCH_FROM_CYCLES;
    int32_t cycle = floor_divide(from_origin, DAYS_PER_CYCLE);
    int32_t rest = from_origin - cycle * DAYS_PER_CYCLE;
    int32_t century = rest / DAYS_PER_CENTURY;
    if (century > 3)
        century = 3;
    rest -= century * DAYS_PER_CENTURY;
    int32_t four_years = rest / DAYS_PER_FOUR_YEARS;
    rest -= four_years * DAYS_PER_FOUR_YEARS;
    int32_t single = rest / 365;
    if (single > 3)
        single = 3;
    rest -= single * 365;
    int32_t month_from_march = (5 * rest + 2) / 153;
    struct calendar_date date = {
        .year = cycle * YEARS_PER_CYCLE + century * 100 + four_years * 4 + single + (month_from_march > 9 ? 1 : 0),
        .month = month_from_march > 9 ? month_from_march - 9 : month_from_march + 3,
        .day = rest - days_before_month(month_from_march) + 1,
    };
    return date;
}

int
calendar_date_weekday(int32_t days)
{
    int32_t thursday_based = days % 7; /* 1970-01-01 was a Thursday */
    return (thursday_based + 7 + CALENDAR_THURSDAY - 1) % 7 + 1;
}

int
calendar_date_day_of_year(int32_t days)
{
    return days - calendar_date_days(calendar_date_split(days).year, 1, 1) + 1;
}

void
calendar_date_iso_week(int32_t days, int *iso_year, int *week)
{
    int32_t thursday = days - calendar_date_weekday(days) + CALENDAR_THURSDAY; /* it decides whose week this is */
    *iso_year = calendar_date_split(thursday).year;
    *week = (calendar_date_day_of_year(thursday) - 1) / 7 + 1;
}

const char *
calendar_date_month_name(int month)
{
    return month_names[month - 1];
}

const char *
calendar_date_weekday_name(int weekday)
{
    return weekday_names[weekday - 1];
}

int32_t
calendar_date_key(int32_t days)
{
    struct calendar_date date = calendar_date_split(days);
    return date.year * 10000 + date.month * 100 + date.day;
}

/* What keeps year, month and day from being a date, as the end of a sentence; "" if they are one. */
static void
describe_fault(const struct calendar_date *date, char *out, size_t out_bytes)
{
    out[0] = 0;
    if (date->year < 1 || date->year > 9999)
        (void)snprintf(out, out_bytes, "year %04d is out of range; years go from 0001 to 9999", date->year);
    else if (date->month < 1 || date->month > 12)
        (void)snprintf(out, out_bytes, "month %02d does not exist; months go from 01 to 12", date->month);
    else if (date->day < 1 || date->day > calendar_date_month_length(date->year, date->month))
        (void)snprintf(out, out_bytes, "day %02d does not exist; %s %04d has days 01 to %d", date->day,
                       calendar_date_month_name(date->month), date->year,
                       calendar_date_month_length(date->year, date->month));
}

enum error_code
calendar_date_from_key(int32_t date_key, int32_t *days, struct error *error)
{
    struct calendar_date date = {date_key / 10000, date_key / 100 % 100, date_key % 100};
    char fault[ERROR_MESSAGE_BYTES / 2];
    if (date_key < 0)
        return error_set(error, ERROR_DATE_KEY, "%d is not a date key; a key is yyyymmdd, for example 20240229",
                         date_key);
    describe_fault(&date, fault, sizeof(fault));
    if (fault[0])
        return error_set(error, ERROR_DATE_KEY, "%d is not a date key (yyyymmdd): %s", date_key, fault);
    *days = calendar_date_days(date.year, date.month, date.day);
    return ERROR_NONE;
}

static bool
has_shape(const char *text)
{
    static const char shape[] = "dddd-dd-dd";
    for (size_t i = 0; i < sizeof(shape) - 1; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == 'd' ? !digit : text[i] != shape[i])
            return false;
    }
    return text[sizeof(shape) - 1] == 0;
}

static int
digits(const char *text, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

enum error_code
calendar_date_parse(const char *text, int32_t *days, struct error *error)
{
    char fault[ERROR_MESSAGE_BYTES / 2];
    if (!has_shape(text))
        return error_set(error, ERROR_FORMAT, "\"%.40s\" is not a date; write YYYY-MM-DD, for example 2024-02-29",
                         text);
    struct calendar_date date = {digits(text, 4), digits(text + 5, 2), digits(text + 8, 2)};
    describe_fault(&date, fault, sizeof(fault));
    if (fault[0])
        return error_set(error, ERROR_FORMAT, "\"%s\" is not a date: %s", text, fault);
    *days = calendar_date_days(date.year, date.month, date.day);
    return ERROR_NONE;
}

const char *
calendar_date_format(int32_t days, char out[CALENDAR_DATE_BYTES])
{
    struct calendar_date date = calendar_date_split(days);
    (void)snprintf(out, CALENDAR_DATE_BYTES, "%04d-%02d-%02d", date.year, date.month, date.day);
    return out;
}
