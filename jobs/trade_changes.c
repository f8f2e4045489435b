#include "jobs/trade_changes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/business_clock.h"
#include "core/config.h"
#include "core/ledger.h"
#include "jobs/change_window.h"
#include "jobs/day_lock.h"
#include "jobs/trade_load_internal.h"

#define SQL(name) sql_text("jobs/trade_changes", name)

enum { QUERY_CEILING = 512 * 1024, BIN_US = 15 * 60 * 1000000, NUMBER_BYTES = 24 };

const char *const trade_changes_arguments[] = {"since", NULL};

struct changes {
    struct trade_load load;
    struct change_window window;
    int64_t dates, dates_left;
};

/* ---- the window --------------------------------------------------------------------------------------------- */

static struct change_request
request_of(struct changes *changes)
{
    struct job_context *context = changes->load.context;
    return (struct change_request){.tables = &changes->load.definition->changed_table,
                                   .count = 1,
                                   .since = job_argument(context, "since", ""),
                                   .hours = config_text(CONFIG_CHANGES_WINDOW_HOURS),
                                   .first_hours = "24"};
}

/* ---- the dates ---------------------------------------------------------------------------------------------- */

/* When the changed rows were executed, to a quarter of an hour: every business date begins on one, or within one. Years
 * that no calendar knows come as their ends. */
