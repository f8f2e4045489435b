/* jobs/trade_load.h - loads the trades of one business date into fact_trades: extract, validate, resolve, stage, merge.
 *
 * Both flows take this path: the desk's executions (load_executions) and the clients' trades (load_trades). A day that
 * has no leaf yet is built (trade_build.c). Else, in the run's transaction: the day's lock, point-in-time indexes, one
 * COPY from the source into a staging table of what differs from the facts that stand, dimension epochs FOR SHARE (if
 * one moved meanwhile, all is read again with the epochs held), quality, locks of other days that trades come from,
 * merge by version, tombstones, conditions and follow-up jobs.
 */
#ifndef TAPEMILL_JOBS_TRADE_LOAD_H
#define TAPEMILL_JOBS_TRADE_LOAD_H

#include "jobs/job.h"
#include "jobs/trade_row.h"

struct trade_load_definition {
    enum trade_flow flow;
    const char *source_label;  /* fact_trades.source: "DESK" or "CLIENT" */
    const char *source_table;  /* as findings call it */
    const char *changed_table; /* whose changes lead to these rows, as the watermark is called (trade_changes.h) */
    const struct extract_definition *extract;
};

extern const struct trade_load_definition load_executions_definition, load_trades_definition;

ERROR_MUST_CHECK enum error_code trade_load_run(struct job_context *context,
                                                const struct trade_load_definition *definition, struct error *error);

#endif
