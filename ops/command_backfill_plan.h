/* ops/command_backfill_plan.h - a backfill as asked for, and what would come of it. */
#ifndef TAPEMILL_OPS_COMMAND_BACKFILL_PLAN_H
#define TAPEMILL_OPS_COMMAND_BACKFILL_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/calendar_date.h"
#include "core/database.h"
#include "ops/command_target.h"

struct command_backfill_plan {
    struct command_target target;
    struct buffer arguments; /* JSON */
    int32_t from_days, to_days;
    char from[CALENDAR_DATE_BYTES], to[CALENDAR_DATE_BYTES];
    bool backwards;
    int64_t parallel, priority;
    const char *reprocess, *queue;
};

/* Prints the dates that would run, those that would be left out, and how long it may take by the ledger's history.
 * Changes nothing. */
ERROR_MUST_CHECK enum error_code command_backfill_plan_show(struct database *warehouse,
                                                            const struct command_backfill_plan *plan, bool json,
                                                            struct error *error);

#endif
