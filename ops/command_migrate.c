#include <stdio.h>
#include <stdlib.h>

#include "core/migration.h"
#include "jobs/schedule_store.h"
#include "ops/command.h"

static const char *
state_name(const struct migration_state *state)
{
    if (state->unknown)
        return "unknown to this binary";
    if (state->changed)
        return "changed after it was applied";
    return state->applied_at[0] ? "applied" : "pending";
}

static enum error_code
print_states(const struct migration_state *states, size_t count, bool json, struct error *error)
{
    static const struct command_column columns[] = {{"version", COMMAND_KIND_INTEGER},
                                                    {"name", COMMAND_KIND_TEXT},
                                                    {"applied_at", COMMAND_KIND_TIMESTAMP},
                                                    {"state", COMMAND_KIND_TEXT}};
    enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };
    struct command_style style = {.form = command_print_form(json), .empty = "no migrations"};
    const char **cells = calloc(count * COLUMNS + 1, sizeof(*cells));
    char(*versions)[16] = calloc(count + 1, sizeof(*versions));
    enum error_code code = ERROR_NONE;
    if (!cells || !versions)
        code = error_set(error, ERROR_MEMORY, "out of memory for the list of migrations");
    for (size_t i = 0; !code && i < count; i++) {
        (void)snprintf(versions[i], sizeof(versions[i]), "%d", states[i].version);
        cells[i * COLUMNS] = versions[i];
        cells[i * COLUMNS + 1] = states[i].name;
        cells[i * COLUMNS + 2] = states[i].applied_at[0] ? states[i].applied_at : NULL;
        cells[i * COLUMNS + 3] = state_name(&states[i]);
    }
    if (!code) {
        struct command_grid grid = {columns, COLUMNS, cells, count};
        code = command_print_grid(stdout, &grid, &style, error);
    }
    free(cells);
    free(versions);
    return code;
}

/* Says what was applied: the last applied_count of the applied migrations. */
static void
tell_applied(const struct migration_state *states, size_t count, int applied_count)
{
    for (size_t i = 0; i < count; i++)
        if (!states[i].unknown && states[i].version > migration_known_version() - applied_count)
            printf("applied %s\n", states[i].name);
    if (applied_count)
        printf("The warehouse schema is now at version %d.\n", migration_known_version());
    else
        printf("The warehouse schema is at version %d; nothing to do.\n", migration_known_version());
}

/* A warehouse that has a schedule keeps it: says so when a file was given that says otherwise, or when the schedule
 * that Tapemill came with has changed since. */
static enum error_code
tell_schedule(struct database *warehouse, const char *path, bool quiet, struct error *error)
{
    struct schedule_difference difference;
    if (schedule_store_compare(warehouse, path, &difference, error))
        return error->code;
    if (path && difference.differs)
        return error_set(error, ERROR_ARGUMENT,
                         "the warehouse has a schedule already, which stays as it is; `tapemill schedule load %.200s` "
                         "stores another one",
                         path);
    if (!path && !quiet && difference.differs && difference.from_built_in)
        puts("The schedule that Tapemill comes with differs from the one stored; `tapemill schedule load --built-in "
             "--dry-run` shows\nhow, `tapemill schedule load --built-in` stores it.");
    return ERROR_NONE;
}

static enum error_code
run_migrate(const struct command_line *line, struct error *error)
{
    bool json = command_flag(line, "--json"), status = command_flag(line, "--status");
    struct migration_state *states = NULL;
    struct database *warehouse;
    size_t count = 0;
    int applied = 0, scheduled = -1;
    enum error_code code = database_open(&warehouse, DATABASE_WAREHOUSE, "tapemill migrate", error);
    if (!code && !status)
        code = migration_apply(warehouse, &applied, error);
    if (!code && !status)
        code = schedule_store_first(warehouse, command_value(line, "--schedule"), &scheduled, error);
    if (!code)
        code = migration_status(warehouse, &states, &count, error);
    if (!code && (json || status))
        code = print_states(states, count, json, error);
    else if (!code)
        tell_applied(states, count, applied);
    if (!code && !json && scheduled >= 0)
        printf("%d schedules are stored, in effect from now on; `tapemill schedule` lists them.\n", scheduled);
    if (!code && !status && scheduled < 0)
        code = tell_schedule(warehouse, command_value(line, "--schedule"), json, error);
    free(states);
    database_close(warehouse);
    return code;
}

const struct command command_migrate = {
    .name = "migrate",
    .usage = "",
    .summary = "bring the warehouse's schema to the version this binary knows",
    .detail =
        "Migrations go forward only, each in a transaction of its own. Run it again whenever you like. A warehouse "
        "without a\nschedule gets the one that Tapemill comes with.",
    .options =
        (const struct command_option[]){{"--status", NULL, "list the migrations and change nothing", false},
                                        {"--schedule", "FILE", "the schedule for a warehouse without one", false},
                                        {"--json", NULL, "print the list as JSON", false},
                                        {0}},
    .run = run_migrate,
};
