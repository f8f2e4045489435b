#include "jobs/period.h"

#include <stdio.h>
#include <string.h>

#include "core/calendar_date.h"

enum { MONTHS_A_YEAR = 12, MONTHS_A_QUARTER = 3, DAYS_A_WEEK = 7 };

static const char *const names[PERIOD_TYPES] = {
    [PERIOD_DAILY] = "DAILY",         [PERIOD_WEEKLY] = "WEEKLY", [PERIOD_MONTHLY] = "MONTHLY",
    [PERIOD_QUARTERLY] = "QUARTERLY", [PERIOD_YEARLY] = "YEARLY",
};

const char *
period_type_name(enum period_type type)
{
    return names[type];
}

enum error_code
period_type_find(const char *name, enum period_type *type, struct error *error)
{
    for (int i = 0; i < PERIOD_TYPES; i++)
        if (strcmp(name, names[i]) == 0) {
            *type = (enum period_type)i;
            return ERROR_NONE;
        }
    return error_set(error, ERROR_ARGUMENT,
                     "the argument period is \"%.64s\", but must be DAILY, WEEKLY, MONTHLY, QUARTERLY or YEARLY", name);
}

/* The period of whole months that the date is in: so many of them, the first of the year's first. */
static void
set_months(struct period *period, int32_t days, int months)
{
    struct calendar_date date = calendar_date_split(days);
    int first_month = (date.month - 1) / months * months + 1, last_month = first_month + months - 1;
    period->first = calendar_date_days(date.year, first_month, 1);
    period->last = calendar_date_days(date.year, last_month, calendar_date_month_length(date.year, last_month));
}

struct period
period_of(enum period_type type, int32_t days)
{
    struct period period = {.type = type, .first = days, .last = days};
    switch (type) {
    case PERIOD_WEEKLY:
        period.first = days - (calendar_date_weekday(days) - CALENDAR_MONDAY);
        period.last = period.first + DAYS_A_WEEK - 1;
        break;
    case PERIOD_MONTHLY:
        set_months(&period, days, 1);
        break;
    case PERIOD_QUARTERLY:
        set_months(&period, days, MONTHS_A_QUARTER);
        break;
    case PERIOD_YEARLY:
        set_months(&period, days, MONTHS_A_YEAR);
        break;
    case PERIOD_DAILY:
    case PERIOD_TYPES:
        break;
    }
    if (period.last > CALENDAR_DATE_LAST)
        period.last = CALENDAR_DATE_LAST;
    return period;
}

const char *
period_text(const struct period *period, char out[PERIOD_TEXT_BYTES])
{
    struct calendar_date date = calendar_date_split(period->first);
    char day[CALENDAR_DATE_BYTES];
    int year = date.year, number = 0;
    switch (period->type) {
    case PERIOD_WEEKLY:
        calendar_date_iso_week(period->first, &year, &number);
        (void)snprintf(out, PERIOD_TEXT_BYTES, "%04d-W%02d", year, number);
        break;
    case PERIOD_MONTHLY:
        (void)snprintf(out, PERIOD_TEXT_BYTES, "%04d-%02d", year, date.month);
        break;
    case PERIOD_QUARTERLY:
        (void)snprintf(out, PERIOD_TEXT_BYTES, "%04d-Q%d", year, (date.month - 1) / MONTHS_A_QUARTER + 1);
        break;
    case PERIOD_YEARLY:
        (void)snprintf(out, PERIOD_TEXT_BYTES, "%04d", year);
        break;
    case PERIOD_DAILY:
    case PERIOD_TYPES:
        (void)snprintf(out, PERIOD_TEXT_BYTES, "%s", calendar_date_format(period->first, day));
        break;
    }
    return out;
}

void
period_month_piece(const struct period *period, int32_t first, int32_t *last)
{
    struct calendar_date date = calendar_date_split(first);
    *last = calendar_date_days(date.year, date.month, calendar_date_month_length(date.year, date.month));
    if (*last > period->last)
        *last = period->last;
}
