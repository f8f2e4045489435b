/* jobs/publish_check.h - what must hold of a business date's numbers before they count as final: they are compared with
 * the facts, and with each other, by plain SQL of another shape than that which made them.
 *
 *   summary_differs      the summary's TENANT rows against the facts; the other levels against TENANT; each row's
 *                        figures against its sums
 *   performance_differs  trades of the daily performance against the desk's facts
 *   positions_differ     quantities of the daily positions against the closing books
 *   fx_rate_missing      a missing rate holds something of the date back
 *
 * What is dirty is not compared: it is to be computed again first. Nor is what follows from books that are not closed;
 * nor a position that has a finding position_currency in place of a row. */
#ifndef TAPEMILL_JOBS_PUBLISH_CHECK_H
#define TAPEMILL_JOBS_PUBLISH_CHECK_H

#include <stdint.h>

#include "jobs/job.h"

enum publish_scope {
    PUBLISH_SUMMARY, /* only what is said of the summary */
    PUBLISH_LOOK,    /* everything, but a missing rate is no difference: its finding is there already */
    PUBLISH_DATE,    /* everything */
};

/* Compares. The caller holds the days of both flows, so that no fact changes. What was found of the date before is
 * resolved. ERROR_GATE if anything differs: then the findings, which take the place of earlier ones, and an alert are
 * committed on the side connection, as the run's own transaction is to be rolled back. */
ERROR_MUST_CHECK enum error_code publish_check(struct job_context *context, int32_t days, enum publish_scope scope,
                                               struct error *error);

#endif
