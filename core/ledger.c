#include "core/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/sql.h"

#define SQL(name) sql_text("ledger/ledger", name)

/* A number as text, for a parameter. */
struct number {
    char text[24];
};

static const char *
text_of(struct number *number, int64_t value)
{
    (void)snprintf(number->text, sizeof(number->text), "%" PRId64, value);
    return number->text;
}

/* ---- enqueue ----------------------------------------------------------------------------------------------- */

static enum error_code
add_dependencies(struct database *database, const struct ledger_new_job *job, int64_t job_id, struct error *error)
{
    struct number id;
    struct buffer array;
    buffer_init(&array, 64 * 1024);
    for (size_t i = 0; i < job->dependencies; i++)
        buffer_format(&array, "%s%" PRId64, i ? "," : "{", job->depends_on[i]);
    buffer_text(&array, "}");
    enum error_code code = buffer_check(&array, "a list of dependencies", error);
    if (!code)
        code = database_query(database, SQL("add_dependencies"), DATABASE_VALUES(text_of(&id, job_id), array.bytes), NULL,
                              error);
    buffer_term(&array);
    return code;
}

static enum error_code
find_unique(struct database *database, const char *unique_key, int64_t *job_id, struct error *error)
{
    struct rows *rows;
    if (database_query(database, SQL("find_unique"), DATABASE_VALUES(unique_key), &rows, error))
        return error->code;
    *job_id = rows_count(rows) ? rows_integer(rows, 0, 0) : 0;
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
insert_job(struct database *database, const struct ledger_new_job *job, int64_t *job_id, struct error *error)
{
    struct number priority, attempts, roll, delay, parent, pipeline, backfill, pending;
    struct rows *rows;
    const char *values[] = {
        job->job_name,
        job->job_type,
        job->kind,
        job->queue,
        text_of(&priority, job->priority),
        text_of(&attempts, job->max_attempts),
        job->arguments,
        job->business_date,
        job->interval_start,
        job->interval_end,
        text_of(&roll, config_day_roll_seconds()),
        job->unique_key,
        job->limit_key,
        text_of(&delay, job->delay_ms),
        text_of(&parent, job->parent_id),
        text_of(&pipeline, job->pipeline_run_id),
        text_of(&backfill, job->backfill_id),
        job->step,
        text_of(&pending, (int64_t)job->dependencies),
    };
    if (database_query(database, SQL("enqueue"), (int)(sizeof(values) / sizeof(values[0])), values, &rows, error))
        return error_context(error, "job %s could not be enqueued", job->job_name);
    *job_id = rows_count(rows) ? rows_integer(rows, 0, 0) : 0;
    rows_free(rows);
    return ERROR_NONE;
}

enum error_code
ledger_enqueue(struct database *database, const struct ledger_new_job *job, int64_t *job_id, bool *created,
               struct error *error)
{
    enum { TRIES = 20 };
    *created = false;
    if (job->priority < 0 || job->priority > QUEUE_PRIORITY_MAX)
        return error_set(error, ERROR_ARGUMENT, "priority %d is outside 0..%d", job->priority, QUEUE_PRIORITY_MAX);
    if (!job->queue[0] || strlen(job->queue) >= QUEUE_NAME_BYTES || strpbrk(job->queue, " \t\r\n,"))
        return error_set(error, ERROR_ARGUMENT,
                         "\"%s\" is no queue name: it must have 1 to %d characters, without spaces and commas", job->queue,
                         QUEUE_NAME_BYTES - 1);
    /* A live job with the key may finish between the two looks: then the insert is tried again. */
    for (int i = 0; i < TRIES; i++) {
        if (insert_job(database, job, job_id, error))
            return error->code;
        *created = *job_id != 0;
        if (*created)
            return job->dependencies ? add_dependencies(database, job, *job_id, error) : ERROR_NONE;
        if (find_unique(database, job->unique_key, job_id, error))
            return error->code;
        if (*job_id)
            return ERROR_NONE;
    }
    return error_set(error, ERROR_PG_CONFLICT, "unique key \"%s\" keeps changing hands; try again", job->unique_key);
}

void
ledger_note_push(struct ledger_pushes *pushes, int64_t job_id)
{
    if (pushes && pushes->count < LEDGER_PUSHES_MAX)
        pushes->job_ids[pushes->count++] = job_id;
}

static enum error_code
push_page(struct database *database, struct redis_client *client, const int64_t *job_ids, size_t count,
          struct error *error)
{
    struct queue_entry entries[QUEUE_BATCH_MAX];
    struct rows *rows;
    struct buffer array;
    buffer_init(&array, 64 * 1024);
    for (size_t i = 0; i < count; i++)
        buffer_format(&array, "%s%" PRId64, i ? "," : "{", job_ids[i]);
    buffer_text(&array, "}");
    enum error_code code = buffer_check(&array, "a list of job ids", error);
    if (!code)
        code = database_query(database, SQL("pushable"), DATABASE_VALUES(array.bytes), &rows, error);
    buffer_term(&array);
    if (code)
        return code;
    for (size_t i = 0; i < rows_count(rows); i++)
        entries[i] = (struct queue_entry){rows_integer(rows, i, 0), rows_text(rows, i, 1), (int)rows_integer(rows, i, 2),
                                          rows_integer(rows, i, 3)};
    if (rows_count(rows))
        code = queue_put(client, entries, rows_count(rows), NULL, error);
    rows_free(rows);
    return code;
}

enum error_code
ledger_push(struct database *database, struct redis_client *client, const int64_t *job_ids, size_t count,
            struct error *error)
{
    for (size_t done = 0; done < count; done += QUEUE_BATCH_MAX) {
        size_t page = count - done < QUEUE_BATCH_MAX ? count - done : QUEUE_BATCH_MAX;
        if (push_page(database, client, job_ids + done, page, error))
            return error->code;
    }
    return ERROR_NONE;
}

/* ---- claim ------------------------------------------------------------------------------------------------- */

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
    };
    if (!run->run_id || !run->job_name || !run->queue || !run->arguments || !run->business_date || !run->interval_start ||
        !run->interval_end)
        return error_set(error, ERROR_MEMORY, "out of memory for a run");
    return ERROR_NONE;
}

