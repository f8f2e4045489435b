/* run_job JOB DATE [ARGUMENTS]   enqueues one job for a business date, with arguments as a JSON object, and runs it
 * run_job --queued               runs what is queued and due, the oldest first, until nothing is
 *
 * What a worker does with a job, without Redis and in this process: claim, run the handler in a transaction of its own,
 * complete and commit, or write the failure. One line per job: its name, its date, and
 *
 *     done extracted=E inserted=I updated=U unchanged=N skipped=S removed=R METADATA
 *     waiting KEY: MESSAGE
 *     failed CODE: MESSAGE
 *
 * The status is 0 if every job is done or waits. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/log.h"
#include "jobs/context.h"
#include "jobs/pipeline.h"

static const char oldest_queued[] =
    "select id from etl_jobs where state = 'queued' and run_after <= clock_timestamp() order by id limit 1";

static enum error_code
run_handler(struct job_context *context, struct error *error)
{
    const struct job_definition *job = job_find(context->run->job_name);
    struct ledger_limits limits;
    if (!job)
        return error_set(error, ERROR_USAGE, "there is no job %s", context->run->job_name);
    if (database_begin(context->warehouse, error) || ledger_check(context->warehouse, context->run, error) ||
        job->run(context, error) ||
        ledger_complete(context->warehouse, context->run, &context->counts, context->metadata, &context->pushes,
                        &limits, error) ||
        database_commit(context->warehouse, error))
        return error->code;
    ledger_pass_on(context->warehouse, &limits, &context->pushes);
    return ERROR_NONE;
}

static void
print_done(const struct job_context *context)
{
    const struct ledger_counts *counts = &context->counts;
    printf("done extracted=%" PRId64 " inserted=%" PRId64 " updated=%" PRId64 " unchanged=%" PRId64 " skipped=%" PRId64
           " removed=%" PRId64 " %s\n",
           counts->extracted, counts->inserted, counts->updated, counts->unchanged, counts->skipped, counts->removed,
           context->metadata);
}

/* Writes the failure as the worker would; *waits tells whether the job is to wait. */
static enum error_code
write_failure(struct job_context *context, const struct error *failure, bool *waits, struct error *error)
{
    enum ledger_outcome outcome;
    int64_t delay_ms;
    database_rollback(context->warehouse);
    if (ledger_fail(context->warehouse, context->run, failure, context->wait_key, NULL, NULL, &outcome, &delay_ms,
                    error))
        return error->code;
    *waits = failure->code == ERROR_WAITING;
    if (*waits)
        printf("waiting %s: %s\n", context->wait_key, failure->message);
    else
        printf("failed %s: %s\n", error_name(failure->code), failure->message);
    return ERROR_NONE;
}

static enum error_code
run_claimed(struct database *warehouse, const struct ledger_run *run, struct arena *arena, bool *good,
            struct error *error)
{
    struct job_context context;
    struct error failure = {0};
    enum error_code code = ERROR_NONE;
    printf("%s %s ", run->job_name, run->business_date);
    job_context_init(&context, warehouse, run, arena);
    *good = !run_handler(&context, &failure);
    if (*good)
        print_done(&context);
    else
        code = write_failure(&context, &failure, good, error);
    job_context_term(&context);
    return code;
}

static enum error_code
run_job(struct database *warehouse, int64_t job_id, bool *good, struct error *error)
{
    struct arena arena;
    struct ledger_run run;
    struct ledger_pushes pushes = {0};
    enum ledger_claim claim;
    int64_t delay_ms;
    arena_init(&arena, JOB_ARENA_BYTES);
    enum error_code code =
        ledger_claim(warehouse, job_id, false, "run_job", &arena, &pushes, &claim, &run, &delay_ms, error);
    if (!code && claim != LEDGER_CLAIMED)
        code = error_set(error, ERROR_BUG, "job %" PRId64 " could not be claimed", job_id);
    if (!code)
        code = run_claimed(warehouse, &run, &arena, good, error);
    arena_term(&arena);
    return code;
}

static enum error_code
run_queued(struct database *warehouse, bool *good, struct error *error)
{
    for (;;) {
        struct rows *rows;
        bool this_good;
        if (database_query(warehouse, oldest_queued, 0, NULL, &rows, error))
            return error->code;
        int64_t job_id = rows_count(rows) ? rows_integer(rows, 0, 0) : 0;
        rows_free(rows);
        if (!job_id)
            return ERROR_NONE;
        if (run_job(warehouse, job_id, &this_good, error))
            return error->code;
        *good = *good && this_good;
    }
}

static enum error_code
run_target(struct database *warehouse, const char *job, const char *date, const char *arguments, bool *good,
           struct error *error)
{
    struct arena arena;
    struct pipeline_request request = {.business_date = date};
    int64_t *job_ids, job_id = 0;
    size_t count;
    arena_init(&arena, JOB_ARENA_BYTES);
    enum error_code code =
        pipeline_enqueue_target(warehouse, job, arguments, &request, &arena, &job_ids, &count, error);
    if (!code)
        job_id = job_ids[0];
    arena_term(&arena);
    return code ? code : run_job(warehouse, job_id, good, error);
}

int
main(int argc, char **argv)
{
    struct error error = {0};
    struct database *warehouse = NULL;
    bool good = true;
    bool queued = argc == 2 && strcmp(argv[1], "--queued") == 0;
    if (!queued && argc != 3 && argc != 4) {
        fprintf(stderr, "usage: run_job JOB DATE [ARGUMENTS] | run_job --queued\n");
        return 2;
    }
    log_init("run_job", LOG_LEVEL_WARN);
    enum error_code code = config_load(&error);
    if (!code)
        code = database_open(&warehouse, DATABASE_WAREHOUSE, "run_job", &error);
    if (!code)
        code = queued ? run_queued(warehouse, &good, &error)
                      : run_target(warehouse, argv[1], argv[2], argc == 4 ? argv[3] : "{}", &good, &error);
    if (code)
        fprintf(stderr, "run_job: %s: %s\n", error_name(code), error.message);
    database_close(warehouse);
    return code || !good ? EXIT_FAILURE : EXIT_SUCCESS;
}
