/* jobs/change_window.h - which changes at the source a run reads: by watermark on updated_at.
 *
 * A run reads [watermark - overlap, limit). The limit stops short of now by a lag, and of the beginning of the oldest
 * transaction that is open on the source: what it has written carries an older updated_at and cannot be seen yet.
 * Windows overlap, for clocks that disagree; what slips all the same (an updated_at set by hand) is found by the
 * comparisons of the whole. Watermarks (etl_cdc_watermarks) move in the run's own transaction, by compare-and-set. */
#ifndef TAPEMILL_JOBS_CHANGE_WINDOW_H
#define TAPEMILL_JOBS_CHANGE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>

#include "jobs/job.h"

enum { CHANGE_WINDOW_INSTANT_BYTES = 64, CHANGE_WINDOWS_MAX = 8 };

/* What is asked for: source tables, CHANGE_WINDOWS_MAX of them at most. */
struct change_request {
    const char *const *tables;
    size_t count;
    const char *since;       /* where to begin, whatever the watermarks say; "": there */
    const char *hours;       /* that one run takes; "0": all there are */
    const char *first_hours; /* without a watermark: how long before the limit to begin; "": at the beginning of time */
};

/* Instants as timestamptz texts. */
struct change_window {
    char watermark[CHANGE_WINDOW_INSTANT_BYTES]; /* as it was read; "" for none */
    char from[CHANGE_WINDOW_INSTANT_BYTES], to[CHANGE_WINDOW_INSTANT_BYTES];
    bool nothing_new, more; /* more: the window was cut, another run goes on */
};

/* Finds the window of each table into windows[]: one statement for the limit, in a transaction on the source that ends
 * before the run's snapshot is taken, and one for all watermarks. ERROR_CONFIG if the source's role cannot see when
 * other sessions' transactions began; ERROR_ARGUMENT if since is not finite. */
ERROR_MUST_CHECK enum error_code change_windows_find(struct job_context *context, const struct change_request *request,
                                                     struct change_window *windows, struct error *error);

/* Moves all watermarks to the windows' ends in one statement. Those that another run has moved on meanwhile stay as
 * they are; *moved tells how many did not. One that stands is never taken back. */
ERROR_MUST_CHECK enum error_code change_windows_move(struct job_context *context, const struct change_request *request,
                                                     const struct change_window *windows, size_t *moved,
                                                     struct error *error);

#endif
