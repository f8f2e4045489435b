/* jobs/member_infer.h - members that rows in the warehouse name and no version covers, inferred
 * (jobs/dimension_infer.h) in a short transaction of its own on the side connection: whoever attaches a partition waits
 * for writers of dimensions. */
#ifndef TAPEMILL_JOBS_MEMBER_INFER_H
#define TAPEMILL_JOBS_MEMBER_INFER_H

#include "jobs/dimension_index.h"
#include "jobs/job.h"

/* rows: per member and gap its id as text, its tenant as text or NULL, and an instant in the gap in microseconds. The
 * fence is looked at, so that a run that was taken over infers nothing. *inferred grows by the versions that are new.
 */
ERROR_MUST_CHECK enum error_code member_infer(struct job_context *context, enum dimension dimension,
                                              const struct rows *rows, int64_t *inferred, struct error *error);

#endif
