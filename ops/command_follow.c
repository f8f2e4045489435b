#include "ops/command_follow.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/number_text.h"
#include "core/sql.h"
#include "ops/command_session.h"
#include "ops/command_wait.h"

/* A look reads at most LOOK_ROWS runs. OVERLAP numbers below the newest are looked at again, for those that were
 * committed late; the ring of numbers told is larger than both together, so that none is told twice. */
enum { OVERLAP = 1024, LOOK_ROWS = 2048, RING = 8192, OPEN_MAX = 4096, LABEL_BYTES = 96, WIDTH_DEFAULT = 80 };

/* Columns of ops/follow running, begun and ended. */
enum {
    RUN_NO,
    RUN_JOB,
    RUN_DATE,
    RUN_STATUS,
    RUN_JOB_ID,
    RUN_ATTEMPT,
    RUN_WORKER,
    RUN_AT,
    RUN_MS,
    RUN_ROWS,
    RUN_RATE,
    RUN_ERROR
};

/* A run that was told to have begun, and not yet to have ended. */
struct open_run {
    int64_t run_no, started_ms;
    char label[LABEL_BYTES];
};

struct follow {
    struct database *warehouse;
    const char *job, *backfill; /* NULL: any */
    bool terminal;              /* running ones are on one line that is redrawn, others end there */
    int64_t newest;             /* up to this number all were looked at */
    bool more;                  /* a look was full */
    int64_t told[RING];         /* by number modulo RING */
    struct open_run open[OPEN_MAX];
    size_t open_count;
};

/* ---- telling ------------------------------------------------------------------------------------------------- */

static const char *
make_label(const struct rows *rows, size_t row, char label[LABEL_BYTES])
{
    (void)snprintf(label, LABEL_BYTES, "run %s  %s%s%s", rows_text(rows, row, RUN_NO), rows_text(rows, row, RUN_JOB),
                   rows_is_null(rows, row, RUN_DATE) ? "" : " ", rows_text(rows, row, RUN_DATE));
    return label;
}

static void
tell_begun(const struct follow *follow, const struct rows *rows, size_t row)
{
    char label[LABEL_BYTES];
    if (follow->terminal)
        return;
    printf("%s  %s  started: job %s, attempt %s, on %s\n", rows_text(rows, row, RUN_AT), make_label(rows, row, label),
           rows_text(rows, row, RUN_JOB_ID), rows_text(rows, row, RUN_ATTEMPT), rows_text(rows, row, RUN_WORKER));
}

static void
tell_ended(const struct follow *follow, const struct rows *rows, size_t row)
{
    char label[LABEL_BYTES], span[32], number[COMMAND_NUMBER_BYTES];
    const char *failure = rows_text(rows, row, RUN_ERROR);
    printf("%s%s  %s  %s in %s", follow->terminal ? "\r\033[K" : "", rows_text(rows, row, RUN_AT),
           make_label(rows, row, label), rows_text(rows, row, RUN_STATUS),
           command_progress_span(rows_integer(rows, row, RUN_MS), span));
    if (rows_integer(rows, row, RUN_ROWS) > 0)
        printf(", %s rows", command_print_number(rows_text(rows, row, RUN_ROWS), 0, number));
    if (rows_integer(rows, row, RUN_ROWS) > 0 && !rows_is_null(rows, row, RUN_RATE))
        printf(", %s rows/s", command_print_number(rows_text(rows, row, RUN_RATE), 0, number));
    printf("%s%.*s\n", failure[0] ? ": " : "", (int)strcspn(failure, "\n"), failure);
}

/* The line of those that run, cut to the terminal. */
static void
redraw(const struct follow *follow)
{
    char text[1024], span[32];
    struct winsize size = {0};
    int64_t now_ms = clock_monotonic_ms();
    size_t width = WIDTH_DEFAULT;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        width = size.ws_col;
    size_t used = (size_t)snprintf(text, sizeof(text), "%zu running", follow->open_count);
    for (size_t i = 0; i < follow->open_count && used < width && used < sizeof(text); i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %s", i ? ", " : ": ", follow->open[i].label,
                                 command_progress_span(now_ms - follow->open[i].started_ms, span));
    printf("\r%.*s\033[K", (int)width - 1, text);
}

