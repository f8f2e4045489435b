#include "ops/source_summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/sql.h"
#include "ops/command.h"

enum { NUMBER_BYTES = 24, NAME_BYTES = 64, POSITIONS_PER_TABLE = 100 };

static enum error_code
put(struct database *database, const char *statement, int position, enum source_table table, const char *what,
    const char *outcome, int64_t rows, struct error *error)
{
    char position_text[NUMBER_BYTES], rows_text[NUMBER_BYTES];
    (void)snprintf(position_text, sizeof(position_text), "%d", position);
    (void)snprintf(rows_text, sizeof(rows_text), "%" PRId64, rows);
    return database_query(database, sql_text("source/sample", statement),
                          DATABASE_VALUES(position_text, source_table_name(table), what, outcome, rows_text), NULL,
                          error);
}

static enum error_code
store(struct database *database, int position, enum source_table table, const char *what, const char *outcome,
      int64_t rows, struct error *error)
{
    return put(database, "add_summary", position, table, what, outcome, rows, error);
}

/* The dirty rows of a table: their number by what becomes of them, and each kind by itself. */
static enum error_code
store_dirt(struct database *database, int position, enum source_table table, const int64_t *counts, struct error *error)
{
    static const char *const expected[SOURCE_OUTCOMES] = {"expected_quarantined", "expected_warnings",
                                                          "expected_inferred", "expected_superseded"};
    size_t count;
    int64_t totals[SOURCE_OUTCOMES] = {0};
    const struct source_dirt *kinds = source_dirt_kinds(table, &count);
    for (size_t i = 0; i < count; i++)
        totals[kinds[i].outcome] += counts[i];
    for (int i = 0; count && i < SOURCE_OUTCOMES; i++)
        if (store(database, position + i, table, expected[i], source_dirt_outcome_name((enum source_outcome)i),
                  totals[i], error))
            return error->code;
    for (size_t i = 0; i < count; i++) {
        char what[NAME_BYTES];
        (void)snprintf(what, sizeof(what), "dirty_%s", kinds[i].name);
        if (counts[i] && store(database, position + SOURCE_OUTCOMES + (int)i, table, what,
                               source_dirt_outcome_name(kinds[i].outcome), counts[i], error))
            return error->code;
    }
    return ERROR_NONE;
}

static enum error_code
store_table(struct database *database, enum source_table table, const struct source_table_summary *counts,
            struct error *error)
{
    const struct {
        const char *what;
        int64_t rows;
    } histories[] = {{"corrected", counts->corrected}, {"cancelled", counts->cancelled}, {"late", counts->late}};
    int position = (int)table * POSITIONS_PER_TABLE;
    if (store(database, position, table, "rows", "", counts->rows, error))
        return error->code;
    for (int i = 0; i < 3; i++)
        if ((table == SOURCE_EXECUTIONS || table == SOURCE_TRADES) &&
            store(database, position + 1 + i, table, histories[i].what, "", histories[i].rows, error))
            return error->code;
    return store_dirt(database, position + 4, table, counts->dirt, error);
}

/* Positions are derived anew each time, and so are those of them that break. */
static enum error_code
store_breaks(struct database *database, struct error *error)
{
    char breaks[NUMBER_BYTES];
    if (database_value(database, sql_text("source/sample", "count_breaks"), 0, NULL, breaks, sizeof(breaks), error))
        return error->code;
    return put(database, "set_summary", SOURCE_POSITIONS * POSITIONS_PER_TABLE + 1, SOURCE_POSITIONS, "expected_breaks",
               "position_break", strtoll(breaks, NULL, 10), error);
}

enum error_code
source_summary_store(const struct source_summary *summary, struct database *database, struct error *error)
{
    for (int table = 0; table < SOURCE_TABLE_COUNT; table++)
        if (summary->tables[table].rows &&
            store_table(database, (enum source_table)table, &summary->tables[table], error))
            return error->code;
    return store_breaks(database, error);
}

enum error_code
source_summary_print(struct database *database, bool json, struct error *error)
{
    struct rows *rows = NULL;
    if (database_query(database, sql_text("source/sample", "show_summary"), 0, NULL, &rows, error))
        return error->code;
    enum error_code code = command_print(rows, json, error);
    rows_free(rows);
    return code;
}
