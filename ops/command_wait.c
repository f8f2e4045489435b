#include "ops/command_wait.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/queue.h"
#include "core/sql.h"
#include "ops/command_session.h"

enum { RECONNECT_MS = 1000, HINT_MS = 5000 };

/* Columns of ops/jobs states. */
enum { STATE_ID, STATE_JOB, STATE_STATE, STATE_ATTEMPTS, STATE_ERROR, STATE_DATE };

enum error_code
command_wait_reconnect(struct database **warehouse, struct error *error)
{
    if (*warehouse && database_is_usable(*warehouse))
        return error->code;
    fprintf(stderr, "tapemill: %s; trying again until it is back\n", error->message);
    do {
        clock_pause_ms(clock_jitter_ms(RECONNECT_MS));
        database_close(*warehouse);
        *warehouse = NULL;
    } while (command_session_open(warehouse, error) == ERROR_PG_CONNECTION);
    return *warehouse ? ERROR_NONE : error->code;
}

static bool
is_without_workers(void)
{
    struct queue_worker worker;
    struct redis_client *client = NULL;
    struct error ignored;
    size_t workers = 0;
    bool known = !redis_client_create(&client, &ignored) && !queue_workers(client, &worker, 1, &workers, &ignored);
    redis_client_free(client);
    return known && !workers;
}

void
command_wait_hint(struct database *warehouse)
{
    struct error ignored;
    char leads[8] = "t";
    if (is_without_workers())
        fprintf(stderr, "no worker is running; `foreman start` starts scheduler and workers\n");
    if (!database_value(warehouse, sql_text("ops/doctor", "leader"), 0, NULL, leads, sizeof(leads), &ignored) &&
        leads[0] == 'f')
        fprintf(stderr, "no scheduler is running; `foreman start` starts scheduler and workers\n");
}

static bool
is_finished(const char *state)
{
    return strcmp(state, "done") == 0 || strcmp(state, "dead") == 0 || strcmp(state, "cancelled") == 0;
}

/* Tells what changed since the last look; seen holds each job's state then. */
static void
tell_changes(const struct rows *rows, char (*seen)[16])
{
    for (size_t row = 0; row < rows_count(rows); row++) {
        const char *state = rows_text(rows, row, STATE_STATE), *failure = rows_text(rows, row, STATE_ERROR);
        if (strcmp(seen[row], state) == 0)
            continue;
        (void)snprintf(seen[row], sizeof(seen[row]), "%s", state);
        fprintf(stderr, "job %s %s%s%s: %s%s%s\n", rows_text(rows, row, STATE_ID), rows_text(rows, row, STATE_JOB),
                rows_is_null(rows, row, STATE_DATE) ? "" : " ", rows_text(rows, row, STATE_DATE), state,
                failure[0] ? ": " : "", failure);
    }
}

/* Whether nothing more will come of the jobs; then *failed is the row of the first one that is not done, or -1. */
static bool
has_ended(const struct rows *rows, int64_t *failed)
{
    bool active = false, waiting = false;
    *failed = -1;
    for (size_t row = 0; row < rows_count(rows); row++) {
        const char *state = rows_text(rows, row, STATE_STATE);
        bool finished = is_finished(state), waits = strcmp(state, "waiting") == 0;
        waiting = waiting || waits;
        active = active || (!finished && !waits);
        if (finished && strcmp(state, "done") != 0 && *failed < 0)
            *failed = (int64_t)row;
    }
    return !active && (*failed >= 0 || !waiting);
}

static enum error_code
explain_failure(const struct rows *rows, size_t row, struct error *error)
{
    const char *id = rows_text(rows, row, STATE_ID), *failure = rows_text(rows, row, STATE_ERROR);
    bool dead = strcmp(rows_text(rows, row, STATE_STATE), "dead") == 0;
    return error_set(error, ERROR_GATE,
                     "job %s (%s) is %s%s%.400s; `tapemill jobs show %s` tells more, `tapemill dead retry "
                     "%s` runs it again",
                     id, rows_text(rows, row, STATE_JOB), dead ? "dead" : "cancelled", failure[0] ? ": " : "", failure,
                     id, id);
}

/* Columns of ops/jobs hopeless. */
enum { END_ID, END_JOB, END_STATE, END_DATE, END_KEY, END_BOOKS, END_ERROR };

