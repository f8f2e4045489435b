#include "jobs/dimension_compare.h"

#include <stdlib.h>
#include <string.h>

const char dimension_copy_staged[] = "copy {stage} ({staged}, updated_at) from stdin (format binary)";
static const char copy_absent[] = "copy {absent} (id) from stdin (format binary)";

enum {
    STATEMENT_CEILING = 64 * 1024,
    CONDITION_CEILING = 192 * 1024,
    STATE_BYTES = 16, /* updated_at and the digest, as they are sent */
    ROW_COLUMNS = 3,
    VERSION_COLUMNS = 4,
    MEMBERS_MAX = 64 * 1024 * 1024,
    FIRST_SLOTS = 4096,
    NAMED_MAX = 4096, /* so many rows are asked for by their ids; if more differ, all are read again */
};

enum {
    IS_SHOWN = 1,    /* at the source */
    HAS_VERSION = 2, /* that is current */
    IS_INFERRED = 4,
    DIFFERS = 8,
};

struct member {
    struct dimension_id id;
    uint8_t state[STATE_BYTES]; /* of the side that came first */
    uint8_t flags;
};

_Static_assert(sizeof(struct member) == 33, "dimension_compare.h states what a member takes");

struct compare {
    struct job_context *context;
    const struct dimension_definition *definition;
    struct dimension_comparison *comparison;
    struct copy_reader *rows, *versions;
    struct member *members; /* room for half as many as there are slots */
    uint32_t *slots;        /* position + 1 of a member; 0: empty */
    size_t count, slot_count;
    int64_t nobodys; /* rows without an id */
};

/* ---- members ------------------------------------------------------------------------------------------------ */

/* The slot of the member, or the one that it would have. */
static uint32_t *
find_slot(const struct compare *compare, const struct dimension_id *id)
{
    size_t mask = compare->slot_count - 1, slot = dimension_id_hash(id) & mask;
    while (compare->slots[slot] && !dimension_id_same(&compare->members[compare->slots[slot] - 1].id, id))
        slot = (slot + 1) & mask;
    return &compare->slots[slot];
}

static enum error_code
grow(struct compare *compare, struct error *error)
{
    size_t slot_count = compare->slot_count ? compare->slot_count * 2 : FIRST_SLOTS;
    struct member *members = NULL;
    uint32_t *slots = NULL;
    if (slot_count <= MEMBERS_MAX && (slots = calloc(slot_count, sizeof(*slots))) != NULL)
        members = realloc(compare->members, slot_count / 2 * sizeof(*members));
    if (!members) {
        free(slots);
        return error_set(error, ERROR_MEMORY, "a dimension of more than %zu members does not fit into memory",
                         compare->count);
    }
    free(compare->slots);
    compare->members = members;
    compare->slots = slots;
    compare->slot_count = slot_count;
    for (size_t i = 0; i < compare->count; i++)
        *find_slot(compare, &members[i].id) = (uint32_t)i + 1;
    return ERROR_NONE;
}

/* The member with the id, new or not; or NULL. */
static struct member *
meet(struct compare *compare, const struct copy_field *id_field, struct error *error)
{
    struct dimension_id id;
    if (!dimension_id_from_field(id_field, &id)) {
        (void)error_set(error, ERROR_FORMAT, "an id has %d bytes", (int)id_field->length);
        return NULL;
    }
    if (compare->count * 2 == compare->slot_count && grow(compare, error))
        return NULL;
    uint32_t *slot = find_slot(compare, &id);
    if (!*slot) {
        compare->members[compare->count] = (struct member){.id = id};
        *slot = (uint32_t)++compare->count;
    }
    return &compare->members[*slot - 1];
}

/* Holds the state of one side against that of the other, if that came before. A stamp that is NULL is like no other. */
static void
hold_state(struct member *member, const struct copy_field state[2])
{
    uint8_t bytes[STATE_BYTES];
    size_t half = sizeof(bytes) / 2;
    if (state[0].length != (int32_t)half || state[1].length != (int32_t)half) {
        member->flags |= DIFFERS;
        return;
    }
    memcpy(bytes, state[0].bytes, half);
    memcpy(bytes + half, state[1].bytes, half);
    if (!(member->flags & (IS_SHOWN | HAS_VERSION)))
        memcpy(member->state, bytes, sizeof(bytes));
    else if (memcmp(member->state, bytes, sizeof(bytes)) != 0)
        member->flags |= DIFFERS;
}

