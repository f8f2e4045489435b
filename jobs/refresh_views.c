/* jobs/refresh_views.c - the materialised views mv_top_performing_strategies and mv_instrument_statistics, as of a
 * business date that is written down in the table as_of: no view reads the clock, so that they say the same whenever
 * they are refreshed.
 *
 * The run's date becomes that date unless a later one is there; the argument as_of sets it to any. In a transaction of
 * its own: a view that cannot be refreshed undoes no load. Readers go on with the old rows until the commit. Of a
 * backfill's dates only the last to come refreshes; the others leave it to that one. */
#include <inttypes.h>
#include <stdio.h>

#include "core/business_clock.h"
#include "core/calendar_date.h"
#include "core/config.h"
#include "jobs/job.h"

#define SQL(name) sql_text("jobs/refresh_views", name)

/* TRADES_WINDOW_DAYS: how far mv_instrument_statistics looks back; the other view reads no trades. */
enum { NUMBER_BYTES = 24, TRADES_WINDOW_DAYS = 90 };

static const char as_of_argument[] = "as_of";

/* The date that the run asks for, as a text: "" for none. */
static enum error_code
choose_date(struct job_context *context, const char **date, bool *is_forced, struct error *error)
{
    int32_t days;
    const char *given = job_argument(context, as_of_argument, NULL);
    *is_forced = given != NULL;
    *date = given ? given : context->run->business_date;
    if ((*date)[0] && calendar_date_parse(*date, &days, error))
        return error_set(error, ERROR_ARGUMENT, "the argument as_of is \"%.40s\", but must be a date, YYYY-MM-DD",
                         *date);
    return given && !given[0] ? error_set(error, ERROR_ARGUMENT, "the argument as_of is empty; write YYYY-MM-DD")
                              : ERROR_NONE;
}

/* *affected: whether the row was written. */
static enum error_code
set_as_of(struct job_context *context, const char *date, bool is_forced, bool *affected, struct error *error)
{
    char start[BUSINESS_CLOCK_INSTANT_BYTES], end[BUSINESS_CLOCK_INSTANT_BYTES], run_no[NUMBER_BYTES];
    struct business_clock clock;
    struct rows *rows;
    int32_t days;
    if (calendar_date_parse(date, &days, error) ||
        business_clock_init(&clock, config_text(CONFIG_TIMEZONE), config_day_roll_seconds(), error))
        return error->code;
    (void)business_clock_interval(&clock, days, start, end);
    (void)snprintf(run_no, sizeof(run_no), "%" PRId64, context->run->run_no);
    if (database_query(context->warehouse, SQL("set_as_of"),
                       DATABASE_VALUES(date, end, is_forced ? "true" : "false", run_no), &rows, error))
        return error->code;
    *affected = rows_affected(rows) > 0;
    rows_free(rows);
    return ERROR_NONE;
}

/* The date as of which the views are; "" while nobody has said one. */
static enum error_code
read_as_of(struct job_context *context, char as_of[CALENDAR_DATE_BYTES], struct error *error)
{
    struct rows *rows;
    if (database_query(context->warehouse, SQL("as_of"), 0, NULL, &rows, error))
        return error->code;
    (void)snprintf(as_of, CALENDAR_DATE_BYTES, "%s", rows_count(rows) ? rows_text(rows, 0, 0) : "");
    rows_free(rows);
    return ERROR_NONE;
}

/* Sets the date if the run asks for one. The row of as_of is what the run counts. */
static enum error_code
settle_as_of(struct job_context *context, char as_of[CALENDAR_DATE_BYTES], struct error *error)
{
    struct ledger_counts *counts = &context->counts;
    const char *date;
    bool is_forced, affected = false;
    if (choose_date(context, &date, &is_forced, error) || read_as_of(context, as_of, error))
        return error->code;
    bool is_new = !as_of[0];
    if (is_new && !date[0])
        return error_set(error, ERROR_ARGUMENT,
                         "nobody has said yet as of which date the views are to be; give one with --date YYYY-MM-DD");
    if (date[0] && (set_as_of(context, date, is_forced, &affected, error) || read_as_of(context, as_of, error)))
        return error->code;
    counts->extracted = 1;
    counts->inserted = affected && is_new;
    counts->updated = affected && !is_new;
    counts->unchanged = !affected;
    return ERROR_NONE;
}

/* A date of a backfill leaves the views to the backfill's last one. */
static enum error_code
is_left_to_later(struct job_context *context, bool *is_left, struct error *error)
{
    char backfill_id[NUMBER_BYTES], job_id[NUMBER_BYTES], answer[NUMBER_BYTES];
    *is_left = false;
    if (!context->run->backfill_id)
        return ERROR_NONE;
    (void)snprintf(backfill_id, sizeof(backfill_id), "%" PRId64, context->run->backfill_id);
    (void)snprintf(job_id, sizeof(job_id), "%" PRId64, context->run->job_id);
    if (database_value(context->warehouse, SQL("later_of_backfill"), DATABASE_VALUES(backfill_id, job_id), answer,
                       sizeof(answer), error))
        return error->code;
    *is_left = answer[0] == 't';
    return ERROR_NONE;
}

static enum error_code
lock_window(struct job_context *context, const char *as_of, struct error *error)
{
    char first[NUMBER_BYTES], last[NUMBER_BYTES];
    int32_t days;
    if (calendar_date_parse(as_of, &days, error))
        return error->code;
    (void)snprintf(first, sizeof(first), "%" PRId32, calendar_date_key(days - TRADES_WINDOW_DAYS + 1));
    (void)snprintf(last, sizeof(last), "%" PRId32, calendar_date_key(days));
    return database_query(context->warehouse, SQL("lock_window"), DATABASE_VALUES(first, last), NULL, error);
}

static enum error_code
refresh(struct job_context *context, const char *as_of, struct error *error)
{
    struct rows *rows;
    if (lock_window(context, as_of, error) || database_run(context->warehouse, SQL("refresh_strategies"), error) ||
        database_run(context->warehouse, SQL("refresh_instruments"), error) ||
        database_query(context->warehouse, SQL("rows"), 0, NULL, &rows, error))
        return error->code;
    (void)snprintf(context->metadata, sizeof(context->metadata),
                   "{\"as_of\": \"%s\", \"strategies\": %" PRId64 ", \"instruments\": %" PRId64 "}", as_of,
                   rows_integer(rows, 0, 0), rows_integer(rows, 0, 1));
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
run(struct job_context *context, struct error *error)
{
    char as_of[CALENDAR_DATE_BYTES];
    bool is_left;
    if (database_query(context->warehouse, SQL("lock"), 0, NULL, NULL, error) || settle_as_of(context, as_of, error) ||
        is_left_to_later(context, &is_left, error))
        return error->code;
    if (!is_left)
        return refresh(context, as_of, error);
    (void)snprintf(context->metadata, sizeof(context->metadata), "{\"as_of\": \"%s\", \"left_to\": \"backfill\"}",
                   as_of);
    return ERROR_NONE;
}

static const char *const arguments[] = {as_of_argument, NULL};

const struct job_definition job_refresh_views = {
    .name = "refresh_views",
    .type = "AGGREGATION",
    .summary = "the materialised views, as of the date unless they are of a later one (as_of: as of that date)",
    .queue = "batch",
    .max_attempts = 5,
    .takes_date = true,
    .arguments = arguments,
    .run = run,
};
