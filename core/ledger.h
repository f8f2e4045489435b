/* core/ledger.h - the truth about jobs, in PostgreSQL: etl_jobs, etl_job_runs and what hangs on them.
 *
 * States of a job: waiting (for dependencies or a condition), queued, retry (queued again after a failure, not before
 * run_after), running, done, dead, cancelled. Every transition is one function here, and every transition of a running
 * job names the fence it believes in, so that a run that was taken over changes nothing. */
#ifndef TAPEMILL_CORE_LEDGER_H
#define TAPEMILL_CORE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/database.h"
#include "core/error.h"
#include "core/queue.h"

/* What to enqueue. Texts are borrowed for the call. */
struct ledger_new_job {
    const char *job_name;
    const char *job_type; /* as in etl_job_runs: "ETL", "DIMENSION_SYNC", ... */
    const char *kind;     /* "batch" or "service" */
    const char *queue;
    int priority; /* 0..QUEUE_PRIORITY_MAX */
    int max_attempts;
    const char *arguments;      /* JSON object text, "{}" for none */
    const char *business_date;  /* "YYYY-MM-DD" or NULL */
    const char *interval_start; /* timestamptz texts; NULL: the business date's interval, or none without a date */
    const char *interval_end;
    const char *unique_key;   /* NULL: none. A live job with this key is returned instead of a second one */
    const char *unique_while; /* "queued": the key is free again once a run begins; "live" or NULL: once the job ends */
    int soft_timeout_s, hard_timeout_s; /* 0: the job's, or the settings' */
    const char *limit_key; /* at most as many jobs with one key run at once as etl_limits says (one); NULL: none */
    int64_t delay_ms;      /* 0: at once */
    int64_t parent_id, pipeline_run_id, backfill_id; /* 0: none */
    const char *step;                                /* step of the pipeline, or NULL */
    const char *end_key;       /* condition that is met once the job has ended, however it ends; NULL: none */
    const int64_t *depends_on; /* ids of live jobs that must be done first; the caller's transaction holds their rows */
    size_t dependencies;
};

/* Jobs that a transaction made ready, to be pushed to Redis after its commit. What does not fit, or is lost, the
 * reconciler pushes. */
enum { LEDGER_PUSHES_MAX = 256 };
struct ledger_pushes {
    int64_t job_ids[LEDGER_PUSHES_MAX];
    size_t count;
};

/* Begins a transaction that other processes may have to wait for: when its process is frozen, the server ends it.
 * lock_timeout: "500ms", "0" for none. */
#define LEDGER_BEGIN_SHORT(lock_timeout)                                                                               \
    "begin isolation level read committed; set local idle_in_transaction_session_timeout = '5s'; "                     \
    "set local lock_timeout = '" lock_timeout "'"

/* Inserts a job (in the caller's transaction, if one is open). *created is false when unique_key matched a live job. */
ERROR_MUST_CHECK enum error_code ledger_enqueue(struct database *database, const struct ledger_new_job *job,
                                                int64_t *job_id, bool *created, struct error *error);

/* Inserts one job for each element of arguments_array (JSON: an array of objects), which stand in for job->arguments;
 * job has neither unique_key nor dependencies. job_ids has room for count ids, as many as there are elements, and gets
 * them in that order. */
ERROR_MUST_CHECK enum error_code ledger_enqueue_each(struct database *database, const struct ledger_new_job *job,
                                                     const char *arguments_array, size_t count, int64_t *job_ids,
                                                     struct error *error);

/* Pushes jobs to Redis if they are queued now; what is lost here the reconciler repairs. */
ERROR_MUST_CHECK enum error_code ledger_push(struct database *database, struct redis_client *client,
                                             const int64_t *job_ids, size_t count, struct error *error);

/* Locks the jobs to the end of the caller's transaction and leaves in job_ids those that are still to end, as
 * depends_on wants them. ERROR_ARGUMENT names one that is dead, cancelled, or not there: what waited for it would wait
 * for ever. */
ERROR_MUST_CHECK enum error_code ledger_hold_dependencies(struct database *database, int64_t *job_ids, size_t *count,
                                                          struct error *error);

/* Notes an id in pushes (NULL is allowed). */
void ledger_note_push(struct ledger_pushes *pushes, int64_t job_id);

/* A claimed run. Texts live in the arena given to ledger_claim. */
struct ledger_run {
    int64_t job_id, run_no, fence;
    int attempt, max_attempts;                                 /* attempt counts charged attempts, 1 for the first */
    const char *run_id;                                        /* uuid of the etl_job_runs row */
    const char *job_name, *queue, *arguments, *end_key;        /* end_key: "" for none */
    const char *limit_key;                                     /* "" for none */
    int soft_timeout_s, hard_timeout_s;                        /* 0: not its own */
    const char *business_date, *interval_start, *interval_end; /* "" where none */
    int64_t pipeline_run_id, backfill_id, parent_id;
    int priority;
};

