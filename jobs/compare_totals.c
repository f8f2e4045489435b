#include "jobs/compare_totals.h"

#include <stdio.h>
#include <string.h>

#include "jobs/job.h"
#include "jobs/quality.h"

#define SQL(name) sql_text("jobs/compare_source", name)

enum { TOTALS_CEILING = 1024 * 1024 };

static const struct extract_column totals_columns[] = {
    {"live_rows", EXTRACT_BIGINT},     {"cancelled_rows", EXTRACT_BIGINT},     {"quarantined_rows", EXTRACT_BIGINT},
    {"quantity", EXTRACT_NUMERIC},     {"notional", EXTRACT_NUMERIC},          {"commission", EXTRACT_NUMERIC},
    {"fees", EXTRACT_NUMERIC},         {"newest_update", EXTRACT_TIMESTAMPTZ}, {"with_strategy", EXTRACT_BIGINT},
    {"with_provider", EXTRACT_BIGINT}, {"with_order_type", EXTRACT_BIGINT},    {"order_checksum", EXTRACT_NUMERIC},
};
enum { TOTALS_COLUMNS = sizeof(totals_columns) / sizeof(totals_columns[0]), ORDER_COLUMNS = 4 };

const struct extract_definition compare_totals_extracts[COMPARE_FLOWS] = {
    [TRADE_DESK] = {"executions_totals", totals_columns, TOTALS_COLUMNS},
    [TRADE_CLIENT] = {"trades_totals", totals_columns, TOTALS_COLUMNS - ORDER_COLUMNS},
};

const struct compare_flow compare_flows[COMPARE_FLOWS] = {
    [TRADE_DESK] = {"DESK", "executions", "load_executions", "executions"},
    [TRADE_CLIENT] = {"CLIENT", "trades", "load_trades", "trades"},
};

bool
compare_totals_init(struct compare_totals *totals, const struct business_clock *clock, int32_t days)
{
    *totals = (struct compare_totals){.days = days};
    struct buffer *const buffers[] = {&totals->source, &totals->differences, &totals->figures};
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++)
        buffer_init(buffers[i], TOTALS_CEILING);
    (void)calendar_date_format(days, totals->date);
    (void)snprintf(totals->date_key, sizeof(totals->date_key), "%d", (int)calendar_date_key(days));
    return business_clock_interval(clock, days, totals->start, totals->end);
}

void
compare_totals_term(struct compare_totals *totals)
{
    struct buffer *const buffers[] = {&totals->source, &totals->differences, &totals->figures};
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++)
        buffer_term(buffers[i]);
}

enum error_code
compare_totals_begin(struct job_context *context, int32_t first_days, int32_t last_days, struct error *error)
{
    struct database *warehouse = context->warehouse;
    char first[16], last[16];
    (void)snprintf(first, sizeof(first), "%d", (int)calendar_date_key(first_days));
    (void)snprintf(last, sizeof(last), "%d", (int)calendar_date_key(last_days));
    if (database_query(warehouse, SQL("lock"), 0, NULL, NULL, error) || database_run(warehouse, SQL("stage"), error))
        return error->code;
    return database_query(warehouse, SQL("note_loaded"), DATABASE_VALUES(first, last), NULL, error);
}

/* Tells the source's query what is in quarantine; *fits is false when that is too much to be left out. */
static enum error_code
pass_quarantined(struct job_context *context, const struct compare_totals *totals, bool *fits, struct error *error)
{
    struct database *source;
    struct rows *rows;
    if (database_query(context->warehouse, SQL("quarantined"), DATABASE_VALUES(totals->flow->table, totals->date),
                       &rows, error))
        return error->code;
    *fits = rows_integer(rows, 0, 0) <= COMPARE_QUARANTINED_MAX;
    enum error_code code = ERROR_NONE;
    if (*fits)
        code = job_source(context, &source, error);
    if (*fits && !code)
        code = database_query(source, SQL("pass_quarantined"), DATABASE_VALUES(rows_text(rows, 0, 1)), NULL, error);
    rows_free(rows);
    return code;
}

static enum error_code
read_one_row(struct compare_totals *totals, const struct extract_definition *definition, struct copy_reader *reader,
             struct error *error)
{
    const struct copy_field *fields;
    bool end;
    int rows = 0;
    for (;; rows++) {
        if (copy_reader_next(reader, &fields, &end, error))
            return error_context(error, "reading %s", definition->name);
        if (end)
            break;
        buffer_clear(&totals->source);
        if (quality_row(&totals->source, definition, fields, error))
            return error->code;
    }
    if (rows == 1)
        return ERROR_NONE;
    return error_set(error, ERROR_CONTRACT,
                     "extraction query %s delivered %d rows for %s; it must deliver one row of totals, also when there "
                     "is nothing to add up",
                     definition->name, rows, totals->date);
}

static enum error_code
read_source(struct job_context *context, struct compare_totals *totals, enum trade_flow flow, struct error *error)
{
    const struct extract_definition *definition = &compare_totals_extracts[flow];
    const struct extract_range range = {.interval_start = totals->start, .interval_end = totals->end};
    struct copy_reader *reader;
    if (extract_open_range(context, definition, &range, &reader, error))
        return error->code;
    enum error_code code = read_one_row(totals, definition, reader, error);
    copy_reader_close(reader);
    return code;
}

static void
keep(struct buffer *buffer, const char *text)
{
    buffer_clear(buffer);
    buffer_append(buffer, text, strlen(text) + 1);
}

static enum error_code
compare(struct job_context *context, struct compare_totals *totals, bool *is_settled, struct error *error)
{
    struct rows *rows;
    if (database_query(context->warehouse, SQL("compare"),
                       DATABASE_VALUES(totals->date_key, totals->flow->label, totals->flow->table, totals->date,
                                       totals->source.bytes),
                       &rows, error))
        return error->code;
    totals->is_loaded = rows_boolean(rows, 0, 0);
    *is_settled = !rows_boolean(rows, 0, 1);
    totals->has_source_rows = rows_integer(rows, 0, 2) > 0;
    keep(&totals->differences, rows_text(rows, 0, 3));
    keep(&totals->figures, rows_text(rows, 0, 4));
    rows_free(rows);
    return buffer_check(&totals->differences, "the differences of a date", error)
               ? error->code
               : buffer_check(&totals->figures, "the totals of a date", error);
}

enum error_code
compare_totals_read(struct job_context *context, struct compare_totals *totals, enum trade_flow flow,
                    enum compare_outcome *outcome, struct error *error)
{
    bool fits = false, is_settled = false;
    totals->flow = &compare_flows[flow];
    *outcome = COMPARE_QUARANTINED_TOO_MANY;
    if (pass_quarantined(context, totals, &fits, error))
        return error->code;
    if (!fits)
        return ERROR_NONE;
    if (read_source(context, totals, flow, error) || compare(context, totals, &is_settled, error))
        return error->code;
    *outcome = is_settled ? COMPARE_SETTLED : COMPARE_LOADED_MEANWHILE;
    return ERROR_NONE;
}
