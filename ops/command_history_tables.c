/* The ledger's side of `tapemill history check`: its jobs and runs a page at a time, paired with the events; then what
 * tables and Redis must agree on. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/config.h"
#include "core/queue_audit.h"
#include "core/sql.h"
#include "ops/command_history.h"
#include "ops/command_session.h"

#define SQL(name) sql_text("ops/history", name)

enum { NUMBER_BYTES = 24, PASSES = 3, POLL_MS = 100 };

static const char *
number_text(char text[NUMBER_BYTES], int64_t value)
{
    (void)snprintf(text, NUMBER_BYTES, "%" PRId64, value);
    return text;
}

/* ---- jobs ---------------------------------------------------------------------------------------------------- */

/* Events of the jobs before job_id: the ledger has no such jobs. */
static void
skip_unknown(struct command_history_verdict *verdict, size_t *position, int64_t job_id)
{
    const struct command_history *history = verdict->history;
    while (*position < history->event_count && history->events[*position].job_id < job_id) {
        size_t first = *position;
        while (*position < history->event_count && history->events[*position].job_id == history->events[first].job_id)
            (*position)++;
        command_history_violate_events(verdict, COMMAND_HISTORY_LOST, &history->events[first], *position - first,
                                       "job %" PRId64 " is in the history, but not in the ledger",
                                       history->events[first].job_id);
    }
}

static void
read_runs(const struct rows *rows, struct command_history_run *runs)
{
    for (size_t row = 0; row < rows_count(rows); row++) {
        runs[row] = (struct command_history_run){
            .job_id = rows_integer(rows, row, 0),
            .fence = rows_integer(rows, row, 1),
            .failure = rows_is_null(rows, row, 3) ? ERROR_NONE : error_from_name(rows_text(rows, row, 3))};
        (void)snprintf(runs[row].status, sizeof(runs[row].status), "%s", rows_text(rows, row, 2));
    }
}

/* Checks one page of jobs, with their runs in the same order. */
static void
check_page(struct command_history_verdict *verdict, const struct rows *jobs, const struct command_history_run *runs,
           size_t run_count, size_t *position)
{
    const struct command_history *history = verdict->history;
    size_t run = 0;
    for (size_t row = 0; row < rows_count(jobs); row++) {
        struct command_history_job job = {.id = rows_integer(jobs, row, 0),
                                          .name = rows_text(jobs, row, 1),
                                          .state = rows_text(jobs, row, 2),
                                          .fence = rows_integer(jobs, row, 3),
                                          .attempts = rows_integer(jobs, row, 4)};
        skip_unknown(verdict, position, job.id);
        job.events = history->event_count ? &history->events[*position] : NULL;
        for (; *position < history->event_count && history->events[*position].job_id == job.id; (*position)++)
            job.event_count++;
        job.runs = &runs[run];
        for (; run < run_count && runs[run].job_id == job.id; run++)
            job.run_count++;
        command_history_check_job(verdict, &job);
    }
}

enum error_code
command_history_check_jobs(struct command_history_verdict *verdict, struct database *warehouse, struct error *error)
{
    int64_t last = 0;
    size_t position = 0, count = 1;
    enum error_code code = ERROR_NONE;
    while (!code && count) {
        char after[NUMBER_BYTES], until[NUMBER_BYTES];
        struct rows *jobs = NULL, *rows = NULL;
        struct command_history_run *runs = NULL;
        code = database_query(warehouse, SQL("jobs"), DATABASE_VALUES(number_text(after, last)), &jobs, error);
        count = code ? 0 : rows_count(jobs);
        last = count ? rows_integer(jobs, count - 1, 0) : last;
        if (count)
            code =
                database_query(warehouse, SQL("runs"), DATABASE_VALUES(after, number_text(until, last)), &rows, error);
        if (!code && count) {
            runs = calloc(rows_count(rows) + 1, sizeof(*runs));
            code = runs ? ERROR_NONE : error_set(error, ERROR_MEMORY, "out of memory for %zu runs", rows_count(rows));
        }
        if (!code && count) {
            read_runs(rows, runs);
            check_page(verdict, jobs, runs, rows_count(rows), &position);
        }
        free(runs);
        rows_free(rows);
        rows_free(jobs);
    }
    if (!code)
        skip_unknown(verdict, &position, INT64_MAX);
    return code;
}

/* ---- statements ---------------------------------------------------------------------------------------------- */

/* Each gives one row for a violation: a sentence. */
static const struct {
    const char *statement;
    enum command_history_invariant invariant;
} statements[] = {
    {"probes", COMMAND_HISTORY_EFFECT},   {"dependencies", COMMAND_HISTORY_ORDER}, {"waiting", COMMAND_HISTORY_LOST},
    {"conditions", COMMAND_HISTORY_LOST}, {"tick_jobs", COMMAND_HISTORY_TICK},     {"tick_gaps", COMMAND_HISTORY_TICK},
};

