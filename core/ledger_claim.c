/* core/ledger_claim.c - how a run comes to have a job. One statement where nothing can hold the job up; else the ledger
 * is looked at for the reason, and a job with limits is claimed under their locks. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/config.h"
#include "core/failpoint.h"
#include "core/history.h"
#include "core/ledger.h"
#include "core/number_text.h"
#include "core/sql.h"

#define SQL(name) sql_text("ledger/ledger", name)

enum { LIMIT_BUSY_MS = 250 }; /* before a limit whose lock somebody holds for long is asked again */

static const char *
keep(struct arena *arena, const struct rows *rows, size_t column)
{
    const char *text = rows_text(rows, 0, column);
    return arena_copy(arena, text, strlen(text));
}

static enum error_code
read_run(const struct rows *rows, struct arena *arena, struct ledger_run *run, struct error *error)
{
    *run = (struct ledger_run){
        .job_id = rows_integer(rows, 0, 0),
        .run_no = rows_integer(rows, 0, 1),
        .fence = rows_integer(rows, 0, 2),
        .attempt = (int)rows_integer(rows, 0, 3),
        .max_attempts = (int)rows_integer(rows, 0, 4),
        .run_id = keep(arena, rows, 5),
        .job_name = keep(arena, rows, 6),
        .queue = keep(arena, rows, 7),
        .arguments = keep(arena, rows, 8),
        .business_date = keep(arena, rows, 9),
        .interval_start = keep(arena, rows, 10),
        .interval_end = keep(arena, rows, 11),
        .pipeline_run_id = rows_integer(rows, 0, 12),
        .backfill_id = rows_integer(rows, 0, 13),
        .parent_id = rows_integer(rows, 0, 14),
        .priority = (int)rows_integer(rows, 0, 15),
        .end_key = keep(arena, rows, 16),
        .limit_key = keep(arena, rows, 17),
        .soft_timeout_s = (int)rows_integer(rows, 0, 18),
        .hard_timeout_s = (int)rows_integer(rows, 0, 19),
    };
    if (!run->run_id || !run->job_name || !run->queue || !run->arguments || !run->business_date ||
        !run->interval_start || !run->interval_end || !run->end_key || !run->limit_key)
        return error_set(error, ERROR_MEMORY, "out of memory for a run");
    return ERROR_NONE;
}

/* Why the claim statement found nothing to claim. */
struct look {
    char state[16];
    bool backend, paused;
    int64_t delay_ms, fence;
    struct ledger_limits limits;
};

static enum error_code
look_at(struct database *database, const char *id, struct look *look, struct error *error)
{
    struct rows *rows;
    *look = (struct look){.state = "gone"};
    if (database_query(database, SQL("look"), DATABASE_VALUES(id), &rows, error))
        return error->code;
    if (rows_count(rows)) {
        (void)snprintf(look->state, sizeof(look->state), "%s", rows_text(rows, 0, 0));
        look->backend = !rows_is_null(rows, 0, 1);
        look->delay_ms = rows_integer(rows, 0, 3);
        look->fence = rows_integer(rows, 0, 4);
        ledger_read_limits(rows, 5, &look->limits);
        look->paused = rows_boolean(rows, 0, 8);
    }
    rows_free(rows);
    return ERROR_NONE;
}

/* What a claim is made of and makes. */
struct attempt {
    int64_t job_id;
    const char *id, *worker;
    struct arena *arena;
    struct ledger_run *run;
    struct ledger_pushes *pushes;
    enum ledger_claim claim;
    int64_t delay_ms;
};

/* LEDGER_CLAIMED, or claim stays as it is. admitted: pause and limits were looked at. */
static enum error_code
try_claim(struct database *database, struct attempt *attempt, bool admitted, struct error *error)
{
    struct rows *rows;
    if (database_query(database, SQL("claim"),
                       DATABASE_VALUES(attempt->id, attempt->worker, admitted ? "true" : "false"), &rows, error))
        return error->code;
    enum error_code code = rows_count(rows) ? read_run(rows, attempt->arena, attempt->run, error) : ERROR_NONE;
    if (!code && rows_count(rows))
        attempt->claim = LEDGER_CLAIMED;
    rows_free(rows);
    return code;
}

static enum error_code
refuse_paused(struct attempt *attempt, const struct ledger_limits *limits, struct error *error)
{
    attempt->claim = LEDGER_PAUSED;
    attempt->run->queue = arena_copy(attempt->arena, limits->queue, strlen(limits->queue));
    return attempt->run->queue ? ERROR_NONE : error_set(error, ERROR_MEMORY, "out of memory for a queue's name");
}

