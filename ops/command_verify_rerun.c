/* verify-rerun: a job that runs again over the same data interval leaves the same content. The real job, twice in one
 * transaction that is rolled back. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/ledger.h"
#include "core/sql.h"
#include "jobs/context.h"
#include "ops/command_fingerprint.h"
#include "ops/command_session.h"
#include "ops/command_target.h"

enum { CELLS = 5, KEY_BYTES = 16, RUNS = 2 };

/* On no worker's list: nobody takes the job, and no pause or limit holds it up. */
static const char queue[] = "verify-rerun";

struct prints {
    struct command_fingerprint tables[COMMAND_FINGERPRINT_TABLES_MAX];
    size_t count;
};

struct rehearsal {
    struct command_target target;
    struct buffer arguments;
    char date[CALENDAR_DATE_BYTES];
    bool has_date;
    char from_key[KEY_BYTES], to_key[KEY_BYTES]; /* what the fingerprints are of */
    struct database *warehouse;
    struct ledger_counts counts[RUNS];
    struct prints prints[RUNS + 1]; /* before, after each run */
};

/* ---- the command line --------------------------------------------------------------------------------------- */

static enum error_code
read_target(const struct command_line *line, struct rehearsal *rehearsal, struct error *error)
{
    int32_t days;
    if (command_target_find(line->words[0], &rehearsal->target, error) ||
        command_date(line, "--date", &days, &rehearsal->has_date, error))
        return error->code;
    const struct job_definition *job = rehearsal->target.job;
    if (!job)
        return error_set(error, ERROR_USAGE, "%s is a pipeline; name one of its jobs", rehearsal->target.name);
    if (rehearsal->has_date)
        (void)calendar_date_format(days, rehearsal->date);
    if (job->needs_date && !rehearsal->has_date)
        return error_set(error, ERROR_USAGE, "%s works on one business date; add --date YYYY-MM-DD", job->name);
    if (rehearsal->has_date && !job->needs_date && !job->takes_date)
        return error_set(error, ERROR_USAGE, "%s is not about a date; leave --date out", job->name);
    return ERROR_NONE;
}

static enum error_code
read_range(const struct command_line *line, struct rehearsal *rehearsal, struct error *error)
{
    int32_t from = CALENDAR_DATE_FIRST, to = CALENDAR_DATE_LAST;
    bool given;
    if (command_date(line, "--from", &from, &given, error) || command_date(line, "--to", &to, &given, error))
        return error->code;
    if (from > to)
        return error_set(error, ERROR_USAGE, "--from %s is after --to %s; swap them", command_value(line, "--from"),
                         command_value(line, "--to"));
    (void)snprintf(rehearsal->from_key, KEY_BYTES, "%d", calendar_date_key(from));
    (void)snprintf(rehearsal->to_key, KEY_BYTES, "%d", calendar_date_key(to));
    return ERROR_NONE;
}

/* ---- the runs ----------------------------------------------------------------------------------------------- */

static enum error_code
take_prints(struct rehearsal *rehearsal, int index, struct error *error)
{
    struct prints *prints = &rehearsal->prints[index];
    return command_fingerprint_all(rehearsal->warehouse, rehearsal->from_key, rehearsal->to_key, prints->tables,
                                   &prints->count, error);
}

/* The job's row and its run's, which nobody else ever sees. */
static enum error_code
claim(struct rehearsal *rehearsal, struct arena *arena, struct ledger_run *run, struct error *error)
{
    const struct pipeline_request request = {.business_date = rehearsal->has_date ? rehearsal->date : NULL,
                                             .queue = queue};
    struct ledger_pushes pushes = {0};
    enum ledger_claim claim;
    int64_t *ids, delay_ms;
    size_t count;
    if (pipeline_enqueue_target(rehearsal->warehouse, rehearsal->target.name, rehearsal->arguments.bytes, &request,
                                arena, &ids, &count, error) ||
        ledger_claim(rehearsal->warehouse, ids[0], false, queue, arena, &pushes, &claim, run, &delay_ms, error))
        return error->code;
    if (claim != LEDGER_CLAIMED)
        return error_set(error, ERROR_CONFIG,
                         "the queue %s is paused or limited; run tapemill queue resume %s and tapemill queue limit %s "
                         "--none",
                         queue, queue, queue);
    return ERROR_NONE;
}

static enum error_code
run_once(struct rehearsal *rehearsal, const struct ledger_run *run, struct arena *arena, int index, struct error *error)
{
    struct job_context context;
    job_context_init(&context, rehearsal->warehouse, run, arena);
    context.is_rehearsal = true;
    enum error_code code = rehearsal->target.job->run(&context, error);
    rehearsal->counts[index] = context.counts;
    job_context_term(&context);
    if (code == ERROR_WAITING)
        return error_context(error, "the job would wait");
    if (code == ERROR_PG_CONFLICT)
        return error_context(error, "somebody else changed the same rows meanwhile; try again");
    if (code && strstr(error->message, "read-only transaction"))
        return error_context(error, "a first run makes some things (partitions, members that have not arrived) outside "
                                    "of its transaction, and here nothing may stay: enqueue the job once, then verify");
    return code;
}

/* Temporary tables of a run end with its transaction, which is to be over here. */
static enum error_code
run_twice(struct rehearsal *rehearsal, struct arena *arena, struct error *error)
{
    struct ledger_run run;
    if (take_prints(rehearsal, 0, error) || claim(rehearsal, arena, &run, error))
        return error->code;
    for (int i = 0; i < RUNS; i++)
        if (run_once(rehearsal, &run, arena, i, error) || database_run(rehearsal->warehouse, "discard temp", error) ||
            take_prints(rehearsal, i + 1, error))
            return error_context(error, "%s run", i ? "second" : "first");
    return ERROR_NONE;
}