/* ---- looking ------------------------------------------------------------------------------------------------- */

static bool
is_told(struct follow *follow, int64_t run_no)
{
    int64_t *place = &follow->told[run_no % RING];
    bool told = *place == run_no;
    *place = run_no;
    return told;
}

static void
begin(struct follow *follow, const struct rows *rows, size_t row)
{
    tell_begun(follow, rows, row);
    if (follow->open_count == OPEN_MAX) {
        fprintf(stderr, "more than %d run at once: the end of run %s will not be shown\n", OPEN_MAX,
                rows_text(rows, row, RUN_NO));
        return;
    }
    struct open_run *open = &follow->open[follow->open_count++];
    open->run_no = rows_integer(rows, row, RUN_NO);
    open->started_ms = clock_monotonic_ms() - rows_integer(rows, row, RUN_MS);
    (void)make_label(rows, row, open->label);
}

static void
forget(struct follow *follow, int64_t run_no)
{
    size_t kept = 0;
    for (size_t i = 0; i < follow->open_count; i++)
        if (follow->open[i].run_no != run_no)
            follow->open[kept++] = follow->open[i];
    follow->open_count = kept;
}

static enum error_code
look_for_ended(struct follow *follow, struct error *error)
{
    int64_t numbers[OPEN_MAX];
    struct buffer array;
    struct rows *rows;
    for (size_t i = 0; i < follow->open_count; i++)
        numbers[i] = follow->open[i].run_no;
    if (!follow->open_count)
        return ERROR_NONE;
    if (command_session_array(numbers, follow->open_count, &array, error))
        return error->code;
    enum error_code code =
        database_query(follow->warehouse, sql_text("ops/follow", "ended"), DATABASE_VALUES(array.bytes), &rows, error);
    buffer_term(&array);
    if (code)
        return code;
    for (size_t row = 0; row < rows_count(rows); row++) {
        tell_ended(follow, rows, row);
        forget(follow, rows_integer(rows, row, RUN_NO));
    }
    rows_free(rows);
    return ERROR_NONE;
}

/* Runs that were not told yet; with quietly set they count as told, as they were there before us. */
static enum error_code
look_for_begun(struct follow *follow, bool quietly, struct error *error)
{
    struct number_text low, newest, limit;
    char top[24];
    struct rows *rows;
    if (database_value(follow->warehouse, sql_text("ops/follow", "newest"), 0, NULL, top, sizeof(top), error))
        return error->code;
    if (quietly)
        follow->newest = strtoll(top, NULL, 10);
    if (database_query(follow->warehouse, sql_text("ops/follow", "begun"),
                       DATABASE_VALUES(number_text(&low, follow->newest - OVERLAP),
                                       number_text(&newest, follow->newest), top, follow->job, follow->backfill,
                                       number_text(&limit, LOOK_ROWS)),
                       &rows, error))
        return error->code;
    for (size_t row = 0; row < rows_count(rows); row++) {
        if (is_told(follow, rows_integer(rows, row, RUN_NO)) || quietly)
            continue;
        if (strcmp(rows_text(rows, row, RUN_STATUS), "RUNNING") == 0)
            begin(follow, rows, row);
        else
            tell_ended(follow, rows, row);
    }
    follow->more = rows_count(rows) == LOOK_ROWS;
    follow->newest = follow->more ? rows_integer(rows, LOOK_ROWS - 1, RUN_NO) : strtoll(top, NULL, 10);
    rows_free(rows);
    return ERROR_NONE;
}

