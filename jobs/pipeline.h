/* jobs/pipeline.h - pipelines: tables of steps and what each waits for. The table is in pipeline.c; progress is in the
 * ledger (etl_jobs.pending, etl_job_dependencies), so that a step's completion and the readiness of the next are one
 * transaction. */
#ifndef TAPEMILL_JOBS_PIPELINE_H
#define TAPEMILL_JOBS_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/arena.h"
#include "core/database.h"
#include "core/error.h"

enum { PIPELINE_STEPS_MAX = 20 };

struct pipeline_step {
    const char *name;
    const char *job;
    const char *after[4];  /* names of earlier steps; NULL at the end */
    const char *arguments; /* JSON object text; NULL: none */
    bool shared; /* not about the date: steps of several dates that have not begun share one job, and the dates of
                  * a backfill one that is done (sql/ledger/pipeline.sql) */
};

struct pipeline_definition {
    const char *name;
    const char *summary;
    const struct pipeline_step *steps;
    size_t count;
};

const struct pipeline_definition *pipeline_find(const char *name);
const struct pipeline_definition *const *pipeline_all(size_t *count);

struct pipeline_request {
    const char *business_date; /* "YYYY-MM-DD" */
    const char *queue;         /* NULL: each job's own */
    int priority;
    int64_t backfill_id, parent_id;            /* 0: none */
    const char *interval_start, *interval_end; /* of a job without a date: its data interval; NULL: none */
    const char *unique_key; /* of a job (not of a pipeline): a live one with it is taken instead; NULL: none */
};

/* Inserts a run of the pipeline for one business date, all steps at once, in the caller's transaction. *job_ids (in the
 * arena) are the steps' jobs, for ledger_push(). */
ERROR_MUST_CHECK enum error_code pipeline_enqueue(struct database *warehouse,
                                                  const struct pipeline_definition *pipeline,
                                                  const struct pipeline_request *request, struct arena *arena,
                                                  int64_t **job_ids, size_t *count, struct error *error);

/* Inserts one job, or one pipeline, by name for one date (business_date NULL: a job without date). Names the remedy
 * when there is no such thing. arguments: JSON object text, for jobs only. */
ERROR_MUST_CHECK enum error_code pipeline_enqueue_target(struct database *warehouse, const char *target,
                                                         const char *arguments, const struct pipeline_request *request,
                                                         struct arena *arena, int64_t **job_ids, size_t *count,
                                                         struct error *error);

#endif
