/* pipeline: runs of pipelines, and the steps of one as a tree. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sql.h"
#include "jobs/pipeline.h"
#include "ops/command_session.h"

enum { PREFIX_BYTES = 256, BRANCH_CELLS = 3, ERROR_SHOWN = 400 };

/* Columns of ops/pipeline list and steps. */
enum { RUN_ID, RUN_PIPELINE, RUN_DATE, RUN_STATE, RUN_DONE, RUN_STEPS };
enum {
    STEP_ID,
    STEP_NAME,
    STEP_JOB,
    STEP_STATE,
    STEP_SHARED,
    STEP_DEPENDS_ON,
    STEP_WAITS_FOR,
    STEP_WAIT_KEY,
    STEP_ATTEMPTS,
    STEP_MAX_ATTEMPTS,
    STEP_STARTED_AT,
    STEP_FINISHED_AT,
    STEP_SECONDS,
    STEP_ERROR
};

/* ---- list ---------------------------------------------------------------------------------------------------- */

/* ERROR_USAGE unless it is a pipeline of this binary; NULL is fine. */
static enum error_code
check_name(const char *name, struct error *error)
{
    char list[ERROR_MESSAGE_BYTES / 2] = "";
    size_t count;
    const struct pipeline_definition *const *all = pipeline_all(&count);
    if (!name || pipeline_find(name))
        return ERROR_NONE;
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(list);
        (void)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", all[i]->name);
    }
    return error_set(error, ERROR_USAGE, "there is no pipeline \"%.60s\"; there are %s", name, list);
}

static enum error_code
run_list(const struct command_line *line, struct error *error)
{
    static const char *const columns[] = {"id",          "pipeline",   "date",        "state", "done", "steps",
                                          "backfill_id", "created_at", "finished_at", "dead",  NULL};
    struct command_style style = {.form = command_print_form(command_flag(line, "--json")),
                                  .empty = "no runs of pipelines",
                                  .table_columns = columns};
    const char *limit;
    int64_t backfill;
    int32_t days;
    bool dated;
    if (check_name(command_value(line, "--pipeline"), error) || command_date(line, "--date", &days, &dated, error) ||
        command_integer(line, "--backfill", 1, INT64_MAX, 0, &backfill, error) ||
        command_limit(line, "20", &limit, error))
        return error->code;
    return command_session_list("ops/pipeline", "list",
                                DATABASE_VALUES(NULL, command_value(line, "--pipeline"), command_value(line, "--date"),
                                                command_value(line, "--backfill"), limit),
                                &style, error);
}

/* ---- the tree ------------------------------------------------------------------------------------------------ */

static const char *
next_dependency(const char *at, int64_t *id)
{
    char *end;
    at += strcspn(at, "0123456789");
    if (!*at)
        return NULL;
    *id = strtoll(at, &end, 10);
    return end;
}

static size_t
row_of(const struct rows *rows, int64_t id)
{
    size_t row = 0;
    while (row < rows_count(rows) && rows_integer(rows, row, STEP_ID) != id)
        row++;
    return row;
}

/* A step is drawn once: under the last of those it waits for. SIZE_MAX if it waits for none. */
static size_t
parent_of(const struct rows *rows, size_t row)
{
    int64_t id = 0;
    size_t parent = SIZE_MAX;
    for (const char *at = rows_text(rows, row, STEP_DEPENDS_ON); (at = next_dependency(at, &id));)
        parent = row_of(rows, id);
    return parent;
}

static size_t
depth_of(const struct rows *rows, size_t row)
{
    size_t depth = 0;
    while ((row = parent_of(rows, row)) != SIZE_MAX)
        depth++;
    return depth;
}

static size_t
widest_label(const struct rows *rows)
{
    size_t widest = 0;
    for (size_t row = 0; row < rows_count(rows); row++) {
        size_t width = (depth_of(rows, row) + 1) * BRANCH_CELLS + strlen(rows_text(rows, row, STEP_NAME));
        widest = width > widest ? width : widest;
    }
    return widest;
}

