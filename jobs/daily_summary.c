/* jobs/daily_summary.c - agg_daily_trade_summary of one business date: live trades of both flows by tenant, client,
 * instrument, liquidity provider, and client and instrument, in base currency.
 *
 * The dirty log says how much there is to do. Nothing, when no row tells of the date. If all tell of inserts only, and
 * of no more than some thousand runs, the rows of those runs are grouped and added to what is stored (delta): each row
 * keeps unrounded sums beside its figures, so that both ways end with the same bits. Otherwise, and with mode=whole,
 * the date is computed from all its facts, and what differs is written.
 *
 * No trade is counted twice. A delta adds the facts of those runs alone whose dirty rows it took. A whole date is read
 * in a statement after that in which its dirty rows were taken: it may show facts of a run that committed in between,
 * whose dirty row stands still. Then a row is logged that tells of more than inserts, so that the next run computes the
 * whole date too.
 *
 * A group with a trade that has no rate to the base currency is held: no row, a finding for its tenant, and the date
 * stays dirty. A published date's rows stay final: its facts stand still from the first statement to the commit (the
 * days' locks), and unless the gate's checks of the summary hold, the run fails and the old rows stay. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/config.h"
#include "jobs/day_lock.h"
#include "jobs/dirty.h"
#include "jobs/publish_check.h"

#define SQL(name) sql_text("jobs/daily_summary", name)

/* RUNS_BYTES_MAX: the runs of a delta stand in its statement three times; more of them are not worth it. */
enum { NUMBER_BYTES = 24, PREFIX_BYTES = 128, STATEMENT_BYTES = 64 * 1024, RUNS_BYTES_MAX = 16 * 1024 };

enum summary_way { SUMMARY_NOTHING, SUMMARY_DELTA, SUMMARY_WHOLE };

static const char *const way_names[] = {
    [SUMMARY_NOTHING] = "nothing", [SUMMARY_DELTA] = "delta", [SUMMARY_WHOLE] = "whole"};

struct summary {
    struct job_context *context;
    int32_t days;
    char date_key[NUMBER_BYTES], run_no[NUMBER_BYTES];
    bool must_be_whole, is_published;
    int64_t stored; /* rows */
    enum summary_way way;
    const char *run_nos; /* of the dirty rows that were taken */
    char *statement;     /* STATEMENT_BYTES */
};

static enum error_code
read_arguments(struct summary *summary, struct error *error)
{
    struct job_context *context = summary->context;
    const char *mode = job_argument(context, "mode", NULL);
    if (calendar_date_parse(context->run->business_date, &summary->days, error))
        return error_context(error, "daily_summary works on one business date");
    if (mode && strcmp(mode, "whole") != 0)
        return error_set(error, ERROR_ARGUMENT,
                         "the argument mode is \"%.40s\", but can only be \"whole\": the date anew from all its facts; "
                         "leave it out to do what the dirty log asks for",
                         mode);
    summary->must_be_whole = mode != NULL;
    (void)snprintf(summary->date_key, sizeof(summary->date_key), "%d", (int)calendar_date_key(summary->days));
    (void)snprintf(summary->run_no, sizeof(summary->run_no), "%" PRId64, context->run->run_no);
    summary->statement = arena_alloc(context->arena, STATEMENT_BYTES);
    return summary->statement ? ERROR_NONE : error_set(error, ERROR_MEMORY, "out of memory for a statement");
}

/* ---- what is to be done --------------------------------------------------------------------------------------- */

static enum error_code
read_stored(struct summary *summary, struct error *error)
{
    struct rows *rows;
    if (database_query(summary->context->warehouse, SQL("stored"), DATABASE_VALUES(summary->date_key), &rows, error))
        return error->code;
    summary->stored = rows_integer(rows, 0, 0);
    summary->is_published = rows_boolean(rows, 0, 1);
    rows_free(rows);
    return ERROR_NONE;
}

/* The days of a published date come before its bucket; whether it is published can change until we have that. */
static enum error_code
take_locks(struct summary *summary, struct error *error)
{
    struct database *warehouse = summary->context->warehouse;
    if (read_stored(summary, error))
        return error->code;
    bool holds_days = summary->is_published;
    if ((holds_days && day_lock_flows(warehouse, calendar_date_key(summary->days), error)) ||
        database_query(warehouse, SQL("lock_bucket"), DATABASE_VALUES(summary->date_key), NULL, error) ||
        read_stored(summary, error))
        return error->code;
    if (summary->is_published && !holds_days)
        return error_set(error, ERROR_PG_CONFLICT, "%s was published while its summary waited for it",
                         summary->context->run->business_date);
    return ERROR_NONE;
}

static enum error_code
choose_way(struct summary *summary, struct error *error)
{
    int32_t date_key = calendar_date_key(summary->days);
    int64_t dirty;
    bool insert_only;
    if (dirty_take(summary->context, "summary", date_key, date_key, &dirty, &insert_only, &summary->run_nos, error))
        return error->code;
    bool is_long = strlen(summary->run_nos) > RUNS_BYTES_MAX;
    if (summary->must_be_whole || !summary->stored || !insert_only || is_long)
        summary->way = SUMMARY_WHOLE;
    else
        summary->way = dirty ? SUMMARY_DELTA : SUMMARY_NOTHING;
    return ERROR_NONE;
}

/* ---- what it should say --------------------------------------------------------------------------------------- */

/* CREATE TABLE AS may use several processes, INSERT..SELECT never does. But it has its snapshot before it is planned: a
 * leaf that is replaced while it waits for the lock would be empty to it. So the lock comes first, by itself. */