static enum error_code
find_times(struct changes *changes, struct rows **times, struct error *error)
{
    struct job_context *context = changes->load.context;
    const struct extract_range range = {.interval_start = "-infinity",
                                        .interval_end = "infinity",
                                        .changed_from = changes->window.from,
                                        .changed_to = changes->window.to};
    struct buffer query, text;
    struct database *source;
    buffer_init(&query, QUERY_CEILING);
    buffer_init(&text, QUERY_CEILING);
    enum error_code code = extract_compose(context, changes->load.definition->extract, &range, &query, error);
    if (!code) {
        buffer_format(&text,
                      "select distinct (extract(epoch from date_bin('15 minutes', "
                      "least(greatest(executed_at, '0002-01-01 00:00+00'), '9998-12-31 00:00+00'), "
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

/* The business dates of the times, in order, each once; freed by the caller. */
static enum error_code
find_dates(struct changes *changes, int32_t **dates, size_t *count, struct error *error)
{
    const struct business_clock *clock = &changes->load.clock;
    struct rows *times = NULL;
    *dates = NULL;
    *count = 0;
    if (find_times(changes, &times, error))
        return error->code;
    size_t room = rows_count(times) * 2 + 1;
    *dates = malloc(room * sizeof(**dates));
    for (size_t i = 0; *dates && i < rows_count(times); i++) {
        int64_t from_us = rows_integer(times, i, 0);
        int32_t first, last, second;
        business_clock_split(clock, from_us, &first, &second);
        business_clock_split(clock, from_us + BIN_US - 1, &last, &second);
        for (int32_t days = first; days <= last && *count < room; days++)
            if (!*count || (*dates)[*count - 1] < days)
                (*dates)[(*count)++] = days;
    }
    rows_free(times);
    return *dates ? ERROR_NONE : error_set(error, ERROR_MEMORY, "out of memory for a list of dates");
}

/* All days first, in order: whether a date was loaded can be told only when no load of it is under way, and a load that
 * holds one of them must not wait for what a merge of another keeps to the commit. The source is seen anew after it:
 * what was deleted there meanwhile, a load may have taken out. */
static enum error_code
lock_dates(struct changes *changes, const int32_t *dates, size_t count, struct error *error)
{
    struct trade_load *load = &changes->load;
    struct database *source;
    for (size_t i = 0; i < count; i++)
        if (day_lock(load->context->warehouse, load->definition->source_label, calendar_date_key(dates[i]), error))
            return error->code;
    return job_source_anew(load->context, &source, error);
}

/* Whether the date is to be merged: it was loaded, or it is today's or a later one. One that dim_date lacks is a
 * finding: its rows can go nowhere. */
static enum error_code
is_wanted(struct changes *changes, int32_t days, bool *wanted, struct error *error)
{
    struct trade_load *load = &changes->load;
    struct rows *rows;
    char key[NUMBER_BYTES], date[CALENDAR_DATE_BYTES];
    int32_t today, second;
    (void)snprintf(key, sizeof(key), "%d", (int)calendar_date_key(days));
    (void)calendar_date_format(days, date);
    if (database_query(load->context->warehouse, SQL("look_at_date"),
                       DATABASE_VALUES(load->definition->source_label, key, changes->window.to), &rows, error))
        return error->code;
    bool is_loaded = rows_boolean(rows, 0, 0), is_known = rows_boolean(rows, 0, 1);
    business_clock_split(&load->clock, rows_integer(rows, 0, 2), &today, &second);
    rows_free(rows);
    *wanted = is_known && (is_loaded || days >= today);
    if (is_known)
        return ERROR_NONE;
    return database_query(load->context->warehouse, SQL("report_unknown_date"),
                          DATABASE_VALUES(load->context->run->run_id, load->definition->source_table, date), NULL,
                          error);
}

static enum error_code
merge_date(struct changes *changes, int32_t days, struct error *error)
{
    struct trade_load *load = &changes->load;
    char start[BUSINESS_CLOCK_INSTANT_BYTES], end[BUSINESS_CLOCK_INSTANT_BYTES];
    bool wanted = false;
    if (is_wanted(changes, days, &wanted, error))
        return error->code;
    wanted = wanted && business_clock_interval(&load->clock, days, start, end);
    changes->dates += wanted;
    changes->dates_left += !wanted;
    if (!wanted)
        return ERROR_NONE;
    const struct extract_range range = {.interval_start = start,
                                        .interval_end = end,
                                        .changed_from = changes->window.from,
                                        .changed_to = changes->window.to};
    trade_load_choose_date(load, days, &range);
    return trade_merge(load, error) ? error->code : trade_load_report_rates(load, error);
}

static enum error_code
merge_dates(struct changes *changes, struct error *error)
{
    int32_t *dates;
    size_t count;
    enum error_code code = find_dates(changes, &dates, &count, error);
    if (!code && count)
        code = lock_dates(changes, dates, count, error);
    for (size_t i = 0; !code && i < count; i++)
        code = merge_date(changes, dates[i], error);
    free(dates);
    return code;
}

/* ---- the end ------------------------------------------------------------------------------------------------ */

static enum error_code
move_watermark(struct changes *changes, const struct change_request *request, struct error *error)
{
    size_t moved;
    if (change_windows_move(changes->load.context, request, &changes->window, &moved, error))
        return error->code;
    return moved ? ERROR_NONE
                 : error_set(error, ERROR_PG_CONFLICT, "another run moved the watermark of %s meanwhile",
                             request->tables[0]);
}

/* The source has more than a run takes: the next one follows at once. */
static enum error_code
go_on(struct changes *changes, struct error *error)
{
    struct job_context *context = changes->load.context;
    const struct ledger_run *run = context->run;
    char arguments[CHANGE_WINDOW_INSTANT_BYTES + 32];
    int64_t job_id;
    bool created;
    /* Told where to begin, the next run goes on from here; else from the watermark, which is the same. */
    (void)snprintf(arguments, sizeof(arguments), "{\"since\": \"%s\"}", changes->window.to);
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
    const struct change_request request = request_of(changes);
    if (change_windows_find(context, &request, &changes->window, error))
        return error->code;
    if (!changes->window.nothing_new && (merge_dates(changes, error) || move_watermark(changes, &request, error)))
        return error->code;
    (void)snprintf(context->metadata, sizeof(context->metadata),
                   "{\"from\": \"%s\", \"to\": \"%s\", \"dates\": %" PRId64 ", \"dates_left\": %" PRId64
                   ", \"inferred\": %" PRId64 "}",
                   changes->window.from, changes->window.to, changes->dates, changes->dates_left,
                   changes->load.inferred);
    return changes->window.more && !changes->window.nothing_new ? go_on(changes, error) : ERROR_NONE;
}

enum error_code
trade_changes_run(struct job_context *context, const struct trade_load_definition *definition, struct error *error)
{
    struct changes *changes = arena_alloc(context->arena, sizeof(*changes));
    if (!changes)
        return error_set(error, ERROR_MEMORY, "out of memory for a load");
    *changes = (struct changes){0};
    enum error_code code = trade_load_init(&changes->load, context, definition, error);
    if (!code)
        code = run_changes(changes, error);
    trade_stage_free(&changes->load);
    return code;
}
