/* jobs/client_metrics.c - agg_client_metrics of one period: what each client traded, both flows together, in base
 * currency, and its risk snapshots. Trades and snapshots are added up each on their own before they meet, so that
 * neither multiplies the other; a client with snapshots alone has a row of zeros. A period with a trade that is not
 * booked yet waits for the books of that date. docs/numbers.md has the formulas. */
#include "jobs/period_aggregate.h"

static const struct period_aggregate client_metrics = {
    .sql = "jobs/client_metrics",
    .table = "agg_client_metrics",
    .target = "client_metrics",
    .group = "client",
    .parts = {"trades", "risk"},
};

static enum error_code
run(struct job_context *context, struct error *error)
{
    return period_aggregate_run(context, &client_metrics, error);
}

const struct job_definition job_client_metrics = {
    .name = "client_metrics",
    .type = "AGGREGATION",
    .summary = "clients in the day, week, month, quarter or year (period) that the date is in",
    .queue = "batch",
    .max_attempts = 5,
    .needs_date = true,
    .arguments = period_aggregate_arguments,
    .run = run,
};
