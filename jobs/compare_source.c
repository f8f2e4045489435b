/* jobs/compare_source.c - every night, for each flow and business date: do counts and sums of the source equal those of
 * fact_trades? It catches what the loads let slip: late commits, missed windows, rows deleted at the source.
 *
 * One row of totals per flow and date comes from the source; the warehouse adds up its own and compares, exactly.
 * Totals are of the date as a whole: nothing need be resolved through dimensions, and what helps, a load, is of the
 * date too. Rows in quarantine are left out on both sides and counted; a fact that vanished at the source is a
 * tombstone, which counts on neither. A date that was loaded while it was compared is skipped: the next comparison
 * looks at it.
 *
 * A difference is one open finding per flow and date, and the load of the date again, in the run's transaction. As long
 * as that load has not run, nothing more happens. If it did and the date differs still, though the source did not
 * change, a load cannot help: the finding becomes an ERROR, with an alert. Equal totals resolve it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "jobs/compare_totals.h"
#include "jobs/job.h"
#include "jobs/pipeline.h"
#include "jobs/reference_date.h"

#define SQL(name) sql_text("jobs/compare_source", name)

enum { MESSAGE_BYTES = 4096, NUMBER_BYTES = 24 };

static const char rule_differ[] = "source_totals_differ", rule_not_loaded[] = "source_date_not_loaded";

struct comparison {
    struct job_context *context;
    struct business_clock clock;
    int32_t first_days, last_days, today_days, history_days; /* day numbers */
    bool has_history;                                        /* TAPEMILL_HISTORY_START is set */
    int64_t dates, differing, repairs, loaded_meanwhile, quarantined_too_many;
    int32_t pipeline_days; /* date whose pipeline this run has enqueued last */
    int64_t pipeline_jobs[COMPARE_FLOWS];
};

/* The rule that the flow's date breaks; NULL: none. */
static const char *
broken_rule(const struct compare_totals *totals)
{
    if (totals->is_loaded)
        return totals->differences.bytes[0] ? rule_differ : NULL;
    return totals->has_source_rows ? rule_not_loaded : NULL;
}

/* ---- repair ------------------------------------------------------------------------------------------------ */

/* A load of the date that has not begun; 0 if there is none. */
static enum error_code
find_pending_load(struct comparison *comparison, const struct compare_totals *totals, int64_t *job_id,
                  struct error *error)
{
    struct rows *rows;
    if (database_query(comparison->context->warehouse, SQL("pending_load"),
                       DATABASE_VALUES(totals->flow->load, totals->date), &rows, error))
        return error->code;
    *job_id = rows_count(rows) ? rows_integer(rows, 0, 0) : 0;
    rows_free(rows);
    return ERROR_NONE;
}

/* The flow's load alone: it asks for the date's P&L itself if it changes anything. */
static enum error_code
enqueue_load(struct comparison *comparison, const struct compare_totals *totals, int64_t *job_id, struct error *error)
{
    struct job_context *context = comparison->context;
    const struct job_definition *job = job_find(totals->flow->load);
    char unique_key[128], end_key[JOB_WAIT_KEY_BYTES];
    bool created;
    (void)snprintf(unique_key, sizeof(unique_key), "compare_source:%s:%s", job->name, totals->date);
    const struct ledger_new_job new_job = {
        .job_name = job->name,
        .job_type = job->type,
        .kind = "batch",
        .queue = context->run->queue,
        .priority = context->run->priority,
        .max_attempts = job->max_attempts,
        .arguments = "{}",
        .business_date = totals->date,
        .unique_key = unique_key,
        .parent_id = context->run->job_id,
        .end_key = job_end_key(job, totals->date, end_key),
    };
    if (ledger_enqueue(context->warehouse, &new_job, job_id, &created, error))
        return error->code;
    ledger_note_push(&context->pushes, *job_id);
    return ERROR_NONE;
}

