/* verify: derived rows against the facts, by a route of its own (jobs/verify.h). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/sql.h"
#include "jobs/verify.h"
#include "ops/command_session.h"

enum { CELLS = 5, COUNT_CELLS = 6, NUMBER_BYTES = 24 };

/* Differences as they come; at most so many are kept, all are counted. */
struct findings {
    char **cells;
    size_t count, most;
    bool out_of_memory;
    struct command_progress progress;
};

static void
keep(void *data, const struct verify_difference *difference)
{
    struct findings *findings = data;
    const char *const texts[CELLS] = {difference->table, difference->key, difference->column, difference->stored,
                                      difference->recomputed};
    if (findings->count == findings->most || findings->out_of_memory)
        return;
    char **grown = realloc(findings->cells, (findings->count + 1) * CELLS * sizeof(*grown));
    findings->out_of_memory = !grown;
    if (!grown)
        return;
    findings->cells = grown;
    for (int i = 0; i < CELLS; i++)
        grown[findings->count * CELLS + (size_t)i] = texts[i] ? strdup(texts[i]) : NULL;
    findings->count++;
}

static void
show_progress(void *data, int64_t dates_done)
{
    struct findings *findings = data;
    command_progress_update(&findings->progress, dates_done, NULL);
}

/* ---- printing ----------------------------------------------------------------------------------------------- */

static enum error_code
print_counts(const struct verify *verify, const struct command_style *style, struct error *error)
{
    static const struct command_column columns[COUNT_CELLS] = {
        {"table", COMMAND_KIND_TEXT},          {"rows", COMMAND_KIND_INTEGER},  {"figures", COMMAND_KIND_INTEGER},
        {"differences", COMMAND_KIND_INTEGER}, {"dirty", COMMAND_KIND_INTEGER}, {"held", COMMAND_KIND_INTEGER},
    };
    char numbers[VERIFY_TABLES_MAX * COUNT_CELLS][NUMBER_BYTES];
    const char *cells[VERIFY_TABLES_MAX * COUNT_CELLS];
    struct command_grid grid = {columns, COUNT_CELLS, cells, 0};
    for (; grid.row_count < VERIFY_TABLES_MAX && verify->counts[grid.row_count].table; grid.row_count++) {
        const struct verify_count *count = &verify->counts[grid.row_count];
        const int64_t values[] = {count->rows, count->figures, count->differences, count->dirty, count->held};
        size_t at = grid.row_count * COUNT_CELLS;
        cells[at] = count->table;
        for (size_t i = 1; i < COUNT_CELLS; i++) {
            (void)snprintf(numbers[at + i], NUMBER_BYTES, "%" PRId64, values[i - 1]);
            cells[at + i] = numbers[at + i];
        }
    }
    return command_print_grid(stdout, &grid, style, error);
}

static enum error_code
print_differences(const struct findings *findings, const struct command_style *style, struct error *error)
{
    static const struct command_column columns[CELLS] = {
        {"table", COMMAND_KIND_TEXT},  {"key", COMMAND_KIND_TEXT},        {"column", COMMAND_KIND_TEXT},
        {"stored", COMMAND_KIND_TEXT}, {"recomputed", COMMAND_KIND_TEXT},
    };
    struct command_grid grid = {columns, CELLS, (const char *const *)findings->cells, findings->count};
    return command_print_grid(stdout, &grid, style, error);
}

static enum error_code
print_all(const struct verify *verify, const struct findings *findings, bool json, struct error *error)
{
    struct command_style style = {.form = command_print_form(json), .member = true, .empty = "nothing to compare"};
    if (json)
        printf("{\"tables\": ");
    if (print_counts(verify, &style, error))
        return error->code;
    if (json)
        printf(",\n \"differences\": ");
    else if (findings->count)
        printf("\nDifferences\n\n");
    if ((json || findings->count) && print_differences(findings, &style, error))
        return error->code;
    if (json)
        puts("}");
    return ERROR_NONE;
}

/* ---- the command -------------------------------------------------------------------------------------------- */

static const struct subject {
    const char *name;
    enum error_code (*run)(struct verify *verify, struct error *error);
} subjects[] = {{"aggregates", verify_aggregates}, {"pnl", verify_pnl}, {"positions", verify_positions}};

