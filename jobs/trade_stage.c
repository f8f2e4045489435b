#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/config.h"
#include "core/failpoint.h"
#include "jobs/quality.h"
#include "jobs/trade_load_internal.h"

#define SQL(name) sql_text("jobs/trade_load", name)

enum {
    STAGE_COLUMNS = 35,
    FACT_AT = STAGE_COLUMNS - TRADE_COMPARE_COLUMNS,
    LEAF_COLUMNS = 35,
    FINDING_COLUMNS = 4,
    FAILPOINT_ROWS = 100
};

/* ---- what the rows are resolved with ------------------------------------------------------------------------ */

static enum error_code
read_epochs(struct trade_load *load, const char *statement, char epochs[DIMENSION_COUNT][24], struct error *error)
{
    struct rows *rows;
    if (database_query(load->context->warehouse, SQL(statement), 0, NULL, &rows, error))
        return error->code;
    enum error_code code =
        rows_count(rows) == DIMENSION_COUNT
            ? ERROR_NONE
            : error_set(error, ERROR_BUG, "dim_epochs has %zu of %d rows", rows_count(rows), DIMENSION_COUNT);
    for (size_t i = 0; !code && i < DIMENSION_COUNT; i++)
        (void)snprintf(epochs[i], sizeof(epochs[i]), "%s", rows_text(rows, i, 0));
    rows_free(rows);
    return code;
}

static bool
same_epochs(char a[DIMENSION_COUNT][24], char b[DIMENSION_COUNT][24])
{
    for (int i = 0; i < DIMENSION_COUNT; i++)
        if (strcmp(a[i], b[i]) != 0)
            return false;
    return true;
}

enum error_code
trade_hold_epochs(struct trade_load *load, bool *moved, struct error *error)
{
    char now[DIMENSION_COUNT][24] = {{0}};
    if (read_epochs(load, "hold_epochs", now, error))
        return error->code;
    *moved = !same_epochs(now, load->epochs);
    return ERROR_NONE;
}

enum error_code
trade_settle(struct trade_load *load, int reading, bool *again, struct error *error)
{
    bool moved;
    *again = load->missing != NULL;
    if (*again && reading >= TRADE_READINGS_MAX)
        return error_set(error, ERROR_PG_CONFLICT,
                         "members that %s names went from the source as often as they were inferred; the job is tried "
                         "again",
                         load->definition->source_table);
    if (*again) {
        load->has_indexes = false;
        if (trade_missing_infer(&load->missing, load->context, &load->inferred, error))
            return error->code;
    }
    if (trade_hold_epochs(load, &moved, error))
        return error->code;
    *again = *again || moved;
    return ERROR_NONE;
}

/* Rates that are being changed are read once they are: whoever changes them looks for loads that read them before. The
 * lock is let go of at once. */
static enum error_code
query_rates(struct trade_load *load, struct rows **rows, struct error *error)
{
    struct database *warehouse = load->context->warehouse;
    if (database_run(warehouse, SQL("look"), error) ||
        database_query(warehouse, SQL("hold_rates"), 0, NULL, NULL, error) ||
        database_query(warehouse, SQL("rates"),
                       DATABASE_VALUES(load->business_date, config_text(CONFIG_FX_MAX_AGE_DAYS)), rows, error))
        return error->code;
    if (!database_run(warehouse, SQL("looked"), error))
        return ERROR_NONE;
    rows_free(*rows);
    return error->code;
}

static enum error_code
read_rates(struct trade_load *load, struct error *error)
{
    struct rows *rows;
    enum error_code code = ERROR_NONE;
    (void)snprintf(load->rates[0].currency, sizeof(load->rates[0].currency), "%s", config_text(CONFIG_BASE_CURRENCY));
    load->rates[0].rate = decimal_from_int64(1, 0);
    load->rate_count = 1;
    if (query_rates(load, &rows, error))
        return error->code;
    if (rows_count(rows) >= TRADE_RATES_MAX)
        code = error_set(error, ERROR_RANGE, "fx_rates has %zu currencies for one date, at most %d go",
                         rows_count(rows), TRADE_RATES_MAX - 1);
    for (size_t i = 0; !code && i < rows_count(rows); i++) {
        struct trade_rate *rate = &load->rates[load->rate_count];
        const char *text = rows_text(rows, i, 1);
        (void)snprintf(rate->currency, sizeof(rate->currency), "%s", rows_text(rows, i, 0));
        code = decimal_from_text(text, strlen(text), &rate->rate, error);
        load->rate_count++;
    }
    rows_free(rows);
    return code;
}

static const struct decimal *
find_rate(const struct trade_load *load, const char *currency)
{
    for (size_t i = 0; i < load->rate_count; i++)
        if (memcmp(load->rates[i].currency, currency, 3) == 0)
            return &load->rates[i].rate;
    return NULL;
}

