/* scheduler/redis_watch.h - whether Redis answers, and whether it still is the Redis we filled.
 *
 * Every tick asks for the key {NAMESPACE}:epoch without waiting for the answer, so that a frozen Redis never holds up
 * work on PostgreSQL; other commands are sent only once that answer came. A missing or different epoch means that Redis
 * was flushed, restarted empty, or exchanged: everything in it has to be put back from the ledger. */
#ifndef TAPEMILL_SCHEDULER_REDIS_WATCH_H
#define TAPEMILL_SCHEDULER_REDIS_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/database.h"
#include "core/redis_client.h"
#include "scheduler/outage.h"

enum {
    REDIS_WATCH_GLANCE_MS = 50,      /* how long a tick waits for the answer */
    REDIS_WATCH_SILENCE_MS = 5000,   /* after which that is said */
    REDIS_WATCH_PATIENCE_MS = 30000, /* after which the connection is given up */
    REDIS_WATCH_SLOW_FACTOR = 2,     /* a try to connect that took long is followed by a pause so many times longer */
    REDIS_WATCH_EPOCH_BYTES = 64,
};

struct redis_watch {
    struct redis_client *client;
    bool usable;  /* answered in this tick: commands may be sent */
    bool asked;   /* the question is under way */
    bool suspect; /* what it holds may be incomplete; whoever repairs it clears this */
    bool emptied; /* it is a new epoch; cleared likewise */
    int64_t asked_ms;
    char key[96], epoch[REDIS_WATCH_EPOCH_BYTES];
    struct outage outage;
};

ERROR_MUST_CHECK enum error_code redis_watch_init(struct redis_watch *watch, struct error *error);
void redis_watch_term(struct redis_watch *watch);

/* Once a tick. Never fails and never waits longer than REDIS_WATCH_GLANCE_MS, except to connect. */
void redis_watch_advance(struct redis_watch *watch, int64_t now_ms);

/* A command failed. */
void redis_watch_failed(struct redis_watch *watch, const struct error *error);

/* Pushes committed jobs if Redis is usable; what cannot be pushed now, reconciliation brings. Fails only for
 * PostgreSQL's reasons. */
ERROR_MUST_CHECK enum error_code redis_watch_push(struct redis_watch *watch, struct database *database,
                                                  const int64_t *job_ids, size_t count, struct error *error);

#endif