/* Why the claim statement found nothing to claim. */
struct look {
    char state[16];
    bool backend;
    int64_t delay_ms;
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
    }
    rows_free(rows);
    return ERROR_NONE;
}

/* Decides what follows from a look; *again is set when the claim should be tried once more. */
static enum error_code
settle(struct database *database, int64_t job_id, bool lease_expired, const struct look *look, enum ledger_claim *claim,
       int64_t *delay_ms, bool *again, struct error *error)
{
    enum ledger_takeover takeover;
    bool due = strcmp(look->state, "queued") == 0 || strcmp(look->state, "retry") == 0;
    *again = false;
    *claim = LEDGER_FINISHED;
    if (due && look->delay_ms > 0) {
        *claim = LEDGER_NOT_DUE;
        *delay_ms = look->delay_ms;
    } else if (due) {
        *again = true;
        return look->backend ? ledger_end_old_backend(database, job_id, error) : ERROR_NONE;
    } else if (strcmp(look->state, "running") == 0 && !lease_expired) {
        *claim = LEDGER_NOT_DUE;
        *delay_ms = config_integer(CONFIG_LEASE_SECONDS) * 1000;
    } else if (strcmp(look->state, "running") == 0) {
        *again = true;
        return ledger_take_over(database, job_id, NULL, "its lease expired", LEDGER_LOSS_LEASE, &takeover, error);
    }
    return ERROR_NONE;
}

enum error_code
ledger_claim(struct database *database, int64_t job_id, bool lease_expired, const char *worker, struct arena *arena,
             enum ledger_claim *claim, struct ledger_run *run, int64_t *delay_ms, struct error *error)
{
    enum { TRIES = 10 };
    struct number number;
    const char *id = text_of(&number, job_id);
    for (int i = 0; i < TRIES; i++) {
        struct rows *rows;
        struct look look;
        bool again;
        if (database_query(database, SQL("claim"), DATABASE_VALUES(id, worker), &rows, error))
            return error->code;
        if (rows_count(rows)) {
            enum error_code code = read_run(rows, arena, run, error);
            rows_free(rows);
            *claim = LEDGER_CLAIMED;
            return code;
        }
        rows_free(rows);
        if (look_at(database, id, &look, error) ||
            settle(database, job_id, lease_expired, &look, claim, delay_ms, &again, error))
            return error->code;
        if (!again)
            return ERROR_NONE;
    }
    return error_set(error, ERROR_PG_CONFLICT, "job %" PRId64 " keeps changing hands", job_id);
}

