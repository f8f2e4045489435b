#include "scheduler/backfill.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/arena.h"
#include "core/ledger.h"
#include "core/ledger_backfill.h"
#include "core/log.h"
#include "core/sql.h"
#include "jobs/backfill_rule.h"
#include "jobs/pipeline.h"

#define FILE_SQL "ledger/backfill"

enum { ARENA_CEILING = 1024 * 1024, NUMBER_BYTES = 24 };

/* ---- one date ---------------------------------------------------------------------------------------------- */

/* A locked backfill; texts live in rows. */
struct backfill {
    char id[NUMBER_BYTES];
    int64_t number;
    struct rows *rows;
    const char *target, *arguments, *next_date, *queue;
    enum backfill_reprocess reprocess;
    int priority;
};

/* Locks the row; rows stays NULL when it is not running any more, or another scheduler has it. */
static enum error_code
lock_backfill(struct backfill *backfill, struct database *database, struct error *error)
{
    struct rows *rows;
    if (database_query(database, sql_text(FILE_SQL, "lock"), DATABASE_VALUES(backfill->id), &rows, error))
        return error->code;
    if (!rows_count(rows)) {
        rows_free(rows);
        return ERROR_NONE;
    }
    backfill->rows = rows;
    backfill->target = rows_text(rows, 0, 0);
    backfill->arguments = rows_text(rows, 0, 1);
    backfill->next_date = rows_text(rows, 0, 2);
    backfill->reprocess = backfill_rule_reprocess(rows_text(rows, 0, 3));
    backfill->queue = rows_text(rows, 0, 4);
    backfill->priority = (int)rows_integer(rows, 0, 5);
    return ERROR_NONE;
}

/* What the ledger knows of the next date. */
static enum error_code
look_up_date(const struct backfill *backfill, struct database *database, enum backfill_date *date, struct error *error)
{
    bool pipeline = pipeline_find(backfill->target) != NULL;
    const char *values[] = {backfill->target, backfill->next_date, backfill->next_date, backfill->arguments};
    char state[16];
    enum error_code code = database_value(database, sql_text(FILE_SQL, pipeline ? "pipeline_dates" : "job_dates"),
                                          pipeline ? 3 : 4, values, state, sizeof(state), error);
    if (code)
        return code;
    *date = backfill_rule_date(state);
    if (*date == BACKFILL_DATE_COUNT || backfill->reprocess == BACKFILL_REPROCESS_COUNT)
        return error_set(error, ERROR_BUG, "backfill %s: no rule for the state \"%s\"", backfill->id, state);
    return ERROR_NONE;
}

/* Enqueues or skips the next date and moves on, in the open transaction. */
static enum error_code
take_date(const struct backfill *backfill, struct database *database, struct arena *arena, int64_t **job_ids,
          size_t *count, struct error *error)
{
    const struct pipeline_request request = {.business_date = backfill->next_date,
                                             .queue = backfill->queue,
                                             .priority = backfill->priority,
                                             .backfill_id = backfill->number};
    enum backfill_date date = BACKFILL_DATE_NEVER;
    enum error_code code = look_up_date(backfill, database, &date, error);
    if (code)
        return code;
    bool runs = backfill_rule_runs(backfill->reprocess, date);
    if (runs)
        code = pipeline_enqueue_target(database, backfill->target, backfill->arguments, &request, arena, job_ids, count,
                                       error);
    if (code)
        return code;
    return database_query(database, sql_text(FILE_SQL, "advance"), DATABASE_VALUES(backfill->id, runs ? "0" : "1"),
                          NULL, error);
}

/* Whether an enqueueing that failed so will fail for ever. */
static bool
is_hopeless(enum error_code code)
{
    return code == ERROR_USAGE || code == ERROR_ARGUMENT || code == ERROR_CONFIG || code == ERROR_FORMAT ||
           code == ERROR_RANGE;
}

/* The backfill cannot go on: fails it, in a transaction of its own, and says so. */
static enum error_code
give_up(const char *id, const struct error *failure, struct database *database, struct error *error)
{
    char cause[64], title[96];
    (void)snprintf(cause, sizeof(cause), "backfill:%s", id);
    (void)snprintf(title, sizeof(title), "backfill %s cannot go on", id);
    enum error_code code = database_begin(database, error);
    if (!code)
        code = database_query(database, sql_text(FILE_SQL, "fail"), DATABASE_VALUES(id), NULL, error);
    if (!code)
        code = ledger_alert(database, cause, "critical", title, failure->message, 0, error);
    if (!code)
        code = database_commit(database, error);
    log_error("a backfill cannot go on", failure);
    return code;
}

static enum error_code
free_places(const char *id, struct database *database, int64_t *places, struct error *error)
{
    char dead[NUMBER_BYTES];
    struct rows *rows;
    (void)snprintf(dead, sizeof(dead), "%d", BACKFILL_DEAD_MAX);
    *places = 0;
    if (database_query(database, sql_text(FILE_SQL, "free_places"), DATABASE_VALUES(id, dead), &rows, error))
        return error->code;
    if (rows_count(rows))
        *places = rows_integer(rows, 0, 0);
    rows_free(rows);
    return ERROR_NONE;
}

/* One transaction: locks the backfill, looks again whether a place is free, takes one date. *taken is false when there
 * was nothing to take. */
