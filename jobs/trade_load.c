#include "jobs/trade_load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/config.h"
#include "core/failpoint.h"
#include "jobs/day_lock.h"
#include "jobs/partition.h"
#include "jobs/pnl_day.h"
#include "jobs/quality.h"
#include "jobs/trade_load_internal.h"

#define SQL(name) sql_text("jobs/trade_load", name)

enum { REFERENCE_CEILING = 1024 * 1024, DATES_BYTES = 64 * 1024 };

static const char fact[] = "fact_trades";

/* ---- helpers ------------------------------------------------------------------------------------------------ */

enum error_code
trade_load_counted(struct trade_load *load, const char *statement, int count, const char *const *values,
                   int64_t *written, struct error *error)
{
    struct rows *rows;
    if (database_query(load->context->warehouse, SQL(statement), count, values, &rows, error))
        return error->code;
    *written += rows_affected(rows);
    rows_free(rows);
    return ERROR_NONE;
}

enum error_code
trade_load_number(struct trade_load *load, const char *statement, int count, const char *const *values, int64_t *value,
                  struct error *error)
{
    char text[24];
    if (database_value(load->context->warehouse, SQL(statement), count, values, text, sizeof(text), error))
        return error->code;
    *value = strtoll(text, NULL, 10);
    return ERROR_NONE;
}

/* The range of the loaded references as parameters: numbers for the desk, texts for clients; NULL where there are none.
 */
struct reference_range {
    char low[24], high[24];
    const char *low_number, *high_number, *low_text, *high_text;
};

static void
describe_range(const struct trade_load *load, struct reference_range *range)
{
    *range = (struct reference_range){.low = ""};
    if (!load->any_reference)
        return;
    if (load->definition->flow == TRADE_DESK) {
        (void)snprintf(range->low, sizeof(range->low), "%" PRId64, load->low_number);
        (void)snprintf(range->high, sizeof(range->high), "%" PRId64, load->high_number);
        range->low_number = range->low;
        range->high_number = range->high;
    } else {
        range->low_text = load->low_text.bytes;
        range->high_text = load->high_text.bytes;
    }
}

enum error_code
trade_load_note_day(struct trade_load *load, struct error *error)
{
    struct reference_range range;
    describe_range(load, &range);
    return database_query(load->context->warehouse, SQL("note_day"),
                          DATABASE_VALUES(load->definition->source_label, load->date_key, load->run_no,
                                          range.low_number, range.high_number, range.low_text, range.high_text),
                          NULL, error);
}

enum error_code
trade_load_lock_moves(struct trade_load *load, struct error *error)
{
    return database_query(load->context->warehouse, SQL("lock_moves"), DATABASE_VALUES(load->definition->source_label),
                          NULL, error);
}

enum error_code
trade_load_candidates(struct trade_load *load, char *dates, size_t size, struct error *error)
{
    struct reference_range range;
    describe_range(load, &range);
    return database_value(load->context->warehouse, SQL("candidate_days"),
                          DATABASE_VALUES(load->date_key, load->definition->source_label, range.low_number,
                                          range.high_number, range.low_text, range.high_text),
                          dates, size, error);
}

static enum error_code
prepare(struct trade_load *load, struct error *error)
{
    const struct ledger_run *run = load->context->run;
    int32_t days;
    if (!run->business_date[0])
        return error_set(error, ERROR_ARGUMENT, "job %s works on one business date; give it with --date YYYY-MM-DD",
                         run->job_name);
    if (calendar_date_parse(run->business_date, &days, error) ||
        business_clock_init(&load->clock, config_text(CONFIG_TIMEZONE), config_day_roll_seconds(), error))
        return error->code;
    load->date_key_number = calendar_date_key(days);
    (void)snprintf(load->date_key, sizeof(load->date_key), "%d", load->date_key_number);
    (void)snprintf(load->run_no, sizeof(load->run_no), "%" PRId64, run->run_no);
    buffer_init(&load->low_text, REFERENCE_CEILING);
    buffer_init(&load->high_text, REFERENCE_CEILING);
    return ERROR_NONE;
}

/* ---- stage -------------------------------------------------------------------------------------------------- */

/* Stages what differs from the facts that stand. */
static enum error_code
stage_differences(struct trade_load *load, struct error *error)
{
    const struct trade_load_definition *definition = load->definition;
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
    if (database_run(warehouse, SQL("stage"), error) || day_lock(warehouse, fact, load->date_key_number, error) ||
        stage_differences(load, error) || trade_hold_epochs(load, &moved, error))
        return error->code;
    if (!moved)
        return ERROR_NONE;
    trade_compare_free(load->compare);
    load->compare = NULL;
    return database_run(warehouse, SQL("empty_stage"), error) ? error->code : stage_differences(load, error);
}

static enum error_code
file_findings(struct trade_load *load, struct error *error)
{
    struct job_context *context = load->context;
    const struct ledger_run *run = context->run;
    const char *table = load->definition->source_table;
    if (quality_stage(context, error) ||
        database_query(context->warehouse, SQL("stage_issues"), DATABASE_VALUES(run->business_date), NULL, error) ||
        quality_record(context, table, &context->counts.quarantined, error))
        return error->code;
    return quality_resolve(context, table, run->business_date, error);
}

/* ---- trades that changed their date ------------------------------------------------------------------------- */

