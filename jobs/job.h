/* jobs/job.h - what a job is. A job is one jobs/NAME.c that defines `const struct job_definition job_NAME`, its SQL in
 * sql/jobs/NAME.sql, and the line JOB(NAME) in jobs.def.
 *
 * A handler runs inside one open transaction on the warehouse. It never commits, acknowledges, sleeps or logs its own
 * error: the worker does that in one place. It works on the data interval that travels with the job and never asks the
 * clock what day it is. */
#ifndef TAPEMILL_JOBS_JOB_H
#define TAPEMILL_JOBS_JOB_H

#include <stdbool.h>
#include <stddef.h>

#include "core/arena.h"
#include "core/database.h"
#include "core/error.h"
#include "core/ledger.h"
#include "core/sql.h"

enum { JOB_WAIT_KEY_BYTES = 128 };

struct job_context {
    struct database *warehouse;        /* in the run's transaction */
    const struct ledger_run *run;      /* name, arguments, data interval, attempt */
    struct arena *arena;               /* dropped after the run */
    struct ledger_pushes pushes;       /* jobs that became ready; the worker tells Redis after the commit */
    struct ledger_counts counts;       /* what the handler did; checked by I7 before the commit */
    char wait_key[JOB_WAIT_KEY_BYTES]; /* set together with ERROR_WAITING: the condition to wait for */
    struct database *source;           /* opened on first use by job_source() */
    struct database *side;             /* second warehouse connection for short transactions of their own: job_side() */
    struct redis_client *redis;        /* for job_push(); borrowed, NULL: none */
    char metadata[512];                /* JSON object text stored with the run; "" for none */
    bool is_rehearsal;                 /* all is rolled back: the side connection may only read */
};

struct job_definition {
    const char *name;
    const char *type;    /* DIMENSION_SYNC, CDC, ETL, AGGREGATION, ARCHIVAL, MAINTENANCE, QUALITY */
    const char *summary; /* one line for `tapemill enqueue --help` */
    const char *queue;   /* default queue */
    int max_attempts;
    int soft_timeout_s, hard_timeout_s; /* of one run, unless it is enqueued with others; 0: the settings' */
    const char *end_key_prefix;   /* "ahead:DESK": the condition "ahead:DESK:YYYYMMDD" is met at its end; NULL: none */
    bool needs_date;              /* works on one business date (--date) */
    bool takes_date;              /* may be given one, and knows what to do without */
    const char *const *arguments; /* names of the arguments it takes besides the date, NULL at the end; NULL: none */
    enum error_code (*run)(struct job_context *context, struct error *error);
};

/* The job of that name, or NULL. */
const struct job_definition *job_find(const char *name);

/* All jobs in the order of jobs.def. */
const struct job_definition *const *job_all(size_t *count);

/* A text argument of the run, or fallback. Lives in the run's arena. */
const char *job_argument(struct job_context *context, const char *name, const char *fallback);

/* The source, in an open read-only REPEATABLE READ transaction, whose snapshot the first query takes. Owned by the
 * context. */
ERROR_MUST_CHECK enum error_code job_source(struct job_context *context, struct database **source, struct error *error);

/* The same in a new snapshot, which the next query takes. */
ERROR_MUST_CHECK enum error_code job_source_anew(struct job_context *context, struct database **source,
                                                 struct error *error);

/* A second connection to the warehouse, outside the run's transaction. Owned by the context. */
ERROR_MUST_CHECK enum error_code job_side(struct job_context *context, struct database **side, struct error *error);

/* Tells Redis at once of jobs that a transaction on the side made ready. If that fails, they go with context->pushes.
 */
void job_push(struct job_context *context, const struct ledger_pushes *pushes);

/* The condition that a job on this business date (YYYY-MM-DD) meets when it ends, written to key; NULL: none. */
const char *job_end_key(const struct job_definition *job, const char *business_date, char key[JOB_WAIT_KEY_BYTES]);

#endif
