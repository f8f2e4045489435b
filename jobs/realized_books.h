/* jobs/realized_books.h - the books of one date, run through from their opening states: a stream of rows in, what came
 * of them out, into stage_pnl (sql/jobs/realized_pnl.sql).
 *
 * Memory is one row and one book at a time, with its open lots (jobs/pnl_lots.h): the server delivers books in order,
 * each with its opening state first, then its lots if it has any, then its fills in execution order. */
#ifndef TAPEMILL_JOBS_REALIZED_BOOKS_H
#define TAPEMILL_JOBS_REALIZED_BOOKS_H

#include "core/copy.h"
#include "jobs/pnl.h"
#include "jobs/realized_facts.h"

/* Columns that name a book: source, tenant, account, strategy, client, instrument. */
enum { REALIZED_BOOK_FIELDS = 6, REALIZED_BOOK_BYTES = 64 };

/* method, date and facts are given, the rest zeroed at first. */
struct realized_books {
    enum pnl_method method;
    const char *date;             /* YYYY-MM-DD, for messages */
    struct realized_facts *facts; /* counts fills by flow */
    int64_t fills, closing_fills, books, open_books;
    /* The book being read, once books is not 0; its columns point into key. */
    struct copy_field fields[REALIZED_BOOK_FIELDS];
    uint8_t key[REALIZED_BOOK_BYTES];
    struct pnl_state state;
    bool lots_checked;
    struct copy_writer *stage;
};

/* events: the statement that "events" gives; run on side, which is in its snapshot. Results go to the warehouse through
 * COPY. */
ERROR_MUST_CHECK enum error_code realized_books_run(struct realized_books *books, struct database *side,
                                                    struct database *warehouse, const char *events,
                                                    struct error *error);

#endif
