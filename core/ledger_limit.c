/* core/ledger_limit.c - how many jobs of a queue, or with one limit_key, may run at once.
 *
 * Runs are counted, places taken and passed on under one advisory lock per limit, held to the commit. A place is passed
 * on in a transaction of its own after the one that ended the run: who counted that run parked before it has the lock,
 * and is found. Nobody holds a lock for long: transactions with one end when they idle (LEDGER_BEGIN_SHORT). Locks are
 * taken in one order: the queue's, then the key's. */
#include <stdio.h>
#include <string.h>

#include "core/ledger.h"
#include "core/log.h"
#include "core/number_text.h"
#include "core/sql.h"

#define SQL(name)    sql_text("ledger/control", name)
#define QUEUE_PREFIX "limit:queue:"
#define KEY_PREFIX   "limit:key:"

enum { FILL_MAX = LEDGER_PUSHES_MAX };

/* Free places, where there is a limit. */
struct room {
    bool paused;
    bool queue_limited, key_limited;
    int64_t queue_free, key_free;
};

static const char *
queue_limit(const struct ledger_limits *limits, char wait_key[LEDGER_WAIT_KEY_BYTES])
{
    (void)snprintf(wait_key, LEDGER_WAIT_KEY_BYTES, QUEUE_PREFIX "%s", limits->queue);
    return wait_key;
}

static const char *
key_limit(const struct ledger_limits *limits, char wait_key[LEDGER_WAIT_KEY_BYTES])
{
    (void)snprintf(wait_key, LEDGER_WAIT_KEY_BYTES, KEY_PREFIX "%s", limits->limit_key);
    return wait_key;
}

static enum error_code
lock_limits(struct database *database, const struct ledger_limits *limits, struct error *error)
{
    char wait_key[LEDGER_WAIT_KEY_BYTES];
    if (limits->queue_limited &&
        database_query(database, SQL("lock_limit"), DATABASE_VALUES(queue_limit(limits, wait_key)), NULL, error))
        return error->code;
    if (limits->limit_key[0] &&
        database_query(database, SQL("lock_limit"), DATABASE_VALUES(key_limit(limits, wait_key)), NULL, error))
        return error->code;
    return ERROR_NONE;
}

