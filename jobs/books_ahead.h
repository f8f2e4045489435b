/* jobs/books_ahead.h - which opening books a load stands on, so that loads of consecutive dates overlap.
 *
 * A load knows its date's closing books once it has read all rows, long before it commits. It publishes them then, in a
 * short transaction of its own (etl_books_ahead), and meets the condition "ahead:SOURCE:YYYYMMDD". The next date's load
 * waits for that condition before it reads anything, if the load of the date before comes first and is yet to publish;
 * the condition is met as well when no books will come, and when that load's job ends, however it ends.
 *
 * Nothing is held meanwhile and nothing believed: with the closing books a load stores the digest of the opening books
 * that it read, closed or published, and realized_pnl takes the flow as booked only if the date before was closed with
 * books of that digest. Else it books the flow again. */
#ifndef TAPEMILL_JOBS_BOOKS_AHEAD_H
#define TAPEMILL_JOBS_BOOKS_AHEAD_H

#include "jobs/trade_load_internal.h"

/* Opens load->books on the best books that there are; leaves it NULL, and says that none will be published, if there
 * are none or the date must not be booked by its load. ERROR_WAITING, with the context's wait_key set, if they are yet
 * to come; never when may_wait is false. */
ERROR_MUST_CHECK enum error_code books_ahead_open(struct trade_load *load, bool may_wait, struct error *error);

/* Publishes the books as they are now, at the end of the rows. */
ERROR_MUST_CHECK enum error_code books_ahead_publish(struct trade_load *load, struct error *error);

/* In the run's transaction: stores the closing books, and on what they stand, and says that the flow is booked. */
ERROR_MUST_CHECK enum error_code books_ahead_store(struct trade_load *load, struct error *error);

/* In the run's transaction: what was published of the date (YYYYMMDD) is no longer what its facts say. */
ERROR_MUST_CHECK enum error_code books_ahead_withdraw(struct trade_load *load, const char *date_key,
                                                      struct error *error);

/* For realized_pnl, which holds the date before (previous_key; "0": there is none) closed. Whether the flow's load
 * stood on exactly the books that the date before was closed with. */
ERROR_MUST_CHECK enum error_code books_ahead_stands(struct database *warehouse, const char *source,
                                                    const char *date_key, const char *previous_key, bool *stands,
                                                    struct error *error);
/* These flows (a text[]) of the date are booked by realized_pnl, not by their loads. */
ERROR_MUST_CHECK enum error_code books_ahead_rebooked(struct database *warehouse, const char *date_key,
                                                      const char *flows, struct error *error);
/* The date is closed: what was published of it, and of dates before it, has served. */
ERROR_MUST_CHECK enum error_code books_ahead_forget(struct database *warehouse, const char *date_key,
                                                    struct error *error);

#endif
