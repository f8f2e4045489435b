/* dimension_one_by_one - what a program does that synchronises only the members that changed, one after the other, for
 * ops/bench dimension: prepared statements, lookups by the index of current versions, one commit each.
 *
 *   dimension_one_by_one statement|plain DIMENSION SINCE   applies the members whose updated_at is later than SINCE
 *
 * statement: one statement a member closes its version, opens the next and carries what has no history into the others.
 * plain:     begin, look it up, compare, close, open, commit.
 *
 * TAPEMILL_SOURCE_URL and TAPEMILL_WAREHOUSE_URL name the databases. Prints how many members it wrote. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "jobs/dimension.h"

enum { PARAMETERS_MAX = 32, TEXT_BYTES = 64 * 1024, TEXT_OID = 25 };

struct member {
    const struct dimension_definition *definition;
    int count;                          /* its columns, and updated_at */
    const char *values[PARAMETERS_MAX]; /* in the order of the definition's columns, updated_at as the last */
};

static void
stop(const char *what, const char *why)
{
    fprintf(stderr, "dimension_one_by_one: %s: %s\n", what, why);
    exit(1);
}

static PGconn *
connect_to(const char *variable)
{
    const char *url = getenv(variable);
    PGconn *connection = PQconnectdb(url ? url : "");
    if (PQstatus(connection) != CONNECTION_OK)
        stop(variable, PQerrorMessage(connection));
    return connection;
}

static PGresult *
checked(PGconn *connection, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        stop("a statement failed", PQerrorMessage(connection));
    return result;
}

static void
run(PGconn *connection, const char *sql)
{
    PQclear(checked(connection, PQexec(connection, sql)));
}

/* ---- statements ---------------------------------------------------------------------------------------------- */

/* A pattern for each column with one of the traits: $c its name, $p its parameter, cast to its type. */
static void
put_list(const struct dimension_definition *definition, unsigned traits, const char *pattern, struct buffer *text)
{
    const char *separator = "";
    for (size_t i = 0; i < definition->count; i++) {
        const struct dimension_column *column = &definition->columns[i];
        if (!(column->traits & traits))
            continue;
        buffer_text(text, separator);
        separator = ", ";
        for (const char *at = pattern; *at; at++) {
            if (at[0] == '$' && at[1] == 'c')
                buffer_text(text, column->column), at++;
            else if (at[0] == '$' && at[1] == 'p')
                buffer_format(text, "$%zu::%s", i + 1, column->type), at++;
            else
                buffer_append(text, at, 1);
        }
    }
}

/* Writes out a template: {NAME} as below, {u} the parameter updated_at. */
static void
prepare(PGconn *connection, const struct dimension_definition *definition, const char *name, const char *template)
{
    static const struct {
        const char *name, *pattern;
        unsigned traits;
    } lists[] = {
        {"columns", "$c", DIMENSION_TYPE_1 | DIMENSION_TYPE_2},
        {"values", "$p", DIMENSION_TYPE_1 | DIMENSION_TYPE_2},
        {"old2", "d.$c", DIMENSION_TYPE_2},
        {"new2", "$p", DIMENSION_TYPE_2},
        {"old1", "d.$c", DIMENSION_TYPE_1},
        {"new1", "$p", DIMENSION_TYPE_1},
        {"set1", "$c = $p", DIMENSION_TYPE_1},
        {"id", "$c", DIMENSION_ID},
        {"id_value", "$p", DIMENSION_ID},
    };
    struct buffer text;
    Oid types[PARAMETERS_MAX];
    for (int i = 0; i < PARAMETERS_MAX; i++)
        types[i] = TEXT_OID; /* a statement need not name them all */
    buffer_init(&text, TEXT_BYTES);
    while (*template) {
        size_t length = strcspn(template, "{"), name_length;
        buffer_append(&text, template, length);
        template += length;
        if (!*template)
            break;
        name_length = strcspn(++template, "}");
        if (strncmp(template, "table}", 6) == 0)
            buffer_text(&text, definition->table);
        else if (strncmp(template, "u}", 2) == 0)
            buffer_format(&text, "$%zu::timestamptz", definition->count + 1);
        for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
            if (strncmp(template, lists[i].name, name_length) == 0 && !lists[i].name[name_length])
                put_list(definition, lists[i].traits, lists[i].pattern, &text);
        template += name_length + 1;
    }
    PQclear(checked(connection, PQprepare(connection, name, text.bytes, (int)definition->count + 1, types)));
    buffer_term(&text);
}

#define DATE_OF "({u} at time zone current_setting('TimeZone'))::date"

