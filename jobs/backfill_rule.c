#include "jobs/backfill_rule.h"

#include <string.h>

static const char *const reprocess_names[BACKFILL_REPROCESS_COUNT] = {"none", "failed", "completed"};
static const char *const date_names[BACKFILL_DATE_COUNT] = {"never", "live", "failed", "completed"};

static const bool rules[BACKFILL_REPROCESS_COUNT][BACKFILL_DATE_COUNT] = {
    [BACKFILL_NONE] = {[BACKFILL_DATE_NEVER] = true},
    [BACKFILL_FAILED] = {[BACKFILL_DATE_NEVER] = true, [BACKFILL_DATE_FAILED] = true},
    [BACKFILL_COMPLETED] = {true, true, true, true},
};

bool
backfill_rule_runs(enum backfill_reprocess reprocess, enum backfill_date date)
{
    return reprocess < BACKFILL_REPROCESS_COUNT && date < BACKFILL_DATE_COUNT && rules[reprocess][date];
}

static int
find_name(const char *const *names, int count, const char *name)
{
    int i = 0;
    while (i < count && strcmp(names[i], name) != 0)
        i++;
    return i;
}

enum backfill_reprocess
backfill_rule_reprocess(const char *name)
{
    return (enum backfill_reprocess)find_name(reprocess_names, BACKFILL_REPROCESS_COUNT, name);
}

enum backfill_date
backfill_rule_date(const char *name)
{
    return (enum backfill_date)find_name(date_names, BACKFILL_DATE_COUNT, name);
}
