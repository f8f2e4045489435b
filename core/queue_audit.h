/* core/queue_audit.h - holds what Redis knows of jobs against what the ledger says of them, and puts it right.
 *
 * Reconciliation repairs; `tapemill doctor` only counts. Both by the same scripts, which look at few ids each: nothing
 * here reads a key whole. What the ledger says comes from core/ledger_audit.h. */
#ifndef TAPEMILL_CORE_QUEUE_AUDIT_H
#define TAPEMILL_CORE_QUEUE_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/queue.h"
#include "core/redis_client.h"

/* How Redis may disagree with the ledger. */
enum queue_fault {
    QUEUE_FAULT_ABSENT,    /* queued, and neither ready, delayed nor leased */
    QUEUE_FAULT_MISPLACED, /* on another queue, at another rank, or with another entry in jobs */
    QUEUE_FAULT_UNINDEXED, /* ready, delayed or leased without an entry in jobs */
    QUEUE_FAULT_TWICE,     /* in several places at once */
    QUEUE_FAULT_EARLY,     /* ready long before it is due */
    QUEUE_FAULT_LATE,      /* delayed long after it is due */
    QUEUE_FAULT_FINISHED,  /* known although the ledger has it finished or waiting */
    QUEUE_FAULT_UNKNOWN,   /* an id that the ledger does not have, or what is no id, queue or key of this layout */
    QUEUE_FAULT_UNLEASED,  /* running without a lease; settled by patience, never here */
    QUEUE_FAULT_ENDLESS,   /* a lease longer than any heartbeat makes it */
    QUEUE_FAULT_OWNER,     /* an owner without a lease */
    QUEUE_FAULT_EXPIRED,   /* marked as expired, and not ready */
    QUEUE_FAULT_COUNT
};

/* "queued, but not in Redis" */
const char *queue_fault_name(enum queue_fault fault);

/* What the ledger says of an id. */
enum queue_want { QUEUE_WANT_NOTHING, QUEUE_WANT_UNKNOWN, QUEUE_WANT_QUEUED, QUEUE_WANT_RUNNING };
struct queue_truth {
    int64_t job_id;
    enum queue_want want;
    const char *queue;
    int priority;
    int64_t delay_ms;
};

/* How to go about it. */
struct queue_audit {
    struct redis_client *client;
    bool repair;                       /* false: only count */
    int64_t lease_ms;                  /* differences of time within one lease are none */
    int64_t faults[QUEUE_FAULT_COUNT]; /* added to */
};

/* The keys that hold ids. */
enum queue_part {
    QUEUE_PART_JOBS,
    QUEUE_PART_LEASES,
    QUEUE_PART_DELAYED,
    QUEUE_PART_OWNERS,
    QUEUE_PART_EXPIRED,
    QUEUE_PART_READY, /* of one queue */
    QUEUE_PART_COUNT
};

/* Removes those of the layout's keys that are of another type: they would break every script. Keys of single queues
 * come with their jobs, and with queue_audit_keys(). */
ERROR_MUST_CHECK enum error_code queue_audit_types(struct queue_audit *audit, struct error *error);

/* Settles at most QUEUE_BATCH_MAX ids, which were found in part (of queue, for ready; QUEUE_PART_COUNT: come from the
 * ledger). Of an id that several parts hold only the first counts. */
ERROR_MUST_CHECK enum error_code queue_audit_settle(struct queue_audit *audit, enum queue_part part, const char *queue,
                                                    const struct queue_truth *truths, size_t count,
                                                    struct error *error);

/* A page of a part's ids. *cursor starts at 0 and is 0 again after the last page; job_ids has room for QUEUE_BATCH_MAX;
 * a page may be empty, and an id may come twice. What is no id is removed. */
ERROR_MUST_CHECK enum error_code queue_audit_page(struct queue_audit *audit, enum queue_part part, const char *queue,
                                                  uint64_t *cursor, int64_t *job_ids, size_t *count,
                                                  struct error *error);

/* A page of the keys of this namespace: those of the wrong type, and ready sets of impossible queues, are removed; the
 * queues of the others, at most most of them, are in queues. *cursor as above. */
ERROR_MUST_CHECK enum error_code queue_audit_keys(struct queue_audit *audit, uint64_t *cursor,
                                                  char (*queues)[QUEUE_NAME_BYTES], size_t most, size_t *count,
                                                  struct error *error);

#endif
