#include "jobs/pnl_method.h"

#include <stdio.h>
#include <string.h>

#include "core/config.h"

#define SQL(name) sql_text("jobs/pnl_method", name)

static const char *const names[] = {[PNL_AVERAGE_COST] = "average", [PNL_FIFO] = "fifo"};

const char *
pnl_method_name(enum pnl_method method)
{
    return names[method];
}

enum pnl_method
pnl_method_configured(void)
{
    return strcmp(config_text(CONFIG_PNL_METHOD), names[PNL_FIFO]) == 0 ? PNL_FIFO : PNL_AVERAGE_COST;
}

static enum error_code
read_name(struct database *warehouse, const char *statement, char name[PNL_METHOD_NAME_BYTES], struct error *error)
{
    struct rows *rows;
    name[0] = 0;
    if (database_query(warehouse, SQL(statement), 0, NULL, &rows, error))
        return error->code;
    if (rows_count(rows))
        (void)snprintf(name, PNL_METHOD_NAME_BYTES, "%s", rows_text(rows, 0, 0));
    rows_free(rows);
    return ERROR_NONE;
}

enum error_code
pnl_method_stored(struct database *warehouse, char name[PNL_METHOD_NAME_BYTES], struct error *error)
{
    return read_name(warehouse, "stored", name, error);
}

enum error_code
pnl_method_hold(struct job_context *context, struct error *error)
{
    const char *configured = pnl_method_name(pnl_method_configured());
    char stored[PNL_METHOD_NAME_BYTES];
    struct database *side;
    if (read_name(context->warehouse, "hold", stored, error))
        return error->code;
    /* On the side, so that loads of other dates do not wait for this one's commit. */
    if (!stored[0] && (job_side(context, &side, error) ||
                       database_query(side, SQL("choose"), DATABASE_VALUES(configured), NULL, error) ||
                       read_name(context->warehouse, "hold", stored, error)))
        return error->code;
    if (strcmp(stored, configured) == 0)
        return ERROR_NONE;
    return error_set(
        error, ERROR_CONFIG,
        "TAPEMILL_PNL_METHOD is %s, but the stored books were computed by %s, and one method cannot carry on "
        "the other's: set TAPEMILL_PNL_METHOD=%s, or empty the books with `tapemill pnl method %s` and "
        "compute them again as it says",
        configured, stored, stored, configured);
}

enum error_code
pnl_method_switch(struct database *warehouse, struct pnl_method_emptied *emptied, struct error *error)
{
    struct rows *rows;
    if (database_query(warehouse, SQL("switch"), DATABASE_VALUES(pnl_method_name(pnl_method_configured())), NULL,
                       error) ||
        database_query(warehouse, SQL("lock_conditions"), 0, NULL, NULL, error) ||
        database_query(warehouse, SQL("forget_books"), 0, NULL, &rows, error))
        return error->code;
    *emptied = (struct pnl_method_emptied){.dates = rows_integer(rows, 0, 0)};
    if (emptied->dates) {
        (void)snprintf(emptied->from, sizeof(emptied->from), "%s", rows_text(rows, 0, 1));
        (void)snprintf(emptied->to, sizeof(emptied->to), "%s", rows_text(rows, 0, 2));
    }
    rows_free(rows);
    return ERROR_NONE;
}
