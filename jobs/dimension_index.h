/* jobs/dimension_index.h - point-in-time lookup of dimension keys in memory: which version of a member was valid at an
 * instant. Built once per run from one COPY. A version costs sizeof(struct dimension_version) = 88 bytes, plus 8 bytes
 * of hash table per member at the most. */
#ifndef TAPEMILL_JOBS_DIMENSION_INDEX_H
#define TAPEMILL_JOBS_DIMENSION_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "core/copy.h"
#include "core/database.h"

enum { DIMENSION_ID_BYTES = 16, DIMENSION_CURRENCY_BYTES = 4 };

enum dimension {
    DIMENSION_INSTRUMENT,
    DIMENSION_ACCOUNT,
    DIMENSION_STRATEGY,
    DIMENSION_CLIENT,
    DIMENSION_LIQUIDITY_PROVIDER,
    DIMENSION_COUNT
};

/* A natural id: a uuid's 16 bytes, or an integer's 4 (big endian) and zeros. */
struct dimension_id {
    uint8_t bytes[DIMENSION_ID_BYTES];
};

struct dimension_version {
    struct dimension_id id;
    int64_t valid_from_us, valid_to_us; /* half-open */
    struct dimension_id tenant;         /* accounts and clients */
    struct dimension_id client;         /* accounts: the client they belong to */
    int32_t key;
    bool has_tenant, has_client;
    char currency[DIMENSION_CURRENCY_BYTES]; /* instruments; "" if none */
    int64_t multiplier_e8;                   /* instruments: the contract multiplier x 10^8 */
};

struct dimension_index;

/* Reads all versions of a dimension in the connection's transaction. *out is owned by the caller. */
ERROR_MUST_CHECK enum error_code dimension_index_build(struct dimension_index **out, struct database *warehouse,
                                                       enum dimension dimension, struct error *error);
void dimension_index_free(struct dimension_index *index); /* NULL is allowed */

/* The version valid at the instant, or NULL: the member is not there. */
const struct dimension_version *dimension_index_find(const struct dimension_index *index, const struct dimension_id *id,
                                                     int64_t unix_us);

/* The id in a binary field of type integer or uuid. False for NULL or another length. */
bool dimension_id_from_field(const struct copy_field *field, struct dimension_id *id);

/* Table and epoch name: "instrument". */
const char *dimension_name(enum dimension dimension);

#endif
