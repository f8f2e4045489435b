/* jobs/dimension_follow.h - what follows from a sync elsewhere: facts whose dimension keys are not the right ones any
 * more, rows that were quarantined because a member had not arrived, and findings about it. */
#ifndef TAPEMILL_JOBS_DIMENSION_FOLLOW_H
#define TAPEMILL_JOBS_DIMENSION_FOLLOW_H

#include "jobs/dimension.h"
#include "jobs/job.h"

/* Before the first dimension. */
ERROR_MUST_CHECK enum error_code dimension_follow_begin(struct job_context *context, struct error *error);

/* After dimension_versions_apply() of one dimension: notes the dates whose quarantined rows name a member that has
 * arrived or of whom a load takes something else now, and what its versions lost; resolves the findings about what was
 * assumed of members that have arrived. */
ERROR_MUST_CHECK enum error_code dimension_follow_note(struct job_context *context, enum dimension dimension,
                                                       struct error *error);

/* After the last one: enqueues, in the run's transaction, a load for every date that was noted, and rekey_facts for
 * every date with a fact that lies in a row that the run wrote into etl_dimension_changes, or whose performance or
 * positions name a version of such a member; and logs the months as dirty whose performance names another version than
 * that of their end. A job of that name
 * that has begun may have read the dimensions before this run's commit, so that each is a new one. */
ERROR_MUST_CHECK enum error_code dimension_follow_enqueue(struct job_context *context, struct error *error);

#endif
