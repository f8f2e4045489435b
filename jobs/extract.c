#include "jobs/extract.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buffer.h"
#include "core/config.h"

enum { QUERY_CEILING = 256 * 1024, OIDS_MAX = 3, ORIGIN_BYTES = 1024 };

/* What sorting and joining may take on the source, per node of a plan: a day's rows are put in order of execution. */
static const char work_mem[] = "set local work_mem = '64MB'";

/* Type OIDs of PostgreSQL's catalog (pg_type.dat) that carry a type's binary form. */
static const struct {
    const char *name;
    uint32_t oids[OIDS_MAX];
} types[] = {
    [EXTRACT_BOOLEAN] = {"boolean", {16}},   [EXTRACT_SMALLINT] = {"smallint", {21}},
    [EXTRACT_INTEGER] = {"integer", {23}},   [EXTRACT_BIGINT] = {"bigint", {20}},
    [EXTRACT_NUMERIC] = {"numeric", {1700}}, [EXTRACT_TEXT] = {"text", {25, 1043, 1042}},
    [EXTRACT_DATE] = {"date", {1082}},       [EXTRACT_TIMESTAMPTZ] = {"timestamptz", {1184}},
    [EXTRACT_UUID] = {"uuid", {2950}},
};

/* ---- the query's text -------------------------------------------------------------------------------------- */

static enum error_code
read_file(const char *path, struct buffer *text, struct error *error)
{
    char chunk[4096];
    size_t length;
    FILE *file = fopen(path, "r");
    if (!file)
        return error_set(error, ERROR_CONTRACT, "extraction query %s cannot be read: %s", path, strerror(errno));
    while ((length = fread(chunk, 1, sizeof(chunk), file)) > 0)
        buffer_append(text, chunk, length);
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed)
        return error_set(error, ERROR_IO, "extraction query %s cannot be read to its end", path);
    return buffer_check(text, path, error);
}

/* Where the query comes from, for errors, and its text without a closing semicolon. */
static enum error_code
find_query(const struct extract_definition *definition, char *origin, size_t size, struct buffer *text,
           struct error *error)
{
    char built_in[128];
    const char *directory = config_text(CONFIG_EXTRACT_DIR);
    if (directory) {
        if (access(directory, R_OK | X_OK) != 0)
            return error_set(error, ERROR_CONTRACT, "TAPEMILL_EXTRACT_DIR names %s, which cannot be entered: %s",
                             directory, strerror(errno));
        (void)snprintf(origin, size, "%s/%s.sql", directory, definition->name);
        FILE *file = fopen(origin, "r");
        if (file)
            (void)fclose(file);
        if (file && read_file(origin, text, error))
            return error->code;
        if (file && !text->length)
            return error_set(error, ERROR_CONTRACT, "extraction query %s is empty; write the query, or remove the file",
                             origin);
    }
    if (!text->length) {
        (void)snprintf(origin, size, "sql/extract/%s.sql", definition->name);
        (void)snprintf(built_in, sizeof(built_in), "extract/%s", definition->name);
        buffer_text(text, sql_text(built_in, "main"));
    }
    while (text->length && strchr(" \t\r\n;", text->bytes[text->length - 1]))
        text->bytes[--text->length] = 0;
    return buffer_check(text, origin, error);
}

/* The query with the interval's ends as constants in place of the settings. A setting is read and parsed anew for every
 * row; of a constant the planner also knows how many rows to expect. */
static void
bind_interval(const char *query, const struct extract_range *range, struct buffer *bound)
{
    const struct {
        const char *setting, *instant;
    } ends[] = {
        {"current_setting('tapemill.interval_start')::timestamptz", range->interval_start},
        {"current_setting('tapemill.interval_end')::timestamptz", range->interval_end},
    };
    while (*query) {
        size_t skipped = 0;
        for (size_t i = 0; !skipped && i < sizeof(ends) / sizeof(ends[0]); i++) {
            size_t length = strlen(ends[i].setting);
            if (!ends[i].instant[0] || strncmp(query, ends[i].setting, length) != 0)
                continue;
            buffer_format(bound, "'%s'::timestamptz", ends[i].instant);
            skipped = length;
        }
        if (!skipped)
            buffer_append(bound, query, 1);
        query += skipped ? skipped : 1;
    }
}

/* ---- the contract ------------------------------------------------------------------------------------------ */

