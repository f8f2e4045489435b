/* jobs/fold_debt.h - months of fact_trades that are closed and have more than one leaf: what fold_month has to do.
 *
 * A month is closed once it ended TAPEMILL_FOLD_AFTER_DAYS days ago, in business time. */
#ifndef TAPEMILL_JOBS_FOLD_DEBT_H
#define TAPEMILL_JOBS_FOLD_DEBT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/business_clock.h"
#include "core/calendar_date.h"
#include "core/database.h"
#include "core/error.h"

struct fold_debt {
    int64_t leaves;                   /* of fact_trades, all months */
    int64_t months;                   /* closed, with more than one leaf */
    int64_t dead;                     /* of them: those whose fold_month job is dead, and waits for a person */
    char oldest[CALENDAR_DATE_BYTES]; /* first date of the oldest of them; "" if there are none */
    char next[CALENDAR_DATE_BYTES];   /* the same of the oldest in which no job is unfinished, no backfill has dates
                                         left, and no fold_month job is dead; "" if there is none, or while one is
                                         folded */
    bool folding;                     /* a fold_month job is not finished */
};

/* Reads the ledger and the catalog. */
ERROR_MUST_CHECK enum error_code fold_debt_look(struct database *warehouse, const struct business_clock *clock,
                                                struct fold_debt *debt, struct error *error);

/* The business date on the warehouse's clock, as a day number. */
ERROR_MUST_CHECK enum error_code fold_debt_today(struct database *warehouse, const struct business_clock *clock,
                                                 int32_t *today, struct error *error);

#endif
