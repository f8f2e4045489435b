/* jobs/event_merge.c - staged events into the facts of their dates, and into latest states. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/failpoint.h"
#include "jobs/day_lock.h"
#include "jobs/event_fact_internal.h"
#include "jobs/quality.h"

#define SQL(name) sql_text("jobs/event_facts", name)

/* Runs a made statement and adds the rows that it wrote to *written. */
static enum error_code
write_made(struct event_load *load, const char *statement, int count, const char *const *values, int64_t *written,
           struct error *error)
{
    struct rows *rows;
    if (event_made(load, statement, count, values, 0, NULL, &rows, error))
        return error->code;
    *written += rows_affected(rows);
    rows_free(rows);
    return ERROR_NONE;
}

/* ---- events that changed their date -------------------------------------------------------------------------- */

static enum error_code
leave_day(struct event_load *load, const char *date_key, struct error *error)
{
    const struct event_definition *definition = load->definition;
    const struct event_target *fact = definition->fact;
    int64_t newer = 0, left = 0;
    if (write_made(load, "newer_elsewhere",
                   DATABASE_VALUES(fact->table, definition->stage, fact->key, fact->stage_key, date_key), &newer,
                   error) ||
        write_made(load, "leave_other_day",
                   DATABASE_VALUES(fact->table, definition->stage, fact->key, fact->stage_key, date_key), &left, error))
        return error->code;
    if (!left)
        return ERROR_NONE;
    return dirty_log(load->context, definition->change, (int32_t)strtol(date_key, NULL, 10), false, "moved away",
                     error);
}

/* Whoever holds a day may wait for our merge to end, so that nobody waits for a day here. */
static enum error_code
try_day(struct event_load *load, int32_t date_key, struct error *error)
{
    const struct event_definition *definition = load->definition;
    char date[CALENDAR_DATE_BYTES];
    int32_t days;
    bool is_ours;
    if (day_lock_try(load->context->warehouse, definition->label, date_key, &is_ours, error))
        return error->code;
    if (is_ours)
        return ERROR_NONE;
    if (calendar_date_from_key(date_key, &days, error))
        return error->code;
    (void)calendar_date_format(days, date);
    return error_set(error, ERROR_PG_CONFLICT, "%s moved from %s, which another run is writing; the job is tried again",
                     definition->source_table, date);
}

static enum error_code
leave_days(struct event_load *load, const struct rows *days, struct error *error)
{
    for (size_t i = 0; i < rows_count(days); i++)
        if (try_day(load, (int32_t)rows_integer(days, i, 0), error))
            return error->code;
    for (size_t i = 0; i < rows_count(days); i++)
        if (leave_day(load, rows_text(days, i, 0), error))
            return error->code;
    return ERROR_NONE;
}

/* Among the candidates, dates as "20240102,20240103". */
static enum error_code
leave_others(struct event_load *load, const char *candidates, struct error *error)
{
    const struct event_definition *definition = load->definition;
    const struct event_target *fact = definition->fact;
    struct rows *days;
    if (!candidates[0])
        return ERROR_NONE;
    if (event_made(load, "other_days",
                   DATABASE_VALUES(fact->table, definition->stage, fact->key, fact->stage_key, candidates), 0, NULL,
                   &days, error))
        return error->code;
    enum error_code code = leave_days(load, days, error);
    rows_free(days);
    return code;
}

enum error_code
event_lock_moves(struct event_load *load, struct error *error)
{
    return database_query(load->context->warehouse, SQL("lock_moves"), DATABASE_VALUES(load->definition->label), NULL,
                          error);
}

/* Takes staged events from the other dates on which they stand. Candidates are dates that any of them may stand on, by
 * the ranges of their numbers. */
static enum error_code
settle_moves(struct event_load *load, struct error *error)
{
    const struct event_definition *definition = load->definition;
    struct rows *candidates;
    if (!definition->number)
        return ERROR_NONE;
    if (event_lock_moves(load, error) ||
        event_made(load, "candidate_days", DATABASE_VALUES(definition->stage, definition->number, definition->label), 0,
                   NULL, &candidates, error))
        return error->code;
    enum error_code code = leave_others(load, rows_text(candidates, 0, 0), error);
    rows_free(candidates);
    return code;
}

/* ---- one table ----------------------------------------------------------------------------------------------- */

struct written {
    int64_t inserted, updated, removed;
};

/* date_key NULL: a table without dates. */
static enum error_code
write_rows(struct event_load *load, const struct event_target *target, const char *date_key, struct written *written,
           struct error *error)
{
    if (write_made(load, "update", DATABASE_VALUES(target->table, target->rows, target->key, date_key, load->run_no),
                   &written->updated, error))
        return error->code;
    return write_made(load, "insert", DATABASE_VALUES(target->table, target->rows, date_key, load->run_no),
                      &written->inserted, error);
}

static enum error_code
pair(struct event_load *load, const struct event_target *target, const char *date_key, struct error *error)
{
    int64_t pairs = 0;
    return write_made(load, "pair",
                      DATABASE_VALUES(target->table, target->rows, target->key, target->condition, date_key), &pairs,
                      error);
}

/* ---- the facts of a date ------------------------------------------------------------------------------------- */

