/* jobs/load_changed_orders.c - a fill takes its strategy, liquidity provider and order type from its order, which may
 * come after it or change later, while the fill says nothing new. So the fills of orders that changed are merged anew.
 */
#include "jobs/trade_changes.h"

static const struct trade_load_definition definition = {
    .flow = TRADE_DESK,
    .source_label = "DESK",
    .source_table = "executions",
    .changed_table = "orders",
    .extract = &trade_extract_executions_of_orders,
};

static enum error_code
run(struct job_context *context, struct error *error)
{
    return trade_changes_run(context, &definition, error);
}

extern const struct job_definition job_load_changed_orders;
const struct job_definition job_load_changed_orders = {
    .name = "load_changed_orders",
    .type = "ETL",
    .summary = "the desk's executions whose orders changed at the source since the last time",
    .queue = "live",
    .max_attempts = 5,
    .arguments = trade_changes_arguments,
    .run = run,
};
