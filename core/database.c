#include "core/database.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/log.h"

enum { STATEMENTS_MAX = 128, URL_SHOWN_BYTES = 256 };

struct database {
    PGconn *connection;
    PGcancel *cancel; /* made in time: a signal handler cannot */
    bool lost;
    char server[URL_SHOWN_BYTES]; /* what errors call it; no password */
    size_t statements;
    struct {
        char *text;
        bool prepared; /* as "t0", "t1", ..., from its second use on */
    } known[STATEMENTS_MAX];
};

struct rows {
    PGresult *result;
};

/* ---- errors ------------------------------------------------------------------------------------------------ */

static void
trim(char *text)
{
    size_t length = strlen(text);
    while (length && (text[length - 1] == '\n' || text[length - 1] == ' '))
        text[--length] = 0;
    for (; *text; text++)
        if (*text == '\n' || *text == '\t')
            *text = ' ';
}

enum error_code
database_failure(struct database *database, const void *opaque, struct error *error)
{
    const PGresult *result = opaque;
    const char *sqlstate = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *detail = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL) : NULL;
    const char *hint = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_HINT) : NULL;
    const char *where = result ? PQresultErrorField(result, PG_DIAG_CONTEXT) : NULL;
    if (PQstatus(database->connection) != CONNECTION_OK)
        database->lost = true;
    if (database->lost || !sqlstate) {
        const char *text = primary ? primary : PQerrorMessage(database->connection);
        bool gone = database->lost || strstr(text, "onnection") || strstr(text, "server closed");
        database->lost = database->lost || gone;
        (void)error_set(error, gone ? ERROR_PG_CONNECTION : ERROR_PG_STATEMENT, "PostgreSQL at %s%s: %s",
                        database->server, gone ? " went away" : "", text);
    } else {
        /* "cached plan must not change result type": a fresh connection has no plans. */
        database->lost = strcmp(sqlstate, "0A000") == 0 && strstr(primary, "cached plan");
        (void)error_set(error, database->lost ? ERROR_PG_CONNECTION : error_from_sqlstate(sqlstate), "%s%s%s%s%s%s%s%s",
                        primary, detail ? ": " : "", detail ? detail : "", hint ? " (" : "", hint ? hint : "",
                        hint ? ")" : "", where ? " at " : "", where ? where : "");
    }
    if (sqlstate)
        (void)snprintf(error->sqlstate, sizeof(error->sqlstate), "%s", sqlstate);
    trim(error->message);
    return error->code;
}

/* ---- connecting -------------------------------------------------------------------------------------------- */

/* Settings every session has. A server whose client vanished ends the session by itself:
 * client_connection_check_interval while a query runs, TCP keepalives else. */
static const char session_settings[] =
    "select set_config('TimeZone', $1, false), set_config('DateStyle', 'ISO', false),"
    " set_config('IntervalStyle', 'iso_8601', false), set_config('client_min_messages', 'warning', false),"
    " set_config('client_connection_check_interval', '5s', false), set_config('tcp_keepalives_idle', '30', false),"
    " set_config('tcp_keepalives_interval', '10', false), set_config('tcp_keepalives_count', '3', false),"
    " set_config('tcp_user_timeout', '30000', false)";

static enum error_code
set_session(struct database *database, struct error *error)
{
    const char *zone = config_text(CONFIG_TIMEZONE) ? config_text(CONFIG_TIMEZONE) : "UTC";
    enum error_code code = database_query(database, session_settings, DATABASE_VALUES(zone), NULL, error);
    if (code && strcmp(error->sqlstate, "22023") == 0)
        return error_set(error, ERROR_CONFIG,
                         "TAPEMILL_TIMEZONE is \"%s\", which PostgreSQL at %s does not know; use an IANA name such as "
                         "America/New_York",
                         zone, database->server);
    return code;
}

/* Notices of the server ("relation exists, skipping") are no events of ours. */
static void
take_notice(void *nothing, const char *notice)
{
    char text[512];
    (void)nothing;
    (void)snprintf(text, sizeof(text), "%s", notice);
    trim(text);
    log_debug("PostgreSQL says", LOG_TEXT("notice", text));
}

/* Whether libpq and the writer of a URL may disagree where its password ends. */
static bool
is_ambiguous(const char *url)
{
    const char *scheme = strstr(url, "://"), *start = scheme ? scheme + 3 : url;
    size_t length = strcspn(start, "?");
    const char *at = scheme ? memchr(start, '@', length) : NULL, *slash = memchr(start, '/', length);
    return at && ((slash && slash < at) || memchr(at + 1, '@', length - (size_t)(at + 1 - start)));
}

