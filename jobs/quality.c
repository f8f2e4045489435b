#include "jobs/quality.h"

#include <endian.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/calendar_date.h"

#define QUALITY_SQL "quality/quality"
#define US_PER_S    1000000

enum {
    TEXT_BYTES = 512,
    ROW_CEILING = 32 * 1024 * 1024,
    NUMERIC_HEADER_BYTES = 8,
    NUMERIC_BASE_DIGITS = 4,
    NUMERIC_NEGATIVE = 0x4000,
    NUMERIC_NAN = 0xC000,
    NUMERIC_POSITIVE_INFINITY = 0xD000,
    NUMERIC_NEGATIVE_INFINITY = 0xF000,
    JSONB_VERSION = 1,
};

void
quality_issue(struct buffer *issues, enum quality_severity severity, const char *rule, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    for (char *at = text; *at; at++)
        if (*at == '\n' || *at == '\r')
            *at = ' ';
    buffer_format(issues, "%s%c|%s|%s", issues->length ? "\n" : "", severity == QUALITY_ERROR ? 'E' : 'W', rule, text);
}

/* ---- a source row as JSON ---------------------------------------------------------------------------------- */

static int
word_at(const struct copy_field *field, int index)
{
    return field->bytes[2 * index] << 8 | field->bytes[2 * index + 1];
}

/* The group of four digits at this power of 10000; 0 where none is stored. */
static int
numeric_group(const struct copy_field *field, int power)
{
    int at = (int16_t)word_at(field, 1) - power;
    return at >= 0 && at < word_at(field, 0) ? word_at(field, 4 + at) : 0;
}

/* PostgreSQL's binary numeric (core/decimal.h tells its form), whatever its size: the rows shown here are those that
 * struct decimal may have no room for. */
static enum error_code
put_numeric(struct buffer *json, const struct copy_field *field, struct error *error)
{
    if (field->length < NUMERIC_HEADER_BYTES || field->length != NUMERIC_HEADER_BYTES + 2 * word_at(field, 0))
        return error_set(error, ERROR_FORMAT, "a binary numeric has %d bytes", (int)field->length);
    int weight = (int16_t)word_at(field, 1), sign = word_at(field, 2), decimals = word_at(field, 3);
    if (sign == NUMERIC_NAN || sign == NUMERIC_POSITIVE_INFINITY || sign == NUMERIC_NEGATIVE_INFINITY) {
        buffer_text(json, sign == NUMERIC_NAN                 ? "\"NaN\""
                          : sign == NUMERIC_POSITIVE_INFINITY ? "\"Infinity\""
                                                              : "\"-Infinity\"");
        return ERROR_NONE;
    }
    buffer_text(json, sign == NUMERIC_NEGATIVE ? "-" : "");
    buffer_format(json, "%d", weight >= 0 ? numeric_group(field, weight) : 0);
    for (int power = weight - 1; power >= 0; power--)
        buffer_format(json, "%04d", numeric_group(field, power));
    buffer_text(json, decimals ? "." : "");
    for (int power = -1; decimals > 0; power--, decimals -= NUMERIC_BASE_DIGITS) {
        char group[16];
        (void)snprintf(group, sizeof(group), "%04d", numeric_group(field, power));
        buffer_append(json, group, (size_t)(decimals < NUMERIC_BASE_DIGITS ? decimals : NUMERIC_BASE_DIGITS));
    }
    return ERROR_NONE;
}

static enum error_code
put_integer(struct buffer *json, enum extract_type type, const struct copy_field *field, struct error *error)
{
    int16_t small;
    int32_t medium;
    int64_t large;
    enum error_code code = ERROR_NONE;
    if (type == EXTRACT_SMALLINT) {
        code = copy_field_int16(field, &small, error);
        large = small;
    } else if (type == EXTRACT_INTEGER) {
        code = copy_field_int32(field, &medium, error);
        large = medium;
    } else {
        code = copy_field_int64(field, &large, error);
    }
    if (!code)
        buffer_format(json, "%" PRId64, large);
    return code;
}

static enum error_code
put_date(struct buffer *json, const struct copy_field *field, struct error *error)
{
    int32_t days;
    if (copy_field_date(field, &days, error))
        return error->code;
    if (days == INT32_MAX || days == INT32_MIN) {
        buffer_text(json, days == INT32_MAX ? "\"infinity\"" : "\"-infinity\"");
        return ERROR_NONE;
    }
    struct calendar_date date = calendar_date_split(days);
    buffer_format(json, "\"%04d-%02d-%02d\"", date.year, date.month, date.day);
    return ERROR_NONE;
}

