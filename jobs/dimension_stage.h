/* jobs/dimension_stage.h - reads a dimension's source table and leaves in temporary tables what can be applied:
 * {stage} has at most one row per member, judged and with nothing NULL that has a meaning, {absent} the ids that the
 * source does not show. */
#ifndef TAPEMILL_JOBS_DIMENSION_STAGE_H
#define TAPEMILL_JOBS_DIMENSION_STAGE_H

#include "jobs/change_window.h"
#include "jobs/dimension.h"
#include "jobs/job.h"

/* What a run reads, of all its dimensions. */
struct dimension_staging {
    char seen_at[CHANGE_WINDOW_INSTANT_BYTES]; /* the instant of the source's state */
    bool is_replay;                            /* an old state, staged whole */
    bool by_watermark;                         /* only what lies in windows[dimension]; else all */
    bool all_deletes;                          /* however many are gone */
    struct change_window windows[DIMENSION_COUNT];
};

struct dimension_staged {
    int64_t extracted, quarantined, superseded;
    int64_t unchanged; /* rows that were not staged, since they say nothing new */
    int64_t rows, absent;
};

/* The caller holds the dimension's epoch FOR UPDATE; the tenant setting (jobs/dimension.h) is set. */
ERROR_MUST_CHECK enum error_code dimension_stage(struct job_context *context, enum dimension dimension,
                                                 const struct dimension_staging *staging,
                                                 struct dimension_staged *staged, struct error *error);

#endif