static enum error_code
claim_with_room(struct database *database, struct attempt *attempt, const struct ledger_limits *limits,
                struct error *error)
{
    enum ledger_room room;
    if (ledger_admit(database, attempt->job_id, limits, attempt->pushes, &room, error))
        return error->code;
    FAILPOINT("runner.admitted");
    if (room == LEDGER_ROOM_NONE)
        attempt->claim = LEDGER_PARKED;
    else if (room == LEDGER_ROOM_PAUSED ? refuse_paused(attempt, limits, error)
                                        : try_claim(database, attempt, true, error))
        return error->code;
    return database_commit(database, error);
}

/* Claims a job that has limits, in a transaction; *again is set when it changed meanwhile. */
static enum error_code
claim_limited(struct database *database, struct attempt *attempt, const struct ledger_limits *limits, bool *again,
              struct error *error)
{
    size_t pushes = attempt->pushes->count;
    attempt->claim = LEDGER_FINISHED;
    enum error_code code = database_run(database, LEDGER_BEGIN_SHORT("500ms"), error);
    if (!code)
        code = claim_with_room(database, attempt, limits, error);
    database_rollback(database);
    *again = !code && attempt->claim == LEDGER_FINISHED;
    if (!code)
        return ERROR_NONE;
    attempt->pushes->count = pushes;
    if (strcmp(error->sqlstate, "55P03") != 0)
        return code;
    attempt->claim = LEDGER_NOT_DUE;
    attempt->delay_ms = clock_jitter_ms(LIMIT_BUSY_MS);
    return ERROR_NONE;
}

/* Decides what follows from a look; *again is set when the claim should be tried once more. */
static enum error_code
settle(struct database *database, struct attempt *attempt, bool lease_expired, const struct look *look, bool *again,
       struct error *error)
{
    enum ledger_takeover takeover;
    bool due = strcmp(look->state, "queued") == 0 || strcmp(look->state, "retry") == 0;
    *again = false;
    attempt->claim = LEDGER_FINISHED;
    if (due && look->delay_ms > 0) {
        attempt->claim = LEDGER_NOT_DUE;
        attempt->delay_ms = look->delay_ms;
    } else if (due && look->backend) {
        *again = true;
        return ledger_end_old_backend(database, attempt->job_id, error);
    } else if (due && look->paused) {
        return refuse_paused(attempt, &look->limits, error);
    } else if (due && (look->limits.queue_limited || look->limits.limit_key[0])) {
        return claim_limited(database, attempt, &look->limits, again, error);
    } else if (due) {
        *again = true;
    } else if (strcmp(look->state, "running") == 0 && !lease_expired) {
        attempt->claim = LEDGER_NOT_DUE;
        attempt->delay_ms = config_integer(CONFIG_LEASE_SECONDS) * 1000;
    } else if (strcmp(look->state, "running") == 0) {
        *again = true;
        return ledger_take_over(database, attempt->job_id, NULL, look->fence, "its lease expired", LEDGER_LOSS_LEASE,
                                attempt->pushes, &takeover, error);
    }
    return ERROR_NONE;
}

static void
note_answer(const struct attempt *attempt)
{
    if (attempt->claim == LEDGER_CLAIMED)
        history_note(HISTORY_CLAIMED, attempt->job_id, attempt->run->fence);
    else if (attempt->claim == LEDGER_FINISHED)
        history_note(HISTORY_FINISHED, attempt->job_id, 0);
    else if (attempt->claim == LEDGER_PARKED)
        history_note(HISTORY_PARKED, attempt->job_id, 0);
}

enum error_code
ledger_claim(struct database *database, int64_t job_id, bool lease_expired, const char *worker, struct arena *arena,
             struct ledger_pushes *pushes, enum ledger_claim *claim, struct ledger_run *run, int64_t *delay_ms,
             struct error *error)
{
    enum { TRIES = 10 };
    struct number_text number;
    struct attempt attempt = {job_id, number_text(&number, job_id), worker, arena, run, pushes, LEDGER_FINISHED, 0};
    for (int i = 0; i < TRIES; i++) {
        struct look look;
        bool again = false;
        if (try_claim(database, &attempt, false, error))
            return error->code;
        if (attempt.claim != LEDGER_CLAIMED && (look_at(database, attempt.id, &look, error) ||
                                                settle(database, &attempt, lease_expired, &look, &again, error)))
            return error->code;
        if (!again) {
            note_answer(&attempt);
            *claim = attempt.claim;
            *delay_ms = attempt.delay_ms;
            return ERROR_NONE;
        }
    }
    return error_set(error, ERROR_PG_CONFLICT, "job %" PRId64 " keeps changing hands", job_id);
}
