/* jobs/standing.h - findings that stand until what they tell of is gone: one open finding of each thing, however often
 * a job sees it again.
 *
 * standing_stage() creates the temporary table stage_standing. The job puts a row into it for each thing that is wrong
 * now, (rule_name, record_id, message without the rule, record_data), and for each of which it cannot tell, with
 * is_unknown: that one's finding stays as it is. Then standing_settle(): open findings of the rules that are not in the
 * table, or say something else there, are resolved; what has no open finding gets one.
 *
 * source_table must be one of the unique index etl_dq_issues_standing. */
#ifndef TAPEMILL_JOBS_STANDING_H
#define TAPEMILL_JOBS_STANDING_H

#include <stdbool.h>
#include <stdint.h>

#include "jobs/job.h"

/* Whose findings: those of the date alone; or of whatever date up to it, since the thing is the same on every date. */
enum standing_scope { STANDING_DATE, STANDING_UNTIL_DATE };

ERROR_MUST_CHECK enum error_code standing_stage(struct job_context *context, struct error *error);

/* rules: a text[] literal. business_date: YYYY-MM-DD, of new findings. *filed and *resolved: how many. */
ERROR_MUST_CHECK enum error_code standing_settle(struct job_context *context, const char *source_table,
                                                 const char *rules, const char *business_date,
                                                 enum standing_scope scope, int64_t *filed, int64_t *resolved,
                                                 struct error *error);

#endif
