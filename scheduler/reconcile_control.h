/* scheduler/reconcile_control.h - the parts of a reconciliation pass that are about pauses, limits and dependencies.
 *
 *   the ledger says                              found                      repair
 *   a queue is paused, or open                   Redis says otherwise       Redis is told
 *   jobs are parked at a limit that has room     (the end of a run, or a    they are woken
 *                                                raised limit, told nobody)
 *   a waiting job's dependencies are all done    it counts some as pending  it is queued
 *   a job does not run                           it still has the backend   the backend is ended and forgotten: until
 *                                                of a run taken from it     then it counts against the job's limits */
#ifndef TAPEMILL_SCHEDULER_RECONCILE_CONTROL_H
#define TAPEMILL_SCHEDULER_RECONCILE_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/database.h"
#include "core/ledger.h"
#include "core/redis_client.h"

/* Of all queues, at most RECONCILE_PAUSES_MAX on either side. */
enum { RECONCILE_PAUSES_MAX = 256 };
ERROR_MUST_CHECK enum error_code reconcile_pauses(struct database *database, struct redis_client *client,
                                                  struct error *error);

/* A few of these backends, for whoever took their jobs and was killed before they were gone. */
ERROR_MUST_CHECK enum error_code reconcile_backends(struct database *database, struct error *error);

/* One batch of limits, those after wait_key ("" at first), which moves on. *more is false after the last. */
ERROR_MUST_CHECK enum error_code reconcile_parked(struct database *database, struct redis_client *client,
                                                  char wait_key[LEDGER_WAIT_KEY_BYTES], bool *more,
                                                  struct error *error);

/* One batch of waiting jobs, those after *last_id, which moves on. */
ERROR_MUST_CHECK enum error_code reconcile_waiting(struct database *database, struct redis_client *client,
                                                   int64_t *last_id, bool *more, struct error *error);

#endif
