/* core/ledger_takeover.c - taking jobs from runs, and what persons do to jobs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/history.h"
#include "core/ledger.h"
#include "core/mutant.h"
#include "core/sql.h"

#define SQL(name) sql_text("ledger/ledger", name)

enum { POLL_MS = 10, DEADLINE_MS = 30000 };

/* A backend as the ledger recorded it. */
struct backend {
    char pid[16], start[48];
};

static void
read_backend(const struct rows *rows, size_t pid_column, struct backend *backend)
{
    (void)snprintf(backend->pid, sizeof(backend->pid), "%s", rows_text(rows, 0, pid_column));
    (void)snprintf(backend->start, sizeof(backend->start), "%s", rows_text(rows, 0, pid_column + 1));
}

static void
number_text(char text[24], int64_t value)
{
    (void)snprintf(text, 24, "%" PRId64, value);
}

/* Ends a backend, if it is still the one that was recorded, and waits until it is gone. */
static enum error_code
end_backend(struct database *database, const struct backend *backend, struct error *error)
{
    int64_t deadline_ms = clock_monotonic_ms() + DEADLINE_MS;
    char alive[24];
    if (!backend->pid[0] || MUTANT("no_fence"))
        return ERROR_NONE;
    if (database_query(database, SQL("end_backend"), DATABASE_VALUES(backend->pid, backend->start), NULL, error))
        return error_context(error, "backend %s of a lost run could not be ended", backend->pid);
    for (;;) {
        if (database_value(database, SQL("backend_alive"), DATABASE_VALUES(backend->pid, backend->start), alive,
                           sizeof(alive), error))
            return error->code;
        if (strcmp(alive, "0") == 0)
            return ERROR_NONE;
        if (clock_monotonic_ms() > deadline_ms)
            return error_set(error, ERROR_PG_TIMEOUT, "backend %s of a lost run does not end", backend->pid);
        clock_pause_ms(POLL_MS);
    }
}

/* Ends the backend that the ledger still has for a job whose run is over. */
enum error_code
ledger_end_old_backend(struct database *database, int64_t job_id, struct error *error)
{
    char id[24];
    struct rows *rows;
    struct backend backend = {"", ""};
    number_text(id, job_id);
    if (database_query(database, SQL("look"), DATABASE_VALUES(id), &rows, error))
        return error->code;
    bool over = rows_count(rows) && strcmp(rows_text(rows, 0, 0), "running") != 0;
    if (over)
        read_backend(rows, 1, &backend);
    rows_free(rows);
    if (!backend.pid[0])
        return ERROR_NONE;
    if (end_backend(database, &backend, error))
        return error->code;
    return database_query(database, SQL("forget_backend"), DATABASE_VALUES(id, backend.pid), NULL, error);
}

/* A change to a job's row that must not wait long for a lock. */
struct change {
    char id[24], fence[24];
    const char *claimed_by, *reason, *run_status;
    enum ledger_loss loss;
    bool cancel, dead_only;
    bool changed, dead; /* results */
    int64_t new_fence;
    char end_key[128], job_name[128], message[512];
    struct ledger_limits limits;
    struct backend backend;
};

static enum error_code
apply(struct database *database, struct change *change, struct error *error)
{
    static const char *const losses[] = {"neutral", "lease", "death"};
    struct rows *rows;
    enum error_code code =
        change->cancel
            ? database_query(database, SQL("cancel"),
                             DATABASE_VALUES(change->id, change->reason, change->dead_only ? "true" : "false"), &rows,
                             error)
            : database_query(
                  database, SQL("take_over"),
                  DATABASE_VALUES(change->id, change->claimed_by, losses[change->loss], change->reason, change->fence),
                  &rows, error);
    if (code)
        return code;
    change->changed = rows_count(rows) == 1;
    if (change->changed) {
        read_backend(rows, 0, &change->backend);
        (void)snprintf(change->end_key, sizeof(change->end_key), "%s", rows_text(rows, 0, 2));
        ledger_read_limits(rows, 3, &change->limits);
        change->new_fence = rows_integer(rows, 0, change->cancel ? 6 : 9);
    }
    if (change->changed && !change->cancel) {
        change->dead = strcmp(rows_text(rows, 0, 6), "dead") == 0;
        (void)snprintf(change->job_name, sizeof(change->job_name), "%s", rows_text(rows, 0, 7));
        (void)snprintf(change->message, sizeof(change->message), "%s", rows_text(rows, 0, 8));
    }
    rows_free(rows);
    if (!change->changed)
        return ERROR_NONE;
    return database_query(database, SQL("lose_run"), DATABASE_VALUES(change->id, change->run_status, change->reason),
                          NULL, error);
}

