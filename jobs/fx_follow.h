/* jobs/fx_follow.h - what follows from changed exchange rates elsewhere: facts and positions that took another rate, or
 * none, where they would take the changed one now. */
#ifndef TAPEMILL_JOBS_FX_FOLLOW_H
#define TAPEMILL_JOBS_FX_FOLLOW_H

#include "jobs/job.h"

/* Before the run changes fx_rates. What it changes it notes in stage_fx_changed (currency, rate_date). */
ERROR_MUST_CHECK enum error_code fx_follow_begin(struct job_context *context, struct error *error);

/* After the last change, in the run's transaction: enqueues the load of every loaded flow and date that has a fact with
 * another rate than the one it would get now, or whose load runs and may have read the rates before; and logs the
 * positions of the dates as dirty. A rate counts from its date to the one before the currency's next, and not longer
 * than TAPEMILL_FX_MAX_AGE_DAYS. Nothing is asked for that is there and has not begun. */
ERROR_MUST_CHECK enum error_code fx_follow_enqueue(struct job_context *context, struct error *error);

#endif