/* What runs already is told; what else is there is not. */
static enum error_code
look_first(struct follow *follow, struct error *error)
{
    struct number_text limit;
    struct rows *rows;
    if (look_for_begun(follow, true, error) ||
        database_query(follow->warehouse, sql_text("ops/follow", "running"),
                       DATABASE_VALUES(follow->job, follow->backfill, number_text(&limit, OPEN_MAX)), &rows, error))
        return error->code;
    for (size_t row = 0; row < rows_count(rows); row++) {
        (void)is_told(follow, rows_integer(rows, row, RUN_NO));
        begin(follow, rows, row);
    }
    rows_free(rows);
    return ERROR_NONE;
}

/* Whether more is to come. Asked before a look, so that the look shows all that had ended. */
static enum error_code
ask_live(const struct follow *follow, bool *live, struct error *error)
{
    char answer[8];
    enum error_code code =
        database_value(follow->warehouse, sql_text("ops/follow", "live"),
                       DATABASE_VALUES(follow->job, follow->backfill), answer, sizeof(answer), error);
    *live = !code && answer[0] == 't';
    return code;
}

static enum error_code
look(struct follow *follow, bool until_quiet, bool *ended, struct error *error)
{
    bool live = true;
    if ((until_quiet && ask_live(follow, &live, error)) || look_for_ended(follow, error) ||
        look_for_begun(follow, false, error))
        return error->code;
    *ended = !live && !follow->more;
    if (follow->terminal && !*ended)
        redraw(follow);
    (void)fflush(stdout);
    return ERROR_NONE;
}

/* What is left to say when nothing is left that can run. */
static enum error_code
conclude(const struct follow *follow, struct error *error)
{
    char waiting[24];
    if (follow->terminal)
        fputs("\r\033[K", stdout);
    if (database_value(follow->warehouse, sql_text("ops/follow", "waiting"),
                       DATABASE_VALUES(follow->job, follow->backfill), waiting, sizeof(waiting), error))
        return error->code;
    if (strcmp(waiting, "0") != 0)
        fprintf(stderr,
                "%s job%s still, and nothing runs that could ready them; `tapemill jobs --state waiting` shows for "
                "what, `tapemill dead` what died\n",
                waiting, strcmp(waiting, "1") == 0 ? " waits" : "s wait");
    return ERROR_NONE;
}

static enum error_code
watch(struct follow *follow, bool until_quiet, struct error *error)
{
    bool ended = false;
    enum error_code code = look_first(follow, error);
    while (!code && !ended) {
        code = look(follow, until_quiet, &ended, error);
        if (code)
            code = command_wait_reconnect(&follow->warehouse, error);
        else if (!ended && !follow->more)
            clock_pause_ms(COMMAND_WAIT_POLL_MS);
    }
    return code ? code : conclude(follow, error);
}

static enum error_code
run_follow(const struct command_line *line, struct error *error)
{
    static struct follow follow;
    int64_t backfill;
    if (command_integer(line, "--backfill", 1, INT64_MAX, 0, &backfill, error))
        return error->code;
    follow.job = command_value(line, "--job");
    follow.backfill = command_value(line, "--backfill");
    follow.terminal = isatty(STDOUT_FILENO) == 1;
    enum error_code code = command_session_open(&follow.warehouse, error);
    if (!code)
        code = watch(&follow, command_flag(line, "--until-quiet"), error);
    database_close(follow.warehouse);
    return code;
}

const struct command command_runs_follow = {
    .name = "runs follow",
    .usage = "",
    .summary = "show runs as they begin and end",
    .detail =
        "Each run is a line when it ends, with its time, rows and rows/s, or its error. Those under way are on one\n"
        "line below that is redrawn; when the output is no terminal, a run is also a line when it begins. Ctrl-C\n"
        "ends the watching, not the work.",
    .options = (const struct command_option[]){{"--job", "NAME", "runs of this job", false},
                                               {"--backfill", "ID", "runs of this backfill's jobs", false},
                                               {"--until-quiet", NULL, "end when no job is left that can run", false},
                                               {0}},
    .run = run_follow,
};
