#include "jobs/event_fact.h"

static enum error_code
run(struct job_context *context, struct error *error)
{
    return event_changes_run(context, &event_quotes, error);
}

extern const struct job_definition job_load_changed_quotes;
const struct job_definition job_load_changed_quotes = {
    .name = "load_changed_quotes",
    .type = "ETL",
    .summary = "quotes that changed at the source since the last time",
    .queue = "live",
    .max_attempts = 5,
    .arguments = event_changes_arguments,
    .run = run,
};
