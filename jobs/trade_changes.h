/* jobs/trade_changes.h - what changed at the source since the last time, into fact_trades: by watermark on updated_at.
 *
 * jobs/change_window.h tells which rows a run reads. What slips all the same is found by compare_source.
 *
 * Rows are grouped by business date and merged date by date, in order; P&L and performance follow as jobs. A date
 * before today that was never loaded is left to its load, which reads it whole. */
#ifndef TAPEMILL_JOBS_TRADE_CHANGES_H
#define TAPEMILL_JOBS_TRADE_CHANGES_H

#include "jobs/trade_load.h"

/* The argument "since" (an instant) begins there, whatever the watermark says; without a watermark a run begins a day
 * before now. ERROR_CONFIG if the source's role cannot see when other sessions' transactions began. */
ERROR_MUST_CHECK enum error_code trade_changes_run(struct job_context *context,
                                                   const struct trade_load_definition *definition, struct error *error);

/* Names of the arguments, NULL at the end. */
extern const char *const trade_changes_arguments[];

#endif