static bool
type_fits(enum extract_type type, uint32_t oid)
{
    for (int i = 0; i < OIDS_MAX; i++)
        if (types[type].oids[i] == oid && oid)
            return true;
    return false;
}

/* A query that was written for an older contract may lack several columns: all of them are named, from the first on. */
static enum error_code
lacks_columns(const struct extract_definition *definition, const char *origin, const struct database_column *columns,
              size_t count, size_t first, struct error *error)
{
    char names[ERROR_MESSAGE_BYTES / 2] = "";
    size_t lacking = 0, length = 0;
    for (size_t i = first; i < definition->count; i++) {
        size_t at = 0;
        while (at < count && strcmp(columns[at].name, definition->columns[i].name) != 0)
            at++;
        if (at < count)
            continue;
        if (length < sizeof(names))
            length += (size_t)snprintf(names + length, sizeof(names) - length, "%s\"%s\" (%s)", lacking ? ", " : "",
                                       definition->columns[i].name, types[definition->columns[i].type].name);
        lacking++;
    }
    return error_set(
        error, ERROR_CONTRACT, "extraction query %s lacks the column%s %s; add %s to the SELECT list %s column %zu",
        origin, lacking == 1 ? "" : "s", names, lacking == 1 ? "it" : "them", lacking == 1 ? "as" : "from", first + 1);
}

static enum error_code
compare(const struct extract_definition *definition, const char *origin, const struct database_column *columns,
        size_t count, struct error *error)
{
    for (size_t i = 0; i < definition->count; i++) {
        const struct extract_column *wanted = &definition->columns[i];
        size_t at = 0;
        while (at < count && strcmp(columns[at].name, wanted->name) != 0)
            at++;
        if (at == count)
            return lacks_columns(definition, origin, columns, count, i, error);
        if (!type_fits(wanted->type, columns[at].type))
            return error_set(error, ERROR_CONTRACT,
                             "extraction query %s gives the column \"%s\" another type than %s; cast it: %s::%s",
                             origin, wanted->name, types[wanted->type].name, wanted->name, types[wanted->type].name);
        if (at != i)
            return error_set(error, ERROR_CONTRACT,
                             "extraction query %s has the column \"%s\" in place %zu; it must be in place %zu", origin,
                             wanted->name, at + 1, i + 1);
    }
    if (count > definition->count)
        return error_set(error, ERROR_CONTRACT,
                         "extraction query %s has %zu columns, but %zu are agreed; remove \"%s\"", origin, count,
                         definition->count, columns[definition->count].name);
    return ERROR_NONE;
}

static enum error_code
does_not_run(const char *origin, struct error *error)
{
    char why[ERROR_MESSAGE_BYTES];
    char sqlstate[sizeof(error->sqlstate)];
    (void)snprintf(why, sizeof(why), "%s", error->message);
    memcpy(sqlstate, error->sqlstate, sizeof(sqlstate));
    enum error_code code =
        error_set(error, ERROR_CONTRACT, "extraction query %s does not run on the source: %.700s", origin, why);
    memcpy(error->sqlstate, sqlstate, sizeof(sqlstate));
    return code;
}

static enum error_code
check_query(struct database *source, const struct extract_definition *definition, const char *origin, const char *text,
            struct error *error)
{
    struct database_column *columns;
    size_t count;
    enum error_code code = database_describe(source, text, &columns, &count, error);
    if (code == ERROR_PG_CONNECTION)
        return code;
    if (code)
        return does_not_run(origin, error);
    code = compare(definition, origin, columns, count, error);
    free(columns);
    return code;
}

enum error_code
extract_check(struct database *source, const struct extract_definition *definition, struct error *error)
{
    char origin[1024];
    struct buffer text;
    buffer_init(&text, QUERY_CEILING);
    enum error_code code = find_query(definition, origin, sizeof(origin), &text, error);
    if (!code)
        code = check_query(source, definition, origin, text.bytes, error);
    buffer_term(&text);
    return code;
}

/* A query that reads the settings in another way than by the words that bind_interval() knows finds them set. */
static enum error_code
set_interval(struct database *source, const struct extract_range *range, struct error *error)
{
    if (!range->interval_start[0])
        return ERROR_NONE; /* only a job about an interval has one; the others' queries do not read it */
    return database_query(source,
                          "select set_config('tapemill.interval_start', $1, true), "
                          "set_config('tapemill.interval_end', $2, true)",
                          DATABASE_VALUES(range->interval_start, range->interval_end), NULL, error);
}

