#include "ops/command_session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/ledger.h"
#include "core/migration.h"
#include "core/queue.h"
#include "core/sql.h"

enum { ARRAY_BYTES_MAX = 64 * 1024 * 1024 };

enum error_code
command_session_open(struct database **warehouse, struct error *error)
{
    if (database_open(warehouse, DATABASE_WAREHOUSE, "tapemill command", error))
        return error->code;
    if (migration_check(*warehouse, error)) {
        database_close(*warehouse);
        *warehouse = NULL;
        return error->code;
    }
    return ERROR_NONE;
}

enum error_code
command_session_list(const char *file, const char *statement, int count, const char *const *values,
                     const struct command_style *style, struct error *error)
{
    struct database *warehouse;
    struct rows *rows = NULL;
    enum error_code code = command_session_open(&warehouse, error);
    if (!code)
        code = database_query(warehouse, sql_text(file, statement), count, values, &rows, error);
    if (!code)
        code = command_print_rows(stdout, rows, style, error);
    rows_free(rows);
    database_close(warehouse);
    return code;
}

struct command_style
command_session_record_style(bool json)
{
    return (struct command_style){.form = json ? COMMAND_FORM_JSON_OBJECT : COMMAND_FORM_RECORD};
}

enum error_code
command_session_record(struct database *warehouse, const char *file, const char *statement, const char *id,
                       const struct command_style *style, bool *found, struct error *error)
{
    struct rows *rows;
    *found = false;
    enum error_code code = database_query(warehouse, sql_text(file, statement), DATABASE_VALUES(id), &rows, error);
    if (code)
        return code;
    *found = rows_count(rows) > 0;
    if (*found)
        code = command_print_rows(stdout, rows, style, error);
    rows_free(rows);
    return code;
}

/* This process's connection to Redis, made on first use and kept to its end. */
static enum error_code
session_redis(struct redis_client **client, struct error *error)
{
    static struct redis_client *kept;
    enum error_code code = kept ? ERROR_NONE : redis_client_create(&kept, error);
    *client = kept;
    return code;
}

void
command_session_meet_redis(void)
{
    struct redis_client *client;
    struct error ignored;
    if (!session_redis(&client, &ignored))
        (void)!queue_put(client, NULL, 0, NULL, &ignored);
}

void
command_session_push(struct database *warehouse, const int64_t *job_ids, size_t count)
{
    struct redis_client *client = NULL;
    struct error error;
    enum error_code code = session_redis(&client, &error);
    if (!code)
        code = ledger_push(warehouse, client, job_ids, count, &error);
    if (code)
        fprintf(stderr, "tapemill: warning: %s; the ledger has the jobs, and the scheduler will push them to Redis\n",
                error.message);
}

void
command_session_forget(const int64_t *job_ids, size_t count)
{
    struct redis_client *client = NULL;
    struct error error;
    enum error_code code = session_redis(&client, &error);
    for (size_t done = 0; !code && done < count; done += QUEUE_BATCH_MAX) {
        size_t batch = count - done < QUEUE_BATCH_MAX ? count - done : QUEUE_BATCH_MAX;
        code = queue_cancel(client, job_ids + done, batch, &error);
    }
    if (code)
        fprintf(stderr, "tapemill: warning: %s; the ledger has the jobs cancelled, and workers will pass over them\n",
                error.message);
}

enum error_code
command_session_array(const int64_t *ids, size_t count, struct buffer *buffer, struct error *error)
{
    buffer_init(buffer, ARRAY_BYTES_MAX);
    buffer_text(buffer, "{");
    for (size_t i = 0; i < count; i++)
        buffer_format(buffer, "%s%" PRId64, i ? "," : "", ids[i]);
    buffer_text(buffer, "}");
    enum error_code code = buffer_check(buffer, "a list of ids", error);
    if (code)
        buffer_term(buffer);
    return code;
}

enum error_code
command_session_ids(struct database *warehouse, const char *file, const char *statement, int count,
                    const char *const *values, int64_t **ids, size_t *found, struct error *error)
{
    struct rows *rows;
    *ids = NULL;
    *found = 0;
    enum error_code code = database_query(warehouse, sql_text(file, statement), count, values, &rows, error);
    if (code)
        return code;
    *ids = calloc(rows_count(rows) + 1, sizeof(**ids));
    if (!*ids)
        code = error_set(error, ERROR_MEMORY, "out of memory for %zu ids", rows_count(rows));
    for (; !code && *found < rows_count(rows); (*found)++)
        (*ids)[*found] = rows_integer(rows, *found, 0);
    rows_free(rows);
    return code;
}

enum error_code
command_session_instant(struct database *warehouse, const char *text, const char *option, int64_t *unix_s,
                        int64_t *unix_us, struct error *error)
{
    struct rows *rows;
    enum error_code code =
        database_query(warehouse, sql_text("ops/filter", "instant"), DATABASE_VALUES(text), &rows, error);
    bool finite = !code && !rows_is_null(rows, 0, 0);
    if (!code && !finite)
        rows_free(rows);
    if (code == ERROR_PG_DATA || (!code && !finite))
        return error_set(error, ERROR_USAGE,
                         "%s is \"%.60s\"; write a time such as \"2027-03-14 17:30\" or "
                         "2027-03-14T21:30:00Z",
                         option, text);
    if (code)
        return code;
    *unix_s = rows_integer(rows, 0, 0);
    *unix_us = rows_integer(rows, 0, 1);
    rows_free(rows);
    return ERROR_NONE;
}
