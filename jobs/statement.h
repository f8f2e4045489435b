/* jobs/statement.h - set-based steps of a job: a statement without parameters, and how many rows it touched. */
#ifndef TAPEMILL_JOBS_STATEMENT_H
#define TAPEMILL_JOBS_STATEMENT_H

#include <stdint.h>

#include "jobs/job.h"

/* Runs one statement in the run's transaction; *affected is the number of rows inserted, updated or deleted. */
ERROR_MUST_CHECK enum error_code statement_run(struct job_context *context, const char *sql, int64_t *affected,
                                               struct error *error);

#endif
