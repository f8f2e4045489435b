/* jobs/dimension_index.h - point-in-time lookup of dimension keys in memory: which version of a member was valid at an
 * instant. Built from one COPY. A version costs sizeof(struct dimension_version) = 24 bytes, its member
 * sizeof(struct dimension_member) = 64 once and 8 to 16 of hash table; while it is built, twice that at the most. */
#ifndef TAPEMILL_JOBS_DIMENSION_INDEX_H
#define TAPEMILL_JOBS_DIMENSION_INDEX_H

#include <stdbool.h>
#include <stddef.h>
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
    int64_t valid_from_us, valid_to_us; /* half-open */
    int32_t key;
    char currency[DIMENSION_CURRENCY_BYTES]; /* instruments; "" if none */
};

/* What all versions of a member have in common. */
struct dimension_member {
    struct dimension_id id;
    struct dimension_id tenant; /* accounts and clients */
    struct dimension_id client; /* accounts: the client they belong to */
    int64_t multiplier_e8;      /* instruments: the contract multiplier x 10^8 */
    uint32_t first_version;
    bool has_tenant, has_client;
};

/* Where a lookup led. */
struct dimension_place {
    const struct dimension_member *member;   /* NULL: nobody knows it */
    const struct dimension_version *version; /* NULL: none was valid at the instant */
    int64_t gap_from_us;                     /* then: since when; INT64_MIN: since ever */
};

struct dimension_index;

/* Reads all versions of a dimension in the connection's transaction. *out is owned by the caller. */
ERROR_MUST_CHECK enum error_code dimension_index_build(struct dimension_index **out, struct database *warehouse,
                                                       enum dimension dimension, struct error *error);
void dimension_index_free(struct dimension_index *index); /* NULL is allowed */

struct dimension_place dimension_index_find(const struct dimension_index *index, const struct dimension_id *id,
                                            int64_t unix_us);

/* The id in a binary field of type integer or uuid. False for NULL or another length. */
bool dimension_id_from_field(const struct copy_field *field, struct dimension_id *id);
bool dimension_id_same(const struct dimension_id *a, const struct dimension_id *b);
size_t dimension_id_hash(const struct dimension_id *id);

/* Table and epoch name: "instrument". */
const char *dimension_name(enum dimension dimension);

#endif