/* "  after dates, dimensions too": what it waits for besides the step it is drawn under. */
static void
print_other_causes(const struct rows *rows, size_t row)
{
    int64_t id = 0;
    size_t parent = parent_of(rows, row);
    bool others = false;
    for (const char *at = rows_text(rows, row, STEP_DEPENDS_ON); (at = next_dependency(at, &id));) {
        size_t cause = row_of(rows, id);
        if (cause == parent)
            continue;
        printf("%s%s", others ? ", " : ", after ", rows_text(rows, cause, STEP_NAME));
        others = true;
    }
    fputs(others ? " too" : "", stdout);
}

static void
print_step(const struct rows *rows, size_t row, const char *prefix, const char *branch, int padding)
{
    char span[32] = "";
    const char *waits_for = rows_text(rows, row, STEP_WAITS_FOR), *failure = rows_text(rows, row, STEP_ERROR);
    if (!rows_is_null(rows, row, STEP_SECONDS))
        (void)command_progress_span((int64_t)(strtod(rows_text(rows, row, STEP_SECONDS), NULL) * 1000), span);
    printf("%s%s%s%*s  %-9s  %s/%-3s  %6s  job %s%s", prefix, branch, rows_text(rows, row, STEP_NAME), padding, "",
           rows_text(rows, row, STEP_STATE), rows_text(rows, row, STEP_ATTEMPTS),
           rows_text(rows, row, STEP_MAX_ATTEMPTS), span, rows_text(rows, row, STEP_ID),
           rows_boolean(rows, row, STEP_SHARED) ? ", shared" : "");
    print_other_causes(rows, row);
    if (waits_for[0])
        printf("; waits for %s", waits_for);
    if (failure[0])
        printf(": %.*s", (int)(strcspn(failure, "\n") < ERROR_SHOWN ? strcspn(failure, "\n") : ERROR_SHOWN), failure);
    fputc('\n', stdout);
}

static void
print_branches(const struct rows *rows, size_t parent, const char *prefix, size_t width)
{
    size_t last = SIZE_MAX;
    for (size_t row = 0; row < rows_count(rows); row++)
        if (parent_of(rows, row) == parent)
            last = row;
    for (size_t row = 0; row < rows_count(rows) && last != SIZE_MAX; row++) {
        char deeper[PREFIX_BYTES];
        if (parent_of(rows, row) != parent)
            continue;
        size_t used = (depth_of(rows, row) + 1) * BRANCH_CELLS + strlen(rows_text(rows, row, STEP_NAME));
        print_step(rows, row, prefix, row == last ? "└─ " : "├─ ", (int)(width - used));
        (void)snprintf(deeper, sizeof(deeper), "%s%s", prefix, row == last ? "   " : "│  ");
        print_branches(rows, row, deeper, width);
    }
}

static void
print_tree(const struct rows *run, const struct rows *steps)
{
    printf("pipeline run %s: %s of %s is %s, %s of %s steps done\n", rows_text(run, 0, RUN_ID),
           rows_text(run, 0, RUN_PIPELINE), rows_text(run, 0, RUN_DATE), rows_text(run, 0, RUN_STATE),
           rows_text(run, 0, RUN_DONE), rows_text(run, 0, RUN_STEPS));
    print_branches(steps, SIZE_MAX, "", widest_label(steps));
    for (size_t row = 0; row < rows_count(steps); row++) {
        const char *state = rows_text(steps, row, STEP_STATE);
        if (strcmp(state, "dead") == 0 || strcmp(state, "cancelled") == 0)
            printf("%s is %s, and what waits for it stands still; `tapemill dead retry %s` runs it again\n",
                   rows_text(steps, row, STEP_NAME), state, rows_text(steps, row, STEP_ID));
    }
}