enum { SUBJECTS = sizeof(subjects) / sizeof(subjects[0]) };

static enum error_code
find_subject(const char *name, const struct subject **subject, struct error *error)
{
    const char *names[SUBJECTS];
    for (size_t i = 0; i < SUBJECTS; i++) {
        names[i] = subjects[i].name;
        *subject = &subjects[i];
        if (strcmp(subjects[i].name, name) == 0)
            return ERROR_NONE;
    }
    const char *nearest = command_nearest(name, names, SUBJECTS);
    return error_set(error, ERROR_USAGE, "\"%.40s\" cannot be verified; %s%s%sthere are aggregates, pnl and positions",
                     name, nearest ? "did you mean " : "", nearest ? nearest : "", nearest ? "? " : "");
}

static enum error_code
read_range(const struct command_line *line, struct verify *verify, struct error *error)
{
    bool has_from, has_to;
    if (command_date(line, "--from", &verify->from_days, &has_from, error) ||
        command_date(line, "--to", &verify->to_days, &has_to, error))
        return error->code;
    if (!has_from || !has_to)
        return error_set(error, ERROR_USAGE,
                         "give the business dates to verify with --from YYYY-MM-DD --to YYYY-MM-DD");
    if (verify->from_days > verify->to_days)
        return error_set(error, ERROR_USAGE, "--from %s is after --to %s; swap them", command_value(line, "--from"),
                         command_value(line, "--to"));
    return ERROR_NONE;
}

static enum error_code
compare(const struct subject *subject, struct verify *verify, struct findings *findings, struct error *error)
{
    command_progress_begin(&findings->progress, "verify", "dates", verify->to_days - verify->from_days + 1);
    if (!database_query(verify->warehouse, sql_text("ops/fingerprint", "hold"), 0, NULL, NULL, error) &&
        !database_run(verify->warehouse, "begin isolation level repeatable read", error))
        (void)subject->run(verify, error);
    command_progress_end(&findings->progress, NULL);
    database_rollback(verify->warehouse);
    return error->code;
}

static enum error_code
run_verify(const struct command_line *line, struct error *error)
{
    struct findings findings = {0};
    struct verify verify = {.tell = keep, .progress = show_progress, .data = &findings};
    const struct subject *subject;
    int64_t most;
    if (find_subject(line->words[0], &subject, error) || read_range(line, &verify, error) ||
        command_integer(line, "--limit", 1, 1000000, 50, &most, error) ||
        command_session_open(&verify.warehouse, error))
        return error->code;
    findings.most = (size_t)most;
    if (!compare(subject, &verify, &findings, error) && findings.out_of_memory)
        (void)error_set(error, ERROR_MEMORY, "out of memory for %zu differences", findings.count);
    if (!error->code && !print_all(&verify, &findings, command_flag(line, "--json"), error) &&
        verify_differences(&verify))
        (void)error_set(error, ERROR_GATE, "%" PRId64 " figures are not what the facts come to%s; see above",
                        verify_differences(&verify),
                        verify_differences(&verify) > (int64_t)findings.count ? ", not all of them listed" : "");
    for (size_t i = 0; i < findings.count * CELLS; i++)
        free(findings.cells[i]);
    free(findings.cells);
    database_close(verify.warehouse);
    return error->code;
}

const struct command command_verify = {
    .name = "verify",
    .usage = "aggregates|pnl|positions",
    .summary = "prove derived rows: recompute them from the facts by another route, and compare",
    .detail =
        "aggregates  daily and monthly performance, the daily summary, client metrics, providers: added up outside of "
        "SQL\n"
        "pnl         realised P&L of every trade and the books at each close: booked in SQL\n"
        "positions   the desk's positions and the marks of each date: followed from the first fill of the history\n"
        "\n"
        "Nothing is written. Dates and periods that wait for a recompute are counted as dirty, groups that a missing "
        "rate\n"
        "or an unclear currency holds back as held; neither is compared. Exit code 1 when a figure differs.",
    .options = (const struct command_option[]){{"--from", "DATE", "first business date", false},
                                               {"--to", "DATE", "last business date", false},
                                               {"--limit", "N",
                                                "list at most so many differences (50); all are counted", false},
                                               {"--json", NULL, "print JSON", false},
                                               {0}},
    .words_min = 1,
    .words_max = 1,
    .run = run_verify,
};
