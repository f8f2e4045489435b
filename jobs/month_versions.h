/* jobs/month_versions.h - whether agg_performance_monthly names the versions of accounts and strategies that it should:
 * those that began last before the month's end, though no row of fact_performance_daily has another one. */
#ifndef TAPEMILL_JOBS_MONTH_VERSIONS_H
#define TAPEMILL_JOBS_MONTH_VERSIONS_H

#include <stdint.h>

#include "core/business_clock.h"
#include "jobs/job.h"

/* Logs the month that the date (a day number, core/calendar_date.h) is in as dirty, target performance_monthly, if one
 * of its rows names another version. Holds the month's bucket to the commit. */
ERROR_MUST_CHECK enum error_code month_versions_follow(struct job_context *context, const struct business_clock *clock,
                                                       int32_t days, struct error *error);

#endif
