#include "jobs/trade_load.h"

const struct trade_load_definition load_trades_definition = {
    .flow = TRADE_CLIENT,
    .source_label = "CLIENT",
    .source_table = "trades",
    .changed_table = "trades",
    .extract = &trade_extract_trades,
};

static enum error_code
run(struct job_context *context, struct error *error)
{
    return trade_load_run(context, &load_trades_definition, error);
}

extern const struct job_definition job_load_trades;
const struct job_definition job_load_trades = {
    .name = "load_trades",
    .type = "ETL",
    .summary = "the clients' trades of one business date into fact_trades",
    .queue = "batch",
    .max_attempts = 5,
    .end_key_prefix = "ahead:CLIENT",
    .needs_date = true,
    .run = run,
};
