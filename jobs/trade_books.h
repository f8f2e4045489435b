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

/* Reads the books as etl_open_positions has them at the close of previous_key; 0: all are empty. */
ERROR_MUST_CHECK enum error_code trade_books_open(struct trade_books **out, struct database *warehouse,
                                                  enum trade_flow flow, const char *source, int32_t previous_key,
                                                  struct error *error);
void trade_books_free(struct trade_books *books); /* NULL is allowed */

/* Books a live row. */
ERROR_MUST_CHECK enum error_code trade_books_apply(struct trade_books *books, const struct trade_row *row,
                                                   struct decimal *realized, bool *closes, struct error *error);

/* Whether all rows came in execution order. */
bool trade_books_in_order(const struct trade_books *books);

/* Replaces the flow's closing books of the date. */
ERROR_MUST_CHECK enum error_code trade_books_store(const struct trade_books *books, struct database *warehouse,
                                                   int32_t date_key, struct error *error);

#endif
