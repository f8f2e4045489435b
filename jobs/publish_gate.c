/* jobs/publish_gate.c - the last look at a business date's numbers before people use them (jobs/publish_check.h).
 *
 * With final=true the date is published if all checks hold: its summary's rows become final, which nothing else makes
 * them, and the date stands in etl_published_days. Without, it is only looked at, and what a missing rate holds back is
 * left to its finding. Either way a difference fails the run, so that what depends on it does not go on; its findings
 * and an alert stay.
 *
 * A final gate that finds something of the date dirty does not compare: it asks for the jobs that bring that up to date
 * (jobs/refresh.h), on the side connection, and is given back until they have ended; if there are none that may still
 * do it, it fails. What is dirty of a date that is only looked at is left to refresh_aggregates, and not compared. A
 * final gate waits for the date's books; while they are not closed, a look leaves out what follows from them.
 *
 * Locks: the days of both flows, so that no fact changes; the condition of the books (final), so that they stay closed;
 * then the bucket of the summary. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/calendar_date.h"
#include "jobs/day_lock.h"
#include "jobs/pnl_day.h"
#include "jobs/publish_check.h"
#include "jobs/refresh.h"

#define SQL(name) sql_text("jobs/publish_gate", name)

enum { NUMBER_BYTES = 24, LIST_BYTES = 256 };

struct gate {
    struct job_context *context;
    int32_t days;
    bool is_final;
    char date_key[NUMBER_BYTES], run_no[NUMBER_BYTES];
    char dirty[LIST_BYTES]; /* targets, "" for none */
};

static enum error_code
read_arguments(struct gate *gate, struct error *error)
{
    struct job_context *context = gate->context;
    const char *final = job_argument(context, "final", "false");
    if (calendar_date_parse(context->run->business_date, &gate->days, error))
        return error_context(error, "publish_gate works on one business date");
    if (strcmp(final, "true") != 0 && strcmp(final, "false") != 0)
        return error_set(error, ERROR_ARGUMENT,
                         "the argument final is \"%.40s\", but must be \"true\" (publish the date) or \"false\" (only "
                         "look at it)",
                         final);
    gate->is_final = final[0] == 't';
    (void)snprintf(gate->date_key, sizeof(gate->date_key), "%d", (int)calendar_date_key(gate->days));
    (void)snprintf(gate->run_no, sizeof(gate->run_no), "%" PRId64, context->run->run_no);
    return ERROR_NONE;
}

static enum error_code
take_locks(struct gate *gate, struct error *error)
{
    struct database *warehouse = gate->context->warehouse;
    char targets[LIST_BYTES];
    refresh_date_targets(targets, sizeof(targets));
    if (day_lock_flows(warehouse, calendar_date_key(gate->days), error) ||
        (gate->is_final && pnl_day_hold(gate->context, gate->days, error)) ||
        database_query(warehouse, sql_text("jobs/daily_summary", "lock_bucket"), DATABASE_VALUES(gate->date_key), NULL,
                       error))
        return error->code;
    return database_value(warehouse, SQL("dirty"), DATABASE_VALUES(gate->date_key, targets), gate->dirty,
                          sizeof(gate->dirty), error);
}

/* Also tells whether jobs are there that may bring the date up to date. */
static enum error_code
enqueue_refresh(struct gate *gate, struct database *side, struct ledger_pushes *pushes, bool *under_way,
                struct error *error)
{
    struct job_context *context = gate->context;
    struct refresh_request request = {.database = side,
                                      .pushes = pushes,
                                      .from_key = gate->date_key,
                                      .to_key = gate->date_key,
                                      .before = "infinity",
                                      .dates_only = true};
    struct refresh_result result;
    char jobs[LIST_BYTES], answer[NUMBER_BYTES];
    refresh_date_jobs(jobs, sizeof(jobs));
    if (ledger_check(side, context->run, error) || refresh_dirty(context, &request, &result, error) ||
        database_value(side, SQL("under_way"), DATABASE_VALUES(context->run->business_date, jobs), answer,
                       sizeof(answer), error))
        return error->code;
    *under_way = answer[0] == 't';
    return database_commit(side, error);
}

/* The run's own transaction ends with the error that this returns; the jobs are committed beside it. */
static enum error_code
ask_for_refresh(struct gate *gate, struct error *error)
{
    struct job_context *context = gate->context;
    struct ledger_pushes pushes = {0};
    struct database *side;
    bool under_way = false;
    if (job_side(context, &side, error) || database_begin(side, error))
        return error->code;
    enum error_code code = enqueue_refresh(gate, side, &pushes, &under_way, error);
    if (code) {
        database_rollback(side);
        return code;
    }
    job_push(context, &pushes);
    if (under_way)
        return error_set(error, ERROR_STALE,
                         "%s cannot be published yet: %s changed and is being computed again; the gate looks again "
                         "after that",
                         context->run->business_date, gate->dirty);
    return error_set(error, ERROR_GATE,
                     "%s cannot be published: %s changed, and the job that was to compute it again is dead; see "
                     "`tapemill dead list`, then retry it and this one",
                     context->run->business_date, gate->dirty);
}

/* Runs a statement with the date and this run's number; *affected is how many rows it wrote. */
static enum error_code
write_rows(struct gate *gate, const char *statement, int count, int64_t *affected, struct error *error)
{
    const char *values[] = {gate->date_key, gate->run_no};
    struct rows *rows;
    if (database_query(gate->context->warehouse, SQL(statement), count, values, &rows, error))
        return error->code;
    *affected = rows_affected(rows);
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
publish(struct gate *gate, struct error *error)
{
    struct ledger_counts *counts = &gate->context->counts;
    int64_t published;
    return write_rows(gate, "publish", 2, &published, error) ||
                   write_rows(gate, "make_final", 1, &counts->updated, error)
               ? error->code
               : ERROR_NONE;
}

static enum error_code
count_rows(struct gate *gate, struct error *error)
{
    struct ledger_counts *counts = &gate->context->counts;
    char count[NUMBER_BYTES];
    if (database_value(gate->context->warehouse, SQL("count_rows"), DATABASE_VALUES(gate->date_key), count,
                       sizeof(count), error))
        return error->code;
    (void)sscanf(count, "%" SCNd64, &counts->extracted);
    counts->unchanged = counts->extracted - counts->updated;
    (void)snprintf(gate->context->metadata, sizeof(gate->context->metadata), "{\"final\": %s, \"dirty\": \"%s\"}",
                   gate->is_final ? "true" : "false", gate->dirty);
    return ERROR_NONE;
}

static enum error_code
run(struct job_context *context, struct error *error)
{
    struct gate gate = {.context = context};
    if (read_arguments(&gate, error) || take_locks(&gate, error))
        return error->code;
    if (gate.is_final && gate.dirty[0])
        return ask_for_refresh(&gate, error);
    if (publish_check(context, gate.days, gate.is_final ? PUBLISH_DATE : PUBLISH_LOOK, error) ||
        (gate.is_final && publish(&gate, error)))
        return error->code;
    return count_rows(&gate, error);
}

static const char *const arguments[] = {"final", NULL};

const struct job_definition job_publish_gate = {
    .name = "publish_gate",
    .type = "QUALITY",
    .summary = "compares one business date's numbers with its facts and each other; with final=true publishes them",
    .queue = "batch",
    .max_attempts = 5,
    .needs_date = true,
    .arguments = arguments,
    .run = run,
};
