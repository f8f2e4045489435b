/* dimension check: do versions, observations and facts agree? */
#include "ops/command_dimension_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sql.h"
#include "ops/command_session.h"

#define FILE_NAME "ops/dimension_check"

enum { REMEDY_BYTES = 256, NUMBER_BYTES = 24, NOTE_BYTES = 160, SUMMARY_COLUMNS = 9 };

/* ---- lines ------------------------------------------------------------------------------------------------- */

enum error_code
command_dimension_tell(struct command_dimension_lines *lines, const char *const cells[COMMAND_DIMENSION_CELLS],
                       struct error *error)
{
    if (lines->count == lines->room) {
        size_t room = lines->room ? 2 * lines->room : 64;
        char **grown = realloc(lines->cells, room * COMMAND_DIMENSION_CELLS * sizeof(*grown));
        if (!grown)
            return error_set(error, ERROR_MEMORY, "out of memory for %zu differences", room);
        lines->cells = grown;
        lines->room = room;
    }
    char **line = lines->cells + lines->count * COMMAND_DIMENSION_CELLS;
    memset(line, 0, COMMAND_DIMENSION_CELLS * sizeof(*line));
    lines->count++;
    for (int i = 0; i < COMMAND_DIMENSION_CELLS; i++) {
        line[i] = cells[i] ? strdup(cells[i]) : NULL;
        if (cells[i] && !line[i])
            return error_set(error, ERROR_MEMORY, "out of memory for %zu differences", lines->count);
    }
    return ERROR_NONE;
}

static void
free_lines(struct command_dimension_lines *lines)
{
    for (size_t i = 0; i < lines->count * COMMAND_DIMENSION_CELLS; i++)
        free(lines->cells[i]);
    free(lines->cells);
}

/* ---- versions and observations ----------------------------------------------------------------------------- */

static enum error_code
summarize(struct command_dimension_check *check, enum dimension dimension, struct error *error)
{
    struct command_dimension_figures *figures = &check->figures[dimension];
    struct rows *rows;
    if (command_dimension_query(check->warehouse, dimension, FILE_NAME, "summary", 0, NULL, &rows, error))
        return error->code;
    figures->members = rows_integer(rows, 0, 0);
    figures->versions = rows_integer(rows, 0, 1);
    figures->deleted = rows_integer(rows, 0, 2);
    figures->inferred = rows_integer(rows, 0, 3);
    figures->observations = rows_integer(rows, 0, 4);
    rows_free(rows);
    return ERROR_NONE;
}

/* Tells what a statement finds wrong: rows of (rule, id, key, what, total of the rule, remedy if a sync is none). */
static enum error_code
apply_rules(struct command_dimension_check *check, enum dimension dimension, const char *statement, struct error *error)
{
    char remedy[REMEDY_BYTES];
    struct rows *rows;
    const char *name = dimension_name(dimension), *rule = "";
    if (command_dimension_query(check->warehouse, dimension, FILE_NAME, statement, DATABASE_VALUES(check->limit), &rows,
                                error))
        return error->code;
    (void)snprintf(remedy, sizeof(remedy),
                   "tapemill enqueue sync_dimensions --arg dimension=%s --arg as_of=now makes all versions anew", name);
    enum error_code code = ERROR_NONE;
    for (size_t i = 0; !code && i < rows_count(rows); i++) {
        const char *const cells[COMMAND_DIMENSION_CELLS] = {name,
                                                            rows_text(rows, i, 0),
                                                            rows_text(rows, i, 1),
                                                            NULL,
                                                            NULL,
                                                            rows_text(rows, i, 3),
                                                            rows_is_null(rows, i, 5) ? remedy : rows_text(rows, i, 5)};
        if (strcmp(rule, cells[COMMAND_DIMENSION_RULE]) != 0)
            check->figures[dimension].differences += rows_integer(rows, i, 4);
        rule = cells[COMMAND_DIMENSION_RULE];
        check->figures[dimension].told++;
        code = command_dimension_tell(&check->differences, cells, error);
    }
    rows_free(rows);
    return code;
}