/* ---- both sides --------------------------------------------------------------------------------------------- */

static enum error_code
take_row(struct compare *compare, const struct copy_field *fields, struct error *error)
{
    compare->comparison->extracted++;
    if (fields[0].length < 0) {
        compare->nobodys++;
        return ERROR_NONE;
    }
    struct member *member = meet(compare, &fields[0], error);
    if (!member)
        return error->code;
    if (member->flags & IS_SHOWN)
        member->flags |= DIFFERS; /* which of its rows counts is told later, beside each other */
    hold_state(member, &fields[1]);
    member->flags |= IS_SHOWN;
    return ERROR_NONE;
}

static enum error_code
take_version(struct compare *compare, const struct copy_field *fields, struct error *error)
{
    bool inferred;
    struct member *member = meet(compare, &fields[0], error);
    if (!member || copy_field_bool(&fields[3], &inferred, error))
        return error->code;
    hold_state(member, &fields[1]);
    member->flags |= inferred ? HAS_VERSION | IS_INFERRED : HAS_VERSION;
    return ERROR_NONE;
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
                                            .list_columns = ROW_COLUMNS};
        code = extract_open_range(compare->context, definition->extract, &range, &compare->rows, error);
    }
    if (!code)
        code = copy_reader_open(&compare->versions, compare->context->warehouse, versions.bytes, VERSION_COLUMNS, error);
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
is_absent(const struct member *member)
{
    return (member->flags & (IS_SHOWN | HAS_VERSION | IS_INFERRED)) == HAS_VERSION;
}

/* What an inferred version says is not the source's. */
static bool
is_news(const struct member *member)
{
    return (member->flags & IS_SHOWN) && (member->flags & (HAS_VERSION | IS_INFERRED | DIFFERS)) != HAS_VERSION;
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
    for (size_t i = 0; !code && i < compare->count; i++) {
        if (!is_absent(&compare->members[i]))
            continue;
        copy_put_row(writer, 1);
        copy_put_bytes(writer, compare->members[i].id.bytes, id_bytes(compare));
        code = copy_flush(writer, error);
    }
    return close_copy(writer, code, &compare->comparison->absent, error);
}

/* The rows with news, as an SQL expression. */
static void
put_condition(const struct compare *compare, struct buffer *condition)
{
    const struct dimension_definition *definition = compare->definition;
    const char *separator = "";
    buffer_format(condition, "%s = any ('{", definition->id);
    for (size_t i = 0; i < compare->count; i++) {
        const uint8_t *bytes = compare->members[i].id.bytes;
        uint32_t number = 0;
        if (!is_news(&compare->members[i]))
            continue;
        buffer_text(condition, separator);
        separator = ",";
        for (size_t at = 0; at < id_bytes(compare); at++) {
            number = number << 8 | bytes[at];
            if (id_bytes(compare) == DIMENSION_ID_BYTES)
                buffer_format(condition, "%02x", bytes[at]);
        }
        if (id_bytes(compare) != DIMENSION_ID_BYTES)
            buffer_format(condition, "%d", (int)(int32_t)number);
    }
    buffer_format(condition, "}'::%s[])%s%s%s", definition->columns[0].type, compare->nobodys ? " or " : "",
                  compare->nobodys ? definition->id : "", compare->nobodys ? " is null" : "");
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
        if (dimension_id_from_field(&fields[0], &id)) {
            const uint32_t *slot = find_slot(compare, &id);
            if (*slot && !is_news(&compare->members[*slot - 1]))
                continue;
        }
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
    for (size_t i = 0; i < compare->count; i++) {
        const struct member *member = &compare->members[i];
        comparison->known += (member->flags & (HAS_VERSION | IS_INFERRED)) == HAS_VERSION;
        comparison->absent += is_absent(member);
        news += is_news(member);
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
    free(compare.slots);
    return code;
}
