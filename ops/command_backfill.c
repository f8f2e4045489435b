/* backfill: a target over a range of dates. A backfill is a row that the scheduler works off; here it is made, shown,
 * paused, resumed and cancelled. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/ledger_backfill.h"
#include "core/queue.h"
#include "core/sql.h"
#include "ops/command_backfill_plan.h"
#include "ops/command_backfill_watch.h"
#include "ops/command_session.h"

enum { PRIORITY_DEFAULT = 5, PARALLEL_DEFAULT = 4, PARALLEL_MAX = 1000 };

#define LEFT_MAX "20" /* jobs that cancelling left, of which it tells */

static const char *const reprocess_choices[] = {"none", "failed", "completed", NULL};

/* ---- making one ---------------------------------------------------------------------------------------------- */

static enum error_code
check_target(const struct command_target *target, struct error *error)
{
    if (target->job && !target->job->needs_date && !target->job->takes_date)
        return error_set(error, ERROR_USAGE,
                         "%s is not about a date, so there is nothing to backfill; run it once: "
                         "tapemill enqueue %s",
                         target->name, target->name);
    return ERROR_NONE;
}

static enum error_code
read_dates(const struct command_line *line, struct command_backfill_plan *plan, struct error *error)
{
    bool has_from, has_to;
    if (command_date(line, "--from", &plan->from_days, &has_from, error) ||
        command_date(line, "--to", &plan->to_days, &has_to, error))
        return error->code;
    if (!has_from || !has_to)
        return error_set(error, ERROR_USAGE, "%s is missing; write --from YYYY-MM-DD --to YYYY-MM-DD",
                         has_from ? "--to" : "--from");
    if (plan->from_days > plan->to_days)
        return error_set(error, ERROR_USAGE,
                         "--from %s is after --to %s; swap them (--backwards runs the latest first)",
                         command_value(line, "--from"), command_value(line, "--to"));
    (void)calendar_date_format(plan->from_days, plan->from);
    (void)calendar_date_format(plan->to_days, plan->to);
    return ERROR_NONE;
}

/* The plan's arguments are to be buffer_term()ed, also after an error. */
static enum error_code
read_plan(const struct command_line *line, struct command_backfill_plan *plan, struct error *error)
{
    plan->queue = command_value(line, "--queue");
    plan->backwards = command_flag(line, "--backwards");
    if (command_target_find(line->words[0], &plan->target, error) || check_target(&plan->target, error) ||
        read_dates(line, plan, error) ||
        command_integer(line, "--parallel", 1, PARALLEL_MAX, PARALLEL_DEFAULT, &plan->parallel, error) ||
        command_integer(line, "--priority", 0, QUEUE_PRIORITY_MAX, PRIORITY_DEFAULT, &plan->priority, error) ||
        command_choice(line, "--reprocess", reprocess_choices, "none", &plan->reprocess, error) ||
        command_target_queue(plan->queue, error))
        return error->code;
    if (!plan->queue)
        plan->queue = "backfill";
    return command_target_arguments(line, &plan->target, &plan->arguments, error);
}

static enum error_code
create(struct database *warehouse, const struct command_backfill_plan *plan, int64_t *id, struct error *error)
{
    char parallel[24], priority[24], id_text[24];
    (void)snprintf(parallel, sizeof(parallel), "%" PRId64, plan->parallel);
    (void)snprintf(priority, sizeof(priority), "%" PRId64, plan->priority);
    enum error_code code = database_value(warehouse, sql_text("ops/backfill", "create"),
                                          DATABASE_VALUES(plan->target.name, plan->arguments.bytes, plan->from,
                                                          plan->to, plan->backwards ? "true" : "false", parallel,
                                                          plan->reprocess, plan->queue, priority),
                                          id_text, sizeof(id_text), error);
    *id = code ? 0 : strtoll(id_text, NULL, 10);
    return code;
}

static void
tell_created(const struct command_backfill_plan *plan, int64_t id, bool json)
{
    int32_t dates = plan->to_days - plan->from_days + 1;
    if (json)
        printf("{\"backfill_id\": %" PRId64 ", \"target\": \"%s\", \"dates\": %d}\n", id, plan->target.name, dates);
    else
        printf("backfill %" PRId64 ": %s from %s to %s, %d date%s, %" PRId64 " at a time\n", id, plan->target.name,
               plan->from, plan->to, dates, dates == 1 ? "" : "s", plan->parallel);
    (void)fflush(stdout);
}

