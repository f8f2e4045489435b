/* jobs/partitions.c - keeps the facts' month partitions ready ahead: from the month of the reference date to
 * TAPEMILL_MONTHS_AHEAD months past it. What they make is committed at once, in short transactions of its own. */
#include <stdio.h>

#include "core/calendar_date.h"
#include "core/config.h"
#include "jobs/job.h"
#include "jobs/partition.h"
#include "jobs/reference_date.h"

enum { MONTHS_A_YEAR = 12 };

static enum error_code
ensure(struct job_context *context, int32_t date_key, struct error *error)
{
    for (int fact = 0; fact < PARTITION_FACTS; fact++) {
        bool created;
        if (partition_ensure_month(context, partition_fact(fact), date_key, &created, error))
            return error->code;
        context->counts.extracted++;
        context->counts.inserted += created;
        context->counts.unchanged += !created;
    }
    return ERROR_NONE;
}

static enum error_code
run(struct job_context *context, struct error *error)
{
    int32_t days;
    int year = 0, month = 0;
    if (reference_date(context, &days, error))
        return error->code;
    struct calendar_date date = calendar_date_split(days);
    for (int ahead = 0; ahead <= config_integer(CONFIG_MONTHS_AHEAD); ahead++) {
        int month_index = date.month - 1 + ahead;
        year = date.year + month_index / MONTHS_A_YEAR;
        month = month_index % MONTHS_A_YEAR + 1;
        if (ensure(context, calendar_date_key(calendar_date_days(year, month, 1)), error))
            return error->code;
    }
    (void)snprintf(context->metadata, sizeof(context->metadata), "{\"last_month\": \"%04d-%02d\"}", year, month);
    return ERROR_NONE;
}

const struct job_definition job_partitions = {
    .name = "partitions",
    .type = "MAINTENANCE",
    .summary = "month partitions of the facts, ahead of their first row",
    .queue = "batch",
    .max_attempts = 5,
    .run = run,
};
