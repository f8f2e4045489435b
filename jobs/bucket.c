#include "jobs/bucket.h"

#include <inttypes.h>
#include <stdio.h>

enum error_code
bucket_write(struct job_context *context, const char *sql, int count, const char *const *values, int64_t *affected,
             struct error *error)
{
    struct rows *rows;
    *affected = 0;
    if (database_query(context->warehouse, sql, count, values, &rows, error))
        return error->code;
    *affected = rows_affected(rows);
    rows_free(rows);
    return ERROR_NONE;
}

enum error_code
bucket_replace(struct job_context *context, const char *sql_file, const char *bucket, struct error *error)
{
    struct ledger_counts *counts = &context->counts;
    char run_no[24];
    (void)snprintf(run_no, sizeof(run_no), "%" PRId64, context->run->run_no);
    if (bucket_write(context, sql_text(sql_file, "delete_rows"), DATABASE_VALUES(bucket), &counts->removed, error) ||
        bucket_write(context, sql_text(sql_file, "update_rows"), DATABASE_VALUES(bucket, run_no), &counts->updated,
                     error) ||
        bucket_write(context, sql_text(sql_file, "insert_rows"), DATABASE_VALUES(bucket, run_no), &counts->inserted,
                     error))
        return error->code;
    counts->unchanged = counts->extracted - counts->skipped - counts->updated - counts->inserted;
    return ERROR_NONE;
}
