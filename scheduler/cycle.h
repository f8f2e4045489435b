/* scheduler/cycle.h - what a scheduler does each tick: who leads, then each duty that is due and whose servers are
 * there.
 *
 * A duty that fails is said once, rolled back and tried again after a pause, and holds up no other. Without PostgreSQL
 * nobody leads; Redis is then still swept, so that delayed jobs are ready when it is back. Without Redis jobs are
 * enqueued in the ledger alone, and reconciliation pushes them later. */
#ifndef TAPEMILL_SCHEDULER_CYCLE_H
#define TAPEMILL_SCHEDULER_CYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/business_clock.h"
#include "core/error.h"
#include "core/http.h"
#include "scheduler/alert.h"
#include "scheduler/leader.h"
#include "scheduler/reconcile.h"
#include "scheduler/redis_watch.h"
#include "scheduler/ticks.h"

enum { CYCLE_DUTIES = 6, CYCLE_SWEEP_MAX = 1000 };

struct cycle {
    struct leader leader;
    struct redis_watch redis;
    struct reconcile reconcile;
    struct alert_delivery alerts;
    struct business_clock clock;
    struct http_client *http;
    bool led; /* in the tick before */
    struct ticks ticks;
    int64_t backfill_cursor;
    int64_t next_fold_ms; /* see fold_advance() */
    bool busy;            /* backfills or ticks moved on: the next cycle should come soon */
    struct outage duties[CYCLE_DUTIES];
};

/* Reads the settings; connects to nothing. ERROR_CONFIG names a bad one. */
ERROR_MUST_CHECK enum error_code cycle_init(struct cycle *cycle, struct error *error);
void cycle_term(struct cycle *cycle);

/* One tick. Never fails. True when the next one should come soon: dates of a backfill end quickly, or
 * more ticks are due. */
bool cycle_tick(struct cycle *cycle);

/* Waits at most timeout_ms for the next tick, moving web requests on meanwhile; ends early when stop (a descriptor) is
 * readable. True when the next tick should come now, because an answer is to be marked. */
bool cycle_wait(struct cycle *cycle, int stop, int64_t timeout_ms);

#endif
