#include "jobs/dirty.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SQL(name) sql_text("jobs/dirty", name)

static const char *const changes[] = {
    [DIRTY_TRADES] = "trades", [DIRTY_REALIZED] = "realized", [DIRTY_ORDERS] = "orders",
    [DIRTY_QUOTES] = "quotes", [DIRTY_RISK] = "risk",         [DIRTY_PERFORMANCE] = "performance",
};

enum { NUMBER_BYTES = 24 };

enum error_code
dirty_log(struct job_context *context, enum dirty_change change, int32_t date_key, bool insert_only, const char *reason,
          struct error *error)
{
    char key[NUMBER_BYTES], run_no[NUMBER_BYTES];
    (void)snprintf(key, sizeof(key), "%" PRId32, date_key);
    (void)snprintf(run_no, sizeof(run_no), "%" PRId64, context->run->run_no);
    return database_query(context->warehouse, SQL("log"),
                          DATABASE_VALUES(changes[change], key, run_no, insert_only ? "true" : "false", reason), NULL,
                          error);
}

enum error_code
dirty_log_target(struct job_context *context, const char *target, int32_t date_key, const char *reason,
                 struct error *error)
{
    char key[NUMBER_BYTES], run_no[NUMBER_BYTES];
    (void)snprintf(key, sizeof(key), "%" PRId32, date_key);
    (void)snprintf(run_no, sizeof(run_no), "%" PRId64, context->run->run_no);
    return database_query(context->warehouse, SQL("log_target"), DATABASE_VALUES(target, key, run_no, reason), NULL,
                          error);
}

enum error_code
dirty_take(struct job_context *context, const char *target, int32_t from_key, int32_t to_key, int64_t *rows,
           bool *insert_only, const char **run_nos, struct error *error)
{
    char from[NUMBER_BYTES], to[NUMBER_BYTES];
    struct rows *taken;
    enum error_code code = ERROR_NONE;
    (void)snprintf(from, sizeof(from), "%" PRId32, from_key);
    (void)snprintf(to, sizeof(to), "%" PRId32, to_key);
    if (database_query(context->warehouse, SQL("take"), DATABASE_VALUES(target, from, to), &taken, error))
        return error->code;
    *rows = rows_integer(taken, 0, 0);
    *insert_only = rows_text(taken, 0, 1)[0] == 't';
    if (run_nos && !(*run_nos = arena_copy(context->arena, rows_text(taken, 0, 2), strlen(rows_text(taken, 0, 2)))))
        code = error_set(error, ERROR_MEMORY, "out of memory for the runs that made %s dirty", target);
    rows_free(taken);
    return code;
}
