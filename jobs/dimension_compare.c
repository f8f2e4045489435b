#include "jobs/dimension_compare.h"

#include <string.h>

const char dimension_copy_staged[] = "copy {stage} ({staged}, updated_at) from stdin (format binary)";
static const char copy_absent[] = "copy {absent} (id) from stdin (format binary)";

enum { STATEMENT_CEILING = 64 * 1024 };

/* A row of the source: the definition's columns, the id first, then updated_at. A version: the same, then whether it is
 * inferred, then for each column that has something that stands for NULL whether it is that. */
struct streams {
    struct job_context *context;
    const struct dimension_definition *definition;
    struct dimension_comparison *comparison;
    struct copy_reader *source, *versions;
    struct copy_writer *staged, *absent;
    const struct copy_field *version;
    bool ended, is_met;        /* of the versions; a row has met the version at hand */
    struct dimension_id id;    /* of the last row */
    bool has_row, is_the_same; /* there was a last row; it said the same as the version at hand and was not staged */
};

/* ---- the order ---------------------------------------------------------------------------------------------- */

/* Integers by value, uuids by their bytes, as the database has them. */
static int
order_of_ids(const struct streams *streams, const struct dimension_id *a, const struct dimension_id *b)
{
    if (streams->definition->extract->columns[0].type == EXTRACT_UUID)
        return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
    int negative = (b->bytes[0] >> 7) - (a->bytes[0] >> 7);
    return negative ? negative : memcmp(a->bytes, b->bytes, sizeof(int32_t));
}

static enum error_code
read_id(const struct copy_field *field, struct dimension_id *id, struct error *error)
{
    return dimension_id_from_field(field, id)
               ? ERROR_NONE
               : error_set(error, ERROR_FORMAT, "an id has %d bytes", (int)field->length);
}

/* ---- versions ----------------------------------------------------------------------------------------------- */

static enum error_code
is_inferred(const struct streams *streams, bool *inferred, struct error *error)
{
    return copy_field_bool(&streams->version[streams->definition->count + 1], inferred, error);
}

static enum error_code
next_version(struct streams *streams, struct error *error)
{
    streams->is_met = false;
    if (copy_reader_next(streams->versions, &streams->version, &streams->ended, error))
        return error_context(error, "reading the current versions");
    return ERROR_NONE;
}

/* Leaves the version behind: a member that no row met is gone, unless nobody ever saw it. */
static enum error_code
pass_version(struct streams *streams, struct error *error)
{
    bool inferred;
    if (is_inferred(streams, &inferred, error))
        return error->code;
    streams->comparison->known += !inferred;
    if (!inferred && !streams->is_met) {
        streams->comparison->absent++;
        copy_put_row(streams->absent, 1);
        copy_put_field(streams->absent, &streams->version[0]);
        if (copy_flush(streams->absent, error))
            return error->code;
    }
    return next_version(streams, error);
}

/* Comes to the member's version, or the one after its place. */
static enum error_code
find_version(struct streams *streams, const struct dimension_id *id, struct error *error)
{
    struct dimension_id at;
    while (!streams->ended) {
        if (read_id(&streams->version[0], &at, error))
            return error->code;
        int order = order_of_ids(streams, &at, id);
        streams->is_met = streams->is_met || order == 0;
        if (order >= 0)
            break;
        if (pass_version(streams, error))
            return error->code;
    }
    return ERROR_NONE;
}

/* ---- rows --------------------------------------------------------------------------------------------------- */

static enum error_code
says_the_same(const struct streams *streams, const struct copy_field *row, bool *same, struct error *error)
{
    const struct dimension_definition *definition = streams->definition;
    const struct copy_field *version = streams->version, *stands_for_null = &version[definition->count + 2];
    bool inferred;
    if (is_inferred(streams, &inferred, error))
        return error->code;
    *same = !inferred && copy_same_bytes(&row[definition->count], &version[definition->count]);
    for (size_t i = 1; *same && i < definition->count; i++) {
        unsigned traits = definition->columns[i].traits;
        if ((traits & DIMENSION_FILLED) && row[i].length < 0) {
            if (copy_field_bool(stands_for_null, same, error))
                return error->code;
        } else {
            *same = traits & DIMENSION_NUMERIC ? copy_same_numeric(&row[i], &version[i])
                                               : copy_same_bytes(&row[i], &version[i]);
        }
        stands_for_null += (traits & DIMENSION_FILLED) != 0;
    }
    return ERROR_NONE;
}

static enum error_code
stage_row(struct streams *streams, const struct copy_field *row, struct error *error)
{
    size_t columns = streams->definition->extract->count;
    copy_put_row(streams->staged, (int16_t)columns);
    for (size_t i = 0; i < columns; i++)
        copy_put_field(streams->staged, &row[i]);
    return copy_flush(streams->staged, error);
}

