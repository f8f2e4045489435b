/* jobs/event_fact_internal.h - what the files of the events' engine share: event_load.c, _stage.c, _merge.c. */
#ifndef TAPEMILL_JOBS_EVENT_FACT_INTERNAL_H
#define TAPEMILL_JOBS_EVENT_FACT_INTERNAL_H

#include "core/business_clock.h"
#include "core/calendar_date.h"
#include "jobs/event_fact.h"

enum { EVENT_NUMBER_BYTES = 24, EVENT_READINGS_MAX = 5 };

struct event_load {
    struct job_context *context;
    const struct event_definition *definition;
    struct business_clock clock;
    char run_no[EVENT_NUMBER_BYTES];
    struct extract_range range;
    bool is_whole;     /* all rows of the date, or of the table, are read: what is not among them is gone */
    int32_t only_days; /* with a whole date: the date, as a day number */
    int64_t extracted, not_sampled, inferred, dates, dates_left;
};

/* Memory for the run's one load, ready but for its range. */
ERROR_MUST_CHECK enum error_code event_init(struct event_load **load, struct job_context *context,
                                            const struct event_definition *definition, struct error *error);

/* Creates the temporary tables. */
ERROR_MUST_CHECK enum error_code event_stage_begin(struct event_load *load, struct error *error);

/* Notes a date (a day number) in stage_days: it is locked, and its rows are to be loaded, or not. */
ERROR_MUST_CHECK enum error_code event_stage_day(struct event_load *load, int32_t days, bool is_wanted,
                                                 struct error *error);

/* Reads the range into the staging table, judges rows, infers members, holds the epochs, resolves. Dates with a fact
 * have their partitions then. ERROR_PG_CONFLICT if a row stands on a date that was not noted. */
ERROR_MUST_CHECK enum error_code event_stage(struct event_load *load, struct error *error);

/* The lock of the kind of event, until the commit: of those without a date before they are read, so that of two runs
 * the later one has read the newer rows; of those that can change their date while they are merged, with the days held.
 */
ERROR_MUST_CHECK enum error_code event_lock_moves(struct event_load *load, struct error *error);

/* Merges what is staged, files findings, logs what became dirty, counts. */
ERROR_MUST_CHECK enum error_code event_merge(struct event_load *load, struct error *error);

/* Runs the statement that a statement of sql/jobs/event_facts.sql makes of these values; *affected, if not NULL, grows
 * by the rows that it wrote. Its own parameters: count of them in values2. */
ERROR_MUST_CHECK enum error_code event_made(struct event_load *load, const char *statement, int made_count,
                                            const char *const *made_values, int count, const char *const *values,
                                            struct rows **rows, struct error *error);

#endif
