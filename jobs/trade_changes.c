#include "jobs/trade_changes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/config.h"
#include "core/ledger.h"
#include "jobs/trade_load_internal.h"

#define SQL(name) sql_text("jobs/trade_changes", name)

enum { INSTANT_BYTES = 64, QUERY_CEILING = 512 * 1024, BIN_US = 15 * 60 * 1000000, NUMBER_BYTES = 24 };

const char *const trade_changes_arguments[] = {"since", NULL};

struct changes {
    struct trade_load load;
    char watermark[INSTANT_BYTES]; /* as it was read; "" for none */
    char from[INSTANT_BYTES], to[INSTANT_BYTES];
    bool nothing_new, more; /* more: the window was cut, another run goes on */
    int64_t dates, dates_left;
};

/* ---- the window --------------------------------------------------------------------------------------------- */

/* How far the source can be read, in a transaction of its own that ends before the extraction's snapshot is taken:
 * whoever was open when we looked may have committed by then, but nobody older can come. */
static enum error_code
find_limit(char limit[INSTANT_BYTES], struct error *error)
{
    struct database *source;
    struct rows *rows = NULL;
    if (database_open(&source, DATABASE_SOURCE, "tapemill extract", error))
        return error->code;
    enum error_code code =
        database_query(source, SQL("limit"), DATABASE_VALUES(config_text(CONFIG_CHANGES_LAG_SECONDS)), &rows, error);
    if (!code && !rows_boolean(rows, 0, 1))
        code =
            error_set(error, ERROR_CONFIG,
                      "the source's role %s cannot see when other sessions' transactions began, so that changes could "
                      "be missed; `grant pg_read_all_stats to %s` on the source",
                      rows_text(rows, 0, 2), rows_text(rows, 0, 2));
    if (!code)
        (void)snprintf(limit, INSTANT_BYTES, "%s", rows_text(rows, 0, 0));
    rows_free(rows);
    database_close(source);
    return code;
}

static enum error_code
find_window(struct changes *changes, struct error *error)
{
    struct job_context *context = changes->load.context;
    const char *table = changes->load.definition->source_table;
    char limit[INSTANT_BYTES];
    struct rows *rows;
    if (find_limit(limit, error))
        return error->code;
    if (database_query(context->warehouse, SQL("window"),
                       DATABASE_VALUES(table, limit, config_text(CONFIG_CHANGES_OVERLAP_SECONDS),
                                       config_text(CONFIG_CHANGES_WINDOW_HOURS), job_argument(context, "since", "")),
                       &rows, error))
        return error_context(error, "the window of changes of %s", table);
    (void)snprintf(changes->watermark, INSTANT_BYTES, "%s", rows_text(rows, 0, 0));
    (void)snprintf(changes->from, INSTANT_BYTES, "%s", rows_text(rows, 0, 1));
    (void)snprintf(changes->to, INSTANT_BYTES, "%s", rows_text(rows, 0, 2));
    changes->nothing_new = rows_boolean(rows, 0, 3);
    changes->more = rows_boolean(rows, 0, 4);
    rows_free(rows);
    return ERROR_NONE;
}

/* ---- the dates ---------------------------------------------------------------------------------------------- */

/* When the changed rows were executed, to a quarter of an hour: every business date begins on one, or within one. */
static enum error_code
find_times(struct changes *changes, struct rows **times, struct error *error)
{
    struct job_context *context = changes->load.context;
    const struct extract_range range = {"-infinity", "infinity", changes->from, changes->to};
    struct buffer query, text;
    struct database *source;
    buffer_init(&query, QUERY_CEILING);
    buffer_init(&text, QUERY_CEILING);
    enum error_code code = extract_compose(context, changes->load.definition->extract, &range, &query, error);
    if (!code) {
        buffer_format(&text,
                      "select distinct (extract(epoch from date_bin('15 minutes', executed_at, "
                      "'2000-01-01 00:00+00')) * 1000000)::bigint from (%s) changed "
                      "where isfinite(executed_at) order by 1",
                      query.bytes);
        code = buffer_check(&text, "the query of changed dates", error);
    }
    if (!code && !(code = job_source(context, &source, error)))
        code = database_query(source, text.bytes, 0, NULL, times, error);
    buffer_term(&query);
    buffer_term(&text);
    return code;
}

/* Whether the date is to be merged: it was loaded, or it is today's or a later one. */
static enum error_code
is_wanted(struct changes *changes, int32_t days, bool *wanted, struct error *error)
{
    struct trade_load *load = &changes->load;
    char key[NUMBER_BYTES], to_us[NUMBER_BYTES], known[8];
    int32_t today, second;
    (void)snprintf(key, sizeof(key), "%d", (int)calendar_date_key(days));
    if (database_value(load->context->warehouse, SQL("microseconds"), DATABASE_VALUES(changes->to), to_us,
                       sizeof(to_us), error) ||
        database_value(load->context->warehouse, SQL("is_loaded"), DATABASE_VALUES(load->definition->source_label, key),
                       known, sizeof(known), error))
        return error->code;
    business_clock_split(&load->clock, strtoll(to_us, NULL, 10), &today, &second);
    *wanted = known[0] == 't' || days >= today;
    return ERROR_NONE;
}

