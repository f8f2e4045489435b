#include "jobs/event_fact.h"

static enum error_code
run(struct job_context *context, struct error *error)
{
    return event_changes_run(context, &event_risk_snapshots, error);
}

extern const struct job_definition job_load_changed_risk_snapshots;
const struct job_definition job_load_changed_risk_snapshots = {
    .name = "load_changed_risk_snapshots",
    .type = "ETL",
    .summary = "risk snapshots that changed at the source since the last time",
    .queue = "live",
    .max_attempts = 5,
    .arguments = event_changes_arguments,
    .run = run,
};