static enum error_code
put_timestamp(struct buffer *json, const struct copy_field *field, struct error *error)
{
    int64_t unix_us;
    if (copy_field_timestamp(field, &unix_us, error))
        return error->code;
    if (unix_us == INT64_MAX || unix_us == INT64_MIN) {
        buffer_text(json, unix_us == INT64_MAX ? "\"infinity\"" : "\"-infinity\"");
        return ERROR_NONE;
    }
    int64_t day_us = (int64_t)CALENDAR_DATE_DAY_S * US_PER_S;
    int64_t days = unix_us / day_us - (unix_us % day_us < 0);
    int64_t rest_us = unix_us - days * day_us;
    int second_of_day = (int)(rest_us / US_PER_S);
    struct calendar_date date = calendar_date_split((int32_t)days);
    buffer_format(json, "\"%04d-%02d-%02dT%02d:%02d:%02d.%06dZ\"", date.year, date.month, date.day,
                  second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60, (int)(rest_us % US_PER_S));
    return ERROR_NONE;
}

static enum error_code
put_boolean(struct buffer *json, const struct copy_field *field, struct error *error)
{
    bool value;
    if (copy_field_bool(field, &value, error))
        return error->code;
    buffer_text(json, value ? "true" : "false");
    return ERROR_NONE;
}

static enum error_code
put_uuid(struct buffer *json, const struct copy_field *field, struct error *error)
{
    if (field->length != 16)
        return error_set(error, ERROR_FORMAT, "a binary uuid has %d bytes", (int)field->length);
    buffer_text(json, "\"");
    for (int i = 0; i < field->length; i++)
        buffer_format(json, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", field->bytes[i]);
    buffer_text(json, "\"");
    return ERROR_NONE;
}

static enum error_code
put_value(struct buffer *json, enum extract_type type, const struct copy_field *field, struct error *error)
{
    if (field->length < 0) {
        buffer_text(json, "null");
        return ERROR_NONE;
    }
    switch (type) {
    case EXTRACT_BOOLEAN:
        return put_boolean(json, field, error);
    case EXTRACT_SMALLINT:
    case EXTRACT_INTEGER:
    case EXTRACT_BIGINT:
        return put_integer(json, type, field, error);
    case EXTRACT_NUMERIC:
        return put_numeric(json, field, error);
    case EXTRACT_TEXT:
        buffer_json(json, (const char *)field->bytes, (size_t)field->length);
        return ERROR_NONE;
    case EXTRACT_DATE:
        return put_date(json, field, error);
    case EXTRACT_TIMESTAMPTZ:
        return put_timestamp(json, field, error);
    case EXTRACT_UUID:
        return put_uuid(json, field, error);
    }
    return error_set(error, ERROR_BUG, "extraction type %d has no JSON form", (int)type);
}

enum error_code
quality_row(struct buffer *json, const struct extract_definition *definition, const struct copy_field *fields,
            struct error *error)
{
    for (size_t i = 0; i < definition->count; i++) {
        buffer_format(json, "%s\"%s\": ", i ? ", " : "{", definition->columns[i].name);
        if (put_value(json, definition->columns[i].type, &fields[i], error))
            return error_context(error, "column %s of %s", definition->columns[i].name, definition->name);
    }
    buffer_text(json, "}");
    return buffer_check(json, "a source row as JSON", error);
}

enum error_code
quality_put_row(struct copy_writer *writer, const struct extract_definition *definition,
                const struct copy_field *fields, struct error *error)
{
    struct buffer json;
    const char version = JSONB_VERSION;
    buffer_init(&json, ROW_CEILING);
    buffer_append(&json, &version, sizeof(version));
    enum error_code code = quality_row(&json, definition, fields, error);
    if (!code)
        copy_put_bytes(writer, json.bytes, json.length);
    buffer_term(&json);
    return code;
}

/* ---- filing ------------------------------------------------------------------------------------------------ */

enum error_code
quality_stage(struct job_context *context, struct error *error)
{
    return database_run(context->warehouse, sql_text(QUALITY_SQL, "stage"), error);
}

enum error_code
quality_record(struct job_context *context, const char *source_table, int64_t *quarantined, struct error *error)
{
    struct rows *rows;
    char run_no[24];
    struct database *warehouse = context->warehouse;
    *quarantined = 0;
    (void)snprintf(run_no, sizeof(run_no), "%" PRId64, context->run->run_no);
    if (database_query(warehouse, sql_text(QUALITY_SQL, "name_rows"), 0, NULL, NULL, error) ||
        database_query(warehouse, sql_text(QUALITY_SQL, "insert_issues"),
                       DATABASE_VALUES(context->run->run_id, source_table), NULL, error) ||
        database_query(warehouse, sql_text(QUALITY_SQL, "upsert_quarantine"), DATABASE_VALUES(run_no, source_table),
                       NULL, error) ||
        database_query(warehouse, sql_text(QUALITY_SQL, "count_errors"), 0, NULL, &rows, error))
        return error_context(error, "broken rules of %s", source_table);
    *quarantined = rows_integer(rows, 0, 0);
    rows_free(rows);
    return ERROR_NONE;
}

enum error_code
quality_resolve(struct job_context *context, const char *source_table, const char *business_date, struct error *error)
{
    if (database_query(context->warehouse, sql_text(QUALITY_SQL, "resolve"),
                       DATABASE_VALUES(source_table, business_date), NULL, error))
        return error_context(error, "quarantine of %s", source_table);
    return ERROR_NONE;
}
