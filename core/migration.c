#include "core/migration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sql.h"

#define FILES  "ledger/migration"
#define FOLDER "migrations/"

/* sql_files is sorted by name, so that the migrations stand together, by version. */
static const struct sql_file *
migration_first(void)
{
    for (size_t i = 0; i < sql_file_count; i++)
        if (strncmp(sql_files[i].name, FOLDER, strlen(FOLDER)) == 0)
            return &sql_files[i];
    return sql_files + sql_file_count;
}

int
migration_known_version(void)
{
    const struct sql_file *first = migration_first(), *file = first;
    while (file < sql_files + sql_file_count && strncmp(file->name, FOLDER, strlen(FOLDER)) == 0)
        file++;
    return (int)(file - first);
}

static const char *
migration_name(int version)
{
    return migration_first()[version - 1].name + strlen(FOLDER);
}

static const char *
migration_text(int version)
{
    return migration_first()[version - 1].statements[0].text;
}

/* The files' numbers must be their places: 0001, 0002, ... */
static enum error_code
check_numbers(struct error *error)
{
    for (int version = 1; version <= migration_known_version(); version++)
        if (strtol(migration_name(version), NULL, 10) != version)
            return error_set(error, ERROR_BUG,
                             "sql/migrations/%s.sql should have number %04d: number the migrations without gaps",
                             migration_name(version), version);
    return ERROR_NONE;
}