static enum error_code
read_base(struct summary *summary, struct error *error)
{
    static const char prefix[] = "drop table stage_summary_base; create temporary table stage_summary_base on commit "
                                 "drop as select * from (";
    struct database *warehouse = summary->context->warehouse;
    size_t length = strlen(prefix);
    memcpy(summary->statement, prefix, length);
    if (database_query(warehouse, SQL("lock_facts"), DATABASE_VALUES(summary->date_key), NULL, error) ||
        database_value(warehouse, SQL("base"),
                       DATABASE_VALUES(summary->date_key, summary->way == SUMMARY_DELTA ? summary->run_nos : NULL),
                       summary->statement + length, STATEMENT_BYTES - length - PREFIX_BYTES, error))
        return error->code;
    (void)snprintf(summary->statement + strlen(summary->statement), PREFIX_BYTES, ") base; analyze stage_summary_base");
    return database_run(warehouse, summary->statement, error);
}

static enum error_code
compute_groups(struct summary *summary, struct error *error)
{
    struct ledger_counts *counts = &summary->context->counts;
    struct database *warehouse = summary->context->warehouse;
    struct rows *rows;
    if (database_run(warehouse, SQL("stage"), error) || read_base(summary, error) ||
        database_run(warehouse, SQL("roll_up"), error) ||
        database_query(warehouse, SQL("groups"), 0, NULL, &rows, error))
        return error->code;
    counts->extracted = rows_integer(rows, 0, 0);
    counts->skipped = rows_integer(rows, 0, 1);
    rows_free(rows);
    return ERROR_NONE;
}

/* What has no rate cannot be added to anything: then the whole date tells which groups are held. */
static enum error_code
compute(struct summary *summary, struct error *error)
{
    if (compute_groups(summary, error))
        return error->code;
    if (summary->way == SUMMARY_DELTA && summary->context->counts.skipped) {
        summary->way = SUMMARY_WHOLE;
        if (compute_groups(summary, error))
            return error->code;
    }
    if (summary->way == SUMMARY_DELTA)
        return ERROR_NONE;
    return database_query(summary->context->warehouse, SQL("note_late"),
                          DATABASE_VALUES(summary->date_key, summary->run_no), NULL, error);
}

/* ---- what is written ------------------------------------------------------------------------------------------ */

/* Runs a statement with the first count of: the date, this run's number, the business date. */
static enum error_code
write_rows(struct summary *summary, const char *statement, int count, int64_t *affected, struct error *error)
{
    const char *values[] = {summary->date_key, summary->run_no, summary->context->run->business_date};
    struct rows *rows;
    if (database_query(summary->context->warehouse, SQL(statement), count, values, &rows, error))
        return error->code;
    *affected = rows_affected(rows);
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
write_changes(struct summary *summary, struct error *error)
{
    struct ledger_counts *counts = &summary->context->counts;
    if (database_query(summary->context->warehouse, SQL("find_changes"),
                       DATABASE_VALUES(summary->date_key, summary->way == SUMMARY_DELTA ? "true" : "false"), NULL,
                       error) ||
        write_rows(summary, "delete_rows", 1, &counts->removed, error) ||
        write_rows(summary, "update_rows", 2, &counts->updated, error) ||
        write_rows(summary, "insert_rows", 3, &counts->inserted, error))
        return error->code;
    counts->unchanged = counts->extracted - counts->skipped - counts->updated - counts->inserted;
    return ERROR_NONE;
}

/* Groups that a missing rate holds back: counted as skipped, told of once for each tenant, as long as it lasts. */
static enum error_code
report_held(struct summary *summary, struct error *error)
{
    const struct ledger_run *run = summary->context->run;
    struct database *warehouse = summary->context->warehouse;
    int64_t written;
    if (database_query(warehouse, SQL("resolve_held"), DATABASE_VALUES(run->business_date), NULL, error))
        return error->code;
    if (!summary->context->counts.skipped)
        return ERROR_NONE;
    if (write_rows(summary, "hold_bucket", 2, &written, error))
        return error->code;
    return database_query(warehouse, SQL("report_held"),
                          DATABASE_VALUES(run->run_id, run->business_date, config_text(CONFIG_BASE_CURRENCY)), NULL,
                          error);
}

static enum error_code
refresh(struct summary *summary, struct error *error)
{
    if (compute(summary, error) || write_changes(summary, error) || report_held(summary, error))
        return error->code;
    return summary->is_published ? publish_check(summary->context, summary->days, PUBLISH_SUMMARY, error) : ERROR_NONE;
}

static enum error_code
run(struct job_context *context, struct error *error)
{
    struct summary summary = {.context = context};
    if (read_arguments(&summary, error) || take_locks(&summary, error) || choose_way(&summary, error))
        return error->code;
    if (summary.way == SUMMARY_NOTHING)
        context->counts.extracted = context->counts.unchanged = summary.stored;
    else if (refresh(&summary, error))
        return error->code;
    (void)snprintf(context->metadata, sizeof(context->metadata),
                   "{\"way\": \"%s\", \"skipped\": {\"fx_rate_missing\": %" PRId64 "}}", way_names[summary.way],
                   context->counts.skipped);
    return ERROR_NONE;
}

static const char *const arguments[] = {"mode", NULL};

const struct job_definition job_daily_summary = {
    .name = "daily_summary",
    .type = "AGGREGATION",
    .summary = "trades of one business date by tenant, client, instrument and liquidity provider, in base currency",
    .queue = "batch",
    .max_attempts = 5,
    .needs_date = true,
    .arguments = arguments,
    .run = run,
};
