#include "jobs/trade_changes.h"

static enum error_code
run(struct job_context *context, struct error *error)
{
    return trade_changes_run(context, &load_trades_definition, error);
}

extern const struct job_definition job_load_changed_trades;
const struct job_definition job_load_changed_trades = {
    .name = "load_changed_trades",
    .type = "ETL",
    .summary = "the clients' trades that changed at the source since the last time",
    .queue = "live",
    .max_attempts = 5,
    .arguments = trade_changes_arguments,
    .run = run,
};
