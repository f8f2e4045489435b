#include "jobs/trade_load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/config.h"
#include "jobs/dirty.h"
#include "jobs/partition.h"
#include "jobs/pnl_day.h"
#include "jobs/trade_load_internal.h"

#define SQL(name) sql_text("jobs/trade_load", name)

enum { REFERENCE_CEILING = 1024 * 1024 };

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

enum error_code
trade_load_init(struct trade_load *load, struct job_context *context, const struct trade_load_definition *definition,
                struct error *error)
{
    *load = (struct trade_load){.context = context, .definition = definition};
    (void)snprintf(load->run_no, sizeof(load->run_no), "%" PRId64, context->run->run_no);
    buffer_init(&load->low_text, REFERENCE_CEILING);
    buffer_init(&load->high_text, REFERENCE_CEILING);
    return business_clock_init(&load->clock, config_text(CONFIG_TIMEZONE), config_day_roll_seconds(), error);
}

void
trade_load_choose_date(struct trade_load *load, int32_t days, const struct extract_range *range)
{
    load->range = *range;
    load->date_key_number = calendar_date_key(days);
    (void)snprintf(load->date_key, sizeof(load->date_key), "%d", load->date_key_number);
    (void)calendar_date_format(days, load->business_date);
}

/* The books and what is derived of a date no longer match its facts. */
enum error_code
trade_load_mark_changed(struct trade_load *load, const char *date_key, bool insert_only, bool *was_closed,
                        struct error *error)
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
        dirty_log(load->context, DIRTY_TRADES, calendar_date_key(days), insert_only, "facts changed", error))
        return error->code;
    *was_closed = met > 0;
    return ERROR_NONE;
}

/* ---- run ---------------------------------------------------------------------------------------------------- */

/* Rows without a rate are told of once per currency, however they were loaded. */
enum error_code
trade_load_report_rates(struct trade_load *load, struct error *error)
{
    if (!load->without_rate)
        return ERROR_NONE;
    return database_query(load->context->warehouse, SQL("missing_rates"),
                          DATABASE_VALUES(load->context->run->run_id, load->definition->source_table,
                                          load->business_date, config_text(CONFIG_FX_MAX_AGE_DAYS), load->date_key,
                                          load->definition->source_label),
                          NULL, error);
}

static enum error_code
run_load(struct trade_load *load, struct error *error)
{
    const struct ledger_run *run = load->context->run;
    const struct extract_range range = {.interval_start = run->interval_start, .interval_end = run->interval_end};
    struct partition_leaf leaf;
    int32_t days;
    bool built = false;
    if (!run->business_date[0])
        return error_set(error, ERROR_ARGUMENT, "job %s works on one business date; give it with --date YYYY-MM-DD",
                         run->job_name);
    if (calendar_date_parse(run->business_date, &days, error))
        return error->code;
    trade_load_choose_date(load, days, &range);
    if (partition_find_leaf(load->context, load->definition->source_label, load->date_key_number, &leaf, error) ||
        (!leaf.exists && trade_build(load, &leaf, &built, error)) || (!built && trade_merge(load, error)))
        return error->code;
    (void)snprintf(load->context->metadata, sizeof(load->context->metadata), "{\"inferred\": %" PRId64 "}",
                   load->inferred);
    return trade_load_report_rates(load, error);
}

enum error_code
trade_load_run(struct job_context *context, const struct trade_load_definition *definition, struct error *error)
{
    struct trade_load *load = arena_alloc(context->arena, sizeof(*load));
    if (!load)
        return error_set(error, ERROR_MEMORY, "out of memory for a load");
    enum error_code code = trade_load_init(load, context, definition, error);
    if (!code)
        code = run_load(load, error);
    trade_stage_free(load);
    return code;
}
