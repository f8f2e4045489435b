#include "jobs/change_window.h"

#include <stdio.h>
#include <string.h>

#include "core/config.h"

#define SQL(name) sql_text("jobs/change_window", name)

enum { ARRAY_BYTES = CHANGE_WINDOWS_MAX * (CHANGE_WINDOW_INSTANT_BYTES + 4) };

/* How far the source can be read, in a transaction of its own that ends before the extraction's snapshot is taken:
 * whoever was open when we looked may have committed by then, but nobody older can come. */
static enum error_code
find_limit(struct job_context *context, char limit[CHANGE_WINDOW_INSTANT_BYTES], struct error *error)
{
    struct database *source;
    struct rows *rows = NULL;
    if (job_source_anew(context, &source, error))
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
        (void)snprintf(limit, CHANGE_WINDOW_INSTANT_BYTES, "%s", rows_text(rows, 0, 0));
    rows_free(rows);
    return code ? code : job_source_anew(context, &source, error);
}

/* Appends a text to an array's text, '{"a","b"': none of ours holds a quote or a backslash. */
static void
put_element(char array[ARRAY_BYTES], size_t *length, const char *text)
{
    *length += (size_t)snprintf(array + *length, ARRAY_BYTES - *length, "%s\"%s\"", *length ? "," : "{", text);
}

static void
put_tables(char array[ARRAY_BYTES], const struct change_request *request)
{
    size_t length = 0;
    for (size_t i = 0; i < request->count; i++)
        put_element(array, &length, request->tables[i]);
    (void)snprintf(array + length, ARRAY_BYTES - length, "}");
}

/* The same for people to read: "executions, trades". */
static void
put_names(char names[ARRAY_BYTES], const struct change_request *request)
{
    size_t length = 0;
    for (size_t i = 0; i < request->count; i++)
        length += (size_t)snprintf(names + length, ARRAY_BYTES - length, "%s%s", i ? ", " : "", request->tables[i]);
}

static enum error_code
wrong_since(const struct change_request *request, struct error *error)
{
    return error_set(error, ERROR_ARGUMENT,
                     "the argument since must be an instant such as 2024-01-02T00:00Z, not \"%.64s\"", request->since);
}

static void
read_window(const struct rows *rows, size_t row, struct change_window *window)
{
    (void)snprintf(window->watermark, sizeof(window->watermark), "%s", rows_text(rows, row, 0));
    (void)snprintf(window->from, sizeof(window->from), "%s", rows_text(rows, row, 1));
    (void)snprintf(window->to, sizeof(window->to), "%s", rows_text(rows, row, 2));
    window->nothing_new = rows_boolean(rows, row, 3);
    window->more = rows_boolean(rows, row, 4);
}

enum error_code
change_windows_find(struct job_context *context, const struct change_request *request, struct change_window *windows,
                    struct error *error)
{
    char limit[CHANGE_WINDOW_INSTANT_BYTES], tables[ARRAY_BYTES], names[ARRAY_BYTES];
    struct rows *rows;
    if (request->count > CHANGE_WINDOWS_MAX)
        return error_set(error, ERROR_BUG, "%zu tables are too many for one window of changes", request->count);
    put_tables(tables, request);
    put_names(names, request);
    if (find_limit(context, limit, error))
        return error->code;
    if (database_query(context->warehouse, SQL("windows"),
                       DATABASE_VALUES(tables, limit, config_text(CONFIG_CHANGES_OVERLAP_SECONDS), request->hours,
                                       request->since, request->first_hours),
                       &rows, error))
        return request->since[0] && strncmp(error->sqlstate, "22", 2) == 0
                   ? wrong_since(request, error)
                   : error_context(error, "the window of changes of %s", names);
    bool finite = true;
    for (size_t i = 0; i < request->count; i++) {
        read_window(rows, i, &windows[i]);
        finite = finite && rows_boolean(rows, i, 5);
    }
    rows_free(rows);
    return finite ? ERROR_NONE : wrong_since(request, error);
}

enum error_code
change_windows_move(struct job_context *context, const struct change_request *request,
                    const struct change_window *windows, size_t *moved, struct error *error)
{
    char tables[ARRAY_BYTES], names[ARRAY_BYTES], ends[ARRAY_BYTES], read[ARRAY_BYTES];
    size_t ends_length = 0, read_length = 0;
    struct rows *rows;
    put_tables(tables, request);
    put_names(names, request);
    for (size_t i = 0; i < request->count; i++) {
        put_element(ends, &ends_length, windows[i].to);
        put_element(read, &read_length, windows[i].watermark);
    }
    (void)snprintf(ends + ends_length, sizeof(ends) - ends_length, "}");
    (void)snprintf(read + read_length, sizeof(read) - read_length, "}");
    if (database_query(context->warehouse, SQL("move_watermarks"), DATABASE_VALUES(tables, ends, read), &rows, error))
        return error_context(error, "the watermarks of %s", names);
    *moved = (size_t)rows_affected(rows);
    rows_free(rows);
    return ERROR_NONE;
}
