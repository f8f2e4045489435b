#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/clock.h"
#include "ops/command.h"

/* On a terminal the bar is redrawn at most ten times a second; elsewhere a line appears when another tenth is done (of
 * the last one the end tells), and at least every half minute. */
enum { REDRAW_MS = 100, LINE_MS = 30000, LINE_PARTS = 10, BAR_CELLS_MIN = 10, BAR_CELLS_MAX = 40, WIDTH_DEFAULT = 80 };

const char *
command_progress_span(int64_t ms, char out[32])
{
    long long span_ms = ms < 0 ? 0 : ms, seconds = (span_ms + 500) / 1000;
    if (span_ms < 10000)
        (void)snprintf(out, 32, "%lld.%llds", span_ms / 1000, span_ms % 1000 / 100);
    else if (seconds < 60)
        (void)snprintf(out, 32, "%llds", seconds);
    else if (seconds < 3600)
        (void)snprintf(out, 32, "%lldm%02llds", seconds / 60, seconds % 60);
    else if (seconds < 86400)
        (void)snprintf(out, 32, "%lldh%02lldm", seconds / 3600, seconds / 60 % 60);
    else
        (void)snprintf(out, 32, "%lldd%02lldh", seconds / 86400, seconds / 3600 % 24);
    return out;
}

static void
put(char out[COMMAND_PROGRESS_BYTES], const char *text)
{
    size_t used = strlen(out);
    (void)snprintf(out + used, COMMAND_PROGRESS_BYTES - used, "%s", text);
}

/* "  2.5 dates/s  1m20s left", or how long it took once all is done; nothing before something was done. */
static void
put_rate(const struct command_progress *progress, int64_t now_ms, char out[COMMAND_PROGRESS_BYTES])
{
    static const char *const paces[] = {"s", "min", "h"};
    char text[128], span[32];
    int64_t elapsed_ms = now_ms - progress->started_ms;
    int64_t done = progress->done - (progress->first_done > 0 ? progress->first_done : 0);
    if (done <= 0 || elapsed_ms <= 0)
        return;
    double pace = (double)done * 1000.0 / (double)elapsed_ms;
    size_t i = 0;
    for (; pace < 0.1 && i + 1 < sizeof(paces) / sizeof(paces[0]); i++)
        pace *= 60;
    (void)snprintf(text, sizeof(text), pace < 100 ? "  %.1f %s/%s" : "  %.0f %s/%s", pace, progress->unit, paces[i]);
    put(out, text);
    if (!progress->ended && progress->done < progress->total) {
        double left_ms = (double)(progress->total - progress->done) * (double)elapsed_ms / (double)done;
        (void)snprintf(text, sizeof(text), "  %s left", command_progress_span((int64_t)left_ms, span));
    } else {
        (void)snprintf(text, sizeof(text), "  in %s", command_progress_span(elapsed_ms, span));
    }
    put(out, text);
}

static void
put_bar(const struct command_progress *progress, int cells, char out[COMMAND_PROGRESS_BYTES])
{
    char bar[BAR_CELLS_MAX + 5];
    int filled = progress->total > 0 ? (int)(progress->done * cells / progress->total) : cells;
    bar[0] = '[';
    memset(bar + 1, ' ', (size_t)cells);
    memset(bar + 1, '=', (size_t)filled);
    if (filled < cells)
        bar[filled + 1] = '>';
    (void)snprintf(bar + cells + 1, sizeof(bar) - (size_t)cells - 1, "] ");
    put(out, bar);
}

const char *
command_progress_format(const struct command_progress *progress, int64_t now_ms, const char *note,
                        char out[COMMAND_PROGRESS_BYTES])
{
    char figures[COMMAND_PROGRESS_BYTES] = "", done[COMMAND_NUMBER_BYTES], total[COMMAND_NUMBER_BYTES], text[32];
    (void)snprintf(text, sizeof(text), "%lld", (long long)progress->done);
    (void)command_print_number(text, 0, done);
    (void)snprintf(text, sizeof(text), "%lld", (long long)progress->total);
    (void)command_print_number(text, 0, total);
    (void)snprintf(figures, sizeof(figures), "%3d%%  %s/%s %s",
                   progress->total > 0 ? (int)(progress->done * 100 / progress->total) : 100, done, total,
                   progress->unit);
    put_rate(progress, now_ms, figures);
    if (note && note[0]) {
        put(figures, "  ");
        put(figures, note);
    }
    (void)snprintf(out, COMMAND_PROGRESS_BYTES, "%s  ", progress->label);
    int cells = progress->width - (int)strlen(out) - (int)strlen(figures) - 4;
    cells = cells > BAR_CELLS_MAX ? BAR_CELLS_MAX : cells;
    if (progress->terminal && cells >= BAR_CELLS_MIN)
        put_bar(progress, cells, out);
    put(out, figures);
    return out;
}

static void
show(struct command_progress *progress, int64_t now_ms, const char *note)
{
    char text[COMMAND_PROGRESS_BYTES];
    (void)command_progress_format(progress, now_ms, note, text);
    if (progress->terminal)
        fprintf(stderr, "\r%.*s\033[K", progress->width > 1 ? progress->width - 1 : 79, text);
    else
        fprintf(stderr, "%s\n", text);
    (void)fflush(stderr);
    progress->shown_ms = now_ms;
    progress->shown_done = progress->done;
}

void
command_progress_begin(struct command_progress *progress, const char *label, const char *unit, int64_t total)
{
    struct winsize size = {0};
    *progress = (struct command_progress){.label = label, .unit = unit, .total = total, .first_done = -1};
    progress->started_ms = clock_monotonic_ms();
    progress->shown_ms = progress->started_ms - LINE_MS;
    progress->terminal = isatty(STDERR_FILENO) == 1;
    progress->width = WIDTH_DEFAULT;
    if (progress->terminal && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        progress->width = size.ws_col;
}

void
command_progress_update(struct command_progress *progress, int64_t done, const char *note)
{
    int64_t now_ms = clock_monotonic_ms();
    if (progress->first_done < 0)
        progress->first_done = done;
    progress->done = done;
    int64_t part = progress->total > 0 ? progress->total : 1;
    bool another_part = done < progress->total && done * LINE_PARTS / part != progress->shown_done * LINE_PARTS / part;
    bool due = progress->terminal ? now_ms - progress->shown_ms >= REDRAW_MS
                                  : another_part || now_ms - progress->shown_ms >= LINE_MS;
    if (due)
        show(progress, now_ms, note);
}

void
command_progress_end(struct command_progress *progress, const char *note)
{
    progress->ended = true;
    if (progress->terminal || progress->shown_done != progress->done || (note && note[0]))
        show(progress, clock_monotonic_ms(), note);
    if (progress->terminal)
        fputc('\n', stderr);
}