/* What libpq says of a string that it cannot take apart repeats pieces of it, the password among them. */
static enum error_code
check_url(const char *url, struct error *error)
{
    PQconninfoOption *options = is_ambiguous(url) ? NULL : PQconninfoParse(url, NULL);
    bool fine = options != NULL;
    for (PQconninfoOption *option = options; option && option->keyword; option++)
        if (strcmp(option->keyword, "port") == 0 && option->val &&
            strspn(option->val, "0123456789,") != strlen(option->val))
            fine = false;
    PQconninfoFree(options);
    if (fine)
        return ERROR_NONE;
    return error_set(error, ERROR_CONFIG,
                     "this is no connection string that PostgreSQL's libpq takes; write "
                     "postgresql://user:password@host:5432/database, with special characters of the password "
                     "percent-encoded (%%40 for @, %%2F for /)");
}

enum error_code
database_open_url(struct database **out, const char *url, const char *purpose, struct error *error)
{
    const char *const names[] = {"dbname", "fallback_application_name", "connect_timeout", "client_encoding", NULL};
    const char *const settings[] = {url, purpose, "10", "UTF8", NULL};
    *out = NULL;
    if (check_url(url, error))
        return error->code;
    struct database *database = calloc(1, sizeof(*database));
    if (!database)
        return error_set(error, ERROR_MEMORY, "out of memory while connecting to PostgreSQL");
    config_redact(url, database->server, sizeof(database->server));
    database->connection = PQconnectdbParams(names, settings, 1);
    if (PQstatus(database->connection) != CONNECTION_OK) {
        char shown[ERROR_MESSAGE_BYTES];
        (void)snprintf(shown, sizeof(shown), "%s",
                       database->connection ? PQerrorMessage(database->connection) : "out of memory");
        trim(shown);
        (void)error_set(error, ERROR_PG_CONNECTION, "PostgreSQL at %s cannot be reached: %s", database->server, shown);
        database_close(database);
        return error->code;
    }
    database->cancel = PQgetCancel(database->connection);
    (void)PQsetNoticeProcessor(database->connection, take_notice, NULL);
    if (set_session(database, error)) {
        database_close(database);
        return error->code;
    }
    *out = database;
    return ERROR_NONE;
}

enum error_code
database_open(struct database **out, enum database_role role, const char *purpose, struct error *error)
{
    const char *url;
    *out = NULL;
    if (config_require(role == DATABASE_SOURCE ? CONFIG_SOURCE_URL : CONFIG_WAREHOUSE_URL, &url, error))
        return error->code;
    enum error_code code = database_open_url(out, url, purpose, error);
    if (code == ERROR_PG_CONNECTION || code == ERROR_CONFIG)
        return error_context(error, role == DATABASE_SOURCE ? "source (TAPEMILL_SOURCE_URL)"
                                                            : "warehouse (TAPEMILL_WAREHOUSE_URL)");
    return code;
}

int
database_backend_pid(const struct database *database)
{
    return PQbackendPID(database->connection);
}

void
database_close(struct database *database)
{
    if (!database)
        return;
    for (size_t i = 0; i < database->statements; i++)
        free(database->known[i].text);
    PQfreeCancel(database->cancel);
    PQfinish(database->connection);
    free(database);
}

void
database_cancel(const struct database *database)
{
    char ignored[256];
    if (database && database->cancel)
        (void)PQcancel(database->cancel, ignored, sizeof(ignored));
}

bool
database_is_usable(const struct database *database)
{
    return database && !database->lost && PQstatus(database->connection) == CONNECTION_OK;
}

void *
database_handle(struct database *database)
{
    return database->connection;
}

/* ---- statements -------------------------------------------------------------------------------------------- */

static enum error_code
check(struct database *database, PGresult *result, struct error *error)
{
    ExecStatusType status = result ? PQresultStatus(result) : PGRES_FATAL_ERROR;
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY)
        return ERROR_NONE;
    return database_failure(database, result, error);
}

enum error_code
database_run(struct database *database, const char *sql, struct error *error)
{
    PGresult *result = PQexec(database->connection, sql);
    enum error_code code = check(database, result, error);
    PQclear(result);
    return code;
}

/* Index of the statement with this text, which is noted on first use. A full cache starts anew. */
static enum error_code
find(struct database *database, const char *sql, size_t *index, struct error *error)
{
    *index = 0;
    while (*index < database->statements && strcmp(database->known[*index].text, sql) != 0)
        (*index)++;
    if (*index < database->statements)
        return ERROR_NONE;
    if (*index == STATEMENTS_MAX) {
        if (database_run(database, "deallocate all", error))
            return error->code;
        while (database->statements)
            free(database->known[--database->statements].text);
        *index = 0;
    }
    char *copy = strdup(sql);
    if (!copy)
        return error_set(error, ERROR_MEMORY, "out of memory for a statement");
    database->known[*index].text = copy;
    database->known[*index].prepared = false;
    database->statements++;
    return ERROR_NONE;
}

