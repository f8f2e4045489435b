/* ops/source_tables.h - the source's tables as a whole: are they there, are they empty, and what was put into them.
 * Everything here runs in the caller's transaction. */
#ifndef TAPEMILL_OPS_SOURCE_TABLES_H
#define TAPEMILL_OPS_SOURCE_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/database.h"
#include "core/error.h"

/* Connects to TAPEMILL_SOURCE_URL, begins a transaction, and waits for others who fill the same source. */
ERROR_MUST_CHECK enum error_code source_tables_open(struct database **out, struct error *error);

/* Commits if code is ERROR_NONE and rolls back if not; closes the connection. Returns what went wrong first. */
ERROR_MUST_CHECK enum error_code source_tables_close(struct database *database, enum error_code code,
                                                     struct error *error);

/* Creates the tables. Refuses when any exists, unless `replace`: then they are dropped. */
ERROR_MUST_CHECK enum error_code source_tables_create(struct database *database, bool replace, struct error *error);

/* Creates the tables if none exists. Refuses when only some do. */
ERROR_MUST_CHECK enum error_code source_tables_ensure(struct database *database, struct error *error);

/* Refuses when any table holds a row, unless `replace`: then all are emptied. */
ERROR_MUST_CHECK enum error_code source_tables_empty(struct database *database, bool replace, struct error *error);

/* The indexes, without which many rows load faster. */
ERROR_MUST_CHECK enum error_code source_tables_drop_indexes(struct database *database, struct error *error);
ERROR_MUST_CHECK enum error_code source_tables_create_indexes(struct database *database, struct error *error);

/* Derives the positions from the executions anew. *more: how many more there are than before. */
ERROR_MUST_CHECK enum error_code source_tables_derive_positions(struct database *database, int64_t *more,
                                                                struct error *error);

/* A number remembered in sample_settings; *known is false when there is none of that name. */
ERROR_MUST_CHECK enum error_code source_tables_setting(struct database *database, const char *name, int64_t *value,
                                                       bool *known, struct error *error);
ERROR_MUST_CHECK enum error_code source_tables_set(struct database *database, const char *name, int64_t value,
                                                   struct error *error);

#endif
