/* scheduler/leader.h - the connection to the warehouse, and who leads.
 *
 * One scheduler leads: the one whose session holds an advisory lock of the warehouse. The lock goes with the session,
 * and the server ends a session that is silent for LEADER_SILENCE_S (or three ticks, if that is longer), so that a
 * scheduler that is killed, cut off or frozen stops leading by itself: killed, at once; otherwise after that silence,
 * which is longer than a call to Redis may block. Leadership saves work, it protects nothing: what a leader does is
 * safe when two do it at once. */
#ifndef TAPEMILL_SCHEDULER_LEADER_H
#define TAPEMILL_SCHEDULER_LEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/database.h"
#include "scheduler/outage.h"

enum { LEADER_SILENCE_S = 8, LEADER_LOOK_MS = 1000, LEADER_SCHEMA_LOOK_MS = 30000 };

struct leader {
    struct database *database; /* NULL while PostgreSQL is away */
    bool leads;
    bool stood_by;              /* said that another one leads */
    int64_t look_ms, schema_ms; /* when lock and schema are looked at next */
    struct outage connection, schema;
};

void leader_init(struct leader *leader);
void leader_term(struct leader *leader);

/* Connects, checks the schema, tries for the lock: whatever is due. Never fails: what is missing is waited for. */
void leader_advance(struct leader *leader, int64_t now_ms);

/* A statement failed with *error: if the connection is gone, leadership is too. */
void leader_failed(struct leader *leader, const struct error *error);

#endif
