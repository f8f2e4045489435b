/* jobs/trade_books.h - the books of one flow while its day is loaded, so that realised P&L goes in with the rows
 * instead of updating them afterwards.
 *
 * A book costs 192 bytes in memory, and its hash table at most three times that (a quarter to three quarters full); by
 * FIFO, an array of at least four lots comes to that (jobs/pnl_lots.h).
 * Rows must come in execution order (instant, then reference: as a number for the desk, as bytes for clients); if they
 * do not, what was computed is not used as closing state and the job realized_pnl books the day again. */
#ifndef TAPEMILL_JOBS_TRADE_BOOKS_H
#define TAPEMILL_JOBS_TRADE_BOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/database.h"
#include "jobs/pnl.h"
#include "jobs/trade_row.h"

struct trade_books;

/* Where books are kept. */
enum trade_books_place {
    TRADE_BOOKS_CLOSED,    /* as their date was closed: etl_open_positions, which has none for "0", and etl_open_lots */
    TRADE_BOOKS_PUBLISHED, /* as its load published them: etl_books_ahead_positions, _lots */
};

/* Reads the books at the close of previous_key (YYYYMMDD), which were computed by that method. The database must be in
 * one snapshot. */
ERROR_MUST_CHECK enum error_code trade_books_open(struct trade_books **out, struct database *warehouse,
                                                  enum pnl_method method, enum trade_flow flow, const char *source,
                                                  const char *previous_key, enum trade_books_place place,
                                                  struct error *error);
void trade_books_free(struct trade_books *books); /* NULL is allowed */

/* Books a live row. */
ERROR_MUST_CHECK enum error_code trade_books_apply(struct trade_books *books, const struct trade_row *row,
                                                   struct decimal *realized, bool *closes, struct error *error);

/* Whether all rows came in execution order. */
bool trade_books_in_order(const struct trade_books *books);

/* Replaces the flow's books of the date there by those that are not flat. */
ERROR_MUST_CHECK enum error_code trade_books_store(const struct trade_books *books, struct database *warehouse,
                                                   int32_t date_key, enum trade_books_place place, struct error *error);

#endif