enum error_code
ledger_check(struct database *database, const struct ledger_run *run, struct error *error)
{
    struct number id, fence;
    struct rows *rows;
    if (database_query(database, SQL("check"), DATABASE_VALUES(text_of(&id, run->job_id), text_of(&fence, run->fence)),
                       &rows, error))
        return error->code;
    bool held = rows_count(rows) == 1;
    rows_free(rows);
    if (held)
        return ERROR_NONE;
    return error_set(error, ERROR_FENCED, "job %" PRId64 " was taken over (this run's fence is %" PRId64 ")", run->job_id,
                     run->fence);
}

/* ---- complete ---------------------------------------------------------------------------------------------- */

static enum error_code
check_counts(const struct ledger_counts *counts, struct error *error)
{
    int64_t accounted = counts->inserted + counts->updated + counts->unchanged + counts->superseded + counts->quarantined +
                        counts->skipped;
    if (counts->extracted == accounted)
        return ERROR_NONE;
    return error_set(error, ERROR_GATE,
                     "%" PRId64 " rows were extracted, but %" PRId64 " are accounted for (inserted %" PRId64
                     ", updated %" PRId64 ", unchanged %" PRId64 ", superseded %" PRId64 ", quarantined %" PRId64
                     ", skipped %" PRId64 ")",
                     counts->extracted, accounted, counts->inserted, counts->updated, counts->unchanged,
                     counts->superseded, counts->quarantined, counts->skipped);
}