static enum error_code
print_json(const struct rows *run, const struct rows *steps, struct error *error)
{
    struct command_style run_style = {.form = COMMAND_FORM_JSON_OBJECT, .member = true};
    struct command_style steps_style = {.form = COMMAND_FORM_JSON, .member = true};
    fputs("{\"run\": ", stdout);
    enum error_code code = command_print_rows(stdout, run, &run_style, error);
    fputs(", \"steps\": ", stdout);
    if (!code)
        code = command_print_rows(stdout, steps, &steps_style, error);
    fputs("}\n", stdout);
    return code;
}

/* ---- show ---------------------------------------------------------------------------------------------------- */

/* Finds the run by its number, or the newest of a pipeline for a date. */
static enum error_code
find_run(struct database *warehouse, const char *word, bool by_number, const char *date, struct rows **run,
         struct error *error)
{
    enum error_code code =
        database_query(warehouse, sql_text("ops/pipeline", "list"),
                       DATABASE_VALUES(by_number ? word : NULL, by_number ? NULL : word, date, NULL, "1"), run, error);
    if (code || rows_count(*run))
        return code;
    rows_free(*run);
    *run = NULL;
    if (by_number)
        return error_set(error, ERROR_ARGUMENT, "there is no pipeline run %s; `tapemill pipeline list` lists them",
                         word);
    return error_set(error, ERROR_ARGUMENT, "pipeline %s has no run for %s; `tapemill enqueue %s --date %s` makes one",
                     word, date, word, date);
}

static enum error_code
run_show(const struct command_line *line, struct error *error)
{
    const char *word = line->words[0], *date = command_value(line, "--date");
    bool by_number = word[strspn(word, "0123456789")] == 0, dated;
    struct database *warehouse;
    struct rows *run = NULL, *steps = NULL;
    int64_t run_id;
    int32_t days;
    if (command_date(line, "--date", &days, &dated, error) ||
        (by_number ? command_id(line, 0, &run_id, error) : check_name(word, error)))
        return error->code;
    if (by_number == dated)
        return error_set(error, ERROR_USAGE, "a run is named by its number, or by its pipeline and --date YYYY-MM-DD");
    enum error_code code = command_session_open(&warehouse, error);
    if (!code)
        code = find_run(warehouse, word, by_number, date, &run, error);
    if (!code)
        code = database_query(warehouse, sql_text("ops/pipeline", "steps"), DATABASE_VALUES(rows_text(run, 0, RUN_ID)),
                              &steps, error);
    if (!code && command_flag(line, "--json"))
        code = print_json(run, steps, error);
    else if (!code)
        print_tree(run, steps);
    rows_free(steps);
    rows_free(run);
    database_close(warehouse);
    return code;
}

static const struct command command_pipeline_list = {
    .name = "pipeline list",
    .usage = "",
    .summary = "list runs of pipelines, newest first",
    .options = (const struct command_option[]){{"--pipeline", "NAME", "runs of this pipeline", false},
                                               {"--date", "DATE", "runs for this business date", false},
                                               {"--backfill", "ID", "runs of this backfill", false},
                                               {"--limit", "N", "at most so many (20)", false},
                                               {"--json", NULL, "print JSON", false},
                                               {0}},
    .run = run_list,
};

static const struct command command_pipeline_show = {
    .name = "pipeline show",
    .usage = "RUN|NAME",
    .summary = "show the steps of one run as a tree",
    .detail =
        "The run is named by its number, or by its pipeline and --date (the newest then). A step hangs under the\n"
        "last of those that it waits for, and names the others; a shared one serves runs of other dates too. The\n"
        "columns are state, attempts charged of those it has, and seconds.",
    .options = (const struct command_option[]){{"--date", "DATE", "the business date, with a pipeline's name", false},
                                               {"--json", NULL, "print a JSON object of run and steps", false},
                                               {0}},
    .words_min = 1,
    .words_max = 1,
    .run = run_show,
};

const struct command command_pipeline = {
    .name = "pipeline",
    .usage = "",
    .summary = "runs of pipelines and the state of their steps",
    .verbs = (const struct command *const[]){&command_pipeline_list, &command_pipeline_show, NULL},
};
