/* dimension: members as of an instant, a member's life, what must hold of all, and the columns. */
#include "ops/command_dimension.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/sql.h"
#include "ops/command_session.h"

enum {
    STATEMENT_CEILING = 64 * 1024,
    NAMES_BYTES = 160,
    COLUMNS_MAX = 40,
    RULES_BYTES = 160,
    KEY_BYTES = 16,
    SENTENCE_BYTES = 160,
    TYPE_BYTES = 16
};

/* ---- shared ------------------------------------------------------------------------------------------------ */

enum error_code
command_dimension_find(const char *name, enum dimension *dimension, struct error *error)
{
    const char *names[DIMENSION_COUNT];
    char list[NAMES_BYTES] = "";
    for (int i = 0; i < DIMENSION_COUNT; i++) {
        size_t used = strlen(list);
        names[i] = dimension_name((enum dimension)i);
        (void)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", names[i]);
        if (strcmp(names[i], name) == 0) {
            *dimension = (enum dimension)i;
            return ERROR_NONE;
        }
    }
    const char *nearest = command_nearest(name, names, DIMENSION_COUNT);
    return error_set(error, ERROR_USAGE, "there is no dimension \"%.40s\"; %s%s%sthere are %s", name,
                     nearest ? "did you mean " : "", nearest ? nearest : "", nearest ? "? " : "", list);
}

enum error_code
command_dimension_query(struct database *warehouse, enum dimension dimension, const char *file, const char *statement,
                        int count, const char *const *values, struct rows **rows, struct error *error)
{
    struct buffer text;
    buffer_init(&text, STATEMENT_CEILING);
    enum error_code code = dimension_expand(&dimension_definitions[dimension], sql_text(file, statement), &text, error);
    if (!code)
        code = database_query(warehouse, text.bytes, count, values, rows, error);
    buffer_term(&text);
    return code ? error_context(error, "%s of %s", statement, dimension_definitions[dimension].table) : ERROR_NONE;
}

enum error_code
command_dimension_dates(const struct command_line *line, struct database *warehouse, struct rows **rows,
                        struct error *error)
{
    char from_key[KEY_BYTES], to_key[KEY_BYTES];
    int32_t from = CALENDAR_DATE_FIRST, to = CALENDAR_DATE_LAST;
    bool given;
    if (command_date(line, "--from", &from, &given, error) || command_date(line, "--to", &to, &given, error))
        return error->code;
    if (from > to)
        return error_set(error, ERROR_USAGE, "--from %s is after --to %s; swap them", command_value(line, "--from"),
                         command_value(line, "--to"));
    (void)snprintf(from_key, sizeof(from_key), "%d", (int)calendar_date_key(from));
    (void)snprintf(to_key, sizeof(to_key), "%d", (int)calendar_date_key(to));
    if (database_run(warehouse, sql_text("ops/dimension", "session"), error))
        return error->code;
    return database_query(warehouse, sql_text("ops/dimension", "dates"), DATABASE_VALUES(from_key, to_key), rows,
                          error);
}

const char *
command_dimension_code(enum dimension dimension)
{
    const struct dimension_definition *definition = &dimension_definitions[dimension];
    for (size_t i = 0; i < definition->count; i++)
        if (definition->columns[i].traits & DIMENSION_CODE)
            return definition->columns[i].column;
    return definition->id;
}

bool
command_dimension_has_uuids(enum dimension dimension)
{
    return strcmp(dimension_definitions[dimension].columns[0].type, "UUID") == 0;
}

/* ---- list -------------------------------------------------------------------------------------------------- */

/* Of all columns those that a table has room for: id, code, what has a history, and since when it is so. */
static void
choose_columns(enum dimension dimension, const char *columns[COLUMNS_MAX])
{
    const struct dimension_definition *definition = &dimension_definitions[dimension];
    size_t count = 0;
    columns[count++] = definition->id;
    columns[count++] = command_dimension_code(dimension);
    for (size_t i = 0; i < definition->count && count < COLUMNS_MAX - 4; i++)
        if ((definition->columns[i].traits & (DIMENSION_TYPE_2 | DIMENSION_CODE)) == DIMENSION_TYPE_2)
            columns[count++] = definition->columns[i].column;
    columns[count++] = "version";
    columns[count++] = "valid_from";
    columns[count++] = "is_inferred";
    columns[count] = NULL;
}

