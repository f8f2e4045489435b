#include "ops/source_csv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SHOWN "%.40s"

/* Instants beyond the year 9999 are no instants of a print. */
static const int64_t instant_max_s = 253402300799;
static const int64_t us_per_s = 1000000;

static enum error_code
refuse(const struct source_csv_place *place, const char *column, const char *text, const char *remedy,
       struct error *error)
{
    return error_set(error, ERROR_FORMAT, "%s line %" PRId64 ", column \"%s\": \"" SHOWN "\" is no %s", place->file,
                     place->line, column, text, remedy);
}

/* Copies a quoted field over itself without its quotes. *end is set behind the closing quote; false if there is none.
 */
static bool
unquote(char *field, char **end)
{
    char *to = field, *from = field + 1;
    for (; *from; from++) {
        if (*from == '"') {
            if (from[1] != '"') {
                *end = from + 1;
                *to = 0;
                return true;
            }
            from++;
        }
        *to++ = *from;
    }
    return false;
}

enum error_code
source_csv_split(const struct source_csv_place *place, char *line, struct source_csv_record *record,
                 struct error *error)
{
    char *cursor = line;
    record->count = 0;
    for (;;) {
        if (record->count == SOURCE_CSV_FIELDS_MAX)
            return error_set(error, ERROR_FORMAT, "%s line %" PRId64 " has more than %d fields; is it a CSV file?",
                             place->file, place->line, SOURCE_CSV_FIELDS_MAX);
        char *end = cursor + strcspn(cursor, ",");
        record->fields[record->count++] = cursor;
        if (*cursor == '"') {
            if (!unquote(cursor, &end))
                return error_set(error, ERROR_FORMAT, "%s line %" PRId64 ", field %zu: the quote is not closed",
                                 place->file, place->line, record->count);
            if (*end && *end != ',')
                return error_set(error, ERROR_FORMAT,
                                 "%s line %" PRId64 ", field %zu: text follows the closing quote; a quote inside a "
                                 "field is written twice",
                                 place->file, place->line, record->count);
        } else if (memchr(cursor, '"', (size_t)(end - cursor))) {
            return error_set(error, ERROR_FORMAT,
                             "%s line %" PRId64 ", field %zu: a field that holds a quote must begin with one",
                             place->file, place->line, record->count);
        }
        if (!*end)
            return ERROR_NONE;
        *end = 0;
        cursor = end + 1;
    }
}

