#include "jobs/multiplier_change.h"

#include <string.h>

#include "jobs/dimension.h"
#include "jobs/pnl_day.h"

#define SQL(name) sql_text("jobs/multiplier_change", name)

enum { STATEMENT_CEILING = 64 * 1024 };

enum error_code
multiplier_change_note(struct job_context *context, struct error *error)
{
    struct buffer text;
    if (database_run(context->warehouse, SQL("stage"), error))
        return error->code;
    buffer_init(&text, STATEMENT_CEILING);
    enum error_code code = dimension_expand(&dimension_definitions[DIMENSION_INSTRUMENT], SQL("note"), &text, error);
    if (!code)
        code = database_run(context->warehouse, text.bytes, error);
    buffer_term(&text);
    return code;
}

enum error_code
multiplier_change_follow(struct job_context *context, struct error *error)
{
    struct database *warehouse = context->warehouse;
    char changed[24];
    struct rows *rows;
    if (database_query(warehouse, SQL("drop_unwritten"), 0, NULL, NULL, error) ||
        database_value(warehouse, SQL("count"), 0, NULL, changed, sizeof(changed), error))
        return error->code;
    if (strcmp(changed, "0") == 0)
        return ERROR_NONE;
    if (database_query(warehouse, SQL("find_dates"), 0, NULL, NULL, error) ||
        database_query(warehouse, SQL("lock_conditions"), 0, NULL, NULL, error) ||
        database_query(warehouse, SQL("report"), DATABASE_VALUES(context->run->run_id), NULL, error) ||
        database_query(warehouse, SQL("reopen"), 0, NULL, &rows, error))
        return error_context(error, "a contract multiplier changed");
    enum error_code code = ERROR_NONE;
    for (size_t i = 0; !code && i < rows_count(rows); i++)
        code = pnl_day_forward(context, rows_text(rows, i, 0), error);
    rows_free(rows);
    return code ? error_context(error, "a contract multiplier changed") : ERROR_NONE;
}
