/* jobs/trade_missing.h - the members that rows of a load name and no version covers. They are gathered while the rows
 * are read, each once, and then inferred (jobs/dimension_infer.h) in a short transaction of its own, since a leaf must
 * never be attached in a transaction that wrote a dimension; then the rows are read again.
 *
 * Memory goes with the members, not with the rows: 64 bytes each, in a table that is three to six eighths full. */
#ifndef TAPEMILL_JOBS_TRADE_MISSING_H
#define TAPEMILL_JOBS_TRADE_MISSING_H

#include "jobs/job.h"
#include "jobs/trade_row.h"

struct trade_missing;

/* Adds the members that the row misses. *missing NULL: none so far; owned by the caller. */
ERROR_MUST_CHECK enum error_code trade_missing_add(struct trade_missing **missing, const struct trade_row *row,
                                                   struct error *error);

/* Infers them, commits that on the side connection, and forgets them. *inferred grows by the versions that are new:
 * another run may have been first. */
ERROR_MUST_CHECK enum error_code trade_missing_infer(struct trade_missing **missing, struct job_context *context,
                                                     int64_t *inferred, struct error *error);

void trade_missing_free(struct trade_missing *missing); /* NULL is allowed */

#endif
