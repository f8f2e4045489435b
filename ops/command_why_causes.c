#include "ops/command_why_causes.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/ledger.h"
#include "core/number_text.h"
#include "core/queue.h"
#include "core/sql.h"

#define SQL(name) sql_text("ops/why", name)

enum { WORKERS_MAX = 4096, HOLDERS_MAX = 5, STARTING_S = 5 };

/* Columns of ops/why job. */
enum {
    JOB_ID,
    JOB_NAME,
    JOB_STATE,
    JOB_QUEUE,
    JOB_PENDING,
    JOB_WAIT_KEY,
    JOB_LIMIT_KEY,
    JOB_DUE_S,
    JOB_RUN_AFTER,
    JOB_ATTEMPTS,
    JOB_MAX_ATTEMPTS,
    JOB_ERROR,
    JOB_MESSAGE,
    JOB_WORKER,
    JOB_STARTED,
    JOB_FINISHED,
    JOB_PAUSED,
    JOB_PAUSED_AT,
    JOB_PAUSED_BY,
    JOB_PAUSE_REASON,
    JOB_QUEUE_LIMIT,
    JOB_KEY_LIMIT,
    JOB_BACKFILL,
    JOB_BACKFILL_STATE,
    JOB_RETURNS,
    JOB_QUEUED_S,
    JOB_BACKEND_ALIVE,
};

/* The job that is looked at, at its depth in the chain. */
struct subject {
    struct command_why *why;
    const struct rows *row;
    int64_t job_id;
    int depth;
};

static const char *
text_of(const struct subject *job, size_t column)
{
    return rows_text(job->row, 0, column);
}

static int64_t
number_of(const struct subject *job, size_t column)
{
    return rows_integer(job->row, 0, column);
}

static bool
state_is(const struct subject *job, const char *state)
{
    return strcmp(text_of(job, JOB_STATE), state) == 0;
}

void
command_why_note(struct command_why *why, int depth, int64_t job_id, const char *name, const char *format, ...)
{
    va_list arguments;
    if (why->count == COMMAND_WHY_CAUSES_MAX)
        return;
    struct command_why_cause *cause = &why->causes[why->count++];
    *cause = (struct command_why_cause){.depth = depth, .job_id = job_id, .name = name};
    va_start(arguments, format);
    (void)vsnprintf(cause->text, sizeof(cause->text), format, arguments);
    va_end(arguments);
}

/* A sentence about the job: "job 17 (load_trades of 2024-01-02) ...". */
#define SAY(job, name, format, ...)                                                                                    \
    command_why_note((job)->why, (job)->depth, (job)->job_id, name, "job %" PRId64 " (%s) " format, (job)->job_id,     \
                     text_of(job, JOB_NAME), __VA_ARGS__)

/* A further sentence about it. */
#define ADD(job, name, ...) command_why_note((job)->why, (job)->depth, (job)->job_id, name, __VA_ARGS__)

/* ---- ended ------------------------------------------------------------------------------------------------- */

static void
explain_end(struct subject *job)
{
    const char *state = text_of(job, JOB_STATE);
    if (state_is(job, "done")) {
        SAY(job, "done", "is done since %s", text_of(job, JOB_FINISHED));
        return;
    }
    SAY(job, state_is(job, "dead") ? "dead" : "cancelled",
        "is %s since %s: %s%s%s; `tapemill dead retry %" PRId64 "` runs it again", state, text_of(job, JOB_FINISHED),
        text_of(job, JOB_ERROR), text_of(job, JOB_MESSAGE)[0] ? ": " : "", text_of(job, JOB_MESSAGE), job->job_id);
    if (state_is(job, "dead"))
        ADD(job, "attempts", "%s of %s attempts were charged; `tapemill dead show %" PRId64 "` lists its runs",
            text_of(job, JOB_ATTEMPTS), text_of(job, JOB_MAX_ATTEMPTS), job->job_id);
}

/* ---- running ----------------------------------------------------------------------------------------------- */

