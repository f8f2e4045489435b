/* jobs/trade_merge.c - a flow's day that has facts already, or only some of whose rows were read: stage, then merge. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/failpoint.h"
#include "jobs/books_ahead.h"
#include "jobs/day_lock.h"
#include "jobs/leaf.h"
#include "jobs/pnl_day.h"
#include "jobs/quality.h"
#include "jobs/trade_load_internal.h"

#define SQL(name) sql_text("jobs/trade_load", name)

enum { DATES_BYTES = 64 * 1024, STATEMENT_BYTES = 8 * 1024 };

static const char fact[] = "fact_trades";

/* ---- stage -------------------------------------------------------------------------------------------------- */

/* Only what changed at the source is read: what is not among it is not gone. */
static bool
reads_changes(const struct trade_load *load)
{
    return load->range.changed_from != NULL;
}

/* Whether a reference came twice of which one row was not staged, since its fact says the same. The facts' tables are
 * let go of again: see find_other_days(). */
static enum error_code
find_met_twice(struct trade_load *load, bool *twice, struct error *error)
{
    struct database *warehouse = load->context->warehouse;
    char answer[8];
    if (database_run(warehouse, SQL("look"), error) ||
        database_value(warehouse, SQL("met_twice"), DATABASE_VALUES(load->date_key, load->definition->source_label),
                       answer, sizeof(answer), error))
        return error->code;
    *twice = answer[0] == 't';
    return database_run(warehouse, SQL("looked"), error);
}

/* Stages every row, as which of two counts can be told only beside each other. */
static enum error_code
stage_all(struct trade_load *load, struct error *error)
{
    struct database *warehouse = load->context->warehouse;
    load->in_place = true;
    if (database_run(warehouse, SQL("empty_stage"), error) || trade_stage(load, error))
        return error->code;
    if (load->missing)
        return ERROR_NONE;
    return database_query(warehouse, SQL("all_absent"), DATABASE_VALUES(load->date_key, load->definition->source_label),
                          NULL, error);
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
    bool twice = false;
    load->compare = NULL;
    if (load->missing) {
        trade_compare_free(compare);
        return ERROR_NONE;
    }
    if (trade_compare_finish(compare, &load->facts, error) || find_met_twice(load, &twice, error))
        return error->code;
    return twice ? stage_all(load, error) : ERROR_NONE;
}

/* Stages without holding anything a dimension sync would wait for; when a dimension moved meanwhile, or members had to
 * be inferred, once more with the epochs held. */
