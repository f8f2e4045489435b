#include "jobs/reference_date.h"

#include <stdlib.h>

#include "core/business_clock.h"
#include "core/calendar_date.h"
#include "core/config.h"

enum error_code
reference_date(struct job_context *context, int32_t *days, struct error *error)
{
    const struct ledger_run *run = context->run;
    struct business_clock clock;
    char unix_us[24];
    int32_t second_of_day;
    if (run->business_date[0])
        return calendar_date_parse(run->business_date, days, error);
    if (business_clock_init(&clock, config_text(CONFIG_TIMEZONE), config_day_roll_seconds(), error) ||
        database_value(context->warehouse, sql_text("jobs/reference_date", "instant"),
                       DATABASE_VALUES(run->interval_end), unix_us, sizeof(unix_us), error))
        return error->code;
    business_clock_split(&clock, strtoll(unix_us, NULL, 10), days, &second_of_day);
    return ERROR_NONE;
}
