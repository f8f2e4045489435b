#include "jobs/event_fact.h"

static enum error_code
run(struct job_context *context, struct error *error)
{
    return event_load_run(context, &event_risk_snapshots, error);
}

extern const struct job_definition job_load_risk_snapshots;
const struct job_definition job_load_risk_snapshots = {
    .name = "load_risk_snapshots",
    .type = "ETL",
    .summary = "risk snapshots of one business date into fact_risk_snapshots",
    .queue = "batch",
    .max_attempts = 5,
    .needs_date = true,
    .run = run,
};