static void
explain_lease(struct subject *job)
{
    struct queue_place place;
    struct error error;
    if (queue_look(job->why->redis, job->job_id, &place, &error))
        ADD(job, "redis_away", "%s; its lease cannot be seen", error.message);
    else if (place.kind == QUEUE_PLACE_LEASED && place.number > 0)
        ADD(job, "lease",
            "%.*s holds its lease: the last heartbeat is %.1f s old, and it runs out in %.1f s without another",
            (int)strcspn(place.token, "#"), place.token,
            (double)(config_integer(CONFIG_LEASE_SECONDS) * 1000 - place.number) / 1000, (double)place.number / 1000);
    else
        ADD(job, "lease_lost",
            "nobody holds its lease: its worker is gone or frozen, and another takes it over within about %" PRId64
            " s",
            config_integer(CONFIG_LEASE_SECONDS) + config_integer(CONFIG_RECONCILE_SECONDS));
}

static void
explain_run(struct subject *job)
{
    SAY(job, "running", "is running since %s, attempt %" PRId64 " of %s, by %s", text_of(job, JOB_STARTED),
        number_of(job, JOB_ATTEMPTS) + 1, text_of(job, JOB_MAX_ATTEMPTS), text_of(job, JOB_WORKER));
    explain_lease(job);
    if (!rows_is_null(job->row, 0, JOB_BACKEND_ALIVE) && !rows_boolean(job->row, 0, JOB_BACKEND_ALIVE))
        ADD(job, "backend_gone", "its connection to PostgreSQL is gone: the run is lost, and will be queued again");
}

/* ---- queue, limits, time ------------------------------------------------------------------------------------ */

static void
explain_pause(struct subject *job)
{
    if (rows_boolean(job->row, 0, JOB_PAUSED))
        SAY(job, "queue_paused", "is on queue %s, which %s paused at %s%s%s; `tapemill queue resume %s` opens it",
            text_of(job, JOB_QUEUE), text_of(job, JOB_PAUSED_BY), text_of(job, JOB_PAUSED_AT),
            text_of(job, JOB_PAUSE_REASON)[0] ? ": " : "", text_of(job, JOB_PAUSE_REASON), text_of(job, JOB_QUEUE));
}

/* A limit without room, and who has the places. queue or key is given. */
static enum error_code
explain_limit(struct subject *job, const char *queue, const char *key, const char *limit, struct error *error)
{
    struct number_text most;
    struct rows *rows;
    if (database_query(job->why->warehouse, SQL("holders"),
                       DATABASE_VALUES(queue, key, number_text(&most, HOLDERS_MAX)), &rows, error))
        return error->code;
    int64_t running = rows_count(rows) ? rows_integer(rows, 0, 4) : 0;
    if (running >= strtoll(limit, NULL, 10)) {
        SAY(job, "limit", "waits for a place: %s %s allows %s at once, and job %s (%s) %s",
            queue ? "queue" : "limit key", queue ? queue : key, limit, rows_text(rows, 0, 0), rows_text(rows, 0, 1),
            running > 1 ? "and others have the places" : "has it");
        for (size_t i = 0; i < rows_count(rows); i++)
            ADD(job, "limit_holder", "job %s (%s) runs since %s by %s", rows_text(rows, i, 0), rows_text(rows, i, 1),
                rows_text(rows, i, 3), rows_text(rows, i, 2));
    } else if (state_is(job, "waiting")) {
        SAY(job, "limit_free", "is parked at %s %s, which has room again; the scheduler wakes it within %" PRId64 " s",
            queue ? "queue" : "limit key", queue ? queue : key, config_integer(CONFIG_RECONCILE_SECONDS));
    }
    rows_free(rows);
    return ERROR_NONE;
}

