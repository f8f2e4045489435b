/* jobs/trade_build.c - a day that has no leaf yet: the leaf is built beside the table and attached.
 *
 * Foreign keys and indexes cost more than everything else when they are paid row by row. Here the rows go by COPY
 * FREEZE into a table without either, indexes are built in bulk, and ATTACH checks all foreign keys set-wise; see
 * docs/architecture.md for the figures. Everything is in the run's transaction behind a savepoint; ATTACH comes last,
 * because it locks the dimensions that the foreign keys refer to until the commit. */
#include <stdio.h>
#include <string.h>

#include "core/failpoint.h"
#include "jobs/books_ahead.h"
#include "jobs/day_lock.h"
#include "jobs/leaf.h"
#include "jobs/pnl_day.h"
#include "jobs/quality.h"
#include "jobs/trade_load_internal.h"

#define BUILD_SQL(name) sql_text("jobs/trade_build", name)

enum { DATES_BYTES = 64 * 1024 };

/* ---- steps -------------------------------------------------------------------------------------------------- */

/* Fills the new table. A spool for findings and the books start afresh with each try. */
static enum error_code
fill(struct trade_load *load, const struct partition_leaf *leaf, bool may_wait, struct error *error)
{
    copy_writer_abort(load->findings);
    load->findings = NULL;
    if (books_ahead_open(load, may_wait, error) || copy_spool_open(&load->findings, error) ||
        leaf_create(load->context->warehouse, leaf->name, load->date_key, load->definition->source_label, error))
        return error->code;
    load->leaf = leaf->name;
    return trade_stage(load, error);
}

static enum error_code
begin(struct trade_load *load, struct error *error)
{
    return database_run(load->context->warehouse, BUILD_SQL("savepoint"), error);
}

static enum error_code
give_up(struct trade_load *load, struct error *error)
{
    return database_run(load->context->warehouse, BUILD_SQL("give_up"), error);
}

/* Fills it without holding anything a dimension sync would wait for; when a dimension moved meanwhile, or members had
 * to be inferred, once more with the epochs held. */
static enum error_code
fill_settled(struct trade_load *load, const struct partition_leaf *leaf, struct error *error)
{
    bool again, moved;
    for (int reading = 1;; reading++) {
        if (fill(load, leaf, reading == 1, error) || trade_settle(load, reading, &again, error))
            return error->code;
        if (!again)
            return ERROR_NONE;
        /* The savepoint gives back the epochs as well: they are held anew before the dimensions are read again. */
        if (give_up(load, error) || trade_hold_epochs(load, &moved, error))
            return error->code;
    }
}

static enum error_code
file_findings(struct trade_load *load, struct error *error)
{
    struct job_context *context = load->context;
    const char *table = load->definition->source_table;
    struct copy_writer *findings = load->findings;
    int64_t rows;
    load->findings = NULL;
    if (quality_stage(context, error)) {
        copy_writer_abort(findings);
        return error->code;
    }
    if (copy_spool_send(findings, context->warehouse, BUILD_SQL("copy_findings"), &rows, error) ||
        quality_record(context, table, &context->counts.quarantined, error))
        return error->code;
    return quality_resolve(context, table, context->run->business_date, error);
}

static enum error_code
build_indexes(struct trade_load *load, const struct partition_leaf *leaf, struct error *error)
{
    if (leaf_index(load->context->warehouse, leaf, error))
        return error->code;
    FAILPOINT("load.indexed");
    return ERROR_NONE;
}

/* Whether a trade of the leaf stands on another date: then it moved, which is the merge's business. */
static enum error_code
look_elsewhere(struct trade_load *load, const struct partition_leaf *leaf, bool *found, struct error *error)
{
    struct database *warehouse = load->context->warehouse;
    char *dates = arena_alloc(load->context->arena, DATES_BYTES),
         *query = arena_alloc(load->context->arena, DATES_BYTES * 2);
    char answer[8];
    *found = false;
    if (!dates || !query)
        return error_set(error, ERROR_MEMORY, "out of memory for a list of dates");
    if (trade_load_candidates(load, dates, DATES_BYTES, error))
        return error->code;
    if (!dates[0])
        return ERROR_NONE;
    if (database_value(warehouse, BUILD_SQL("stands_elsewhere"),
                       DATABASE_VALUES(leaf->name, load->definition->source_label, dates), query, DATES_BYTES * 2,
                       error) ||
        database_value(warehouse, query, 0, NULL, answer, sizeof(answer), error))
        return error->code;
    *found = answer[0] == 't';
    return ERROR_NONE;
}

/* ---- build -------------------------------------------------------------------------------------------------- */

/* Everything that follows from the rows being in, before they are attached. */
static enum error_code
finish(struct trade_load *load, struct error *error)
{
    struct ledger_counts *counts = &load->context->counts;
    const struct ledger_run *run = load->context->run;
    bool was_closed;
    counts->extracted = load->extracted;
    counts->inserted = load->extracted - load->rejected;
    if (trade_load_note_day(load, error))
        return error->code;
    if (!counts->inserted)
        return books_ahead_store(load, error);
    if (trade_load_mark_changed(load, load->date_key, true, &was_closed, error) || books_ahead_store(load, error))
        return error->code;
    return run->pipeline_run_id ? ERROR_NONE : pnl_day_forward(load->context, run->business_date, error);
}

static enum error_code
build(struct trade_load *load, const struct partition_leaf *leaf, bool *built, struct error *error)
{
    struct database *warehouse = load->context->warehouse;
    char exists[8];
    bool elsewhere;
    *built = false;
    if (database_value(warehouse, BUILD_SQL("leaf_exists"), DATABASE_VALUES(leaf->name, leaf->parent), exists,
                       sizeof(exists), error))
        return error->code;
    if (exists[0] == 't')
        return ERROR_NONE;
    if (fill_settled(load, leaf, error) || books_ahead_publish(load, error) || build_indexes(load, leaf, error) ||
        look_elsewhere(load, leaf, &elsewhere, error))
        return error->code;
    if (elsewhere)
        return ERROR_NONE;
    if (file_findings(load, error) || finish(load, error) || trade_load_lock_moves(load, error) ||
        look_elsewhere(load, leaf, &elsewhere, error))
        return error->code;
    if (elsewhere)
        return ERROR_NONE;
    if (leaf_attach(load->context->warehouse, leaf, NULL, error))
        return error->code;
    FAILPOINT("load.merged");
    *built = true;
    return ERROR_NONE;
}

enum error_code
trade_build(struct trade_load *load, const struct partition_leaf *leaf, bool *built, struct error *error)
{
    /* The day before the savepoint: it is held to the commit, whatever is given back meanwhile. */
    if (day_lock(load->context->warehouse, load->definition->source_label, load->date_key_number, error) ||
        begin(load, error))
        return error->code;
    enum error_code code = build(load, leaf, built, error);
    load->leaf = NULL;
    trade_books_free(load->books);
    load->books = NULL;
    if (*built || (code && strcmp(error->sqlstate, "23505") != 0))
        return code;
    /* The leaf has appeared, a trade moved here, or a reference comes twice (no unique index can be built): merge. */
    memset(&load->context->counts, 0, sizeof(load->context->counts));
    load->context->pushes.count = 0;
    if (give_up(load, error))
        return error->code;
    return books_ahead_withdraw(load, load->date_key, error);
}
