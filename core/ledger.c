#include "core/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/business_clock.h"
#include "core/calendar_date.h"
#include "core/config.h"
#include "core/history.h"
#include "core/mutant.h"
#include "core/number_text.h"
#include "core/sql.h"

#define SQL(name) sql_text("ledger/ledger", name)

enum { ARGUMENTS_BYTES_MAX = 1024 * 1024 };

/* ---- enqueue ----------------------------------------------------------------------------------------------- */

static enum error_code
write_array(const int64_t *job_ids, size_t count, struct buffer *array, struct error *error)
{
    buffer_init(array, 64 * 1024);
    for (size_t i = 0; i < count; i++)
        buffer_format(array, "%s%" PRId64, i ? "," : "{", job_ids[i]);
    buffer_text(array, count ? "}" : "{}");
    return buffer_check(array, "a list of job ids", error);
}

static enum error_code
add_dependencies(struct database *database, const struct ledger_new_job *job, int64_t job_id, struct error *error)
{
    struct number_text id;
    struct buffer array;
    enum error_code code = write_array(job->depends_on, job->dependencies, &array, error);
    if (!code)
        code = database_query(database, SQL("add_dependencies"), DATABASE_VALUES(number_text(&id, job_id), array.bytes),
                              NULL, error);
    buffer_term(&array);
    return code;
}

/* Keeps those of the locked jobs that are still to end. */
static enum error_code
keep_unfinished(const struct rows *rows, int64_t *job_ids, size_t *count, struct error *error)
{
    size_t wanted = *count;
    *count = 0;
    for (size_t i = 0; i < wanted; i++) {
        size_t row = 0;
        while (row < rows_count(rows) && rows_integer(rows, row, 0) != job_ids[i])
            row++;
        const char *state = row < rows_count(rows) ? rows_text(rows, row, 1) : NULL;
        if (!state)
            return error_set(error, ERROR_ARGUMENT,
                             "there is no job %" PRId64 " to wait for; `tapemill jobs` lists them", job_ids[i]);
        if (strcmp(state, "dead") == 0 || strcmp(state, "cancelled") == 0)
            return error_set(error, ERROR_ARGUMENT,
                             "job %" PRId64 " is %s, and what waits for it would never start; `tapemill dead retry "
                             "%" PRId64 "` runs it again",
                             job_ids[i], state, job_ids[i]);
        if (strcmp(state, "done") != 0)
            job_ids[(*count)++] = job_ids[i];
    }
    return ERROR_NONE;
}

enum error_code
ledger_hold_dependencies(struct database *database, int64_t *job_ids, size_t *count, struct error *error)
{
    struct buffer array;
    struct rows *rows = NULL;
    enum error_code code = write_array(job_ids, *count, &array, error);
    if (!code)
        code = database_query(database, SQL("lock_dependencies"), DATABASE_VALUES(array.bytes), &rows, error);
    buffer_term(&array);
    if (!code)
        code = keep_unfinished(rows, job_ids, count, error);
    rows_free(rows);
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
    struct number_text priority, attempts, delay, parent, pipeline, backfill, pending, soft, hard;
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
        job->unique_while,
        number_text(&soft, job->soft_timeout_s),
        number_text(&hard, job->hard_timeout_s),
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
    if (job->limit_key && (!job->limit_key[0] || strlen(job->limit_key) >= LEDGER_LIMIT_KEY_BYTES))
        return error_set(error, ERROR_ARGUMENT, "\"%.40s\" is no limit key: it must have 1 to %d bytes", job->limit_key,
                         LEDGER_LIMIT_KEY_BYTES - 1);
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
    enum error_code code = write_array(job_ids, count, &array, error);
    if (!code)
        code = database_query(database, SQL("pushable"), DATABASE_VALUES(array.bytes), &rows, error);
    buffer_term(&array);
    if (code)
        return code;
    for (size_t i = 0; i < rows_count(rows); i++)
        entries[i] = (struct queue_entry){rows_integer(rows, i, 0), rows_text(rows, i, 1),
                                          (int)rows_integer(rows, i, 2), rows_integer(rows, i, 3)};
    for (size_t i = 0; i < rows_count(rows); i++)
        history_note(HISTORY_PUSHED, entries[i].job_id, 0);
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

/* ---- check and complete -------------------------------------------------------------------------------------- */

enum error_code
ledger_check(struct database *database, const struct ledger_run *run, struct error *error)
{
    struct number_text id, fence;
    struct rows *rows;
    if (database_query(database, SQL("check"),
                       DATABASE_VALUES(number_text(&id, run->job_id), number_text(&fence, run->fence)), &rows, error))
        return error->code;
    bool held = rows_count(rows) == 1 || MUTANT("no_fence");
    rows_free(rows);
    if (held)
        history_note(HISTORY_BEGUN, run->job_id, run->fence);
    if (held)
        return ERROR_NONE;
    return error_set(error, ERROR_FENCED, "job %" PRId64 " was taken over (this run's fence is %" PRId64 ")",
                     run->job_id, run->fence);
}

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
                const char *metadata, struct ledger_pushes *pushes, struct ledger_limits *limits, struct error *error)
{
    struct number_text id_number, fence_number;
    const char *id = number_text(&id_number, run->job_id), *fence = number_text(&fence_number, run->fence);
    struct rows *rows;
    if (check_counts(counts, error) || release_dependants(database, id, pushes, error) ||
        (run->end_key[0] && ledger_set_condition(database, run->end_key, true, pushes, error)) ||
        complete_run(database, id, fence, counts, metadata, error) ||
        database_query(database, SQL("complete_job"), DATABASE_VALUES(id, fence), &rows, error))
        return error->code;
    bool held = rows_affected(rows) == 1 || MUTANT("no_fence");
    ledger_run_limits(run, rows_count(rows) && rows_boolean(rows, 0, 0), limits);
    rows_free(rows);
    if (held)
        history_note(HISTORY_COMMITTING, run->job_id, run->fence);
    if (held)
        return ERROR_NONE;
    return error_set(error, ERROR_FENCED, "job %" PRId64 " was taken over before its run could commit", run->job_id);
}
