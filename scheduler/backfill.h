/* scheduler/backfill.h - keeps the window of every running backfill full.
 *
 * A backfill (a row of etl_backfills) has a next date. While fewer than `parallel` of its dates are under way, that
 * date is enqueued, or skipped as --reprocess says, and the next date moves on, all in one transaction that locks the
 * row: any number of schedulers may do it, and pause and cancel take effect between two dates. A date is under way
 * while one of its jobs is queued, waits to be tried again or at a limit, or runs, or waits for one that is and does (a
 * step that several dates share); dates that only wait for something else (yesterday's books) hold no place. While a
 * shared step runs no date is taken: the next one can use its result, but depend on it no more. What a tick costs does
 * not grow with the number of dates, done or left.
 *
 * A cancelled backfill whose jobs could still go on, since the command was killed, is settled.
 *
 * Without dates left, a backfill is completed when all its jobs are done, and failed when one is dead or cancelled and
 * nothing of it can go on any more. A failed one runs again as soon as one of its jobs does (`tapemill dead retry`).
 * One whose next date cannot be enqueued at all (an unknown job) fails at once, with an alert. One with
 * BACKFILL_DEAD_MAX dead jobs (shared steps among them) takes no more dates and, once nothing of it can go on, is
 * failed too: what broke so many dates would break the others. It goes on when enough of them were retried. */
#ifndef TAPEMILL_SCHEDULER_BACKFILL_H
#define TAPEMILL_SCHEDULER_BACKFILL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/database.h"
#include "core/error.h"
#include "scheduler/redis_watch.h"

/* With so many dead jobs a backfill takes no more dates. */
enum { BACKFILL_SURVEY_MAX = 100, BACKFILL_DATES_PER_TICK = 64, BACKFILL_DEAD_MAX = 10 };

/* Goes once over the running backfills, at most BACKFILL_SURVEY_MAX of them, *cursor (0 at first) telling where to go
 * on. *taken is how many dates were enqueued or skipped. Jobs are pushed to Redis if it is usable. */
ERROR_MUST_CHECK enum error_code backfill_advance(int64_t *cursor, int *taken, struct database *database,
                                                  struct redis_watch *redis, struct error *error);

#endif