static enum error_code
advance_one(struct backfill *backfill, struct database *database, struct redis_watch *redis, bool *taken,
            struct error *error)
{
    struct arena arena;
    int64_t places = 0, *job_ids = NULL;
    size_t count = 0;
    *taken = false;
    arena_init(&arena, ARENA_CEILING);
    enum error_code code = database_begin(database, error);
    if (!code)
        code = lock_backfill(backfill, database, error);
    if (!code && backfill->rows)
        code = free_places(backfill->id, database, &places, error);
    if (!code && places > 0)
        code = take_date(backfill, database, &arena, &job_ids, &count, error);
    if (!code && places > 0)
        code = database_commit(database, error);
    *taken = !code && places > 0;
    if (!*taken)
        database_rollback(database);
    rows_free(backfill->rows);
    backfill->rows = NULL;
    if (*taken)
        code = redis_watch_push(redis, database, job_ids, count, error);
    arena_term(&arena);
    return code;
}

/* ---- all of them ------------------------------------------------------------------------------------------- */

/* Fills one backfill's window; *budget is how many dates may still be taken in this tick. */
static enum error_code
fill_window(int64_t id, int *budget, struct database *database, struct redis_watch *redis, struct error *error)
{
    struct backfill backfill = {.number = id};
    struct error failure;
    bool taken = true;
    int64_t places = 0;
    (void)snprintf(backfill.id, sizeof(backfill.id), "%" PRId64, id);
    enum error_code code = free_places(backfill.id, database, &places, error);
    if (code || places <= 0) /* without a lock first: a full window is the usual case */
        return code;
    while (taken && *budget > 0) {
        code = advance_one(&backfill, database, redis, &taken, &failure);
        if (code && is_hopeless(code))
            return give_up(backfill.id, &failure, database, error);
        if (code) {
            *error = failure;
            return error_context(error, "backfill %s", backfill.id);
        }
        *budget -= taken;
    }
    return ERROR_NONE;
}

/* Runs a statement that changes the state of backfills and says which. */
static enum error_code
change_states(const char *statement, int count, const char *const *values, struct database *database,
              struct error *error)
{
    struct rows *rows;
    if (database_query(database, sql_text(FILE_SQL, statement), count, values, &rows, error))
        return error->code;
    for (size_t row = 0; row < rows_count(rows); row++)
        log_info("backfill", LOG_NUMBER("backfill", rows_integer(rows, row, 0)),
                 LOG_TEXT("state", rows_text(rows, row, 1)), LOG_TEXT("target", rows_text(rows, row, 2)));
    rows_free(rows);
    return ERROR_NONE;
}

/* Goes on with the cancelling of one backfill whose jobs are not all settled, by one batch. */
static enum error_code
settle_cancelled(struct database *database, struct redis_watch *redis, struct error *error)
{
    static int64_t job_ids[LEDGER_BACKFILL_BATCH];
    struct ledger_pushes pushes = {0};
    struct rows *rows;
    size_t count = 0;
    bool more;
    if (database_query(database, sql_text(FILE_SQL, "cancelled_live"), DATABASE_VALUES("1"), &rows, error))
        return error->code;
    int64_t id = rows_count(rows) ? rows_integer(rows, 0, 0) : 0;
    rows_free(rows);
    if (!id)
        return ERROR_NONE;
    enum error_code code = ledger_backfill_cancel(database, id, false, job_ids, &count, &more, &pushes, error);
    if (!code && count)
        log_info("cancelled jobs of a cancelled backfill", LOG_NUMBER("backfill", id),
                 LOG_NUMBER("jobs", (int64_t)count));
    if (!code && pushes.count)
        code = redis_watch_push(redis, database, pushes.job_ids, pushes.count, error);
    return code; /* Redis forgets them with the next reconciliation */
}

enum error_code
backfill_advance(int64_t *cursor, int *taken, struct database *database, struct redis_watch *redis, struct error *error)
{
    char last[NUMBER_BYTES], most[NUMBER_BYTES], dead[NUMBER_BYTES];
    struct rows *rows = NULL;
    struct error failure = {0};
    int budget = BACKFILL_DATES_PER_TICK;
    *taken = 0;
    (void)snprintf(last, sizeof(last), "%" PRId64, *cursor);
    (void)snprintf(most, sizeof(most), "%d", BACKFILL_SURVEY_MAX);
    (void)snprintf(dead, sizeof(dead), "%d", BACKFILL_DEAD_MAX);
    enum error_code code = settle_cancelled(database, redis, error);
    if (!code)
        code = change_states("reopen", 0, NULL, database, error);
    if (!code)
        code = database_query(database, sql_text(FILE_SQL, "survey"), DATABASE_VALUES(last, most), &rows, error);
    if (code)
        return code;
    size_t count = rows_count(rows), row = 0;
    for (; row < count && budget > 0 && database_is_usable(database); row++) {
        *cursor = rows_integer(rows, row, 0);
        if (fill_window(*cursor, &budget, database, redis, error))
            failure = *error; /* one backfill that fails does not hold up the others */
    }
    if (row == count && count < BACKFILL_SURVEY_MAX)
        *cursor = 0; /* that was the last of them: begin again */
    rows_free(rows);
    *taken = BACKFILL_DATES_PER_TICK - budget;
    if (!failure.code)
        return change_states("finish", DATABASE_VALUES(dead), database, error);
    *error = failure;
    return failure.code;
}
