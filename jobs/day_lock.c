#include "jobs/day_lock.h"

#include <stdio.h>

#include "core/sql.h"
#include "jobs/pnl_day.h"

enum error_code
day_lock(struct database *warehouse, const char *source, int32_t date_key, struct error *error)
{
    char key[16];
    (void)snprintf(key, sizeof(key), "%d", (int)date_key);
    return database_query(warehouse, sql_text("jobs/day_lock", "take"), DATABASE_VALUES(source, key), NULL, error);
}

enum error_code
day_lock_try(struct database *warehouse, const char *source, int32_t date_key, bool *locked, struct error *error)
{
    char key[16];
    struct rows *rows;
    (void)snprintf(key, sizeof(key), "%d", (int)date_key);
    if (database_query(warehouse, sql_text("jobs/day_lock", "try"), DATABASE_VALUES(source, key), &rows, error))
        return error->code;
    *locked = rows_boolean(rows, 0, 0);
    rows_free(rows);
    return ERROR_NONE;
}

enum error_code
day_lock_flows(struct database *warehouse, int32_t date_key, struct error *error)
{
    enum error_code code = ERROR_NONE;
    for (int i = 0; !code && i < PNL_DAY_FLOWS; i++)
        code = day_lock(warehouse, pnl_day_flows[i], date_key, error);
    return code;
}