static enum error_code
rehearse(struct rehearsal *rehearsal, struct error *error)
{
    struct arena arena;
    arena_init(&arena, JOB_ARENA_BYTES);
    enum error_code code =
        database_query(rehearsal->warehouse, sql_text("ops/fingerprint", "hold"), 0, NULL, NULL, error);
    if (!code)
        code = database_run(rehearsal->warehouse,
                            "begin isolation level repeatable read; set local DateStyle = 'ISO, YMD'; "
                            "set local bytea_output = 'hex'; set local extra_float_digits = 1; "
                            "set local plan_cache_mode = force_custom_plan",
                            error);
    if (!code)
        code = run_twice(rehearsal, &arena, error);
    database_rollback(rehearsal->warehouse);
    arena_term(&arena);
    return code;
}

/* ---- what came of it ---------------------------------------------------------------------------------------- */

static bool
same(const struct rehearsal *rehearsal, size_t table, int a, int b)
{
    return strcmp(rehearsal->prints[a].tables[table].hash, rehearsal->prints[b].tables[table].hash) == 0;
}

/* The tables that either run changed. */
static enum error_code
print_tables(const struct rehearsal *rehearsal, bool json, struct error *error)
{
    static const struct command_column columns[CELLS] = {{"table", COMMAND_KIND_TEXT},
                                                         {"rows_before", COMMAND_KIND_INTEGER},
                                                         {"rows_after", COMMAND_KIND_INTEGER},
                                                         {"first_run", COMMAND_KIND_TEXT},
                                                         {"second_run", COMMAND_KIND_TEXT}};
    const char *cells[COMMAND_FINGERPRINT_TABLES_MAX * CELLS];
    struct command_grid grid = {columns, CELLS, cells, 0};
    const struct command_style style = {.form = command_print_form(json), .empty = "neither run changed anything"};
    for (size_t i = 0; i < rehearsal->prints[0].count; i++) {
        const char **row = cells + grid.row_count * CELLS;
        bool first = same(rehearsal, i, 0, 1), second = same(rehearsal, i, 1, 2);
        if (first && second && !json)
            continue;
        row[0] = rehearsal->prints[0].tables[i].table;
        row[1] = rehearsal->prints[0].tables[i].rows;
        row[2] = rehearsal->prints[2].tables[i].rows;
        row[3] = first ? "same" : "changed";
        row[4] = second ? "same" : "changed";
        grid.row_count++;
    }
    return command_print_grid(stdout, &grid, &style, error);
}

static enum error_code
judge(const struct rehearsal *rehearsal, struct error *error)
{
    size_t changed = 0;
    for (size_t i = 0; i < rehearsal->prints[0].count; i++)
        changed += !same(rehearsal, i, 1, 2);
    if (!changed)
        return ERROR_NONE;
    return error_set(error, ERROR_GATE, "%s is not idempotent: its second run changed %zu table%s; see above",
                     rehearsal->target.name, changed, changed == 1 ? "" : "s");
}

static void
print_counts(const struct rehearsal *rehearsal)
{
    for (int i = 0; i < RUNS; i++) {
        const struct ledger_counts *counts = &rehearsal->counts[i];
        printf("%s run: %" PRId64 " rows read, %" PRId64 " inserted, %" PRId64 " updated, %" PRId64
               " unchanged, %" PRId64 " removed\n",
               i ? "second" : "first ", counts->extracted, counts->inserted, counts->updated, counts->unchanged,
               counts->removed);
    }
}

static enum error_code
run_verify_rerun(const struct command_line *line, struct error *error)
{
    static struct rehearsal rehearsal;
    bool json = command_flag(line, "--json");
    rehearsal = (struct rehearsal){0};
    if (read_target(line, &rehearsal, error) || read_range(line, &rehearsal, error))
        return error->code;
    if (!command_target_arguments(line, &rehearsal.target, &rehearsal.arguments, error) &&
        !command_session_open(&rehearsal.warehouse, error) && !rehearse(&rehearsal, error)) {
        if (!json)
            print_counts(&rehearsal);
        if (!print_tables(&rehearsal, json, error))
            (void)judge(&rehearsal, error);
    }
    buffer_term(&rehearsal.arguments);
    database_close(rehearsal.warehouse);
    return error->code;
}

const struct command command_verify_rerun = {
    .name = "verify-rerun",
    .usage = "JOB",
    .summary = "prove that a job may run again: run it twice in a transaction that is rolled back, and compare",
    .detail =
        "The real job, on the real source. Its locks are held to the end, as in any run; nothing stays of either run.\n"
        "What is compared are the tables of `tapemill fingerprint`. A date that is loaded for the first time meanwhile "
        "shows\n"
        "as a change: leave it out with --from and --to. Exit code 1 when the second run changed a table.",
    .options = (const struct command_option[]){{"--date", "DATE", "business date the job works on (YYYY-MM-DD)", false},
                                               {"--arg", "NAME=VALUE", "an argument of the job", true},
                                               {"--from", "DATE", "compare facts from this business date on", false},
                                               {"--to", "DATE", "compare facts up to this one", false},
                                               {"--json", NULL, "print JSON", false},
                                               {0}},
    .words_min = 1,
    .words_max = 1,
    .run = run_verify_rerun,
};
