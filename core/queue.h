/* core/queue.h - how work travels: ready jobs, leases, delays, in Redis. Each verb is one round trip (one Lua call).
 *
 * Redis knows only job ids; what a job is stands in the ledger (core/ledger.h), and everything here can be rebuilt from
 * it. Keys, all under one hash tag {NAMESPACE}:
 *   ready:QUEUE   ZSET  id -> rank (priority, then id): queue_put .. queue_reserve
 *   bell:QUEUE    LIST  wakes workers that block on an empty queue
 *   delayed       ZSET  id -> due time, ms
 *   leases        ZSET  id -> expiry, ms
 *   jobs          HASH  id -> "queue rank"; exactly the ids in ready, delayed or leases
 *   expired       SET   ids back in ready because their lease ran out
 *   owners        HASH  id -> token of the lease's holder; exactly the ids in leases
 *   paused        SET   queues that queue_reserve passes over; the ledger's etl_queues decides, this only mirrors it
 *   cancel:TOKEN  that lease's job was cancelled: its holder is to stop; gone after an hour
 *   workers       ZSET  name -> time until which the word of it holds, ms; workers:text HASH name -> what it does
 * Times are Redis's own (TIME inside Lua). */
#ifndef TAPEMILL_CORE_QUEUE_H
#define TAPEMILL_CORE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/redis_client.h"

enum {
    QUEUE_NAME_BYTES = 64,
    QUEUE_TOKEN_BYTES = 96,
    QUEUE_PRIORITY_MAX = 9, /* most urgent; 0 is least */
    QUEUE_BATCH_MAX = 1000, /* ids per call of the bulk verbs */
};

struct queue_entry {
    int64_t job_id;
    const char *queue;
    int priority;
    int64_t delay_ms; /* 0: ready now */
};

/* The place of a job in its queue: the least comes first. */
int64_t queue_rank(int priority, int64_t job_id);

/* Puts jobs on their queues. Idempotent: an id that is already ready, delayed or leased stays as it is, except that a
 * delayed one becomes ready when delay_ms is 0. *added counts the ids that were not there (may be NULL). */
ERROR_MUST_CHECK enum error_code queue_put(struct redis_client *client, const struct queue_entry *entries, size_t count,
                                           size_t *added, struct error *error);

/* A leased job, on its holder's side: enough to make the lease again after a flush. */
struct queue_claim {
    int64_t job_id; /* 0: none */
    int64_t rank;
    bool expired; /* its last lease ran out: a run that the ledger still calls running may be taken over */
    char queue[QUEUE_NAME_BYTES];
    char token[QUEUE_TOKEN_BYTES]; /* unique per claim, chosen by the holder */
};

enum queue_lease_state { QUEUE_LEASE_HELD, QUEUE_LEASE_STOLEN, QUEUE_LEASE_CANCELLED };

/* Takes the most urgent ready job of the first queue that has one and is not paused, and leases it to token.
 * claim->job_id is 0 when there is none. finished (NULL: none) is acknowledged first, in the same round trip; it may be
 * *claim itself. */
ERROR_MUST_CHECK enum error_code queue_reserve(struct redis_client *client, const char *const *queues, size_t count,
                                               const char *token, int64_t lease_ms, const struct queue_claim *finished,
                                               struct queue_claim *claim, struct error *error);

/* Waits until a bell rings on one of the queues, or timeout_seconds passed: sends BLPOP; the caller polls
 * redis_socket() and takes the reply with redis_receive(). */
ERROR_MUST_CHECK enum error_code queue_wait_begin(struct redis_client *client, const char *const *queues, size_t count,
                                                  int timeout_seconds, struct error *error);

/* Heartbeat: extends the lease. A lease that is gone (flushed Redis, or expired and not yet taken by another) is made
 * again; one held by another token is QUEUE_LEASE_STOLEN; one whose job was cancelled is QUEUE_LEASE_CANCELLED, however
 * often it is asked. */
ERROR_MUST_CHECK enum error_code queue_touch(struct redis_client *client, const struct queue_claim *claim,
                                             int64_t lease_ms, enum queue_lease_state *state, struct error *error);

/* The job is finished (done, dead, cancelled, waiting): forgets it, if token still holds it. */
ERROR_MUST_CHECK enum error_code queue_acknowledge(struct redis_client *client, const struct queue_claim *claim,
                                                   struct error *error);

/* Gives a leased job back: ready after delay_ms, if token still holds it or Redis has lost the job. */
ERROR_MUST_CHECK enum error_code queue_release(struct redis_client *client, const struct queue_claim *claim,
                                               int64_t delay_ms, struct error *error);

/* Forgets jobs wherever they are (cancelled, or finished according to the ledger). */
ERROR_MUST_CHECK enum error_code queue_forget(struct redis_client *client, const int64_t *job_ids, size_t count,
                                              struct error *error);

/* The same for jobs that a person cancelled: whoever holds the lease of one learns it by its next heartbeat. */
ERROR_MUST_CHECK enum error_code queue_cancel(struct redis_client *client, const int64_t *job_ids, size_t count,
                                              struct error *error);

/* Pauses a queue, or opens it and wakes workers for what is ready there. Idempotent. */
ERROR_MUST_CHECK enum error_code queue_pause(struct redis_client *client, const char *queue, bool paused,
                                             struct error *error);

/* The queues that are paused here, at most most of them. */
ERROR_MUST_CHECK enum error_code queue_paused(struct redis_client *client, char (*names)[QUEUE_NAME_BYTES], size_t most,
                                              size_t *count, struct error *error);

/* Moves due delayed jobs and jobs with expired leases back to ready, at most limit of each. */
ERROR_MUST_CHECK enum error_code queue_sweep(struct redis_client *client, int limit, int64_t *promoted,
                                             int64_t *expired, struct error *error);

/* Where one job is. */
enum queue_place_kind { QUEUE_PLACE_NONE, QUEUE_PLACE_READY, QUEUE_PLACE_LEASED, QUEUE_PLACE_DELAYED };
struct queue_place {
    enum queue_place_kind kind;
    int64_t number; /* ready: jobs before it; leased: ms to the lease's end; delayed: ms until it is due */
    char token[QUEUE_TOKEN_BYTES]; /* leased: the holder's; begins with its name and # */
};
ERROR_MUST_CHECK enum error_code queue_look(struct redis_client *client, int64_t job_id, struct queue_place *place,
                                            struct error *error);

/* Says for each id whether Redis knows it (ready, delayed or leased) and whether it is leased. */
struct queue_presence {
    bool known, leased;
};
ERROR_MUST_CHECK enum error_code queue_presence(struct redis_client *client, const int64_t *job_ids, size_t count,
                                                struct queue_presence *presence, struct error *error);

/* Figures for `tapemill queue` and doctor. */
struct queue_depth {
    int64_t ready;
};
ERROR_MUST_CHECK enum error_code queue_depths(struct redis_client *client, const char *const *queues, size_t count,
                                              struct queue_depth *depths, int64_t *delayed, int64_t *leased,
                                              struct error *error);

/* A worker says that it lives; the word of it expires by itself. payload is a short text such as "job 17 [live,batch]",
 * with the queues that it pulls. */
ERROR_MUST_CHECK enum error_code queue_announce(struct redis_client *client, const char *worker, const char *payload,
                                                int64_t expire_ms, struct error *error);

/* Workers that announced themselves, for `tapemill queue`; at most most of them. */
struct queue_worker {
    char name[96], payload[512];
};
ERROR_MUST_CHECK enum error_code queue_workers(struct redis_client *client, struct queue_worker *workers, size_t most,
                                               size_t *count, struct error *error);

#endif