static enum error_code
run_backfill(const struct command_line *line, struct error *error)
{
    struct command_backfill_plan plan = {0};
    struct database *warehouse = NULL;
    bool json = command_flag(line, "--json"), dry_run = command_flag(line, "--dry-run");
    int64_t id = 0;
    enum error_code code = read_plan(line, &plan, error);
    if (!code)
        code = command_session_open(&warehouse, error);
    if (!code && dry_run)
        code = command_backfill_plan_show(warehouse, &plan, json, error);
    else if (!code)
        code = create(warehouse, &plan, &id, error);
    if (!code && id)
        tell_created(&plan, id, json);
    if (!code && id && command_flag(line, "--wait"))
        code = command_backfill_watch(&warehouse, id, error);
    buffer_term(&plan.arguments);
    database_close(warehouse);
    return code;
}

/* ---- list and show ------------------------------------------------------------------------------------------- */

static enum error_code
run_list(const struct command_line *line, struct error *error)
{
    static const char *const columns[] = {"id",      "target",    "state",    "from_date",  "to_date",     "dates",
                                          "skipped", "next_date", "parallel", "created_at", "finished_at", NULL};
    struct command_style style = {
        .form = command_print_form(command_flag(line, "--json")), .empty = "no backfills", .table_columns = columns};
    const char *limit;
    if (command_limit(line, "50", &limit, error))
        return error->code;
    return command_session_list("ops/backfill", "list", DATABASE_VALUES(limit), &style, error);
}

/* ERROR_ARGUMENT when there is no such backfill. */
static enum error_code
read_state(struct database *warehouse, const char *id, char state[16], struct error *error)
{
    enum error_code code =
        database_value(warehouse, sql_text("ops/backfill", "state"), DATABASE_VALUES(id), state, 16, error);
    if (!code && !state[0])
        return error_set(error, ERROR_ARGUMENT, "there is no backfill %s; `tapemill backfill list` lists them", id);
    return code;
}

/* Of a paused backfill: whether anything of it still goes on. */
static enum error_code
tell_paused(struct database *warehouse, const char *id, struct error *error)
{
    struct rows *rows;
    if (database_query(warehouse, sql_text("ledger/backfill", "free_places"), DATABASE_VALUES(id, "1"), &rows, error))
        return error->code;
    int64_t under_way = rows_count(rows) ? rows_integer(rows, 0, 1) : 0;
    rows_free(rows);
    if (under_way)
        printf("\npaused: no further date begins; dates under way, which go on to their end: %" PRId64 "\n", under_way);
    else
        puts("\npaused: no further date begins, and none is under way");
    return ERROR_NONE;
}

static enum error_code
show_backfill(struct database *warehouse, const char *id, bool json, struct error *error)
{
    struct command_style style = command_session_record_style(json);
    char state[16];
    bool found;
    size_t dead;
    style.member = true;
    enum error_code code = read_state(warehouse, id, state, error);
    if (!code && json)
        printf("{\"backfill\": ");
    if (!code)
        code = command_session_record(warehouse, "ops/backfill", "show", id, &style, &found, error);
    if (!code)
        fputs(json ? ",\n \"progress\": " : "\n", stdout);
    if (!code)
        code = command_session_record(warehouse, "ops/backfill", "progress", id, &style, &found, error);
    if (!code && !json && strcmp(state, "paused") == 0)
        code = tell_paused(warehouse, id, error);
    if (!code)
        fputs(json ? ",\n \"dead\": " : "\n", stdout);
    if (!code)
        code = command_backfill_watch_dead(stdout, warehouse, id, json, &dead, error);
    if (!code && json)
        puts("}");
    return code;
}

static enum error_code
run_show(const struct command_line *line, struct error *error)
{
    struct database *warehouse;
    int64_t id;
    if (command_id(line, 0, &id, error) || command_session_open(&warehouse, error))
        return error->code;
    enum error_code code = command_flag(line, "--wait")
                               ? command_backfill_watch(&warehouse, id, error)
                               : show_backfill(warehouse, line->words[0], command_flag(line, "--json"), error);
    database_close(warehouse);
    return code;
}

