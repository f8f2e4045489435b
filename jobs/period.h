/* jobs/period.h - periods of business dates: a date, an ISO week, a month, a quarter, a year. Pure; dates are day
 * numbers (core/calendar_date.h). Every date is in exactly one period of each type, so that periods neither overlap nor
 * leave dates out. */
#ifndef TAPEMILL_JOBS_PERIOD_H
#define TAPEMILL_JOBS_PERIOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

enum period_type { PERIOD_DAILY, PERIOD_WEEKLY, PERIOD_MONTHLY, PERIOD_QUARTERLY, PERIOD_YEARLY, PERIOD_TYPES };

/* first and last are both in the period. The year 9999 is the last: a week that goes on past it ends with it. */
struct period {
    enum period_type type;
    int32_t first, last;
};

/* "DAILY", as it stands in the warehouse. */
const char *period_type_name(enum period_type type);

/* The type of that name, in capitals. ERROR_ARGUMENT names the choices. */
ERROR_MUST_CHECK enum error_code period_type_find(const char *name, enum period_type *type, struct error *error);

/* The period that a date is in. Weeks begin on Monday and belong to the year of their Thursday. */
struct period period_of(enum period_type type, int32_t days);

/* How a period is called: 2024-01-15, 2024-W03, 2024-01, 2024-Q1, 2024. Returns out. */
enum { PERIOD_TEXT_BYTES = 32 };
const char *period_text(const struct period *period, char out[PERIOD_TEXT_BYTES]);

/* Cuts the period where a month ends: *last is the last date of the piece that begins with first, which is in the
 * period; the next piece begins a day after it, unless that is past the period. */
void period_month_piece(const struct period *period, int32_t first, int32_t *last);

#endif
