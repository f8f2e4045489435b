/* jobs/pnl_day.h - the condition "pnl:YYYYMMDD": the books of that business date are closed. Every live fact of the
 * date then has its realised P&L, and etl_open_positions holds what each book carries into the next date.
 *
 * The job realized_pnl meets it. Whatever changes facts of a date calls pnl_day_reopen() in the same transaction, so
 * that nothing is ever built on books that their facts have left behind. */
#ifndef TAPEMILL_JOBS_PNL_DAY_H
#define TAPEMILL_JOBS_PNL_DAY_H

#include <stdint.h>

#include "jobs/job.h"

enum { PNL_DAY_KEY_BYTES = 24 };

/* The condition's key; returns key. days is a day number (core/calendar_date.h). */
const char *pnl_day_key(int32_t days, char key[PNL_DAY_KEY_BYTES]);

/* Holds the date closed until commit. ERROR_WAITING, with context->wait_key set, if it is not closed. */
ERROR_MUST_CHECK enum error_code pnl_day_hold(struct job_context *context, int32_t days, struct error *error);

/* Says that the books of the date must be closed anew. */
ERROR_MUST_CHECK enum error_code pnl_day_reopen(struct job_context *context, int32_t days, struct error *error);

#endif
