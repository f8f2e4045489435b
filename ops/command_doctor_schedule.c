/* doctor on the schedule: whether there is one, whether its entries can run, and which dates it gave up. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/config.h"
#include "core/number_text.h"
#include "core/sql.h"
#include "jobs/schedule_file.h"
#include "jobs/schedule_store.h"
#include "jobs/schedule_tick.h"
#include "ops/command_doctor.h"

enum { GIVEN_UP_DAYS = 31 };

#define SQL(name) sql_text("ops/doctor", name)

/* ---- what is stored ------------------------------------------------------------------------------------------ */

static bool
is_paused(const struct rows *rows, const char *name)
{
    for (size_t i = 0; i < rows_count(rows); i++)
        if (strcmp(rows_text(rows, i, 0), name) == 0)
            return true;
    return false;
}

/* Entries that cannot run, but for those that are paused; *first is one of them. */
static enum error_code
count_trouble(struct database *warehouse, const struct schedule_set *set, const struct schedule **first, size_t *count,
              struct error *error)
{
    struct rows *paused;
    *count = 0;
    if (database_query(warehouse, SQL("paused_schedules"), 0, NULL, &paused, error))
        return error->code;
    for (size_t i = set->count; i-- > 0;)
        if (set->items[i].trouble && !is_paused(paused, set->items[i].name)) {
            *first = &set->items[i];
            ++*count;
        }
    rows_free(paused);
    return ERROR_NONE;
}

static enum error_code
look_at_schedule(struct database *warehouse, struct arena *arena, struct command_doctor_finding *finding,
                 struct error *error)
{
    char remedy[COMMAND_DOCTOR_TEXT_BYTES];
    struct schedule_now now;
    struct schedule_set set;
    struct schedule_difference difference;
    const struct schedule *first = NULL;
    size_t trouble;
    if (schedule_store_now(warehouse, &now, error))
        return error->code;
    if (!now.effective_id)
        return command_doctor_say(finding, COMMAND_DOCTOR_WARN, "tapemill schedule load --built-in, or a file",
                                  "no version of a schedule is in effect: nothing runs by itself");
    if (schedule_store_read(warehouse, now.effective_id, arena, &set, error) ||
        count_trouble(warehouse, &set, &first, &trouble, error) ||
        schedule_store_compare(warehouse, NULL, &difference, error))
        return error->code;
    if (trouble) {
        (void)snprintf(remedy, sizeof(remedy),
                       "install the Tapemill that knows it, or load a schedule without it, or "
                       "tapemill schedule pause %s --reason WHY",
                       first->name);
        return command_doctor_say(finding, COMMAND_DOCTOR_WARN, remedy,
                                  "entries that cannot run: %zu; cannot run: %s (%.300s)", trouble, first->name,
                                  first->trouble);
    }
    if (difference.differs && difference.from_built_in)
        return command_doctor_say(finding, COMMAND_DOCTOR_WARN,
                                  "tapemill schedule load --built-in (--dry-run shows what changes)",
                                  "the schedule that Tapemill comes with differs from the one stored");
    return command_doctor_say(finding, COMMAND_DOCTOR_OK, NULL, "version %" PRId64 " with %zu entries is in effect",
                              now.effective_id, set.count);
}

enum error_code
command_doctor_schedule(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    struct arena arena;
    arena_init(&arena, SCHEDULE_ARENA_BYTES);
    enum error_code code = look_at_schedule(doctor->warehouse, &arena, finding, error);
    arena_term(&arena);
    return code;
}

/* ---- dates that were given up -------------------------------------------------------------------------------- */

/* Columns of ops/doctor given_up. */
enum { GIVEN_UP_NAME, GIVEN_UP_VERSION, GIVEN_UP_START, GIVEN_UP_TICK };

/* The command that makes up for a row; *found is false if it holds no date, or cannot run. */
static enum error_code
command_of(struct database *warehouse, const struct rows *rows, size_t row, const struct business_clock *clock,
           char command[SCHEDULE_TICK_COMMAND_BYTES], bool *found, struct error *error)
{
    struct arena arena;
    struct schedule_set set;
    arena_init(&arena, SCHEDULE_ARENA_BYTES);
    enum error_code code =
        schedule_store_read(warehouse, rows_integer(rows, row, GIVEN_UP_VERSION), &arena, &set, error);
    const struct schedule *schedule = code ? NULL : schedule_find(&set, rows_text(rows, row, GIVEN_UP_NAME));
    const struct schedule_tick tick = {.schedule = schedule,
                                       .clock = clock,
                                       .start_s = rows_integer(rows, row, GIVEN_UP_START),
                                       .tick_s = rows_integer(rows, row, GIVEN_UP_TICK)};
    *found = schedule && !schedule->trouble && schedule_tick_backfill(&tick, command);
    arena_term(&arena);
    return code;
}

enum error_code
command_doctor_given_up(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    char command[SCHEDULE_TICK_COMMAND_BYTES], remedy[SCHEDULE_TICK_COMMAND_BYTES] = "",
                                               name[SCHEDULE_NAME_MAX + 1] = "";
    struct number_text now_s, days;
    struct business_clock clock;
    struct schedule_now now;
    struct rows *rows;
    size_t count = 0;
    if (business_clock_init(&clock, config_text(CONFIG_TIMEZONE), config_day_roll_seconds(), error) ||
        schedule_store_now(doctor->warehouse, &now, error) ||
        database_query(doctor->warehouse, SQL("given_up"),
                       DATABASE_VALUES(number_text(&now_s, now.us / 1000000), number_text(&days, GIVEN_UP_DAYS)), &rows,
                       error))
        return error->code;
    enum error_code code = ERROR_NONE;
    for (size_t i = 0; !code && i < rows_count(rows); i++) {
        bool found;
        code = command_of(doctor->warehouse, rows, i, &clock, command, &found, error);
        if (!code && found && !count++) {
            (void)snprintf(remedy, sizeof(remedy), "%s", command);
            (void)snprintf(name, sizeof(name), "%s", rows_text(rows, i, GIVEN_UP_NAME));
        }
    }
    rows_free(rows);
    if (code)
        return code;
    return count
               ? command_doctor_say(finding, COMMAND_DOCTOR_WARN, remedy,
                                    "times that no scheduler ran and business dates were given up, within %d days: %zu "
                                    "(the last one by schedule %s)",
                                    GIVEN_UP_DAYS, count, name)
               : command_doctor_say(finding, COMMAND_DOCTOR_OK, NULL, "none");
}
