/* jobs/dimension_compare.h - a dimension beside its source table, both in the order of the ids, so that only what
 * differs is staged. Memory is one row of each; what is to be staged waits in a temporary file. */
#ifndef TAPEMILL_JOBS_DIMENSION_COMPARE_H
#define TAPEMILL_JOBS_DIMENSION_COMPARE_H

#include "jobs/dimension.h"
#include "jobs/job.h"

/* COPY of rows of the extraction into {stage}: a template (jobs/dimension.h). */
extern const char dimension_copy_staged[];

struct dimension_comparison {
    int64_t extracted; /* rows at the source */
    int64_t unchanged; /* of these: the current version says the same, updated_at included; they are not staged */
    int64_t known;     /* members with a current version, but for inferred ones */
    int64_t absent;    /* of these: the source does not show them */
};

/* Reads the whole extraction on the run's source connection and the current versions on the run's own, stages the rows
 * that say something new in {stage}, and ids that the source does not show in {absent}; both tables are there. NULLs
 * count as what stands for them. A member that comes several times is staged with all its rows. The caller holds the
 * dimension's epoch FOR UPDATE. */
ERROR_MUST_CHECK enum error_code dimension_compare(struct job_context *context,
                                                   const struct dimension_definition *definition,
                                                   struct dimension_comparison *comparison, struct error *error);

#endif
