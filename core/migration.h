/* core/migration.h - the warehouse's schema, brought forward one file at a time.
 *
 * A migration is sql/migrations/NNNN_name.sql, numbered from 0001 without gaps and compiled in. Each is applied once,
 * in a transaction of its own (so it holds nothing that PostgreSQL refuses in one, such as CREATE INDEX CONCURRENTLY),
 * and noted in etl_migrations with the SHA-256 of its statements. There is no way back: what a migration did wrong, the
 * next one puts right. A file that was applied must never change; comments above its first statement may. */
#ifndef TAPEMILL_CORE_MIGRATION_H
#define TAPEMILL_CORE_MIGRATION_H

#include <stdbool.h>
#include <stddef.h>

#include "core/database.h"
#include "core/error.h"

enum { MIGRATION_NAME_BYTES = 128, MIGRATION_TIME_BYTES = 48 };

struct migration_state {
    int version;
    char name[MIGRATION_NAME_BYTES];       /* "0001_ledger" */
    char applied_at[MIGRATION_TIME_BYTES]; /* timestamptz text, "" while pending */
    bool changed;                          /* applied with another text than this binary holds */
    bool unknown;                          /* applied by a newer binary: this one has no such file */
};

/* Applies what is missing, in order; *applied_count (may be NULL) says how many. Of two at once the second waits, then
 * finds nothing to do. Not inside a transaction. ERROR_SCHEMA when the warehouse is newer than this binary or an
 * applied file was changed; a migration that fails leaves those before it applied, and its error names it. */
ERROR_MUST_CHECK enum error_code migration_apply(struct database *database, int *applied_count, struct error *error);

/* All migrations, known and applied, by version. *states is malloc'd and the caller's, to be freed with free(). Changes
 * nothing: a database without etl_migrations has all of them pending. */
ERROR_MUST_CHECK enum error_code migration_status(struct database *database, struct migration_state **states,
                                                  size_t *count, struct error *error);

/* ERROR_SCHEMA, with the remedy, unless the warehouse's schema is exactly the one this binary knows. */
ERROR_MUST_CHECK enum error_code migration_check(struct database *database, struct error *error);

/* The schema version this binary knows. */
int migration_known_version(void);

#endif
