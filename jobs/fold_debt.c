#include "jobs/fold_debt.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/config.h"
#include "core/sql.h"

#define SQL(name) sql_text("jobs/fold_debt", name)

enum { NUMBER_BYTES = 24 };

enum error_code
fold_debt_today(struct database *warehouse, const struct business_clock *clock, int32_t *today, struct error *error)
{
    char us[NUMBER_BYTES];
    int32_t second;
    if (database_value(warehouse, SQL("now_us"), 0, NULL, us, sizeof(us), error))
        return error->code;
    business_clock_split(clock, strtoll(us, NULL, 10), today, &second);
    return ERROR_NONE;
}

enum error_code
fold_debt_look(struct database *warehouse, const struct business_clock *clock, struct fold_debt *debt,
               struct error *error)
{
    char closed_before[CALENDAR_DATE_BYTES];
    int32_t today;
    struct rows *rows;
    if (fold_debt_today(warehouse, clock, &today, error))
        return error->code;
    (void)calendar_date_format(today - (int32_t)config_integer(CONFIG_FOLD_AFTER_DAYS), closed_before);
    if (database_query(warehouse, SQL("look"), DATABASE_VALUES(closed_before), &rows, error))
        return error->code;
    *debt = (struct fold_debt){
        .leaves = rows_integer(rows, 0, 0),
        .months = rows_integer(rows, 0, 1),
        .dead = rows_integer(rows, 0, 2),
        .folding = rows_boolean(rows, 0, 5),
    };
    (void)snprintf(debt->oldest, sizeof(debt->oldest), "%s", rows_text(rows, 0, 3));
    (void)snprintf(debt->next, sizeof(debt->next), "%s", rows_text(rows, 0, 4));
    rows_free(rows);
    return ERROR_NONE;
}
