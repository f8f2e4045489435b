/* jobs/dimension_compare.h - a dimension beside its source table, so that only what differs is staged.
 *
 * Both servers give of each row the id, updated_at and a digest of 64 bits of its attributes, in any order; the
 * dimension keeps its versions' digests (column state_digest). Rows whose updated_at or digest is another one are then
 * read in full. So a change that moves updated_at is always found; one that does not is missed if the digests of both
 * states are the same, of which the probability is 2^-64. Digests that differ although the rows do not cost time only:
 * another server may give texts of another encoding other digests.
 *
 * Memory is a hash table in which a member takes 44 to 88 bytes; while it grows, half as much again. */
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

/* Reads the extraction on the run's source connection and the current versions on the run's own, stages the rows that
 * say something new in {stage}, and ids that the source does not show in {absent}; both tables are there. NULLs count
 * as what stands for them; the tenant setting (jobs/dimension.h) is set on both connections. A member that comes
 * several times is staged with all its rows. The caller holds the dimension's epoch FOR UPDATE. */
ERROR_MUST_CHECK enum error_code dimension_compare(struct job_context *context,
                                                   const struct dimension_definition *definition,
                                                   struct dimension_comparison *comparison, struct error *error);

#endif
