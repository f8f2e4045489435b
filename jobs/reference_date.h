/* jobs/reference_date.h - "today" for jobs that keep something ready ahead of time: the business date of the run; for a
 * run without one, the business date on which its data interval ends (the tick of its schedule); for one without
 * either, the business date that the warehouse's clock shows. */
#ifndef TAPEMILL_JOBS_REFERENCE_DATE_H
#define TAPEMILL_JOBS_REFERENCE_DATE_H

#include <stdint.h>

#include "jobs/job.h"

/* Day number (core/calendar_date.h). */
ERROR_MUST_CHECK enum error_code reference_date(struct job_context *context, int32_t *days, struct error *error);

#endif