/* What the warehouse says of the known migration: state is wholly filled. */
static enum error_code
find_state(struct database *database, bool table_exists, int version, struct migration_state *state,
           struct error *error)
{
    char number[16];
    struct rows *rows = NULL;
    memset(state, 0, sizeof(*state));
    state->version = version;
    (void)snprintf(state->name, sizeof(state->name), "%s", migration_name(version));
    if (!table_exists)
        return ERROR_NONE;
    (void)snprintf(number, sizeof(number), "%d", version);
    enum error_code code = database_query(database, sql_text(FILES, "find"),
                                          DATABASE_VALUES(number, migration_text(version)), &rows, error);
    if (code)
        return code;
    if (rows_count(rows)) {
        (void)snprintf(state->applied_at, sizeof(state->applied_at), "%s", rows_text(rows, 0, 0));
        state->changed = !rows_boolean(rows, 0, 1);
    }
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
table_exists(struct database *database, bool *exists, struct error *error)
{
    char answer[8];
    enum error_code code = database_value(database, sql_text(FILES, "exists"), 0, NULL, answer, sizeof(answer), error);
    *exists = answer[0] == 't';
    return code;
}

/* The highest version the warehouse has; 0 without the table. */
static enum error_code
latest_version(struct database *database, bool exists, int *version, struct error *error)
{
    char answer[16] = "0";
    enum error_code code = ERROR_NONE;
    if (exists)
        code = database_value(database, sql_text(FILES, "latest"), 0, NULL, answer, sizeof(answer), error);
    *version = (int)strtol(answer, NULL, 10);
    return code;
}

static enum error_code
refuse_newer(int version, struct error *error)
{
    return error_set(error, ERROR_SCHEMA,
                     "the warehouse schema is at version %d, this binary knows %d: the warehouse is newer than this "
                     "binary; install the newer Tapemill",
                     version, migration_known_version());
}

static enum error_code
refuse_changed(const struct migration_state *state, struct error *error)
{
    return error_set(error, ERROR_SCHEMA,
                     "sql/migrations/%s.sql is not the text that was applied to this warehouse on %s; restore the file "
                     "and put the change into a new migration",
                     state->name, state->applied_at);
}

/* Runs one migration and notes it, in one transaction. */
static enum error_code
apply_one(struct database *database, int version, struct error *error)
{
    char number[16];
    (void)snprintf(number, sizeof(number), "%d", version);
    enum error_code code = database_begin(database, error);
    if (!code)
        code = database_run(database, migration_text(version), error);
    if (!code)
        code = database_query(database, sql_text(FILES, "record"),
                              DATABASE_VALUES(number, migration_name(version), migration_text(version)), NULL, error);
    if (!code)
        code = database_commit(database, error);
    if (code) {
        database_rollback(database);
        return error_context(error, "sql/migrations/%s.sql was not applied", migration_name(version));
    }
    return ERROR_NONE;
}

/* With the lock held. */
static enum error_code
apply_missing(struct database *database, int *applied, struct error *error)
{
    int latest = 0;
    enum error_code code = database_run(database, sql_text(FILES, "create_table"), error);
    if (!code)
        code = latest_version(database, true, &latest, error);
    if (!code && latest > migration_known_version())
        code = refuse_newer(latest, error);
    for (int version = 1; !code && version <= migration_known_version(); version++) {
        struct migration_state state;
        code = find_state(database, true, version, &state, error);
        if (!code && state.changed)
            code = refuse_changed(&state, error);
        if (code || state.applied_at[0])
            continue;
        if (version < latest)
            return error_set(error, ERROR_SCHEMA,
                             "the warehouse is at version %d but never got sql/migrations/%s.sql; give the file the "
                             "next free number",
                             latest, state.name);
        code = apply_one(database, version, error);
        *applied += !code;
    }
    return code;
}

enum error_code
migration_apply(struct database *database, int *applied_count, struct error *error)
{
    int applied = 0;
    struct error ignored;
    enum error_code code = check_numbers(error);
    if (!code)
        code = database_query(database, sql_text(FILES, "lock"), 0, NULL, NULL, error);
    if (code)
        return code;
    code = apply_missing(database, &applied, error);
    /* A connection that was lost has given its lock back already. */
    if (database_is_usable(database))
        (void)!database_query(database, sql_text(FILES, "unlock"), 0, NULL, NULL, code ? &ignored : error);
    if (applied_count)
        *applied_count = applied;
    return code;
}

/* Appends what a newer binary applied. */
static void
append_unknown(const struct rows *rows, struct migration_state *states)
{
    for (size_t row = 0; row < rows_count(rows); row++) {
        memset(&states[row], 0, sizeof(states[row]));
        states[row].version = (int)rows_integer(rows, row, 0);
        (void)snprintf(states[row].name, sizeof(states[row].name), "%s", rows_text(rows, row, 1));
        (void)snprintf(states[row].applied_at, sizeof(states[row].applied_at), "%s", rows_text(rows, row, 2));
        states[row].unknown = true;
    }
}

enum error_code
migration_status(struct database *database, struct migration_state **states, size_t *count, struct error *error)
{
    const int known = migration_known_version();
    char number[16];
    struct rows *unknown = NULL;
    bool exists = false;
    *states = NULL;
    *count = 0;
    (void)snprintf(number, sizeof(number), "%d", known);
    enum error_code code = table_exists(database, &exists, error);
    if (!code && exists)
        code = database_query(database, sql_text(FILES, "unknown"), DATABASE_VALUES(number), &unknown, error);
    if (code)
        return code;
    size_t total = (size_t)known + (unknown ? rows_count(unknown) : 0);
    struct migration_state *list = calloc(total + 1, sizeof(*list));
    if (!list)
        code = error_set(error, ERROR_MEMORY, "no memory for the list of migrations");
    for (int version = 1; !code && version <= known; version++)
        code = find_state(database, exists, version, &list[version - 1], error);
    if (!code && unknown)
        append_unknown(unknown, list + known);
    rows_free(unknown);
    if (code) {
        free(list);
        return code;
    }
    *states = list;
    *count = total;
    return ERROR_NONE;
}

enum error_code
migration_check(struct database *database, struct error *error)
{
    bool exists = false;
    int latest = 0;
    enum error_code code = check_numbers(error);
    if (!code)
        code = table_exists(database, &exists, error);
    if (!code)
        code = latest_version(database, exists, &latest, error);
    if (!code && latest > migration_known_version())
        code = refuse_newer(latest, error);
    for (int version = 1; !code && version <= migration_known_version(); version++) {
        struct migration_state state;
        code = find_state(database, exists, version, &state, error);
        if (!code && state.changed)
            code = refuse_changed(&state, error);
        if (!code && !state.applied_at[0])
            code = error_set(error, ERROR_SCHEMA,
                             "the warehouse schema is at version %d, this binary knows %d; run `tapemill migrate`",
                             latest, migration_known_version());
    }
    return code;
}