static enum error_code
merge_date(struct changes *changes, int32_t days, struct error *error)
{
    struct trade_load *load = &changes->load;
    struct job_context *context = load->context;
    char start_us[NUMBER_BYTES], end_us[NUMBER_BYTES], start[INSTANT_BYTES], end[INSTANT_BYTES];
    bool wanted = false;
    if (is_wanted(changes, days, &wanted, error))
        return error->code;
    changes->dates += wanted;
    changes->dates_left += !wanted;
    if (!wanted)
        return ERROR_NONE;
    (void)snprintf(start_us, sizeof(start_us), "%" PRId64, business_clock_start(&load->clock, days));
    (void)snprintf(end_us, sizeof(end_us), "%" PRId64, business_clock_start(&load->clock, days + 1));
    if (database_value(context->warehouse, SQL("instant"), DATABASE_VALUES(start_us), start, sizeof(start), error) ||
        database_value(context->warehouse, SQL("instant"), DATABASE_VALUES(end_us), end, sizeof(end), error))
        return error->code;
    const struct extract_range range = {start, end, changes->from, changes->to};
    trade_load_choose_date(load, days, &range);
    return trade_merge(load, error) ? error->code : trade_load_report_rates(load, error);
}

static enum error_code
merge_dates(struct changes *changes, struct error *error)
{
    struct rows *times;
    int32_t last = INT32_MIN;
    if (find_times(changes, &times, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    for (size_t i = 0; !code && i < rows_count(times); i++) {
        int64_t from_us = rows_integer(times, i, 0);
        int32_t first, second, end;
        business_clock_split(&changes->load.clock, from_us, &first, &second);
        business_clock_split(&changes->load.clock, from_us + BIN_US - 1, &end, &second);
        for (int32_t days = first > last ? first : last + 1; !code && days <= end; days++) {
            code = merge_date(changes, days, error);
            last = days;
        }
    }
    rows_free(times);
    return code;
}

/* ---- the end ------------------------------------------------------------------------------------------------ */

static enum error_code
move_watermark(struct changes *changes, struct error *error)
{
    const char *table = changes->load.definition->source_table;
    struct rows *rows;
    if (database_query(changes->load.context->warehouse, SQL("move_watermark"),
                       DATABASE_VALUES(table, changes->to, changes->watermark), &rows, error))
        return error_context(error, "the watermark of %s", table);
    bool moved = rows_affected(rows) > 0;
    rows_free(rows);
    return moved ? ERROR_NONE
                 : error_set(error, ERROR_PG_CONFLICT, "another run moved the watermark of %s meanwhile", table);
}

/* The source has more than a run takes: the next one follows at once. */
static enum error_code
go_on(struct changes *changes, struct error *error)
{
    struct job_context *context = changes->load.context;
    const struct ledger_run *run = context->run;
    char arguments[INSTANT_BYTES + 32];
    int64_t job_id;
    bool created;
    /* Told where to begin, the next run goes on from here; else from the watermark, which is the same. */
    (void)snprintf(arguments, sizeof(arguments), "{\"since\": \"%s\"}", changes->to);
    const struct ledger_new_job next = {
        .job_name = run->job_name,
        .job_type = "ETL",
        .kind = "batch",
        .queue = run->queue,
        .priority = run->priority,
        .max_attempts = run->max_attempts,
        .arguments = job_argument(context, "since", "")[0] ? arguments : "{}",
        .parent_id = run->job_id,
    };
    if (ledger_enqueue(context->warehouse, &next, &job_id, &created, error))
        return error->code;
    ledger_note_push(&context->pushes, job_id);
    return ERROR_NONE;
}

static enum error_code
run_changes(struct changes *changes, struct error *error)
{
    struct job_context *context = changes->load.context;
    if (find_window(changes, error))
        return error->code;
    if (!changes->nothing_new && (merge_dates(changes, error) || move_watermark(changes, error)))
        return error->code;
    (void)snprintf(context->metadata, sizeof(context->metadata),
                   "{\"from\": \"%s\", \"to\": \"%s\", \"dates\": %" PRId64 ", \"dates_left\": %" PRId64 "}",
                   changes->from, changes->to, changes->dates, changes->dates_left);
    return changes->more && !changes->nothing_new ? go_on(changes, error) : ERROR_NONE;
}

enum error_code
trade_changes_run(struct job_context *context, const struct trade_load_definition *definition, struct error *error)
{
    struct changes *changes = arena_alloc(context->arena, sizeof(*changes));
    if (!changes)
        return error_set(error, ERROR_MEMORY, "out of memory for a load");
    *changes = (struct changes){.watermark = ""};
    enum error_code code = trade_load_init(&changes->load, context, definition, error);
    if (!code)
        code = run_changes(changes, error);
    trade_stage_free(&changes->load);
    return code;
}
