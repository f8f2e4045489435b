#include "jobs/dimension_compare.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

const char dimension_copy_staged[] = "copy {stage} ({staged}, updated_at) from stdin (format binary)";
static const char copy_absent[] = "copy {absent} (id) from stdin (format binary)";

enum {
    STATEMENT_CEILING = 64 * 1024,
    CONDITION_CEILING = 192 * 1024,
    STATE_BYTES = 16, /* updated_at and the digest, as they are sent */
    COLUMNS = 3,      /* the id, and these two */
    FIRST_SLOTS = 4096,
    SLOTS_MAX = 64 * 1024 * 1024,
    NAMED_MAX = 4096, /* so many rows are asked for by their ids; if more differ, all are read again */
};

/* Of a slot that is taken, one of the first two at least. */
enum {
    IS_SHOWN = 1,    /* at the source */
    HAS_VERSION = 2, /* that is current */
    IS_INFERRED = 4,
    DIFFERS = 8,
};

struct member {
    struct dimension_id id;
    uint8_t state[STATE_BYTES]; /* of the side that came first */
};

_Static_assert(sizeof(struct member) == 32, "dimension_compare.h states what a member takes");

struct compare {
    struct job_context *context;
    const struct dimension_definition *definition;
    struct dimension_comparison *comparison;
    struct copy_reader *rows, *versions;
    struct member *members; /* by slot, so that a look into memory finds the id and the state */
    uint8_t *flags;         /* by slot; 0: empty */
    size_t count, slot_count;
    int64_t nobodys; /* rows without an id */
};

/* ---- members ------------------------------------------------------------------------------------------------ */

/* The slot of the member, or the one that it would have. */
static size_t
find_slot(const struct compare *compare, const struct dimension_id *id)
{
    size_t mask = compare->slot_count - 1, slot = dimension_id_hash(id) & mask;
    while (compare->flags[slot] && memcmp(&compare->members[slot].id, id, sizeof(*id)) != 0)
        slot = (slot + 1) & mask;
    return slot;
}

static enum error_code
grow(struct compare *compare, struct error *error)
{
    const struct compare old = *compare;
    size_t slot_count = old.slot_count ? old.slot_count * 2 : FIRST_SLOTS;
    struct member *members = NULL;
    uint8_t *flags = NULL;
    if (slot_count <= SLOTS_MAX && (flags = calloc(slot_count, sizeof(*flags))) != NULL)
        members = aligned_alloc(sizeof(*members), slot_count * sizeof(*members));
    if (!members) {
        free(flags);
        return error_set(error, ERROR_MEMORY, "a dimension of more than %zu members does not fit into memory",
                         old.count);
    }
    compare->members = members;
    compare->flags = flags;
    compare->slot_count = slot_count;
    for (size_t i = 0; i < old.slot_count; i++) {
        if (!old.flags[i])
            continue;
        size_t slot = find_slot(compare, &old.members[i].id);
        members[slot] = old.members[i];
        flags[slot] = old.flags[i];
    }
    free(old.members);
    free(old.flags);
    return ERROR_NONE;
}

/* Notes what one side says of a member, whose state is the two fields after its id, and holds it against what the other
 * said, if that came before. A stamp that is NULL is like no other. */
static enum error_code
note(struct compare *compare, const struct copy_field *fields, uint8_t flags, struct error *error)
{
    struct dimension_id id;
    uint8_t state[STATE_BYTES];
    size_t half = sizeof(state) / 2;
    if (!dimension_id_from_field(&fields[0], &id))
        return error_set(error, ERROR_FORMAT, "an id has %d bytes", (int)fields[0].length);
    if (compare->count * 4 >= compare->slot_count * 3 && grow(compare, error))
        return error->code;
    if (fields[1].length == (int32_t)half && fields[2].length == (int32_t)half) {
        memcpy(state, fields[1].bytes, half);
        memcpy(state + half, fields[2].bytes, half);
    } else {
        flags |= DIFFERS;
    }
    size_t slot = find_slot(compare, &id);
    struct member *member = &compare->members[slot];
    if (!compare->flags[slot]) {
        compare->count++;
        member->id = id;
        if (!(flags & DIFFERS))
            memcpy(member->state, state, sizeof(state));
    } else if (compare->flags[slot] & flags & IS_SHOWN) {
        flags |= DIFFERS; /* which of its rows counts is told later, beside each other */
    } else if (!((compare->flags[slot] | flags) & DIFFERS) && memcmp(member->state, state, sizeof(state)) != 0) {
        flags |= DIFFERS;
    }
    compare->flags[slot] |= flags;
    return ERROR_NONE;
}

