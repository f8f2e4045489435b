/* jobs/sync_fx_rates.c - makes fx_rates what the source has: a full comparison. Rates that break a rule are
 * quarantined, and what the warehouse has for their currency and date stays as it is; rates that are gone at the source
 * are removed. Facts and positions that took another rate follow (jobs/fx_follow.h). */
#include "jobs/sync_fx_rates.h"

#include "jobs/extract_stage.h"
#include "jobs/fx_follow.h"
#include "jobs/job.h"
#include "jobs/quality.h"
#include "jobs/statement.h"

#define FX_RATES_SQL "jobs/sync_fx_rates"
#define SOURCE_TABLE "fx_rates"

static const struct extract_column columns[] = {
    {"rate_date", EXTRACT_DATE},
    {"currency", EXTRACT_TEXT},
    {"rate_to_base", EXTRACT_NUMERIC},
    {"updated_at", EXTRACT_TIMESTAMPTZ},
};

const struct extract_definition sync_fx_rates_extract = {"fx_rates", columns, sizeof(columns) / sizeof(columns[0])};

static enum error_code
step(struct job_context *context, const char *statement, int64_t *affected, struct error *error)
{
    return statement_run(context, sql_text(FX_RATES_SQL, statement), affected, error);
}

/* An empty table at the source is sooner an accident than the end of all currencies. */
static enum error_code
refuse_empty(struct job_context *context, struct error *error)
{
    char count[24];
    if (context->counts.extracted > 0)
        return ERROR_NONE;
    if (database_value(context->warehouse, sql_text(FX_RATES_SQL, "count_rates"), 0, NULL, count, sizeof(count), error))
        return error->code;
    if (count[0] == '0')
        return ERROR_NONE;
    return error_set(
        error, ERROR_GATE,
        "the source has no exchange rate at all, the warehouse has %s; nothing was removed. If they are really "
        "gone, empty the warehouse's table fx_rates",
        count);
}

static enum error_code
extract(struct job_context *context, struct error *error)
{
    if (database_run(context->warehouse, sql_text(FX_RATES_SQL, "stage"), error) ||
        database_run(context->warehouse, sql_text(FX_RATES_SQL, "lock"), error) ||
        extract_stage(context, &sync_fx_rates_extract, NULL, sql_text(FX_RATES_SQL, "copy"), &context->counts.extracted,
                      error))
        return error->code;
    return refuse_empty(context, error);
}

static enum error_code
judge(struct job_context *context, struct error *error)
{
    int64_t broken;
    if (quality_stage(context, error) || step(context, "judge", &broken, error) ||
        step(context, "stage_issues", &broken, error) ||
        quality_record(context, SOURCE_TABLE, &context->counts.quarantined, error) ||
        quality_resolve(context, SOURCE_TABLE, NULL, error))
        return error->code;
    return step(context, "drop_superseded", &context->counts.superseded, error);
}

static enum error_code
run(struct job_context *context, struct error *error)
{
    struct ledger_counts *counts = &context->counts;
    if (fx_follow_begin(context, error) || extract(context, error) || judge(context, error) ||
        step(context, "remove", &counts->removed, error) || step(context, "update", &counts->updated, error) ||
        step(context, "insert", &counts->inserted, error))
        return error->code;
    if (counts->removed + counts->updated + counts->inserted && fx_follow_enqueue(context, error))
        return error->code;
    counts->unchanged =
        counts->extracted - counts->inserted - counts->updated - counts->superseded - counts->quarantined;
    return ERROR_NONE;
}

const struct job_definition job_sync_fx_rates = {
    .name = "sync_fx_rates",
    .type = "ETL",
    .summary = "exchange rates as the source has them",
    .queue = "batch",
    .max_attempts = 5,
    .run = run,
};
