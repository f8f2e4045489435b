#include "jobs/realized_facts.h"

#include <stdio.h>
#include <string.h>

#define SQL(name) sql_text("jobs/realized_pnl", name)

enum { KEY_BYTES = 16 };

void
realized_facts_count(struct realized_facts *facts, const struct copy_field *source, bool changed)
{
    int flow = 0;
    while (flow + 1 < PNL_DAY_FLOWS && (strlen(pnl_day_flows[flow]) != (size_t)source->length ||
                                        memcmp(pnl_day_flows[flow], source->bytes, (size_t)source->length) != 0))
        flow++;
    facts->computed[flow]++;
    facts->changed[flow] += changed;
}

static enum error_code
update_rows(struct job_context *context, const char *flow, int32_t date_key, int64_t *written, struct error *error)
{
    char key[KEY_BYTES];
    struct rows *rows;
    (void)snprintf(key, sizeof(key), "%d", (int)date_key);
    if (database_query(context->warehouse, SQL("update_facts"), DATABASE_VALUES(key, flow), &rows, error))
        return error->code;
    *written += rows_affected(rows);
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
store_flow(struct realized_facts *facts, int flow, struct job_context *context, int32_t date_key, int64_t *written,
           struct error *error)
{
    struct leaf_rewrite *rewrite = &facts->rewrites[flow];
    bool *anew = &facts->anew[flow];
    *anew = false;
    if (!facts->changed[flow])
        return ERROR_NONE;
    if (!facts->in_place && leaf_rewrite_pays(facts->changed[flow], facts->computed[flow]) &&
        leaf_rewrite_begin(rewrite, context, pnl_day_flows[flow], date_key, anew, error))
        return error->code;
    if (!*anew)
        return update_rows(context, pnl_day_flows[flow], date_key, written, error);
    *written += facts->changed[flow];
    if (leaf_run(context->warehouse, SQL("rewrite_facts"), DATABASE_VALUES(rewrite->leaf.name, rewrite->old_leaf.name),
                 error))
        return error->code;
    return leaf_rewrite_index(rewrite, context, error);
}

enum error_code
realized_facts_store(struct realized_facts *facts, struct job_context *context, int32_t date_key, int64_t *written,
                     struct error *error)
{
    *written = 0;
    for (int i = 0; i < PNL_DAY_FLOWS; i++)
        if (store_flow(facts, i, context, date_key, written, error))
            return error->code;
    return ERROR_NONE;
}

enum error_code
realized_facts_replace(struct realized_facts *facts, struct job_context *context, struct error *error)
{
    for (int i = 0; i < PNL_DAY_FLOWS; i++)
        if (facts->anew[i] && leaf_rewrite_finish(&facts->rewrites[i], context, NULL, error))
            return error->code;
    return ERROR_NONE;
}