/* A process that holds the limit's lock for longer than a claim or the end of a run takes. */
static enum error_code
explain_lock(struct subject *job, const char *kind, const char *name, struct error *error)
{
    char wait_key[LEDGER_WAIT_KEY_BYTES];
    struct rows *rows;
    (void)snprintf(wait_key, sizeof(wait_key), "limit:%s:%s", kind, name);
    if (database_query(job->why->warehouse, SQL("lock_holder"), DATABASE_VALUES(wait_key), &rows, error))
        return error->code;
    if (rows_count(rows))
        SAY(job, "limit_locked",
            "cannot be claimed while the lock of %s is held: by PostgreSQL's process %s (%s), for %s s, %s since %s s",
            wait_key, rows_text(rows, 0, 0), rows_text(rows, 0, 1), rows_text(rows, 0, 2), rows_text(rows, 0, 3),
            rows_text(rows, 0, 4));
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
explain_locks(struct subject *job, struct error *error)
{
    if (!rows_is_null(job->row, 0, JOB_QUEUE_LIMIT) && explain_lock(job, "queue", text_of(job, JOB_QUEUE), error))
        return error->code;
    return rows_is_null(job->row, 0, JOB_LIMIT_KEY) ? ERROR_NONE
                                                    : explain_lock(job, "key", text_of(job, JOB_LIMIT_KEY), error);
}

static enum error_code
explain_limits(struct subject *job, struct error *error)
{
    const char *wait_key = text_of(job, JOB_WAIT_KEY);
    bool parked = state_is(job, "waiting"), by_queue = strncmp(wait_key, "limit:queue:", 12) == 0;
    if (!rows_is_null(job->row, 0, JOB_QUEUE_LIMIT) && (!parked || by_queue) &&
        explain_limit(job, text_of(job, JOB_QUEUE), NULL, text_of(job, JOB_QUEUE_LIMIT), error))
        return error->code;
    if (!rows_is_null(job->row, 0, JOB_LIMIT_KEY) && (!parked || !by_queue) &&
        explain_limit(job, NULL, text_of(job, JOB_LIMIT_KEY), text_of(job, JOB_KEY_LIMIT), error))
        return error->code;
    if (parked && by_queue && rows_is_null(job->row, 0, JOB_QUEUE_LIMIT))
        SAY(job, "limit_free",
            "is parked at a limit of queue %s that is gone; the scheduler wakes it within %" PRId64 " s",
            text_of(job, JOB_QUEUE), config_integer(CONFIG_RECONCILE_SECONDS));
    return ERROR_NONE;
}

static void
explain_delay(struct subject *job)
{
    int64_t due_s = number_of(job, JOB_DUE_S);
    const char *code = text_of(job, JOB_ERROR), *message = text_of(job, JOB_MESSAGE);
    if (due_s > 0 && state_is(job, "retry"))
        SAY(job, "retry", "failed (%s of %s attempts) and is tried again at %s, in %" PRId64 " s: %s: %s",
            text_of(job, JOB_ATTEMPTS), text_of(job, JOB_MAX_ATTEMPTS), text_of(job, JOB_RUN_AFTER), due_s, code,
            message);
    else if (due_s > 0)
        SAY(job, number_of(job, JOB_RETURNS) ? "given_back" : "delayed",
            "is not due before %s, in %" PRId64 " s%s%s%s%s", text_of(job, JOB_RUN_AFTER), due_s,
            code[0] ? "; it was given back: " : "", code, code[0] ? ": " : "", message);
}

/* ---- workers and Redis -------------------------------------------------------------------------------------- */

/* Whether a worker's word, "idle [live,batch]", names the queue; one that names none may pull any. */
static bool
pulls(const char *payload, const char *queue)
{
    const char *list = strchr(payload, '[');
    size_t length = strlen(queue);
    if (!list)
        return true;
    for (list++; *list && *list != ']'; list += strcspn(list, ",]") + (list[strcspn(list, ",]")] == ','))
        if (strcspn(list, ",]") == length && strncmp(list, queue, length) == 0)
            return true;
    return false;
}

static enum error_code
count_workers(struct subject *job, size_t *pulling, size_t *idle, size_t *all, struct error *error)
{
    struct queue_worker *workers = calloc(WORKERS_MAX, sizeof(*workers));
    *pulling = *idle = *all = 0;
    enum error_code code = workers ? queue_workers(job->why->redis, workers, WORKERS_MAX, all, error)
                                   : error_set(error, ERROR_MEMORY, "out of memory for the list of workers");
    for (size_t i = 0; !code && i < *all; i++)
        if (pulls(workers[i].payload, text_of(job, JOB_QUEUE))) {
            (*pulling)++;
            *idle += strncmp(workers[i].payload, "idle", 4) == 0;
        }
    free(workers);
    return code;
}

bool
command_why_is_led(struct command_why *why)
{
    char leads[8] = "t";
    struct error ignored;
    return !database_value(why->warehouse, sql_text("ops/doctor", "leader"), 0, NULL, leads, sizeof(leads), &ignored) &&
           leads[0] == 't';
}

static void
explain_place(struct subject *job, const struct queue_place *place)
{
    const char *queue = text_of(job, JOB_QUEUE);
    int64_t reconcile_s = config_integer(CONFIG_RECONCILE_SECONDS);
    bool led = command_why_is_led(job->why);
    bool late =
        place->kind == QUEUE_PLACE_NONE || (place->kind == QUEUE_PLACE_DELAYED && number_of(job, JOB_DUE_S) == 0);
    if (late && !led)
        SAY(job, "no_scheduler", "is %s, and no scheduler leads that would %s; start one: tapemill-scheduler",
            place->kind == QUEUE_PLACE_NONE ? "not in Redis" : "delayed in Redis",
            place->kind == QUEUE_PLACE_NONE ? "put it there" : "promote it");
    else if (place->kind == QUEUE_PLACE_NONE)
        SAY(job, "not_in_redis", "is not in Redis; the scheduler puts it there within %" PRId64 " s", reconcile_s);
    else if (late)
        SAY(job, "promotion", "is delayed in Redis for another %.1f s, and tried again then",
            (double)place->number / 1000);
    else if (place->kind == QUEUE_PLACE_READY)
        SAY(job, "ready", "is ready on queue %s, with %" PRId64 " jobs before it", queue, place->number);
    else if (place->kind == QUEUE_PLACE_LEASED && number_of(job, JOB_QUEUED_S) <= STARTING_S)
        SAY(job, "starting", "was taken by %.*s a moment ago", (int)strcspn(place->token, "#"), place->token);
    else if (place->kind == QUEUE_PLACE_LEASED)
        SAY(job, "starting", "was taken by %.*s, which has not begun it; it is queued for %" PRId64 " s",
            (int)strcspn(place->token, "#"), place->token, number_of(job, JOB_QUEUED_S));
}

static void
explain_workers(struct subject *job, const struct queue_place *place)
{
    struct error error;
    const char *queue = text_of(job, JOB_QUEUE);
    size_t pulling, idle, all;
    if (count_workers(job, &pulling, &idle, &all, &error))
        return;
    if (!pulling)
        SAY(job, "no_worker",
            "is on queue %s, which none of the %zu workers alive pulls; start one: tapemill-worker --queues %s", queue,
            all, queue);
    else if (place->kind == QUEUE_PLACE_READY && !idle)
        SAY(job, "workers_busy",
            "waits for a worker: all %zu that pull queue %s are busy, and %" PRId64 " jobs are before it", pulling,
            queue, place->number);
}

static void
explain_redis(struct subject *job)
{
    struct queue_place place;
    struct error error;
    if (queue_look(job->why->redis, job->job_id, &place, &error)) {
        SAY(job, "redis_away", "is queued, but %s", error.message);
        return;
    }
    if (place.kind != QUEUE_PLACE_LEASED)
        explain_workers(job, &place);
    explain_place(job, &place);
}

/* ---- waiting ------------------------------------------------------------------------------------------------ */

static enum error_code
explain_dependency(struct subject *job, struct error *error)
{
    struct number_text id;
    struct rows *rows;
    if (database_query(job->why->warehouse, SQL("blocker"), DATABASE_VALUES(number_text(&id, job->job_id)), &rows,
                       error))
        return error->code;
    int64_t blocker = rows_count(rows) ? rows_integer(rows, 0, 0) : 0;
    if (blocker)
        SAY(job, "dependency", "waits for job %s (%s), which is %s%s", rows_text(rows, 0, 0), rows_text(rows, 0, 1),
            rows_text(rows, 0, 2), rows_integer(rows, 0, 3) > 1 ? ", and for others" : "");
    else
        SAY(job, "dependency_done",
            "counts jobs as pending that are done; the scheduler queues it within %" PRId64 " s",
            config_integer(CONFIG_RECONCILE_SECONDS));
    rows_free(rows);
    return blocker ? command_why_explain(job->why, blocker, job->depth + 1, error) : ERROR_NONE;
}

/* "pnl:20240102" in words. */
static void
describe_condition(const char *key, char text[160])
{
    size_t length = strlen(key);
    const char *date = length > 8 ? key + length - 8 : "";
    int flow = (int)strcspn(strchr(key, ':') ? strchr(key, ':') + 1 : "", ":");
    const char *name = strchr(key, ':') ? strchr(key, ':') + 1 : "";
    if (strncmp(key, "pnl:", 4) == 0)
        (void)snprintf(text, 160, "the books of %.4s-%.2s-%.2s to be closed", date, date + 4, date + 6);
    else if (strncmp(key, "booked:", 7) == 0)
        (void)snprintf(text, 160, "the realised P&L of flow %.*s of %.4s-%.2s-%.2s", flow, name, date, date + 4,
                       date + 6);
    else if (strncmp(key, "ahead:", 6) == 0)
        (void)snprintf(text, 160, "the closing books that the load of flow %.*s of %.4s-%.2s-%.2s publishes", flow,
                       name, date, date + 4, date + 6);
    else
        (void)snprintf(text, 160, "the condition %.100s", key);
}

static enum error_code
explain_condition(struct subject *job, struct error *error)
{
    const char *key = text_of(job, JOB_WAIT_KEY);
    char what[160];
    struct rows *rows;
    if (database_query(job->why->warehouse, SQL("condition"), DATABASE_VALUES(key), &rows, error))
        return error->code;
    int64_t meets = rows_integer(rows, 0, 1);
    describe_condition(key, what);
    if (meets && meets != job->job_id)
        SAY(job, "condition", "waits for %s (%s): job %" PRId64 " (%s), which is %s, will do that", what, key, meets,
            rows_text(rows, 0, 2), rows_text(rows, 0, 3));
    else
        SAY(job, "condition", "waits for %s (%s), and no unfinished job will do that: load that date", what, key);
    rows_free(rows);
    return meets && meets != job->job_id ? command_why_explain(job->why, meets, job->depth + 1, error) : ERROR_NONE;
}

/* ---- the job ------------------------------------------------------------------------------------------------ */

static void
add_backfill(struct subject *job)
{
    if (strcmp(text_of(job, JOB_BACKFILL_STATE), "paused") == 0)
        ADD(job, "backfill_paused",
            "its backfill %s is paused: it takes no further dates, but those it has taken go on",
            text_of(job, JOB_BACKFILL));
}

static enum error_code
explain_waiting(struct subject *job, struct error *error)
{
    enum error_code code = ERROR_NONE;
    const char *wait_key = text_of(job, JOB_WAIT_KEY);
    if (number_of(job, JOB_PENDING) > 0)
        code = explain_dependency(job, error);
    if (!code && strncmp(wait_key, "limit:", 6) == 0) {
        explain_pause(job);
        code = explain_limits(job, error);
    } else if (!code && wait_key[0]) {
        code = explain_condition(job, error);
    }
    return code;
}

static enum error_code
explain_queued(struct subject *job, struct error *error)
{
    explain_pause(job);
    explain_delay(job);
    if (explain_limits(job, error) || explain_locks(job, error))
        return error->code;
    if (number_of(job, JOB_DUE_S) == 0)
        explain_redis(job);
    return ERROR_NONE;
}

enum error_code
command_why_explain(struct command_why *why, int64_t job_id, int depth, struct error *error)
{
    struct number_text id;
    struct rows *rows;
    if (depth > COMMAND_WHY_DEPTH_MAX)
        return ERROR_NONE;
    if (database_query(why->warehouse, SQL("job"), DATABASE_VALUES(number_text(&id, job_id)), &rows, error))
        return error->code;
    struct subject job = {why, rows, job_id, depth};
    size_t count = why->count;
    enum error_code code = ERROR_NONE;
    if (!rows_count(rows)) {
        code = error_set(error, ERROR_ARGUMENT, "there is no job %" PRId64 "; `tapemill jobs` lists them", job_id);
        rows_free(rows);
        return code;
    }
    if (state_is(&job, "waiting"))
        code = explain_waiting(&job, error);
    else if (state_is(&job, "queued") || state_is(&job, "retry"))
        code = explain_queued(&job, error);
    else if (state_is(&job, "running"))
        explain_run(&job);
    else
        explain_end(&job);
    if (!code && why->count == count)
        SAY(&job, "free", "is %s, and nothing holds it up: look again", text_of(&job, JOB_STATE));
    add_backfill(&job);
    rows_free(rows);
    return code;
}
