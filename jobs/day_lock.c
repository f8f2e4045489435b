#include "jobs/day_lock.h"

#include <stdio.h>

#include "core/sql.h"

enum error_code
day_lock(struct database *warehouse, const char *fact, int32_t date_key, struct error *error)
{
    char key[16];
    (void)snprintf(key, sizeof(key), "%d", (int)date_key);
    return database_query(warehouse, sql_text("jobs/day_lock", "take"), DATABASE_VALUES(fact, key), NULL, error);
}
