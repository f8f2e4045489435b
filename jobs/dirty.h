/* jobs/dirty.h - the dirty log: which buckets of derived rows no longer match what they were computed from.
 *
 * It is append-only. Whoever changes facts of a date logs that in the transaction of the change; etl_dirty_targets says
 * which targets follow from it. A recompute takes the rows of its target and dates first, and computes in a later
 * statement: what is committed meanwhile has rows of its own, and stays dirty. If the recompute fails, the rows are
 * there again.
 *
 * Targets: performance, performance_risk, performance_monthly, positions, summary, client_metrics:PERIOD and
 * lp_performance:PERIOD, with DAILY, WEEKLY, MONTHLY, QUARTERLY, YEARLY for PERIOD. All are logged by date; a period is
 * dirty when one of its dates is. */
#ifndef TAPEMILL_JOBS_DIRTY_H
#define TAPEMILL_JOBS_DIRTY_H

#include <stdbool.h>
#include <stdint.h>

#include "jobs/job.h"

/* What changed: the change of etl_dirty_targets. */
enum dirty_change { DIRTY_TRADES, DIRTY_REALIZED, DIRTY_ORDERS, DIRTY_QUOTES, DIRTY_RISK, DIRTY_PERFORMANCE };

/* Logs that this run changed rows of the date. insert_only: it inserted rows, which carry its run_no as etl_run_id, and
 * did nothing else to the date. reason: a word or two for people. */
ERROR_MUST_CHECK enum error_code dirty_log(struct job_context *context, enum dirty_change change, int32_t date_key,
                                           bool insert_only, const char *reason, struct error *error);

/* The same of one target alone: a derived row that is not a fact changed, from which it follows, or its rows are not
 * what they should be though nothing that they follow from changed. */
ERROR_MUST_CHECK enum error_code dirty_log_target(struct job_context *context, const char *target, int32_t date_key,
                                                  const char *reason, struct error *error);

/* Takes the rows of a target for the dates [from_key, to_key]. *rows is how many there were; *insert_only whether all
 * of them tell of inserts only; run_nos, if not NULL, becomes a bigint[] literal of the runs that they name, in the
 * run's arena. */
ERROR_MUST_CHECK enum error_code dirty_take(struct job_context *context, const char *target, int32_t from_key,
                                            int32_t to_key, int64_t *rows, bool *insert_only, const char **run_nos,
                                            struct error *error);

#endif
