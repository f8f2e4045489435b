/* jobs/daily_positions.c - fact_positions_daily and etl_marks of one business date: what the desk's books hold at the
 * close by account and instrument, and what was closed on the date, at the marks of the date. docs/numbers.md has the
 * rules. The date's books must be closed; they stay so until commit, and with them the date's trades.
 *
 * A mark may be the one of the date before, as that date has it; that one is not waited for. A run that changes the
 * date's marks has the next date computed again, if that was before. So that neither misses what the other does, a date
 * is worked on under its lock and, shared, that of the date before. */
#include <inttypes.h>
#include <stdio.h>

#include "core/business_clock.h"
#include "core/calendar_date.h"
#include "core/config.h"
#include "jobs/bucket.h"
#include "jobs/dirty.h"
#include "jobs/job.h"
#include "jobs/partition.h"
#include "jobs/pipeline.h"
#include "jobs/pnl_day.h"
#include "jobs/standing.h"

#define FILE_NAME "jobs/daily_positions"
#define SQL(name) sql_text(FILE_NAME, name)

enum { NUMBER_BYTES = 24, KEY_BYTES = 32 };

struct position_day {
    struct job_context *context;
    int32_t days;
    char date_key[NUMBER_BYTES], previous_key[NUMBER_BYTES];
    char oldest_mark[BUSINESS_CLOCK_INSTANT_BYTES]; /* marks before this instant are too old */
    int64_t marks, marks_changed, filed, resolved;
    bool next_asked;
};

/* Met once the positions of a date have been computed. */
static const char *
computed_key(int32_t days, char key[KEY_BYTES])
{
    (void)snprintf(key, KEY_BYTES, "positions:%" PRId32, calendar_date_key(days));
    return key;
}

static enum error_code
read_date(struct position_day *day, struct error *error)
{
    struct business_clock clock;
    char end[BUSINESS_CLOCK_INSTANT_BYTES];
    if (calendar_date_parse(day->context->run->business_date, &day->days, error))
        return error_context(error, "daily_positions works on one business date");
    if (business_clock_init(&clock, config_text(CONFIG_TIMEZONE), config_day_roll_seconds(), error))
        return error->code;
    (void)business_clock_interval(&clock, day->days - (int32_t)config_integer(CONFIG_MARK_MAX_AGE_DAYS),
                                  day->oldest_mark, end);
    (void)snprintf(day->date_key, NUMBER_BYTES, "%" PRId32, calendar_date_key(day->days));
    (void)snprintf(day->previous_key, NUMBER_BYTES, "%" PRId32, calendar_date_key(day->days - 1));
    return ERROR_NONE;
}

static enum error_code
take_bucket(struct position_day *day, struct error *error)
{
    struct job_context *context = day->context;
    int32_t key = calendar_date_key(day->days);
    int64_t taken;
    bool insert_only;
    if (pnl_day_hold(context, day->days, error) || database_run(context->warehouse, SQL("stage"), error) ||
        standing_stage(context, error) ||
        database_query(context->warehouse, SQL("lock_buckets"), DATABASE_VALUES(day->previous_key, day->date_key), NULL,
                       error))
        return error->code;
    return dirty_take(context, "positions", key, key, &taken, &insert_only, NULL, error);
}

/* Closed books without a realised P&L would be summed up to nothing. */
static enum error_code
read_trades(struct position_day *day, struct error *error)
{
    struct database *warehouse = day->context->warehouse;
    const char *date = day->context->run->business_date;
    char unbooked[NUMBER_BYTES];
    if (database_query(warehouse, SQL("read_trades"), DATABASE_VALUES(day->date_key), NULL, error) ||
        database_value(warehouse, SQL("unbooked"), 0, NULL, unbooked, sizeof(unbooked), error))
        return error->code;
    if (unbooked[0] == '0')
        return ERROR_NONE;
    return error_set(error, ERROR_GATE,
                     "the books of %s are closed, but %s of its trades have no realised P&L; run `tapemill enqueue "
                     "realized_pnl --date %s`",
                     date, unbooked, date);
}

static enum error_code
mark(struct position_day *day, struct error *error)
{
    struct job_context *context = day->context;
    int64_t deleted;
    if (database_query(context->warehouse, SQL("trade_marks"), DATABASE_VALUES(day->date_key), NULL, error) ||
        database_query(context->warehouse, SQL("quote_marks"), DATABASE_VALUES(day->date_key), NULL, error) ||
        database_query(context->warehouse, SQL("carry_marks"), DATABASE_VALUES(day->previous_key, day->oldest_mark),
                       NULL, error) ||
        bucket_write(context, SQL("delete_marks"), DATABASE_VALUES(day->date_key), &deleted, error) ||
        bucket_write(context, SQL("write_marks"), DATABASE_VALUES(day->date_key), &day->marks_changed, error))
        return error->code;
    day->marks_changed += deleted;
    return ERROR_NONE;
}