/* The job that stands at the end of what is waited for. */
static enum error_code
explain_end(const struct rows *rows, struct error *error)
{
    const char *id = rows_text(rows, 0, END_ID), *job = rows_text(rows, 0, END_JOB),
               *state = rows_text(rows, 0, END_STATE), *date = rows_text(rows, 0, END_DATE),
               *books = rows_text(rows, 0, END_BOOKS);
    if (strcmp(state, "waiting") != 0)
        return error_set(error, ERROR_GATE,
                         "nothing goes on: job %s (%s) is %s%s%.300s; `tapemill dead retry %s` runs it again", id, job,
                         state, rows_text(rows, 0, END_ERROR)[0] ? ": " : "", rows_text(rows, 0, END_ERROR), id);
    if (books[0])
        return error_set(
            error, ERROR_GATE,
            "job %s (%s of %s) waits for the books of %s to be closed, and nothing that is queued or runs "
            "will close them; load that date (tapemill enqueue daily_load --date %s), and this job goes on",
            id, job, date, books, books);
    return error_set(
        error, ERROR_GATE,
        "job %s (%s) waits for %s, and nothing that is queued or runs will meet it; `tapemill jobs show %s` "
        "tells more",
        id, job, rows_is_null(rows, 0, END_KEY) ? "another job" : rows_text(rows, 0, END_KEY), id);
}

enum error_code
command_wait_hope(struct database *warehouse, const char *ids, bool *ended, struct error *error)
{
    struct rows *rows;
    *ended = false;
    if (database_query(warehouse, sql_text("ops/jobs", "hopeless"), DATABASE_VALUES(ids), &rows, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    *ended = rows_count(rows) > 0;
    if (*ended)
        code = explain_end(rows, error);
    rows_free(rows);
    return code;
}

static bool
only_waits(const struct rows *rows)
{
    bool waits = false;
    for (size_t row = 0; row < rows_count(rows); row++) {
        const char *state = rows_text(rows, row, STATE_STATE);
        waits = waits || strcmp(state, "waiting") == 0;
        if (!is_finished(state) && strcmp(state, "waiting") != 0)
            return false;
    }
    return waits;
}

/* One look. *ended is set when nothing more will come; *next_hope_ms is when to ask again whether anything can. */
static enum error_code
look(struct database *warehouse, const char *ids, size_t count, char (*seen)[16], int64_t *next_hope_ms, bool *ended,
     struct error *error)
{
    struct rows *rows;
    int64_t failed, now_ms = clock_monotonic_ms();
    enum error_code code =
        database_query(warehouse, sql_text("ops/jobs", "states"), DATABASE_VALUES(ids), &rows, error);
    if (code)
        return code;
    if (rows_count(rows) != count) {
        rows_free(rows);
        *ended = true;
        return error_set(error, ERROR_ARGUMENT, "a job that was watched is no longer in the ledger");
    }
    tell_changes(rows, seen);
    *ended = has_ended(rows, &failed);
    if (*ended && failed >= 0)
        code = explain_failure(rows, (size_t)failed, error);
    bool waits = !*ended && only_waits(rows);
    rows_free(rows);
    if (!waits)
        *next_hope_ms = now_ms + COMMAND_WAIT_HOPE_MS;
    if (!waits || now_ms < *next_hope_ms)
        return code;
    *next_hope_ms = now_ms + COMMAND_WAIT_HOPE_MS;
    return command_wait_hope(warehouse, ids, ended, error);
}

enum error_code
command_wait_jobs(struct database **warehouse, const int64_t *job_ids, size_t count, struct error *error)
{
    int64_t started_ms = clock_monotonic_ms(), next_hope_ms = started_ms + COMMAND_WAIT_HOPE_MS;
    char(*seen)[16] = calloc(count + 1, sizeof(*seen));
    bool ended = false, hinted = false;
    struct buffer ids;
    if (!seen)
        return error_set(error, ERROR_MEMORY, "out of memory for watching %zu jobs", count);
    enum error_code code = command_session_array(job_ids, count, &ids, error);
    if (code) {
        free(seen);
        return code;
    }
    while (!code && !ended) {
        code = look(*warehouse, ids.bytes, count, seen, &next_hope_ms, &ended, error);
        if (code && !ended)
            code = command_wait_reconnect(warehouse, error);
        if (code || ended)
            break;
        if (!hinted && clock_monotonic_ms() - started_ms > HINT_MS) {
            command_wait_hint(*warehouse);
            hinted = true;
        }
        clock_pause_ms(COMMAND_WAIT_POLL_MS);
    }
    buffer_term(&ids);
    free(seen);
    return code;
}