static enum error_code
alert_poison(struct database *database, const struct change *change, int64_t job_id, struct error *error)
{
    char cause[160], title[200], body[640];
    (void)snprintf(cause, sizeof(cause), "dead:%s", change->job_name);
    (void)snprintf(title, sizeof(title), "Job %s is dead (job %" PRId64 ")", change->job_name, job_id);
    (void)snprintf(body, sizeof(body), "poison: %s\nLook: tapemill dead show %" PRId64, change->message, job_id);
    return ledger_alert(database, cause, "critical", title, body, job_id, error);
}

/* One try in a transaction of its own. ERROR_PG_CONFLICT with SQLSTATE 55P03: the row is locked. */
static enum error_code
try_change(struct database *database, struct change *change, int64_t job_id, struct ledger_pushes *pushes,
           struct error *error)
{
    size_t count = pushes ? pushes->count : 0;
    if (database_run(database, LEDGER_BEGIN_SHORT("100ms"), error))
        return error->code;
    enum error_code code = apply(database, change, error);
    if (!code && change->dead)
        code = alert_poison(database, change, job_id, error);
    if (!code && change->changed && (change->dead || change->cancel) && change->end_key[0])
        code = ledger_set_condition(database, change->end_key, true, pushes, error);
    if (!code)
        code = database_commit(database, error);
    database_rollback(database);
    if (code && pushes)
        pushes->count = count;
    return code;
}

/* The row is locked: by the old run, between its last statement and its commit. Its backend is ended (a commit under
 * way finishes first). */
static enum error_code
end_lock_holder(struct database *database, const char *id, struct error *error)
{
    struct rows *rows;
    struct backend backend = {"", ""};
    if (database_query(database, SQL("look"), DATABASE_VALUES(id), &rows, error))
        return error->code;
    if (rows_count(rows))
        read_backend(rows, 1, &backend);
    rows_free(rows);
    return end_backend(database, &backend, error);
}

/* The backend that the change took the job from. */
static enum error_code
end_changed_backend(struct database *database, const struct change *change, struct error *error)
{
    if (!change->backend.pid[0])
        return ERROR_NONE;
    if (end_backend(database, &change->backend, error))
        return error->code;
    return database_query(database, SQL("forget_backend"), DATABASE_VALUES(change->id, change->backend.pid), NULL,
                          error);
}

/* The job's place under its limits is passed on last: while the old backend is there it counts as running. If that does
 * not come to pass, the reconciler does it. */
static enum error_code
change_job(struct database *database, struct change *change, int64_t job_id, struct ledger_pushes *pushes,
           struct error *error)
{
    int64_t deadline_ms = clock_monotonic_ms() + DEADLINE_MS;
    number_text(change->id, job_id);
    while (try_change(database, change, job_id, pushes, error)) {
        if (strcmp(error->sqlstate, "55P03") != 0 || clock_monotonic_ms() > deadline_ms)
            return error->code;
        if (end_lock_holder(database, change->id, error))
            return error->code;
    }
    if (change->changed)
        history_note(change->cancel ? HISTORY_CANCELLED : HISTORY_TAKEN_OVER, job_id, change->new_fence);
    if (!change->changed)
        return ERROR_NONE;
    enum error_code code = end_changed_backend(database, change, error);
    return code ? code : ledger_fill(database, &change->limits, pushes, error);
}

