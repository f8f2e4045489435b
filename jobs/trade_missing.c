#include "jobs/trade_missing.h"

#include <stdlib.h>

#include "core/failpoint.h"
#include "jobs/dimension_infer.h"

enum { FIRST_SLOTS = 64, SLOTS_MAX = 64 * 1024 * 1024 };

/* A member may miss several times: in each gap between its versions. */
struct member {
    struct dimension_missing missing;
    int64_t gap_from_us;
    enum dimension dimension;
    bool used;
};

struct trade_missing {
    struct member *slots;
    size_t slot_count, used;
};

static bool
same(const struct member *a, const struct member *b)
{
    return a->dimension == b->dimension && a->gap_from_us == b->gap_from_us &&
           dimension_id_same(&a->missing.id, &b->missing.id);
}

static struct member *
find_slot(struct member *slots, size_t count, const struct member *member)
{
    size_t slot = dimension_id_hash(&member->missing.id) & (count - 1);
    while (slots[slot].used && !same(&slots[slot], member))
        slot = (slot + 1) & (count - 1);
    return &slots[slot];
}

static enum error_code
grow(struct trade_missing *missing, struct error *error)
{
    size_t count = missing->slot_count ? missing->slot_count * 2 : FIRST_SLOTS;
    struct member *slots = count <= SLOTS_MAX ? calloc(count, sizeof(*slots)) : NULL;
    if (!slots)
        return error_set(error, ERROR_MEMORY, "more than %zu members that have not arrived do not fit into memory",
                         missing->used);
    for (size_t i = 0; i < missing->slot_count; i++)
        if (missing->slots[i].used)
            *find_slot(slots, count, &missing->slots[i]) = missing->slots[i];
    free(missing->slots);
    missing->slots = slots;
    missing->slot_count = count;
    return ERROR_NONE;
}

static enum error_code
add_member(struct trade_missing *missing, const struct trade_row *row, enum dimension dimension, struct error *error)
{
    const struct member member = {
        .missing = {.id = row->named[dimension],
                    .tenant = row->tenant,
                    .has_tenant = row->has_tenant,
                    .unix_us = row->executed_at_us},
        .gap_from_us = row->members[dimension].gap_from_us,
        .dimension = dimension,
        .used = true,
    };
    if (missing->used * 4 >= missing->slot_count * 3 && grow(missing, error))
        return error->code;
    struct member *slot = find_slot(missing->slots, missing->slot_count, &member);
    if (slot->used)
        return ERROR_NONE;
    *slot = member;
    missing->used++;
    return ERROR_NONE;
}

enum error_code
trade_missing_add(struct trade_missing **missing, const struct trade_row *row, struct error *error)
{
    if (!*missing && !(*missing = calloc(1, sizeof(**missing))))
        return error_set(error, ERROR_MEMORY, "out of memory for members that have not arrived");
    for (int i = 0; i < DIMENSION_COUNT; i++)
        if (row->missing & 1u << i && add_member(*missing, row, (enum dimension)i, error))
            return error->code;
    return ERROR_NONE;
}

void
trade_missing_free(struct trade_missing *missing)
{
    if (!missing)
        return;
    free(missing->slots);
    free(missing);
}

/* ---- inferring ---------------------------------------------------------------------------------------------- */

static enum error_code
infer_dimension(const struct trade_missing *missing, struct dimension_missing *members, enum dimension dimension,
                struct database *side, int64_t *inferred, struct error *error)
{
    size_t count = 0;
    int64_t versions;
    for (size_t i = 0; i < missing->slot_count; i++)
        if (missing->slots[i].used && missing->slots[i].dimension == dimension)
            members[count++] = missing->slots[i].missing;
    if (dimension_infer(side, dimension, members, count, &versions, error))
        return error->code;
    *inferred += versions;
    return ERROR_NONE;
}

/* In the order of the dimensions' names, as a sync locks their epochs. */
static enum error_code
infer_all(const struct trade_missing *missing, struct dimension_missing *members, struct database *side,
          int64_t *inferred, struct error *error)
{
    static const enum dimension order[DIMENSION_COUNT] = {DIMENSION_ACCOUNT, DIMENSION_CLIENT, DIMENSION_INSTRUMENT,
                                                          DIMENSION_LIQUIDITY_PROVIDER, DIMENSION_STRATEGY};
    for (int i = 0; i < DIMENSION_COUNT; i++)
        if (infer_dimension(missing, members, order[i], side, inferred, error))
            return error->code;
    return ERROR_NONE;
}

/* The fence is looked at, so that a run that was taken over infers nothing. */
static enum error_code
infer_on_side(const struct trade_missing *missing, struct dimension_missing *members, struct job_context *context,
              int64_t *inferred, struct error *error)
{
    struct database *side;
    if (job_side(context, &side, error) || database_begin(side, error))
        return error->code;
    enum error_code code = ledger_check(side, context->run, error);
    if (!code)
        code = infer_all(missing, members, side, inferred, error);
    if (!code)
        code = database_commit(side, error);
    database_rollback(side);
    return code;
}

enum error_code
trade_missing_infer(struct trade_missing **missing, struct job_context *context, int64_t *inferred, struct error *error)
{
    int64_t versions = 0;
    struct dimension_missing *members = calloc((*missing)->used, sizeof(*members));
    if (!members)
        return error_set(error, ERROR_MEMORY, "out of memory for members that have not arrived");
    enum error_code code = infer_on_side(*missing, members, context, &versions, error);
    free(members);
    if (code)
        return code;
    *inferred += versions;
    trade_missing_free(*missing);
    *missing = NULL;
    FAILPOINT("load.inferred");
    return ERROR_NONE;
}
