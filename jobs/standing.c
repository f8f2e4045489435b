#include "jobs/standing.h"

#include "jobs/bucket.h"

#define SQL(name) sql_text("quality/standing", name)

enum error_code
standing_stage(struct job_context *context, struct error *error)
{
    return database_run(context->warehouse, SQL("stage"), error);
}

enum error_code
standing_settle(struct job_context *context, const char *source_table, const char *rules, const char *business_date,
                enum standing_scope scope, int64_t *filed, int64_t *resolved, struct error *error)
{
    const char *until = scope == STANDING_UNTIL_DATE ? "true" : "false";
    if (bucket_write(context, SQL("resolve"), DATABASE_VALUES(source_table, rules, business_date, until), resolved,
                     error) ||
        bucket_write(context, SQL("file"), DATABASE_VALUES(source_table, business_date, until, context->run->run_id),
                     filed, error))
        return error_context(error, "findings about %s", source_table);
    return ERROR_NONE;
}
