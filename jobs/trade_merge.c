/* jobs/trade_merge.c - a flow's day that has facts already, or only some of whose rows were read: stage, then merge. */
#include <stdio.h>
#include <stdlib.h>

#include "core/failpoint.h"
#include "jobs/books_ahead.h"
#include "jobs/day_lock.h"
#include "jobs/pnl_day.h"
#include "jobs/quality.h"
#include "jobs/trade_load_internal.h"

#define SQL(name) sql_text("jobs/trade_load", name)

enum { DATES_BYTES = 64 * 1024 };

static const char fact[] = "fact_trades";

/* ---- stage -------------------------------------------------------------------------------------------------- */

/* Only what changed at the source is read: what is not among it is not gone. */
static bool
reads_changes(const struct trade_load *load)
{
    return load->range.changed_from != NULL;
}

/* Stages what differs from the facts that stand; of changes, which are few, all. */
static enum error_code
stage_differences(struct trade_load *load, struct error *error)
{
    const struct trade_load_definition *definition = load->definition;
    if (reads_changes(load))
        return trade_stage(load, error);
    if (trade_compare_open(&load->compare, load->context, definition->flow, definition->source_label, load->date_key,
                           error) ||
        trade_stage(load, error))
        return error->code;
    struct trade_compare *compare = load->compare;
    load->compare = NULL;
    return trade_compare_finish(compare, error);
}

/* Stages without holding anything a dimension sync would wait for; when a dimension moved meanwhile, once more with the
 * epochs held. */
static enum error_code
stage(struct trade_load *load, struct error *error)
{
    bool moved;
    struct database *warehouse = load->context->warehouse;
    if (database_run(warehouse, SQL("stage"), error) ||
        day_lock(warehouse, load->definition->source_label, load->date_key_number, error) ||
        stage_differences(load, error) || trade_hold_epochs(load, &moved, error))
        return error->code;
    if (!moved)
        return ERROR_NONE;
    return database_run(warehouse, SQL("empty_stage"), error) ? error->code : stage_differences(load, error);
}

static enum error_code
file_findings(struct trade_load *load, struct error *error)
{
    struct job_context *context = load->context;
    const char *table = load->definition->source_table;
    int64_t quarantined;
    if (quality_stage(context, error) ||
        database_query(context->warehouse, SQL("stage_issues"), DATABASE_VALUES(load->business_date), NULL, error) ||
        quality_record(context, table, &quarantined, error))
        return error->code;
    context->counts.quarantined += quarantined;
    if (reads_changes(load))
        return database_query(context->warehouse, SQL("resolve_staged"), DATABASE_VALUES(table), NULL, error);
    return quality_resolve(context, table, load->business_date, error);
}

/* ---- trades that changed their date ------------------------------------------------------------------------- */

static enum error_code
leave_day(struct trade_load *load, const char *date_key, struct error *error)
{
    const char *label = load->definition->source_label;
    char date[16];
    int64_t left = 0;
    bool was_closed;
    if (trade_load_counted(load, "superseded_elsewhere", DATABASE_VALUES(load->date_key, label, date_key),
                           &load->context->counts.superseded, error) ||
        trade_load_counted(load, "leave_other_day", DATABASE_VALUES(label, date_key), &left, error))
        return error->code;
    if (!left)
        return ERROR_NONE;
    (void)snprintf(date, sizeof(date), "%.4s-%.2s-%.2s", date_key, date_key + 4, date_key + 6);
    if (trade_load_mark_changed(load, date_key, &was_closed, error) || books_ahead_withdraw(load, date_key, error))
        return error->code;
    return was_closed ? pnl_day_forward(load->context, date, error) : ERROR_NONE;
}

/* Days other than this on which a staged trade stands. The facts' tables are let go of
 * again: whoever waits for a day while it holds a table of that month, and the fold of that month, would wait for each
 * other. */
static enum error_code
find_other_days(struct trade_load *load, struct rows **rows, struct error *error)
{
    struct database *warehouse = load->context->warehouse;
    char *dates = arena_alloc(load->context->arena, DATES_BYTES);
    if (!dates)
        return error_set(error, ERROR_MEMORY, "out of memory for a list of dates");
    if (trade_load_candidates(load, dates, DATES_BYTES, error) || database_run(warehouse, SQL("look"), error) ||
        database_query(warehouse, SQL("other_days"), DATABASE_VALUES(dates, load->definition->source_label), rows,
                       error))
        return error->code;
    if (!database_run(warehouse, SQL("looked"), error))
        return ERROR_NONE;
    rows_free(*rows);
    return error->code;
}