/* ---- both sides --------------------------------------------------------------------------------------------- */

static enum error_code
take_row(struct compare *compare, const struct copy_field *fields, struct error *error)
{
    bool is_nobodys = fields[0].length < 0;
    compare->comparison->extracted++;
    compare->nobodys += is_nobodys;
    return is_nobodys ? ERROR_NONE : note(compare, fields, IS_SHOWN, error);
}

/* An inferred version has no digest. */
static enum error_code
take_version(struct compare *compare, const struct copy_field *fields, struct error *error)
{
    return note(compare, fields, fields[2].length < 0 ? HAS_VERSION | IS_INFERRED : HAS_VERSION, error);
}

static enum error_code
open_both(struct compare *compare, struct error *error)
{
    const struct dimension_definition *definition = compare->definition;
    const struct ledger_run *run = compare->context->run;
    struct buffer versions, list;
    buffer_init(&versions, STATEMENT_CEILING);
    buffer_init(&list, STATEMENT_CEILING);
    enum error_code code =
        dimension_expand(definition, sql_text("jobs/dimension_compare", "versions"), &versions, error);
    if (!code)
        code = dimension_expand(definition, sql_text("jobs/dimension_compare", "rows"), &list, error);
    if (!code) {
        const struct extract_range range = {.interval_start = run->interval_start,
                                            .interval_end = run->interval_end,
                                            .list = list.bytes,
                                            .list_columns = COLUMNS};
        code = extract_open_range(compare->context, definition->extract, &range, &compare->rows, error);
    }
    if (!code)
        code = copy_reader_open(&compare->versions, compare->context->warehouse, versions.bytes, COLUMNS, error);
    buffer_term(&versions);
    buffer_term(&list);
    return code;
}

/* By turns, so that neither server waits until the other is done. */
static enum error_code
read_both(struct compare *compare, struct error *error)
{
    const struct copy_field *fields;
    bool rows_end = false, versions_end = false;
    while (!rows_end || !versions_end) {
        if (!versions_end && (copy_reader_next(compare->versions, &fields, &versions_end, error) ||
                              (!versions_end && take_version(compare, fields, error))))
            return error_context(error, "reading the current versions");
        if (!rows_end && (copy_reader_next(compare->rows, &fields, &rows_end, error) ||
                          (!rows_end && take_row(compare, fields, error))))
            return error->code;
    }
    return ERROR_NONE;
}

/* ---- what came of it ---------------------------------------------------------------------------------------- */

static bool
is_absent(uint8_t flags)
{
    return (flags & (IS_SHOWN | HAS_VERSION | IS_INFERRED)) == HAS_VERSION;
}

/* What an inferred version says is not the source's. */
static bool
is_news(uint8_t flags)
{
    return (flags & IS_SHOWN) && (flags & (HAS_VERSION | IS_INFERRED | DIFFERS)) != HAS_VERSION;
}

static size_t
id_bytes(const struct compare *compare)
{
    return compare->definition->extract->columns[0].type == EXTRACT_UUID ? DIMENSION_ID_BYTES : sizeof(int32_t);
}

static enum error_code
open_copy(const struct compare *compare, const char *template, struct copy_writer **writer, struct error *error)
{
    struct buffer copy;
    *writer = NULL;
    buffer_init(&copy, STATEMENT_CEILING);
    enum error_code code = dimension_expand(compare->definition, template, &copy, error);
    if (!code)
        code = copy_writer_open(writer, compare->context->warehouse, copy.bytes, error);
    buffer_term(&copy);
    return code;
}

static enum error_code
close_copy(struct copy_writer *writer, enum error_code code, int64_t *rows, struct error *error)
{
    if (!code)
        return copy_writer_finish(writer, rows, error);
    copy_writer_abort(writer);
    return code;
}

