/* scheduler/reconcile.h - repairs every disagreement between the ledger, which is right, and Redis.
 *
 *   the ledger says          Redis says             repair
 *   queued, retry            nothing                put it on its queue, delayed if it is not due
 *   queued, retry            elsewhere, or twice    put it where it belongs, once
 *   queued, retry            ready too early,       put it where it belongs
 *                            delayed too long
 *   running                  nothing, a lease long  take it from its run and put it back
 *   finished, waiting, gone  anything               forget it
 *   anything                 a lease without end    let it end after one lease
 *   anything                 an owner without a     forget that
 *                            lease, a leftover in
 *                            expired
 *   nothing                  no id; a key of        remove it
 *                            another type
 *
 * core/queue_audit.h has the kinds of disagreement; `tapemill doctor` counts them.
 *
 * and what scheduler/reconcile_control.h lists.
 *
 * A pass over the ledger begins every TAPEMILL_RECONCILE_SECONDS, and at once when a scheduler begins to lead or Redis
 * lost its content. It goes forward by batches of RECONCILE_BATCH, a few each tick, so that a hundred thousand jobs
 * hold up nothing. A second pass, at its own pace, goes over what Redis knows. Whatever is lost in Redis, a job that
 * should be there is there again after one pass over the ledger. */
#ifndef TAPEMILL_SCHEDULER_RECONCILE_H
#define TAPEMILL_SCHEDULER_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/database.h"
#include "core/ledger.h"
#include "core/ledger_audit.h"
#include "core/redis_client.h"
#include "scheduler/absence.h"

enum {
    RECONCILE_BATCH = QUEUE_BATCH_MAX,
    RECONCILE_STEPS_PER_TICK = 6,
    RECONCILE_TAKEOVERS_MS = 1000, /* time a step spends on takeovers; what is left waits for the next pass */
};

enum reconcile_phase {
    RECONCILE_QUEUED,
    RECONCILE_RETRY,
    RECONCILE_RUNNING,
    RECONCILE_PARKED,
    RECONCILE_WAITING,
    RECONCILE_PHASE_COUNT
};

struct reconcile {
    enum reconcile_phase phase;           /* RECONCILE_PHASE_COUNT between two passes */
    int64_t last_id;                      /* of the phase's last batch */
    char wait_key[LEDGER_WAIT_KEY_BYTES]; /* likewise, of the limits */
    int64_t next_ms;                      /* when the next pass over the ledger begins */
    bool typed;                           /* the keys are known to be of their types */
    bool walking;                         /* a pass over Redis is under way */
    struct ledger_audit_walk walk;
    int64_t next_walk_ms;
    struct queue_audit audit; /* what was repaired in the pass over the ledger, and in that over Redis */
    struct absence absence;
};

/* Begins anew with the next call; jobs without a lease get their full time again. */
void reconcile_restart(struct reconcile *reconcile, int64_t now_ms);

/* Goes on by a few batches, if a pass is under way or due. */
ERROR_MUST_CHECK enum error_code reconcile_advance(struct reconcile *reconcile, struct database *database,
                                                   struct redis_client *client, int64_t now_ms, struct error *error);

#endif
