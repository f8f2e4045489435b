/* jobs/dimension_follow.h - what follows from a sync elsewhere: facts whose dimension keys are not the right ones any
 * more, rows that were quarantined because a member had not arrived, and findings about it. */
#ifndef TAPEMILL_JOBS_DIMENSION_FOLLOW_H
#define TAPEMILL_JOBS_DIMENSION_FOLLOW_H

#include "jobs/dimension.h"
#include "jobs/job.h"

/* Before the first dimension. */
ERROR_MUST_CHECK enum error_code dimension_follow_begin(struct job_context *context, struct error *error);

/* After dimension_versions_apply() of one dimension: notes the dates whose quarantined rows name a member that has
 * arrived, and resolves the findings about inferred members that have. */
ERROR_MUST_CHECK enum error_code
dimension_follow_note(struct job_context *context, const struct dimension_definition *definition, struct error *error);

/* After the last one: enqueues, in the run's transaction, a load for every date that was noted, and rekey_facts for
 * every loaded date whose business day meets a row that the run wrote into etl_dimension_changes. A job of that name
 * that has begun may have read the dimensions before this run's commit, so that each is a new one. */
ERROR_MUST_CHECK enum error_code dimension_follow_enqueue(struct job_context *context, struct error *error);

#endif
