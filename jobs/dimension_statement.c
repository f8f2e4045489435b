#include "jobs/dimension_statement.h"

#include <string.h>

#include "core/config.h"

enum { STATEMENT_CEILING = 64 * 1024 };

enum error_code
dimension_statement_run(struct job_context *context, const struct dimension_definition *definition, const char *file,
                        const char *name, struct error *error)
{
    struct buffer text;
    buffer_init(&text, STATEMENT_CEILING);
    enum error_code code = dimension_expand(definition, sql_text(file, name), &text, error);
    if (!code)
        code = database_run(context->warehouse, text.bytes, error);
    buffer_term(&text);
    return code ? error_context(error, "%s", name) : ERROR_NONE;
}

enum error_code
dimension_statement_query(struct job_context *context, const struct dimension_definition *definition, const char *file,
                          const char *name, int count, const char *const *values, struct rows **rows,
                          struct error *error)
{
    struct buffer text;
    buffer_init(&text, STATEMENT_CEILING);
    enum error_code code = dimension_expand(definition, sql_text(file, name), &text, error);
    if (!code)
        code = database_query(context->warehouse, text.bytes, count, values, rows, error);
    buffer_term(&text);
    return code ? error_context(error, "%s", name) : ERROR_NONE;
}

enum error_code
dimension_statement_count(struct job_context *context, const struct dimension_definition *definition, const char *file,
                          const char *name, int64_t *affected, struct error *error)
{
    struct rows *rows;
    if (dimension_statement_query(context, definition, file, name, 0, NULL, &rows, error))
        return error->code;
    *affected = rows_affected(rows);
    rows_free(rows);
    return ERROR_NONE;
}

enum error_code
dimension_statement_set_tenant(struct database *database, struct error *error)
{
    const char *tenant = config_text(CONFIG_DEFAULT_TENANT);
    enum error_code code = database_query(database, sql_text("jobs/sync_dimensions", "set_tenant"),
                                          DATABASE_VALUES(DIMENSION_TENANT_SETTING, tenant), NULL, error);
    if (code && strcmp(error->sqlstate, "22P02") == 0)
        return error_set(error, ERROR_CONFIG,
                         "TAPEMILL_DEFAULT_TENANT is \"%s\", but must be a UUID such as "
                         "00000000-0000-0000-0000-000000000001",
                         tenant);
    return code;
}