static enum error_code
stage_absent(struct compare *compare, struct error *error)
{
    struct copy_writer *writer;
    if (open_copy(compare, copy_absent, &writer, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    for (size_t i = 0; !code && i < compare->slot_count; i++) {
        if (!is_absent(compare->flags[i]))
            continue;
        copy_put_row(writer, 1);
        copy_put_bytes(writer, compare->members[i].id.bytes, id_bytes(compare));
        code = copy_flush(writer, error);
    }
    return close_copy(writer, code, &compare->comparison->absent, error);
}

static void
put_id(const struct compare *compare, const struct dimension_id *id, struct buffer *text)
{
    static const char digits[] = "0123456789abcdef";
    char hex[2 * DIMENSION_ID_BYTES];
    uint32_t number;
    if (id_bytes(compare) != DIMENSION_ID_BYTES) {
        memcpy(&number, id->bytes, sizeof(number));
        buffer_format(text, "%d", (int)(int32_t)be32toh(number));
        return;
    }
    for (size_t i = 0; i < DIMENSION_ID_BYTES; i++) {
        hex[2 * i] = digits[id->bytes[i] >> 4];
        hex[2 * i + 1] = digits[id->bytes[i] & 15];
    }
    buffer_append(text, hex, sizeof(hex));
}

/* The rows with news, as an SQL expression. */
static void
put_condition(const struct compare *compare, struct buffer *condition)
{
    const struct dimension_definition *definition = compare->definition;
    const char *separator = "";
    buffer_format(condition, "%s = any ('{", definition->id);
    for (size_t i = 0; i < compare->slot_count; i++) {
        if (!is_news(compare->flags[i]))
            continue;
        buffer_text(condition, separator);
        separator = ",";
        put_id(compare, &compare->members[i].id, condition);
    }
    buffer_format(condition, "}'::%s[])", definition->columns[0].type);
    if (compare->nobodys)
        buffer_format(condition, " or %s is null", definition->id);
}

/* Rows of the extraction that have news, or no member at all. */
static enum error_code
pass_news(const struct compare *compare, struct copy_reader *reader, struct copy_writer *writer, struct error *error)
{
    size_t columns = compare->definition->extract->count;
    const struct copy_field *fields;
    bool end;
    while (!copy_reader_next(reader, &fields, &end, error)) {
        struct dimension_id id;
        if (end)
            return ERROR_NONE;
        if (dimension_id_from_field(&fields[0], &id) && !is_news(compare->flags[find_slot(compare, &id)]))
            continue;
        copy_put_row(writer, (int16_t)columns);
        for (size_t i = 0; i < columns; i++)
            copy_put_field(writer, &fields[i]);
        if (copy_flush(writer, error))
            break;
    }
    return error->code;
}

static enum error_code
stage_news(struct compare *compare, int64_t members, int64_t *staged, struct error *error)
{
    const struct ledger_run *run = compare->context->run;
    struct extract_range range = {.interval_start = run->interval_start, .interval_end = run->interval_end};
    struct copy_reader *reader = NULL;
    struct copy_writer *writer;
    struct buffer condition;
    buffer_init(&condition, CONDITION_CEILING);
    if (members <= NAMED_MAX) {
        put_condition(compare, &condition);
        range.condition = condition.bytes;
    }
    enum error_code code = buffer_check(&condition, "a list of members", error);
    if (!code)
        code = extract_open_range(compare->context, compare->definition->extract, &range, &reader, error);
    buffer_term(&condition);
    if (!code && (code = open_copy(compare, dimension_copy_staged, &writer, error)) == ERROR_NONE)
        code = close_copy(writer, pass_news(compare, reader, writer, error), staged, error);
    copy_reader_close(reader);
    return code;
}

static enum error_code
stage_both(struct compare *compare, struct error *error)
{
    struct dimension_comparison *comparison = compare->comparison;
    int64_t news = 0, staged = 0;
    for (size_t i = 0; i < compare->slot_count; i++) {
        comparison->known += (compare->flags[i] & (HAS_VERSION | IS_INFERRED)) == HAS_VERSION;
        comparison->absent += is_absent(compare->flags[i]);
        news += is_news(compare->flags[i]);
    }
    if ((news || compare->nobodys) && stage_news(compare, news, &staged, error))
        return error->code;
    comparison->unchanged = comparison->extracted - staged;
    return comparison->absent ? stage_absent(compare, error) : ERROR_NONE;
}

enum error_code
dimension_compare(struct job_context *context, const struct dimension_definition *definition,
                  struct dimension_comparison *comparison, struct error *error)
{
    struct compare compare = {.context = context, .definition = definition, .comparison = comparison};
    *comparison = (struct dimension_comparison){0};
    enum error_code code = grow(&compare, error);
    if (!code)
        code = open_both(&compare, error);
    if (!code)
        code = read_both(&compare, error);
    copy_reader_close(compare.versions);
    copy_reader_close(compare.rows);
    if (!code)
        code = stage_both(&compare, error);
    free(compare.members);
    free(compare.flags);
    return code;
}