/* The whole pipeline, once for both flows: a new date brings new accounts and instruments. */
static enum error_code
enqueue_pipeline(struct comparison *comparison, const struct compare_totals *totals, int64_t *job_id,
                 struct error *error)
{
    struct job_context *context = comparison->context;
    const struct pipeline_definition *pipeline = pipeline_find("daily_load");
    const struct pipeline_request request = {
        .business_date = totals->date,
        .queue = context->run->queue,
        .priority = context->run->priority,
        .parent_id = context->run->job_id,
    };
    int64_t *ids;
    size_t count;
    if (comparison->pipeline_days != totals->days) {
        if (pipeline_enqueue(context->warehouse, pipeline, &request, context->arena, &ids, &count, error))
            return error->code;
        for (size_t i = 0; i < count; i++) {
            ledger_note_push(&context->pushes, ids[i]);
            for (int flow = 0; flow < COMPARE_FLOWS; flow++)
                if (strcmp(pipeline->steps[i].name, compare_flows[flow].step) == 0)
                    comparison->pipeline_jobs[flow] = ids[i];
        }
        comparison->pipeline_days = totals->days;
    }
    *job_id = comparison->pipeline_jobs[totals->flow - compare_flows];
    return ERROR_NONE;
}

/* Why a date that was not loaded is not loaded now; NULL when it is. */
static const char *
reason_not_to_load(const struct comparison *comparison, const struct compare_totals *totals)
{
    if (totals->is_loaded)
        return NULL;
    if (totals->days >= comparison->today_days)
        return "it is not over yet, and is left to its own load";
    if (!comparison->has_history)
        return "TAPEMILL_HISTORY_START is not set, so that nobody knows whether it belongs to the history; set it, or "
               "load the date with tapemill enqueue daily_load";
    if (totals->days < comparison->history_days)
        return "it is before TAPEMILL_HISTORY_START, and stays out";
    return NULL;
}

/* ---- findings ---------------------------------------------------------------------------------------------- */

static enum error_code
resolve(struct comparison *comparison, const struct compare_totals *totals, int64_t *resolved, struct error *error)
{
    struct rows *rows;
    if (database_query(comparison->context->warehouse, SQL("resolve"),
                       DATABASE_VALUES(totals->flow->table, totals->date), &rows, error))
        return error->code;
    *resolved = rows_affected(rows);
    rows_free(rows);
    return ERROR_NONE;
}

/* In place of what was open. repair_job 0: none. */
static enum error_code
file_finding(struct comparison *comparison, const struct compare_totals *totals, const char *severity,
             const char *message, int64_t repair_job, struct error *error)
{
    struct ledger_counts *counts = &comparison->context->counts;
    char repair[NUMBER_BYTES];
    int64_t replaced;
    (void)snprintf(repair, sizeof(repair), "%" PRId64, repair_job);
    if (resolve(comparison, totals, &replaced, error) ||
        database_query(comparison->context->warehouse, SQL("file_finding"),
                       DATABASE_VALUES(comparison->context->run->run_id, totals->flow->table, totals->date,
                                       broken_rule(totals), severity, message, totals->figures.bytes,
                                       repair_job ? repair : NULL),
                       NULL, error))
        return error->code;
    counts->updated += replaced > 0;
    counts->inserted += replaced == 0;
    return ERROR_NONE;
}

/* "executions of 2024-01-02 differ: live rows ..." */
static void
describe(const struct compare_totals *totals, char message[MESSAGE_BYTES])
{
    if (totals->is_loaded)
        (void)snprintf(message, MESSAGE_BYTES, "%s of %s differ: %s", totals->flow->table, totals->date,
                       totals->differences.bytes);
    else
        (void)snprintf(message, MESSAGE_BYTES, "%s of %s were never loaded: %s", totals->flow->table, totals->date,
                       totals->differences.bytes);
}

static void
append(char message[MESSAGE_BYTES], const char *text)
{
    size_t used = strlen(message);
    (void)snprintf(message + used, MESSAGE_BYTES - used, ". %s", text);
}

/* A WARNING, and the load that should put it right. */
static enum error_code
warn(struct comparison *comparison, const struct compare_totals *totals, struct error *error)
{
    char message[MESSAGE_BYTES], repair[256];
    int64_t job_id = 0;
    const char *reason = reason_not_to_load(comparison, totals);
    if (!reason && find_pending_load(comparison, totals, &job_id, error))
        return error->code;
    bool is_new = !reason && !job_id;
    if (is_new && (totals->is_loaded ? enqueue_load(comparison, totals, &job_id, error)
                                     : enqueue_pipeline(comparison, totals, &job_id, error)))
        return error->code;
    comparison->repairs += is_new;
    if (reason)
        (void)snprintf(repair, sizeof(repair), "The date is not loaded now: %s", reason);
    else
        (void)snprintf(repair, sizeof(repair), "Job %" PRId64 " (%s) loads the date%s", job_id, totals->flow->load,
                       totals->is_loaded ? " again" : "");
    describe(totals, message);
    append(message, repair);
    return file_finding(comparison, totals, "WARNING", message, job_id, error);
}