/* What is said where nobody was known and valid at an instant. */
static enum error_code
explain_nobody(struct database *warehouse, enum dimension dimension, char sentence[SENTENCE_BYTES], struct error *error)
{
    struct rows *rows;
    if (command_dimension_query(warehouse, dimension, "ops/dimension", "earliest", 0, NULL, &rows, error))
        return error->code;
    if (rows_is_null(rows, 0, 0))
        (void)snprintf(sentence, SENTENCE_BYTES, "there is no member");
    else
        (void)snprintf(sentence, SENTENCE_BYTES,
                       "no member was known and valid then; the first has been known since %s", rows_text(rows, 0, 0));
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
run_list(const struct command_line *line, struct error *error)
{
    const char *columns[COLUMNS_MAX], *limit, *as_of = command_value(line, "--as-of");
    char nobody[SENTENCE_BYTES] = "there is no member";
    struct command_style style = {
        .form = command_print_form(command_flag(line, "--json")), .empty = nobody, .table_columns = columns};
    struct database *warehouse;
    struct rows *rows = NULL;
    enum dimension dimension;
    int64_t unix_s, unix_us;
    if (command_dimension_find(line->words[0], &dimension, error) || command_limit(line, "100", &limit, error) ||
        command_session_open(&warehouse, error))
        return error->code;
    choose_columns(dimension, columns);
    enum error_code code =
        as_of ? command_session_instant(warehouse, as_of, "--as-of", &unix_s, &unix_us, error) : ERROR_NONE;
    if (!code)
        code = command_dimension_query(warehouse, dimension, "ops/dimension", "list", DATABASE_VALUES(as_of, limit),
                                       &rows, error);
    if (!code && as_of && !rows_count(rows))
        code = explain_nobody(warehouse, dimension, nobody, error);
    if (!code)
        code = command_print_rows(stdout, rows, &style, error);
    rows_free(rows);
    database_close(warehouse);
    return code;
}

static const struct command command_dimension_list = {
    .name = "dimension list",
    .usage = "NAME",
    .summary = "list the members of a dimension, as they are or as they were at an instant",
    .detail =
        "A table shows what has a history; --json everything. --as-of: the members that were known by then, with what\n"
        "is known now of how they were; a later correction of that time counts.",
    .options = (const struct command_option[]){{"--as-of", "TIME", "as of then, of members known by then", false},
                                               {"--limit", "N", "at most so many (100)", false},
                                               {"--json", NULL, "print JSON, with all attributes", false},
                                               {0}},
    .words_min = 1,
    .words_max = 1,
    .run = run_list,
};

/* ---- columns ----------------------------------------------------------------------------------------------- */

enum { TABLE_COLUMNS = 6, CELLS_MAX = DIMENSION_COUNT * COLUMNS_MAX * TABLE_COLUMNS };

static const struct command_column table_columns[TABLE_COLUMNS] = {
    {"dimension", COMMAND_KIND_TEXT}, {"at_source", COMMAND_KIND_TEXT}, {"column", COMMAND_KIND_TEXT},
    {"type", COMMAND_KIND_TEXT},      {"history", COMMAND_KIND_TEXT},   {"rules", COMMAND_KIND_TEXT},
};

static void
put_rules(const struct dimension_column *column, char rules[RULES_BYTES])
{
    size_t used = 0;
    rules[0] = 0;
    if (column->traits & DIMENSION_ID)
        used += (size_t)snprintf(rules + used, RULES_BYTES - used, "; required");
    if (column->traits & DIMENSION_NUMERIC)
        used += (size_t)snprintf(rules + used, RULES_BYTES - used,
                                 "; finite; up to %d digits before and %d after the point", column->integer_digits,
                                 column->decimals);
    if (column->traits & DIMENSION_POSITIVE)
        used += (size_t)snprintf(rules + used, RULES_BYTES - used, "; greater than 0");
    if (column->traits & DIMENSION_IN_FACTS)
        used += (size_t)snprintf(rules + used, RULES_BYTES - used, "; a change loads its facts again");
    if (column->traits & DIMENSION_FILLED)
        (void)snprintf(rules + used, RULES_BYTES - used, "; if null: %s",
                       strstr(column->absent, DIMENSION_TENANT_SETTING) ? "TAPEMILL_DEFAULT_TENANT" : column->absent);
    if (rules[0])
        memmove(rules, rules + 2, strlen(rules + 2) + 1);
}

/* A type as SQL is mostly read. */
static void
put_type(const char *type, char lower[TYPE_BYTES])
{
    size_t length = 0;
    for (; type[length] && length < TYPE_BYTES - 1; length++)
        lower[length] = (char)tolower((unsigned char)type[length]);
    lower[length] = 0;
}

/* One line per column; returns how many. */
static size_t
put_columns(enum dimension dimension, const char **cells, char (*rules)[RULES_BYTES], char (*types)[TYPE_BYTES])
{
    const struct dimension_definition *definition = &dimension_definitions[dimension];
    size_t count = definition->count < COLUMNS_MAX - 1 ? definition->count : COLUMNS_MAX - 1;
    for (size_t i = 0; i < count; i++, cells += TABLE_COLUMNS) {
        const struct dimension_column *column = &definition->columns[i];
        put_rules(column, rules[i]);
        put_type(column->type, types[i]);
        cells[0] = dimension_name(dimension);
        cells[1] = column->source;
        cells[2] = column->column;
        cells[3] = types[i];
        cells[4] = column->traits & DIMENSION_ID ? "id" : column->traits & DIMENSION_TYPE_2 ? "type 2" : "type 1";
        cells[5] = rules[i][0] ? rules[i] : NULL;
    }
    cells[0] = dimension_name(dimension);
    cells[1] = "updated_at";
    cells[2] = "source_updated_at";
    cells[3] = "timestamptz";
    cells[4] = "when";
    cells[5] = "required; finite";
    return count + 1;
}

static enum error_code
run_columns(const struct command_line *line, struct error *error)
{
    static char rules[DIMENSION_COUNT][COLUMNS_MAX][RULES_BYTES], types[DIMENSION_COUNT][COLUMNS_MAX][TYPE_BYTES];
    static const char *cells[CELLS_MAX];
    struct command_grid grid = {table_columns, TABLE_COLUMNS, cells, 0};
    struct command_style style = {.form = command_print_form(command_flag(line, "--json"))};
    enum dimension only = DIMENSION_COUNT;
    if (command_flag(line, "--csv") && command_flag(line, "--json"))
        return error_set(error, ERROR_USAGE, "--csv and --json exclude each other; give one");
    if (command_flag(line, "--csv"))
        style.form = COMMAND_FORM_CSV;
    if (line->word_count && command_dimension_find(line->words[0], &only, error))
        return error->code;
    for (int i = 0; i < DIMENSION_COUNT; i++)
        if (only == DIMENSION_COUNT || (int)only == i)
            grid.row_count +=
                put_columns((enum dimension)i, cells + grid.row_count * TABLE_COLUMNS, rules[i], types[i]);
    return command_print_grid(stdout, &grid, &style, error);
}

static const struct command command_dimension_columns = {
    .name = "dimension columns",
    .usage = "[NAME]",
    .summary = "show which column at the source becomes which of a dimension, and what becomes of its history",
    .detail = "type 2: a change makes a new version. type 1: a change reaches all versions.",
    .options = (const struct command_option[]){{"--json", NULL, "print JSON", false},
                                               {"--csv", NULL, "print CSV", false},
                                               {0}},
    .words_max = 1,
    .run = run_columns,
    .without_config = true,
};

const struct command command_dimension = {
    .name = "dimension",
    .usage = "",
    .summary = "members as of an instant, a member's life, and whether all versions and facts agree",
    .detail = "Dimensions: instrument, account, strategy, client, liquidity_provider.",
    .verbs = (const struct command *const[]){&command_dimension_list, &command_dimension_history,
                                             &command_dimension_check, &command_dimension_columns, NULL},
};
