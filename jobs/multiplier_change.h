/* jobs/multiplier_change.h - what follows from a corrected contract multiplier. It is of type 1: the correction reaches
 * trades that were booked long ago, and with them every closing book since.
 *
 * multiplier_change_note() goes before the dimension is written, multiplier_change_follow() after it: that opens every
 * date again that has trades of such an instrument and enqueues pnl_forward for those that were closed. Each waits for
 * the date before; a date in between without such trades is opened by the chain itself when books that it carries
 * changed (jobs/realized_pnl.c). One WARNING issue `multiplier_changed` for each instrument that has
 * trades. */
#ifndef TAPEMILL_JOBS_MULTIPLIER_CHANGE_H
#define TAPEMILL_JOBS_MULTIPLIER_CHANGE_H

#include "jobs/job.h"

/* In the run's transaction, with the epoch of the instruments held and their staging table filled. */
ERROR_MUST_CHECK enum error_code multiplier_change_note(struct job_context *context, struct error *error);

ERROR_MUST_CHECK enum error_code multiplier_change_follow(struct job_context *context, struct error *error);

#endif
