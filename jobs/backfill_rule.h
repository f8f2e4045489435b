/* jobs/backfill_rule.h - which dates a backfill runs, by what the ledger knows of them. The scheduler decides by it,
 * and
 * --dry-run foretells it. */
#ifndef TAPEMILL_JOBS_BACKFILL_RULE_H
#define TAPEMILL_JOBS_BACKFILL_RULE_H

#include <stdbool.h>

/* What the ledger knows of a target on a date, from its last attempt. */
enum backfill_date {
    BACKFILL_DATE_NEVER,  /* not run yet */
    BACKFILL_DATE_LIVE,   /* under way, or waiting */
    BACKFILL_DATE_FAILED, /* dead or cancelled, or waiting for something that is */
    BACKFILL_DATE_COMPLETED,
    BACKFILL_DATE_COUNT
};

/* --reprocess: none runs the dates that were never run; failed those too whose last attempt is dead or cancelled;
 * completed all of them, again where need be. */
enum backfill_reprocess { BACKFILL_NONE, BACKFILL_FAILED, BACKFILL_COMPLETED, BACKFILL_REPROCESS_COUNT };

/* False when one of them is no rule's (..._COUNT). */
bool backfill_rule_runs(enum backfill_reprocess reprocess, enum backfill_date date);

/* By name; BACKFILL_..._COUNT when there is none of that name. */
enum backfill_reprocess backfill_rule_reprocess(const char *name);
enum backfill_date backfill_rule_date(const char *name);

#endif
