/* jobs/performance_window.h - the last days of a series of daily P&L: their sums and their largest drawdown. Pure.
 *
 * A day is pushed once, in order; of more than the window holds the oldest leaves. Numbers are exact; a sum of squares
 * that 256 bits cannot hold (P&L of 29 digits and more) is ERROR_RANGE. */
#ifndef TAPEMILL_JOBS_PERFORMANCE_WINDOW_H
#define TAPEMILL_JOBS_PERFORMANCE_WINDOW_H

#include "core/decimal.h"
#include "core/error.h"

enum { PERFORMANCE_WINDOW_DAYS = 252 };

/* Caller's storage (about 12 KiB). */
struct performance_window {
    struct decimal net_pnl[PERFORMANCE_WINDOW_DAYS]; /* a ring */
    int capacity, count, oldest;
    struct decimal total, squares; /* of net_pnl, and of its squares */
};

/* Empty; capacity is at most PERFORMANCE_WINDOW_DAYS. */
void performance_window_init(struct performance_window *window, int capacity);

ERROR_MUST_CHECK enum error_code performance_window_push(struct performance_window *window,
                                                         const struct decimal *net_pnl, struct error *error);

/* How far cumulative P&L fell from its running peak at most. Peak and sum start at 0 before the window's first day, so
 * that a first loss is a fall; never negative. Takes one addition a day. */
ERROR_MUST_CHECK enum error_code performance_window_drawdown(const struct performance_window *window,
                                                             struct decimal *drawdown, struct error *error);

#endif
