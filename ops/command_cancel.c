/* cancel: the way to stop jobs, one by one or many at once. */
#include <inttypes.h>
#include <stdio.h>

#include "core/ledger.h"
#include "core/sql.h"
#include "ops/command_filter.h"
#include "ops/command_session.h"

/* Cancels one job and says what became of it. */
static enum error_code
cancel_job(struct database *warehouse, int64_t id, struct ledger_pushes *pushes, bool *cancelled, struct error *error)
{
    char id_text[24];
    struct rows *rows;
    (void)snprintf(id_text, sizeof(id_text), "%" PRId64, id);
    enum error_code code = ledger_cancel(warehouse, id, "cancelled on the command line", pushes, cancelled, error);
    if (!code)
        code = database_query(warehouse, sql_text("ops/jobs", "show"), DATABASE_VALUES(id_text), &rows, error);
    if (code)
        return code;
    if (!rows_count(rows))
        code = error_set(error, ERROR_ARGUMENT, "there is no job %s; `tapemill jobs` lists them", id_text);
    else if (*cancelled)
        printf("job %s (%s) is cancelled\n", id_text, rows_text(rows, 0, 1));
    else
        printf("job %s (%s) was %s already\n", id_text, rows_text(rows, 0, 1), rows_text(rows, 0, 2));
    rows_free(rows);
    return code;
}

static enum error_code
tell_blocked(struct database *warehouse, const int64_t *ids, size_t count, struct error *error)
{
    struct buffer array;
    struct rows *blocked;
    if (command_session_array(ids, count, &array, error))
        return error->code;
    enum error_code code =
        database_query(warehouse, sql_text("ops/jobs", "blocked"), DATABASE_VALUES(array.bytes), &blocked, error);
    buffer_term(&array);
    if (code)
        return code;
    for (size_t row = 0; row < rows_count(blocked); row++)
        printf("job %s (%s) waits for it and never starts now; cancel it too: tapemill cancel %s\n",
               rows_text(blocked, row, 0), rows_text(blocked, row, 1), rows_text(blocked, row, 0));
    rows_free(blocked);
    return ERROR_NONE;
}

/* One batch; *cancelled counts. Redis hears of what was done, also when the rest fails. */
static enum error_code
cancel_jobs(struct database *warehouse, const int64_t *ids, size_t count, size_t *cancelled, struct error *error)
{
    struct ledger_pushes pushes = {0};
    enum error_code code = ERROR_NONE;
    size_t done = 0;
    for (bool one = false; !code && done < count; done += !code, one = false) {
        code = cancel_job(warehouse, ids[done], &pushes, &one, error);
        *cancelled += one;
    }
    command_session_forget(ids, done);
    if (pushes.count)
        command_session_push(warehouse, pushes.job_ids, pushes.count);
    return code ? code : tell_blocked(warehouse, ids, count, error);
}

static enum error_code
cancel_filtered(struct database *warehouse, const struct command_filter *filter, struct error *error)
{
    int64_t ids[COMMAND_FILTER_PAGE], before = 0;
    size_t count = 1, cancelled = 0;
    if (filter->dry_run) {
        enum error_code code = command_filter_count(warehouse, filter, &count, error);
        if (!code)
            printf("it would be %zu\n", count);
        return code;
    }
    while (count) {
        if (command_filter_page(warehouse, filter, &before, ids, &count, error) ||
            cancel_jobs(warehouse, ids, count, &cancelled, error))
            return error->code;
    }
    printf("cancelled: %zu\n", cancelled);
    return ERROR_NONE;
}

static enum error_code
run_cancel(const struct command_line *line, struct error *error)
{
    static int64_t ids[COMMAND_WORDS_MAX];
    struct command_filter filter;
    struct database *warehouse;
    size_t cancelled = 0;
    for (int i = 0; i < line->word_count; i++)
        if (command_id(line, i, &ids[i], error))
            return error->code;
    if (command_filter_read(line, "{waiting,queued,retry,running}", &filter, error) ||
        command_session_open(&warehouse, error))
        return error->code;
    enum error_code code = filter.given ? cancel_filtered(warehouse, &filter, error)
                                        : cancel_jobs(warehouse, ids, (size_t)line->word_count, &cancelled, error);
    database_close(warehouse);
    return code;
}

extern const struct command command_cancel;
const struct command command_cancel = {
    .name = "cancel",
    .usage = "ID...",
    .summary = "cancel jobs, running ones too, by id or by what they are",
    .detail =
        "A running job is taken from its worker at once; what it did is rolled back. What depends on a cancelled\n"
        "job never starts. `tapemill dead retry ID` runs a cancelled job after all. Dead jobs are given up by\n"
        "`tapemill dead discard`.",
    .options = (const struct command_option[]){COMMAND_FILTER_OPTIONS, {0}},
    .words_max = COMMAND_WORDS_MAX,
    .run = run_cancel,
};
