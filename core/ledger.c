#include "core/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/business_clock.h"
#include "core/calendar_date.h"
#include "core/config.h"
#include "core/number_text.h"
#include "core/sql.h"

#define SQL(name) sql_text("ledger/ledger", name)

enum { ARGUMENTS_BYTES_MAX = 1024 * 1024 };

/* ---- enqueue ----------------------------------------------------------------------------------------------- */

static enum error_code
add_dependencies(struct database *database, const struct ledger_new_job *job, int64_t job_id, struct error *error)
{
    struct number_text id;
    struct buffer array;
    buffer_init(&array, 64 * 1024);
    for (size_t i = 0; i < job->dependencies; i++)
        buffer_format(&array, "%s%" PRId64, i ? "," : "{", job->depends_on[i]);
    buffer_text(&array, "}");
    enum error_code code = buffer_check(&array, "a list of dependencies", error);
    if (!code)
        code = database_query(database, SQL("add_dependencies"), DATABASE_VALUES(number_text(&id, job_id), array.bytes),
                              NULL, error);
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

/* A business date's half-open interval, by the one definition of it: core/business_clock.h. */
static enum error_code
find_interval(const char *business_date, char start[BUSINESS_CLOCK_INSTANT_BYTES],
              char end[BUSINESS_CLOCK_INSTANT_BYTES], struct error *error)
{
    struct business_clock clock;
    int32_t days;
    if (calendar_date_parse(business_date, &days, error) ||
        business_clock_init(&clock, config_text(CONFIG_TIMEZONE), config_day_roll_seconds(), error))
        return error->code;
    if (!business_clock_interval(&clock, days, start, end))
        return error_set(error, ERROR_ARGUMENT, "%s does not exist in %s: its clocks left the date out", business_date,
                         config_text(CONFIG_TIMEZONE));
    return ERROR_NONE;
}

/* *rows gets the ids of what was inserted. */
static enum error_code
insert_jobs(struct database *database, const struct ledger_new_job *job, const char *arguments_array,
            struct rows **rows, struct error *error)
{
    struct number_text priority, attempts, delay, parent, pipeline, backfill, pending;
    char start[BUSINESS_CLOCK_INSTANT_BYTES], end[BUSINESS_CLOCK_INSTANT_BYTES];
    bool by_date = job->business_date && !job->interval_start;
    if (by_date && find_interval(job->business_date, start, end, error))
        return error->code;
    const char *values[] = {
        job->job_name,
        job->job_type,
        job->kind,
        job->queue,
        number_text(&priority, job->priority),
        number_text(&attempts, job->max_attempts),
        arguments_array,
        job->business_date,
        by_date ? start : job->interval_start,
        by_date ? end : job->interval_end,
        job->unique_key,
        job->limit_key,
        number_text(&delay, job->delay_ms),
        number_text(&parent, job->parent_id),
        number_text(&pipeline, job->pipeline_run_id),
        number_text(&backfill, job->backfill_id),
        job->step,
        number_text(&pending, (int64_t)job->dependencies),
        job->end_key,
    };
    if (database_query(database, SQL("enqueue"), (int)(sizeof(values) / sizeof(values[0])), values, rows, error))
        return error_context(error, "job %s could not be enqueued", job->job_name);
    return ERROR_NONE;
}

static enum error_code
insert_job(struct database *database, const struct ledger_new_job *job, int64_t *job_id, struct error *error)
{
    struct rows *rows = NULL;
    struct buffer array;
    buffer_init(&array, ARGUMENTS_BYTES_MAX);
    buffer_format(&array, "[%s]", job->arguments);
    enum error_code code = buffer_check(&array, "the arguments of a job", error);
    if (!code)
        code = insert_jobs(database, job, array.bytes, &rows, error);
    buffer_term(&array);
    if (code)
        return code;
    *job_id = rows_count(rows) ? rows_integer(rows, 0, 0) : 0;
    rows_free(rows);
    return *job_id && job->end_key ? ledger_set_condition(database, job->end_key, false, NULL, error) : ERROR_NONE;
}

/* What every job must have, whoever enqueues it. */
static enum error_code
check_job(const struct ledger_new_job *job, struct error *error)
{
    if (job->priority < 0 || job->priority > QUEUE_PRIORITY_MAX)
        return error_set(error, ERROR_ARGUMENT, "priority %d is outside 0..%d", job->priority, QUEUE_PRIORITY_MAX);
    if (!job->queue[0] || strlen(job->queue) >= QUEUE_NAME_BYTES || strpbrk(job->queue, " \t\r\n,"))
        return error_set(error, ERROR_ARGUMENT,
                         "\"%s\" is no queue name: it must have 1 to %d characters, without spaces and commas",
                         job->queue, QUEUE_NAME_BYTES - 1);
    return ERROR_NONE;
}

enum error_code
ledger_enqueue(struct database *database, const struct ledger_new_job *job, int64_t *job_id, bool *created,
               struct error *error)
{
    enum { TRIES = 20 };
    *created = false;
    if (check_job(job, error))
        return error->code;
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

enum error_code
ledger_enqueue_each(struct database *database, const struct ledger_new_job *job, const char *arguments_array,
                    size_t count, int64_t *job_ids, struct error *error)
{
    struct rows *rows;
    if (check_job(job, error) || insert_jobs(database, job, arguments_array, &rows, error))
        return error->code;
    size_t inserted = rows_count(rows);
    for (size_t i = 0; i < inserted && i < count; i++)
        job_ids[i] = rows_integer(rows, i, 0);
    rows_free(rows);
    if (inserted != count)
        return error_set(error, ERROR_BUG, "%zu jobs were inserted where %zu were meant", inserted, count);
    return job->end_key ? ledger_set_condition(database, job->end_key, false, NULL, error) : ERROR_NONE;
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
        entries[i] = (struct queue_entry){rows_integer(rows, i, 0), rows_text(rows, i, 1),
                                          (int)rows_integer(rows, i, 2), rows_integer(rows, i, 3)};
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
        .end_key = keep(arena, rows, 16),
    };
    if (!run->run_id || !run->job_name || !run->queue || !run->arguments || !run->business_date ||
        !run->interval_start || !run->interval_end || !run->end_key)
        return error_set(error, ERROR_MEMORY, "out of memory for a run");
    return ERROR_NONE;
}

/* Why the claim statement found nothing to claim. */
struct look {
    char state[16];
    bool backend;
    int64_t delay_ms, fence;
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
        return ledger_take_over(database, job_id, NULL, look->fence, "its lease expired", LEDGER_LOSS_LEASE, &takeover,
                                error);
    }
    return ERROR_NONE;
}

