#include "jobs/changed_dates.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/calendar_date.h"
#include "core/config.h"
#include "core/ledger.h"
#include "jobs/day_lock.h"

#define SQL(name) sql_text("jobs/trade_changes", name)

enum { QUERY_CEILING = 512 * 1024, BIN_US = 15 * 60 * 1000000, NUMBER_BYTES = 24 };

/* ---- the dates ---------------------------------------------------------------------------------------------- */

/* When the changed rows happened, to a quarter of an hour: every business date begins on one, or within one. Years that
 * no calendar knows come as their ends. */
static enum error_code
find_times(const struct changed_dates *changed, struct rows **times, struct error *error)
{
    const struct extract_range range = {.interval_start = "-infinity",
                                        .interval_end = "infinity",
                                        .changed_from = changed->window->from,
                                        .changed_to = changed->window->to};
    struct buffer query, text;
    struct database *source;
    buffer_init(&query, QUERY_CEILING);
    buffer_init(&text, QUERY_CEILING);
    enum error_code code = extract_compose(changed->context, changed->extract, &range, &query, error);
    if (!code) {
        buffer_format(&text,
                      "select distinct (extract(epoch from date_bin('15 minutes', "
                      "least(greatest(%1$s, '0002-01-01 00:00+00'), '9998-12-31 00:00+00'), "
                      "'2000-01-01 00:00+00')) * 1000000)::bigint from (%2$s) changed "
                      "where isfinite(%1$s) order by 1",
                      changed->instant, query.bytes);
        code = buffer_check(&text, "the query of changed dates", error);
    }
    if (!code && !(code = job_source(changed->context, &source, error)))
        code = database_query(source, text.bytes, 0, NULL, times, error);
    buffer_term(&query);
    buffer_term(&text);
    return code;
}

enum error_code
changed_dates_find(const struct changed_dates *changed, int32_t **dates, size_t *count, struct error *error)
{
    struct rows *times = NULL;
    *dates = NULL;
    *count = 0;
    if (find_times(changed, &times, error))
        return error->code;
    size_t room = rows_count(times) * 2 + 1;
    *dates = malloc(room * sizeof(**dates));
    for (size_t i = 0; *dates && i < rows_count(times); i++) {
        int64_t from_us = rows_integer(times, i, 0);
        int32_t first, last, second;
        business_clock_split(changed->clock, from_us, &first, &second);
        business_clock_split(changed->clock, from_us + BIN_US - 1, &last, &second);
        for (int32_t days = first; days <= last && *count < room; days++)
            if (!*count || (*dates)[*count - 1] < days)
                (*dates)[(*count)++] = days;
    }
    rows_free(times);
    return *dates ? ERROR_NONE : error_set(error, ERROR_MEMORY, "out of memory for a list of dates");
}

enum error_code
changed_dates_lock(const struct changed_dates *changed, const int32_t *dates, size_t count, struct error *error)
{
    struct database *source;
    for (size_t i = 0; i < count; i++)
        if (day_lock(changed->context->warehouse, changed->label, calendar_date_key(dates[i]), error))
            return error->code;
    return job_source_anew(changed->context, &source, error);
}

enum error_code
changed_dates_is_wanted(const struct changed_dates *changed, int32_t days, bool *wanted, struct error *error)
{
    struct database *warehouse = changed->context->warehouse;
    struct rows *rows;
    char key[NUMBER_BYTES], date[CALENDAR_DATE_BYTES];
    int32_t today, second;
    (void)snprintf(key, sizeof(key), "%d", (int)calendar_date_key(days));
    (void)calendar_date_format(days, date);
    if (database_query(warehouse, SQL("look_at_date"), DATABASE_VALUES(changed->label, key, changed->window->to), &rows,
                       error))
        return error->code;
    bool is_loaded = rows_boolean(rows, 0, 0), is_known = rows_boolean(rows, 0, 1);
    business_clock_split(changed->clock, rows_integer(rows, 0, 2), &today, &second);
    rows_free(rows);
    *wanted = is_known && (is_loaded || days >= today);
    if (is_known)
        return ERROR_NONE;
    return database_query(warehouse, SQL("report_unknown_date"),
                          DATABASE_VALUES(changed->context->run->run_id, changed->source_table, date), NULL, error);
}

/* ---- the window --------------------------------------------------------------------------------------------- */

struct change_request
changed_dates_request(struct job_context *context, const char *const *watermark)
{
    return (struct change_request){.tables = watermark,
                                   .count = 1,
                                   .since = job_argument(context, "since", ""),
                                   .hours = config_text(CONFIG_CHANGES_WINDOW_HOURS),
                                   .first_hours = "24"};
}

/* The source has more than a run takes: the next one follows at once. */
static enum error_code
go_on(struct job_context *context, const struct change_window *window, struct error *error)
{
    const struct ledger_run *run = context->run;
    char arguments[CHANGE_WINDOW_INSTANT_BYTES + 32];
    int64_t job_id;
    bool created;
    /* Told where to begin, the next run goes on from here; else from the watermark, which is the same. */
    (void)snprintf(arguments, sizeof(arguments), "{\"since\": \"%s\"}", window->to);
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

enum error_code
changed_dates_end(struct job_context *context, const struct change_request *request, const struct change_window *window,
                  struct error *error)
{
    size_t moved;
    if (window->nothing_new)
        return ERROR_NONE;
    if (change_windows_move(context, request, window, &moved, error))
        return error->code;
    if (!moved)
        return error_set(error, ERROR_PG_CONFLICT, "another run moved the watermark of %s meanwhile",
                         request->tables[0]);
    return window->more ? go_on(context, window, error) : ERROR_NONE;
}