static const char statement_sql[] =
    "with others as (update {table} d set {set1} where {id} = {id_value} and not is_current"
    "                  and row({old1}) is distinct from row({new1})),"
    "     closed as (update {table} d"
    "                set {set1}, valid_to = case when k.differs then {u} else 'infinity' end, is_current = not "
    "k.differs,"
    "                    expiration_date = case when k.differs then " DATE_OF " else 'infinity' end,"
    "                    source_updated_at = case when k.differs then d.source_updated_at else {u} end"
    "                from (select row({old2}) is distinct from row({new2}) as differs from {table} d"
    "                      where {id} = {id_value} and is_current) k"
    "                where {id} = {id_value} and is_current returning version, k.differs)"
    "insert into {table} ({id}, {columns}, version, valid_from, effective_date, source_updated_at)"
    "select {id_value}, {values}, version + 1, {u}, " DATE_OF ", {u} from closed where differs";

static const char look_sql[] = "select version, row({old2}) is distinct from row({new2}),"
                               "       row({old1}) is distinct from row({new1}) "
                               "from {table} d where {id} = {id_value} and is_current";
static const char carry_sql[] = "update {table} d set {set1} where {id} = {id_value}";
static const char close_sql[] = "update {table} set valid_to = {u}, is_current = false, expiration_date = " DATE_OF " "
                                "where {id} = {id_value} and is_current";
static const char open_sql[] =
    "insert into {table} ({id}, {columns}, version, valid_from, effective_date, source_updated_at)"
    "select {id_value}, {values}, (select max(version) + 1 from {table} where {id} = {id_value}), {u}, " DATE_OF
    ", {u}";

/* ---- the two ways -------------------------------------------------------------------------------------------- */

static PGresult *
execute(PGconn *warehouse, const char *name, const struct member *member)
{
    return checked(warehouse, PQexecPrepared(warehouse, name, member->count, member->values, NULL, NULL, 0));
}

static void
apply_plain(PGconn *warehouse, const struct member *member)
{
    run(warehouse, "begin");
    PGresult *found = execute(warehouse, "look", member);
    if (PQntuples(found) != 1)
        stop("a member", "has no current version");
    if (PQgetvalue(found, 0, 2)[0] == 't')
        PQclear(execute(warehouse, "carry", member));
    if (PQgetvalue(found, 0, 1)[0] == 't') {
        PQclear(execute(warehouse, "close", member));
        PQclear(execute(warehouse, "open", member));
    }
    PQclear(found);
    run(warehouse, "commit");
}

static void
apply_statement(PGconn *warehouse, const struct member *member)
{
    PQclear(execute(warehouse, "apply", member));
}

static void
prepare_all(PGconn *warehouse, const struct dimension_definition *definition, bool is_plain)
{
    if (!is_plain) {
        prepare(warehouse, definition, "apply", statement_sql);
        return;
    }
    prepare(warehouse, definition, "look", look_sql);
    prepare(warehouse, definition, "carry", carry_sql);
    prepare(warehouse, definition, "close", close_sql);
    prepare(warehouse, definition, "open", open_sql);
}

static PGresult *
changed_members(PGconn *source, const struct dimension_definition *definition, const char *since)
{
    struct buffer text;
    buffer_init(&text, TEXT_BYTES);
    buffer_text(&text, "select ");
    for (size_t i = 0; i < definition->count; i++)
        buffer_format(&text, "%s, ", definition->columns[i].source);
    buffer_format(&text, "updated_at from %s where updated_at > $1::timestamptz order by updated_at",
                  definition->extract->name);
    PGresult *rows = checked(source, PQexecParams(source, text.bytes, 1, NULL, &since, NULL, NULL, 0));
    buffer_term(&text);
    return rows;
}

int
main(int argc, char **argv)
{
    struct member member = {0};
    bool is_plain = argc == 4 && strcmp(argv[1], "plain") == 0;
    for (int i = 0; argc == 4 && i < DIMENSION_COUNT; i++)
        if (strcmp(argv[2], dimension_name((enum dimension)i)) == 0)
            member.definition = &dimension_definitions[i];
    if (!member.definition || (!is_plain && strcmp(argv[1], "statement") != 0)) {
        fprintf(stderr, "usage: dimension_one_by_one statement|plain DIMENSION SINCE\n");
        return 2;
    }
    PGconn *source = connect_to("TAPEMILL_SOURCE_URL"), *warehouse = connect_to("TAPEMILL_WAREHOUSE_URL");
    prepare_all(warehouse, member.definition, is_plain);
    PGresult *rows = changed_members(source, member.definition, argv[3]);
    member.count = PQnfields(rows);
    for (int row = 0; row < PQntuples(rows); row++) {
        for (int i = 0; i < member.count; i++)
            member.values[i] = PQgetisnull(rows, row, i) ? NULL : PQgetvalue(rows, row, i);
        if (is_plain)
            apply_plain(warehouse, &member);
        else
            apply_statement(warehouse, &member);
    }
    printf("%d\n", PQntuples(rows));
    PQclear(rows);
    PQfinish(source);
    PQfinish(warehouse);
    return 0;
}