/* The load ran, the source is as it was, and still they differ: somebody must look. */
static enum error_code
escalate(struct comparison *comparison, const struct compare_totals *totals, int64_t repair_job, struct error *error)
{
    struct job_context *context = comparison->context;
    char message[MESSAGE_BYTES], help[512], cause[64], title[160];
    (void)snprintf(help, sizeof(help),
                   "Job %" PRId64
                   " (%s) loaded the date again and did not help. See operations.md, \"Totals that differ\"",
                   repair_job, totals->flow->load);
    describe(totals, message);
    append(message, help);
    (void)snprintf(cause, sizeof(cause), "%s:%s", rule_differ, totals->flow->table);
    (void)snprintf(title, sizeof(title), "%s of %s differ from the source, and loading them again did not help",
                   totals->flow->table, totals->date);
    if (file_finding(comparison, totals, "ERROR", message, repair_job, error))
        return error->code;
    return ledger_alert(context->warehouse, cause, "critical", title, message, context->run->job_id, error);
}

/* What is open about the date already. */
struct open_finding {
    bool exists, is_same_rule, is_error, is_source_unchanged;
    char repair[16]; /* none, pending, done, cancelled */
    int64_t repair_job;
};

static enum error_code
find_open(struct comparison *comparison, const struct compare_totals *totals, struct open_finding *open,
          struct error *error)
{
    struct rows *rows;
    if (database_query(comparison->context->warehouse, SQL("open_finding"),
                       DATABASE_VALUES(totals->flow->table, totals->date, totals->figures.bytes), &rows, error))
        return error->code;
    *open = (struct open_finding){.exists = rows_count(rows) > 0};
    if (open->exists) {
        const char *rule = broken_rule(totals);
        open->is_same_rule = rule && strcmp(rows_text(rows, 0, 0), rule) == 0;
        open->is_error = strcmp(rows_text(rows, 0, 1), "ERROR") == 0;
        open->is_source_unchanged = rows_boolean(rows, 0, 2);
        (void)snprintf(open->repair, sizeof(open->repair), "%s", rows_text(rows, 0, 3));
        open->repair_job = rows_integer(rows, 0, 4);
    }
    rows_free(rows);
    return ERROR_NONE;
}

/* True when the open finding still says all there is to say. */
static bool
is_known(const struct comparison *comparison, const struct compare_totals *totals, const struct open_finding *open)
{
    if (!open->exists || !open->is_same_rule)
        return false;
    if (strcmp(open->repair, "none") == 0)
        return reason_not_to_load(comparison, totals) != NULL;
    return strcmp(open->repair, "pending") == 0 || (open->is_error && open->is_source_unchanged);
}

static enum error_code
judge(struct comparison *comparison, const struct compare_totals *totals, struct error *error)
{
    struct ledger_counts *counts = &comparison->context->counts;
    struct open_finding open;
    int64_t resolved;
    bool differs = broken_rule(totals) != NULL;
    if (find_open(comparison, totals, &open, error))
        return error->code;
    comparison->differing += differs;
    if ((!differs && !open.exists) || (differs && is_known(comparison, totals, &open))) {
        counts->unchanged++;
        return ERROR_NONE;
    }
    if (!differs) {
        counts->updated++;
        return resolve(comparison, totals, &resolved, error);
    }
    if (open.exists && open.is_same_rule && open.is_source_unchanged && strcmp(open.repair, "done") == 0)
        return escalate(comparison, totals, open.repair_job, error);
    return warn(comparison, totals, error);
}

/* ---- dates ------------------------------------------------------------------------------------------------- */

