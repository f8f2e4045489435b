#include "jobs/pipeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/ledger.h"
#include "core/sql.h"
#include "jobs/job.h"

#define STEPS(table) .steps = (table), .count = sizeof(table) / sizeof((table)[0])

#define LOAD_STEPS                                                                                                     \
    {"dates", "dates", {0}, .shared = true}, {"dimensions", "sync_dimensions", {0}, .shared = true},                   \
        {"fx_rates", "sync_fx_rates", {0}, .shared = true},                                                            \
        {"executions", "load_executions", {"dates", "dimensions", "fx_rates"}, .shared = false},                       \
        {"trades", "load_trades", {"dates", "dimensions", "fx_rates"}, .shared = false},                               \
        {"orders", "load_orders", {"dates", "dimensions"}, .shared = false},                                           \
        {"quotes", "load_quotes", {"dates", "dimensions"}, .shared = false},                                           \
        {"risk", "load_risk_snapshots", {"dates", "dimensions"}, .shared = false},                                     \
        {"realized_pnl", "realized_pnl", {"executions", "trades"}, .shared = false},                                   \
        {"performance", "daily_performance", {"realized_pnl"}, .shared = false},                                       \
        {"performance_risk", "performance_risk", {"performance"}, .shared = false},                                    \
        {"positions", "daily_positions", {"realized_pnl", "quotes"}, .shared = false},                                 \
    {                                                                                                                  \
        "summary", "daily_summary", {"executions", "trades"}, .shared = false                                          \
    }

/* A business date, from the source to what is derived of it; provisional, so that the gate only looks. */
static const struct pipeline_step daily_load_steps[] = {
    LOAD_STEPS,
    {"gate", "publish_gate", {"performance_risk", "positions", "summary"}, .shared = false},
    {"views", "refresh_views", {"gate"}, .shared = false},
};

/* The same of a date that is over, with what is computed of whole days: then the date is published. */
static const struct pipeline_step daily_close_steps[] = {
    LOAD_STEPS,
    {"clients", "client_metrics", {"realized_pnl", "risk"}, .shared = false},
    {"providers", "lp_performance", {"realized_pnl", "orders", "quotes"}, .shared = false},
    {"publish", "publish_gate", {"performance_risk", "positions", "summary"}, .arguments = "{\"final\": \"true\"}"},
    {"views", "refresh_views", {"publish", "clients", "providers"}, .shared = false},
};

/* The books of a date again, because the date before closed differently than it had. */
static const struct pipeline_step pnl_forward_steps[] = {
    {"realized_pnl", "realized_pnl", {0}, .shared = false},
    {"performance", "daily_performance", {"realized_pnl"}, .shared = false},
    {"performance_risk", "performance_risk", {"performance"}, .shared = false},
    {"positions", "daily_positions", {"realized_pnl"}, .shared = false},
};

static const struct pipeline_definition daily_load = {
    .name = "daily_load",
    .summary = "all facts of one date, realised P&L, performance, positions, daily summary",
    STEPS(daily_load_steps),
};

static const struct pipeline_definition daily_close = {
    .name = "daily_close",
    .summary = "the same of a date that is over, with clients and providers; makes its numbers final",
    STEPS(daily_close_steps),
};

static const struct pipeline_definition pnl_forward = {
    .name = "pnl_forward",
    .summary = "realised P&L, performance and positions of one date again, from the facts already loaded",
    STEPS(pnl_forward_steps),
};

static const struct pipeline_definition *const pipelines[] = {&daily_load, &daily_close, &pnl_forward};

const struct pipeline_definition *const *
pipeline_all(size_t *count)
{
    *count = sizeof(pipelines) / sizeof(pipelines[0]);
    return pipelines;
}

const struct pipeline_definition *
pipeline_find(const char *name)
{
    for (size_t i = 0; i < sizeof(pipelines) / sizeof(pipelines[0]); i++)
        if (strcmp(pipelines[i]->name, name) == 0)
            return pipelines[i];
    return NULL;
}

/* ---- enqueue ----------------------------------------------------------------------------------------------- */

/* What is known while the steps of one run are inserted. */
struct insertion {
    struct database *warehouse;
    const struct pipeline_definition *pipeline;
    const struct pipeline_request *request;
    int64_t run_id;
    int64_t job_ids[PIPELINE_STEPS_MAX];
    bool met[PIPELINE_STEPS_MAX]; /* the step needs no run: one that is done serves */
};

static size_t
step_index(const struct pipeline_definition *pipeline, const char *name)
{
    size_t i = 0;
    while (i < pipeline->count && strcmp(pipeline->steps[i].name, name) != 0)
        i++;
    return i;
}

static enum error_code
find_id(struct database *warehouse, const char *statement, int count, const char *const *values, int64_t *job_id,
        struct error *error)
{
    struct rows *rows;
    if (database_query(warehouse, sql_text("ledger/pipeline", statement), count, values, &rows, error))
        return error->code;
    *job_id = rows_count(rows) ? rows_integer(rows, 0, 0) : 0;
    rows_free(rows);
    return ERROR_NONE;
}

/* A job of another run that serves as this shared step, or 0: one that has not begun yet; for a date of a backfill also
 * one that is done, which is then *met. */
static enum error_code
find_shared(const struct insertion *insertion, const struct pipeline_step *step, const char *queue, int64_t *job_id,
            bool *met, struct error *error)
{
    const struct pipeline_request *request = insertion->request;
    char backfill[24];
    (void)snprintf(backfill, sizeof(backfill), "%" PRId64, request->backfill_id);
    if (request->backfill_id &&
        find_id(insertion->warehouse, "find_result",
                DATABASE_VALUES(step->job, step->name, request->business_date, backfill), job_id, error))
        return error->code;
    *met = *job_id != 0;
    if (*met)
        return ERROR_NONE;
    return find_id(insertion->warehouse, "find_shared", DATABASE_VALUES(step->job, queue, step->name), job_id, error);
}

