/* jobs/performance_monthly.c - agg_performance_monthly of one month: its rows of fact_performance_daily by tenant,
 * account and strategy, all versions of these together; the keys are those of the versions valid at the month's end.
 * docs/numbers.md has the formulas.
 *
 * The month is that of the run's date; of a run without one, the month before the one in which its data interval ends
 * (the tick of its schedule). */
#include <inttypes.h>
#include <stdio.h>

#include "core/business_clock.h"
#include "core/calendar_date.h"
#include "core/config.h"
#include "jobs/bucket.h"
#include "jobs/dirty.h"
#include "jobs/job.h"
#include "jobs/reference_date.h"

#define FILE_NAME "jobs/performance_monthly"
#define SQL(name) sql_text(FILE_NAME, name)

enum { NUMBER_BYTES = 24 };

struct month {
    struct job_context *context;
    int32_t first_key, last_key;
    char key[NUMBER_BYTES], first[NUMBER_BYTES], last[NUMBER_BYTES];
    char end[BUSINESS_CLOCK_INSTANT_BYTES]; /* of its last business date, exclusive */
};

static enum error_code
choose_month(struct month *month, struct error *error)
{
    struct business_clock clock;
    char start[BUSINESS_CLOCK_INSTANT_BYTES];
    int32_t days;
    if (reference_date(month->context, &days, error) ||
        business_clock_init(&clock, config_text(CONFIG_TIMEZONE), config_day_roll_seconds(), error))
        return error->code;
    struct calendar_date date = calendar_date_split(days);
    if (!month->context->run->business_date[0])
        date = calendar_date_split(calendar_date_days(date.year, date.month, 0));
    int32_t last_days = calendar_date_days(date.year, date.month, calendar_date_month_length(date.year, date.month));
    month->first_key = calendar_date_key(calendar_date_days(date.year, date.month, 1));
    month->last_key = calendar_date_key(last_days);
    (void)business_clock_interval(&clock, last_days, start, month->end);
    (void)snprintf(month->key, NUMBER_BYTES, "%d", date.year * 100 + date.month);
    (void)snprintf(month->first, NUMBER_BYTES, "%" PRId32, month->first_key);
    (void)snprintf(month->last, NUMBER_BYTES, "%" PRId32, month->last_key);
    return ERROR_NONE;
}

static enum error_code
compute(struct month *month, struct error *error)
{
    struct job_context *context = month->context;
    struct database *warehouse = context->warehouse;
    int64_t taken;
    bool insert_only;
    if (database_run(warehouse, SQL("stage"), error) ||
        database_query(warehouse, SQL("lock_bucket"), DATABASE_VALUES(month->key), NULL, error) ||
        dirty_take(context, "performance_monthly", month->first_key, month->last_key, &taken, &insert_only, NULL,
                   error))
        return error->code;
    return bucket_write(context, SQL("compute"), DATABASE_VALUES(month->first, month->last, month->end),
                        &context->counts.extracted, error);
}

static enum error_code
run(struct job_context *context, struct error *error)
{
    struct month month = {.context = context};
    if (choose_month(&month, error) || compute(&month, error) || bucket_replace(context, FILE_NAME, month.key, error))
        return error->code;
    (void)snprintf(context->metadata, sizeof(context->metadata), "{\"month\": %s}", month.key);
    return ERROR_NONE;
}

const struct job_definition job_performance_monthly = {
    .name = "performance_monthly",
    .type = "AGGREGATION",
    .summary = "the desk's performance in the month of a date by account and strategy; without a date the month before",
    .queue = "batch",
    .max_attempts = 5,
    .takes_date = true,
    .run = run,
};
