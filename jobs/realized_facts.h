/* jobs/realized_facts.h - realised P&L on its way into the facts of one date: row by row, or by a leaf that is written
 * anew where that costs less. What was computed waits in stage_pnl (sql/jobs/realized_pnl.sql). */
#ifndef TAPEMILL_JOBS_REALIZED_FACTS_H
#define TAPEMILL_JOBS_REALIZED_FACTS_H

#include "core/copy.h"
#include "jobs/job.h"
#include "jobs/leaf.h"
#include "jobs/pnl_day.h"

/* Zeroed at first. By flow, in the order of pnl_day_flows. */
struct realized_facts {
    int64_t computed[PNL_DAY_FLOWS], changed[PNL_DAY_FLOWS]; /* fills, and those whose facts say otherwise */
    bool anew[PNL_DAY_FLOWS];
    bool in_place; /* no leaf must be written anew */
    struct leaf_rewrite rewrites[PNL_DAY_FLOWS];
};

/* Counts a fill of the flow that the field names. */
void realized_facts_count(struct realized_facts *facts, const struct copy_field *source, bool changed);

/* Writes what was computed into the facts, or into new leaves. *written: rows that changed. May be called again after
 * leaf_rewrite_undo(). */
ERROR_MUST_CHECK enum error_code realized_facts_store(struct realized_facts *facts, struct job_context *context,
                                                      int32_t date_key, int64_t *written, struct error *error);

/* Puts new leaves into their places. After everything that waits for others, conditions above all: it locks the month's
 * parent, and whoever waits for that may hold one. */
ERROR_MUST_CHECK enum error_code realized_facts_replace(struct realized_facts *facts, struct job_context *context,
                                                        struct error *error);

#endif