/* The epochs come first: what a sync commits between them and the indexes is then noticed, not missed. Indexes that
 * were built under the same epochs, for another date, say the same as new ones would. */
static enum error_code
build_indexes(struct trade_load *load, struct error *error)
{
    char epochs[DIMENSION_COUNT][24] = {{0}};
    if (read_epochs(load, "epochs", epochs, error))
        return error->code;
    if (load->has_indexes && same_epochs(epochs, load->epochs))
        return ERROR_NONE;
    load->has_indexes = false;
    memcpy(load->epochs, epochs, sizeof(epochs));
    for (int i = 0; i < DIMENSION_COUNT; i++) {
        dimension_index_free(load->dimensions[i]);
        load->dimensions[i] = NULL;
        if (dimension_index_build(&load->dimensions[i], load->context->warehouse, (enum dimension)i, error))
            return error->code;
    }
    load->has_indexes = true;
    return ERROR_NONE;
}

void
trade_stage_free(struct trade_load *load)
{
    for (int i = 0; i < DIMENSION_COUNT; i++)
        dimension_index_free(load->dimensions[i]);
    trade_missing_free(load->missing);
    copy_writer_abort(load->findings);
    trade_compare_free(load->compare);
    trade_books_free(load->books);
    buffer_term(&load->low_text);
    buffer_term(&load->high_text);
}

/* ---- a staged row ------------------------------------------------------------------------------------------- */

static enum error_code
put_findings(struct trade_load *load, struct copy_writer *writer, const struct trade_row *row, struct error *error)
{
    char record_id[24];
    (void)snprintf(record_id, sizeof(record_id), "%" PRId64, row->source_id);
    copy_put_text(writer, row->has_source_id ? record_id : NULL);
    copy_put_bool(writer, row->has_error);
    if (!row->issues.length) {
        copy_put_null(writer);
        copy_put_null(writer);
        return ERROR_NONE;
    }
    copy_put_bytes(writer, row->issues.bytes, row->issues.length);
    return quality_put_row(writer, load->definition->extract, row->fields, error);
}

static void
put_text_field(struct copy_writer *writer, const struct trade_row *row, enum trade_column column)
{
    copy_put_field(writer, &row->fields[column]);
}

static void
put_keys(struct copy_writer *writer, const struct trade_row *row)
{
    static const enum dimension order[] = {DIMENSION_INSTRUMENT, DIMENSION_ACCOUNT, DIMENSION_STRATEGY,
                                           DIMENSION_CLIENT, DIMENSION_LIQUIDITY_PROVIDER};
    copy_put_int32(writer, row->time_key);
    for (int i = 0; i < DIMENSION_COUNT; i++)
        copy_put_int32(writer, trade_row_key(row, order[i]));
    copy_put_bytes(writer, row->tenant.bytes, sizeof(row->tenant.bytes));
    put_text_field(writer, row, TRADE_REFERENCE);
    if (row->flow == TRADE_DESK)
        put_text_field(writer, row, TRADE_SOURCE_ID);
    else
        copy_put_null(writer);
    put_text_field(writer, row, TRADE_ORDER_ID);
}

static void
put_measures(struct trade_load *load, struct copy_writer *writer, const struct trade_row *row)
{
    const struct decimal *rate = find_rate(load, row->currency);
    put_text_field(writer, row, TRADE_EXECUTED_AT);
    put_text_field(writer, row, TRADE_SETTLEMENT_DATE);
    put_text_field(writer, row, TRADE_SIDE);
    put_text_field(writer, row, TRADE_ORDER_TYPE);
    put_text_field(writer, row, TRADE_QUANTITY);
    put_text_field(writer, row, TRADE_PRICE);
    copy_put_decimal(writer, &row->notional);
    copy_put_decimal(writer, &row->commission.value);
    copy_put_decimal(writer, &row->fees.value);
    copy_put_decimal(writer, &row->net_amount);
    copy_put_bytes(writer, row->currency, 3);
    if (rate)
        copy_put_decimal(writer, rate);
    else
        copy_put_null(writer);
    put_text_field(writer, row, TRADE_LIQUIDITY_FLAG);
    put_text_field(writer, row, TRADE_EXECUTION_VENUE);
    if (row->has_latency)
        copy_put_decimal(writer, &row->latency_ms);
    else
        copy_put_null(writer);
    put_text_field(writer, row, TRADE_FILL_LATENCY_MS);
    copy_put_int32(writer, row->fill_count);
    copy_put_bool(writer, row->is_partial_fill);
    copy_put_bool(writer, row->is_deleted);
    put_text_field(writer, row, TRADE_UPDATED_AT);
}

