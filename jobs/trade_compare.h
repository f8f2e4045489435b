/* jobs/trade_compare.h - tells rows that say nothing new while they are read, so that only the others are staged.
 *
 * The facts of the flow and day are read on the run's side connection in the order of the extraction (instant of
 * execution, then execution id or reference), beside it. A row whose fact, at the same place, says the same in every
 * column is done with. All others are staged and merged set-wise, which finds their facts by key: a source that
 * delivers in another order costs time, not truth. Facts that no row met are kept by their keys: they may be gone from
 * the source.
 *
 * Memory is one fact; keys wait in a temporary file. The caller holds the day's lock, so that the facts stand still. */
#ifndef TAPEMILL_JOBS_TRADE_COMPARE_H
#define TAPEMILL_JOBS_TRADE_COMPARE_H

#include "core/copy.h"
#include "jobs/job.h"
#include "jobs/trade_row.h"

/* The columns of a fact that a load writes, in the order of sql/jobs/trade_compare.sql and of staged rows. */
enum { TRADE_COMPARE_COLUMNS = 30 };

struct trade_compare;

/* date_key: "20240102". */
ERROR_MUST_CHECK enum error_code trade_compare_open(struct trade_compare **out, struct job_context *context,
                                                    enum trade_flow flow, const char *source, const char *date_key,
                                                    struct error *error);

/* Whether the fact at the row's place says the same as its TRADE_COMPARE_COLUMNS fields. */
ERROR_MUST_CHECK enum error_code trade_compare_row(struct trade_compare *compare, const struct copy_field *fields,
                                                   bool *same, struct error *error);

/* Ends the reading and puts the keys of facts that no row met into stage_absent; frees compare, also on failure.
 * *facts: how many there were, tombstones included. */
ERROR_MUST_CHECK enum error_code trade_compare_finish(struct trade_compare *compare, int64_t *facts,
                                                      struct error *error);

/* Gives up. NULL is allowed. */
void trade_compare_free(struct trade_compare *compare);

#endif