static enum error_code
stage(struct trade_load *load, struct error *error)
{
    bool again;
    struct database *warehouse = load->context->warehouse;
    if (database_run(warehouse, SQL("stage"), error) ||
        day_lock(warehouse, load->definition->source_label, load->date_key_number, error))
        return error->code;
    for (int reading = 1;; reading++) {
        if (stage_differences(load, error) || trade_settle(load, reading, &again, error))
            return error->code;
        if (!again)
            return ERROR_NONE;
        if (database_run(warehouse, SQL("empty_stage"), error))
            return error->code;
    }
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
    if (database_query(load->context->warehouse, SQL("note_left"), DATABASE_VALUES(label, date_key, load->run_no), NULL,
                       error))
        return error->code;
    (void)snprintf(date, sizeof(date), "%.4s-%.2s-%.2s", date_key, date_key + 4, date_key + 6);
    if (trade_load_mark_changed(load, date_key, false, &was_closed, error) ||
        books_ahead_withdraw(load, date_key, error))
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
    load->dates = load->dates ? load->dates : arena_alloc(load->context->arena, DATES_BYTES);
    if (!load->dates)
        return error_set(error, ERROR_MEMORY, "out of memory for a list of dates");
    if (trade_load_candidates(load, load->dates, DATES_BYTES, error) || database_run(warehouse, SQL("look"), error) ||
        database_query(warehouse, SQL("other_days"), DATABASE_VALUES(load->dates, load->definition->source_label), rows,
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
lock_days(struct trade_load *load, bool *any, struct error *error)
{
    struct database *warehouse = load->context->warehouse;
    struct rows *rows;
    *any = false;
    if (find_other_days(load, &rows, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    for (size_t i = 0; !code && i < rows_count(rows); i++)
        code = day_lock(warehouse, load->definition->source_label, (int32_t)rows_integer(rows, i, 0), error);
    for (size_t i = 0; !code && i < rows_count(rows); i++)
        code = leave_day(load, rows_text(rows, i, 0), error);
    *any = rows_count(rows) > 0;
    rows_free(rows);
    return code;
}

/* ---- merge -------------------------------------------------------------------------------------------------- */

/* Runs the statement that a statement gives for the table that is merged into: the fact; or the leaf itself when it is
 * to be replaced, for which nobody may hold its parent, ourselves included. It takes the first count of: table,
 * date_key, source, run, kinds. *written grows by its rows. */
static enum error_code
run_on_facts(struct trade_load *load, const char *statement, int count, const char *table, const char *kinds,
             int64_t *written, struct error *error)
{
    struct database *warehouse = load->context->warehouse;
    char text[STATEMENT_BYTES];
    struct rows *rows;
    const char *const values[] = {table, load->date_key, load->definition->source_label, load->run_no, kinds};
    if (database_value(warehouse, SQL(statement), count, values, text, sizeof(text), error) ||
        database_query(warehouse, text, 0, NULL, &rows, error))
        return error->code;
    *written += rows_affected(rows);
    rows_free(rows);
    return ERROR_NONE;
}

/* Facts of the table that the source no longer has become tombstones. */
static enum error_code
remove_vanished(struct trade_load *load, const char *table, struct error *error)
{
    if (reads_changes(load))
        return ERROR_NONE;
    return run_on_facts(load, "remove_vanished", 4, table, NULL, &load->context->counts.removed, error);
}

/* Writes what is new into the facts, row by row. */
static enum error_code
update_rows(struct trade_load *load, struct error *error)
{
    struct ledger_counts *counts = &load->context->counts;
    const char *const keys[] = {load->date_key, load->definition->source_label, load->run_no};
    if (remove_vanished(load, fact, error) || trade_load_counted(load, "update", 3, keys, &counts->updated, error))
        return error->code;
    return run_on_facts(load, "write_staged", 5, fact, "{}", &counts->inserted, error);
}

/* Into the new leaf all facts that are not to be updated. */
static enum error_code
keep_others(struct trade_load *load, int64_t *kept, struct error *error)
{
    struct database *warehouse = load->context->warehouse;
    char text[STATEMENT_BYTES];
    struct rows *rows;
    if (database_value(warehouse, SQL("keep_others"),
                       DATABASE_VALUES(load->rewrite->leaf.name, load->rewrite->old_leaf.name), text, sizeof(text),
                       error) ||
        database_query(warehouse, text, 0, NULL, &rows, error))
        return error->code;
    *kept = rows_affected(rows);
    rows_free(rows);
    return ERROR_NONE;
}

/* The same by a new leaf: the facts that stay as they are, and all that was staged. The old leaf is only read: writing
 * to a partition locks its parent. */
static enum error_code
rewrite_rows(struct trade_load *load, struct error *error)
{
    struct ledger_counts *counts = &load->context->counts;
    struct leaf_rewrite *rewrite = load->rewrite;
    int64_t updated, kept = 0, written = 0;
    if (trade_load_number(load, "count_updates", 0, NULL, &updated, error) || keep_others(load, &kept, error) ||
        run_on_facts(load, "write_staged", 5, rewrite->leaf.name, "{U}", &written, error) ||
        remove_vanished(load, rewrite->leaf.name, error))
        return error->code;
    if (kept + updated != load->facts)
        return error_set(error, ERROR_GATE,
                         "the new leaf of %s has %" PRId64 " of the %" PRId64 " facts that stand; look for what else "
                         "writes to %s, then retry the job",
                         load->business_date, kept + updated, load->facts, rewrite->old_leaf.name);
    counts->updated += updated;
    counts->inserted += written - updated;
    return leaf_rewrite_index(rewrite, load->context, error);
}

/* Decides which of both it is. What was only looked at as changes is little beside its date; and a load that took
 * trades from other days holds their parent already. */
static enum error_code
choose_way(struct trade_load *load, bool left_days, struct error *error)
{
    bool possible;
    load->rewrite = NULL;
    if (reads_changes(load) || left_days || load->in_place ||
        !leaf_rewrite_pays(load->extracted - load->unchanged, load->facts))
        return ERROR_NONE;
    struct leaf_rewrite *rewrite = arena_alloc(load->context->arena, sizeof(*rewrite));
    if (!rewrite)
        return error_set(error, ERROR_MEMORY, "out of memory for a leaf");
    if (leaf_rewrite_begin(rewrite, load->context, load->definition->source_label, load->date_key_number, &possible,
                           error))
        return error->code;
    load->rewrite = possible ? rewrite : NULL;
    return ERROR_NONE;
}

/* Staged rows and the facts of the table that they are about. */
static enum error_code
pair(struct trade_load *load, const char *table, struct error *error)
{
    int64_t pairs = 0;
    if (run_on_facts(load, "pair", 3, table, NULL, &pairs, error) ||
        (load->definition->flow == TRADE_DESK && run_on_facts(load, "pair_tenants", 3, table, NULL, &pairs, error)))
        return error->code;
    return database_run(load->context->warehouse, SQL("analyze_pairs"), error);
}

static enum error_code
merge(struct trade_load *load, struct error *error)
{
    struct ledger_counts *counts = &load->context->counts;
    int64_t superseded, unchanged;
    bool left_days;
    if (trade_load_counted(load, "drop_duplicates", DATABASE_VALUES(load->definition->source_label),
                           &counts->superseded, error) ||
        lock_days(load, &left_days, error) || choose_way(load, left_days, error) ||
        pair(load, load->rewrite ? load->rewrite->old_leaf.name : fact, error) ||
        trade_load_number(load, "count_superseded", 0, NULL, &superseded, error) ||
        trade_load_number(load, "count_unchanged", 0, NULL, &unchanged, error) ||
        (load->rewrite ? rewrite_rows(load, error) : update_rows(load, error)))
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
announce(struct trade_load *load, int64_t inserted, int64_t changed, struct error *error)
{
    bool was_closed;
    int64_t waiting;
    if (trade_load_note_day(load, error))
        return error->code;
    if (!inserted && !changed)
        return ERROR_NONE;
    if (trade_load_mark_changed(load, load->date_key, !changed, &was_closed, error) ||
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

static enum error_code
settle_step(void *load, struct error *error)
{
    return settle_moves(load, error);
}

/* All that follows once rows are staged and findings filed. */
static enum error_code
finish(struct trade_load *load, struct error *error)
{
    const struct ledger_counts *counts = &load->context->counts;
    const struct leaf_step settle = {settle_step, load};
    int64_t inserted = counts->inserted, changed = counts->updated + counts->removed;
    if (merge(load, error) ||
        announce(load, counts->inserted - inserted, counts->updated + counts->removed - changed, error))
        return error->code;
    /* With a new leaf in the same try: whoever waits for the last look may hold what the leaf's place needs. */
    return load->rewrite ? leaf_rewrite_finish(load->rewrite, load->context, &settle, error)
                         : settle_moves(load, error);
}

enum error_code
trade_merge(struct trade_load *load, struct error *error)
{
    struct job_context *context = load->context;
    load->in_place = false;
    if (partition_ensure_day(context, fact, load->definition->source_label, load->date_key_number, error) ||
        stage(load, error) || file_findings(load, error) || leaf_rewrite_may_fail(context->warehouse, error))
        return error->code;
    const struct ledger_counts counts = context->counts;
    size_t pushes = context->pushes.count;
    load->rewrite = NULL;
    if (!finish(load, error))
        return ERROR_NONE;
    if (!load->rewrite || !leaf_rewrite_is_in_the_way(error) || leaf_rewrite_undo(context->warehouse, error))
        return error->code;
    context->counts = counts;
    context->pushes.count = pushes;
    load->in_place = true;
    return finish(load, error);
}
