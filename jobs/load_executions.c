#include "jobs/trade_load.h"

const struct trade_load_definition load_executions_definition = {
    .flow = TRADE_DESK,
    .source_label = "DESK",
    .source_table = "executions",
    .changed_table = "executions",
    .extract = &trade_extract_executions,
};

static enum error_code
run(struct job_context *context, struct error *error)
{
    return trade_load_run(context, &load_executions_definition, error);
}

extern const struct job_definition job_load_executions;
const struct job_definition job_load_executions = {
    .name = "load_executions",
    .type = "ETL",
    .summary = "the desk's executions of one business date into fact_trades",
    .queue = "batch",
    .max_attempts = 5,
    .end_key_prefix = "ahead:DESK",
    .needs_date = true,
    .run = run,
};
