/* sql_prepare - prepares every SQL statement that is compiled in, so that a misspelt column cannot land.
 *
 * The warehouse (TAPEMILL_WAREHOUSE_URL) is migrated first; the source (TAPEMILL_SOURCE_URL) gets the sample source's
 * tables. Files under sql/source and sql/extract are prepared there, all others on the warehouse. Utility statements
 * cannot be prepared and are left out, but those called "stage" or "create..." are run before the others of their file
 * (and rolled back after them): they make the tables that the others work on. COPY FROM STDIN is run with no row. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/database.h"
#include "core/error.h"
#include "core/migration.h"
#include "core/sql.h"

static const char source_schema[] = "source/schema";

static int
in_folder(const struct sql_file *file, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(file->name, folder, length) == 0 && file->name[length] == '/';
}

static int
makes_tables(const struct sql_statement *statement)
{
    return statement->utility && (strcmp(statement->name, "stage") == 0 || strncmp(statement->name, "create", 6) == 0);
}

/* Creates the sample source's tables unless an earlier call did. */
static enum error_code
create_source(struct database *source, struct error *error)
{
    char missing[8];
    if (database_value(source, "select to_regclass('instruments') is null", 0, NULL, missing, sizeof(missing), error))
        return error->code;
    const struct sql_file *schema = sql_find_file(source_schema);
    for (size_t i = 0; missing[0] == 't' && i < schema->count; i++)
        if (makes_tables(&schema->statements[i]) && database_run(source, schema->statements[i].text, error))
            return error->code;
    return ERROR_NONE;
}

static enum error_code
prepare_databases(struct error *error)
{
    struct database *warehouse = NULL, *source = NULL;
    if (!config_load(error) && !database_open(&warehouse, DATABASE_WAREHOUSE, "sql_prepare", error) &&
        !migration_apply(warehouse, NULL, error) && !database_open(&source, DATABASE_SOURCE, "sql_prepare", error))
        (void)!create_source(source, error);
    database_close(warehouse);
    database_close(source);
    return error->code;
}

/* 1, and what is wrong under the statement's name, unless the result has the status that was expected. */
static int
check(PGresult *result, ExecStatusType expected, const char *file, const char *name)
{
    int failed = PQresultStatus(result) != expected;
    if (failed)
        fprintf(stderr, "sql/%s.sql, %s: %s\n", file, name, PQresultErrorMessage(result));
    PQclear(result);
    return failed;
}

static int
run(PGconn *connection, const char *file, const char *name, const char *text)
{
    return check(PQexec(connection, text), PGRES_COMMAND_OK, file, name);
}

/* Lets the server check a COPY FROM STDIN: no row is sent. */
static int
begin_copy(PGconn *connection, const char *file, const struct sql_statement *statement)
{
    int failed = check(PQexec(connection, statement->text), PGRES_COPY_IN, file, statement->name);
    if (!failed) {
        PQputCopyEnd(connection, NULL);
        for (PGresult *result; (result = PQgetResult(connection)) != NULL;)
            PQclear(result);
    }
    return failed;
}

static int
prepare(PGconn *connection, const char *file, const struct sql_statement *statement)
{
    int failed = run(connection, file, statement->name, "savepoint prepared");
    if (statement->utility)
        failed |= begin_copy(connection, file, statement);
    else
        failed |= check(PQprepare(connection, "", statement->text, 0, NULL), PGRES_COMMAND_OK, file, statement->name);
    return failed | run(connection, file, statement->name, "rollback to savepoint prepared");
}

static int
can_prepare(const struct sql_statement *statement)
{
    return !statement->utility || (strstr(statement->text, "copy ") && strstr(statement->text, "from stdin"));
}

/* Number of statements of the file that failed; *prepared counts all. */
static int
prepare_file(PGconn *connection, const struct sql_file *file, int *prepared)
{
    int failed = run(connection, file->name, "begin", "begin");
    if (in_folder(file, "jobs")) { /* loads hand over findings, and what becomes of events, in tables of others */
        failed += run(connection, file->name, "stage", sql_text("quality/quality", "stage"));
        failed += run(connection, file->name, "stage", sql_text("quality/standing", "stage"));
        failed += run(connection, file->name, "stage", sql_text("jobs/event_facts", "stage"));
        failed += run(connection, file->name, "stage", sql_text("jobs/fx_follow", "stage"));
    }
    for (size_t i = 0; i < file->count; i++)
        if (makes_tables(&file->statements[i]))
            failed += run(connection, file->name, file->statements[i].name, file->statements[i].text);
    for (size_t i = 0; i < file->count; i++) {
        if (!can_prepare(&file->statements[i]))
            continue;
        failed += prepare(connection, file->name, &file->statements[i]);
        ++*prepared;
    }
    return failed + run(connection, file->name, "rollback", "rollback");
}

int
main(void)
{
    struct error error = {0};
    int failed = 0, prepared = 0;
    if (prepare_databases(&error)) {
        fprintf(stderr, "cannot prepare the databases: %s\n", error.message);
        return EXIT_FAILURE;
    }
    PGconn *warehouse = PQconnectdb(getenv("TAPEMILL_WAREHOUSE_URL"));
    PGconn *source = PQconnectdb(getenv("TAPEMILL_SOURCE_URL"));
    for (size_t i = 0; i < sql_file_count; i++) {
        const struct sql_file *file = &sql_files[i];
        if (in_folder(file, "migrations") || strcmp(file->name, source_schema) == 0)
            continue;
        PGconn *connection = in_folder(file, "source") || in_folder(file, "extract") ? source : warehouse;
        failed += prepare_file(connection, file, &prepared);
    }
    PQfinish(warehouse);
    PQfinish(source);
    printf("%d statements prepared, %d failed\n", prepared, failed);
    return failed || !prepared ? EXIT_FAILURE : EXIT_SUCCESS;
}
