/* jobs/pnl_method.h - by which method realised P&L is computed: TAPEMILL_PNL_METHOD, and etl_settings "pnl_method",
 * which says by which the stored books were. Books of one method are never carried on by another.
 *
 * The row is locked after the day's lock and the dimension epochs, before any condition: shared by whoever reads or
 * writes books, to the end of its transaction; exclusively by the switch. */
#ifndef TAPEMILL_JOBS_PNL_METHOD_H
#define TAPEMILL_JOBS_PNL_METHOD_H

#include "core/calendar_date.h"
#include "jobs/job.h"
#include "jobs/pnl.h"

enum { PNL_METHOD_NAME_BYTES = 16 };

/* "average", "fifo". */
const char *pnl_method_name(enum pnl_method method);

/* What the setting says; config_load() has checked it. */
enum pnl_method pnl_method_configured(void);

/* Holds the method of the stored books to the end of the run's transaction; the first run of all decides what it is, on
 * the side connection. ERROR_CONFIG, with the remedy, if it is not the configured one. */
ERROR_MUST_CHECK enum error_code pnl_method_hold(struct job_context *context, struct error *error);

/* The method of the stored books; "" if none was ever computed. No lock. */
ERROR_MUST_CHECK enum error_code pnl_method_stored(struct database *warehouse, char name[PNL_METHOD_NAME_BYTES],
                                                   struct error *error);

/* What a switch has emptied: that many dates were closed, from and to; "" if none. */
struct pnl_method_emptied {
    int64_t dates;
    char from[CALENDAR_DATE_BYTES], to[CALENDAR_DATE_BYTES];
};

/* In the caller's transaction: the books are of the configured method from now on, and all of them empty; no date is
 * closed. Facts keep their realised P&L until realized_pnl computes it anew. */
ERROR_MUST_CHECK enum error_code pnl_method_switch(struct database *warehouse, struct pnl_method_emptied *emptied,
                                                   struct error *error);

#endif