/* The books and the performance of a date no longer match its facts. */
enum error_code
trade_load_mark_changed(struct trade_load *load, const char *date_key, bool *was_closed, struct error *error)
{
    char key[32], booked[PNL_DAY_KEY_BYTES];
    int64_t met;
    int32_t days;
    struct database *warehouse = load->context->warehouse;
    (void)snprintf(key, sizeof(key), "pnl:%s", date_key);
    if (calendar_date_from_key((int32_t)strtol(date_key, NULL, 10), &days, error) ||
        trade_load_number(load, "is_met", DATABASE_VALUES(key), &met, error) ||
        ledger_set_condition(warehouse, pnl_day_booked_key(load->definition->source_label, days, booked), false, NULL,
                             error) ||
        ledger_set_condition(warehouse, key, false, NULL, error) ||
        database_query(warehouse, SQL("mark_dirty"), DATABASE_VALUES(date_key, load->run_no), NULL, error))
        return error->code;
    *was_closed = met > 0;
    return ERROR_NONE;
}

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
    if (trade_load_mark_changed(load, date_key, &was_closed, error))
        return error->code;
    return was_closed ? pnl_day_forward(load->context, date, error) : ERROR_NONE;
}

/* Locks every day on which a staged trade stands too, in date order; then takes the trades from there. This day is
 * locked already: two loads that take trades from each other at once are a deadlock, of which PostgreSQL ends one. */
static enum error_code
lock_days(struct trade_load *load, struct error *error)
{
    struct database *warehouse = load->context->warehouse;
    char *dates = arena_alloc(load->context->arena, DATES_BYTES);
    struct rows *rows;
    if (!dates)
        return error_set(error, ERROR_MEMORY, "out of memory for a list of dates");
    if (trade_load_candidates(load, dates, DATES_BYTES, error) ||
        database_query(warehouse, SQL("other_days"), DATABASE_VALUES(dates, load->definition->source_label), &rows,
                       error))
        return error->code;
    enum error_code code = ERROR_NONE;
    for (size_t i = 0; !code && i < rows_count(rows); i++)
        code = day_lock(warehouse, fact, (int32_t)rows_integer(rows, i, 0), error);
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
        trade_load_counted(load, "remove_vanished", 3, keys, &counts->removed, error))
        return error->code;
    counts->extracted = load->extracted;
    counts->superseded += superseded;
    counts->unchanged = load->unchanged + unchanged;
    FAILPOINT("load.merged");
    return ERROR_NONE;
}

/* Conditions, dirty log, follow-up jobs. A pipeline computes the books as its next step; a load that stands alone asks
 * for it. */
static enum error_code
announce(struct trade_load *load, struct error *error)
{
    const struct ledger_counts *counts = &load->context->counts;
    const struct ledger_run *run = load->context->run;
    bool was_closed;
    if (trade_load_note_day(load, error))
        return error->code;
    if (!counts->inserted && !counts->updated && !counts->removed)
        return ERROR_NONE;
    if (trade_load_mark_changed(load, load->date_key, &was_closed, error))
        return error->code;
    return run->pipeline_run_id ? ERROR_NONE : pnl_day_forward(load->context, run->business_date, error);
}

/* ---- run ---------------------------------------------------------------------------------------------------- */

/* A load in flight of another date may hold a trade of ours: whoever comes second here sees the first one's commit, and
 * loads again. */
static enum error_code
settle_moves(struct trade_load *load, struct error *error)
{
    const char *label = load->definition->source_label;
    char *dates = arena_alloc(load->context->arena, DATES_BYTES);
    struct rows *rows;
    if (!dates)
        return error_set(error, ERROR_MEMORY, "out of memory for a list of dates");
    if (trade_load_lock_moves(load, error) || trade_load_candidates(load, dates, DATES_BYTES, error) ||
        database_query(load->context->warehouse, SQL("other_days"), DATABASE_VALUES(dates, label), &rows, error))
        return error->code;
    size_t found = rows_count(rows);
    rows_free(rows);
    if (!found)
        return ERROR_NONE;
    return error_set(error, ERROR_PG_CONFLICT, "trades moved between %s and another date while both were loaded",
                     load->context->run->business_date);
}

static enum error_code
merge_day(struct trade_load *load, struct error *error)
{
    if (partition_ensure_day(load->context, fact, load->definition->source_label, load->date_key_number, error) ||
        stage(load, error) || file_findings(load, error) || merge(load, error) || announce(load, error))
        return error->code;
    return settle_moves(load, error);
}

/* Rows without a rate are told of once per currency, however they were loaded. */
static enum error_code
report_missing_rates(struct trade_load *load, struct error *error)
{
    const struct ledger_run *run = load->context->run;
    if (!load->without_rate)
        return ERROR_NONE;
    return database_query(load->context->warehouse, SQL("missing_rates"),
                          DATABASE_VALUES(run->run_id, load->definition->source_table, run->business_date,
                                          config_text(CONFIG_FX_MAX_AGE_DAYS), load->date_key,
                                          load->definition->source_label),
                          NULL, error);
}

static enum error_code
run_load(struct trade_load *load, struct error *error)
{
    struct partition_leaf leaf;
    bool built = false;
    if (prepare(load, error) ||
        partition_find_leaf(load->context, load->definition->source_label, load->date_key_number, &leaf, error) ||
        (!leaf.exists && trade_build(load, &leaf, &built, error)) || (!built && merge_day(load, error)))
        return error->code;
    return report_missing_rates(load, error);
}

enum error_code
trade_load_run(struct job_context *context, const struct trade_load_definition *definition, struct error *error)
{
    struct trade_load *load = arena_alloc(context->arena, sizeof(*load));
    if (!load)
        return error_set(error, ERROR_MEMORY, "out of memory for a load");
    *load = (struct trade_load){.context = context, .definition = definition};
    enum error_code code = run_load(load, error);
    trade_stage_free(load);
    return code;
}