/* Another row of the same member: which of both counts is told later, beside each other. One that said the same as the
 * version was not staged; the version stands for it. */
static enum error_code
take_second(struct streams *streams, const struct copy_field *row, struct error *error)
{
    if (streams->is_the_same) {
        streams->is_the_same = false;
        streams->comparison->unchanged--;
        if (stage_row(streams, streams->version, error))
            return error->code;
    }
    return stage_row(streams, row, error);
}

static enum error_code
take_first(struct streams *streams, const struct copy_field *row, const struct dimension_id *id, struct error *error)
{
    streams->is_the_same = false;
    streams->has_row = true;
    streams->id = *id;
    if (find_version(streams, id, error) ||
        (streams->is_met && says_the_same(streams, row, &streams->is_the_same, error)))
        return error->code;
    streams->comparison->unchanged += streams->is_the_same;
    return streams->is_the_same ? ERROR_NONE : stage_row(streams, row, error);
}

static enum error_code
take_row(struct streams *streams, const struct copy_field *row, struct error *error)
{
    struct dimension_id id;
    streams->comparison->extracted++;
    if (row[0].length < 0) /* of nobody */
        return stage_row(streams, row, error);
    if (read_id(&row[0], &id, error))
        return error->code;
    int order = streams->has_row ? order_of_ids(streams, &streams->id, &id) : -1;
    if (order > 0)
        return error_set(error, ERROR_BUG, "the source gives the rows of %s in another order than that of %s",
                         streams->definition->extract->name, streams->definition->id);
    return order ? take_first(streams, row, &id, error) : take_second(streams, row, error);
}

/* ---- both --------------------------------------------------------------------------------------------------- */

static enum error_code
open_streams(struct streams *streams, struct error *error)
{
    const struct dimension_definition *definition = streams->definition;
    const struct ledger_run *run = streams->context->run;
    const struct extract_range range = {
        .interval_start = run->interval_start, .interval_end = run->interval_end, .order_by = definition->id};
    struct buffer query;
    size_t filled = 0;
    for (size_t i = 0; i < definition->count; i++)
        filled += (definition->columns[i].traits & DIMENSION_FILLED) != 0;
    if (copy_spool_open(&streams->staged, error) || copy_spool_open(&streams->absent, error) ||
        extract_open_range(streams->context, definition->extract, &range, &streams->source, error))
        return error->code;
    buffer_init(&query, STATEMENT_CEILING);
    enum error_code code = dimension_expand(definition, sql_text("jobs/dimension_compare", "versions"), &query, error);
    if (!code)
        code = copy_reader_open(&streams->versions, streams->context->warehouse, query.bytes,
                                (int)(definition->count + 2 + filled), error);
    buffer_term(&query);
    return code ? code : next_version(streams, error);
}

static enum error_code
read_streams(struct streams *streams, struct error *error)
{
    const struct copy_field *row;
    bool end = false;
    enum error_code code = ERROR_NONE;
    while (!code && !end) {
        code = copy_reader_next(streams->source, &row, &end, error);
        if (!code && !end)
            code = take_row(streams, row, error);
    }
    while (!code && !streams->ended)
        code = pass_version(streams, error);
    return code;
}

/* Through the run's connection, once the versions are read. */
static enum error_code
send(struct streams *streams, struct copy_writer **spool, const char *template, struct error *error)
{
    struct copy_writer *sent = *spool;
    struct buffer copy;
    int64_t rows;
    buffer_init(&copy, STATEMENT_CEILING);
    enum error_code code = dimension_expand(streams->definition, template, &copy, error);
    if (!code) {
        *spool = NULL;
        code = copy_spool_send(sent, streams->context->warehouse, copy.bytes, &rows, error);
    }
    buffer_term(&copy);
    return code;
}

enum error_code
dimension_compare(struct job_context *context, const struct dimension_definition *definition,
                  struct dimension_comparison *comparison, struct error *error)
{
    struct streams streams = {.context = context, .definition = definition, .comparison = comparison};
    *comparison = (struct dimension_comparison){0};
    enum error_code code = open_streams(&streams, error);
    if (!code)
        code = read_streams(&streams, error);
    copy_reader_close(streams.versions);
    copy_reader_close(streams.source);
    if (!code)
        code = send(&streams, &streams.staged, dimension_copy_staged, error);
    if (!code)
        code = send(&streams, &streams.absent, copy_absent, error);
    copy_writer_abort(streams.staged);
    copy_writer_abort(streams.absent);
    return code;
}
