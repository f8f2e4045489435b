/* jobs/event_fact.h - events of the source that become facts or latest states: orders, quotes, risk snapshots,
 * positions. One engine for all; what differs is a table (struct event_definition) and the SQL file that it names.
 *
 * The extraction is staged as it is, with the business date and the second of the day of each event's instant, which
 * come from the business clock. Then, set-wise: rules; members that no version covers are inferred; the epochs of the
 * dimensions are held FOR SHARE; keys as of the instant; merge by natural key. A row whose fact is newer, by
 * (source_updated_at, then source_lsn), is superseded; one that says nothing new is not written; an event that stands
 * on another date leaves that, even if its new date is not loaded yet.
 *
 * What an event's SQL file has:
 *
 *     stage     utility, the temporary table stage_X: the extraction's columns, row_no, date_key, time_key, the columns
 *               of put_computed(), owner_tenant (whose the event is), issues (text), is_error (generated from issues);
 *               and rows_X: row_no and the columns of the fact, but for its surrogate key and how it came
 *
 *     copy      utility, COPY of all that is read into stage_X
 *
 *     judge     fills issues (jobs/quality.h); owner_tenant, as far as the row itself tells it. It may ask for
 *               current_setting('tapemill.default_tenant')
 *
 *     derive    what rows take from members that are found by now: tenants, clients. May run again
 *
 *     resolve   fills rows_X from rows without an error on dates that are wanted (stage_days)
 *
 *     leave     ends facts whose event is there, but is none any more, and notes their rows in stage_kinds as 'D';
 *               only if such a thing can be
 *
 *     issues    fills stage_issues: rows with an error, and warnings about those that stage_kinds says are written
 *
 *     read      closes the quarantine of the rows that were read and have no error now. $1 source table */
#ifndef TAPEMILL_JOBS_EVENT_FACT_H
#define TAPEMILL_JOBS_EVENT_FACT_H

#include "core/copy.h"
#include "jobs/dimension_index.h"
#include "jobs/dirty.h"
#include "jobs/extract.h"
#include "jobs/job.h"

/* A table that rows are merged into. Keys are arrays as PostgreSQL writes them: "{order_id}". */
struct event_target {
    const char *table;
    const char *rows;      /* what is merged into it */
    const char *condition; /* which of these rows, as s */
    const char *key;       /* columns that find a row of both */
    const char *stage_key; /* the same in the staging table, where all rows are that were read */
};

/* Rows of one member are looked up in a dimension by a column of the staging table. */
struct event_member {
    enum dimension dimension;
    const char *column;
};

enum { EVENT_MEMBERS_MAX = 5 };

struct event_definition {
    const char *label;        /* of locks and of etl_fact_days */
    const char *source_table; /* as findings call it */
    const char *watermark;    /* as etl_cdc_watermarks calls it */
    const char *sql;          /* "jobs/event_orders" */
    const char *stage;        /* the staging table */
    const struct extract_definition *extract;
    int instant;                       /* its column in the extraction; -1: events have no date */
    const struct event_target *fact;   /* by date; NULL: none */
    const struct event_target *latest; /* one row per event, whatever its date; NULL: none */
    const char *number;                /* the column of the staging table whose range etl_fact_days notes, so that an
                                          event is found on another date; NULL: an event never changes its date */
    enum dirty_change change;          /* what the dirty log is told */
    struct event_member members[EVENT_MEMBERS_MAX]; /* in the order of the dimensions' names */
    size_t member_count;
    int leave_values; /* of the statement leave: 1 the date key, 2 and the run; 0: there is none */
    int computed;     /* columns that put_computed() adds */
    /* Writes the computed columns of a row. *keep false: the row is counted as not sampled, and left out if its date is
     * read as a whole. Either may be NULL with computed 0. */
    enum error_code (*put_computed)(struct copy_writer *writer, const struct copy_field *fields, bool *keep,
                                    struct error *error);
};

extern const struct extract_definition event_orders_extract, event_quotes_extract, event_risk_snapshots_extract,
    event_positions_extract;
extern const struct event_definition event_orders, event_quotes, event_risk_snapshots, event_positions;

/* The run's business date as a whole: rows that the source no longer has become tombstones. */
ERROR_MUST_CHECK enum error_code event_load_run(struct job_context *context, const struct event_definition *definition,
                                                struct error *error);

/* What changed at the source since the last time, by watermark (jobs/change_window.h); argument "since" as
 * jobs/trade_changes.h has it. A date before today that was never loaded is left to its load. */
ERROR_MUST_CHECK enum error_code event_changes_run(struct job_context *context,
                                                   const struct event_definition *definition, struct error *error);
extern const char *const event_changes_arguments[];

/* The whole table, of events without a date: what is gone at the source is removed. */
ERROR_MUST_CHECK enum error_code event_whole_run(struct job_context *context, const struct event_definition *definition,
                                                 struct error *error);

#endif
