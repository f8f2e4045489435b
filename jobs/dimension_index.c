#include "jobs/dimension_index.h"

#include <stdlib.h>
#include <string.h>

#include "core/sql.h"

enum { COLUMNS = 8, MULTIPLIER_SCALE = 8, VERSIONS_MAX = 64 * 1024 * 1024, FIRST_CAPACITY = 1024 };

_Static_assert(sizeof(struct dimension_version) == 24 && sizeof(struct dimension_member) == 64,
               "dimension_index.h states what they take");

/* Columns: natural id, key, valid_from, valid_to, tenant, client, currency, contract multiplier. */
static const char *const names[DIMENSION_COUNT] = {"instrument", "account", "strategy", "client", "liquidity_provider"};

struct dimension_index {
    struct dimension_version *versions; /* by member, then valid_from */
    struct dimension_member *members;
    uint32_t *slots; /* position + 1 of a member; 0: empty */
    size_t count, capacity, member_count, member_capacity, slot_mask;
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

/* Both halves as one number, whose bits all reach the low ones (odd multipliers, each half folded onto the other). */
size_t
dimension_id_hash(const struct dimension_id *id)
{
    uint64_t halves[2];
    _Static_assert(sizeof(halves) == sizeof(id->bytes), "an id is two halves");
    memcpy(halves, id->bytes, sizeof(halves));
    uint64_t value = (halves[0] ^ (halves[1] >> 29) ^ (halves[1] * 0x9e3779b97f4a7c15u)) * 0xd6e8feb86659fd93u;
    value = (value ^ (value >> 32)) * 0xd6e8feb86659fd93u;
    return (size_t)(value ^ (value >> 32));
}

bool
dimension_id_same(const struct dimension_id *a, const struct dimension_id *b)
{
    return memcmp(a->bytes, b->bytes, DIMENSION_ID_BYTES) == 0;
}

/* ---- building ----------------------------------------------------------------------------------------------- */

/* The array with room for one more element, or NULL; what is in it stays. */
static void *
grow(void *array, size_t size, size_t count, size_t *capacity, struct error *error)
{
    size_t wanted = *capacity ? *capacity * 2 : FIRST_CAPACITY;
    if (count < *capacity)
        return array;
    void *grown = wanted <= VERSIONS_MAX ? realloc(array, wanted * size) : NULL;
    if (grown)
        *capacity = wanted;
    else
        (void)error_set(error, ERROR_MEMORY, "a dimension of more than %zu versions does not fit into memory", count);
    return grown;
}

/* The array without the room that is left. */
static void *
shrink(void *array, size_t size, size_t count)
{
    void *shrunk = count ? realloc(array, count * size) : NULL;
    return shrunk ? shrunk : array;
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

/* The member of the row, which is new unless the row before was of it too; or NULL. */
static struct dimension_member *
find_member(struct dimension_index *index, const struct copy_field *fields, struct error *error)
{
    struct dimension_id id;
    if (!dimension_id_from_field(&fields[0], &id)) {
        (void)error_set(error, ERROR_BUG, "a dimension's natural id is neither integer nor uuid");
        return NULL;
    }
    if (index->member_count && dimension_id_same(&index->members[index->member_count - 1].id, &id))
        return &index->members[index->member_count - 1];
    struct dimension_member *members =
        grow(index->members, sizeof(*members), index->member_count, &index->member_capacity, error);
    if (!members)
        return NULL;
    index->members = members;
    members[index->member_count] = (struct dimension_member){.id = id, .first_version = (uint32_t)index->count};
    return &members[index->member_count++];
}

static enum error_code
add(struct dimension_index *index, const struct copy_field *fields, struct error *error)
{
    struct dimension_version *versions =
        grow(index->versions, sizeof(*versions), index->count, &index->capacity, error);
    if (!versions)
        return error->code;
    index->versions = versions;
    struct dimension_member *member = find_member(index, fields, error);
    if (!member)
        return error->code;
    struct dimension_version *version = &index->versions[index->count];
    *version = (struct dimension_version){0};
    if (copy_field_int32(&fields[1], &version->key, error) ||
        copy_field_timestamp(&fields[2], &version->valid_from_us, error) ||
        copy_field_timestamp(&fields[3], &version->valid_to_us, error) ||
        read_multiplier(&fields[7], &member->multiplier_e8, error))
        return error->code;
    member->has_tenant = dimension_id_from_field(&fields[4], &member->tenant);
    member->has_client = dimension_id_from_field(&fields[5], &member->client);
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

/* Gives back what is left of the room, and makes members findable. */
static enum error_code
settle(struct dimension_index *index, struct error *error)
{
    size_t slots = 16;
    index->versions = shrink(index->versions, sizeof(*index->versions), index->count);
    index->members = shrink(index->members, sizeof(*index->members), index->member_count);
    while (slots < index->member_count * 2)
        slots *= 2;
    index->slots = calloc(slots, sizeof(*index->slots));
    if (!index->slots)
        return error_set(error, ERROR_MEMORY, "out of memory for a dimension's index");
    index->slot_mask = slots - 1;
    for (size_t i = 0; i < index->member_count; i++) {
        size_t slot = dimension_id_hash(&index->members[i].id) & index->slot_mask;
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
    if (read_versions(index, warehouse, dimension, error) || settle(index, error)) {
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
    free(index->members);
    free(index->slots);
    free(index);
}

/* ---- looking up --------------------------------------------------------------------------------------------- */

struct dimension_place
dimension_index_find(const struct dimension_index *index, const struct dimension_id *id, int64_t unix_us)
{
    struct dimension_place place = {.gap_from_us = INT64_MIN};
    size_t slot = dimension_id_hash(id) & index->slot_mask;
    while (index->slots[slot] && !dimension_id_same(&index->members[index->slots[slot] - 1].id, id))
        slot = (slot + 1) & index->slot_mask;
    if (!index->slots[slot])
        return place;
    size_t member = index->slots[slot] - 1;
    size_t low = index->members[member].first_version,
           high = member + 1 < index->member_count ? index->members[member + 1].first_version : index->count;
    place.member = &index->members[member];
    size_t first = low;
    while (low < high) { /* the first version that begins later */
        size_t middle = low + (high - low) / 2;
        if (index->versions[middle].valid_from_us <= unix_us)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == first)
        return place;
    const struct dimension_version *version = &index->versions[low - 1];
    if (unix_us < version->valid_to_us)
        place.version = version;
    else
        place.gap_from_us = version->valid_to_us;
    return place;
}
