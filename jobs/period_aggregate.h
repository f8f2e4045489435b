/* jobs/period_aggregate.h - what aggregates by period have in common: agg_client_metrics and agg_lp_performance.
 *
 * A run computes one period as a whole, from the facts, and writes only what differs. Facts are read month by month,
 * each month's locks given back before the next: a year takes no more of PostgreSQL's lock table than a month does.
 * What a month says of a group is additive (counts, sums, distinct dates) or a set (instruments), never an average. A
 * group with a trade that has no rate to the base currency is held: it has no row, but a finding, and the period stays
 * in the dirty log. */
#ifndef TAPEMILL_JOBS_PERIOD_AGGREGATE_H
#define TAPEMILL_JOBS_PERIOD_AGGREGATE_H

#include "jobs/job.h"

enum { PERIOD_AGGREGATE_PARTS = 3 };

/* An aggregate. Its statements, in sql/<sql>.sql:
 *
 *   stage            temporary tables
 *   gather_PART      $1, $2 first and last date_key, of one month: JSON of what the facts say by group
 *   keep             $1 such JSON: into the temporary table of parts
 *   compute          $1 the period's type, $2 and $3 its first and last date: from parts to the temporary table of rows
 *   groups           number of groups; of those held; the first date_key without realised P&L, or NULL; JSON of those
 * held delete_rows      $1 the period's type, $2 its first date update_rows, insert_rows   $1 the run */
struct period_aggregate {
    const char *sql, *table, *target;              /* target: of the dirty log, before the colon */
    const char *group;                             /* what a group is called: "client" */
    const char *parts[PERIOD_AGGREGATE_PARTS + 1]; /* NULL at the end */
    const char *finish;                            /* statement between compute and the rest; NULL: none */
};

/* The argument of a job that has a period. */
extern const char *const period_aggregate_arguments[];

/* Runs the period that the run's business date is in; the type is the argument "period", or DAILY. */
ERROR_MUST_CHECK enum error_code period_aggregate_run(struct job_context *context,
                                                      const struct period_aggregate *aggregate, struct error *error);

#endif
