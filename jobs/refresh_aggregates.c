/* jobs/refresh_aggregates.c - computes again what its facts have left behind: one job for each dirty bucket of every
 * target (jobs/refresh.h). So a trade that comes late, to whatever date, reaches every table that is derived from it
 * without anybody asking. Dates and periods that are not over are left to their own schedules until these have computed
 * them once. What is over is told by the run's business date, or its tick (jobs/reference_date.h). */
#include <inttypes.h>
#include <stdio.h>

#include "core/calendar_date.h"
#include "jobs/reference_date.h"
#include "jobs/refresh.h"

static enum error_code
run(struct job_context *context, struct error *error)
{
    char today[CALENDAR_DATE_BYTES];
    struct refresh_request request = {.database = context->warehouse,
                                      .pushes = &context->pushes,
                                      .from_key = "0",
                                      .to_key = "99991231",
                                      .before = today};
    struct refresh_result result;
    int32_t days;
    if (database_query(context->warehouse, sql_text("jobs/refresh_aggregates", "lock"), 0, NULL, NULL, error) ||
        reference_date(context, &days, error))
        return error->code;
    (void)calendar_date_format(days, today);
    if (refresh_dirty(context, &request, &result, error))
        return error->code;
    (void)snprintf(context->metadata, sizeof(context->metadata),
                   "{\"buckets\": %" PRId64 ", \"enqueued\": %" PRId64 ", \"missing\": [%s]}", result.buckets,
                   result.enqueued, result.missing);
    return ERROR_NONE;
}

const struct job_definition job_refresh_aggregates = {
    .name = "refresh_aggregates",
    .type = "AGGREGATION",
    .summary = "asks for the computation of every aggregate that its facts have left behind",
    .queue = "batch",
    .max_attempts = 5,
    .takes_date = true,
    .run = run,
};