/* A row with an ERROR is staged without its measures: for the quarantine, and so that its fact is not taken for gone.
 */
static void
put_rejected(struct copy_writer *writer, const struct trade_row *row)
{
    enum { BEFORE_REFERENCE = 7, AFTER_REFERENCE = 22 };
    put_text_field(writer, row, TRADE_SOURCE_ID);
    for (int i = 0; i < BEFORE_REFERENCE; i++)
        copy_put_null(writer);
    put_text_field(writer, row, TRADE_REFERENCE);
    for (int i = 0; i < AFTER_REFERENCE; i++)
        copy_put_null(writer);
}

/* ---- a row of a new leaf ------------------------------------------------------------------------------------ */

/* What broke rules waits in the spool: the one COPY of the connection is the leaf's. */
static enum error_code
spool_findings(struct trade_load *load, const struct trade_row *row, struct error *error)
{
    char record_id[24];
    int32_t days;
    if (calendar_date_from_key(load->date_key_number, &days, error))
        return error->code;
    (void)snprintf(record_id, sizeof(record_id), "%" PRId64, row->source_id);
    copy_put_row(load->findings, FINDING_COLUMNS);
    copy_put_text(load->findings, row->has_source_id ? record_id : NULL);
    copy_put_date(load->findings, days);
    copy_put_bytes(load->findings, row->issues.bytes, row->issues.length);
    if (quality_put_row(load->findings, load->definition->extract, row->fields, error))
        return error->code;
    return copy_flush(load->findings, error);
}

static enum error_code
put_realized(struct trade_load *load, struct copy_writer *writer, const struct trade_row *row, struct error *error)
{
    struct decimal realized;
    bool closes;
    if (!load->books || row->is_deleted) {
        copy_put_null(writer);
        copy_put_null(writer);
        return ERROR_NONE;
    }
    if (trade_books_apply(load->books, row, &realized, &closes, error))
        return error_context(error, "row %" PRId64 " of %s", row->source_id, load->definition->source_table);
    copy_put_decimal(writer, &realized);
    copy_put_bool(writer, closes);
    return ERROR_NONE;
}

static enum error_code
put_leaf_row(struct trade_load *load, struct copy_writer *writer, const struct trade_row *row, struct error *error)
{
    if (row->issues.length && spool_findings(load, row, error))
        return error->code;
    if (row->has_error) {
        load->rejected++;
        return ERROR_NONE;
    }
    copy_put_row(writer, LEAF_COLUMNS);
    copy_put_int32(writer, load->date_key_number);
    copy_put_text(writer, load->definition->source_label);
    put_keys(writer, row);
    put_measures(load, writer, row);
    copy_put_int64(writer, load->context->run->run_no);
    if (put_realized(load, writer, row, error))
        return error->code;
    return copy_flush(writer, error);
}

/* Widens the range of references to the row's. */
static void
note_reference(struct trade_load *load, const struct trade_row *row)
{
    const struct copy_field *reference = &row->fields[TRADE_REFERENCE];
    if (row->has_error)
        return;
    if (row->flow == TRADE_DESK) {
        load->low_number = load->any_reference && load->low_number < row->source_id ? load->low_number : row->source_id;
        load->high_number =
            load->any_reference && load->high_number > row->source_id ? load->high_number : row->source_id;
        load->any_reference = true;
        return;
    }
    struct buffer *const ends[] = {&load->low_text, &load->high_text};
    for (int i = 0; i < 2; i++) {
        size_t length = (size_t)reference->length, shorter = length < ends[i]->length ? length : ends[i]->length;
        int order = ends[i]->length ? memcmp(reference->bytes, ends[i]->bytes, shorter) : 0;
        order = order ? order : (length > ends[i]->length) - (length < ends[i]->length);
        if (load->any_reference && (i == 0 ? order >= 0 : order <= 0))
            continue;
        buffer_clear(ends[i]);
        buffer_append(ends[i], reference->bytes, length);
    }
    load->any_reference = true;
}

/* Takes the staged row back when its fact says the same. One with a finding stays, for the finding's sake. */
static enum error_code
drop_unchanged(struct trade_load *load, struct copy_writer *writer, const struct trade_row *row, struct error *error)
{
    struct copy_field fields[STAGE_COLUMNS];
    bool same;
    if (!load->compare || row->issues.length)
        return ERROR_NONE;
    if (copy_last_row(writer, fields, STAGE_COLUMNS) != STAGE_COLUMNS)
        return error_set(error, ERROR_BUG, "a staged row has not %d fields", STAGE_COLUMNS);
    if (trade_compare_row(load->compare, fields + FACT_AT, &same, error))
        return error->code;
    if (same) {
        copy_drop_row(writer);
        load->unchanged++;
    }
    return ERROR_NONE;
}