/* Runs a statement: in one round trip on its first use, which is often its only one; prepared from the second on. */
static enum error_code
execute(struct database *database, const char *sql, int count, const char *const *values, PGresult **result,
        struct error *error)
{
    char name[24];
    size_t index, noted = database->statements;
    *result = NULL;
    if (find(database, sql, &index, error))
        return error->code;
    bool first = database->statements != noted;
    (void)snprintf(name, sizeof(name), "t%zu", index);
    if (!first && !database->known[index].prepared) {
        PGresult *prepared = PQprepare(database->connection, name, sql, 0, NULL);
        enum error_code code = check(database, prepared, error);
        PQclear(prepared);
        if (code)
            return code;
        database->known[index].prepared = true;
    }
    *result = first ? PQexecParams(database->connection, sql, count, NULL, values, NULL, NULL, 0)
                    : PQexecPrepared(database->connection, name, count, values, NULL, NULL, 0);
    return check(database, *result, error);
}

enum error_code
database_query(struct database *database, const char *sql, int count, const char *const *values, struct rows **rows,
               struct error *error)
{
    PGresult *result;
    if (rows)
        *rows = NULL;
    enum error_code code = execute(database, sql, count, values, &result, error);
    if (code || !rows) {
        PQclear(result);
        return code;
    }
    *rows = malloc(sizeof(**rows));
    if (!*rows) {
        PQclear(result);
        return error_set(error, ERROR_MEMORY, "out of memory for a result");
    }
    (*rows)->result = result;
    return ERROR_NONE;
}

enum error_code
database_value(struct database *database, const char *sql, int count, const char *const *values, char *value,
               size_t size, struct error *error)
{
    struct rows *rows;
    enum error_code code;
    if (database_query(database, sql, count, values, &rows, error))
        return error->code;
    if (rows_count(rows) != 1 || rows_columns(rows) != 1)
        code = error_set(error, ERROR_BUG, "a statement gave %zu rows of %zu columns where one value was meant: %.200s",
                         rows_count(rows), rows_columns(rows), sql);
    else if ((size_t)snprintf(value, size, "%s", rows_text(rows, 0, 0)) >= size)
        code = error_set(error, ERROR_BUG, "a value does not fit into %zu bytes: %.200s", size, sql);
    else
        code = ERROR_NONE;
    rows_free(rows);
    return code;
}

enum error_code
database_begin(struct database *database, struct error *error)
{
    return database_run(database, "begin isolation level read committed", error);
}

enum error_code
database_commit(struct database *database, struct error *error)
{
    PGresult *result = PQexec(database->connection, "commit");
    enum error_code code = check(database, result, error);
    /* COMMIT of a failed transaction succeeds as a ROLLBACK: that must not be taken for a commit. */
    if (!code && strcmp(PQcmdStatus(result), "COMMIT") != 0)
        code = error_set(error, ERROR_BUG, "a transaction that had failed was to be committed; it was rolled back");
    PQclear(result);
    return code;
}

void
database_rollback(struct database *database)
{
    struct error ignored;
    if (!database || PQtransactionStatus(database->connection) == PQTRANS_IDLE)
        return;
    if (database_run(database, "rollback", &ignored))
        database->lost = true;
}

enum error_code
database_describe(struct database *database, const char *sql, struct database_column **columns, size_t *count,
                  struct error *error)
{
    PGresult *result = PQprepare(database->connection, "", sql, 0, NULL);
    enum error_code code = check(database, result, error);
    PQclear(result);
    if (code)
        return code;
    result = PQdescribePrepared(database->connection, "");
    code = check(database, result, error);
    *count = code ? 0 : (size_t)PQnfields(result);
    *columns = code ? NULL : calloc(*count + 1, sizeof(**columns));
    if (!code && !*columns)
        code = error_set(error, ERROR_MEMORY, "out of memory for a description");
    for (size_t i = 0; !code && i < *count; i++) {
        (void)snprintf((*columns)[i].name, sizeof((*columns)[i].name), "%s", PQfname(result, (int)i));
        (*columns)[i].type = PQftype(result, (int)i);
    }
    PQclear(result);
    return code;
}

/* ---- results ----------------------------------------------------------------------------------------------- */

size_t
rows_count(const struct rows *rows)
{
    return (size_t)PQntuples(rows->result);
}

size_t
rows_columns(const struct rows *rows)
{
    return (size_t)PQnfields(rows->result);
}

const char *
rows_name(const struct rows *rows, size_t column)
{
    return PQfname(rows->result, (int)column);
}

uint32_t
rows_type(const struct rows *rows, size_t column)
{
    return PQftype(rows->result, (int)column);
}

bool
rows_is_null(const struct rows *rows, size_t row, size_t column)
{
    return PQgetisnull(rows->result, (int)row, (int)column) != 0;
}

const char *
rows_text(const struct rows *rows, size_t row, size_t column)
{
    return PQgetvalue(rows->result, (int)row, (int)column);
}

int64_t
rows_integer(const struct rows *rows, size_t row, size_t column)
{
    return strtoll(rows_text(rows, row, column), NULL, 10);
}

bool
rows_boolean(const struct rows *rows, size_t row, size_t column)
{
    return rows_text(rows, row, column)[0] == 't';
}

int64_t
rows_affected(const struct rows *rows)
{
    return strtoll(PQcmdTuples(rows->result), NULL, 10);
}

void
rows_free(struct rows *rows)
{
    if (!rows)
        return;
    PQclear(rows->result);
    free(rows);
}
