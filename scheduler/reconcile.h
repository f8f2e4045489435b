/* scheduler/reconcile.h - repairs every disagreement between the ledger, which is right, and Redis.
 *
 *   the ledger says          Redis says          repair
 *   queued, retry            nothing             put it on its queue, delayed if it is not due
 *   running                  nothing, a lease    take it from its run and put it back
 *                            long
 *   finished, waiting, gone  anything            forget it
 *
 * and what scheduler/reconcile_control.h lists.
 *
 * A pass over the ledger begins every TAPEMILL_RECONCILE_SECONDS, and at once when a scheduler begins to lead or Redis
 * lost its content. It goes forward by batches of RECONCILE_BATCH, a few each tick, so that a hundred thousand jobs
 * hold up nothing. A second pass, at its own pace, goes over what Redis knows. */
#ifndef TAPEMILL_SCHEDULER_RECONCILE_H
#define TAPEMILL_SCHEDULER_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/database.h"
#include "core/ledger.h"
#include "core/redis_client.h"
#include "scheduler/absence.h"

enum {
    RECONCILE_BATCH = 1000,
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
    bool scanning;                        /* a pass over Redis is under way */
    uint64_t scan_cursor;
    int64_t next_scan_ms;
    int64_t put_back, taken_over, forgotten; /* in this pass */
    struct absence absence;
};

/* Begins anew with the next call; jobs without a lease get their full time again. */
void reconcile_restart(struct reconcile *reconcile, int64_t now_ms);

/* Goes on by a few batches, if a pass is under way or due. */
ERROR_MUST_CHECK enum error_code reconcile_advance(struct reconcile *reconcile, struct database *database,
                                                   struct redis_client *client, int64_t now_ms, struct error *error);

#endif
