/* jobs/lp_performance.c - agg_lp_performance of one period: the quotes, trades and orders of each liquidity provider,
 * its score, and its rank among the providers of its tenant. Quotes are sampled: averages go by their weights.
 * docs/numbers.md has the formulas. */
#include "jobs/period_aggregate.h"

static const struct period_aggregate lp_performance = {
    .sql = "jobs/lp_performance",
    .table = "agg_lp_performance",
    .target = "lp_performance",
    .group = "liquidity provider",
    .parts = {"quotes", "trades", "orders"},
    .finish = "rank",
};

static enum error_code
run(struct job_context *context, struct error *error)
{
    return period_aggregate_run(context, &lp_performance, error);
}

const struct job_definition job_lp_performance = {
    .name = "lp_performance",
    .type = "AGGREGATION",
    .summary = "liquidity providers in the day, week, month, quarter or year (period) that the date is in",
    .queue = "batch",
    .max_attempts = 5,
    .needs_date = true,
    .arguments = period_aggregate_arguments,
    .run = run,
};