/* Locks every day on which a staged trade stands too, in date order; then takes the trades from there. This day is
 * locked already: two loads that take trades from each other at once are a deadlock, of which PostgreSQL ends one. */
static enum error_code
lock_days(struct trade_load *load, struct error *error)
{
    struct database *warehouse = load->context->warehouse;
    struct rows *rows;
    if (find_other_days(load, &rows, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    for (size_t i = 0; !code && i < rows_count(rows); i++)
        code = day_lock(warehouse, load->definition->source_label, (int32_t)rows_integer(rows, i, 0), error);
    for (size_t i = 0; !code && i < rows_count(rows); i++)
        code = leave_day(load, rows_text(rows, i, 0), error);
    rows_free(rows);
    return code;
}

/* ---- merge -------------------------------------------------------------------------------------------------- */

static enum error_code
merge(struct trade_load *load, struct error *error)
{
    struct ledger_counts *counts = &load->context->counts;
    const char *label = load->definition->source_label;
    int64_t superseded, unchanged, pairs = 0;
    const char *const keys[] = {load->date_key, label, load->run_no};
    if (trade_load_counted(load, "drop_duplicates", 0, NULL, &counts->superseded, error) || lock_days(load, error) ||
        trade_load_counted(load, "pair", 2, keys, &pairs, error) ||
        database_run(load->context->warehouse, SQL("analyze_pairs"), error) ||
        trade_load_number(load, "count_superseded", 0, NULL, &superseded, error) ||
        trade_load_number(load, "count_unchanged", 0, NULL, &unchanged, error) ||
        trade_load_counted(load, "update", 3, keys, &counts->updated, error) ||
        trade_load_counted(load, "insert", 3, keys, &counts->inserted, error) ||
        (!reads_changes(load) && trade_load_counted(load, "remove_vanished", 3, keys, &counts->removed, error)))
        return error->code;
    counts->extracted += load->extracted;
    counts->superseded += superseded;
    counts->unchanged += load->unchanged + unchanged;
    FAILPOINT("load.merged");
    return ERROR_NONE;
}

/* Conditions, dirty log, follow-up jobs. A pipeline computes the books as its next step; a load that stands alone asks
 * for it, unless that is asked already: whoever has not begun will see what this run commits, since it takes the day's
 * lock first. */
static enum error_code
announce(struct trade_load *load, int64_t written, struct error *error)
{
    bool was_closed;
    int64_t waiting;
    if (trade_load_note_day(load, error))
        return error->code;
    if (!written)
        return ERROR_NONE;
    if (trade_load_mark_changed(load, load->date_key, &was_closed, error) ||
        books_ahead_withdraw(load, load->date_key, error))
        return error->code;
    if (load->context->run->pipeline_run_id)
        return ERROR_NONE;
    if (trade_load_number(load, "books_asked_for", DATABASE_VALUES(load->business_date), &waiting, error))
        return error->code;
    return waiting ? ERROR_NONE : pnl_day_forward(load->context, load->business_date, error);
}

/* A load in flight of another date may hold a trade of ours: whoever comes second here sees the first one's commit, and
 * loads again. */
static enum error_code
settle_moves(struct trade_load *load, struct error *error)
{
    struct rows *rows;
    if (trade_load_lock_moves(load, error) || find_other_days(load, &rows, error))
        return error->code;
    size_t found = rows_count(rows);
    rows_free(rows);
    if (!found)
        return ERROR_NONE;
    return error_set(error, ERROR_PG_CONFLICT, "trades moved between %s and another date while both were loaded",
                     load->business_date);
}

enum error_code
trade_merge(struct trade_load *load, struct error *error)
{
    const struct ledger_counts *counts = &load->context->counts;
    int64_t before = counts->inserted + counts->updated + counts->removed;
    if (partition_ensure_day(load->context, fact, load->definition->source_label, load->date_key_number, error) ||
        stage(load, error) || file_findings(load, error) || merge(load, error) ||
        announce(load, counts->inserted + counts->updated + counts->removed - before, error))
        return error->code;
    return settle_moves(load, error);
}
