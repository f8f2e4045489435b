#include "jobs/event_fact.h"

static enum error_code
run(struct job_context *context, struct error *error)
{
    return event_load_run(context, &event_orders, error);
}

extern const struct job_definition job_load_orders;
const struct job_definition job_load_orders = {
    .name = "load_orders",
    .type = "ETL",
    .summary = "orders of one business date, by their creation: final ones into fact_orders, all into latest_orders",
    .queue = "batch",
    .max_attempts = 5,
    .needs_date = true,
    .run = run,
};
