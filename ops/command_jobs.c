/* jobs, runs: the ledger as lists. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/sql.h"
#include "ops/command_follow.h"
#include "ops/command_jobs.h"
#include "ops/command_session.h"

static const char *const job_states[] = {"waiting", "queued", "retry", "running", "done", "dead", "cancelled", NULL};
static const char *const run_statuses[] = {"RUNNING", "COMPLETED", "FAILED", "LOST", "CANCELLED", NULL};
static const char *const run_columns[] = {"run_no",     "job",     "status",    "date",     "attempt",
                                          "started_at", "seconds", "processed", "inserted", "updated",
                                          "failed",     "error",   NULL};
static const struct command_decimals run_decimals[] = {{"seconds", 3}, {NULL, 0}};

static enum error_code
not_there(const char *what, const char *id, const char *remedy, struct error *error)
{
    return error_set(error, ERROR_ARGUMENT, "there is no %s %s; `%s` lists them", what, id, remedy);
}

/* ---- jobs ---------------------------------------------------------------------------------------------------- */

static enum error_code
run_jobs(const struct command_line *line, struct error *error)
{
    static const char *const columns[] = {"id",          "job",        "state",     "date",  "queue", "attempts",
                                          "backfill_id", "created_at", "waits_for", "error", NULL};
    struct command_style style = {
        .form = command_print_form(command_flag(line, "--json")), .empty = "no jobs", .table_columns = columns};
    const char *state, *limit;
    int64_t backfill;
    if (command_choice(line, "--state", job_states, NULL, &state, error) ||
        command_integer(line, "--backfill", 1, INT64_MAX, 0, &backfill, error) ||
        command_limit(line, "50", &limit, error))
        return error->code;
    return command_session_list(
        "ops/jobs", "list",
        DATABASE_VALUES(state, command_value(line, "--job"), command_value(line, "--backfill"), limit), &style, error);
}

static enum error_code
show_runs_of(struct database *warehouse, const char *job_id, struct error *error)
{
    struct command_style style = {.empty = "no runs yet", .decimals = run_decimals, .table_columns = run_columns};
    struct rows *rows;
    if (database_query(warehouse, sql_text("ops/runs", "list"), DATABASE_VALUES(NULL, NULL, job_id, "50"), &rows,
                       error))
        return error->code;
    fputc('\n', stdout);
    enum error_code code = command_print_rows(stdout, rows, &style, error);
    rows_free(rows);
    return code;
}

enum error_code
command_jobs_run_show(const struct command_line *line, struct error *error)
{
    bool json = command_flag(line, "--json"), found;
    struct command_style style = command_session_record_style(json);
    struct database *warehouse;
    int64_t id;
    if (command_id(line, 0, &id, error) || command_session_open(&warehouse, error))
        return error->code;
    enum error_code code = command_session_record(warehouse, "ops/jobs", "show", line->words[0], &style, &found, error);
    if (!code && !found)
        code = not_there("job", line->words[0], "tapemill jobs", error);
    if (!code && !json)
        code = show_runs_of(warehouse, line->words[0], error);
    database_close(warehouse);
    return code;
}

static const struct command command_jobs_show = {
    .name = "jobs show",
    .usage = "ID",
    .summary = "show one job and its runs",
    .options = (const struct command_option[]){{"--json", NULL, "print the job as a JSON object", false}, {0}},
    .words_min = 1,
    .words_max = 1,
    .run = command_jobs_run_show,
};

const struct command command_jobs = {
    .name = "jobs",
    .usage = "",
    .summary = "list jobs, newest first",
    .options = (const struct command_option[]){{"--state", "STATE",
                                                "waiting, queued, retry, running, done, dead or cancelled", false},
                                               {"--job", "NAME", "jobs of this name", false},
                                               {"--backfill", "ID", "jobs of this backfill", false},
                                               {"--limit", "N", "at most so many (50)", false},
                                               {"--json", NULL, "print JSON", false},
                                               {0}},
    .run = run_jobs,
    .verbs = (const struct command *const[]){&command_jobs_show, NULL},
};

/* ---- runs ---------------------------------------------------------------------------------------------------- */

static enum error_code
run_runs(const struct command_line *line, struct error *error)
{
    struct command_style style = {.form = command_print_form(command_flag(line, "--json")),
                                  .empty = "no runs",
                                  .decimals = run_decimals,
                                  .table_columns = run_columns};
    const char *status, *limit;
    if (command_choice(line, "--status", run_statuses, NULL, &status, error) ||
        command_limit(line, "50", &limit, error))
        return error->code;
    return command_session_list("ops/runs", "list", DATABASE_VALUES(command_value(line, "--job"), status, NULL, limit),
                                &style, error);
}

static enum error_code
run_runs_show(const struct command_line *line, struct error *error)
{
    struct command_style style = command_session_record_style(command_flag(line, "--json"));
    struct database *warehouse;
    bool found;
    int64_t run_no;
    if (command_id(line, 0, &run_no, error) || command_session_open(&warehouse, error))
        return error->code;
    enum error_code code = command_session_record(warehouse, "ops/runs", "show", line->words[0], &style, &found, error);
    if (!code && !found)
        code = not_there("run", line->words[0], "tapemill runs", error);
    database_close(warehouse);
    return code;
}

static const struct command command_runs_show = {
    .name = "runs show",
    .usage = "RUN",
    .summary = "show one run by its number",
    .options = (const struct command_option[]){{"--json", NULL, "print a JSON object", false}, {0}},
    .words_min = 1,
    .words_max = 1,
    .run = run_runs_show,
};

const struct command command_runs = {
    .name = "runs",
    .usage = "",
    .summary = "list runs (attempts at jobs), newest first",
    .options =
        (const struct command_option[]){{"--job", "NAME", "runs of this job", false},
                                        {"--status", "STATUS", "RUNNING, COMPLETED, FAILED, LOST or CANCELLED", false},
                                        {"--limit", "N", "at most so many (50)", false},
                                        {"--json", NULL, "print JSON", false},
                                        {0}},
    .run = run_runs,
    .verbs = (const struct command *const[]){&command_runs_show, &command_runs_follow, NULL},
};
