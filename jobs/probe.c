/* jobs/probe.c - does nothing, and so shows that the way works: queue, lease, claim, run, commit. With seconds=N it
 * runs a statement that long first, for trying out limits, deadlines and cancelling; with mark=true it leaves one row
 * in etl_probes, the proof of its one effect; with fail=true it fails. */
#include <stdlib.h>
#include <string.h>

#include "core/number_text.h"
#include "jobs/job.h"

enum { SECONDS_MAX = 86400 };

static enum error_code
work_for(struct job_context *context, const char *seconds, struct error *error)
{
    char *end;
    double number = strtod(seconds, &end);
    if (end == seconds || *end || !(number >= 0 && number <= SECONDS_MAX))
        return error_set(error, ERROR_ARGUMENT, "seconds=%s is no number from 0 to %d", seconds, SECONDS_MAX);
    return database_query(context->warehouse, sql_text("jobs/probe", "pause"), DATABASE_VALUES(seconds), NULL, error);
}

static bool
asked(struct job_context *context, const char *name)
{
    return strcmp(job_argument(context, name, "false"), "true") == 0;
}

static enum error_code
run(struct job_context *context, struct error *error)
{
    struct number_text job, run_no;
    const char *seconds = job_argument(context, "seconds", NULL);
    if (seconds && work_for(context, seconds, error))
        return error->code;
    if (asked(context, "fail"))
        return error_set(error, ERROR_GATE, "the probe was asked to fail (fail=true)");
    if (!asked(context, "mark"))
        return ERROR_NONE;
    return database_query(
        context->warehouse, sql_text("jobs/probe", "mark"),
        DATABASE_VALUES(number_text(&job, context->run->job_id), number_text(&run_no, context->run->run_no)), NULL,
        error);
}

static const char *const arguments[] = {"seconds", "mark", "fail", NULL};

const struct job_definition job_probe = {
    .name = "probe",
    .type = "MAINTENANCE",
    .summary =
        "does nothing: shows that queue, worker and ledger work; seconds=N runs that long, mark=true leaves a row",
    .queue = "live",
    .max_attempts = 3,
    .takes_date = true,
    .arguments = arguments,
    .run = run,
};
