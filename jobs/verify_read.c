#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/config.h"
#include "core/sql.h"
#include "jobs/verify_internal.h"

enum { STATEMENT_BYTES = 8 * 1024 };

bool
verify_row_is_null(const struct verify_row *row, int field)
{
    return row->fields[field].length < 0;
}

const char *
verify_row_text(struct verify_row *row, int field)
{
    const struct copy_field *from = &row->fields[field];
    size_t length = from->length > 0 ? (size_t)from->length : 0;
    if (length >= VERIFY_TEXT_BYTES)
        length = VERIFY_TEXT_BYTES - 1;
    if (length)
        memcpy(row->texts[field], from->bytes, length);
    row->texts[field][length] = 0;
    return row->texts[field];
}

enum error_code
verify_row_number(const struct verify_row *row, int field, struct exact *number, struct error *error)
{
    const struct copy_field *from = &row->fields[field];
    exact_set_integer(number, 0);
    return from->length < 0 ? ERROR_NONE : exact_parse(number, (const char *)from->bytes, (size_t)from->length, error);
}

enum error_code
verify_row_integer(const struct verify_row *row, int field, int64_t *value, struct error *error)
{
    const struct copy_field *from = &row->fields[field];
    char text[24] = "", *end = text;
    *value = 0;
    if (from->length < 0)
        return ERROR_NONE;
    if ((size_t)from->length < sizeof(text)) {
        memcpy(text, from->bytes, (size_t)from->length);
        text[from->length] = 0;
        *value = strtoll(text, &end, 10);
    }
    if (end == text || *end)
        return error_set(error, ERROR_FORMAT, "\"%.*s\" is not a whole number", (int)from->length,
                         (const char *)from->bytes);
    return ERROR_NONE;
}

enum error_code
verify_history_start(int32_t *days, struct error *error)
{
    const char *start = config_text(CONFIG_HISTORY_START);
    if (start && start[0] && !calendar_date_parse(start, days, error))
        return ERROR_NONE;
    return error_set(error, ERROR_CONFIG,
                     "TAPEMILL_HISTORY_START is not a date; set it to the first business date of the history "
                     "(YYYY-MM-DD), before which all books are empty");
}

bool
verify_is_dirty(const struct verify_aggregate *all, const char *target)
{
    char sought[VERIFY_TEXT_BYTES];
    (void)snprintf(sought, sizeof(sought), " %s ", target);
    return strstr(all->dirty, sought) != NULL;
}

static enum error_code
read_rows(struct verify_aggregate *all, struct copy_reader *reader, verify_take *take, void *data, struct error *error)
{
    struct verify_row *row = malloc(sizeof(*row));
    bool end = false;
    if (!row)
        return error_set(error, ERROR_MEMORY, "out of memory for a row");
    while (!copy_reader_next(reader, &row->fields, &end, error) && !end)
        if (take(all, row, data, error))
            break;
    free(row);
    return error->code;
}

enum error_code
verify_read(struct verify_aggregate *all, const char *statement, int fields, int count, const char *const *values,
            verify_take *take, void *data, struct error *error)
{
    struct copy_reader *reader = NULL;
    char text[STATEMENT_BYTES];
    if (database_value(all->warehouse, sql_text(all->file, statement), count, values, text, sizeof(text), error) ||
        copy_reader_open(&reader, all->warehouse, text, fields, error))
        return error->code;
    enum error_code code = read_rows(all, reader, take, data, error);
    copy_reader_close(reader);
    return code;
}