/* A row of which members miss only says which: what is staged before it does not count either. */
static enum error_code
put_row(struct trade_load *load, struct copy_writer *writer, const struct trade_row *row, struct error *error)
{
    if (row->missing && !row->has_error)
        return trade_missing_add(&load->missing, row, error);
    if (load->missing)
        return ERROR_NONE;
    note_reference(load, row);
    if (!row->has_error && !row->is_deleted && !find_rate(load, row->currency))
        load->without_rate++;
    if (load->leaf)
        return put_leaf_row(load, writer, row, error);
    copy_put_row(writer, STAGE_COLUMNS);
    if (put_findings(load, writer, row, error))
        return error->code;
    if (row->has_error) {
        put_rejected(writer, row);
    } else {
        put_text_field(writer, row, TRADE_SOURCE_ID);
        put_keys(writer, row);
        put_measures(load, writer, row);
    }
    return drop_unchanged(load, writer, row, error) ? error->code : copy_flush(writer, error);
}

/* ---- the stream --------------------------------------------------------------------------------------------- */

static enum error_code
check_date(const struct trade_load *load, const struct trade_row *row, struct error *error)
{
    int32_t days, second;
    if (row->has_error)
        return ERROR_NONE;
    business_clock_split(&load->clock, row->executed_at_us, &days, &second);
    if (calendar_date_key(days) == load->date_key_number)
        return ERROR_NONE;
    return error_set(error, ERROR_CONTRACT,
                     "extraction query %s delivered row %" PRId64
                     " of another business date (%d) than asked for (%d); it "
                     "must keep to tapemill.interval_start and tapemill.interval_end",
                     load->definition->extract->name, row->source_id, calendar_date_key(days), load->date_key_number);
}

static enum error_code
copy_rows(struct trade_load *load, struct copy_reader *reader, struct copy_writer *writer, struct trade_row *row,
          struct error *error)
{
    const struct trade_rules_context rules = {
        .dimensions = {load->dimensions[0], load->dimensions[1], load->dimensions[2], load->dimensions[3],
                       load->dimensions[4]},
        .clock = &load->clock,
    };
    const struct copy_field *fields;
    bool end;
    for (;;) {
        if (copy_reader_next(reader, &fields, &end, error))
            return error_context(error, "reading %s", load->definition->source_table);
        if (end)
            return ERROR_NONE;
        load->extracted++;
        if (load->extracted == FAILPOINT_ROWS)
            FAILPOINT("load.extracting");
        if (trade_row_read(row, fields, &rules, error) || check_date(load, row, error) ||
            put_row(load, writer, row, error))
            return error->code;
    }
}

static enum error_code
open_target(struct trade_load *load, struct copy_writer **writer, struct error *error)
{
    struct database *warehouse = load->context->warehouse;
    char copy[1024];
    if (!load->leaf)
        return copy_writer_open(writer, warehouse, SQL("copy"), error);
    if (database_value(warehouse, sql_text("jobs/trade_build", "copy"), DATABASE_VALUES(load->leaf), copy, sizeof(copy),
                       error))
        return error->code;
    return copy_writer_open(writer, warehouse, copy, error);
}

/* Streams the source into the staging table or the new leaf, row by row. */
static enum error_code
stream(struct trade_load *load, struct error *error)
{
    struct copy_reader *reader;
    struct copy_writer *writer;
    struct trade_row row;
    int64_t staged;
    if (extract_open_range(load->context, load->definition->extract, &load->range, &reader, error))
        return error->code;
    if (open_target(load, &writer, error)) {
        copy_reader_close(reader);
        return error->code;
    }
    trade_row_init(&row, load->definition->flow);
    load->extracted = load->rejected = load->without_rate = load->unchanged = 0;
    load->any_reference = false;
    enum error_code code = copy_rows(load, reader, writer, &row, error);
    trade_row_term(&row);
    copy_reader_close(reader);
    if (code)
        copy_writer_abort(writer);
    else
        code = copy_writer_finish(writer, &staged, error);
    int64_t wanted = load->extracted - load->unchanged - (load->leaf ? load->rejected : 0);
    if (!code && staged != wanted && !load->missing)
        return error_set(error, ERROR_GATE, "%" PRId64 " rows were to be staged, but %" PRId64 " were", wanted, staged);
    return code;
}

enum error_code
trade_stage(struct trade_load *load, struct error *error)
{
    trade_missing_free(load->missing);
    load->missing = NULL;
    if (build_indexes(load, error) || read_rates(load, error) || stream(load, error))
        return error->code;
    if (load->missing)
        return ERROR_NONE;
    if (!load->leaf && database_run(load->context->warehouse, SQL("analyze_stage"), error))
        return error->code;
    FAILPOINT("load.staged");
    return ERROR_NONE;
}