/* Facts whose event is there, but is no fact any more. */
static enum error_code
leave_facts(struct event_load *load, const char *date_key, struct written *written, struct error *error)
{
    const struct event_definition *definition = load->definition;
    struct rows *rows;
    const char *const values[] = {date_key, load->run_no};
    if (!definition->leave_values)
        return ERROR_NONE;
    if (database_query(load->context->warehouse, sql_text(definition->sql, "leave"), definition->leave_values, values,
                       &rows, error))
        return error->code;
    written->removed += rows_affected(rows);
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
note_loaded(struct event_load *load, const char *date_key, struct error *error)
{
    struct rows *range = NULL;
    const char *low = NULL, *high = NULL;
    if (load->definition->number) {
        if (event_made(load, "range", DATABASE_VALUES(load->definition->stage, load->definition->number, date_key), 0,
                       NULL, &range, error))
            return error->code;
        low = rows_is_null(range, 0, 0) ? NULL : rows_text(range, 0, 0);
        high = rows_is_null(range, 0, 1) ? NULL : rows_text(range, 0, 1);
    }
    enum error_code code =
        database_query(load->context->warehouse, SQL("note_loaded"),
                       DATABASE_VALUES(load->definition->label, date_key, load->run_no, low, high), NULL, error);
    rows_free(range);
    return code;
}

static enum error_code
merge_date(struct event_load *load, const char *date_key, struct error *error)
{
    const struct event_definition *definition = load->definition;
    const struct event_target *fact = definition->fact;
    struct written written = {0};
    int64_t gone = 0;
    if (leave_facts(load, date_key, &written, error) || pair(load, fact, date_key, error) ||
        write_rows(load, fact, date_key, &written, error) ||
        (load->is_whole &&
         write_made(load, "remove_gone",
                    DATABASE_VALUES(fact->table, definition->stage, fact->key, fact->stage_key, date_key, load->run_no),
                    &gone, error)) ||
        note_loaded(load, date_key, error))
        return error->code;
    load->dates++;
    load->context->counts.removed += gone;
    if (!written.inserted && !written.updated && !written.removed && !gone)
        return ERROR_NONE;
    return dirty_log(load->context, definition->change, (int32_t)strtol(date_key, NULL, 10),
                     !written.updated && !written.removed && !gone, "facts changed", error);
}

static enum error_code
merge_facts(struct event_load *load, struct error *error)
{
    struct rows *days;
    char only[EVENT_NUMBER_BYTES];
    if (load->is_whole) {
        (void)snprintf(only, sizeof(only), "%" PRId32, calendar_date_key(load->only_days));
        return merge_date(load, only, error);
    }
    if (event_made(load, "wanted_days", DATABASE_VALUES(load->definition->stage), 0, NULL, &days, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    for (size_t i = 0; !code && i < rows_count(days); i++)
        code = merge_date(load, rows_text(days, i, 0), error);
    rows_free(days);
    return code;
}

/* ---- latest states ------------------------------------------------------------------------------------------- */

/* Of a whole date, or of the whole table where events have no date. */
static enum error_code
merge_latest(struct event_load *load, struct error *error)
{
    const struct event_definition *definition = load->definition;
    const struct event_target *latest = definition->latest;
    struct written written = {0};
    char only[EVENT_NUMBER_BYTES];
    (void)snprintf(only, sizeof(only), "%" PRId32, calendar_date_key(load->only_days));
    if (write_rows(load, latest, NULL, &written, error))
        return error->code;
    if (!load->is_whole)
        return ERROR_NONE;
    return write_made(load, "remove_latest",
                      DATABASE_VALUES(latest->table, definition->stage, latest->key, latest->stage_key,
                                      definition->fact ? only : NULL),
                      &load->context->counts.removed, error);
}

/* ---- counts and findings ------------------------------------------------------------------------------------- */

static enum error_code
count_rows(struct event_load *load, struct error *error)
{
    const struct event_definition *definition = load->definition;
    const struct event_target *primary = definition->latest ? definition->latest : definition->fact;
    struct ledger_counts *counts = &load->context->counts;
    struct rows *kinds, *left;
    if (database_query(load->context->warehouse, SQL("counts"), DATABASE_VALUES(primary->table), &kinds, error))
        return error->code;
    counts->extracted += load->extracted;
    counts->inserted += rows_integer(kinds, 0, 0);
    counts->updated += rows_integer(kinds, 0, 1);
    counts->superseded += rows_integer(kinds, 0, 2);
    counts->unchanged += rows_integer(kinds, 0, 3);
    rows_free(kinds);
    if (event_made(load, "count_left", DATABASE_VALUES(definition->stage), 0, NULL, &left, error))
        return error->code;
    counts->skipped += rows_integer(left, 0, 0) + (load->is_whole ? load->not_sampled : 0);
    rows_free(left);
    return ERROR_NONE;
}

static enum error_code
file_findings(struct event_load *load, struct error *error)
{
    struct job_context *context = load->context;
    const struct event_definition *definition = load->definition;
    char date[CALENDAR_DATE_BYTES];
    if (quality_stage(context, error) ||
        database_query(context->warehouse, sql_text(definition->sql, "issues"), 0, NULL, NULL, error) ||
        quality_record(context, definition->source_table, &context->counts.quarantined, error))
        return error->code;
    if (!load->is_whole)
        return database_query(context->warehouse, sql_text(definition->sql, "read"),
                              DATABASE_VALUES(definition->source_table), NULL, error);
    if (!definition->fact)
        return quality_resolve(context, definition->source_table, NULL, error);
    (void)calendar_date_format(load->only_days, date);
    return quality_resolve(context, definition->source_table, date, error);
}

enum error_code
event_merge(struct event_load *load, struct error *error)
{
    const struct event_definition *definition = load->definition;
    if (settle_moves(load, error) || (definition->latest && pair(load, definition->latest, NULL, error)) ||
        (definition->fact && merge_facts(load, error)) || (definition->latest && merge_latest(load, error)) ||
        file_findings(load, error) || count_rows(load, error))
        return error->code;
    FAILPOINT("load.merged");
    return ERROR_NONE;
}
