/* jobs/trade_load_internal.h - what the files of a load of trades share: trade_load.c, _stage.c, _build.c, _merge.c and
 * trade_changes.c. */
#ifndef TAPEMILL_JOBS_TRADE_LOAD_INTERNAL_H
#define TAPEMILL_JOBS_TRADE_LOAD_INTERNAL_H

#include "core/calendar_date.h"
#include "jobs/leaf.h"
#include "jobs/partition.h"
#include "jobs/trade_books.h"
#include "jobs/trade_compare.h"
#include "jobs/trade_load.h"
#include "jobs/trade_missing.h"

/* TRADE_READINGS_MAX: a reading that infers members is followed by another, with the epochs held. What it infers may
 * name others (an account its client), and a sync may have come in between. */
enum { TRADE_RATES_MAX = 256, TRADE_DIGEST_BYTES = 72, TRADE_READINGS_MAX = 5 };

/* What one unit of a currency is worth in base currency on the business date. */
struct trade_rate {
    char currency[4];
    struct decimal rate;
};

struct trade_load {
    struct job_context *context;
    const struct trade_load_definition *definition;
    struct business_clock clock;
    char run_no[24];
    char date_key[16], business_date[CALENDAR_DATE_BYTES]; /* "20240102", "2024-01-02" */
    int32_t date_key_number;
    struct extract_range range; /* what is read of the source; with changed_from only part of the date's rows */
    struct dimension_index *dimensions[DIMENSION_COUNT];
    char epochs[DIMENSION_COUNT][24]; /* as the indexes were built */
    bool has_indexes;                 /* and still say what the dimensions say, unless an epoch moved */
    struct trade_missing *missing;    /* members that the rows name in vain; then no row is staged any more */
    int64_t inferred;                 /* versions that this run added to dimensions */
    struct trade_rate rates[TRADE_RATES_MAX];
    size_t rate_count;
    int64_t extracted;

    const char *leaf;                        /* rows go straight into this new table; NULL: into stage_trades */
    struct trade_compare *compare;           /* without a leaf: the facts that stand; NULL: every row is staged */
    int64_t facts;                           /* that stood, whole dates only */
    struct leaf_rewrite *rewrite;            /* a merge writes the leaf anew; NULL: it updates rows */
    int64_t unchanged;                       /* rows that were not staged, since their facts say the same */
    struct copy_writer *findings;            /* with a leaf: rows that broke rules wait here */
    struct trade_books *books;               /* P&L is computed on the way in; NULL: it is not */
    char opening_digest[TRADE_DIGEST_BYTES]; /* of the books as they were opened */
    bool in_place;                           /* the leaf must not be written anew */
    char *dates;                             /* room for a list of dates */
    int64_t rejected, without_rate;
    bool any_reference; /* the range of the references that were loaded: */
    int64_t low_number, high_number;
    struct buffer low_text, high_text;
};

/* Reads epochs and rates, builds the indexes unless they stand, then reads the source, into stage_trades or the new
 * leaf. Once a row names a member that has not arrived, nothing is staged any more: see trade_settle(). May be called
 * again: it starts afresh (the caller empties the table and opens books and findings anew). */
ERROR_MUST_CHECK enum error_code trade_stage(struct trade_load *load, struct error *error);

/* Takes the epochs FOR SHARE, to the end of the transaction. *moved tells whether one is no longer what the indexes
 * were built with. */
ERROR_MUST_CHECK enum error_code trade_hold_epochs(struct trade_load *load, bool *moved, struct error *error);

/* After the reading of that number (1, 2...): infers what rows named in vain, and holds the epochs. *again: what was
 * read does not count, since members were inferred or a dimension moved meanwhile; all is to be read once more. */
ERROR_MUST_CHECK enum error_code trade_settle(struct trade_load *load, int reading, bool *again, struct error *error);

void trade_stage_free(struct trade_load *load);

/* Loads a day that has no leaf yet by building the leaf beside the table: COPY, indexes, then ATTACH, which adds and
 * checks the foreign keys set-wise. *built is false, and nothing has happened, when the day must be merged after all:
 * its leaf has appeared, a reference comes twice, or trades stand on another date. */
ERROR_MUST_CHECK enum error_code trade_build(struct trade_load *load, const struct partition_leaf *leaf, bool *built,
                                             struct error *error);

/* load: freed by trade_stage_free(), also after an error. Then a date is chosen; range borrows its texts. */
ERROR_MUST_CHECK enum error_code trade_load_init(struct trade_load *load, struct job_context *context,
                                                 const struct trade_load_definition *definition, struct error *error);
void trade_load_choose_date(struct trade_load *load, int32_t days, const struct extract_range *range);

/* Merges the chosen date's rows into its facts, whether its leaf is there or not. May be called for one date after the
 * other, in the dates' order: counts add up. */
ERROR_MUST_CHECK enum error_code trade_merge(struct trade_load *load, struct error *error);

/* Records a finding for every currency that rows of the chosen date have no rate of. */
ERROR_MUST_CHECK enum error_code trade_load_report_rates(struct trade_load *load, struct error *error);

/* Runs a statement of sql/jobs/trade_load.sql and adds the rows that it wrote to *written. */
ERROR_MUST_CHECK enum error_code trade_load_counted(struct trade_load *load, const char *statement, int count,
                                                    const char *const *values, int64_t *written, struct error *error);
/* Runs one that gives a single number. */
ERROR_MUST_CHECK enum error_code trade_load_number(struct trade_load *load, const char *statement, int count,
                                                   const char *const *values, int64_t *value, struct error *error);

/* One load at a time, to its commit, looks whether its trades stand on other dates: the last look before the end. */
ERROR_MUST_CHECK enum error_code trade_load_lock_moves(struct trade_load *load, struct error *error);

/* Other dates whose references can include one of ours, "20240102,20240103", oldest first. */
ERROR_MUST_CHECK enum error_code trade_load_candidates(struct trade_load *load, char *dates, size_t size,
                                                       struct error *error);

/* Notes the day as loaded, with the range of its references. */
ERROR_MUST_CHECK enum error_code trade_load_note_day(struct trade_load *load, struct error *error);

/* The books and what is derived of a date (YYYYMMDD) no longer match its facts. insert_only: see dirty_log(). */
ERROR_MUST_CHECK enum error_code trade_load_mark_changed(struct trade_load *load, const char *date_key,
                                                         bool insert_only, bool *was_closed, struct error *error);

#endif
