/* jobs/leaf.h - a leaf of fact_trades that is built beside the table, in the run's transaction, and taken into it last:
 * ATTACH locks the dimensions that the foreign keys refer to until the commit, everything before it locks nothing that
 * others wait for. jobs/trade_build.c builds the leaf of a flow and day so, jobs/fold_month.c that of a month. */
#ifndef TAPEMILL_JOBS_LEAF_H
#define TAPEMILL_JOBS_LEAF_H

#include "core/database.h"
#include "jobs/partition.h"

/* Runs the statements that the statement sql gives as one text: names cannot be parameters. */
ERROR_MUST_CHECK enum error_code leaf_run(struct database *warehouse, const char *sql, int count,
                                          const char *const *values, struct error *error);

/* Gives the new table every index that its parent has, in bulk, and analyses it. */
ERROR_MUST_CHECK enum error_code leaf_index(struct database *warehouse, const struct partition_leaf *leaf,
                                            struct error *error);

/* Something that needs locks. */
struct leaf_step {
    enum error_code (*run)(void *context, struct error *error);
    void *context;
};

/* Runs a step in a savepoint. A try waits half a second for each lock at the most, so that whoever queues behind it
 * gets on, and no deadlock lasts; one that does not get them all is undone, gives back what it locked, and is made
 * again until timeout_ms are over: then ERROR_PG_CONFLICT. */
ERROR_MUST_CHECK enum error_code leaf_try(struct database *warehouse, const struct leaf_step *step, int64_t timeout_ms,
                                          struct error *error);

/* Attaches the leaf so, in one try with the step before it (NULL: none). */
ERROR_MUST_CHECK enum error_code leaf_attach(struct database *warehouse, const struct partition_leaf *leaf,
                                             const struct leaf_step *before, struct error *error);

#endif
