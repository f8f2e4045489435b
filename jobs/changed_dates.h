/* jobs/changed_dates.h - the business dates of rows that changed at the source, for runs that read by watermark
 * (jobs/change_window.h) and merge date by date. */
#ifndef TAPEMILL_JOBS_CHANGED_DATES_H
#define TAPEMILL_JOBS_CHANGED_DATES_H

#include "core/business_clock.h"
#include "jobs/change_window.h"
#include "jobs/extract.h"

/* What is asked about. */
struct changed_dates {
    struct job_context *context;
    const struct business_clock *clock;
    const struct extract_definition *extract;
    const char *instant;      /* the extraction's column that tells the date */
    const char *label;        /* of etl_fact_days and of day locks: "DESK" */
    const char *source_table; /* as findings call it */
    const struct change_window *window;
};

/* The business dates (day numbers) of the window's rows, in order, each once; freed by the caller. */
ERROR_MUST_CHECK enum error_code changed_dates_find(const struct changed_dates *changed, int32_t **dates, size_t *count,
                                                    struct error *error);

/* Locks all days, in order: whether a date was loaded can be told only when no load of it is under way, and a load that
 * holds one of them must not wait for what a merge of another keeps to the commit. The source is seen anew after it:
 * what was deleted there meanwhile, a load may have taken out. */
ERROR_MUST_CHECK enum error_code changed_dates_lock(const struct changed_dates *changed, const int32_t *dates,
                                                    size_t count, struct error *error);

/* Whether the date is to be merged: it was loaded, or it is today's or a later one. One that dim_date lacks is a
 * finding: its rows can go nowhere. */
ERROR_MUST_CHECK enum error_code changed_dates_is_wanted(const struct changed_dates *changed, int32_t days,
                                                         bool *wanted, struct error *error);

/* The request for the one watermark of a run: the argument "since", the settings' hours, a day without a watermark. */
struct change_request changed_dates_request(struct job_context *context, const char *const *watermark);

/* Ends the run: moves its watermark, and where the source has more than a run takes, lets the next follow at once. */
ERROR_MUST_CHECK enum error_code changed_dates_end(struct job_context *context, const struct change_request *request,
                                                   const struct change_window *window, struct error *error);

#endif
