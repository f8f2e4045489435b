/* scheduler/fold.h - has the leaves of closed months of fact_trades folded, one month after the other
 * (jobs/fold_debt.h, jobs/fold_month.c), so that a long backfill is folded behind itself as it goes.
 *
 * The job's unique key makes it one at a time, however many schedulers there are. A month whose job is dead is left to
 * a person. */
#ifndef TAPEMILL_SCHEDULER_FOLD_H
#define TAPEMILL_SCHEDULER_FOLD_H

#include <stdint.h>

#include "core/business_clock.h"
#include "core/database.h"
#include "core/error.h"
#include "scheduler/redis_watch.h"

/* While months are being folded it looks more often for the next one. */
enum { FOLD_IDLE_MS = 60 * 1000, FOLD_BUSY_MS = 1000 };

/* Looks when *next_ms (monotonic; start with 0) has come, and says when it is to look again. */
ERROR_MUST_CHECK enum error_code fold_advance(int64_t *next_ms, int64_t now_ms, const struct business_clock *clock,
                                              struct database *database, struct redis_watch *redis,
                                              struct error *error);

#endif
