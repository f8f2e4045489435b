#include "ops/source_sink.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "core/copy.h"
#include "core/sql.h"
#include "ops/source_numeric.h"

/* A table and the types of its columns, a letter each: b boolean, d date, i integer, l bigint, n numeric, s smallint,
 * t timestamptz, u uuid, x text. */
static const struct {
    const char *name, *types;
} tables[SOURCE_TABLE_COUNT] = {
    [SOURCE_INSTRUMENTS] = {"instruments", "ixxxxxxxxxxxxnnnssbt"},
    [SOURCE_ACCOUNTS] = {"accounts", "iuuxxxxxxbt"},
    [SOURCE_STRATEGIES] = {"strategies", "ixxxxibt"},
    [SOURCE_CLIENTS] = {"clients", "uuxxxxxxdxt"},
    [SOURCE_PROVIDERS] = {"liquidity_providers", "uxxxxxbt"},
    [SOURCE_ORDERS] = {"orders", "luuiiiuxxxnnnninntt"},
    [SOURCE_EXECUTIONS] = {"executions", "lliittxnnnnxxxt"},
    [SOURCE_TRADES] = {"trades", "lutduiuxlxxnnnxxnibxt"},
    [SOURCE_QUOTES] = {"quotes", "luuitnnnnbbnt"},
    [SOURCE_POSITIONS] = {"positions", ""}, /* derived, never copied */
    [SOURCE_RISK_SNAPSHOTS] = {"risk_snapshots", "uutniint"},
    [SOURCE_FX_RATES] = {"fx_rates", "dxnt"},
};

const char *
source_table_name(enum source_table table)
{
    return tables[table].name;
}

void
source_sink_init(struct source_sink *sink, struct database *database)
{
    memset(sink, 0, sizeof(*sink));
    sink->database = database;
    for (int table = 0; table < SOURCE_TABLE_COUNT; table++)
        buffer_init(&sink->gathered[table], SOURCE_SINK_BYTES + SOURCE_ROW_BYTES);
}

void
source_sink_term(struct source_sink *sink)
{
    for (int table = 0; table < SOURCE_TABLE_COUNT; table++)
        buffer_term(&sink->gathered[table]);
}

/* ---- fields -------------------------------------------------------------------------------------------------- */

static void
put(struct source_sink *sink, const void *bytes, size_t length)
{
    if (sink->length + length > sizeof(sink->row)) {
        (void)error_set(&sink->failure, ERROR_RANGE, "a row is longer than %d bytes", SOURCE_ROW_BYTES);
        return;
    }
    memcpy(sink->row + sink->length, bytes, length);
    sink->length += length;
}

static void
put_field(struct source_sink *sink, const void *bytes, size_t length)
{
    uint32_t raw = htobe32((uint32_t)length);
    put(sink, &raw, sizeof(raw));
    put(sink, bytes, length);
}

/* The type of the field that is to be written, one of `allowed`. */
static char
next_type(struct source_sink *sink, const char *allowed)
{
    char type = *sink->type;
    if (type)
        sink->type++;
    if (!type || !strchr(allowed, type))
        (void)error_set(&sink->failure, ERROR_BUG, "field %zu of a row is of another type (\"%c\", not one of \"%s\")",
                        (size_t)(sink->type - tables[sink->table].types), type ? type : '-', allowed);
    return type;
}

void
source_sink_begin_row(struct source_sink *sink, enum source_table table)
{
    uint16_t fields = htobe16((uint16_t)strlen(tables[table].types));
    sink->table = table;
    sink->type = tables[table].types;
    sink->failure.code = ERROR_NONE;
    sink->length = 0;
    put(sink, &fields, sizeof(fields));
}

void
source_sink_null(struct source_sink *sink)
{
    static const uint32_t null = 0xFFFFFFFF;
    (void)next_type(sink, "bdilnstux");
    put(sink, &null, sizeof(null));
}

static void
put_integer(struct source_sink *sink, char type, int64_t value)
{
    uint64_t raw = htobe64((uint64_t)value);
    size_t width = type == 's' ? 2 : type == 'i' ? 4 : 8;
    put_field(sink, (const char *)&raw + sizeof(raw) - width, width);
}