enum error_code
command_history_check_tables(struct command_history_verdict *verdict, struct database *warehouse, struct error *error)
{
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        struct rows *rows;
        if (database_query(warehouse, SQL(statements[i].statement), 0, NULL, &rows, error))
            return error->code;
        for (size_t row = 0; row < rows_count(rows); row++)
            command_history_violate(verdict, statements[i].invariant, "%s", rows_text(rows, row, 0));
        rows_free(rows);
    }
    return ERROR_NONE;
}

/* ---- ticks --------------------------------------------------------------------------------------------------- */

/* A tick was made once, and the ledger has it. */
enum error_code
command_history_check_ticks(struct command_history_verdict *verdict, struct database *warehouse, struct error *error)
{
    const struct command_history *history = verdict->history;
    for (size_t i = 0; i < history->tick_count; i++) {
        const struct command_history_tick *tick = &history->ticks[i], *before = i ? tick - 1 : NULL;
        char us[NUMBER_BYTES], found[8];
        verdict->checked[COMMAND_HISTORY_TICK]++;
        if (before && strcmp(before->schedule, tick->schedule) == 0 && before->tick_us == tick->tick_us)
            command_history_violate(
                verdict, COMMAND_HISTORY_TICK,
                "schedule %s made its tick at %" PRId64 " us twice: job %" PRId64 " at %.6f s (%s), job %" PRId64
                " at %.6f s (%s)",
                tick->schedule, tick->tick_us, before->job_id, (double)(before->us - history->first_us) / 1e6,
                history->processes[before->process].file, tick->job_id, (double)(tick->us - history->first_us) / 1e6,
                history->processes[tick->process].file);
        if (database_value(warehouse, SQL("tick_known"),
                           DATABASE_VALUES(tick->schedule, number_text(us, tick->tick_us)), found, sizeof(found),
                           error))
            return error->code;
        if (found[0] != 't')
            command_history_violate(verdict, COMMAND_HISTORY_TICK,
                                    "schedule %s made a tick at %" PRId64 " us that the ledger does not have",
                                    tick->schedule, tick->tick_us);
    }
    return ERROR_NONE;
}

/* ---- Redis --------------------------------------------------------------------------------------------------- */

/* Of these ids those that are not live; they are violations, unless tell is false. */
static enum error_code
check_ids(struct command_history_verdict *verdict, struct database *warehouse, const int64_t *ids, size_t count,
          bool tell, size_t *found, struct error *error)
{
    struct buffer array;
    struct rows *rows = NULL;
    buffer_init(&array, QUEUE_BATCH_MAX * NUMBER_BYTES);
    enum error_code code = command_session_array(ids, count, &array, error);
    if (!code)
        code = database_query(warehouse, SQL("forgotten"), DATABASE_VALUES(array.bytes), &rows, error);
    for (size_t row = 0; !code && row < rows_count(rows); row++, (*found)++)
        if (tell)
            command_history_violate(verdict, COMMAND_HISTORY_LOST, "%s", rows_text(rows, row, 0));
    rows_free(rows);
    buffer_term(&array);
    return code;
}

static enum error_code
check_redis(struct command_history_verdict *verdict, struct database *warehouse, struct redis_client *client, bool tell,
            size_t *found, struct error *error)
{
    static int64_t ids[QUEUE_BATCH_MAX];
    struct queue_audit audit = {.client = client, .lease_ms = config_integer(CONFIG_LEASE_SECONDS) * 1000};
    uint64_t cursor = 0;
    size_t count = 0;
    enum error_code code = ERROR_NONE;
    *found = 0;
    do {
        code = queue_audit_page(&audit, QUEUE_PART_JOBS, NULL, &cursor, ids, &count, error);
        if (!code && count)
            code = check_ids(verdict, warehouse, ids, count, tell, found, error);
    } while (!code && cursor);
    return code;
}

/* What Redis holds must be live in the ledger; what ended just now the reconciler still has to find. */
enum error_code
command_history_check_redis(struct command_history_verdict *verdict, struct database *warehouse, struct error *error)
{
    struct redis_client *client;
    size_t found;
    int64_t deadline_ms =
        clock_monotonic_ms() +
        (config_integer(CONFIG_LEASE_SECONDS) + PASSES * config_integer(CONFIG_RECONCILE_SECONDS)) * 1000;
    if (redis_client_create(&client, error))
        return error->code;
    enum error_code code = check_redis(verdict, warehouse, client, false, &found, error);
    while (!code && found && clock_monotonic_ms() < deadline_ms) {
        clock_pause_ms(POLL_MS);
        code = check_redis(verdict, warehouse, client, false, &found, error);
    }
    if (!code && found)
        code = check_redis(verdict, warehouse, client, true, &found, error);
    redis_client_free(client);
    return code;
}
