#include "jobs/leaf.h"

#include "core/clock.h"
#include "core/sql.h"

#define SQL(name) sql_text("jobs/leaf", name)

enum { STATEMENT_BYTES = 16 * 1024, ATTACH_DEADLINE_MS = 120 * 1000 };

enum error_code
leaf_run(struct database *warehouse, const char *sql, int count, const char *const *values, struct error *error)
{
    char text[STATEMENT_BYTES];
    if (database_value(warehouse, sql, count, values, text, sizeof(text), error))
        return error->code;
    return database_run(warehouse, text, error);
}

enum error_code
leaf_index(struct database *warehouse, const struct partition_leaf *leaf, struct error *error)
{
    struct rows *rows;
    if (database_run(warehouse, SQL("memory"), error) ||
        database_query(warehouse, SQL("indexes"), DATABASE_VALUES(leaf->name, leaf->parent), &rows, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    for (size_t i = 0; !code && i < rows_count(rows); i++)
        code = database_run(warehouse, rows_text(rows, i, 0), error);
    rows_free(rows);
    return code ? code : leaf_run(warehouse, SQL("analyze"), DATABASE_VALUES(leaf->name), error);
}

static enum error_code
try_attach(struct database *warehouse, const struct partition_leaf *leaf, const struct leaf_step *before,
           struct error *error)
{
    if (before && before->run(before->context, error))
        return error->code;
    return leaf_run(warehouse, SQL("attach"), DATABASE_VALUES(leaf->parent, leaf->name, leaf->bounds), error);
}

enum error_code
leaf_attach(struct database *warehouse, const struct partition_leaf *leaf, const struct leaf_step *before,
            struct error *error)
{
    int64_t deadline_ms = clock_monotonic_ms() + ATTACH_DEADLINE_MS;
    if (database_run(warehouse, SQL("savepoint"), error))
        return error->code;
    while (try_attach(warehouse, leaf, before, error)) {
        if (error->code != ERROR_PG_CONFLICT || clock_monotonic_ms() >= deadline_ms)
            return error_context(error, "leaf %s", leaf->name);
        if (database_run(warehouse, SQL("rollback"), error) || database_run(warehouse, SQL("savepoint"), error))
            return error->code;
    }
    return database_run(warehouse, SQL("attached"), error);
}
