#include "jobs/context.h"

#include <stdio.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/json.h"

void
job_context_init(struct job_context *context, struct database *warehouse, const struct ledger_run *run,
                 struct arena *arena)
{
    *context = (struct job_context){.warehouse = warehouse, .run = run, .arena = arena};
}

void
job_context_term(struct job_context *context)
{
    database_close(context->source);
    database_close(context->side);
    context->source = NULL;
    context->side = NULL;
}

const char *
job_argument(struct job_context *context, const char *name, const char *fallback)
{
    char value[1024];
    bool found = false;
    struct error ignored;
    if (json_read(context->run->arguments, name, value, sizeof(value), &found, &ignored) || !found)
        return fallback;
    const char *copy = arena_copy(context->arena, value, strlen(value));
    return copy ? copy : fallback;
}

static const char begin_source[] = "begin isolation level repeatable read read only";

enum error_code
job_source(struct job_context *context, struct database **source, struct error *error)
{
    *source = context->source;
    if (*source)
        return ERROR_NONE;
    if (database_open(&context->source, DATABASE_SOURCE, "tapemill extract", error) ||
        database_run(context->source, begin_source, error))
        return error->code;
    *source = context->source;
    return ERROR_NONE;
}

enum error_code
job_source_anew(struct job_context *context, struct database **source, struct error *error)
{
    if (!context->source)
        return job_source(context, source, error);
    *source = context->source;
    return database_run(*source, "rollback", error) ? error->code : database_run(*source, begin_source, error);
}

enum error_code
job_side(struct job_context *context, struct database **side, struct error *error)
{
    *side = context->side;
    if (*side)
        return ERROR_NONE;
    char purpose[48];
    /* Of a frozen process it must not hold up whoever takes the job over: a takeover ends it together with the run's
     * own backend, by this name (sql/ledger/ledger.sql, end_backend); in a transaction that stands still it ends by
     * itself. */
    (void)snprintf(purpose, sizeof(purpose), "tapemill side of %d", database_backend_pid(context->warehouse));
    if (database_open(&context->side, DATABASE_WAREHOUSE, purpose, error) ||
        database_run(context->side, "set idle_in_transaction_session_timeout = '5s'", error) ||
        (context->is_rehearsal && database_run(context->side, "set default_transaction_read_only = on", error)))
        return error->code;
    *side = context->side;
    return ERROR_NONE;
}

void
job_push(struct job_context *context, const struct ledger_pushes *pushes)
{
    struct error ignored;
    if (!pushes->count || (context->side && context->redis &&
                           !ledger_push(context->side, context->redis, pushes->job_ids, pushes->count, &ignored)))
        return;
    for (size_t i = 0; i < pushes->count; i++)
        ledger_note_push(&context->pushes, pushes->job_ids[i]);
}

const char *
job_end_key(const struct job_definition *job, const char *business_date, char key[JOB_WAIT_KEY_BYTES])
{
    struct error ignored;
    int32_t days;
    if (!job->end_key_prefix || !business_date || calendar_date_parse(business_date, &days, &ignored))
        return NULL;
    (void)snprintf(key, JOB_WAIT_KEY_BYTES, "%s:%d", job->end_key_prefix, (int)calendar_date_key(days));
    return key;
}
