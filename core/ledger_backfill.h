/* core/ledger_backfill.h - cancelling what a backfill has not done: the command does it, and the scheduler finishes it
 * when the command was killed. */
#ifndef TAPEMILL_CORE_LEDGER_BACKFILL_H
#define TAPEMILL_CORE_LEDGER_BACKFILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/database.h"
#include "core/error.h"
#include "core/ledger.h"

enum { LEDGER_BACKFILL_BATCH = 1000 };

/* Cancels one batch of a backfill's unfinished jobs: those that only wait in one statement, others one by one, running
 * ones too if asked. Jobs that others outside of it wait for are left. job_ids (room for LEDGER_BACKFILL_BATCH) are
 * those that were cancelled, for queue_forget(). *more is false when nothing was left to cancel. *pushes gets the jobs
 * that became ready by it, to be pushed. The backfill itself
 * must be cancelled before, so that no scheduler adds a date. */
ERROR_MUST_CHECK enum error_code ledger_backfill_cancel(struct database *database, int64_t backfill_id,
                                                        bool running_too, int64_t *job_ids, size_t *count, bool *more,
                                                        struct ledger_pushes *pushes, struct error *error);

#endif
