/* jobs/trade_books.h - the books of one flow while its day is loaded, so that realised P&L goes in with the rows
 * instead of updating them afterwards.
 *
 * A book costs 184 bytes in memory, and its hash table at most three times that (a quarter to three quarters full).
 * Rows must come in execution order (instant, then reference: as a number for the desk, as bytes for clients); if they
 * do not, what was computed is not used as closing state and the job realized_pnl books the day again. */
#ifndef TAPEMILL_JOBS_TRADE_BOOKS_H
#define TAPEMILL_JOBS_TRADE_BOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/database.h"
#include "jobs/trade_row.h"

struct trade_books;

/* Reads the books at the close of previous_key (YYYYMMDD): as the date's load published them (etl_books_ahead), or as
 * it was closed (etl_open_positions, which has none for "0"). The database must be in one snapshot. */
ERROR_MUST_CHECK enum error_code trade_books_open(struct trade_books **out, struct database *warehouse,
                                                  enum trade_flow flow, const char *source, const char *previous_key,
                                                  bool published, struct error *error);
void trade_books_free(struct trade_books *books); /* NULL is allowed */

/* Books a live row. */
ERROR_MUST_CHECK enum error_code trade_books_apply(struct trade_books *books, const struct trade_row *row,
                                                   struct decimal *realized, bool *closes, struct error *error);

/* Whether all rows came in execution order. */
bool trade_books_in_order(const struct trade_books *books);

/* Sends the books that are not flat through a COPY whose columns are those of etl_open_positions. */
ERROR_MUST_CHECK enum error_code trade_books_write(const struct trade_books *books, struct database *warehouse,
                                                   const char *copy, int32_t date_key, struct error *error);

/* Replaces the flow's closing books of the date. */
ERROR_MUST_CHECK enum error_code trade_books_store(const struct trade_books *books, struct database *warehouse,
                                                   int32_t date_key, struct error *error);

#endif