static void
compose(const struct extract_definition *definition, const char *text, const struct extract_range *range,
        struct buffer *query)
{
    const char *changed = definition->columns[definition->count - 1].name;
    const char *separator = " where ";
    bool is_wrapped = range->changed_from || range->condition || range->list;
    if (is_wrapped)
        buffer_format(query, "select %s from (", range->list ? range->list : "*");
    bind_interval(text, range, query);
    if (is_wrapped)
        buffer_text(query, "\n) extraction");
    if (range->changed_from) {
        buffer_format(query, "%s%s >= '%s'::timestamptz and %s < '%s'::timestamptz", separator, changed,
                      range->changed_from, changed, range->changed_to);
        separator = " and ";
    }
    if (range->condition)
        buffer_format(query, "%s(%s)", separator, range->condition);
}

static enum error_code
compose_checked(struct job_context *context, const struct extract_definition *definition,
                const struct extract_range *range, char origin[ORIGIN_BYTES], struct buffer *query, struct error *error)
{
    struct buffer text;
    struct database *source;
    if (job_source(context, &source, error) || database_run(source, work_mem, error) ||
        set_interval(source, range, error))
        return error->code;
    buffer_init(&text, QUERY_CEILING);
    enum error_code code = find_query(definition, origin, ORIGIN_BYTES, &text, error);
    if (!code)
        code = check_query(source, definition, origin, text.bytes, error);
    if (!code) {
        compose(definition, text.bytes, range, query);
        code = buffer_check(query, origin, error);
    }
    buffer_term(&text);
    return code;
}

enum error_code
extract_compose(struct job_context *context, const struct extract_definition *definition,
                const struct extract_range *range, struct buffer *query, struct error *error)
{
    char origin[ORIGIN_BYTES];
    return compose_checked(context, definition, range, origin, query, error);
}

/* An error of class 42 is the query's own: a name that is not there, a type that does not fit, words that do not stand
 * in brackets as they stand alone. */
static enum error_code
failed_to_read(const char *origin, struct error *error)
{
    return strncmp(error->sqlstate, "42", 2) == 0 ? does_not_run(origin, error)
                                                  : error_context(error, "extraction query %s", origin);
}

enum error_code
extract_probe(struct job_context *context, const struct extract_definition *definition,
              const struct extract_range *range, bool *found, struct error *error)
{
    char origin[1024];
    struct buffer text, query;
    struct database *source;
    struct rows *rows = NULL;
    if (job_source(context, &source, error))
        return error->code;
    buffer_init(&text, QUERY_CEILING);
    buffer_init(&query, QUERY_CEILING);
    enum error_code code = find_query(definition, origin, sizeof(origin), &text, error);
    if (!code) {
        buffer_text(&query, "select exists (");
        compose(definition, text.bytes, range, &query);
        buffer_text(&query, ")");
        code = buffer_check(&query, origin, error);
    }
    if (!code && (code = database_query(source, query.bytes, 0, NULL, &rows, error)) != ERROR_NONE)
        code = failed_to_read(origin, error);
    if (!code)
        *found = rows_boolean(rows, 0, 0);
    rows_free(rows);
    buffer_term(&text);
    buffer_term(&query);
    return code;
}

enum error_code
extract_open_range(struct job_context *context, const struct extract_definition *definition,
                   const struct extract_range *range, struct copy_reader **reader, struct error *error)
{
    char origin[ORIGIN_BYTES];
    struct buffer query;
    struct database *source;
    *reader = NULL;
    buffer_init(&query, QUERY_CEILING);
    enum error_code code = compose_checked(context, definition, range, origin, &query, error);
    if (!code)
        code = job_source(context, &source, error);
    int columns = range->list ? range->list_columns : (int)definition->count;
    if (!code && copy_reader_open(reader, source, query.bytes, columns, error))
        code = failed_to_read(origin, error);
    else if (code && code != ERROR_CONTRACT)
        code = error_context(error, "extraction query %s", definition->name);
    buffer_term(&query);
    return code;
}

enum error_code
extract_open(struct job_context *context, const struct extract_definition *definition, struct copy_reader **reader,
             struct error *error)
{
    const struct extract_range range = {.interval_start = context->run->interval_start,
                                        .interval_end = context->run->interval_end};
    return extract_open_range(context, definition, &range, reader, error);
}
