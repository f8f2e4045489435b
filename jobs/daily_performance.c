/* jobs/daily_performance.c - fact_performance_daily of one business date: the desk's trades by account and strategy, in
 * base currency. The date's books must be closed; they stay so until commit, and with them the date's facts, since
 * whoever changes one reopens the date.
 *
 * A group with a trade that has no rate to the base currency is held: it gets no row, a finding that says what to do,
 * and stays in the dirty log. sharpe_ratio and max_drawdown, which look at many days, are performance_risk's; rows are
 * not written while that job writes. */
#include <inttypes.h>
#include <stdio.h>

#include "core/calendar_date.h"
#include "core/config.h"
#include "jobs/bucket.h"
#include "jobs/dirty.h"
#include "jobs/job.h"
#include "jobs/partition.h"
#include "jobs/pnl_day.h"

#define FILE_NAME "jobs/daily_performance"
#define SQL(name) sql_text(FILE_NAME, name)

struct performance_day {
    struct job_context *context;
    int32_t days;
    char date_key[24], run_no[24];
};

static enum error_code
read_date(struct performance_day *day, struct error *error)
{
    if (calendar_date_parse(day->context->run->business_date, &day->days, error))
        return error_context(error, "daily_performance works on one business date");
    (void)snprintf(day->date_key, sizeof(day->date_key), "%d", (int)calendar_date_key(day->days));
    (void)snprintf(day->run_no, sizeof(day->run_no), "%" PRId64, day->context->run->run_no);
    return ERROR_NONE;
}

/* Closed books without a realised P&L would be summed up to nothing. */
static enum error_code
check_booked(struct performance_day *day, struct error *error)
{
    const char *date = day->context->run->business_date;
    char unbooked[24];
    if (database_value(day->context->warehouse, SQL("unbooked"), 0, NULL, unbooked, sizeof(unbooked), error))
        return error->code;
    if (unbooked[0] == '0')
        return ERROR_NONE;
    return error_set(error, ERROR_GATE,
                     "the books of %s are closed, but %s of its trades have no realised P&L; run `tapemill enqueue "
                     "realized_pnl --date %s`",
                     date, unbooked, date);
}

static enum error_code
compute(struct performance_day *day, struct error *error)
{
    struct database *warehouse = day->context->warehouse;
    if (database_run(warehouse, SQL("stage"), error) ||
        database_query(warehouse, SQL("lock_bucket"), DATABASE_VALUES(day->date_key), NULL, error) ||
        database_query(warehouse, SQL("clear_dirty"), DATABASE_VALUES(day->date_key), NULL, error) ||
        database_query(warehouse, SQL("compute"), DATABASE_VALUES(day->date_key, day->context->run->interval_end), NULL,
                       error))
        return error->code;
    return check_booked(day, error);
}

static enum error_code
count_groups(struct performance_day *day, struct error *error)
{
    struct ledger_counts *counts = &day->context->counts;
    struct rows *rows;
    if (database_query(day->context->warehouse, SQL("groups"), 0, NULL, &rows, error))
        return error->code;
    counts->extracted = rows_integer(rows, 0, 0);
    counts->skipped = rows_integer(rows, 0, 1);
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
replace_rows(struct performance_day *day, struct error *error)
{
    struct ledger_counts *counts = &day->context->counts;
    if (count_groups(day, error) ||
        (counts->extracted > counts->skipped &&
         partition_ensure_day(day->context, "fact_performance_daily", NULL, calendar_date_key(day->days), error)) ||
        database_query(day->context->warehouse, sql_text("jobs/performance_risk", "hold_writing"), 0, NULL, NULL,
                       error) ||
        bucket_replace(day->context, FILE_NAME, day->date_key, error))
        return error->code;
    if (!counts->removed && !counts->updated && !counts->inserted)
        return ERROR_NONE;
    return dirty_log(day->context, DIRTY_PERFORMANCE, calendar_date_key(day->days), false, "daily_performance", error);
}

/* Groups that a missing rate holds back: counted as skipped under the rule fx_rate_missing. */
static enum error_code
report_held(struct performance_day *day, struct error *error)
{
    const struct ledger_run *run = day->context->run;
    int64_t held;
    if (!day->context->counts.skipped)
        return ERROR_NONE;
    (void)snprintf(day->context->metadata, sizeof(day->context->metadata),
                   "{\"skipped\": {\"fx_rate_missing\": %" PRId64 "}}", day->context->counts.skipped);
    if (bucket_write(day->context, SQL("hold_buckets"), DATABASE_VALUES(day->date_key, day->run_no), &held, error))
        return error->code;
    return database_query(day->context->warehouse, SQL("report_held"),
                          DATABASE_VALUES(run->run_id, run->business_date, config_text(CONFIG_BASE_CURRENCY)), NULL,
                          error);
}

static enum error_code
run(struct job_context *context, struct error *error)
{
    struct performance_day day = {.context = context};
    if (read_date(&day, error) || pnl_day_hold(context, day.days, error) || compute(&day, error) ||
        replace_rows(&day, error))
        return error->code;
    return report_held(&day, error);
}

const struct job_definition job_daily_performance = {
    .name = "daily_performance",
    .type = "AGGREGATION",
    .summary = "the desk's performance on one business date by account and strategy, in base currency",
    .queue = "batch",
    .max_attempts = 5,
    .needs_date = true,
    .run = run,
};
