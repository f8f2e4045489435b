#include "jobs/leaf.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/config.h"
#include "core/failpoint.h"
#include "core/sql.h"

#define SQL(name) sql_text("jobs/leaf", name)

enum { STATEMENT_BYTES = 16 * 1024, ATTACH_MS = 120 * 1000, REPLACE_MS = 8 * 1000, REWRITE_SHARE = 3 };

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
    if (database_run(warehouse, SQL("savepoint"), error) || database_run(warehouse, SQL("timeout"), error))
        return error->code;
    while (step->run(step->context, error)) {
        /* A conflict that the step itself found will be there again; one of PostgreSQL's has an SQLSTATE. */
        if (error->code != ERROR_PG_CONFLICT || !error->sqlstate[0] || clock_monotonic_ms() >= deadline_ms)
            return error->code;
        if (database_run(warehouse, SQL("rollback"), error) || database_run(warehouse, SQL("timeout"), error))
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

static enum error_code
attach_within(struct database *warehouse, const struct partition_leaf *leaf, const struct leaf_step *before,
              int64_t timeout_ms, struct error *error)
{
    struct attachment attachment = {warehouse, leaf, before};
    const struct leaf_step step = {attach, &attachment};
    if (leaf_try(warehouse, &step, timeout_ms, error))
        return error_context(error, "leaf %s", leaf->name);
    return ERROR_NONE;
}

enum error_code
leaf_attach(struct database *warehouse, const struct partition_leaf *leaf, const struct leaf_step *before,
            struct error *error)
{
    return attach_within(warehouse, leaf, before, ATTACH_MS, error);
}

enum error_code
leaf_create(struct database *warehouse, const char *name, const char *date_key, const char *source, struct error *error)
{
    return leaf_run(warehouse, SQL("create"), DATABASE_VALUES(name, date_key, source), error);
}

/* ---- rewriting ---------------------------------------------------------------------------------------------- */

bool
leaf_rewrite_pays(int64_t changed, int64_t rows)
{
    return rows >= config_integer(CONFIG_REWRITE_MIN_ROWS) && changed > rows / REWRITE_SHARE;
}

enum error_code
leaf_rewrite_begin(struct leaf_rewrite *rewrite, struct job_context *context, const char *source, int32_t date_key,
                   bool *possible, struct error *error)
{
    struct database *warehouse = context->warehouse;
    char stands[8], key[16];
    *possible = false;
    if (partition_name_leaf(source, date_key, &rewrite->old_leaf, error) ||
        database_value(warehouse, SQL("stands"), DATABASE_VALUES(rewrite->old_leaf.name, rewrite->old_leaf.parent),
                       stands, sizeof(stands), error))
        return error->code;
    if (stands[0] != 't')
        return ERROR_NONE;
    rewrite->leaf = rewrite->old_leaf;
    (void)snprintf(key, sizeof(key), "%d", (int)date_key);
    int length = snprintf(rewrite->leaf.name, sizeof(rewrite->leaf.name), "%.*s_new",
                          (int)(sizeof(rewrite->leaf.name) - sizeof("_new")), rewrite->old_leaf.name);
    if (length >= (int)sizeof(rewrite->leaf.name))
        return error_set(error, ERROR_BUG, "the name of leaf %s has no room", rewrite->old_leaf.name);
    *possible = true;
    return leaf_run(warehouse, SQL("keep_writers_out"), DATABASE_VALUES(rewrite->old_leaf.name), error)
               ? error->code
               : leaf_create(warehouse, rewrite->leaf.name, key, source, error);
}

enum error_code
leaf_rewrite_index(struct leaf_rewrite *rewrite, struct job_context *context, struct error *error)
{
    if (leaf_index(context->warehouse, &rewrite->leaf, error))
        return error->code;
    FAILPOINT("leaf.rewritten");
    return ERROR_NONE;
}

struct replacement {
    struct leaf_rewrite *rewrite;
    struct database *warehouse;
    const struct leaf_step *before;
};

/* Before ATTACH, in the same try: the old leaf is dropped while it is attached, and its name goes to the new one. */
static enum error_code
drop_old(void *context, struct error *error)
{
    const struct replacement *replacement = context;
    const struct leaf_rewrite *rewrite = replacement->rewrite;
    const struct leaf_step *before = replacement->before;
    struct database *warehouse = replacement->warehouse;
    if (before && before->run(before->context, error))
        return error->code;
    if (database_query(warehouse, sql_text("jobs/fold_month", "lock_readers"), 0, NULL, NULL, error))
        return error->code;
    return leaf_run(warehouse, SQL("take_place"), DATABASE_VALUES(rewrite->old_leaf.name, rewrite->leaf.name), error);
}

enum error_code
leaf_rewrite_finish(struct leaf_rewrite *rewrite, struct job_context *context, const struct leaf_step *before,
                    struct error *error)
{
    struct replacement replacement = {rewrite, context->warehouse, before};
    const struct leaf_step drop = {drop_old, &replacement};
    if (attach_within(context->warehouse, &rewrite->old_leaf, &drop, REPLACE_MS, error))
        return error->code;
    FAILPOINT("leaf.replaced");
    return ERROR_NONE;
}

enum error_code
leaf_rewrite_may_fail(struct database *warehouse, struct error *error)
{
    return database_run(warehouse, SQL("before_rewrite"), error);
}

bool
leaf_rewrite_is_in_the_way(const struct error *error)
{
    return error->code == ERROR_PG_CONFLICT && error->sqlstate[0];
}

enum error_code
leaf_rewrite_undo(struct database *warehouse, struct error *error)
{
    return database_run(warehouse, SQL("undo_rewrite"), error);
}
