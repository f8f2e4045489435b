/* schedule: what is due when, from the version that is stored in the warehouse. */
#include "ops/command_schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/number_text.h"
#include "core/sql.h"
#include "jobs/schedule_file.h"
#include "ops/command_session.h"

#define SQL(name) sql_text("ops/schedule", name)

enum { COUNT_DEFAULT = 5, COUNT_MAX = 1000 };

/* ---- what the verbs share ------------------------------------------------------------------------------------ */

enum error_code
command_schedule_open(struct command_schedule *session, struct error *error)
{
    *session = (struct command_schedule){0};
    arena_init(&session->arena, SCHEDULE_ARENA_BYTES);
    if (command_session_open(&session->warehouse, error) ||
        schedule_store_now(session->warehouse, &session->now, error))
        return error->code;
    session->now_s = session->now.us / 1000000;
    return schedule_store_read(session->warehouse, session->now.effective_id, &session->arena, &session->set, error);
}

void
command_schedule_close(struct command_schedule *session)
{
    database_close(session->warehouse);
    arena_term(&session->arena);
}

enum error_code
command_schedule_find(const struct command_schedule *session, const char *name, const struct schedule **schedule,
                      struct error *error)
{
    const char *names[SCHEDULE_FILE_ENTRIES_MAX];
    size_t count = 0;
    *schedule = schedule_find(&session->set, name);
    if (*schedule)
        return (*schedule)->trouble ? error_set(error, ERROR_ARGUMENT, "%s", (*schedule)->trouble) : ERROR_NONE;
    for (; count < session->set.count && count < SCHEDULE_FILE_ENTRIES_MAX; count++)
        names[count] = session->set.items[count].name;
    const char *nearest = command_nearest(name, names, count);
    return error_set(error, ERROR_USAGE, "there is no schedule \"%.60s\";%s%s%s `tapemill schedule` lists them", name,
                     nearest ? " did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

/* ---- list ---------------------------------------------------------------------------------------------------- */

enum { LIST_COLUMNS = 12 };

static const struct command_column list_columns[LIST_COLUMNS] = {
    {"schedule", COMMAND_KIND_TEXT},       {"state", COMMAND_KIND_TEXT},          {"next_tick", COMMAND_KIND_TIMESTAMP},
    {"last_tick", COMMAND_KIND_TIMESTAMP}, {"last", COMMAND_KIND_TEXT},           {"live_jobs", COMMAND_KIND_INTEGER},
    {"cron", COMMAND_KIND_TEXT},           {"time_zone", COMMAND_KIND_TEXT},      {"target", COMMAND_KIND_TEXT},
    {"about", COMMAND_KIND_TEXT},          {"paused_because", COMMAND_KIND_TEXT}, {"version", COMMAND_KIND_INTEGER},
};

/* Texts of one line that are made here. */
struct list_texts {
    char next[SCHEDULE_INSTANT_BYTES], last[SCHEDULE_INSTANT_BYTES], outcome[64], version[24];
};

/* Columns of ops/schedule ticks. */
enum { TICK_NAME, TICK_LAST, TICK_STATUS, TICK_REASON, TICK_LIVE, TICK_PAUSED };

static void
fill_line(const struct command_schedule *session, const struct schedule *schedule, const struct rows *rows, size_t row,
          struct list_texts *texts, const char **cells)
{
    bool paused = !rows_is_null(rows, row, TICK_PAUSED), has_last = !rows_is_null(rows, row, TICK_LAST);
    int64_t next_s;
    (void)snprintf(texts->version, sizeof(texts->version), "%lld", (long long)session->now.effective_id);
    (void)snprintf(texts->outcome, sizeof(texts->outcome), "%s%s%s", rows_text(rows, row, TICK_STATUS),
                   rows_text(rows, row, TICK_REASON)[0] ? ": " : "", rows_text(rows, row, TICK_REASON));
    cells[0] = schedule->name;
    cells[1] = paused ? "paused" : schedule->trouble ? "cannot run" : "active";
    cells[4] = has_last ? texts->outcome : NULL;
    cells[5] = rows_text(rows, row, TICK_LIVE);
    cells[10] = paused ? rows_text(rows, row, TICK_PAUSED) : NULL;
    cells[11] = texts->version;
    if (schedule->trouble) {
        cells[9] = schedule->trouble;
        return;
    }
    if (schedule_next(schedule, session->now_s, &next_s))
        cells[2] = schedule_instant(schedule->zone, next_s, texts->next);
    if (has_last)
        cells[3] = schedule_instant(schedule->zone, rows_integer(rows, row, TICK_LAST), texts->last);
    cells[6] = schedule->cron_text;
    cells[7] = schedule->zone->name;
    cells[8] = schedule->target;
    cells[9] = schedule->about;
}

static enum error_code
print_list(const struct command_schedule *session, const struct rows *rows, bool json, struct error *error)
{
    size_t count = session->set.count;
    const char **cells = calloc(count * LIST_COLUMNS + 1, sizeof(*cells));
    struct list_texts *texts = calloc(count + 1, sizeof(*texts));
    struct command_style style = {.form = command_print_form(json), .empty = "no schedules"};
    enum error_code code =
        cells && texts ? ERROR_NONE : error_set(error, ERROR_MEMORY, "out of memory for %zu schedules", count);
    for (size_t i = 0; !code && i < count; i++)
        fill_line(session, &session->set.items[i], rows, i, &texts[i], &cells[i * LIST_COLUMNS]);
    if (!code) {
        struct command_grid grid = {list_columns, LIST_COLUMNS, cells, count};
        if (!json) /* a table shows the first columns; `schedule explain` the others */
            for (size_t i = 0; i < count; i++)
                memmove(&cells[i * 9], &cells[i * LIST_COLUMNS], 9 * sizeof(*cells));
        grid.column_count = json ? LIST_COLUMNS : 9;
        code = command_print_grid(stdout, &grid, &style, error);
    }
    free(cells);
    free(texts);
    return code;
}

/* Which version this is, and which follow. */
static enum error_code
print_versions(const struct command_schedule *session, struct error *error)
{
    struct number_text id, now;
    struct rows *rows;
    if (database_query(session->warehouse, SQL("version"), DATABASE_VALUES(number_text(&id, session->now.effective_id)),
                       &rows, error))
        return error->code;
    if (rows_count(rows))
        printf("\nversion %s (%s), in effect since %s\n", id.text, rows_text(rows, 0, 0), rows_text(rows, 0, 1));
    else
        puts("\nNo version of a schedule is in effect; `tapemill schedule load` stores one.");
    rows_free(rows);
    if (database_query(session->warehouse, SQL("coming"), DATABASE_VALUES(number_text(&now, session->now.us)), &rows,
                       error))
        return error->code;
    for (size_t i = 0; i < rows_count(rows); i++)
        printf("version %s (%s) follows at %s\n", rows_text(rows, i, 0), rows_text(rows, i, 1), rows_text(rows, i, 2));
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
run_list(const struct command_line *line, struct error *error)
{
    struct command_schedule session;
    struct number_text now, id;
    struct rows *rows = NULL;
    bool json = command_flag(line, "--json");
    enum error_code code = command_schedule_open(&session, error);
    if (!code)
        code = database_query(
            session.warehouse, SQL("ticks"),
            DATABASE_VALUES(number_text(&now, session.now_s), number_text(&id, session.now.effective_id)), &rows,
            error);
    if (!code)
        code = print_list(&session, rows, json, error);
    if (!code && !json)
        code = print_versions(&session, error);
    rows_free(rows);
    command_schedule_close(&session);
    return code;
}

/* ---- next ---------------------------------------------------------------------------------------------------- */

/* Prints ticks after now. */
static enum error_code
print_next(const struct command_schedule *session, const struct schedule *schedule, int64_t wanted, bool json,
           struct error *error)
{
    static const struct command_column columns[] = {
        {"tick", COMMAND_KIND_TIMESTAMP}, {"utc", COMMAND_KIND_TIMESTAMP}, {"interval_start", COMMAND_KIND_TIMESTAMP}};
    enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };
    struct command_style style = {.form = command_print_form(json), .empty = "no tick within 40 years"};
    char(*texts)[SCHEDULE_INSTANT_BYTES] = calloc((size_t)wanted * COLUMNS + 1, sizeof(*texts));
    const char **cells = calloc((size_t)wanted * COLUMNS + 1, sizeof(*cells));
    int64_t tick_s = session->now_s, start_s;
    size_t count = 0;
    enum error_code code =
        texts && cells ? ERROR_NONE : error_set(error, ERROR_MEMORY, "out of memory for a list of ticks");
    while (!code && (int64_t)count < wanted && schedule_next(schedule, tick_s, &tick_s)) {
        size_t at = count++ * COLUMNS;
        cells[at] = schedule_instant(schedule->zone, tick_s, texts[at]);
        cells[at + 1] = schedule_instant_utc(tick_s, texts[at + 1]);
        if (schedule_previous(schedule, tick_s - 1, &start_s))
            cells[at + 2] = schedule_instant(schedule->zone, start_s, texts[at + 2]);
    }
    if (!code) {
        struct command_grid grid = {columns, COLUMNS, cells, count};
        code = command_print_grid(stdout, &grid, &style, error);
    }
    free(texts);
    free(cells);
    return code;
}

static enum error_code
run_next(const struct command_line *line, struct error *error)
{
    struct command_schedule session;
    const struct schedule *schedule;
    int64_t count;
    if (command_integer(line, "--count", 1, COUNT_MAX, COUNT_DEFAULT, &count, error))
        return error->code;
    enum error_code code = command_schedule_open(&session, error);
    if (!code)
        code = command_schedule_find(&session, line->words[0], &schedule, error);
    if (!code)
        code = print_next(&session, schedule, count, command_flag(line, "--json"), error);
    command_schedule_close(&session);
    return code;
}

/* ---- pause and resume ---------------------------------------------------------------------------------------- */

static enum error_code
run_pause(const struct command_line *line, struct error *error)
{
    struct command_schedule session;
    const struct schedule *schedule = NULL;
    const char *reason = command_value(line, "--reason");
    if (!reason || !reason[0])
        return error_set(error, ERROR_USAGE, "say why, for whoever finds it paused: --reason \"...\"");
    enum error_code code = command_schedule_open(&session, error);
    if (!code)
        schedule = schedule_find(&session.set, line->words[0]); /* also one that cannot run */
    if (!code && !schedule)
        code = command_schedule_find(&session, line->words[0], &schedule, error);
    if (!code)
        code = database_query(session.warehouse, SQL("pause"), DATABASE_VALUES(schedule->name, reason), NULL, error);
    if (!code)
        printf("schedule %s is paused; its ticks are skipped until `tapemill schedule resume %s`\n", schedule->name,
               schedule->name);
    command_schedule_close(&session);
    return code;
}

static enum error_code
run_resume(const struct command_line *line, struct error *error)
{
    struct database *warehouse;
    struct rows *rows = NULL;
    if (command_session_open(&warehouse, error))
        return error->code;
    enum error_code code = database_query(warehouse, SQL("resume"), DATABASE_VALUES(line->words[0]), &rows, error);
    if (!code && !rows_affected(rows))
        code = error_set(error, ERROR_ARGUMENT, "schedule %.60s is not paused; `tapemill schedule` shows which are",
                         line->words[0]);
    if (!code)
        printf("schedule %s goes on with its next tick\n", line->words[0]);
    rows_free(rows);
    database_close(warehouse);
    return code;
}

/* ---- the commands -------------------------------------------------------------------------------------------- */

static const struct command_option list_options[] = {{"--json", NULL, "print JSON", false}, {0}};

static const struct command command_schedule_list = {
    .name = "schedule list",
    .usage = "",
    .summary = "list the schedules in effect, their next and last ticks",
    .options = list_options,
    .run = run_list,
};

static const struct command command_schedule_next = {
    .name = "schedule next",
    .usage = "NAME",
    .summary = "show the next ticks of a schedule and the data intervals that end with them",
    .options = (const struct command_option[]){{"--count", "N", "so many (5)", false},
                                               {"--json", NULL, "print JSON", false},
                                               {0}},
    .words_min = 1,
    .words_max = 1,
    .run = run_next,
};

static const struct command command_schedule_pause = {
    .name = "schedule pause",
    .usage = "NAME",
    .summary = "skip a schedule's ticks from now on; they are not caught up",
    .options =
        (const struct command_option[]){{"--reason", "TEXT", "why; `schedule list --json` shows it", false}, {0}},
    .words_min = 1,
    .words_max = 1,
    .run = run_pause,
};

static const struct command command_schedule_resume = {
    .name = "schedule resume",
    .usage = "NAME",
    .summary = "let a paused schedule go on with its next tick",
    .words_min = 1,
    .words_max = 1,
    .run = run_resume,
};

const struct command command_schedule = {
    .name = "schedule",
    .usage = "",
    .summary = "what is due when: list, explain, load, run by hand, pause",
    .options = list_options,
    .run = run_list,
    .verbs = (const struct command *const[]){&command_schedule_list, &command_schedule_next, &command_schedule_explain,
                                             &command_schedule_load, &command_schedule_run, &command_schedule_pause,
                                             &command_schedule_resume, NULL},
};