enum ledger_claim {
    LEDGER_CLAIMED,  /* run it */
    LEDGER_FINISHED, /* done, dead, cancelled, waiting or gone: acknowledge only */
    LEDGER_NOT_DUE,  /* its time has not come: release for *delay_ms */
    LEDGER_PAUSED,   /* its queue is paused: release at once, when Redis knows of that (ledger_mirror_pause); run->queue
                        names it */
    LEDGER_PARKED,   /* a limit has no room: it waits in the ledger, and whoever ends a run of that limit wakes it */
};

/* Makes the job's next run ours: queued|retry -> running, fence + 1, a row in etl_job_runs with this connection's
 * backend. Whether the job's queue is paused and whether its limits have room is decided here and nowhere else. A job
 * that is still running is taken over first if its lease expired; without that evidence (Redis was flushed) it is left
 * alone for *delay_ms: its holder's heartbeat or the reconciler will settle it. *pushes gets the jobs that places under
 * limits went to on the way. */
ERROR_MUST_CHECK enum error_code ledger_claim(struct database *database, int64_t job_id, bool lease_expired,
                                              const char *worker, struct arena *arena, struct ledger_pushes *pushes,
                                              enum ledger_claim *claim, struct ledger_run *run, int64_t *delay_ms,
                                              struct error *error);

/* Checks without locking that the run still holds its job: ERROR_FENCED if not. */
ERROR_MUST_CHECK enum error_code ledger_check(struct database *database, const struct ledger_run *run,
                                              struct error *error);

/* Counts of a run; the ledger checks invariant I7 on them. */
struct ledger_counts {
    int64_t extracted, inserted, updated, unchanged, superseded, quarantined, skipped, removed;
};

enum { LEDGER_LIMIT_KEY_BYTES = 100, LEDGER_WAIT_KEY_BYTES = 128, LEDGER_LIMITS_MAX = 25 /* per sweep */ };

/* What a job's runs count against. A limit is named 'limit:queue:NAME' or 'limit:key:KEY', which is also the wait_key
 * of the jobs parked at it and the text of the advisory lock under which places are counted, taken and passed on. */
struct ledger_limits {
    char queue[QUEUE_NAME_BYTES];
    bool queue_limited;
    char limit_key[LEDGER_LIMIT_KEY_BYTES]; /* "" for none */
};

/* The last statements of a run's transaction: readies what depended on the job or waits for its end, marks the run
 * COMPLETED and, last of all, the job done, which locks its row to the commit. ERROR_FENCED if the job was taken over;
 * ERROR_BUG if the counts do not add up (I7). metadata: JSON text or NULL. *limits gets what the run counted against,
 * for ledger_pass_on() after the commit. */
ERROR_MUST_CHECK enum error_code ledger_complete(struct database *database, const struct ledger_run *run,
                                                 const struct ledger_counts *counts, const char *metadata,
                                                 struct ledger_pushes *pushes, struct ledger_limits *limits,
                                                 struct error *error);

enum ledger_outcome {
    LEDGER_WILL_RETRY, /* after *delay_ms, an attempt charged */
    LEDGER_GIVEN_BACK, /* after *delay_ms, uncharged */
    LEDGER_WAITS,      /* for its condition; if that was met meanwhile: LEDGER_GIVEN_BACK, at once */
    LEDGER_DEAD,
    LEDGER_LOST_RACE, /* taken over meanwhile; nothing was written */
};

/* Writes a failure in a transaction of its own, after the run's was rolled back. failure->code decides: retry with
 * backoff, give back uncharged, wait for wait_key, or dead (with an alert in the outbox). *delay_ms says when a retry
 * is due. report: JSON text or NULL. *pushes (NULL is allowed) gets the jobs that its place went to, or that waited for
 * its end. */
ERROR_MUST_CHECK enum error_code ledger_fail(struct database *database, const struct ledger_run *run,
                                             const struct error *failure, const char *wait_key, const char *report,
                                             struct ledger_pushes *pushes, enum ledger_outcome *outcome,
                                             int64_t *delay_ms, struct error *error);

enum ledger_takeover {
    LEDGER_TAKEN, /* it was running; now it is queued (or cancelled), its run LOST (or CANCELLED), its backend gone */
    LEDGER_NOT_RUNNING, /* it was not running any more */
};

