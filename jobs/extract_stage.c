#include "jobs/extract_stage.h"

static enum error_code
pass_on(struct copy_reader *reader, struct copy_writer *writer, size_t columns, struct error *error)
{
    const struct copy_field *fields;
    bool end;
    while (!copy_reader_next(reader, &fields, &end, error)) {
        if (end)
            return ERROR_NONE;
        copy_put_row(writer, (int16_t)columns);
        for (size_t i = 0; i < columns; i++)
            copy_put_field(writer, &fields[i]);
        if (copy_flush(writer, error))
            break;
    }
    return error->code;
}

enum error_code
extract_stage(struct job_context *context, const struct extract_definition *definition,
              const struct extract_range *range, const char *copy, int64_t *rows, struct error *error)
{
    struct copy_reader *reader;
    struct copy_writer *writer = NULL;
    if (range ? extract_open_range(context, definition, range, &reader, error)
              : extract_open(context, definition, &reader, error))
        return error->code;
    enum error_code code = copy_writer_open(&writer, context->warehouse, copy, error);
    if (!code)
        code = pass_on(reader, writer, definition->count, error);
    if (!code)
        code = copy_writer_finish(writer, rows, error);
    else
        copy_writer_abort(writer);
    copy_reader_close(reader);
    return code ? error_context(error, "extraction %s", definition->name) : ERROR_NONE;
}
