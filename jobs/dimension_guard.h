/* jobs/dimension_guard.h - whether a source may take so many members out of a dimension at once. An empty table, or one
 * that lost a good part of its rows, is more often a broken source than a business that ended. */
#ifndef TAPEMILL_JOBS_DIMENSION_GUARD_H
#define TAPEMILL_JOBS_DIMENSION_GUARD_H

#include "jobs/dimension.h"
#include "jobs/job.h"

/* Of a full comparison: rows at the source, members known to be there before, and how many of these are gone. */
struct dimension_absence {
    int64_t shown, known, gone;
};

/* *refused: nothing of the dimension may be closed; an ERROR finding (deletes_refused) and an alert say so, once until
 * it is resolved. resolve: if nothing is refused, an open finding is resolved. */
ERROR_MUST_CHECK enum error_code dimension_guard(struct job_context *context, enum dimension dimension,
                                                 const struct dimension_absence *absence, bool resolve, bool *refused,
                                                 struct error *error);

/* The argument deletes=all: whatever is gone is closed; an open finding is resolved. */
ERROR_MUST_CHECK enum error_code dimension_guard_resolve(struct job_context *context, enum dimension dimension,
                                                         struct error *error);

#endif
