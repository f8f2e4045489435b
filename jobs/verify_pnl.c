#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/sql.h"
#include "jobs/verify_internal.h"

#define SQL(name) sql_text("jobs/verify_pnl", name)

enum { FIELDS = 6, STATEMENT_BYTES = 8 * 1024, TEXT_BYTES = 512 };

static const char facts[] = "fact_trades", books[] = "etl_open_positions", lots[] = "etl_open_lots";

/* One date. */
struct pnl_date {
    struct verify *verify;
    const char *method; /* "average" or "fifo" */
    char date[16], date_key[16], previous_key[16];
};

static void
field_text(const struct copy_field *field, char text[TEXT_BYTES])
{
    size_t length = field->length > 0 ? (size_t)field->length : 0;
    if (length >= TEXT_BYTES)
        length = TEXT_BYTES - 1;
    if (length)
        memcpy(text, field->bytes, length);
    text[length] = 0;
}

/* "DESK|tenant|account|strategy|client|instrument" and a reference, for people. */
static void
tell(struct pnl_date *date, const char texts[FIELDS][TEXT_BYTES], bool has_stored, bool has_recomputed)
{
    static const char *const names[] = {"date",   "flow",       "tenant", "account", "strategy",
                                        "client", "instrument", "trade",  NULL};
    char key[VERIFY_KEY_BYTES + TEXT_BYTES];
    (void)snprintf(key, sizeof(key), "%s|%s|%s", date->date, texts[1], texts[2]);
    for (char *at = strchr(key, '|'); at; at = strchr(at, '|'))
        *at = VERIFY_KEY_SEPARATOR;
    const char *table = strcmp(texts[0], facts) == 0 ? facts : strcmp(texts[0], books) == 0 ? books : lots;
    verify_tell(date->verify, table, names, key, texts[3], has_stored ? texts[4] : NULL,
                has_recomputed ? texts[5] : NULL);
}

/* Each row has two figures. */
static void
count_rows(struct pnl_date *date, const char *table, const char *number)
{
    struct verify_count *count = verify_count_of(date->verify, table);
    int64_t rows = strtoll(number, NULL, 10);
    count->rows += rows;
    count->figures += 2 * rows;
}

static void
take(struct pnl_date *date, const struct copy_field *fields)
{
    char texts[FIELDS][TEXT_BYTES];
    for (int i = 0; i < FIELDS; i++)
        field_text(&fields[i], texts[i]);
    if (strcmp(texts[0], "fills") == 0) {
        count_rows(date, facts, texts[4]);
        count_rows(date, books, texts[5]);
    } else if (strcmp(texts[0], "lots") == 0) {
        if (strcmp(date->method, "fifo") == 0)
            count_rows(date, lots, texts[4]);
    } else {
        tell(date, texts, fields[4].length >= 0, fields[5].length >= 0);
    }
}

static enum error_code
compare_date(struct pnl_date *date, struct error *error)
{
    struct database *warehouse = date->verify->warehouse;
    struct copy_reader *reader = NULL;
    const struct copy_field *fields;
    char statement[STATEMENT_BYTES];
    bool end = false;
    if (database_value(warehouse, SQL("compare"), DATABASE_VALUES(date->date_key, date->previous_key, date->method),
                       statement, sizeof(statement), error) ||
        copy_reader_open(&reader, warehouse, statement, FIELDS, error))
        return error->code;
    while (!copy_reader_next(reader, &fields, &end, error) && !end)
        take(date, fields);
    copy_reader_close(reader);
    return error->code;
}

static enum error_code
is_closed(const struct verify *verify, const char *date_key, bool *closed, struct error *error)
{
    char count[24];
    if (database_value(verify->warehouse, SQL("closed"), DATABASE_VALUES(date_key), count, sizeof(count), error))
        return error->code;
    *closed = count[0] != '0';
    return ERROR_NONE;
}

/* A date is compared if its books and those of the date before are closed. */
static enum error_code
verify_date(struct verify *verify, const char *method, int32_t days, int32_t first_days, struct error *error)
{
    struct pnl_date date = {.verify = verify, .method = method};
    bool closed = false, opened = true, has_previous = days > first_days;
    (void)calendar_date_format(days, date.date);
    (void)snprintf(date.date_key, sizeof(date.date_key), "%" PRId32, calendar_date_key(days));
    (void)snprintf(date.previous_key, sizeof(date.previous_key), "%" PRId32,
                   has_previous ? calendar_date_key(days - 1) : 0);
    if (is_closed(verify, date.date_key, &closed, error) ||
        (has_previous && is_closed(verify, date.previous_key, &opened, error)))
        return error->code;
    if (closed && opened)
        return compare_date(&date, error);
    verify_count_of(verify, facts)->dirty++;
    verify_count_of(verify, books)->dirty++;
    return ERROR_NONE;
}

enum error_code
verify_pnl(struct verify *verify, struct error *error)
{
    int32_t first_days;
    char method[16];
    if (verify_history_start(&first_days, error) ||
        database_value(verify->warehouse, SQL("method"), 0, NULL, method, sizeof(method), error))
        return error->code;
    if (database_run(verify->warehouse, SQL("functions"), error))
        return error_context(error, "making functions in pg_temp, which needs the right TEMPORARY on the warehouse");
    int32_t from_days = verify->from_days > first_days ? verify->from_days : first_days;
    for (int32_t days = from_days; !error->code && days <= verify->to_days; days++)
        if (!verify_date(verify, method, days, first_days, error) && verify->progress)
            verify->progress(verify->data, days - verify->from_days + 1);
    return error->code;
}
