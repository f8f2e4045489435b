/* core/history.h - what the processes did to jobs, written down as they do it, for `tapemill history check`.
 *
 * Off unless TAPEMILL_HISTORY_DIR names a folder. Then every process that has something to tell adds a file of its own
 * there, PROGRAM.PID.INSTANT: a line about the process, then a line for each event, each written by one write(), so
 * that kill -9 loses nothing that was noted. Instants are those of CLOCK_BOOTTIME in microseconds: all processes of one
 * machine share it and nobody can set it. A history is therefore of one machine between two boots.
 *
 * What an event may be believed for: one named after a deed that is done ("committed") was noted after it, one named
 * after a deed under way ("committing", "acknowledging") before it. Noting never fails the work; a folder that cannot
 * be written to is warned of once. */
#ifndef TAPEMILL_CORE_HISTORY_H
#define TAPEMILL_CORE_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

/* EVENT(IDENTIFIER, "name"): every event is about a job, but the last four. Its number is the job's fence where nothing
 * else is said. */
#define HISTORY_EVENTS(EVENT)                                                                                          \
    EVENT(ENQUEUED, "enqueued")           /* committed by the command line; number 0 */                                \
    EVENT(PUSHED, "pushed")               /* the ledger has it queued; Redis is told now; number 0 */                  \
    EVENT(RESERVED, "reserved")           /* Redis leased it to this keeper; number 1: an older lease had expired */   \
    EVENT(CLAIMED, "claimed")             /* the ledger says running, with this fence */                               \
    EVENT(FINISHED, "finished")           /* the ledger has nothing to run here: done, dead, waiting; number 0 */      \
    EVENT(BEGUN, "begun")                 /* the run's transaction is open, the fence checked */                       \
    EVENT(COMMITTING, "committing")       /* only COMMIT is missing */                                                 \
    EVENT(COMMITTED, "committed")         /* its effect and its end */                                                 \
    EVENT(FAILED, "failed")               /* queued again */                                                           \
    EVENT(PARKED, "parked")               /* it waits for a condition */                                               \
    EVENT(DIED, "died")                   /* dead */                                                                   \
    EVENT(TAKEN_OVER, "taken_over")       /* from its run; the new fence */                                            \
    EVENT(CANCELLED, "cancelled")         /* by a person; the new fence */                                             \
    EVENT(RETRIED, "retried")             /* by a person; number 0 */                                                  \
    EVENT(ACKNOWLEDGING, "acknowledging") /* Redis is to forget it now; number 0 */                                    \
    EVENT(RELEASED, "released")           /* given back to Redis; number: delay in ms */                               \
    EVENT(TICK, "tick")                   /* a schedule's tick, committed; its job, and its instant */                 \
    EVENT(LEADS, "leads")                 /* this scheduler leads now */                                               \
    EVENT(SWEPT, "swept")                 /* number: leases that expired */                                            \
    EVENT(PUT_BACK, "put_back")           /* number: jobs that Redis did not know */

enum history_event {
#define HISTORY_EVENT_ID(id, name) HISTORY_##id,
    HISTORY_EVENTS(HISTORY_EVENT_ID)
#undef HISTORY_EVENT_ID
        HISTORY_EVENT_COUNT
};

/* True when events are noted. */
bool history_is_on(void);

/* Notes an event; at once back when off. */
void history_note(enum history_event event, int64_t job_id, int64_t number);

/* Notes HISTORY_TICK: tick_us is its instant, microseconds since 1970. */
void history_tick(const char *schedule, int64_t tick_us, int64_t job_id);

const char *history_event_name(enum history_event event);

#endif
