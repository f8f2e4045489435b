/* jobs/refresh.h - which job brings which derived rows up to date, and asking for those that the dirty log names. */
#ifndef TAPEMILL_JOBS_REFRESH_H
#define TAPEMILL_JOBS_REFRESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "jobs/job.h"

struct refresh_target {
    const char *name;   /* as in the dirty log */
    const char *job;    /* with a date it does one bucket; a job that takes none does all that is dirty */
    const char *unit;   /* what a bucket spans: "day", "week", "month", "quarter", "year" */
    const char *period; /* the job's argument period; NULL: it has none */
    bool needs_books;   /* of each of its dates that has trades */
};

/* Every target of etl_dirty_targets. */
extern const struct refresh_target refresh_targets[];
extern const size_t refresh_target_count;

/* The names of the targets that are about single dates, as a text[] literal. */
void refresh_date_targets(char *list, size_t size);

/* Those of their jobs, likewise. */
void refresh_date_jobs(char *list, size_t size);

enum { REFRESH_JOBS_MAX = 1000 };

struct refresh_request {
    struct database *database;     /* in whose transaction jobs are enqueued */
    struct ledger_pushes *pushes;  /* gets them */
    const char *from_key, *to_key; /* date_keys looked at, inclusive */
    const char *before; /* "YYYY-MM-DD": buckets that end before it are due, whether computed before or not */
    bool dates_only;    /* no periods: refresh_date_targets() alone */
};

struct refresh_result {
    int64_t buckets;   /* dirty, due, and not asked for already */
    int64_t enqueued;  /* jobs */
    char missing[256]; /* jobs of the table that this program does not have, as a JSON list */
};

/* Enqueues one job for each dirty bucket that is due or was computed before, unless such a job is there that has not
 * begun: that takes the dirty rows before it looks at anything. If its last job is dead and came after all that is
 * dirty, another would die too: that is for a person. What a missing rate alone holds is left to the load
 * that brings the rate, which makes it dirty; what needs books of dates before TAPEMILL_HISTORY_START is left out,
 * since there are none. The latest REFRESH_JOBS_MAX buckets of each target; the rest is for the next time. */
ERROR_MUST_CHECK enum error_code refresh_dirty(struct job_context *context, const struct refresh_request *request,
                                               struct refresh_result *result, struct error *error);

#endif
