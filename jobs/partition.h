/* jobs/partition.h - the partitions of the facts: made when their first row is on its way, or ahead of it.
 *
 * fact_trades has a parent per month, fact_trades_m202401, by range of (date_key, source), whose leaves are the flows
 * of a day: fact_trades_d20240102_desk, _client. So each flow's load builds its own leaf. Of the other
 * facts a month is the leaf. Bounds are half-open.
 *
 * A table is created beside the fact and then attached: ATTACH locks the parent less than CREATE ... PARTITION OF does,
 * and adds indexes and foreign keys itself. It still takes SHARE ROW EXCLUSIVE on every dimension, which waits for
 * whoever writes to one; so all of this happens in short transactions on the run's side connection, with a
 * lock_timeout, tried again until a deadline. The run's own transaction must not have written to a dimension by then:
 * it would wait for itself, until the deadline. */
#ifndef TAPEMILL_JOBS_PARTITION_H
#define TAPEMILL_JOBS_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/database.h"
#include "jobs/job.h"

/* Number of facts that are partitioned, and the name of one. */
enum { PARTITION_FACTS = 6 };
const char *partition_fact(int index);

/* Makes sure that a row with this date_key (and, for fact_trades, source) has a leaf of the fact to go to. Cheap where
 * it is there: one query of the catalog. Any number of workers may ask at once. ERROR_DATE_KEY if dim_date does not
 * know the date; ERROR_PG_CONFLICT if the locks could not be had; ERROR_PG_STATEMENT if a table that is no partition
 * has the name. */
ERROR_MUST_CHECK enum error_code partition_ensure_day(struct job_context *context, const char *fact, const char *source,
                                                      int32_t date_key, struct error *error);

/* A leaf that may be built beside the table and attached. */
struct partition_leaf {
    char name[64], parent[64], bounds[128]; /* bounds: "from (...) to (...)" */
    bool exists;                            /* the day's rows have a leaf already, if only their month's */
};

/* Makes sure of the month parent and says what the leaf of a flow of fact_trades is called. source: "DESK" or "CLIENT".
 */
ERROR_MUST_CHECK enum error_code partition_find_leaf(struct job_context *context, const char *source, int32_t date_key,
                                                     struct partition_leaf *leaf, struct error *error);

/* What the leaf is called, and its bounds; asks no server, .exists is not set. */
ERROR_MUST_CHECK enum error_code partition_name_leaf(const char *source, int32_t date_key, struct partition_leaf *leaf,
                                                     struct error *error);

/* A month of fact_trades: its dates [first, next), as day numbers, and the leaf that is to hold all of them once it is
 * folded (jobs/fold_month.c): the parent's name with "_all" behind it. */
struct partition_month {
    int32_t first, next;
    struct partition_leaf leaf; /* .exists is not set */
};

/* The month of a date; asks no server. */
ERROR_MUST_CHECK enum error_code partition_find_month(int32_t days, struct partition_month *month, struct error *error);

/* Nobody else makes leaves in the month of fact_trades until the transaction ends. */
ERROR_MUST_CHECK enum error_code partition_lock_month(struct database *database, const struct partition_month *month,
                                                      struct error *error);

/* Makes sure that the month of the date_key has its parent; dim_date need not know it. *created is false if it had. */
ERROR_MUST_CHECK enum error_code partition_ensure_month(struct job_context *context, const char *fact, int32_t date_key,
                                                        bool *created, struct error *error);

#endif
