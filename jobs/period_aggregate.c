#include "jobs/period_aggregate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/calendar_date.h"
#include "core/config.h"
#include "jobs/dirty.h"
#include "jobs/period.h"
#include "jobs/pnl_day.h"

#define SQL(name) sql_text("jobs/period_aggregate", name)

enum { NUMBER_BYTES = 24, TARGET_BYTES = 64, STATEMENT_BYTES = 64 };

/* A period that is being computed. Texts are parameters of statements. */
struct computation {
    struct job_context *context;
    const struct period_aggregate *aggregate;
    struct period period;
    const char *type;
    char target[TARGET_BYTES];
    char first[CALENDAR_DATE_BYTES], last[CALENDAR_DATE_BYTES], text[PERIOD_TEXT_BYTES];
    char first_key[NUMBER_BYTES], run_no[NUMBER_BYTES];
};

const char *const period_aggregate_arguments[] = {"period", NULL};

static enum error_code
choose(struct computation *computation, struct error *error)
{
    struct job_context *context = computation->context;
    enum period_type type;
    int32_t days;
    if (period_type_find(job_argument(context, "period", period_type_name(PERIOD_DAILY)), &type, error) ||
        calendar_date_parse(context->run->business_date, &days, error))
        return error_context(error, "%s works on the period that a business date is in", context->run->job_name);
    computation->period = period_of(type, days);
    computation->type = period_type_name(type);
    (void)calendar_date_format(computation->period.first, computation->first);
    (void)calendar_date_format(computation->period.last, computation->last);
    (void)period_text(&computation->period, computation->text);
    (void)snprintf(computation->target, sizeof(computation->target), "%s:%s", computation->aggregate->target,
                   computation->type);
    (void)snprintf(computation->first_key, sizeof(computation->first_key), "%" PRId32,
                   calendar_date_key(computation->period.first));
    (void)snprintf(computation->run_no, sizeof(computation->run_no), "%" PRId64, context->run->run_no);
    return ERROR_NONE;
}

/* The bucket is this run's until the commit; what is in the dirty log by now, it computes. */
static enum error_code
take(struct computation *computation, struct error *error)
{
    struct job_context *context = computation->context;
    int64_t rows;
    bool insert_only;
    if (database_query(context->warehouse, SQL("lock_bucket"),
                       DATABASE_VALUES(computation->target, computation->first_key), NULL, error))
        return error->code;
    return dirty_take(context, computation->target, calendar_date_key(computation->period.first),
                      calendar_date_key(computation->period.last), &rows, &insert_only, NULL, error);
}

/* ---- facts, month by month --------------------------------------------------------------------------------- */

/* What the facts say, in the client's hands: the savepoint gives back the locks that were needed to read them. */
static enum error_code
gather_part(struct computation *computation, const char *part, const char *const date_keys[2], struct rows **gathered,
            struct error *error)
{
    struct database *warehouse = computation->context->warehouse;
    char name[STATEMENT_BYTES];
    (void)snprintf(name, sizeof(name), "gather_%s", part);
    if (database_run(warehouse, SQL("savepoint"), error) ||
        database_query(warehouse, sql_text(computation->aggregate->sql, name), 2, date_keys, gathered, error))
        return error->code;
    return database_run(warehouse, SQL("release"), error);
}

static enum error_code
gather_month(struct computation *computation, int32_t first, int32_t last, struct error *error)
{
    const struct period_aggregate *aggregate = computation->aggregate;
    char from_key[NUMBER_BYTES], to_key[NUMBER_BYTES];
    const char *const date_keys[] = {from_key, to_key};
    (void)snprintf(from_key, sizeof(from_key), "%" PRId32, calendar_date_key(first));
    (void)snprintf(to_key, sizeof(to_key), "%" PRId32, calendar_date_key(last));
    for (size_t i = 0; aggregate->parts[i]; i++) {
        struct rows *gathered = NULL;
        enum error_code code = gather_part(computation, aggregate->parts[i], date_keys, &gathered, error);
        if (!code)
            code = database_query(computation->context->warehouse, sql_text(aggregate->sql, "keep"),
                                  DATABASE_VALUES(rows_text(gathered, 0, 0)), NULL, error);
        rows_free(gathered);
        if (code)
            return error_context(error, "the %s of %s to %s", aggregate->parts[i], from_key, to_key);
    }
    return ERROR_NONE;
}

static enum error_code
compute(struct computation *computation, struct error *error)
{
    const struct period_aggregate *aggregate = computation->aggregate;
    struct database *warehouse = computation->context->warehouse;
    if (database_run(warehouse, sql_text(aggregate->sql, "stage"), error))
        return error->code;
    for (int32_t first = computation->period.first, last; first <= computation->period.last; first = last + 1) {
        period_month_piece(&computation->period, first, &last);
        if (gather_month(computation, first, last, error))
            return error->code;
    }
    if (database_query(warehouse, sql_text(aggregate->sql, "compute"),
                       DATABASE_VALUES(computation->type, computation->first, computation->last), NULL, error))
        return error->code;
    return aggregate->finish
               ? database_query(warehouse, sql_text(aggregate->sql, aggregate->finish), 0, NULL, NULL, error)
               : ERROR_NONE;
}

