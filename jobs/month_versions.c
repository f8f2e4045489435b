#include "jobs/month_versions.h"

#include <stdio.h>

#include "core/calendar_date.h"
#include "jobs/dirty.h"

enum { NUMBER_BYTES = 24 };

enum error_code
month_versions_follow(struct job_context *context, const struct business_clock *clock, int32_t days,
                      struct error *error)
{
    struct calendar_date date = calendar_date_split(days);
    int32_t last_days = calendar_date_days(date.year, date.month, calendar_date_month_length(date.year, date.month));
    char month[NUMBER_BYTES], start[BUSINESS_CLOCK_INSTANT_BYTES], end[BUSINESS_CLOCK_INSTANT_BYTES], differs[8];
    (void)snprintf(month, sizeof(month), "%d", date.year * 100 + date.month);
    (void)business_clock_interval(clock, last_days, start, end);
    if (database_query(context->warehouse, sql_text("jobs/performance_monthly", "lock_bucket"), DATABASE_VALUES(month),
                       NULL, error) ||
        database_value(context->warehouse, sql_text("jobs/month_versions", "differs"), DATABASE_VALUES(month, end),
                       differs, sizeof(differs), error))
        return error->code;
    if (differs[0] != 't')
        return ERROR_NONE;
    return dirty_log_target(context, "performance_monthly", calendar_date_key(last_days), "another version", error);
}
