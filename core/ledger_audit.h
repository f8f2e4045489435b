/* core/ledger_audit.h - what the ledger says of the ids that Redis holds, and a walk over all of them: reconciliation
 * repairs by it (scheduler/reconcile.h), `tapemill doctor` counts by it. */
#ifndef TAPEMILL_CORE_LEDGER_AUDIT_H
#define TAPEMILL_CORE_LEDGER_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/database.h"
#include "core/error.h"
#include "core/queue_audit.h"

/* Settles the jobs of a state, queued or retry, after *last_id, at most QUEUE_BATCH_MAX of them. *last_id moves on;
 * *count is how many there were. quiet_s: without those that became so within as many seconds, whose push may be under
 * way. */
ERROR_MUST_CHECK enum error_code ledger_audit_due(struct queue_audit *audit, struct database *database,
                                                  const char *state, int quiet_s, int64_t *last_id, size_t *count,
                                                  struct error *error);

enum { LEDGER_AUDIT_QUEUES = 256 };

/* A walk over what Redis holds; {0} begins one. */
struct ledger_audit_walk {
    bool keys_done; /* all keys of the namespace were looked at, for queues with ready jobs */
    int part;       /* enum queue_part; QUEUE_PART_COUNT when the walk is over */
    uint64_t cursor;
    char queues[LEDGER_AUDIT_QUEUES][QUEUE_NAME_BYTES]; /* those */
    size_t queue_count, queue;
};

/* Goes on by one page. Jobs whose state changed within the last lease are left to whoever changed it. */
ERROR_MUST_CHECK enum error_code ledger_audit_step(struct ledger_audit_walk *walk, struct queue_audit *audit,
                                                   struct database *database, struct error *error);

/* Whether the walk is over. */
bool ledger_audit_is_over(const struct ledger_audit_walk *walk);

#endif