/* ---- what must be there, and what is held ------------------------------------------------------------------ */

/* Trades of this date had no realised P&L: its books are not closed, or have been closed since. */
static enum error_code
refuse_unbooked(struct computation *computation, const char *date_key, struct error *error)
{
    struct job_context *context = computation->context;
    char unbooked[NUMBER_BYTES], date[CALENDAR_DATE_BYTES];
    int32_t days;
    if (calendar_date_from_key((int32_t)strtol(date_key, NULL, 10), &days, error) ||
        pnl_day_hold(context, days, error) ||
        database_value(context->warehouse, SQL("unbooked"), DATABASE_VALUES(date_key), unbooked, sizeof(unbooked),
                       error))
        return error->code;
    (void)calendar_date_format(days, date);
    if (unbooked[0] == '0')
        return error_set(error, ERROR_PG_CONFLICT,
                         "the books of %s were closed while %s was computed; it is computed again", date,
                         computation->text);
    return error_set(error, ERROR_GATE,
                     "the books of %s are closed, but %s of its trades have no realised P&L; run `tapemill enqueue "
                     "realized_pnl --date %s`",
                     date, unbooked, date);
}

/* Groups that a missing rate holds back: counted as skipped under the rule fx_rate_missing. What was open and is not
 * so any more is resolved. */
static enum error_code
report_held(struct computation *computation, const char *held, struct error *error)
{
    struct job_context *context = computation->context;
    const struct period_aggregate *aggregate = computation->aggregate;
    if (database_query(context->warehouse, SQL("hold_bucket"),
                       DATABASE_VALUES(computation->target, held, computation->run_no), NULL, error) ||
        database_query(context->warehouse, SQL("resolve_held"),
                       DATABASE_VALUES(aggregate->table, computation->type, computation->first, held), NULL, error))
        return error->code;
    return database_query(context->warehouse, SQL("report_held"),
                          DATABASE_VALUES(context->run->run_id, aggregate->table, computation->type, computation->first,
                                          held, aggregate->group, config_text(CONFIG_BASE_CURRENCY), computation->text),
                          NULL, error);
}

static enum error_code
look_at_groups(struct computation *computation, struct error *error)
{
    struct job_context *context = computation->context;
    char unbooked_key[NUMBER_BYTES];
    struct rows *rows;
    if (database_query(context->warehouse, sql_text(computation->aggregate->sql, "groups"), 0, NULL, &rows, error))
        return error->code;
    context->counts.extracted = rows_integer(rows, 0, 0);
    context->counts.skipped = rows_integer(rows, 0, 1);
    (void)snprintf(unbooked_key, sizeof(unbooked_key), "%s", rows_text(rows, 0, 2));
    enum error_code code = unbooked_key[0] ? refuse_unbooked(computation, unbooked_key, error)
                                           : report_held(computation, rows_text(rows, 0, 3), error);
    rows_free(rows);
    return code;
}

/* ---- rows -------------------------------------------------------------------------------------------------- */

static enum error_code
write_rows(struct computation *computation, const char *name, int count, const char *const *values, int64_t *affected,
           struct error *error)
{
    struct rows *rows;
    if (database_query(computation->context->warehouse, sql_text(computation->aggregate->sql, name), count, values,
                       &rows, error))
        return error->code;
    *affected = rows_affected(rows);
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
replace_rows(struct computation *computation, struct error *error)
{
    struct ledger_counts *counts = &computation->context->counts;
    const char *const run_no[] = {computation->run_no};
    if (write_rows(computation, "delete_rows", DATABASE_VALUES(computation->type, computation->first), &counts->removed,
                   error) ||
        write_rows(computation, "update_rows", 1, run_no, &counts->updated, error) ||
        write_rows(computation, "insert_rows", 1, run_no, &counts->inserted, error))
        return error->code;
    counts->unchanged = counts->extracted - counts->skipped - counts->updated - counts->inserted;
    return ERROR_NONE;
}

static void
tell(struct computation *computation)
{
    struct job_context *context = computation->context;
    char skipped[64] = "";
    if (context->counts.skipped)
        (void)snprintf(skipped, sizeof(skipped), ", \"skipped\": {\"fx_rate_missing\": %" PRId64 "}",
                       context->counts.skipped);
    (void)snprintf(context->metadata, sizeof(context->metadata), "{\"period\": \"%s\"%s}", computation->text, skipped);
}

enum error_code
period_aggregate_run(struct job_context *context, const struct period_aggregate *aggregate, struct error *error)
{
    struct computation computation = {.context = context, .aggregate = aggregate};
    if (choose(&computation, error) || take(&computation, error) || compute(&computation, error) ||
        look_at_groups(&computation, error) || replace_rows(&computation, error))
        return error->code;
    tell(&computation);
    return ERROR_NONE;
}
