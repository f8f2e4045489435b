#include "jobs/event_fact.h"

static enum error_code
run(struct job_context *context, struct error *error)
{
    return event_load_run(context, &event_quotes, error);
}

extern const struct job_definition job_load_quotes;
const struct job_definition job_load_quotes = {
    .name = "load_quotes",
    .type = "ETL",
    .summary = "sampled quotes of one business date into fact_quotes",
    .queue = "batch",
    .max_attempts = 5,
    .needs_date = true,
    .run = run,
};
