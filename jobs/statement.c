#include "jobs/statement.h"

enum error_code
statement_run(struct job_context *context, const char *sql, int64_t *affected, struct error *error)
{
    struct rows *rows;
    *affected = 0;
    if (database_query(context->warehouse, sql, 0, NULL, &rows, error))
        return error->code;
    *affected = rows_affected(rows);
    rows_free(rows);
    return ERROR_NONE;
}