/* ---- pause, resume, cancel ----------------------------------------------------------------------------------- */

/* Moves the backfill to a state; ERROR_ARGUMENT when it is in none of those that allow it. */
static enum error_code
change_state(struct database *warehouse, const char *id, const char *to_state, const char *from_states,
             struct error *error)
{
    char state[16];
    struct rows *rows;
    enum error_code code = database_query(warehouse, sql_text("ops/backfill", "change"),
                                          DATABASE_VALUES(id, to_state, from_states), &rows, error);
    size_t changed = code ? 0 : rows_count(rows);
    if (!code)
        rows_free(rows);
    if (code || changed)
        return code;
    if (read_state(warehouse, id, state, error))
        return error->code;
    if (strcmp(state, to_state) == 0)
        return error_set(error, ERROR_ARGUMENT, "backfill %s is %s already", id, state);
    return error_set(error, ERROR_ARGUMENT, "backfill %s is %s; it cannot become %s", id, state, to_state);
}

/* The row is cancelled first, so that no scheduler adds a date; jobs that became ready meanwhile are found again. */
static enum error_code
cancel_jobs(struct database *warehouse, int64_t id, bool running_too, size_t *cancelled, struct error *error)
{
    static int64_t ids[LEDGER_BACKFILL_BATCH];
    enum error_code code = ERROR_NONE;
    bool more = true;
    while (!code && more) {
        struct ledger_pushes pushes = {0};
        size_t count = 0;
        code = ledger_backfill_cancel(warehouse, id, running_too, ids, &count, &more, &pushes, error);
        if (count)
            command_session_forget(ids, count);
        if (pushes.count)
            command_session_push(warehouse, pushes.job_ids, pushes.count);
        *cancelled += count;
    }
    return code;
}

