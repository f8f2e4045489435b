#include "jobs/calendar.h"

#include <stdlib.h>

#define NOON_S           (12 * 3600)
#define MORNING_S        (6 * 3600)
#define EVENING_LATEST_S (18 * 3600)
#define NIGHT_S          (22 * 3600)

void
calendar_destroy(struct calendar *calendar)
{
    if (!calendar)
        return;
    free(calendar->exceptions);
    free(calendar->text);
    free(calendar);
}

static int
compare_date(const void *key, const void *element)
{
    int32_t days = *(const int32_t *)key;
    const struct calendar_exception *exception = element;
    return (days > exception->days) - (days < exception->days);
}

void
calendar_day_of(const struct calendar *calendar, int32_t days, struct calendar_day *out)
{
    if (calendar->day_by_rule) {
        calendar->day_by_rule(days, out);
        return;
    }
    struct calendar_hours usual = calendar->weekly[calendar_date_weekday(days) - 1];
    const struct calendar_exception *exception = NULL;
    if (calendar->exception_count > 0)
        exception = bsearch(&days, calendar->exceptions, calendar->exception_count, sizeof(*exception), compare_date);
    struct calendar_hours hours = exception ? exception->hours : usual;
    out->is_trading_day = hours.open_s != CALENDAR_CLOSED;
    out->is_holiday = exception && !out->is_trading_day;
    out->holiday_name = out->is_holiday ? exception->name : NULL;
    out->open_s = hours.open_s;
    out->close_s = hours.close_s;
    out->early_close = out->is_trading_day && hours.close_s < usual.close_s;
}

bool
calendar_covers(const struct calendar *calendar, int32_t days)
{
    return days >= calendar->first_days && days <= calendar->last_days;
}

struct calendar_hours
calendar_regular_hours(const struct calendar *calendar)
{
    int i = 0;
    while (i < 6 && calendar->weekly[i].open_s == CALENDAR_CLOSED)
        i++;
    return calendar->weekly[i];
}

/* The fiscal columns, from the calendar year and month. */
static void
fill_fiscal(struct calendar_date_row *row, int fiscal_start_month)
{
    row->fiscal_month = (row->month - fiscal_start_month + 12) % 12 + 1;
    row->fiscal_quarter = (row->fiscal_month - 1) / 3 + 1;
    row->fiscal_year = row->year + (fiscal_start_month > 1 && row->month >= fiscal_start_month ? 1 : 0);
}

void
calendar_date_row(const struct calendar *calendar, int32_t days, int fiscal_start_month, struct calendar_date_row *out)
{
    struct calendar_date date = calendar_date_split(days);
    struct calendar_day day;
    calendar_day_of(calendar, days, &day);
    out->date_key = calendar_date_key(days);
    out->days = days;
    out->year = date.year;
    out->quarter = (date.month - 1) / 3 + 1;
    out->month = date.month;
    out->month_name = calendar_date_month_name(date.month);
    out->day_of_month = date.day;
    out->day_of_week = calendar_date_weekday(days);
    out->day_name = calendar_date_weekday_name(out->day_of_week);
    calendar_date_iso_week(days, &out->iso_year, &out->week_of_year);
    out->is_weekend = out->day_of_week >= CALENDAR_SATURDAY;
    out->is_trading_day = day.is_trading_day;
    out->is_holiday = day.is_holiday;
    out->holiday_name = day.holiday_name;
    fill_fiscal(out, fiscal_start_month);
    out->session_open_s = day.open_s;
    out->session_close_s = day.close_s;
    out->is_early_close = day.early_close;
}

static const char *
time_of_day(struct calendar_hours regular, int32_t second_of_day)
{
    int afternoon_ends_s =
        regular.close_s > NOON_S && regular.close_s <= EVENING_LATEST_S ? regular.close_s : EVENING_LATEST_S;
    if (second_of_day >= regular.close_s - CALENDAR_CLOSE_PHASE_S && second_of_day < regular.close_s)
        return "Close";
    if (second_of_day < MORNING_S || second_of_day >= NIGHT_S)
        return "Night";
    if (second_of_day < NOON_S)
        return "Morning";
    return second_of_day < afternoon_ends_s ? "Afternoon" : "Evening";
}

static bool
is_within(struct calendar_hours hours, int32_t second_of_day)
{
    return second_of_day >= hours.open_s && second_of_day < hours.close_s;
}

static const char *
market_session(struct calendar_hours regular, struct calendar_hours extended, int32_t second_of_day)
{
    if (is_within(regular, second_of_day))
        return "Regular";
    if (!is_within(extended, second_of_day))
        return "Closed";
    return second_of_day < regular.open_s ? "Pre-Market" : "After-Hours";
}

void
calendar_time_row(const struct calendar *calendar, int32_t second_of_day, struct calendar_time_row *out)
{
    struct calendar_hours regular = calendar_regular_hours(calendar);
    out->time_key = second_of_day;
    out->hour = second_of_day / 3600;
    out->minute = second_of_day / 60 % 60;
    out->second = second_of_day % 60;
    out->time_of_day = time_of_day(regular, second_of_day);
    out->market_session = market_session(regular, calendar->extended, second_of_day);
}
