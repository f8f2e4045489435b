#include "jobs/pnl_day.h"

#include <stdio.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/config.h"
#include "jobs/pipeline.h"

const char *
pnl_day_key(int32_t days, char key[PNL_DAY_KEY_BYTES])
{
    (void)snprintf(key, PNL_DAY_KEY_BYTES, "pnl:%d", (int)calendar_date_key(days));
    return key;
}

enum error_code
pnl_day_in_history(int32_t days, int32_t *first_days, struct error *error)
{
    const char *start = config_text(CONFIG_HISTORY_START);
    char date[CALENDAR_DATE_BYTES];
    if (!start || !start[0])
        return error_set(error, ERROR_CONFIG,
                         "TAPEMILL_HISTORY_START is not set; set it to the first business date of the history "
                         "(YYYY-MM-DD), before which all books are empty");
    if (calendar_date_parse(start, first_days, error))
        return error_set(error, ERROR_CONFIG, "TAPEMILL_HISTORY_START is \"%s\", but must be a date such as 2024-01-31",
                         start);
    if (days >= *first_days)
        return ERROR_NONE;
    return error_set(error, ERROR_ARGUMENT,
                     "%s is before TAPEMILL_HISTORY_START (%s): its books are empty and its trades have no realised "
                     "P&L; choose a later date or set an earlier start",
                     calendar_date_format(days, date), start);
}

enum error_code
pnl_day_hold(struct job_context *context, int32_t days, struct error *error)
{
    char key[PNL_DAY_KEY_BYTES], date[CALENDAR_DATE_BYTES];
    bool met;
    int32_t first_days;
    if (ledger_hold_condition(context->warehouse, pnl_day_key(days, key), &met, error))
        return error->code;
    if (met)
        return ERROR_NONE;
    if (config_text(CONFIG_HISTORY_START) && pnl_day_in_history(days, &first_days, error))
        return error->code;
    (void)snprintf(context->wait_key, sizeof(context->wait_key), "%s", key);
    return error_set(error, ERROR_WAITING,
                     "waits for the books of %s to be closed, which realized_pnl of that date does",
                     calendar_date_format(days, date));
}

enum error_code
pnl_day_reopen(struct job_context *context, int32_t days, struct error *error)
{
    char key[PNL_DAY_KEY_BYTES];
    return ledger_set_condition(context->warehouse, pnl_day_key(days, key), false, &context->pushes, error);
}

const char *const pnl_day_flows[PNL_DAY_FLOWS] = {"CLIENT", "DESK"};

const char *
pnl_day_booked_key(const char *source, int32_t days, char key[PNL_DAY_KEY_BYTES])
{
    (void)snprintf(key, PNL_DAY_KEY_BYTES, "booked:%.8s:%d", source, (int)calendar_date_key(days));
    return key;
}

enum error_code
pnl_day_is_met(struct database *warehouse, const char *key, bool *met, struct error *error)
{
    char count[16];
    if (database_value(warehouse, sql_text("jobs/trade_load", "is_met"), DATABASE_VALUES(key), count, sizeof(count),
                       error))
        return error->code;
    *met = strcmp(count, "0") != 0;
    return ERROR_NONE;
}

enum error_code
pnl_day_forward(struct job_context *context, const char *business_date, struct error *error)
{
    const struct pipeline_request request = {
        .business_date = business_date,
        .queue = context->run->queue,
        .priority = context->run->priority,
        .parent_id = context->run->job_id,
    };
    int64_t *job_ids;
    size_t count;
    if (pipeline_enqueue(context->warehouse, pipeline_find("pnl_forward"), &request, context->arena, &job_ids, &count,
                         error))
        return error->code;
    for (size_t i = 0; i < count; i++)
        ledger_note_push(&context->pushes, job_ids[i]);
    return ERROR_NONE;
}
