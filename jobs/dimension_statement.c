#include "jobs/dimension_statement.h"

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