static bool
has_name(const struct source_csv_header *header, const char *name, size_t *index)
{
    for (size_t i = 0; i < header->count; i++) {
        if (strcmp(header->names[i], name) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

enum error_code
source_csv_read_header(const struct source_csv_place *place, const struct source_csv_record *record,
                       struct source_csv_header *header, struct error *error)
{
    header->count = 0;
    for (size_t i = 0; i < record->count; i++) {
        size_t same;
        const char *name = record->fields[i];
        if (!*name || strlen(name) >= SOURCE_CSV_NAME_BYTES)
            return error_set(error, ERROR_FORMAT,
                             "%s line %" PRId64 ", field %zu: \"" SHOWN
                             "\" is no name of a column; the file must begin "
                             "with a line of column names",
                             place->file, place->line, i + 1, name);
        if (has_name(header, name, &same))
            return error_set(error, ERROR_FORMAT, "%s line %" PRId64 ": fields %zu and %zu are both called \"%s\"",
                             place->file, place->line, same + 1, i + 1, name);
        memcpy(header->names[header->count++], name, strlen(name) + 1);
    }
    return ERROR_NONE;
}

enum error_code
source_csv_find(const struct source_csv_place *place, const struct source_csv_header *header, const char *name,
                size_t *index, struct error *error)
{
    char present[256];
    size_t length = 0;
    if (has_name(header, name, index))
        return ERROR_NONE;
    present[0] = 0;
    for (size_t i = 0; i < header->count && length < sizeof(present) - SOURCE_CSV_NAME_BYTES - 3; i++)
        length += (size_t)snprintf(present + length, sizeof(present) - length, "%s%s", i ? ", " : "", header->names[i]);
    return error_set(error, ERROR_FORMAT, "%s has no column \"%s\"; its first line names %s: is --format right?",
                     place->file, name, present);
}

enum error_code
source_csv_check_width(const struct source_csv_place *place, const struct source_csv_header *header,
                       const struct source_csv_record *record, struct error *error)
{
    if (record->count < header->count)
        return error_set(error, ERROR_FORMAT, "%s line %" PRId64 " ends before column \"%s\": it has %zu fields of %zu",
                         place->file, place->line, header->names[record->count], record->count, header->count);
    if (record->count > header->count)
        return error_set(error, ERROR_FORMAT,
                         "%s line %" PRId64 " goes on after column \"%s\": it has %zu fields, not %zu", place->file,
                         place->line, header->names[header->count - 1], record->count, header->count);
    return ERROR_NONE;
}

enum error_code
source_csv_decimal(const struct source_csv_place *place, const char *column, const char *text, struct error *error)
{
    static const char digits[] = "0123456789";
    const char *cursor = text + (*text == '-' || *text == '+');
    size_t whole = strspn(cursor, digits), fraction = 0;
    cursor += whole;
    if (*cursor == '.') {
        fraction = strspn(++cursor, digits);
        cursor += fraction;
    }
    if (*cursor || whole + fraction == 0)
        return refuse(place, column, text, "decimal number such as 157.8", error);
    return ERROR_NONE;
}

/* Reads digits; false when there is none or the number passes INT64_MAX. */
static bool
read_digits(const char **text, int64_t *value)
{
    const char *start = *text;
    *value = 0;
    for (; **text >= '0' && **text <= '9'; (*text)++)
        if (__builtin_mul_overflow(*value, 10, value) || __builtin_add_overflow(*value, **text - '0', value))
            return false;
    return *text > start;
}

enum error_code
source_csv_integer(const struct source_csv_place *place, const char *column, const char *text, int64_t *value,
                   struct error *error)
{
    const char *cursor = text;
    if (!read_digits(&cursor, value) || *cursor)
        return refuse(place, column, text, "whole number", error);
    return ERROR_NONE;
}

enum error_code
source_csv_boolean(const struct source_csv_place *place, const char *column, const char *text, bool *value,
                   struct error *error)
{
    *value = strcmp(text, "true") == 0;
    if (!*value && strcmp(text, "false") != 0)
        return refuse(place, column, text, "truth value; it must be true or false", error);
    return ERROR_NONE;
}

enum error_code
source_csv_word(const struct source_csv_place *place, const char *column, const char *text, struct error *error)
{
    for (const char *cursor = text; *cursor; cursor++)
        if ((unsigned char)*cursor < 32 || *cursor == 127)
            return error_set(error, ERROR_FORMAT, "%s line %" PRId64 ", column \"%s\" holds a control character",
                             place->file, place->line, column);
    if (!*text)
        return error_set(error, ERROR_FORMAT, "%s line %" PRId64 ", column \"%s\" is empty", place->file, place->line,
                         column);
    return ERROR_NONE;
}

enum error_code
source_csv_milliseconds(const struct source_csv_place *place, const char *column, const char *text, int64_t *unix_us,
                        struct error *error)
{
    const char *cursor = text;
    int64_t unix_ms;
    if (!read_digits(&cursor, &unix_ms) || *cursor || unix_ms > instant_max_s * 1000)
        return refuse(place, column, text, "instant; it must be whole milliseconds since 1970-01-01 UTC", error);
    *unix_us = unix_ms * 1000;
    return ERROR_NONE;
}

enum error_code
source_csv_seconds(const struct source_csv_place *place, const char *column, const char *text, int64_t *unix_us,
                   struct error *error)
{
    static const char form[] = "instant; it must be seconds since 1970-01-01 UTC with at most 6 decimals";
    const char *cursor = text;
    int64_t seconds, fraction = 0;
    if (!read_digits(&cursor, &seconds) || seconds > instant_max_s)
        return refuse(place, column, text, form, error);
    if (*cursor == '.') {
        int64_t unit = us_per_s;
        const char *start = ++cursor;
        for (; *cursor >= '0' && *cursor <= '9' && unit > 1; cursor++) {
            unit /= 10;
            fraction += (*cursor - '0') * unit;
        }
        if (cursor == start)
            return refuse(place, column, text, form, error);
        cursor += strspn(cursor, "0");
    }
    if (*cursor)
        return refuse(place, column, text, form, error);
    *unix_us = seconds * us_per_s + fraction;
    return ERROR_NONE;
}

/* A decimal's parts: the digits before the point without leading zeros, those after it without trailing ones. */
struct parts {
    bool negative;
    const char *whole, *fraction;
    size_t whole_length, fraction_length;
};

static struct parts
take_apart(const char *text)
{
    struct parts parts = {.negative = *text == '-'};
    text += *text == '-' || *text == '+';
    text += strspn(text, "0");
    parts.whole = text;
    parts.whole_length = strspn(text, "0123456789");
    text += parts.whole_length;
    parts.fraction = *text == '.' ? text + 1 : text;
    parts.fraction_length = strlen(parts.fraction);
    while (parts.fraction_length && parts.fraction[parts.fraction_length - 1] == '0')
        parts.fraction_length--;
    if (!parts.whole_length && !parts.fraction_length)
        parts.negative = false;
    return parts;
}

static int
compare_magnitudes(const struct parts *a, const struct parts *b)
{
    if (a->whole_length != b->whole_length)
        return a->whole_length < b->whole_length ? -1 : 1;
    int order = memcmp(a->whole, b->whole, a->whole_length);
    if (order)
        return order < 0 ? -1 : 1;
    size_t common = a->fraction_length < b->fraction_length ? a->fraction_length : b->fraction_length;
    order = memcmp(a->fraction, b->fraction, common);
    if (order)
        return order < 0 ? -1 : 1;
    return (a->fraction_length > common) - (b->fraction_length > common);
}

int
source_csv_compare(const char *a, const char *b)
{
    struct parts first = take_apart(a), second = take_apart(b);
    if (first.negative != second.negative)
        return first.negative ? -1 : 1;
    int order = compare_magnitudes(&first, &second);
    return first.negative ? -order : order;
}
