/* jobs/schedule_tick.h - a tick in the warehouse: its row of etl_schedule_ticks and its jobs, in one transaction, which
 * the caller opens and commits. The row's key (schedule, instant) makes a tick happen once. */
#ifndef TAPEMILL_JOBS_SCHEDULE_TICK_H
#define TAPEMILL_JOBS_SCHEDULE_TICK_H

#include "core/business_clock.h"
#include "core/database.h"
#include "jobs/schedule_plan.h"

enum { SCHEDULE_TICK_DATES_MAX = 366 }; /* that one tick enqueues; older ones are left out, and the reason says so */

/* Jobs that were enqueued, for ledger_push() after the commit. In the arena. */
struct schedule_jobs {
    int64_t *ids;
    size_t count, room;
};

struct schedule_tick {
    const struct schedule *schedule;
    const struct business_clock *clock;
    int64_t version;
    int64_t start_s, tick_s; /* of its data interval; the instant itself */
};

/* Inserts the row; *inserted is false when the tick is there already. */
ERROR_MUST_CHECK enum error_code schedule_tick_insert(struct database *database, const struct schedule_tick *tick,
                                                      enum schedule_action action, enum schedule_reason reason,
                                                      bool *inserted, struct error *error);

/* Whether the tick asks for anything: false when its dates are none. */
bool schedule_tick_has_work(const struct schedule_tick *tick);

/* Room for a tick's command, and whether there is one: `tapemill backfill` for all dates of its interval, with the
 * schedule's arguments but for those with placeholders. */
enum { SCHEDULE_TICK_COMMAND_BYTES = 320 };
bool schedule_tick_backfill(const struct schedule_tick *tick, char command[SCHEDULE_TICK_COMMAND_BYTES]);

/* Enqueues the jobs of a tick whose row is there, adds them to jobs, and notes them in the row. */
ERROR_MUST_CHECK enum error_code schedule_tick_enqueue(struct database *database, const struct schedule_tick *tick,
                                                       enum schedule_reason reason, struct arena *arena,
                                                       struct schedule_jobs *jobs, struct error *error);

#endif