static enum error_code
release_dependants(struct database *database, const char *id, struct ledger_pushes *pushes, struct error *error)
{
    struct rows *rows;
    if (database_query(database, SQL("release_dependants"), DATABASE_VALUES(id), &rows, error))
        return error->code;
    for (size_t i = 0; i < rows_count(rows); i++)
        if (rows_boolean(rows, i, 1))
            ledger_note_push(pushes, rows_integer(rows, i, 0));
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
complete_run(struct database *database, const char *id, const char *fence, const struct ledger_counts *counts,
             const char *metadata, struct error *error)
{
    struct number numbers[8];
    return database_query(database, SQL("complete_run"),
                          DATABASE_VALUES(id, fence, text_of(&numbers[0], counts->extracted),
                                          text_of(&numbers[1], counts->inserted), text_of(&numbers[2], counts->updated),
                                          text_of(&numbers[3], counts->unchanged),
                                          text_of(&numbers[4], counts->superseded),
                                          text_of(&numbers[5], counts->quarantined),
                                          text_of(&numbers[6], counts->skipped), text_of(&numbers[7], counts->removed),
                                          metadata && metadata[0] ? metadata : NULL),
                          NULL, error);
}

enum error_code
ledger_complete(struct database *database, const struct ledger_run *run, const struct ledger_counts *counts,
                const char *metadata, struct ledger_pushes *pushes, struct error *error)
{
    struct number id_number, fence_number;
    const char *id = text_of(&id_number, run->job_id), *fence = text_of(&fence_number, run->fence);
    struct rows *rows;
    if (check_counts(counts, error) || release_dependants(database, id, pushes, error) ||
        complete_run(database, id, fence, counts, metadata, error) ||
        database_query(database, SQL("complete_job"), DATABASE_VALUES(id, fence), &rows, error))
        return error->code;
    bool held = rows_affected(rows) == 1;
    rows_free(rows);
    if (held)
        return ERROR_NONE;
    return error_set(error, ERROR_FENCED, "job %" PRId64 " was taken over before its run could commit", run->job_id);
}

/* ---- fail -------------------------------------------------------------------------------------------------- */

static int64_t
backoff_ms(int64_t base_ms, int64_t steps)
{
    int64_t cap_ms = config_integer(CONFIG_RETRY_CAP_SECONDS) * 1000, delay_ms = base_ms;
    while (steps-- > 0 && delay_ms < cap_ms)
        delay_ms *= 3;
    return clock_jitter_ms(delay_ms < cap_ms ? delay_ms : cap_ms);
}

/* What becomes of a job that failed. */
struct verdict {
    const char *job_state, *run_status, *wait_key;
    int charged, given_back;
    int64_t delay_ms;
    enum ledger_outcome outcome;
};

static enum error_code
judge(struct database *database, const struct error *failure, const char *wait_key, int64_t attempts, int64_t max_attempts,
      int64_t returns, struct verdict *verdict, struct error *error)
{
    bool met = false;
    *verdict = (struct verdict){.job_state = "dead", .run_status = "FAILED", .charged = 1, .outcome = LEDGER_DEAD};
    switch (error_disposition(failure->code)) {
    case DISPOSITION_WAIT:
        if (ledger_hold_condition(database, wait_key, &met, error))
            return error->code;
        *verdict = met ? (struct verdict){"queued", "CANCELLED", NULL, 0, 0, 0, LEDGER_GIVEN_BACK}
                       : (struct verdict){"waiting", "CANCELLED", wait_key, 0, 0, 0, LEDGER_WAITS};
        break;
    case DISPOSITION_GIVE_BACK:
        *verdict = (struct verdict){"queued", failure->code == ERROR_SHUTDOWN ? "CANCELLED" : "FAILED", NULL, 0, 1,
                                    failure->code == ERROR_SHUTDOWN ? 0 : backoff_ms(1000, returns < 4 ? returns : 4),
                                    LEDGER_GIVEN_BACK};
        break;
    case DISPOSITION_RETRY:
        if (attempts + 1 < max_attempts)
            *verdict = (struct verdict){"retry", "FAILED", NULL, 1, 0,
                                        backoff_ms(config_integer(CONFIG_RETRY_BASE_SECONDS) * 1000, attempts),
                                        LEDGER_WILL_RETRY};
        break;
    case DISPOSITION_NONE:
    case DISPOSITION_DEAD:
        break;
    }
    return ERROR_NONE;
}

static enum error_code
alert_dead(struct database *database, const struct ledger_run *run, const struct error *failure, struct error *error)
{
    char cause[160], title[240], body[ERROR_MESSAGE_BYTES + 256];
    (void)snprintf(cause, sizeof(cause), "dead:%s", run->job_name);
    (void)snprintf(title, sizeof(title), "Job %s is dead (job %" PRId64 "%s%s)", run->job_name, run->job_id,
                   run->business_date[0] ? ", " : "", run->business_date);
    (void)snprintf(body, sizeof(body), "%s: %s\nLook: tapemill dead show %" PRId64, error_name(failure->code),
                   failure->message, run->job_id);
    return ledger_alert(database, cause, "critical", title, body, run->job_id, error);
}

static enum error_code
write_failure(struct database *database, const struct ledger_run *run, const struct error *failure,
              const char *wait_key, const char *report, struct verdict *verdict, struct error *error)
{
    struct number numbers[5];
    struct rows *rows;
    const char *id = text_of(&numbers[0], run->job_id), *fence = text_of(&numbers[1], run->fence);
    if (database_query(database, SQL("failure_history"), DATABASE_VALUES(id, fence), &rows, error))
        return error->code;
    verdict->outcome = LEDGER_LOST_RACE;
    enum error_code code = ERROR_NONE;
    if (rows_count(rows))
        code = judge(database, failure, wait_key, rows_integer(rows, 0, 0), rows_integer(rows, 0, 1),
                     rows_integer(rows, 0, 2), verdict, error);
    rows_free(rows);
    if (code || verdict->outcome == LEDGER_LOST_RACE)
        return code;
    if (database_query(database, SQL("fail_run"),
                       DATABASE_VALUES(id, fence, verdict->run_status, error_name(failure->code), failure->sqlstate,
                                       failure->message, report && report[0] ? report : NULL),
                       NULL, error) ||
        (verdict->outcome == LEDGER_DEAD && alert_dead(database, run, failure, error)) ||
        database_query(database, SQL("fail_job"),
                       DATABASE_VALUES(id, fence, verdict->job_state, text_of(&numbers[2], verdict->delay_ms),
                                       text_of(&numbers[3], verdict->charged), text_of(&numbers[4], verdict->given_back),
                                       verdict->wait_key, error_name(failure->code), failure->message),
                       &rows, error))
        return error->code;
    if (rows_affected(rows) != 1)
        verdict->outcome = LEDGER_LOST_RACE;
    rows_free(rows);
    return ERROR_NONE;
}

enum error_code
ledger_fail(struct database *database, const struct ledger_run *run, const struct error *failure, const char *wait_key,
            const char *report, enum ledger_outcome *outcome, int64_t *delay_ms, struct error *error)
{
    struct verdict verdict = {0};
    if (database_begin(database, error))
        return error->code;
    enum error_code code = write_failure(database, run, failure, wait_key, report, &verdict, error);
    if (!code && verdict.outcome != LEDGER_LOST_RACE)
        code = database_commit(database, error);
    database_rollback(database);
    *outcome = verdict.outcome;
    *delay_ms = verdict.delay_ms;
    return code;
}
