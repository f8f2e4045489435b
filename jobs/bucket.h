/* jobs/bucket.h - the steps of a job that replaces the rows of one bucket by what it has staged: rows that vanished are
 * deleted, those that differ updated, new ones inserted, so that a run with nothing new writes nothing. */
#ifndef TAPEMILL_JOBS_BUCKET_H
#define TAPEMILL_JOBS_BUCKET_H

#include <stdint.h>

#include "jobs/job.h"

/* Runs a statement in the run's transaction; *affected is the number of rows inserted, updated or deleted. */
ERROR_MUST_CHECK enum error_code bucket_write(struct job_context *context, const char *sql, int count,
                                              const char *const *values, int64_t *affected, struct error *error);

/* The statements delete_rows ($1 the bucket), update_rows and insert_rows ($1 the bucket, $2 the run) of a file, and
 * what they did, into context->counts: extracted and skipped are the caller's, unchanged is what is left. */
ERROR_MUST_CHECK enum error_code bucket_replace(struct job_context *context, const char *sql_file, const char *bucket,
                                                struct error *error);

#endif
