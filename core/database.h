/* core/database.h - one connection to PostgreSQL. The only door to libpq (with core/copy_*.c).
 *
 * Statements are known per connection by their text and prepared on their second use. Parameters go as text, results
 * come as text. A connection sets TimeZone to TAPEMILL_TIMEZONE, UTC-offset output in ISO form, and asks the server to
 * notice a vanished client. All calls block; timeouts are the server's (statement_timeout, lock_timeout). */
#ifndef TAPEMILL_CORE_DATABASE_H
#define TAPEMILL_CORE_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

struct database;
struct rows; /* a result, owned by the caller: rows_free() */

enum database_role { DATABASE_WAREHOUSE, DATABASE_SOURCE };

/* Connects once to TAPEMILL_WAREHOUSE_URL or TAPEMILL_SOURCE_URL; purpose becomes application_name
 * ("tapemill worker"). The error names the server (never its password) and the remedy. *out is owned by the caller. */
ERROR_MUST_CHECK enum error_code database_open(struct database **out, enum database_role role, const char *purpose,
                                               struct error *error);

/* The same for an explicit connection string. */
ERROR_MUST_CHECK enum error_code database_open_url(struct database **out, const char *url, const char *purpose,
                                                   struct error *error);
/* The process id of its backend, as pg_stat_activity has it. */
int database_backend_pid(const struct database *database);

void database_close(struct database *database); /* NULL is allowed */

/* Asks the server to cancel the statement that runs on the connection, if one does. The one function here that a signal
 * handler may call; NULL is allowed. */
void database_cancel(const struct database *database);

/* False once the connection is lost: close it and open another. */
bool database_is_usable(const struct database *database);

/* Runs SQL text without parameters, several statements allowed (DDL, BEGIN, SET). */
ERROR_MUST_CHECK enum error_code database_run(struct database *database, const char *sql, struct error *error);

/* Runs one prepared statement. values[i] NULL is SQL NULL. rows may be NULL when the result is not wanted. */
ERROR_MUST_CHECK enum error_code database_query(struct database *database, const char *sql, int count,
                                                const char *const *values, struct rows **rows, struct error *error);

#define DATABASE_VALUES(...)                                                                                           \
    (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)), (const char *const[])                    \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }

/* Runs one statement that must return exactly one row with one column; copies it to value ("" for NULL). */
ERROR_MUST_CHECK enum error_code database_value(struct database *database, const char *sql, int count,
                                                const char *const *values, char *value, size_t size,
                                                struct error *error);

ERROR_MUST_CHECK enum error_code database_begin(struct database *database, struct error *error);
ERROR_MUST_CHECK enum error_code database_commit(struct database *database, struct error *error);
void database_rollback(struct database *database); /* errors are ignored: the connection is then unusable */

/* One column of a result description. */
struct database_column {
    char name[64];
    uint32_t type; /* type OID */
};

/* Describes the result of a SELECT without running it. *columns is malloc'd, owned by the caller. */
ERROR_MUST_CHECK enum error_code database_describe(struct database *database, const char *sql,
                                                   struct database_column **columns, size_t *count,
                                                   struct error *error);

size_t rows_count(const struct rows *rows);
size_t rows_columns(const struct rows *rows);
const char *rows_name(const struct rows *rows, size_t column);
uint32_t rows_type(const struct rows *rows, size_t column); /* type OID */
bool rows_is_null(const struct rows *rows, size_t row, size_t column);
const char *rows_text(const struct rows *rows, size_t row, size_t column); /* "" for NULL; lives as long as rows */
int64_t rows_integer(const struct rows *rows, size_t row, size_t column);  /* 0 for NULL */
bool rows_boolean(const struct rows *rows, size_t row, size_t column);     /* false for NULL */
int64_t rows_affected(const struct rows *rows);                            /* of INSERT, UPDATE, DELETE, MERGE, COPY */
void rows_free(struct rows *rows);                                         /* NULL is allowed */

/* Fills *error from the connection's last failure; for core/copy_*.c. */
void *database_handle(struct database *database); /* PGconn *, for core/copy_*.c only */
enum error_code database_failure(struct database *database, const void *result, struct error *error);

#endif
