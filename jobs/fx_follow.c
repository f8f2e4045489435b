#include "jobs/fx_follow.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/config.h"
#include "jobs/pipeline.h"

#define SQL(name) sql_text("jobs/fx_follow", name)

enum { NUMBER_BYTES = 24 };

enum error_code
fx_follow_begin(struct job_context *context, struct error *error)
{
    return database_run(context->warehouse, SQL("stage"), error);
}

static enum error_code
enqueue_load(struct job_context *context, const char *job, const char *date, struct error *error)
{
    const struct pipeline_request request = {
        .business_date = date,
        .queue = context->run->queue,
        .priority = context->run->priority,
        .parent_id = context->run->job_id,
    };
    char asked[8];
    int64_t *ids;
    size_t count;
    if (database_value(context->warehouse, SQL("asked_for"), DATABASE_VALUES(job, date), asked, sizeof(asked), error))
        return error->code;
    if (asked[0] == 't')
        return ERROR_NONE;
    if (pipeline_enqueue_target(context->warehouse, job, NULL, &request, context->arena, &ids, &count, error))
        return error->code;
    ledger_note_push(&context->pushes, ids[0]);
    return ERROR_NONE;
}

/* The load of a flow and date, if one of its facts has another rate. The facts' tables are let go of again: a load
 * that runs may want one for itself. */
static enum error_code
follow_loaded(struct job_context *context, const struct rows *loaded, size_t row, struct error *error)
{
    const char *source = rows_text(loaded, row, 0), *date = rows_text(loaded, row, 2);
    struct database *warehouse = context->warehouse;
    char differs[8];
    if (database_run(warehouse, sql_text("jobs/trade_load", "look"), error) ||
        database_value(warehouse, SQL("differs"),
                       DATABASE_VALUES(rows_text(loaded, row, 1), source, rows_text(loaded, row, 3), date,
                                       config_text(CONFIG_FX_MAX_AGE_DAYS)),
                       differs, sizeof(differs), error) ||
        database_run(warehouse, sql_text("jobs/trade_load", "looked"), error))
        return error->code;
    if (differs[0] != 't')
        return ERROR_NONE;
    return enqueue_load(context, strcmp(source, "DESK") == 0 ? "load_executions" : "load_trades", date, error);
}

static enum error_code
follow_facts(struct job_context *context, struct error *error)
{
    struct rows *rows;
    if (database_query(context->warehouse, SQL("loaded"), 0, NULL, &rows, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    for (size_t i = 0; !code && i < rows_count(rows); i++)
        code = follow_loaded(context, rows, i, error);
    rows_free(rows);
    return code;
}

static enum error_code
follow_loads(struct job_context *context, struct error *error)
{
    struct rows *rows;
    if (database_query(context->warehouse, SQL("lock"), 0, NULL, NULL, error) ||
        database_query(context->warehouse, SQL("in_flight"), 0, NULL, &rows, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    for (size_t i = 0; !code && i < rows_count(rows); i++)
        code = enqueue_load(context, rows_text(rows, i, 0), rows_text(rows, i, 1), error);
    rows_free(rows);
    return code;
}

enum error_code
fx_follow_enqueue(struct job_context *context, struct error *error)
{
    char run_no[NUMBER_BYTES];
    (void)snprintf(run_no, sizeof(run_no), "%" PRId64, context->run->run_no);
    if (database_query(context->warehouse, SQL("reach"),
                       DATABASE_VALUES(config_text(CONFIG_FX_MAX_AGE_DAYS), config_text(CONFIG_BASE_CURRENCY)), NULL,
                       error) ||
        follow_facts(context, error) || follow_loads(context, error) ||
        database_query(context->warehouse, SQL("log_positions"), DATABASE_VALUES(run_no), NULL, error))
        return error_context(error, "what follows from the changed rates");
    return ERROR_NONE;
}