static enum error_code
compare_flow(struct comparison *comparison, struct compare_totals *totals, enum trade_flow flow, struct error *error)
{
    enum compare_outcome outcome;
    comparison->context->counts.extracted++;
    if (compare_totals_read(comparison->context, totals, flow, &outcome, error))
        return error->code;
    if (outcome == COMPARE_SETTLED)
        return judge(comparison, totals, error);
    comparison->loaded_meanwhile += outcome == COMPARE_LOADED_MEANWHILE;
    comparison->quarantined_too_many += outcome == COMPARE_QUARANTINED_TOO_MANY;
    comparison->context->counts.skipped++;
    return ERROR_NONE;
}

static enum error_code
compare_date(struct comparison *comparison, int32_t days, struct error *error)
{
    struct compare_totals totals;
    bool exists = compare_totals_init(&totals, &comparison->clock, days);
    enum error_code code = ERROR_NONE;
    for (int flow = 0; !code && exists && flow < COMPARE_FLOWS; flow++)
        code = compare_flow(comparison, &totals, (enum trade_flow)flow, error);
    if (code)
        (void)error_context(error, "comparing %s with the source", totals.date);
    compare_totals_term(&totals);
    comparison->dates += exists;
    return code;
}

/* The dates to be compared: the run's, or the last ones before the business date that it is now. */
static enum error_code
choose_dates(struct comparison *comparison, struct error *error)
{
    struct job_context *context = comparison->context;
    const char *history = config_text(CONFIG_HISTORY_START);
    char now[NUMBER_BYTES];
    int32_t second;
    if (business_clock_init(&comparison->clock, config_text(CONFIG_TIMEZONE), config_day_roll_seconds(), error) ||
        reference_date(context, &comparison->last_days, error) ||
        database_value(context->warehouse, sql_text("jobs/reference_date", "instant"), DATABASE_VALUES(""), now,
                       sizeof(now), error))
        return error->code;
    business_clock_split(&comparison->clock, strtoll(now, NULL, 10), &comparison->today_days, &second);
    comparison->has_history = history && history[0];
    if (comparison->has_history && calendar_date_parse(history, &comparison->history_days, error))
        return error_context(error, "TAPEMILL_HISTORY_START");
    comparison->first_days = comparison->last_days;
    if (context->run->business_date[0])
        return ERROR_NONE;
    comparison->first_days -= (int32_t)config_integer(CONFIG_COMPARE_DAYS);
    comparison->last_days--;
    return ERROR_NONE;
}

static void
tell(struct comparison *comparison)
{
    char first[CALENDAR_DATE_BYTES], last[CALENDAR_DATE_BYTES];
    (void)snprintf(comparison->context->metadata, sizeof(comparison->context->metadata),
                   "{\"first\": \"%s\", \"last\": \"%s\", \"dates\": %" PRId64 ", \"differing\": %" PRId64
                   ", \"repairs\": %" PRId64 ", \"skipped\": {\"loaded_meanwhile\": %" PRId64
                   ", \"quarantined_too_many\": %" PRId64 "}}",
                   calendar_date_format(comparison->first_days, first),
                   calendar_date_format(comparison->last_days, last), comparison->dates, comparison->differing,
                   comparison->repairs, comparison->loaded_meanwhile, comparison->quarantined_too_many);
}

static enum error_code
run_comparison(struct comparison *comparison, struct error *error)
{
    if (choose_dates(comparison, error) ||
        compare_totals_begin(comparison->context, comparison->first_days, comparison->last_days, error))
        return error->code;
    for (int32_t days = comparison->first_days; days <= comparison->last_days; days++)
        if (compare_date(comparison, days, error))
            return error->code;
    tell(comparison);
    return ERROR_NONE;
}

static enum error_code
run(struct job_context *context, struct error *error)
{
    struct comparison *comparison = arena_alloc(context->arena, sizeof(*comparison));
    if (!comparison)
        return error_set(error, ERROR_MEMORY, "out of memory for a comparison");
    comparison->context = context;
    comparison->pipeline_days = INT32_MIN;
    return run_comparison(comparison, error);
}

const struct job_definition job_compare_source = {
    .name = "compare_source",
    .type = "QUALITY",
    .summary = "counts and sums of the last dates against the source; what differs is loaded again",
    .queue = "batch",
    .max_attempts = 5,
    .takes_date = true,
    .run = run,
};
