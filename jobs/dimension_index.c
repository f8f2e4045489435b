#include "jobs/dimension_index.h"

#include <stdlib.h>
#include <string.h>

#include "core/sql.h"

enum { COLUMNS = 8, MULTIPLIER_SCALE = 8, VERSIONS_MAX = 64 * 1024 * 1024 };

/* Columns: natural id, key, valid_from, valid_to, tenant, client, currency, contract multiplier. */
static const char *const names[DIMENSION_COUNT] = {"instrument", "account", "strategy", "client", "liquidity_provider"};

struct dimension_index {
    struct dimension_version *versions; /* by id, then valid_from */
    size_t count, capacity;
    uint32_t *slots; /* position + 1 of a member's first version; 0: empty */
    size_t slot_mask;
};

const char *
dimension_name(enum dimension dimension)
{
    return names[dimension];
}

bool
dimension_id_from_field(const struct copy_field *field, struct dimension_id *id)
{
    if (field->length != 4 && field->length != DIMENSION_ID_BYTES)
        return false;
    memset(id, 0, sizeof(*id));
    memcpy(id->bytes, field->bytes, (size_t)field->length);
    return true;
}

/* FNV-1a, 64 bits, folded. */
static size_t
hash(const struct dimension_id *id)
{
    uint64_t value = 14695981039346656037u;
    for (int i = 0; i < DIMENSION_ID_BYTES; i++)
        value = (value ^ id->bytes[i]) * 1099511628211u;
    return (size_t)(value ^ (value >> 32));
}

static bool
same(const struct dimension_id *a, const struct dimension_id *b)
{
    return memcmp(a->bytes, b->bytes, DIMENSION_ID_BYTES) == 0;
}

static enum error_code
grow(struct dimension_index *index, struct error *error)
{
    size_t capacity = index->capacity ? index->capacity * 2 : 1024;
    struct dimension_version *versions =
        capacity <= VERSIONS_MAX ? realloc(index->versions, capacity * sizeof(*versions)) : NULL;
    if (!versions)
        return error_set(error, ERROR_MEMORY, "a dimension of more than %zu versions does not fit into memory",
                         index->count);
    index->versions = versions;
    index->capacity = capacity;
    return ERROR_NONE;
}

/* A contract multiplier as a whole number of 10^-8. */
static enum error_code
read_multiplier(const struct copy_field *field, int64_t *multiplier_e8, struct error *error)
{
    struct decimal value;
    enum decimal_special special;
    *multiplier_e8 = 0;
    if (field->length < 0)
        return ERROR_NONE;
    if (decimal_from_pg(field->bytes, (size_t)field->length, &value, &special, error) ||
        decimal_round(&value, MULTIPLIER_SCALE, DECIMAL_TRUNCATE, &value, error))
        return error->code;
    if (special != DECIMAL_FINITE || value.limb[1] || value.limb[2] || value.limb[3] || value.limb[0] > INT64_MAX)
        return error_set(error, ERROR_RANGE, "a contract multiplier lies beyond %lld",
                         (long long)(INT64_MAX / 100000000));
    *multiplier_e8 = value.negative ? -(int64_t)value.limb[0] : (int64_t)value.limb[0];
    return ERROR_NONE;
}

static enum error_code
add(struct dimension_index *index, const struct copy_field *fields, struct error *error)
{
    if (index->count == index->capacity && grow(index, error))
        return error->code;
    struct dimension_version *version = &index->versions[index->count];
    *version = (struct dimension_version){0};
    if (!dimension_id_from_field(&fields[0], &version->id))
        return error_set(error, ERROR_BUG, "a dimension's natural id is neither integer nor uuid");
    if (copy_field_int32(&fields[1], &version->key, error) ||
        copy_field_timestamp(&fields[2], &version->valid_from_us, error) ||
        copy_field_timestamp(&fields[3], &version->valid_to_us, error) ||
        read_multiplier(&fields[7], &version->multiplier_e8, error))
        return error->code;
    version->has_tenant = dimension_id_from_field(&fields[4], &version->tenant);
    version->has_client = dimension_id_from_field(&fields[5], &version->client);
    if (fields[6].length > 0 && fields[6].length < DIMENSION_CURRENCY_BYTES)
        memcpy(version->currency, fields[6].bytes, (size_t)fields[6].length);
    index->count++;
    return ERROR_NONE;
}

static enum error_code
read_versions(struct dimension_index *index, struct database *warehouse, enum dimension dimension, struct error *error)
{
    struct copy_reader *reader;
    const struct copy_field *fields;
    bool end = false;
    if (copy_reader_open(&reader, warehouse, sql_text("jobs/dimension_index", names[dimension]), COLUMNS, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    while (!code && !end) {
        code = copy_reader_next(reader, &fields, &end, error);
        if (!code && !end)
            code = add(index, fields, error);
    }
    copy_reader_close(reader);
    return code;
}

static enum error_code
build_slots(struct dimension_index *index, struct error *error)
{
    size_t slots = 16;
    while (slots < index->count * 2)
        slots *= 2;
    index->slots = calloc(slots, sizeof(*index->slots));
    if (!index->slots)
        return error_set(error, ERROR_MEMORY, "out of memory for a dimension's index");
    index->slot_mask = slots - 1;
    for (size_t i = 0; i < index->count; i++) {
        if (i && same(&index->versions[i].id, &index->versions[i - 1].id))
            continue;
        size_t slot = hash(&index->versions[i].id) & index->slot_mask;
        while (index->slots[slot])
            slot = (slot + 1) & index->slot_mask;
        index->slots[slot] = (uint32_t)i + 1;
    }
    return ERROR_NONE;
}

enum error_code
dimension_index_build(struct dimension_index **out, struct database *warehouse, enum dimension dimension,
                      struct error *error)
{
    struct dimension_index *index = calloc(1, sizeof(*index));
    *out = NULL;
    if (!index)
        return error_set(error, ERROR_MEMORY, "out of memory for a dimension's index");
    if (read_versions(index, warehouse, dimension, error) || build_slots(index, error)) {
        dimension_index_free(index);
        return error_context(error, "dimension %s", names[dimension]);
    }
    *out = index;
    return ERROR_NONE;
}

void
dimension_index_free(struct dimension_index *index)
{
    if (!index)
        return;
    free(index->versions);
    free(index->slots);
    free(index);
}

const struct dimension_version *
dimension_index_find(const struct dimension_index *index, const struct dimension_id *id, int64_t unix_us)
{
    size_t slot = hash(id) & index->slot_mask;
    while (index->slots[slot] && !same(&index->versions[index->slots[slot] - 1].id, id))
        slot = (slot + 1) & index->slot_mask;
    if (!index->slots[slot])
        return NULL;
    for (size_t i = index->slots[slot] - 1; i < index->count && same(&index->versions[i].id, id); i++) {
        const struct dimension_version *version = &index->versions[i];
        if (unix_us >= version->valid_from_us && unix_us < version->valid_to_us)
            return version;
    }
    return NULL;
}
