/* jobs/trade_changes.h - what changed at the source since the last time, into fact_trades: by watermark on updated_at.
 *
 * A run reads [watermark - overlap, limit) of the column updated_at. The limit stops short of now by a lag, and of the
 * beginning of the oldest transaction that is open on the source: what it has written carries an older updated_at and
 * cannot be seen yet. Windows overlap, for clocks that disagree; what slips all the same (an updated_at set by hand) is
 * found by compare_source. The watermark (etl_cdc_watermarks) moves in the run's own transaction, by compare-and-set.
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