/* Which jobs of a cancelled backfill are left, since others need them. */
static enum error_code
tell_left(struct database *warehouse, const char *id, struct error *error)
{
    struct rows *rows;
    if (database_query(warehouse, sql_text("ops/backfill", "left"), DATABASE_VALUES(id, LEFT_MAX), &rows, error))
        return error->code;
    size_t told = rows_count(rows);
    int64_t left = told ? rows_integer(rows, 0, 0) : 0;
    if (left)
        printf("left, as jobs outside of it depend on them (`tapemill cancel` those first to be rid of them): %" PRId64
               "\n",
               left);
    for (size_t row = 0; row < told; row++)
        printf("  %s\n", rows_text(rows, row, 1));
    if ((size_t)left > told)
        printf("  and %" PRId64 " more\n", left - (int64_t)told);
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
run_pause(const struct command_line *line, struct error *error)
{
    struct database *warehouse;
    int64_t id;
    if (command_id(line, 0, &id, error) || command_session_open(&warehouse, error))
        return error->code;
    enum error_code code = change_state(warehouse, line->words[0], "paused", "{running}", error);
    if (!code)
        printf("backfill %s is paused; dates under way go on to their end. `tapemill backfill resume %s` goes on\n",
               line->words[0], line->words[0]);
    database_close(warehouse);
    return code;
}

static enum error_code
run_resume(const struct command_line *line, struct error *error)
{
    struct database *warehouse;
    int64_t id;
    if (command_id(line, 0, &id, error) || command_session_open(&warehouse, error))
        return error->code;
    enum error_code code = change_state(warehouse, line->words[0], "running", "{paused,failed}", error);
    if (!code)
        printf("backfill %s goes on\n", line->words[0]);
    (void)fflush(stdout);
    if (!code && command_flag(line, "--wait"))
        code = command_backfill_watch(&warehouse, id, error);
    database_close(warehouse);
    return code;
}

static enum error_code
run_cancel(const struct command_line *line, struct error *error)
{
    struct database *warehouse;
    size_t cancelled = 0;
    int64_t id;
    bool finish = command_flag(line, "--let-finish");
    if (command_id(line, 0, &id, error) || command_session_open(&warehouse, error))
        return error->code;
    enum error_code code =
        change_state(warehouse, line->words[0], "cancelled", "{running,paused,failed,cancelled}", error);
    if (!code)
        code = cancel_jobs(warehouse, id, !finish, &cancelled, error);
    if (!code)
        printf("backfill %s is cancelled, and %zu of its jobs with it%s\n", line->words[0], cancelled,
               finish ? "; those that run finish" : "");
    if (!code)
        code = tell_left(warehouse, line->words[0], error);
    database_close(warehouse);
    return code;
}

/* ---- the commands -------------------------------------------------------------------------------------------- */

static const struct command command_backfill_list = {
    .name = "backfill list",
    .usage = "",
    .summary = "list backfills, newest first",
    .options = (const struct command_option[]){{"--limit", "N", "at most so many (50)", false},
                                               {"--json", NULL, "print JSON", false},
                                               {0}},
    .run = run_list,
};

static const struct command command_backfill_show = {
    .name = "backfill show",
    .usage = "ID",
    .summary = "show one backfill, its progress and its dead jobs",
    .options = (const struct command_option[]){{"--wait", NULL, "watch it until it has ended", false},
                                               {"--json", NULL, "print JSON", false},
                                               {0}},
    .words_min = 1,
    .words_max = 1,
    .run = run_show,
};

static const struct command command_backfill_cancel = {
    .name = "backfill cancel",
    .usage = "ID",
    .summary = "cancel a backfill and its unfinished jobs, running ones too",
    .detail =
        "A running job is ended and what it did rolled back. With --let-finish it goes on to its end; should it fail, "
        "it\n"
        "is not tried again. A job that others outside of the backfill depend on is left, counted and named; it is "
        "cancelled\n"
        "when none of these can go on any more. A date of which some jobs are done stays so: `tapemill backfill` with\n"
        "--reprocess failed takes it up again. Should this command be killed, the scheduler cancels what is left, "
        "running\n"
        "jobs excepted.",
    .options = (const struct command_option[]){{"--let-finish", NULL, "let running jobs finish", false}, {0}},
    .words_min = 1,
    .words_max = 1,
    .run = run_cancel,
};

static const struct command command_backfill_pause = {
    .name = "backfill pause",
    .usage = "ID",
    .summary = "start no further dates of a backfill",
    .words_min = 1,
    .words_max = 1,
    .run = run_pause,
};

static const struct command command_backfill_resume = {
    .name = "backfill resume",
    .usage = "ID",
    .summary = "go on with a paused or failed backfill",
    .options = (const struct command_option[]){{"--wait", NULL, "watch it until it has ended", false}, {0}},
    .words_min = 1,
    .words_max = 1,
    .run = run_resume,
};

const struct command command_backfill = {
    .name = "backfill",
    .usage = "TARGET --from DATE --to DATE",
    .summary = "run a pipeline, or a job about a date, for every date of a range",
    .detail =
        "The scheduler keeps so many dates under way as --parallel says. What waits for another day (realised P&L\n"
        "waits for yesterday's books) holds no place. Interrupting --wait stops the watching, not the backfill.",
    .options =
        (const struct command_option[]){
            {"--from", "DATE", "first business date (YYYY-MM-DD)", false},
            {"--to", "DATE", "last business date, included", false},
            {"--parallel", "N", "so many dates at a time (4)", false},
            {"--reprocess", "WHICH", "none: dates never run (default); failed: those that failed too; completed: all",
             false},
            {"--backwards", NULL, "the latest date first", false},
            {"--arg", "NAME=VALUE", "an argument of the job; may be repeated", true},
            {"--priority", "0..9", "9 is most urgent (5)", false},
            {"--queue", "QUEUE", "another queue than backfill", false},
            {"--dry-run", NULL, "only print what would run and how long it may take", false},
            {"--wait", NULL, "watch until it has ended; exit code 1 unless it is completed", false},
            {"--json", NULL, "print JSON", false},
            {0}},
    .words_min = 1,
    .words_max = 1,
    .run = run_backfill,
    .verbs = (const struct command *const[]){&command_backfill_list, &command_backfill_show, &command_backfill_cancel,
                                             &command_backfill_pause, &command_backfill_resume, NULL},
    .show_more = command_target_show,
};
