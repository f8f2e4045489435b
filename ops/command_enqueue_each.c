#include "ops/command_enqueue_each.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/history.h"
#include "core/queue.h"
#include "ops/command_session.h"

enum { LINE_BYTES_MAX = 64 * 1024, BATCH_BYTES_MAX = 16 * 1024 * 1024 };

/* Jobs read and not yet enqueued, and what was done so far. */
struct bulk {
    const struct command_target *target;
    const struct ledger_new_job *job;
    struct database *warehouse;
    struct buffer array; /* JSON; begins with "[" */
    size_t pending, batch;
    int64_t line, done;
};

enum error_code
command_enqueue_each_check(const struct command_line *line, const struct command_target *target, struct error *error)
{
    if (!command_value(line, "--each"))
        return command_value(line, "--batch")
                   ? error_set(error, ERROR_USAGE, "--batch goes with --each; add it, or leave --batch out")
                   : ERROR_NONE;
    if (target->pipeline)
        return error_set(error, ERROR_USAGE,
                         "--each is for single jobs; %s is a pipeline: tapemill backfill runs it for many dates",
                         target->name);
    if (command_value(line, "--arg") || command_value(line, "--unique") || command_value(line, "--after") ||
        command_flag(line, "--wait"))
        return error_set(error, ERROR_USAGE,
                         "--each does not go with --arg, --unique, --after and --wait; leave them out");
    return ERROR_NONE;
}

/* In one transaction: a single statement is one, unless the jobs' end is awaited. */
static enum error_code
enqueue(struct bulk *bulk, int64_t ids[QUEUE_BATCH_MAX], struct error *error)
{
    bool several = bulk->job->end_key != NULL;
    enum error_code code = several ? database_begin(bulk->warehouse, error) : ERROR_NONE;
    if (!code)
        code = ledger_enqueue_each(bulk->warehouse, bulk->job, bulk->array.bytes, bulk->pending, ids, error);
    if (!code && several)
        code = database_commit(bulk->warehouse, error);
    if (code)
        database_rollback(bulk->warehouse);
    return code;
}

/* Enqueues what is pending; then Redis is told. */
static enum error_code
flush(struct bulk *bulk, struct error *error)
{
    int64_t ids[QUEUE_BATCH_MAX];
    if (!bulk->pending)
        return ERROR_NONE;
    buffer_text(&bulk->array, "]");
    enum error_code code = buffer_check(&bulk->array, "a batch of jobs", error);
    if (!code)
        code = enqueue(bulk, ids, error);
    if (code)
        return code;
    for (size_t i = 0; i < bulk->pending; i++)
        history_note(HISTORY_ENQUEUED, ids[i], 0);
    command_session_push(bulk->warehouse, ids, bulk->pending);
    bulk->done += (int64_t)bulk->pending;
    bulk->pending = 0;
    buffer_clear(&bulk->array);
    return ERROR_NONE;
}

static enum error_code
take_line(struct bulk *bulk, char *text, struct error *error)
{
    char what[48];
    (void)snprintf(what, sizeof(what), "line %" PRId64, bulk->line);
    size_t length = strlen(text);
    if (length == LINE_BYTES_MAX - 1 && text[length - 1] != '\n')
        return error_set(error, ERROR_USAGE, "%s is longer than %d bytes", what, LINE_BYTES_MAX - 2);
    text[strcspn(text, "\r\n")] = 0;
    if (!text[strspn(text, " \t")])
        return ERROR_NONE;
    if (command_target_check_object(bulk->target, text, what, error))
        return error->code;
    buffer_text(&bulk->array, bulk->pending ? "," : "[");
    buffer_text(&bulk->array, text);
    return ++bulk->pending == bulk->batch ? flush(bulk, error) : ERROR_NONE;
}

static enum error_code
read_lines(struct bulk *bulk, FILE *file, const char *path, struct error *error)
{
    char *text = malloc(LINE_BYTES_MAX);
    if (!text)
        return error_set(error, ERROR_MEMORY, "out of memory for a line");
    enum error_code code = ERROR_NONE;
    while (!code && fgets(text, LINE_BYTES_MAX, file)) {
        bulk->line++;
        code = take_line(bulk, text, error);
    }
    free(text);
    if (!code && ferror(file))
        code = error_set(error, ERROR_IO, "%s cannot be read: %s", path, strerror(errno));
    return code ? code : flush(bulk, error);
}

enum error_code
command_enqueue_each(const struct command_line *line, struct database *warehouse, const struct command_target *target,
                     const struct ledger_new_job *job, struct error *error)
{
    const char *path = command_value(line, "--each");
    bool standard_input = strcmp(path, "-") == 0;
    int64_t batch;
    if (command_integer(line, "--batch", 1, QUEUE_BATCH_MAX, QUEUE_BATCH_MAX, &batch, error))
        return error->code;
    FILE *file = standard_input ? stdin : fopen(path, "re");
    if (!file)
        return error_set(error, ERROR_USAGE, "%s cannot be opened: %s", path, strerror(errno));
    struct bulk bulk = {.target = target, .job = job, .warehouse = warehouse, .batch = (size_t)batch};
    buffer_init(&bulk.array, BATCH_BYTES_MAX);
    enum error_code code = read_lines(&bulk, file, path, error);
    buffer_term(&bulk.array);
    if (!standard_input)
        (void)fclose(file);
    if (code)
        return error_context(error, "%" PRId64 " jobs were enqueued before this", bulk.done);
    printf(command_flag(line, "--json") ? "{\"target\": \"%s\", \"jobs\": %" PRId64 "}\n"
                                        : "enqueued %s: %" PRId64 " jobs\n",
           target->name, bulk.done);
    return ERROR_NONE;
}
