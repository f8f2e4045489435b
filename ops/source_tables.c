#include "ops/source_tables.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/sql.h"
#include "ops/source_sink.h"

enum { NAMES_BYTES = 256, NUMBER_BYTES = 24 };

enum error_code
source_tables_open(struct database **out, struct error *error)
{
    if (database_open(out, DATABASE_SOURCE, "tapemill source", error))
        return error->code;
    if (database_begin(*out, error) || database_query(*out, sql_text("source/sample", "lock"), 0, NULL, NULL, error)) {
        database_close(*out);
        *out = NULL;
        return error->code;
    }
    return ERROR_NONE;
}

enum error_code
source_tables_close(struct database *database, enum error_code code, struct error *error)
{
    if (code)
        database_rollback(database);
    else
        code = database_commit(database, error);
    database_close(database);
    return code;
}

/* How many of the tables there are, and their names. */
static enum error_code
find_present(struct database *database, char names[NAMES_BYTES], int64_t *count, struct error *error)
{
    struct rows *rows = NULL;
    if (database_query(database, sql_text("source/sample", "tables_present"), 0, NULL, &rows, error))
        return error->code;
    (void)snprintf(names, NAMES_BYTES, "%s", rows_text(rows, 0, 0));
    *count = rows_integer(rows, 0, 1);
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
create_all(struct database *database, struct error *error)
{
    if (database_run(database, sql_text("source/schema", "create_tables"), error) ||
        database_run(database, sql_text("source/schema", "create_indexes"), error))
        return error->code;
    return database_run(database, sql_text("source/schema", "create_sample_tables"), error);
}

enum error_code
source_tables_create(struct database *database, bool replace, struct error *error)
{
    char names[NAMES_BYTES];
    int64_t count = 0;
    if (find_present(database, names, &count, error))
        return error->code;
    if (count && !replace)
        return error_set(error, ERROR_ARGUMENT,
                         "the source has tables already (%s); --replace drops them and all their rows", names);
    if (database_run(database, sql_text("source/sample", "drop_tables"), error))
        return error->code;
    return create_all(database, error);
}

enum error_code
source_tables_ensure(struct database *database, struct error *error)
{
    char names[NAMES_BYTES];
    int64_t count = 0;
    if (find_present(database, names, &count, error))
        return error->code;
    if (!count)
        return create_all(database, error);
    if (count < SOURCE_TABLE_COUNT)
        return error_set(error, ERROR_ARGUMENT,
                         "the source has only %" PRId64 " of %d tables (%s); \"tapemill source init --replace\" drops "
                         "them and creates all",
                         count, SOURCE_TABLE_COUNT, names);
    return database_run(database, sql_text("source/schema", "create_sample_tables"), error);
}

enum error_code
source_tables_empty(struct database *database, bool replace, struct error *error)
{
    char names[NAMES_BYTES];
    if (replace)
        return database_run(database, sql_text("source/sample", "empty_tables"), error);
    if (database_value(database, sql_text("source/sample", "tables_filled"), 0, NULL, names, sizeof(names), error))
        return error->code;
    if (names[0])
        return error_set(error, ERROR_ARGUMENT,
                         "the source holds rows already (%s); --append adds days behind them, --replace empties all "
                         "its tables first",
                         names);
    return ERROR_NONE;
}

enum error_code
source_tables_drop_indexes(struct database *database, struct error *error)
{
    return database_run(database, sql_text("source/sample", "drop_indexes"), error);
}

enum error_code
source_tables_create_indexes(struct database *database, struct error *error)
{
    if (database_run(database, sql_text("source/schema", "create_indexes"), error))
        return error->code;
    return database_run(database, sql_text("source/sample", "analyze"), error);
}

enum error_code
source_tables_derive_positions(struct database *database, int64_t *more, struct error *error)
{
    struct rows *rows = NULL;
    if (database_query(database, sql_text("source/sample", "delete_positions"), 0, NULL, &rows, error))
        return error->code;
    *more = -rows_affected(rows);
    rows_free(rows);
    if (database_query(database, sql_text("source/sample", "insert_positions"), 0, NULL, &rows, error))
        return error->code;
    *more += rows_affected(rows);
    rows_free(rows);
    return ERROR_NONE;
}

enum error_code
source_tables_setting(struct database *database, const char *name, int64_t *value, bool *known, struct error *error)
{
    struct rows *rows = NULL;
    if (database_query(database, sql_text("source/sample", "setting"), DATABASE_VALUES(name), &rows, error))
        return error->code;
    *known = rows_count(rows) > 0;
    if (*known)
        *value = rows_integer(rows, 0, 0);
    rows_free(rows);
    return ERROR_NONE;
}

enum error_code
source_tables_set(struct database *database, const char *name, int64_t value, struct error *error)
{
    char text[NUMBER_BYTES];
    (void)snprintf(text, sizeof(text), "%" PRId64, value);
    return database_query(database, sql_text("source/sample", "set_setting"), DATABASE_VALUES(name, text), NULL, error);
}
