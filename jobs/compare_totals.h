/* jobs/compare_totals.h - what one flow adds up to on one business date, at the source and in fact_trades.
 *
 * The source's side is an extraction of exactly one row: one contract, two queries (sql/extract/executions_totals.sql
 * and trades_totals.sql). Beside the data interval they may read current_setting('tapemill.quarantined')::jsonb, a list
 * of
 * {"source_id", "trade_reference", "updated_at"}: the rows of the date that the warehouse holds in quarantine.
 *
 * The desk's has more columns: what fills take from their orders, which may change while the fills do not. */
#ifndef TAPEMILL_JOBS_COMPARE_TOTALS_H
#define TAPEMILL_JOBS_COMPARE_TOTALS_H

#include "core/buffer.h"
#include "core/business_clock.h"
#include "core/calendar_date.h"
#include "jobs/extract.h"
#include "jobs/trade_row.h"

enum { COMPARE_FLOWS = 2, COMPARE_QUARANTINED_MAX = 10000 };
extern const struct extract_definition compare_totals_extracts[COMPARE_FLOWS]; /* by enum trade_flow */

struct compare_flow {
    const char *label, *table; /* fact_trades.source; as findings call it */
    const char *load, *step;   /* the job that loads it; its step in the pipeline daily_load */
};
extern const struct compare_flow compare_flows[COMPARE_FLOWS]; /* by enum trade_flow */

struct compare_totals {
    const struct compare_flow *flow;
    int32_t days;
    char date[CALENDAR_DATE_BYTES], date_key[16];
    char start[BUSINESS_CLOCK_INSTANT_BYTES], end[BUSINESS_CLOCK_INSTANT_BYTES];
    bool is_loaded;            /* the flow's date was loaded, if only with no row */
    bool has_source_rows;      /* apart from those in quarantine */
    struct buffer source;      /* the source's side, as JSON */
    struct buffer differences; /* in words, "" for none */
    struct buffer figures;     /* both sides, as JSON */
};

/* False when the business time zone left the date out. End it with compare_totals_term() in both cases. */
bool compare_totals_init(struct compare_totals *totals, const struct business_clock *clock, int32_t days);
void compare_totals_term(struct compare_totals *totals);

enum compare_outcome {
    COMPARE_SETTLED,
    COMPARE_LOADED_MEANWHILE,     /* since compare_totals_begin(): the two sides are not of one moment */
    COMPARE_QUARANTINED_TOO_MANY, /* more than COMPARE_QUARANTINED_MAX: nothing was read */
};

/* Before the source is looked at: notes what is loaded of the dates (day numbers), and waits for other comparisons. */
ERROR_MUST_CHECK enum error_code compare_totals_begin(struct job_context *context, int32_t first_days,
                                                      int32_t last_days, struct error *error);

/* Reads and compares one flow of the date. */
ERROR_MUST_CHECK enum error_code compare_totals_read(struct job_context *context, struct compare_totals *totals,
                                                     enum trade_flow flow, enum compare_outcome *outcome,
                                                     struct error *error);

#endif
