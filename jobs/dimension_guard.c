#include "jobs/dimension_guard.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/config.h"

#define SQL(name) sql_text("jobs/dimension_guard", name)

/* So few may always go: of a small table, any share is large. */
enum { ALWAYS_ALLOWED = 10, MESSAGE_BYTES = 640, NUMBER_BYTES = 24 };

static bool
is_too_much(const struct dimension_absence *absence)
{
    if (!absence->gone)
        return false;
    return !absence->shown ||
           (absence->gone > ALWAYS_ALLOWED &&
            absence->gone * 100 > absence->known * config_integer(CONFIG_DIMENSION_DELETES_MAX_PERCENT));
}

/* Files the finding if none is open; *filed tells. */
static enum error_code
file_finding(struct job_context *context, const char *table, const struct dimension_absence *absence,
             const char *message, bool *filed, struct error *error)
{
    char shown[NUMBER_BYTES], known[NUMBER_BYTES], gone[NUMBER_BYTES];
    struct rows *rows;
    (void)snprintf(shown, sizeof(shown), "%" PRId64, absence->shown);
    (void)snprintf(known, sizeof(known), "%" PRId64, absence->known);
    (void)snprintf(gone, sizeof(gone), "%" PRId64, absence->gone);
    if (database_query(context->warehouse, SQL("file_finding"),
                       DATABASE_VALUES(context->run->run_id, table, message, shown, known, gone), &rows, error))
        return error->code;
    *filed = rows_affected(rows) > 0;
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
refuse(struct job_context *context, enum dimension dimension, const struct dimension_absence *absence,
       struct error *error)
{
    const char *table = dimension_extracts[dimension].name;
    char message[MESSAGE_BYTES], title[160], cause[80];
    bool filed = false;
    (void)snprintf(
        message, sizeof(message),
        "%" PRId64 " of %" PRId64 " members of %s are gone from the source, which has %" PRId64
        " rows now; TAPEMILL_DIMENSION_DELETES_MAX_PERCENT allows %ld percent at once, so none of them was "
        "closed. Put the source or its extraction query right; or, if they are really gone, `tapemill enqueue "
        "sync_dimensions --arg dimension=%s --arg deletes=all`",
        absence->gone, absence->known, table, absence->shown,
        (long)config_integer(CONFIG_DIMENSION_DELETES_MAX_PERCENT), dimension_name(dimension));
    (void)snprintf(title, sizeof(title),
                   "%" PRId64 " of %" PRId64 " %s are gone from the source at once: none was closed", absence->gone,
                   absence->known, table);
    (void)snprintf(cause, sizeof(cause), "deletes_refused:%s", table);
    if (file_finding(context, table, absence, message, &filed, error) || !filed)
        return error->code;
    return ledger_alert(context->warehouse, cause, "critical", title, message, context->run->job_id, error);
}

enum error_code
dimension_guard_resolve(struct job_context *context, enum dimension dimension, struct error *error)
{
    return database_query(context->warehouse, SQL("resolve"), DATABASE_VALUES(dimension_extracts[dimension].name), NULL,
                          error);
}

enum error_code
dimension_guard(struct job_context *context, enum dimension dimension, const struct dimension_absence *absence,
                bool resolve, bool *refused, struct error *error)
{
    *refused = is_too_much(absence);
    if (*refused)
        return refuse(context, dimension, absence, error);
    return resolve ? dimension_guard_resolve(context, dimension, error) : ERROR_NONE;
}
