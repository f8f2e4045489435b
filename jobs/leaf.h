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

/* Creates the leaf of one flow and date as a table beside the fact: its CHECKs, no keys or indexes yet. */
ERROR_MUST_CHECK enum error_code leaf_create(struct database *warehouse, const char *name, const char *date_key,
                                             const char *source, struct error *error);

/* A leaf that takes the place of the one that stands, because too many of its rows change for them to be updated one by
 * one: an UPDATE pays for every index and key of each row, a new leaf once for all rows. */
struct leaf_rewrite {
    struct partition_leaf old_leaf, leaf; /* leaf.name is the new table's until it takes the old one's */
};

/* Whether rewriting all rows costs less than updating so many of them (TAPEMILL_REWRITE_MIN_ROWS, and a third: see
 * `ops/bench rewrite`). */
bool leaf_rewrite_pays(int64_t changed, int64_t rows);

/* Creates the new leaf of a flow and date, to be filled by the caller, who holds the day's lock; *possible is false,
 * and nothing has happened, if the date has no leaf of its own (its month was folded). */
ERROR_MUST_CHECK enum error_code leaf_rewrite_begin(struct leaf_rewrite *rewrite, struct job_context *context,
                                                    const char *source, int32_t date_key, bool *possible,
                                                    struct error *error);

/* Gives the filled leaf its indexes. */
ERROR_MUST_CHECK enum error_code leaf_rewrite_index(struct leaf_rewrite *rewrite, struct job_context *context,
                                                    struct error *error);

/* In one try, takes the step before (NULL: none), drops the old leaf and attaches the new one. That locks the month's
 * parent against readers, and the dimensions, to the commit: nothing that waits for others may follow. Before it the
 * transaction must not have touched facts but through the leaf itself, or two that replace leaves of a month would wait
 * for each other. */
ERROR_MUST_CHECK enum error_code leaf_rewrite_finish(struct leaf_rewrite *rewrite, struct job_context *context,
                                                     const struct leaf_step *before, struct error *error);

/* A reader may be in the month for long, and until it ends no leaf of it can be dropped: leaf_rewrite_finish() gives up
 * after some seconds, with an error of which leaf_rewrite_is_in_the_way() is true. Then the caller undoes all since
 * leaf_rewrite_may_fail(), a savepoint, and updates rows, which no reader hinders. */
ERROR_MUST_CHECK enum error_code leaf_rewrite_may_fail(struct database *warehouse, struct error *error);
bool leaf_rewrite_is_in_the_way(const struct error *error);
ERROR_MUST_CHECK enum error_code leaf_rewrite_undo(struct database *warehouse, struct error *error);

#endif
