/* jobs/extract_stage.h - an extraction as it is, in a table of the warehouse. */
#ifndef TAPEMILL_JOBS_EXTRACT_STAGE_H
#define TAPEMILL_JOBS_EXTRACT_STAGE_H

#include <stdint.h>

#include "jobs/extract.h"

/* Reads the extraction of the range, NULL for the run's data interval, and writes every field unseen: copy is a COPY
 * ... FROM STDIN (FORMAT binary) of the extraction's columns in their order, into columns of their types (numeric
 * without precision, so that every number fits). *rows is how many there were. One row is held in memory at a time. */
ERROR_MUST_CHECK enum error_code extract_stage(struct job_context *context, const struct extract_definition *definition,
                                               const struct extract_range *range, const char *copy, int64_t *rows,
                                               struct error *error);

#endif
