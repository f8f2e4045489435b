#include "ops/command_backfill_watch.h"

#include <inttypes.h>
#include <string.h>

#include "core/clock.h"
#include "core/sql.h"
#include "ops/command.h"
#include "ops/command_wait.h"

enum { POLL_MS = 500, HINT_MS = 5000 };

#define DEAD_SHOWN "20"
#define DEAD_ALL   "1000000"

/* Columns of ops/backfill progress. */
enum {
    COLUMN_STATE,
    COLUMN_DATES,
    COLUMN_SKIPPED,
    COLUMN_DONE,
    COLUMN_FAILED,
    COLUMN_CANCELLED,
    COLUMN_RUNNING,
    COLUMN_WAITING
};

/* One look at a backfill, in dates. */
struct look {
    char state[16];
    int64_t dates, skipped, done, failed, cancelled, running, waiting;
};

static enum error_code
take_look(struct database *warehouse, const char *id, struct look *look, struct error *error)
{
    struct rows *rows;
    enum error_code code =
        database_query(warehouse, sql_text("ops/backfill", "progress"), DATABASE_VALUES(id), &rows, error);
    if (code)
        return code;
    if (rows_count(rows)) {
        (void)snprintf(look->state, sizeof(look->state), "%s", rows_text(rows, 0, COLUMN_STATE));
        look->dates = rows_integer(rows, 0, COLUMN_DATES);
        look->skipped = rows_integer(rows, 0, COLUMN_SKIPPED);
        look->done = rows_integer(rows, 0, COLUMN_DONE);
        look->failed = rows_integer(rows, 0, COLUMN_FAILED);
        look->cancelled = rows_integer(rows, 0, COLUMN_CANCELLED);
        look->running = rows_integer(rows, 0, COLUMN_RUNNING);
        look->waiting = rows_integer(rows, 0, COLUMN_WAITING);
    } else {
        code = error_set(error, ERROR_ARGUMENT, "there is no backfill %s; `tapemill backfill list` lists them", id);
    }
    rows_free(rows);
    return code;
}

static void
add_count(char *note, size_t size, int64_t count, const char *what)
{
    size_t used = strlen(note);
    if (count)
        (void)snprintf(note + used, size - used, "%s%" PRId64 " %s", used ? ", " : "", count, what);
}

static void
make_note(const struct look *look, char *note, size_t size)
{
    note[0] = 0;
    if (strcmp(look->state, "running") != 0)
        (void)snprintf(note, size, "%s", look->state);
    add_count(note, size, look->running, "running");
    add_count(note, size, look->waiting, "waiting");
    add_count(note, size, look->failed, "failed");
    add_count(note, size, look->cancelled, "cancelled");
    add_count(note, size, look->skipped, "left out");
}

enum error_code
command_backfill_watch_dead(FILE *out, struct database *warehouse, const char *id, bool json, size_t *count,
                            struct error *error)
{
    struct command_style style = {.form = command_print_form(json), .member = true};
    struct rows *rows;
    if (database_query(warehouse, sql_text("ops/backfill", "dead"), DATABASE_VALUES(id, json ? DEAD_ALL : DEAD_SHOWN),
                       &rows, error))
        return error->code;
    *count = rows_count(rows);
    enum error_code code = ERROR_NONE;
    if (*count || json)
        code = command_print_rows(out, rows, &style, error);
    rows_free(rows);
    return code;
}

/* What is left to say of a backfill that ended. */
static enum error_code
conclude(struct database *warehouse, const char *id, const struct look *look, struct error *error)
{
    size_t dead = 0;
    if (strcmp(look->state, "completed") == 0) {
        fprintf(stderr, "backfill %s is completed: %" PRId64 " date%s done, %" PRId64 " left out\n", id, look->done,
                look->done == 1 ? "" : "s", look->skipped);
        return ERROR_NONE;
    }
    if (strcmp(look->state, "cancelled") == 0)
        return error_set(error, ERROR_CANCELLED, "backfill %s was cancelled with %" PRId64 " of %" PRId64 " dates done",
                         id, look->done, look->dates - look->skipped);
    if (command_backfill_watch_dead(stderr, warehouse, id, false, &dead, error))
        return error->code;
    return error_set(error, ERROR_GATE,
                     "backfill %s failed with %" PRId64 " of %" PRId64
                     " dates done; `tapemill dead show ID` tells more of a "
                     "job, `tapemill dead retry ID...` runs it again and the backfill goes on "
                     "(`tapemill backfill show %s --wait` watches it)",
                     id, look->done, look->dates - look->skipped, id);
}

static bool
has_ended(const struct look *look)
{
    return strcmp(look->state, "running") != 0 && strcmp(look->state, "paused") != 0;
}

static void
show(struct command_progress *progress, const struct look *look)
{
    char note[128];
    make_note(look, note, sizeof(note));
    progress->total = look->dates - look->skipped;
    if (has_ended(look)) {
        progress->done = look->done;
        command_progress_end(progress, note);
    } else {
        command_progress_update(progress, look->done, note);
    }
}

/* Ends the watching of a backfill all of whose jobs wait for what nothing live will do: the error tells the remedy. */
static enum error_code
check_hope(struct database *warehouse, const char *id, const struct look *look, bool *ended, struct error *error)
{
    char ids[40];
    *ended = false;
    if (strcmp(look->state, "running") != 0 || !look->waiting || look->running)
        return ERROR_NONE;
    enum error_code code = database_value(warehouse, sql_text("ops/backfill", "first_waiting"), DATABASE_VALUES(id),
                                          ids, sizeof(ids), error);
    return code ? code : command_wait_hope(warehouse, ids, ended, error);
}

enum error_code
command_backfill_watch(struct database **warehouse, int64_t id, struct error *error)
{
    char id_text[24], label[40];
    struct command_progress progress;
    struct look look = {.state = "running"};
    bool hinted = false, hopeless = false;
    (void)snprintf(id_text, sizeof(id_text), "%" PRId64, id);
    (void)snprintf(label, sizeof(label), "backfill %s", id_text);
    command_progress_begin(&progress, label, "dates", 0);
    int64_t next_hope_ms = progress.started_ms + COMMAND_WAIT_HOPE_MS;
    for (;;) {
        enum error_code code = take_look(*warehouse, id_text, &look, error);
        if (!code && clock_monotonic_ms() >= next_hope_ms) {
            code = check_hope(*warehouse, id_text, &look, &hopeless, error);
            next_hope_ms = clock_monotonic_ms() + COMMAND_WAIT_HOPE_MS;
        }
        if (hopeless)
            return code;
        if (code && command_wait_reconnect(warehouse, error))
            return error->code;
        if (!code)
            show(&progress, &look);
        if (!code && has_ended(&look))
            break;
        if (!hinted && !look.done && !look.running && clock_monotonic_ms() - progress.started_ms > HINT_MS) {
            hinted = true;
            command_wait_hint(*warehouse);
        }
        clock_pause_ms(POLL_MS);
    }
    return conclude(*warehouse, id_text, &look, error);
}
