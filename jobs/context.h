/* jobs/context.h - making and ending a job's context; for whoever runs jobs (the worker). */
#ifndef TAPEMILL_JOBS_CONTEXT_H
#define TAPEMILL_JOBS_CONTEXT_H

#include "jobs/job.h"

enum { JOB_ARENA_BYTES = 8 * 1024 * 1024 };

/* The context borrows warehouse and run; arena must be initialised. */
void job_context_init(struct job_context *context, struct database *warehouse, const struct ledger_run *run,
                      struct arena *arena);

/* Ends the connections that the job opened. */
void job_context_term(struct job_context *context);

#endif
