/* ops/command_fingerprint.h - what tables say, as hashes (sql/ops/fingerprint.sql). */
#ifndef TAPEMILL_OPS_COMMAND_FINGERPRINT_H
#define TAPEMILL_OPS_COMMAND_FINGERPRINT_H

#include <stddef.h>

#include "core/database.h"
#include "core/error.h"

enum { COMMAND_FINGERPRINT_HASH_BYTES = 65, COMMAND_FINGERPRINT_TABLES_MAX = 32 };

struct command_fingerprint {
    const char *table;
    char rows[24], hash[COMMAND_FINGERPRINT_HASH_BYTES];
};

/* One table, of facts the dates [from_key, to_key]. The connection must have DateStyle ISO. */
ERROR_MUST_CHECK enum error_code command_fingerprint_table(struct database *warehouse, const char *table,
                                                           const char *from_key, const char *to_key,
                                                           struct command_fingerprint *print, struct error *error);

/* All tables, in the order of `tapemill fingerprint`. */
ERROR_MUST_CHECK enum error_code
command_fingerprint_all(struct database *warehouse, const char *from_key, const char *to_key,
                        struct command_fingerprint prints[COMMAND_FINGERPRINT_TABLES_MAX], size_t *count,
                        struct error *error);

#endif
