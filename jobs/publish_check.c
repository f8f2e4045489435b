#include "jobs/publish_check.h"

#include <stdio.h>

#include "core/calendar_date.h"

#define SQL(name) sql_text("jobs/publish_gate", name)

struct publish {
    struct job_context *context;
    const char *scope;
    char date_key[24], date[CALENDAR_DATE_BYTES];
};

static enum error_code
resolve(const struct publish *publish, struct database *database, struct error *error)
{
    return database_query(database, SQL("resolve"), DATABASE_VALUES(publish->date, publish->scope), NULL, error);
}

/* In a transaction of its own, in place of what was found before. */
static enum error_code
file_findings(const struct publish *publish, const struct rows *found, struct error *error)
{
    const struct ledger_run *run = publish->context->run;
    struct database *side;
    char title[160], cause[64];
    (void)snprintf(title, sizeof(title), "the numbers of %s do not pass the publish gate", publish->date);
    (void)snprintf(cause, sizeof(cause), "publish_gate:%s", publish->date);
    if (job_side(publish->context, &side, error) || database_begin(side, error))
        return error->code;
    enum error_code code = ledger_check(side, run, error);
    if (!code)
        code = resolve(publish, side, error);
    for (size_t i = 0; !code && i < rows_count(found); i++)
        code = database_query(side, SQL("file_finding"),
                              DATABASE_VALUES(run->run_id, rows_text(found, i, 0), rows_text(found, i, 1),
                                              rows_text(found, i, 2), rows_text(found, i, 3), publish->date),
                              NULL, error);
    if (!code)
        code = ledger_alert(side, cause, "critical", title, rows_text(found, 0, 3), run->job_id, error);
    if (!code)
        code = database_commit(side, error);
    if (code)
        database_rollback(side);
    return code;
}

static enum error_code
judge(const struct publish *publish, const struct rows *found, struct error *error)
{
    size_t count = rows_count(found);
    if (!count)
        return resolve(publish, publish->context->warehouse, error);
    if (file_findings(publish, found, error))
        return error->code;
    return error_set(error, ERROR_GATE,
                     "%zu of the checks of %s found a difference, first: %s. `tapemill quality` lists them; see "
                     "operations.md, \"Numbers that are not published\"",
                     count, publish->date, rows_text(found, 0, 3));
}

static const char *const scopes[] = {
    [PUBLISH_DATE] = "date",
    [PUBLISH_LOOK] = "look",
    [PUBLISH_SUMMARY] = "summary",
};

enum error_code
publish_check(struct job_context *context, int32_t days, enum publish_scope scope, struct error *error)
{
    struct publish publish = {.context = context, .scope = scopes[scope]};
    struct rows *found;
    (void)snprintf(publish.date_key, sizeof(publish.date_key), "%d", (int)calendar_date_key(days));
    (void)calendar_date_format(days, publish.date);
    if (database_query(context->warehouse, SQL("check"), DATABASE_VALUES(publish.date_key, publish.scope), &found,
                       error))
        return error->code;
    enum error_code code = judge(&publish, found, error);
    rows_free(found);
    return code;
}
