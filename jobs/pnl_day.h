/* jobs/pnl_day.h - the condition "pnl:YYYYMMDD": the books of that business date are closed. Every live fact of the
 * date then has its realised P&L, and etl_open_positions holds what each book carries into the next date.
 *
 * The job realized_pnl meets it. Whatever changes facts of a date calls pnl_day_reopen() in the same transaction, so
 * that nothing is ever built on books that their facts have left behind. */
#ifndef TAPEMILL_JOBS_PNL_DAY_H
#define TAPEMILL_JOBS_PNL_DAY_H

#include <stdint.h>

#include "jobs/job.h"

enum { PNL_DAY_KEY_BYTES = 32 };

/* The condition's key; returns key. days is a day number (core/calendar_date.h). */
const char *pnl_day_key(int32_t days, char key[PNL_DAY_KEY_BYTES]);

/* The first date of the history (TAPEMILL_HISTORY_START). ERROR_ARGUMENT if the date lies before it: its books are
 * never closed. ERROR_CONFIG if the history has no beginning. */
ERROR_MUST_CHECK enum error_code pnl_day_in_history(int32_t days, int32_t *first_days, struct error *error);

/* Holds the date closed until commit. ERROR_WAITING, with context->wait_key set, if it is not closed; the error of
 * pnl_day_in_history() if it lies before a history that has a beginning. */
ERROR_MUST_CHECK enum error_code pnl_day_hold(struct job_context *context, int32_t days, struct error *error);

/* Says that the books of the date must be closed anew. */
ERROR_MUST_CHECK enum error_code pnl_day_reopen(struct job_context *context, int32_t days, struct error *error);

/* Asks for the books and the performance of a date (YYYY-MM-DD) again, in this transaction: enqueues the pipeline
 * pnl_forward with the run's queue and priority. */
ERROR_MUST_CHECK enum error_code pnl_day_forward(struct job_context *context, const char *business_date,
                                                 struct error *error);

/* The key of the condition "booked:SOURCE:YYYYMMDD": the facts of this flow and date have their realised P&L already,
 * and etl_open_positions its closing books, computed by the load from the closing books of the date before as they
 * stand. */
enum { PNL_DAY_FLOWS = 2 };
extern const char *const pnl_day_flows[PNL_DAY_FLOWS]; /* "CLIENT", "DESK" */
const char *pnl_day_booked_key(const char *source, int32_t days, char key[PNL_DAY_KEY_BYTES]);

/* Whether the flow is booked, or the date closed. No lock. */
ERROR_MUST_CHECK enum error_code pnl_day_is_met(struct database *warehouse, const char *key, bool *met,
                                                struct error *error);

#endif
