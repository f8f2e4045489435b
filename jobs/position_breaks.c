/* jobs/position_breaks.c - the source's own positions (latest_positions) against the books at the close of a business
 * date, by account and instrument, lots and strategies summed, short below 0. A difference is a finding position_break
 * with both sides, one for each pair however many dates it lasts; it is resolved when a comparison finds the pair
 * equal.
 *
 * The source tells of now, not of the date: a pair is compared only if nothing in it changed since the date ended, else
 * it is counted as not comparable and its finding, if it has one, stays. The date's books must be closed. Without a
 * date the run compares the one before that on which its data interval ends. */
#include <inttypes.h>
#include <stdio.h>

#include "core/business_clock.h"
#include "core/calendar_date.h"
#include "core/config.h"
#include "jobs/job.h"
#include "jobs/pnl_day.h"
#include "jobs/reference_date.h"
#include "jobs/standing.h"

#define SQL(name) sql_text("jobs/position_breaks", name)

struct breaks {
    struct job_context *context;
    int32_t days;
    char date[CALENDAR_DATE_BYTES], date_key[24], end[BUSINESS_CLOCK_INSTANT_BYTES];
    bool synced;
    int64_t breaks, filed, resolved;
};

static enum error_code
choose_date(struct breaks *breaks, struct error *error)
{
    struct business_clock clock;
    char start[BUSINESS_CLOCK_INSTANT_BYTES];
    if (reference_date(breaks->context, &breaks->days, error) ||
        business_clock_init(&clock, config_text(CONFIG_TIMEZONE), config_day_roll_seconds(), error))
        return error->code;
    if (!breaks->context->run->business_date[0])
        breaks->days--;
    (void)business_clock_interval(&clock, breaks->days, start, breaks->end);
    (void)calendar_date_format(breaks->days, breaks->date);
    (void)snprintf(breaks->date_key, sizeof(breaks->date_key), "%" PRId32, calendar_date_key(breaks->days));
    return ERROR_NONE;
}

static enum error_code
check_synced(struct breaks *breaks, struct error *error)
{
    char synced[8];
    if (database_value(breaks->context->warehouse, SQL("synced"), DATABASE_VALUES(breaks->end), synced, sizeof(synced),
                       error))
        return error->code;
    breaks->synced = synced[0] == 't';
    return ERROR_NONE;
}

static enum error_code
count_pairs(struct breaks *breaks, struct error *error)
{
    struct ledger_counts *counts = &breaks->context->counts;
    struct rows *rows;
    if (database_query(breaks->context->warehouse, SQL("counts"), 0, NULL, &rows, error))
        return error->code;
    counts->extracted = rows_integer(rows, 0, 0);
    counts->skipped = rows_integer(rows, 0, 1);
    breaks->breaks = rows_integer(rows, 0, 2);
    counts->unchanged = counts->extracted - counts->skipped;
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
compare(struct breaks *breaks, struct error *error)
{
    struct job_context *context = breaks->context;
    struct database *warehouse = context->warehouse;
    if (database_run(warehouse, SQL("stage"), error) || standing_stage(context, error) ||
        database_query(warehouse, SQL("lock"), 0, NULL, NULL, error) ||
        database_query(warehouse, SQL("compare"), DATABASE_VALUES(breaks->date_key, breaks->end), NULL, error) ||
        database_query(warehouse, SQL("find_breaks"), DATABASE_VALUES(breaks->date), NULL, error) ||
        standing_settle(context, "latest_positions", "{position_break}", breaks->date, STANDING_UNTIL_DATE,
                        &breaks->filed, &breaks->resolved, error))
        return error->code;
    return count_pairs(breaks, error);
}

static enum error_code
run(struct job_context *context, struct error *error)
{
    struct breaks breaks = {.context = context};
    if (choose_date(&breaks, error) || pnl_day_hold(context, breaks.days, error) || check_synced(&breaks, error) ||
        (breaks.synced && compare(&breaks, error)))
        return error->code;
    (void)snprintf(context->metadata, sizeof(context->metadata),
                   "{\"date\": \"%s\", \"synced\": %s, \"breaks\": %" PRId64 ", \"filed\": %" PRId64
                   ", \"resolved\": %" PRId64 ", \"skipped\": {\"not_comparable\": %" PRId64 "}}",
                   breaks.date, breaks.synced ? "true" : "false", breaks.breaks, breaks.filed, breaks.resolved,
                   context->counts.skipped);
    return ERROR_NONE;
}

const struct job_definition job_position_breaks = {
    .name = "position_breaks",
    .type = "QUALITY",
    .summary = "the source's positions against the books at the close of a date; the day before without one",
    .queue = "batch",
    .max_attempts = 5,
    .takes_date = true,
    .run = run,
};