enum error_code
ledger_take_over(struct database *database, int64_t job_id, const char *claimed_by, int64_t fence, const char *reason,
                 enum ledger_loss loss, struct ledger_pushes *pushes, enum ledger_takeover *takeover,
                 struct error *error)
{
    struct change change = {.claimed_by = claimed_by, .reason = reason, .run_status = "LOST", .loss = loss};
    number_text(change.fence, fence);
    if (change_job(database, &change, job_id, pushes, error))
        return error_context(error, "job %" PRId64 " could not be taken over", job_id);
    *takeover = change.changed ? LEDGER_TAKEN : LEDGER_NOT_RUNNING;
    return ERROR_NONE;
}

static enum error_code
cancel(struct database *database, int64_t job_id, const char *reason, bool dead_only, struct ledger_pushes *pushes,
       bool *cancelled, struct error *error)
{
    struct change change = {.cancel = true, .dead_only = dead_only, .reason = reason, .run_status = "CANCELLED"};
    if (change_job(database, &change, job_id, pushes, error))
        return error_context(error, "job %" PRId64 " could not be cancelled", job_id);
    *cancelled = change.changed;
    return ERROR_NONE;
}

enum error_code
ledger_cancel(struct database *database, int64_t job_id, const char *reason, struct ledger_pushes *pushes,
              bool *cancelled, struct error *error)
{
    return cancel(database, job_id, reason, false, pushes, cancelled, error);
}

enum error_code
ledger_discard(struct database *database, int64_t job_id, const char *reason, struct ledger_pushes *pushes,
               bool *discarded, struct error *error)
{
    return cancel(database, job_id, reason, true, pushes, discarded, error);
}

enum error_code
ledger_retry(struct database *database, int64_t job_id, bool *retried, struct error *error)
{
    char id[24];
    struct rows *rows;
    number_text(id, job_id);
    if (database_query(database, SQL("retry"), DATABASE_VALUES(id), &rows, error))
        return error->code;
    *retried = rows_affected(rows) == 1;
    rows_free(rows);
    if (*retried)
        history_note(HISTORY_RETRIED, job_id, 0);
    if (!*retried || database_query(database, SQL("retry_end_key"), DATABASE_VALUES(id), NULL, error))
        return *retried ? error->code : ERROR_NONE;
    return database_query(database, SQL("retry_backfill"), DATABASE_VALUES(id), NULL, error);
}

enum error_code
ledger_set_condition(struct database *database, const char *key, bool met, struct ledger_pushes *pushes,
                     struct error *error)
{
    struct rows *rows;
    if (database_query(database, SQL("set_condition"), DATABASE_VALUES(key, met ? "true" : "false"), NULL, error))
        return error->code;
    if (!met)
        return ERROR_NONE;
    if (database_query(database, SQL("wake_waiting"), DATABASE_VALUES(key), &rows, error))
        return error->code;
    for (size_t i = 0; i < rows_count(rows); i++)
        if (rows_boolean(rows, i, 1))
            ledger_note_push(pushes, rows_integer(rows, i, 0));
    rows_free(rows);
    return ERROR_NONE;
}

enum error_code
ledger_hold_condition(struct database *database, const char *key, bool *met, struct error *error)
{
    struct rows *rows;
    if (database_query(database, SQL("create_condition"), DATABASE_VALUES(key), NULL, error) ||
        database_query(database, SQL("hold_condition"), DATABASE_VALUES(key), &rows, error))
        return error->code;
    *met = rows_count(rows) && rows_boolean(rows, 0, 0);
    rows_free(rows);
    return ERROR_NONE;
}

enum error_code
ledger_alert(struct database *database, const char *cause, const char *severity, const char *title, const char *body,
             int64_t job_id, struct error *error)
{
    char id[24];
    number_text(id, job_id);
    return database_query(database, SQL("alert"), DATABASE_VALUES(cause, severity, title, body, id), NULL, error);
}
