#include "jobs/dimension_infer.h"

#include <inttypes.h>
#include <string.h>

#include "core/buffer.h"
#include "core/config.h"
#include "core/sql.h"
#include "jobs/dimension.h"

#define SQL(name) sql_text("jobs/dimension_infer", name)

enum { STATEMENT_CEILING = 64 * 1024, ARRAY_CEILING = 256 * 1024 * 1024, UUID_DIGITS = 16, INTEGER_BYTES = 4 };

/* The members as PostgreSQL's array texts, place by place. */
struct arrays {
    struct buffer ids, tenants, instants;
};

struct inference {
    struct database *warehouse;
    const struct dimension_definition *definition;
    const char *name;
    struct arrays arrays;
};

/* ---- arrays ------------------------------------------------------------------------------------------------- */

static void
put_uuid(struct buffer *text, const struct dimension_id *id)
{
    for (int i = 0; i < UUID_DIGITS; i++)
        buffer_format(text, "%02x", id->bytes[i]);
}

static void
put_id(struct buffer *text, const struct dimension_id *id, bool is_uuid)
{
    uint32_t number = 0;
    if (is_uuid) {
        put_uuid(text, id);
        return;
    }
    for (int i = 0; i < INTEGER_BYTES; i++)
        number = number << 8 | id->bytes[i];
    buffer_format(text, "%" PRId32, (int32_t)number);
}

static const struct dimension_column *
find_column(const struct dimension_definition *definition, const char *name)
{
    for (size_t i = 0; i < definition->count; i++)
        if (strcmp(definition->columns[i].column, name) == 0)
            return &definition->columns[i];
    return NULL;
}

static enum error_code
write_arrays(struct inference *inference, const struct dimension_missing *missing, size_t count, struct error *error)
{
    struct arrays *arrays = &inference->arrays;
    const struct dimension_column *id = find_column(inference->definition, inference->definition->id);
    bool is_uuid = id && strcmp(id->type, "UUID") == 0;
    for (size_t i = 0; i < count; i++) {
        const char *separator = i ? "," : "{";
        buffer_text(&arrays->ids, separator);
        put_id(&arrays->ids, &missing[i].id, is_uuid);
        buffer_text(&arrays->tenants, separator);
        if (missing[i].has_tenant)
            put_uuid(&arrays->tenants, &missing[i].tenant);
        else
            buffer_text(&arrays->tenants, "null");
        buffer_format(&arrays->instants, "%s%" PRId64, separator, missing[i].unix_us);
    }
    struct buffer *const all[] = {&arrays->ids, &arrays->tenants, &arrays->instants};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        buffer_text(all[i], "}");
        if (buffer_check(all[i], "the members to infer", error))
            return error->code;
    }
    return ERROR_NONE;
}

/* ---- steps -------------------------------------------------------------------------------------------------- */

/* Runs a template; *affected, unless it is NULL, grows by the rows that it wrote. */
static enum error_code
step(struct inference *inference, const char *statement, int count, const char *const *values, int64_t *affected,
     struct error *error)
{
    struct buffer text;
    struct rows *rows = NULL;
    buffer_init(&text, STATEMENT_CEILING);
    enum error_code code = dimension_expand(inference->definition, SQL(statement), &text, error);
    if (!code)
        code = database_query(inference->warehouse, text.bytes, count, values, &rows, error);
    buffer_term(&text);
    if (code)
        return error_context(error, "inferring members of %s: %s", inference->name, statement);
    if (affected)
        *affected += rows_affected(rows);
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
give_tenants(struct inference *inference, struct error *error)
{
    if (!find_column(inference->definition, "tenant_id"))
        return ERROR_NONE;
    return step(inference, "tenants",
                DATABASE_VALUES(inference->arrays.ids.bytes, inference->arrays.tenants.bytes,
                                config_text(CONFIG_DEFAULT_TENANT)),
                NULL, error);
}

static enum error_code
fill_gaps(struct inference *inference, int64_t *filled, struct error *error)
{
    const char *ids = inference->arrays.ids.bytes;
    *filled = 0;
    if (step(inference, "fill_gaps", DATABASE_VALUES(ids, inference->arrays.instants.bytes), filled, error))
        return error->code;
    return *filled ? step(inference, "number_versions", DATABASE_VALUES(ids), NULL, error) : ERROR_NONE;
}

static enum error_code
infer(struct inference *inference, int64_t *inferred, struct error *error)
{
    const char *ids = inference->arrays.ids.bytes;
    int64_t first = 0, filled;
    if (database_query(inference->warehouse, SQL("hold_epoch"), DATABASE_VALUES(inference->name), NULL, error) ||
        step(inference, "lock_members", DATABASE_VALUES(ids), NULL, error) ||
        step(inference, "first_versions", DATABASE_VALUES(ids), &first, error) ||
        (first && give_tenants(inference, error)) || fill_gaps(inference, &filled, error))
        return error->code;
    *inferred = first + filled;
    if (!*inferred)
        return ERROR_NONE;
    return step(inference, "report", DATABASE_VALUES(ids, inference->name, inference->definition->extract->name), NULL,
                error);
}

enum error_code
dimension_infer(struct database *warehouse, enum dimension dimension, const struct dimension_missing *missing,
                size_t count, int64_t *inferred, struct error *error)
{
    struct inference inference = {
        .warehouse = warehouse, .definition = &dimension_definitions[dimension], .name = dimension_name(dimension)};
    struct arrays *arrays = &inference.arrays;
    *inferred = 0;
    if (!count)
        return ERROR_NONE;
    buffer_init(&arrays->ids, ARRAY_CEILING);
    buffer_init(&arrays->tenants, ARRAY_CEILING);
    buffer_init(&arrays->instants, ARRAY_CEILING);
    enum error_code code = write_arrays(&inference, missing, count, error);
    if (!code)
        code = infer(&inference, inferred, error);
    buffer_term(&arrays->ids);
    buffer_term(&arrays->tenants);
    buffer_term(&arrays->instants);
    return code;
}
