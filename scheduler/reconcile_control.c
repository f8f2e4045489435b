#include "scheduler/reconcile_control.h"

#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "core/number_text.h"
#include "core/queue.h"
#include "core/sql.h"

#define SQL(name) sql_text("ledger/control", name)

enum { WAITING_BATCH = LEDGER_PUSHES_MAX, BACKENDS_MAX = 10 };

static enum error_code
push(struct database *database, struct redis_client *client, const struct ledger_pushes *pushes, const char *what,
     struct error *error)
{
    if (!pushes->count)
        return ERROR_NONE;
    log_info(what, LOG_NUMBER("jobs", (int64_t)pushes->count));
    return ledger_push(database, client, pushes->job_ids, pushes->count, error);
}

static bool
is_among(const char *name, char (*names)[QUEUE_NAME_BYTES], size_t count)
{
    size_t i = 0;
    while (i < count && strcmp(names[i], name) != 0)
        i++;
    return i < count;
}

/* Mirrors the queues of names that are not among others, which is what the other side has. */
static enum error_code
mirror_others(struct database *database, struct redis_client *client, char (*names)[QUEUE_NAME_BYTES], size_t count,
              char (*others)[QUEUE_NAME_BYTES], size_t other_count, struct error *error)
{
    for (size_t i = 0; i < count; i++)
        if (!is_among(names[i], others, other_count) && ledger_mirror_pause(database, client, names[i], error))
            return error->code;
    return ERROR_NONE;
}

enum error_code
reconcile_pauses(struct database *database, struct redis_client *client, struct error *error)
{
    static char decided[RECONCILE_PAUSES_MAX][QUEUE_NAME_BYTES], mirrored[RECONCILE_PAUSES_MAX][QUEUE_NAME_BYTES];
    struct number_text most;
    struct rows *rows;
    size_t count = 0, mirrored_count;
    if (queue_paused(client, mirrored, RECONCILE_PAUSES_MAX, &mirrored_count, error) ||
        database_query(database, SQL("paused"), DATABASE_VALUES(number_text(&most, RECONCILE_PAUSES_MAX)), &rows,
                       error))
        return error->code;
    for (; count < rows_count(rows); count++)
        (void)snprintf(decided[count], sizeof(decided[count]), "%s", rows_text(rows, count, 0));
    rows_free(rows);
    if (mirror_others(database, client, decided, count, mirrored, mirrored_count, error))
        return error->code;
    return mirror_others(database, client, mirrored, mirrored_count, decided, count, error);
}

enum error_code
reconcile_backends(struct database *database, struct error *error)
{
    struct number_text most;
    struct rows *rows;
    if (database_query(database, SQL("lost_backends"), DATABASE_VALUES(number_text(&most, BACKENDS_MAX)), &rows, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    for (size_t row = 0; !code && row < rows_count(rows); row++)
        code = ledger_end_old_backend(database, rows_integer(rows, row, 0), error);
    rows_free(rows);
    return code;
}

enum error_code
reconcile_parked(struct database *database, struct redis_client *client, char wait_key[LEDGER_WAIT_KEY_BYTES],
                 bool *more, struct error *error)
{
    struct number_text most;
    struct rows *rows;
    if (database_query(database, SQL("parked_limits"), DATABASE_VALUES(wait_key, number_text(&most, LEDGER_LIMITS_MAX)),
                       &rows, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    for (size_t row = 0; !code && row < rows_count(rows); row++) {
        struct ledger_pushes pushes = {0};
        (void)snprintf(wait_key, LEDGER_WAIT_KEY_BYTES, "%s", rows_text(rows, row, 0));
        code = ledger_fill_limit(database, wait_key, &pushes, error);
        if (!code)
            code = push(database, client, &pushes, "woke jobs whose limit has room", error);
    }
    *more = rows_count(rows) == LEDGER_LIMITS_MAX;
    rows_free(rows);
    return code;
}

enum error_code
reconcile_waiting(struct database *database, struct redis_client *client, int64_t *last_id, bool *more,
                  struct error *error)
{
    struct number_text last, most;
    struct ledger_pushes pushes = {0};
    struct rows *rows;
    if (database_query(database, SQL("met_dependencies"),
                       DATABASE_VALUES(number_text(&last, *last_id), number_text(&most, WAITING_BATCH)), &rows, error))
        return error->code;
    for (size_t row = 0; row < rows_count(rows); row++) {
        *last_id = rows_integer(rows, row, 0);
        if (rows_boolean(rows, row, 1))
            ledger_note_push(&pushes, *last_id);
    }
    *more = rows_count(rows) == WAITING_BATCH;
    rows_free(rows);
    return push(database, client, &pushes, "queued jobs whose dependencies are all done", error);
}