enum error_code
ledger_claim(struct database *database, int64_t job_id, bool lease_expired, const char *worker, struct arena *arena,
             enum ledger_claim *claim, struct ledger_run *run, int64_t *delay_ms, struct error *error)
{
    enum { TRIES = 10 };
    struct number_text number;
    const char *id = number_text(&number, job_id);
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
    struct number_text id, fence;
    struct rows *rows;
    if (database_query(database, SQL("check"),
                       DATABASE_VALUES(number_text(&id, run->job_id), number_text(&fence, run->fence)), &rows, error))
        return error->code;
    bool held = rows_count(rows) == 1;
    rows_free(rows);
    if (held)
        return ERROR_NONE;
    return error_set(error, ERROR_FENCED, "job %" PRId64 " was taken over (this run's fence is %" PRId64 ")",
                     run->job_id, run->fence);
}

/* ---- complete ---------------------------------------------------------------------------------------------- */

static enum error_code
check_counts(const struct ledger_counts *counts, struct error *error)
{
    int64_t accounted = counts->inserted + counts->updated + counts->unchanged + counts->superseded +
                        counts->quarantined + counts->skipped;
    if (counts->extracted == accounted && counts->unchanged >= 0 && counts->inserted >= 0)
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
    struct number_text numbers[8];
    return database_query(
        database, SQL("complete_run"),
        DATABASE_VALUES(id, fence, number_text(&numbers[0], counts->extracted),
                        number_text(&numbers[1], counts->inserted), number_text(&numbers[2], counts->updated),
                        number_text(&numbers[3], counts->unchanged), number_text(&numbers[4], counts->superseded),
                        number_text(&numbers[5], counts->quarantined), number_text(&numbers[6], counts->skipped),
                        number_text(&numbers[7], counts->removed), metadata && metadata[0] ? metadata : NULL),
        NULL, error);
}

enum error_code
ledger_complete(struct database *database, const struct ledger_run *run, const struct ledger_counts *counts,
                const char *metadata, struct ledger_pushes *pushes, struct error *error)
{
    struct number_text id_number, fence_number;
    const char *id = number_text(&id_number, run->job_id), *fence = number_text(&fence_number, run->fence);
    struct rows *rows;
    if (check_counts(counts, error) || release_dependants(database, id, pushes, error) ||
        (run->end_key[0] && ledger_set_condition(database, run->end_key, true, pushes, error)) ||
        complete_run(database, id, fence, counts, metadata, error) ||
        database_query(database, SQL("complete_job"), DATABASE_VALUES(id, fence), &rows, error))
        return error->code;
    bool held = rows_affected(rows) == 1;
    rows_free(rows);
    if (held)
        return ERROR_NONE;
    return error_set(error, ERROR_FENCED, "job %" PRId64 " was taken over before its run could commit", run->job_id);
}
