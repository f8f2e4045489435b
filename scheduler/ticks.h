/* scheduler/ticks.h - enqueues what the stored schedule says, when it is due.
 *
 * A tick and its jobs are one transaction, under a lock of the schedule's own and with the unique key (schedule,
 * instant): a tick happens once, however many schedulers there are, and whatever becomes of them. Which ticks are due
 * is decided from the last one in the warehouse (jobs/schedule_plan.h), not from what this process remembers; that only
 * says when to look again. Time is the warehouse's. When it is set back, ticks that happened do not happen again; when
 * it is set forward, those in between are late ones. */
#ifndef TAPEMILL_SCHEDULER_TICKS_H
#define TAPEMILL_SCHEDULER_TICKS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/business_clock.h"
#include "core/database.h"
#include "core/error.h"
#include "scheduler/redis_watch.h"

/* What this process remembers. */
struct ticks {
    struct arena arena; /* the versions */
    struct ticks_version *versions;
    size_t count;
    int64_t newest_id, effective_id; /* of the versions read; -1: none are */
    int64_t seen_us;                 /* the time of the last look */
};

void ticks_init(struct ticks *ticks);
void ticks_term(struct ticks *ticks);

/* Forgets everything, as after a change of leadership. */
void ticks_restart(struct ticks *ticks);

/* Decides the ticks that are due, SCHEDULE_PLAN_MAX of each schedule at a time; *busy when more are. A schedule that
 * fails holds up no other; the error is that of the first. One that cannot run, and is not paused, is no error: it is
 * logged whenever the versions are read. */
ERROR_MUST_CHECK enum error_code ticks_advance(struct ticks *ticks, const struct business_clock *clock,
                                               struct database *database, struct redis_watch *redis, bool *busy,
                                               struct error *error);

#endif
