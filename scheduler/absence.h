/* scheduler/absence.h - running jobs that were seen without a lease, and since when.
 *
 * A job that runs without a lease is not lost at once: after a flush its worker's next heartbeat makes the lease anew.
 * It is lost when it was seen without one in every pass of at least the patience given. Jobs come in the order of their
 * ids; a job that a pass does not mention is forgotten at its end. At most ABSENCE_MAX are remembered, those with the
 * lowest ids; the others' turn comes when these are settled. */
#ifndef TAPEMILL_SCHEDULER_ABSENCE_H
#define TAPEMILL_SCHEDULER_ABSENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ABSENCE_MAX = 4096 };

struct absence_entry {
    int64_t job_id, fence, since_ms;
};

struct absence {
    struct absence_entry lists[2][ABSENCE_MAX]; /* of the pass before, and of this one */
    size_t counts[2], position;                 /* position: how far this pass is in the former list */
    int current;
};

/* Forgets everything. */
void absence_clear(struct absence *absence);

/* A job (of a higher id than the one before in this pass) runs under this fence without a lease. True when that has
 * been so for patience_ms. */
bool absence_note(struct absence *absence, int64_t job_id, int64_t fence, int64_t now_ms, int64_t patience_ms);

/* The pass is over. */
void absence_end_pass(struct absence *absence);

#endif