static enum error_code
read_room(struct database *database, const char *queue, const char *limit_key, struct room *room, struct error *error)
{
    struct rows *rows;
    if (database_query(database, SQL("room"), DATABASE_VALUES(queue, limit_key), &rows, error))
        return error->code;
    *room = (struct room){.paused = rows_boolean(rows, 0, 0),
                          .queue_limited = !rows_is_null(rows, 0, 1),
                          .key_limited = !rows_is_null(rows, 0, 2),
                          .queue_free = rows_integer(rows, 0, 1),
                          .key_free = rows_integer(rows, 0, 2)};
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
wake(struct database *database, const char *wait_key, int64_t count, struct ledger_pushes *pushes, struct error *error)
{
    struct number_text most;
    struct rows *rows;
    if (database_query(database, SQL("wake"), DATABASE_VALUES(wait_key, number_text(&most, count)), &rows, error))
        return error->code;
    for (size_t i = 0; i < rows_count(rows); i++)
        ledger_note_push(pushes, rows_integer(rows, i, 0));
    rows_free(rows);
    return ERROR_NONE;
}

/* Parks the job at the limit that has no room. If the other one has, its place goes to the next job parked there. */
static enum error_code
park(struct database *database, int64_t job_id, const struct ledger_limits *limits, const struct room *room,
     struct ledger_pushes *pushes, struct error *error)
{
    struct number_text id;
    char wait_key[LEDGER_WAIT_KEY_BYTES], other[LEDGER_WAIT_KEY_BYTES];
    bool by_queue = room->queue_limited && room->queue_free <= 0;
    const char *limit = by_queue ? queue_limit(limits, wait_key) : key_limit(limits, wait_key);
    enum error_code code =
        database_query(database, SQL("park"), DATABASE_VALUES(number_text(&id, job_id), limit), NULL, error);
    if (!code && by_queue && room->key_limited && room->key_free > 0)
        code = wake(database, key_limit(limits, other), 1, pushes, error);
    if (!code && !by_queue && room->queue_limited && room->queue_free > 0)
        code = wake(database, queue_limit(limits, other), 1, pushes, error);
    return code;
}

enum error_code
ledger_admit(struct database *database, int64_t job_id, const struct ledger_limits *limits,
             struct ledger_pushes *pushes, enum ledger_room *room, struct error *error)
{
    struct room found;
    if (lock_limits(database, limits, error) ||
        read_room(database, limits->queue, limits->limit_key[0] ? limits->limit_key : NULL, &found, error))
        return error->code;
    *room = found.paused ? LEDGER_ROOM_PAUSED : LEDGER_ROOM_FREE;
    /* A limit that the queue was given a moment ago is not locked: this claim counts as one before it. */
    found.queue_limited = found.queue_limited && limits->queue_limited;
    bool full = (found.queue_limited && found.queue_free <= 0) || (found.key_limited && found.key_free <= 0);
    if (found.paused || !full)
        return ERROR_NONE;
    *room = LEDGER_ROOM_NONE;
    return park(database, job_id, limits, &found, pushes, error);
}

void
ledger_run_limits(const struct ledger_run *run, bool queue_limited, struct ledger_limits *limits)
{
    limits->queue_limited = queue_limited;
    (void)snprintf(limits->queue, sizeof(limits->queue), "%s", run->queue);
    (void)snprintf(limits->limit_key, sizeof(limits->limit_key), "%s", run->limit_key);
}

void
ledger_read_limits(const struct rows *rows, size_t column, struct ledger_limits *limits)
{
    (void)snprintf(limits->queue, sizeof(limits->queue), "%s", rows_text(rows, 0, column));
    (void)snprintf(limits->limit_key, sizeof(limits->limit_key), "%s", rows_text(rows, 0, column + 1));
    limits->queue_limited = rows_boolean(rows, 0, column + 2);
}

static enum error_code
fill_locked(struct database *database, const char *wait_key, struct ledger_pushes *pushes, struct error *error)
{
    struct room room;
    bool is_queue = strncmp(wait_key, QUEUE_PREFIX, strlen(QUEUE_PREFIX)) == 0;
    const char *name = wait_key + (is_queue ? strlen(QUEUE_PREFIX) : strlen(KEY_PREFIX));
    if (database_query(database, SQL("lock_limit"), DATABASE_VALUES(wait_key), NULL, error) ||
        read_room(database, is_queue ? name : NULL, is_queue ? NULL : name, &room, error))
        return error->code;
    int64_t room_free = is_queue ? (room.queue_limited ? room.queue_free : FILL_MAX) : room.key_free;
    if (room_free > 0 && wake(database, wait_key, room_free < FILL_MAX ? room_free : FILL_MAX, pushes, error))
        return error->code;
    return database_commit(database, error);
}

enum error_code
ledger_fill_limit(struct database *database, const char *wait_key, struct ledger_pushes *pushes, struct error *error)
{
    size_t count = pushes ? pushes->count : 0;
    enum error_code code = database_run(database, LEDGER_BEGIN_SHORT("200ms"), error);
    if (!code)
        code = fill_locked(database, wait_key, pushes, error);
    database_rollback(database);
    if (code && pushes)
        pushes->count = count;
    return code && strcmp(error->sqlstate, "55P03") == 0 ? ERROR_NONE : code;
}

enum error_code
ledger_fill(struct database *database, const struct ledger_limits *limits, struct ledger_pushes *pushes,
            struct error *error)
{
    char wait_key[LEDGER_WAIT_KEY_BYTES];
    if (limits->queue_limited && ledger_fill_limit(database, queue_limit(limits, wait_key), pushes, error))
        return error->code;
    if (limits->limit_key[0] && ledger_fill_limit(database, key_limit(limits, wait_key), pushes, error))
        return error->code;
    return ERROR_NONE;
}

void
ledger_pass_on(struct database *database, const struct ledger_limits *limits, struct ledger_pushes *pushes)
{
    struct error error;
    if (ledger_fill(database, limits, pushes, &error))
        log_error("the place of a run that ended could not be passed on; the reconciler will", &error);
}
