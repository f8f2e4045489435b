#include "jobs/trade_changes.h"

static enum error_code
run(struct job_context *context, struct error *error)
{
    return trade_changes_run(context, &load_executions_definition, error);
}

extern const struct job_definition job_load_changed_executions;
const struct job_definition job_load_changed_executions = {
    .name = "load_changed_executions",
    .type = "ETL",
    .summary = "the desk's executions that changed at the source since the last time",
    .queue = "live",
    .max_attempts = 5,
    .arguments = trade_changes_arguments,
    .run = run,
};
