/* dimension_run - runs one job, or asks for one partition, without a worker and without Redis.
 *
 *   dimension_run job NAME [ARGUMENTS [DATE]]    the job through the ledger, from enqueue to commit; prints its counts
 *   dimension_run twice NAME [ARGUMENTS [DATE]]  the same, with the handler run twice in the one transaction
 *   dimension_run issues DATE                    files what the SQL in $ISSUES puts into stage_issues, as "sample" rows
 *   dimension_run ensure FACT DATE_KEY           partition_ensure_day, after a shared advisory lock on 42: whoever
 * holds that lock starts any number of these at once
 *
 * Ends with 1 and the error's message when it failed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/database.h"
#include "core/ledger.h"
#include "jobs/context.h"
#include "jobs/partition.h"
#include "jobs/quality.h"

static enum error_code
file_issues(struct job_context *context, struct error *error)
{
    const char *table = "sample";
    if (quality_stage(context, error) || database_run(context->warehouse, getenv("ISSUES"), error) ||
        quality_record(context, table, &context->counts.quarantined, error))
        return error->code;
    context->counts.extracted = context->counts.quarantined;
    return quality_resolve(context, table, context->run->business_date, error);
}

static const struct job_definition issues = {
    .name = "issues",
    .type = "QUALITY",
    .queue = "batch",
    .max_attempts = 1,
    .run = file_issues,
};

static void
print_counts(const struct job_context *context)
{
    const struct ledger_counts *counts = &context->counts;
    printf("extracted %" PRId64 " inserted %" PRId64 " updated %" PRId64 " unchanged %" PRId64 " superseded %" PRId64
           " quarantined %" PRId64 " removed %" PRId64 "\n",
           counts->extracted, counts->inserted, counts->updated, counts->unchanged, counts->superseded,
           counts->quarantined, counts->removed);
}

static enum error_code
run_claimed(struct database *warehouse, const struct job_definition *job, const struct ledger_run *run,
            struct arena *arena, int times, struct error *error)
{
    struct job_context context;
    struct ledger_limits limits;
    job_context_init(&context, warehouse, run, arena);
    enum error_code code = database_begin(warehouse, error);
    for (int i = 0; !code && i < times; i++)
        code = job->run(&context, error);
    if (!code)
        code = ledger_complete(warehouse, run, &context.counts, context.metadata, &context.pushes, &limits, error);
    if (!code)
        code = database_commit(warehouse, error);
    database_rollback(warehouse);
    if (!code)
        print_counts(&context);
    job_context_term(&context);
    return code;
}

static enum error_code
run_job(struct database *warehouse, struct arena *arena, const struct job_definition *job, const char *arguments,
        const char *date, int times, struct error *error)
{
    struct ledger_run run;
    struct ledger_pushes pushes = {0};
    enum ledger_claim claim;
    int64_t job_id, delay_ms;
    bool created;
    if (!job)
        return error_set(error, ERROR_USAGE, "there is no such job");
    const struct ledger_new_job new_job = {
        .job_name = job->name,
        .job_type = job->type,
        .kind = "batch",
        .queue = job->queue,
        .max_attempts = job->max_attempts,
        .arguments = arguments ? arguments : "{}",
        .business_date = date,
    };
    if (ledger_enqueue(warehouse, &new_job, &job_id, &created, error) ||
        ledger_claim(warehouse, job_id, false, "dimension_run", arena, &pushes, &claim, &run, &delay_ms, error))
        return error->code;
    return run_claimed(warehouse, job, &run, arena, times, error);
}

static enum error_code
ensure(struct database *warehouse, struct arena *arena, char **words, struct error *error)
{
    static const struct ledger_run run = {.job_name = "partitions"};
    struct job_context context;
    job_context_init(&context, warehouse, &run, arena);
    enum error_code code = database_begin(warehouse, error);
    if (!code)
        code = database_query(warehouse, "select pg_advisory_xact_lock_shared(42)", 0, NULL, NULL, error);
    if (!code)
        code = partition_ensure_day(&context, words[0], "DESK", (int32_t)strtol(words[1], NULL, 10), error);
    database_rollback(warehouse);
    job_context_term(&context);
    return code;
}

static enum error_code
act(int argc, char **argv, struct arena *arena, struct error *error)
{
    struct database *warehouse;
    enum error_code code;
    const char *verb = argc >= 3 ? argv[1] : "";
    const char *third = argc >= 4 ? argv[3] : NULL, *fourth = argc >= 5 ? argv[4] : NULL;
    if (config_load(error) || database_open(&warehouse, DATABASE_WAREHOUSE, "dimension_run", error))
        return error->code;
    if (strcmp(verb, "job") == 0 || strcmp(verb, "twice") == 0)
        code = run_job(warehouse, arena, job_find(argv[2]), third, fourth, verb[0] == 't' ? 2 : 1, error);
    else if (strcmp(verb, "issues") == 0)
        code = run_job(warehouse, arena, &issues, NULL, argv[2], 1, error);
    else if (strcmp(verb, "ensure") == 0 && third)
        code = ensure(warehouse, arena, argv + 2, error);
    else
        code = error_set(error, ERROR_USAGE, "usage: dimension_run job|twice|issues|ensure ...");
    database_close(warehouse);
    return code;
}

int
main(int argc, char **argv)
{
    struct arena arena;
    struct error error = {0};
    arena_init(&arena, JOB_ARENA_BYTES);
    enum error_code code = act(argc, argv, &arena, &error);
    arena_term(&arena);
    if (code)
        fprintf(stderr, "%s: %s\n", error_name(code), error.message);
    return code ? EXIT_FAILURE : EXIT_SUCCESS;
}
