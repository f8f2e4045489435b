#include "jobs/event_fact.h"

static enum error_code
run(struct job_context *context, struct error *error)
{
    return event_changes_run(context, &event_orders, error);
}

extern const struct job_definition job_sync_orders;
const struct job_definition job_sync_orders = {
    .name = "sync_orders",
    .type = "ETL",
    .summary = "orders that changed at the source since the last time",
    .queue = "live",
    .max_attempts = 5,
    .arguments = event_changes_arguments,
    .run = run,
};
