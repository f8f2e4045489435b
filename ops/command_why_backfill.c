/* Why a backfill does not go on. */
#include <inttypes.h>
#include <string.h>

#include "core/number_text.h"
#include "core/sql.h"
#include "ops/command_why_causes.h"

#define SQL(name) sql_text("ops/why", name)

/* Columns of ops/why backfill. */
enum {
    BACKFILL_ID,
    BACKFILL_TARGET,
    BACKFILL_STATE,
    BACKFILL_NEXT_DATE,
    BACKFILL_PARALLEL,
    BACKFILL_DEAD,
    BACKFILL_UNDER_WAY,
    BACKFILL_FIRST_UNDER_WAY,
    BACKFILL_FIRST_WAITING,
    BACKFILL_FIRST_DEAD,
};

/* Says what holds the backfill; returns the job whose causes follow, 0 for none. */
static int64_t
note_backfill(struct command_why *why, const struct rows *rows)
{
    const char *id = rows_text(rows, 0, BACKFILL_ID), *target = rows_text(rows, 0, BACKFILL_TARGET),
               *state = rows_text(rows, 0, BACKFILL_STATE);
    bool dates_left = !rows_is_null(rows, 0, BACKFILL_NEXT_DATE);
    int64_t dead = rows_integer(rows, 0, BACKFILL_DEAD), under_way = rows_integer(rows, 0, BACKFILL_UNDER_WAY);
    if (strcmp(state, "paused") == 0) {
        command_why_note(why, 0, 0, "backfill_paused",
                         "backfill %s (%s) is paused; `tapemill backfill resume %s` goes on", id, target, id);
        return 0;
    }
    if (strcmp(state, "running") != 0) {
        command_why_note(why, 0, 0, "backfill_ended", "backfill %s (%s) is %s; of its jobs %" PRId64 " are dead", id,
                         target, state, dead);
        return rows_integer(rows, 0, BACKFILL_FIRST_DEAD);
    }
    if (dates_left && !command_why_is_led(why))
        command_why_note(why, 0, 0, "no_scheduler",
                         "backfill %s (%s) takes no further dates: no scheduler leads; start one: tapemill-scheduler",
                         id, target);
    else if (dates_left && under_way >= rows_integer(rows, 0, BACKFILL_PARALLEL))
        command_why_note(why, 0, 0, "backfill_window",
                         "backfill %s (%s) has its window full: %" PRId64 " of %s dates are under way, and %s is next",
                         id, target, under_way, rows_text(rows, 0, BACKFILL_PARALLEL),
                         rows_text(rows, 0, BACKFILL_NEXT_DATE));
    else if (dates_left)
        command_why_note(why, 0, 0, "backfill_going", "backfill %s (%s) is going on: %s is next", id, target,
                         rows_text(rows, 0, BACKFILL_NEXT_DATE));
    else
        command_why_note(why, 0, 0, "backfill_ending",
                         "backfill %s (%s) has taken all its dates; %" PRId64 " are under way", id, target, under_way);
    if (dead)
        command_why_note(why, 0, 0, "dead_jobs", "of its jobs %" PRId64 " are dead; with ten it takes no further dates",
                         dead);
    return under_way ? rows_integer(rows, 0, BACKFILL_FIRST_UNDER_WAY) : rows_integer(rows, 0, BACKFILL_FIRST_WAITING);
}

enum error_code
command_why_backfill(struct command_why *why, int64_t backfill_id, struct error *error)
{
    struct number_text id;
    struct rows *rows;
    if (database_query(why->warehouse, SQL("backfill"), DATABASE_VALUES(number_text(&id, backfill_id)), &rows, error))
        return error->code;
    if (!rows_count(rows)) {
        rows_free(rows);
        return error_set(error, ERROR_ARGUMENT, "there is no backfill %" PRId64 "; `tapemill backfill list` lists them",
                         backfill_id);
    }
    int64_t job_id = note_backfill(why, rows);
    rows_free(rows);
    return job_id ? command_why_explain(why, job_id, 1, error) : ERROR_NONE;
}
