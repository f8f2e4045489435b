/* jobs/verify.h - proof of derived rows: recomputed from the facts by a route that shares neither SQL nor code with the
 * jobs that wrote them, and compared figure by figure.
 *
 *   verify_aggregates  jobs compute in SQL; here facts are streamed as they are, grouped in memory (tsearch) and added
 * up in GMP integers (core/exact.h) verify_pnl         jobs compute in C; here a function in pg_temp books the fills in
 * SQL verify_positions   jobs take the books at the close and carry marks from date to date; here quantities are
 * followed from the first fill of the history on, marks from the trades and quotes themselves
 *
 * Nothing is written, nothing locked: one REPEATABLE READ snapshot, the caller's. A bucket that is dirty at the
 * snapshot, or held by a missing rate, is counted as such and not compared. Memory goes with the groups of one date and
 * of the periods under way, about 1 KiB each, of positions with the books ever traded; not with the rows. */
#ifndef TAPEMILL_JOBS_VERIFY_H
#define TAPEMILL_JOBS_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/database.h"
#include "core/error.h"

/* One thing that is not as it should be. Texts live until the call returns. */
struct verify_difference {
    const char *table, *key;         /* key: "date 2024-01-02, tenant ..., account 3" */
    const char *column;              /* "row" for a row that is missing or too many */
    const char *stored, *recomputed; /* NULL: null; of a row "present", "absent" */
};

/* What was looked at of one table. */
struct verify_count {
    const char *table;
    int64_t rows, figures; /* stored rows and figures compared */
    int64_t differences;
    int64_t dirty; /* buckets (dates, periods) that wait for a recompute */
    int64_t held;  /* groups without a row: a trade has no rate to the base currency, a position no one currency */
};

enum { VERIFY_TABLES_MAX = 12 };

struct verify {
    struct database *warehouse; /* in a snapshot; read only in effect */
    int32_t from_days, to_days; /* business dates, inclusive */
    void (*tell)(void *data, const struct verify_difference *difference);
    void (*progress)(void *data, int64_t dates_done); /* NULL: none */
    void *data;
    struct verify_count counts[VERIFY_TABLES_MAX]; /* .table NULL at the end */
};

/* Periods (weeks to years) are compared if they lie wholly in the range. The daily Sharpe ratio and drawdown stand on
 * stored rows for what lies before the range. */
ERROR_MUST_CHECK enum error_code verify_aggregates(struct verify *verify, struct error *error);

/* fact_trades.realized_pnl and is_closing, and etl_open_positions at each close, from the stored books at the close
 * before the range (average cost) or from the beginning of the history (FIFO). */
ERROR_MUST_CHECK enum error_code verify_pnl(struct verify *verify, struct error *error);

/* fact_positions_daily and etl_marks of each date. Reads the fills since the beginning of the history, by month. A
 * figure that stands on a mark carried from or over a date that is dirty is not compared. */
ERROR_MUST_CHECK enum error_code verify_positions(struct verify *verify, struct error *error);

/* All differences together. */
int64_t verify_differences(const struct verify *verify);

#endif
