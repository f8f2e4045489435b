/* worker/soft_timeout.h - once a run's soft timeout is over, whatever it does in PostgreSQL is cancelled, so that it
 * fails.
 *
 * Every second again, for a run may stand between two statements when the first cancel comes. One that never asks
 * PostgreSQL for anything goes on until its hard deadline, when its keeper kills it. */
#ifndef TAPEMILL_WORKER_SOFT_TIMEOUT_H
#define TAPEMILL_WORKER_SOFT_TIMEOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "jobs/job.h"

/* seconds 0: none. The context's connections must stay until soft_timeout_end(). */
void soft_timeout_begin(const struct job_context *context, int64_t seconds);

/* No cancel comes after this. True if the timeout was over. */
bool soft_timeout_end(void);

#endif