static enum error_code
value(struct position_day *day, struct error *error)
{
    struct job_context *context = day->context;
    struct database *warehouse = context->warehouse;
    const char *end = context->run->interval_end;
    char several[NUMBER_BYTES];
    if (database_query(warehouse, SQL("gather"), DATABASE_VALUES(day->date_key, end), NULL, error) ||
        database_value(warehouse, SQL("several_currencies"), 0, NULL, several, sizeof(several), error) ||
        (several[0] != '0' &&
         database_query(warehouse, SQL("tell_currencies"), DATABASE_VALUES(day->date_key), NULL, error)))
        return error->code;
    return database_query(warehouse, SQL("value"),
                          DATABASE_VALUES(end, context->run->business_date, config_text(CONFIG_BASE_CURRENCY),
                                          config_text(CONFIG_FX_MAX_AGE_DAYS)),
                          NULL, error);
}

static enum error_code
store(struct position_day *day, struct error *error)
{
    struct job_context *context = day->context;
    struct ledger_counts *counts = &context->counts;
    struct rows *rows;
    if (database_query(context->warehouse, SQL("groups"), 0, NULL, &rows, error))
        return error->code;
    counts->extracted = rows_integer(rows, 0, 0);
    counts->skipped = rows_integer(rows, 0, 1);
    day->marks = rows_integer(rows, 0, 2);
    rows_free(rows);
    if (counts->extracted > counts->skipped &&
        partition_ensure_day(context, "fact_positions_daily", NULL, calendar_date_key(day->days), error))
        return error->code;
    return bucket_replace(context, FILE_NAME, day->date_key, error);
}

static enum error_code
report_troubles(struct position_day *day, struct error *error)
{
    struct job_context *context = day->context;
    const char *date = context->run->business_date;
    if (database_query(context->warehouse, SQL("find_troubles"),
                       DATABASE_VALUES(date, config_text(CONFIG_BASE_CURRENCY), config_text(CONFIG_MARK_MAX_AGE_DAYS),
                                       config_text(CONFIG_FX_MAX_AGE_DAYS)),
                       NULL, error))
        return error->code;
    return standing_settle(context, "fact_positions_daily", "{mark_missing,fx_rate_missing,position_currency}", date,
                           STANDING_DATE, &day->filed, &day->resolved, error);
}

/* The next date may carry marks that are others now. */
static enum error_code
forward(struct position_day *day, struct error *error)
{
    struct job_context *context = day->context;
    char key[KEY_BYTES], next[CALENDAR_DATE_BYTES], asked[8];
    bool computed;
    int64_t *ids;
    size_t count;
    const struct pipeline_request request = {
        .business_date = calendar_date_format(day->days + 1, next),
        .queue = context->run->queue,
        .priority = context->run->priority,
        .parent_id = context->run->job_id,
    };
    if (pnl_day_is_met(context->warehouse, computed_key(day->days + 1, key), &computed, error))
        return error->code;
    if (!computed)
        return ERROR_NONE;
    if (dirty_log_target(context, "positions", calendar_date_key(day->days + 1), "marks changed", error) ||
        database_value(context->warehouse, sql_text("jobs/rekey_facts", "asked_for"),
                       DATABASE_VALUES("daily_positions", next), asked, sizeof(asked), error))
        return error->code;
    day->next_asked = true;
    if (asked[0] == 't')
        return ERROR_NONE;
    if (pipeline_enqueue_target(context->warehouse, "daily_positions", NULL, &request, context->arena, &ids, &count,
                                error))
        return error_context(error, "the positions of %s are to be computed again", next);
    ledger_note_push(&context->pushes, ids[0]);
    return ERROR_NONE;
}

static enum error_code
note_computed(struct position_day *day, struct error *error)
{
    struct job_context *context = day->context;
    char key[KEY_BYTES];
    bool computed;
    if (pnl_day_is_met(context->warehouse, computed_key(day->days, key), &computed, error))
        return error->code;
    return computed ? ERROR_NONE : ledger_set_condition(context->warehouse, key, true, &context->pushes, error);
}

static enum error_code
run(struct job_context *context, struct error *error)
{
    struct position_day day = {.context = context};
    if (read_date(&day, error) || take_bucket(&day, error) || read_trades(&day, error) || mark(&day, error) ||
        value(&day, error) || store(&day, error) || report_troubles(&day, error) ||
        (day.marks_changed && forward(&day, error)) || note_computed(&day, error))
        return error->code;
    (void)snprintf(context->metadata, sizeof(context->metadata),
                   "{\"marks\": %" PRId64 ", \"marks_changed\": %" PRId64 ", \"findings\": %" PRId64
                   ", \"resolved\": %" PRId64 ", \"next\": %s, \"skipped\": {\"position_currency\": %" PRId64 "}}",
                   day.marks, day.marks_changed, day.filed, day.resolved, day.next_asked ? "true" : "false",
                   context->counts.skipped);
    return ERROR_NONE;
}

const struct job_definition job_daily_positions = {
    .name = "daily_positions",
    .type = "AGGREGATION",
    .summary = "the desk's positions at the end of one business date by account and instrument, at the date's marks",
    .queue = "batch",
    .max_attempts = 5,
    .needs_date = true,
    .run = run,
};