static enum error_code
insert_step(struct insertion *insertion, size_t index, struct error *error)
{
    const struct pipeline_step *step = &insertion->pipeline->steps[index];
    const struct pipeline_request *request = insertion->request;
    const struct job_definition *job = job_find(step->job);
    const char *queue = request->queue ? request->queue : job->queue;
    int64_t depends_on[4];
    char end_key[JOB_WAIT_KEY_BYTES];
    bool created;
    struct ledger_new_job new_job = {
        .job_name = job->name,
        .job_type = job->type,
        .kind = "batch",
        .queue = queue,
        .priority = request->priority,
        .max_attempts = job->max_attempts,
        .arguments = step->arguments ? step->arguments : "{}",
        .business_date = step->shared ? NULL : request->business_date,
        .parent_id = request->parent_id,
        .pipeline_run_id = step->shared ? 0 : insertion->run_id,
        .backfill_id = step->shared ? 0 : request->backfill_id,
        .step = step->name,
        .end_key = step->shared ? NULL : job_end_key(job, request->business_date, end_key),
        .depends_on = depends_on,
    };
    for (size_t i = 0; i < 4 && step->after[i]; i++) {
        size_t before = step_index(insertion->pipeline, step->after[i]);
        if (!insertion->met[before])
            depends_on[new_job.dependencies++] = insertion->job_ids[before];
    }
    if (step->shared && find_shared(insertion, step, queue, &insertion->job_ids[index], &insertion->met[index], error))
        return error->code;
    if (insertion->job_ids[index])
        return ERROR_NONE;
    return ledger_enqueue(insertion->warehouse, &new_job, &insertion->job_ids[index], &created, error);
}

enum error_code
pipeline_enqueue(struct database *warehouse, const struct pipeline_definition *pipeline,
                 const struct pipeline_request *request, struct arena *arena, int64_t **job_ids, size_t *count,
                 struct error *error)
{
    char backfill[24], parent[24], run_id[24];
    struct insertion insertion = {.warehouse = warehouse, .pipeline = pipeline, .request = request};
    (void)snprintf(backfill, sizeof(backfill), "%" PRId64, request->backfill_id);
    (void)snprintf(parent, sizeof(parent), "%" PRId64, request->parent_id);
    if (database_value(warehouse, sql_text("ledger/pipeline", "create_run"),
                       DATABASE_VALUES(pipeline->name, request->business_date, backfill, parent), run_id,
                       sizeof(run_id), error))
        return error_context(error, "pipeline %s could not be enqueued", pipeline->name);
    (void)sscanf(run_id, "%" SCNd64, &insertion.run_id);
    *job_ids = arena_alloc(arena, pipeline->count * sizeof(**job_ids));
    if (!*job_ids)
        return error_set(error, ERROR_MEMORY, "out of memory for the steps of a pipeline");
    for (size_t i = 0; i < pipeline->count; i++)
        if (insert_step(&insertion, i, error))
            return error_context(error, "pipeline %s, step %s", pipeline->name, pipeline->steps[i].name);
    memcpy(*job_ids, insertion.job_ids, pipeline->count * sizeof(**job_ids));
    *count = pipeline->count;
    return ERROR_NONE;
}

static enum error_code
enqueue_job(struct database *warehouse, const struct job_definition *job, const char *arguments,
            const struct pipeline_request *request, struct arena *arena, int64_t **job_ids, size_t *count,
            struct error *error)
{
    char end_key[JOB_WAIT_KEY_BYTES];
    bool created;
    struct ledger_new_job new_job = {
        .job_name = job->name,
        .job_type = job->type,
        .kind = "batch",
        .queue = request->queue ? request->queue : job->queue,
        .priority = request->priority,
        .max_attempts = job->max_attempts,
        .arguments = arguments ? arguments : "{}",
        .business_date = request->business_date,
        .interval_start = request->interval_start,
        .interval_end = request->interval_end,
        .parent_id = request->parent_id,
        .backfill_id = request->backfill_id,
        .unique_key = request->unique_key,
        .end_key = job_end_key(job, request->business_date, end_key),
    };
    if (job->needs_date && !request->business_date)
        return error_set(error, ERROR_USAGE, "job %s works on one business date; give it with --date YYYY-MM-DD",
                         job->name);
    *job_ids = arena_alloc(arena, sizeof(**job_ids));
    *count = 1;
    if (!*job_ids)
        return error_set(error, ERROR_MEMORY, "out of memory for a job");
    return ledger_enqueue(warehouse, &new_job, *job_ids, &created, error);
}

enum error_code
pipeline_enqueue_target(struct database *warehouse, const char *target, const char *arguments,
                        const struct pipeline_request *request, struct arena *arena, int64_t **job_ids, size_t *count,
                        struct error *error)
{
    const struct pipeline_definition *pipeline = pipeline_find(target);
    const struct job_definition *job = job_find(target);
    if (job)
        return enqueue_job(warehouse, job, arguments, request, arena, job_ids, count, error);
    if (!pipeline)
        return error_set(error, ERROR_USAGE, "there is no job or pipeline \"%s\"; `tapemill enqueue --help` lists them",
                         target);
    if (!request->business_date)
        return error_set(error, ERROR_USAGE, "pipeline %s works on one business date; give it with --date YYYY-MM-DD",
                         target);
    return pipeline_enqueue(warehouse, pipeline, request, arena, job_ids, count, error);
}