/* Takes a running job from its run: raises the fence with a short lock timeout, ends the old backend (pid and start
 * must match) and waits until it is gone. claimed_by NULL: whoever runs it; else only that worker's run. fence 0:
 * whichever run; else only the one with that fence. reason goes to the run's error_message. No attempt is charged; but
 * ten leases lost in a row, or three deaths, make the job dead ("poison"). *pushes (NULL is allowed) gets the jobs that
 * its place under a limit went to. */
enum ledger_loss {
    LEDGER_LOSS_NEUTRAL, /* a server went away, a worker was stopped: not counted */
    LEDGER_LOSS_LEASE,   /* nobody heard of the run any more */
    LEDGER_LOSS_DEATH,   /* its keeper saw the runner die */
};
ERROR_MUST_CHECK enum error_code ledger_take_over(struct database *database, int64_t job_id, const char *claimed_by,
                                                  int64_t fence, const char *reason, enum ledger_loss loss,
                                                  struct ledger_pushes *pushes, enum ledger_takeover *takeover,
                                                  struct error *error);

/* A job whose lost run's backend may still be there: ends it. Part of ledger_claim,
 * and of reconciliation. */
ERROR_MUST_CHECK enum error_code ledger_end_old_backend(struct database *database, int64_t job_id, struct error *error);

/* Cancels a job whatever its state; a running one is taken over: its backend is ended, its run CANCELLED. *cancelled is
 * false when it was already finished. *pushes as above. */
ERROR_MUST_CHECK enum error_code ledger_cancel(struct database *database, int64_t job_id, const char *reason,
                                               struct ledger_pushes *pushes, bool *cancelled, struct error *error);

/* The same for a job that is dead, and for no other. */
ERROR_MUST_CHECK enum error_code ledger_discard(struct database *database, int64_t job_id, const char *reason,
                                                struct ledger_pushes *pushes, bool *discarded, struct error *error);

/* Makes a dead (or cancelled) job queued again, attempts from zero. *retried is false when it was neither. */
ERROR_MUST_CHECK enum error_code ledger_retry(struct database *database, int64_t job_id, bool *retried,
                                              struct error *error);

/* Conditions: named facts that jobs wait for ("pnl:20240102"). Both run in the caller's transaction.
 * met = true readies the waiting jobs. */
ERROR_MUST_CHECK enum error_code ledger_set_condition(struct database *database, const char *key, bool met,
                                                      struct ledger_pushes *pushes, struct error *error);
/* Holds the condition as it is until commit and says whether it is met. */
ERROR_MUST_CHECK enum error_code ledger_hold_condition(struct database *database, const char *key, bool *met,
                                                       struct error *error);

/* ---- limits: core/ledger_limit.c ---------------------------------------------------------------------------- */

enum ledger_room { LEDGER_ROOM_FREE, LEDGER_ROOM_NONE, LEDGER_ROOM_PAUSED };

/* In the caller's transaction: locks the limits, counts, and parks the job where there is no room. */
ERROR_MUST_CHECK enum error_code ledger_admit(struct database *database, int64_t job_id,
                                              const struct ledger_limits *limits, struct ledger_pushes *pushes,
                                              enum ledger_room *room, struct error *error);

/* What a run counts against. queue_limited: its queue has a limit. */
void ledger_run_limits(const struct ledger_run *run, bool queue_limited, struct ledger_limits *limits);

/* Reads the columns queue, limit_key and "the queue has a limit", which stand next to each other in the first row. */
void ledger_read_limits(const struct rows *rows, size_t column, struct ledger_limits *limits);

/* In transactions of its own: wakes as many parked jobs as the limit has room for. One whose lock somebody holds is
 * left to them. */
ERROR_MUST_CHECK enum error_code ledger_fill_limit(struct database *database, const char *wait_key,
                                                   struct ledger_pushes *pushes, struct error *error);

/* The same for both limits of a job whose run was taken from it. */
ERROR_MUST_CHECK enum error_code ledger_fill(struct database *database, const struct ledger_limits *limits,
                                             struct ledger_pushes *pushes, struct error *error);

/* The same after the commit that ended a run. A failure is only logged: the reconciler does it then. */
void ledger_pass_on(struct database *database, const struct ledger_limits *limits, struct ledger_pushes *pushes);

/* Makes Redis say of a queue what the ledger says, whoever changes it meanwhile: core/ledger_pause.c. */
ERROR_MUST_CHECK enum error_code ledger_mirror_pause(struct database *database, struct redis_client *client,
                                                     const char *queue, struct error *error);

/* Puts an alert into the outbox, in the caller's transaction. cause groups repeats ("dead:load_trades"). */
ERROR_MUST_CHECK enum error_code ledger_alert(struct database *database, const char *cause, const char *severity,
                                              const char *title, const char *body, int64_t job_id, struct error *error);

#endif