static enum error_code
note_inferred(struct command_dimension_check *check, enum dimension dimension, struct error *error)
{
    struct rows *rows;
    if (command_dimension_query(check->warehouse, dimension, FILE_NAME, "inferred", DATABASE_VALUES(check->limit),
                                &rows, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    for (size_t i = 0; !code && i < rows_count(rows); i++) {
        const char *const cells[COMMAND_DIMENSION_CELLS] = {
            dimension_name(dimension), "inferred", rows_text(rows, i, 0), NULL, NULL, rows_text(rows, i, 2), NULL};
        code = command_dimension_tell(&check->notes, cells, error);
    }
    rows_free(rows);
    return code;
}

/* All versions and observations of the chosen dimensions, in one snapshot. */
static enum error_code
check_versions(struct command_dimension_check *check, struct error *error)
{
    enum error_code code = database_query(check->warehouse, sql_text("ops/fingerprint", "hold"), 0, NULL, NULL, error);
    if (!code)
        code = database_run(check->warehouse, sql_text(FILE_NAME, "begin"), error);
    for (int i = 0; !code && i < DIMENSION_COUNT; i++) {
        enum dimension dimension = (enum dimension)i;
        if (check->chosen[i] &&
            (summarize(check, dimension, error) || apply_rules(check, dimension, "versions", error) ||
             apply_rules(check, dimension, "observations", error) || note_inferred(check, dimension, error)))
            code = error->code;
    }
    database_rollback(check->warehouse);
    return code;
}

/* ---- notes ------------------------------------------------------------------------------------------------- */

static enum error_code
note_unknown(struct command_dimension_check *check, struct error *error)
{
    char facts[NUMBER_BYTES];
    for (int i = 0; i < DIMENSION_COUNT; i++) {
        const char *const cells[COMMAND_DIMENSION_CELLS] = {dimension_name((enum dimension)i),
                                                            "unknown",
                                                            NULL,
                                                            NULL,
                                                            facts,
                                                            i == DIMENSION_STRATEGY
                                                                ? "desk fills whose order named no strategy"
                                                                : "facts on Unknown although their row names a member",
                                                            NULL};
        (void)snprintf(facts, sizeof(facts), "%" PRId64, check->figures[i].unknown);
        if (check->chosen[i] && check->figures[i].unknown && command_dimension_tell(&check->notes, cells, error))
            return error->code;
    }
    return ERROR_NONE;
}

/* Facts that a change moves to another version wait for their job: until then they are differences. */
static enum error_code
note_rekeying(struct command_dimension_check *check, const struct command_line *line, struct error *error)
{
    char what[NOTE_BYTES];
    int64_t dead = 0, unfinished = 0;
    struct rows *rows;
    if (database_query(check->warehouse, sql_text(FILE_NAME, "rekey_jobs"),
                       DATABASE_VALUES(command_value(line, "--from"), command_value(line, "--to")), &rows, error))
        return error->code;
    for (size_t i = 0; i < rows_count(rows); i++)
        (*(strcmp(rows_text(rows, i, 2), "dead") == 0 ? &dead : &unfinished))++;
    const char *const cells[COMMAND_DIMENSION_CELLS] = {
        "all", "re-keying", NULL, rows_count(rows) ? rows_text(rows, 0, 1) : NULL, NULL, what, NULL};
    (void)snprintf(what, sizeof(what),
                   "dates whose facts are still to be moved by rekey_facts, from this one on: %" PRId64
                   " under way, %" PRId64 " dead",
                   unfinished, dead);
    enum error_code code = rows_count(rows) ? command_dimension_tell(&check->notes, cells, error) : ERROR_NONE;
    rows_free(rows);
    return code;
}

/* ---- printing ---------------------------------------------------------------------------------------------- */

static const struct command_column line_columns[COMMAND_DIMENSION_CELLS] = {
    {"dimension", COMMAND_KIND_TEXT}, {"rule", COMMAND_KIND_TEXT},     {"id", COMMAND_KIND_TEXT},
    {"date", COMMAND_KIND_TEXT},      {"facts", COMMAND_KIND_INTEGER}, {"what", COMMAND_KIND_TEXT},
    {"remedy", COMMAND_KIND_TEXT},
};

static enum error_code
print_summary(const struct command_dimension_check *check, const struct command_style *style, struct error *error)
{
    static const struct command_column columns[SUMMARY_COLUMNS] = {
        {"dimension", COMMAND_KIND_TEXT},  {"members", COMMAND_KIND_INTEGER},    {"versions", COMMAND_KIND_INTEGER},
        {"deleted", COMMAND_KIND_INTEGER}, {"inferred", COMMAND_KIND_INTEGER},   {"observations", COMMAND_KIND_INTEGER},
        {"facts", COMMAND_KIND_INTEGER},   {"on_unknown", COMMAND_KIND_INTEGER}, {"differences", COMMAND_KIND_INTEGER},
    };
    char numbers[DIMENSION_COUNT * SUMMARY_COLUMNS][NUMBER_BYTES];
    const char *cells[DIMENSION_COUNT * SUMMARY_COLUMNS];
    struct command_grid grid = {columns, SUMMARY_COLUMNS, cells, 0};
    for (int i = 0; i < DIMENSION_COUNT; i++) {
        const struct command_dimension_figures *figures = &check->figures[i];
        const int64_t values[SUMMARY_COLUMNS - 1] = {figures->members,  figures->versions,     figures->deleted,
                                                     figures->inferred, figures->observations, figures->facts,
                                                     figures->unknown,  figures->differences};
        size_t at = grid.row_count * SUMMARY_COLUMNS;
        if (!check->chosen[i])
            continue;
        cells[at] = dimension_name((enum dimension)i);
        for (size_t j = 1; j < SUMMARY_COLUMNS; j++) {
            (void)snprintf(numbers[at + j], NUMBER_BYTES, "%" PRId64, values[j - 1]);
            cells[at + j] = numbers[at + j];
        }
        grid.row_count++;
    }
    return command_print_grid(stdout, &grid, style, error);
}

/* The first so many cells of each line, under a heading; in text nothing where there is no line. */
static enum error_code
print_lines(const struct command_dimension_lines *lines, const char *name, const char *heading, size_t columns,
            const struct command_style *style, struct error *error)
{
    const char **cells = calloc(lines->count * columns + 1, sizeof(*cells));
    struct command_grid grid = {line_columns, columns, cells, lines->count};
    if (!cells)
        return error_set(error, ERROR_MEMORY, "out of memory for %zu lines", lines->count);
    for (size_t i = 0; i < lines->count * columns; i++)
        cells[i] = lines->cells[i / columns * COMMAND_DIMENSION_CELLS + i % columns];
    bool json = style->form == COMMAND_FORM_JSON;
    if (json)
        printf(",\n \"%s\": ", name);
    else if (lines->count)
        printf("\n%s\n\n", heading);
    enum error_code code = json || lines->count ? command_print_grid(stdout, &grid, style, error) : ERROR_NONE;
    free(cells);
    return code;
}

static enum error_code
print_all(const struct command_dimension_check *check, bool json, struct error *error)
{
    struct command_style style = {.form = command_print_form(json), .member = true};
    if (json)
        printf("{\"dimensions\": ");
    if (print_summary(check, &style, error) ||
        print_lines(&check->differences, "differences", "Differences", COMMAND_DIMENSION_CELLS, &style, error) ||
        print_lines(&check->notes, "notes", "Notes", COMMAND_DIMENSION_REMEDY, &style, error))
        return error->code;
    if (json)
        puts("}");
    return ERROR_NONE;
}

/* ---- the command ------------------------------------------------------------------------------------------- */

static enum error_code
choose_dimensions(const struct command_line *line, struct command_dimension_check *check, struct error *error)
{
    enum dimension dimension;
    for (int i = 0; i < line->word_count; i++) {
        if (command_dimension_find(line->words[i], &dimension, error))
            return error->code;
        check->chosen[dimension] = true;
    }
    for (int i = 0; i < DIMENSION_COUNT && !line->word_count; i++)
        check->chosen[i] = true;
    return ERROR_NONE;
}

static enum error_code
look(struct command_dimension_check *check, const struct command_line *line, struct error *error)
{
    int64_t differences = 0, told = 0;
    if (check_versions(check, error) || command_dimension_check_facts(check, line, error) ||
        note_unknown(check, error) || note_rekeying(check, line, error) ||
        print_all(check, command_flag(line, "--json"), error))
        return error->code;
    for (int i = 0; i < DIMENSION_COUNT; i++) {
        differences += check->figures[i].differences;
        told += check->figures[i].told;
    }
    if (!differences)
        return ERROR_NONE;
    return error_set(error, ERROR_GATE, "the dimensions have %" PRId64 " differences%s; see above", differences,
                     differences > told ? ", not all of them listed" : "");
}

static enum error_code
run_check(const struct command_line *line, struct error *error)
{
    struct command_dimension_check check = {0};
    if (choose_dimensions(line, &check, error) || command_limit(line, "20", &check.limit, error) ||
        command_session_open(&check.warehouse, error))
        return error->code;
    check.most = strtoll(check.limit, NULL, 10);
    enum error_code code = look(&check, line, error);
    free_lines(&check.differences);
    free_lines(&check.notes);
    database_close(check.warehouse);
    return code;
}

const struct command command_dimension_check = {
    .name = "dimension check",
    .usage = "[NAME...]",
    .summary = "prove that versions have no overlap and no gap, and that every fact uses the one valid at its instant",
    .detail =
        "Without a NAME: all dimensions. A gap is right only behind a delete. Exit code 1 when something differs: "
        "each\n"
        "difference is told with its remedy. Notes are not differences: members that only facts name so far, facts on\n"
        "Unknown, and dates whose facts are still to be moved to another version. An attribute of the past that was "
        "changed\n"
        "by hand is not seen: nothing but the version says what it was.",
    .options =
        (const struct command_option[]){{"--from", "DATE", "facts of this business date or later", false},
                                        {"--to", "DATE", "facts of this business date or earlier", false},
                                        {"--limit", "N", "at most so many lines per dimension and rule (20)", false},
                                        {"--json", NULL, "print JSON", false},
                                        {0}},
    .words_max = DIMENSION_COUNT,
    .run = run_check,
};
