#include "jobs/leaf.h"

#include "core/clock.h"
#include "core/sql.h"

#define SQL(name) sql_text("jobs/leaf", name)

enum { STATEMENT_BYTES = 16 * 1024, ATTACH_MS = 120 * 1000 };

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

enum error_code
leaf_try(struct database *warehouse, const struct leaf_step *step, int64_t timeout_ms, struct error *error)
{
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    if (database_run(warehouse, SQL("savepoint"), error))
        return error->code;
    while (step->run(step->context, error)) {
        if (error->code != ERROR_PG_CONFLICT || clock_monotonic_ms() >= deadline_ms)
            return error->code;
        if (database_run(warehouse, SQL("rollback"), error) || database_run(warehouse, SQL("savepoint"), error))
            return error->code;
    }
    return database_run(warehouse, SQL("done"), error);
}

struct attachment {
    struct database *warehouse;
    const struct partition_leaf *leaf;
    const struct leaf_step *before;
};

static enum error_code
attach(void *context, struct error *error)
{
    const struct attachment *attachment = context;
    const struct partition_leaf *leaf = attachment->leaf;
    const struct leaf_step *before = attachment->before;
    if (before && before->run(before->context, error))
        return error->code;
    return leaf_run(attachment->warehouse, SQL("attach"), DATABASE_VALUES(leaf->parent, leaf->name, leaf->bounds),
                    error);
}

enum error_code
leaf_attach(struct database *warehouse, const struct partition_leaf *leaf, const struct leaf_step *before,
            struct error *error)
{
    struct attachment attachment = {warehouse, leaf, before};
    const struct leaf_step step = {attach, &attachment};
    if (leaf_try(warehouse, &step, ATTACH_MS, error))
        return error_context(error, "leaf %s", leaf->name);
    return ERROR_NONE;
}
