/* scheduler/daily.h - the jobs that run once per business date (job_definition.daily).
 *
 * A date's tick is a row of etl_schedule_ticks, schedule "daily:JOB", at the instant the date begins; the row and the
 * job are inserted in one transaction, so that the tick happens once, however many schedulers there are. It is made
 * job_definition.daily_after_s after that instant. What date it is follows from the warehouse's clock,
 * TAPEMILL_TIMEZONE and TAPEMILL_DAY_ROLL.
 *
 * Dates that passed while no scheduler ran: a job that works on a date gets them all, the oldest first, back to
 * DAILY_CATCH_UP_DATES; for any other job today's run serves them too. What is left out is a tick with status skipped.
 */
#ifndef TAPEMILL_SCHEDULER_DAILY_H
#define TAPEMILL_SCHEDULER_DAILY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/business_clock.h"
#include "core/database.h"
#include "core/error.h"
#include "scheduler/redis_watch.h"

enum { DAILY_CATCH_UP_DATES = 31, DAILY_TICKS_PER_CALL = 64 };

/* Enqueues what is due, at most DAILY_TICKS_PER_CALL ticks. *settled_date is the business date (day number) up to which
 * all is done, so that the next call need look at nothing but the clock; start with INT32_MIN. */
ERROR_MUST_CHECK enum error_code daily_advance(int32_t *settled_date, const struct business_clock *clock,
                                               struct database *database, struct redis_watch *redis,
                                               struct error *error);

/* Whether a job's tick of a date is enqueued on the business date `today`, or recorded as skipped. */
bool daily_runs(bool needs_date, int32_t date, int32_t today);

#endif