static void
put_uuid(struct source_sink *sink, const char *text)
{
    uint8_t bytes[16];
    size_t digits = 0;
    for (; *text; text++) {
        static const char hex[] = "0123456789abcdef";
        const char *digit = strchr(hex, *text);
        if (!digit || digits == 2 * sizeof(bytes))
            continue;
        uint8_t value = (uint8_t)(digit - hex);
        bytes[digits / 2] = (uint8_t)(digits % 2 ? bytes[digits / 2] | value : value << 4);
        digits++;
    }
    if (digits != 2 * sizeof(bytes))
        (void)error_set(&sink->failure, ERROR_BUG, "a text is no uuid");
    put_field(sink, bytes, sizeof(bytes));
}

static void
put_numeric_text(struct source_sink *sink, const char *text)
{
    uint8_t bytes[SOURCE_NUMERIC_BYTES];
    size_t length = 0;
    struct error error = {0};
    if (source_numeric_write_text(text, bytes, &length, &error))
        sink->failure = error;
    else
        put_field(sink, bytes, length);
}

void
source_sink_text(struct source_sink *sink, const char *text)
{
    if (!text) {
        source_sink_null(sink);
        return;
    }
    char type = next_type(sink, "bilnsux");
    switch (type) {
    case 'x':
        put_field(sink, text, strlen(text));
        break;
    case 'n':
        put_numeric_text(sink, text);
        break;
    case 'u':
        put_uuid(sink, text);
        break;
    case 'b':
        put_field(sink, *text == 't' ? "\1" : "\0", 1);
        break;
    default:
        put_integer(sink, type, strtoll(text, NULL, 10));
    }
}

void
source_sink_integer(struct source_sink *sink, int64_t value)
{
    char type = next_type(sink, "ilns");
    uint8_t bytes[SOURCE_NUMERIC_BYTES];
    if (type == 'n')
        put_field(sink, bytes, source_numeric_write((__int128)value * source_unit, bytes));
    else
        put_integer(sink, type, value);
}

void
source_sink_boolean(struct source_sink *sink, bool value)
{
    (void)next_type(sink, "b");
    put_field(sink, value ? "\1" : "\0", 1);
}

void
source_sink_decimal(struct source_sink *sink, __int128 value_e8)
{
    uint8_t bytes[SOURCE_NUMERIC_BYTES];
    (void)next_type(sink, "n");
    put_field(sink, bytes, source_numeric_write(value_e8, bytes));
}

/* PostgreSQL counts from 2000-01-01. */
void
source_sink_instant(struct source_sink *sink, int64_t unix_us)
{
    static const int64_t epoch_us = INT64_C(946684800000000);
    (void)next_type(sink, "t");
    put_integer(sink, 'l', unix_us - epoch_us);
}

void
source_sink_date(struct source_sink *sink, int32_t days)
{
    static const int32_t epoch_days = 10957;
    (void)next_type(sink, "d");
    put_integer(sink, 'i', days - epoch_days);
}

/* ---- rows ---------------------------------------------------------------------------------------------------- */

static enum error_code
send_table(struct source_sink *sink, enum source_table table, struct error *error)
{
    struct buffer *gathered = &sink->gathered[table];
    struct copy_writer *writer = NULL;
    int64_t rows = 0;
    if (!gathered->length)
        return ERROR_NONE;
    if (copy_writer_open(&writer, sink->database, sql_text("source/copy", tables[table].name), error))
        return error_context(error, "table %s", tables[table].name);
    copy_put_raw(writer, gathered->bytes, gathered->length);
    buffer_clear(gathered);
    if (copy_writer_finish(writer, &rows, error))
        return error_context(error, "table %s", tables[table].name);
    return ERROR_NONE;
}

enum error_code
source_sink_end_row(struct source_sink *sink, struct error *error)
{
    struct buffer *gathered = &sink->gathered[sink->table];
    if (*sink->type && !sink->failure.code)
        (void)error_set(&sink->failure, ERROR_BUG, "a row lacks %zu fields", strlen(sink->type));
    if (sink->failure.code) {
        *error = sink->failure;
        return error_context(error, "table %s", tables[sink->table].name);
    }
    buffer_append(gathered, sink->row, sink->length);
    sink->rows[sink->table]++;
    if (buffer_check(gathered, "rows of the sample source", error))
        return error->code;
    return gathered->length >= SOURCE_SINK_BYTES ? send_table(sink, sink->table, error) : ERROR_NONE;
}

enum error_code
source_sink_flush(struct source_sink *sink, struct error *error)
{
    for (int table = 0; table < SOURCE_TABLE_COUNT; table++)
        if (send_table(sink, (enum source_table)table, error))
            return error->code;
    return ERROR_NONE;
}
