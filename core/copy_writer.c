#include <endian.h>
#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/copy.h"
#include "core/copy_format.h"

/* A good part less than a unix socket's buffer: the server still has rows to store while the next are prepared. With as
 * much as the buffer holds, either waits for the other in turn, which costs a third. */
enum { FLUSH_BYTES = 64 * 1024, ROW_CEILING = 64 * 1024 * 1024 };

/* ---- writing ----------------------------------------------------------------------------------------------- */

struct copy_writer {
    struct database *database; /* NULL: a spool */
    FILE *spool;
    struct buffer pending;
    size_t row_at; /* where the last row begins in it */
    bool binary;
};

enum error_code
copy_writer_open(struct copy_writer **out, struct database *database, const char *copy, struct error *error)
{
    struct copy_writer *writer = calloc(1, sizeof(*writer));
    *out = NULL;
    if (!writer)
        return error_set(error, ERROR_MEMORY, "out of memory for a COPY stream");
    PGresult *result = PQexec(database_handle(database), copy);
    if (PQresultStatus(result) != PGRES_COPY_IN) {
        enum error_code code = database_failure(database, result, error);
        PQclear(result);
        free(writer);
        return code;
    }
    writer->database = database;
    writer->binary = PQbinaryTuples(result) != 0;
    PQclear(result);
    buffer_init(&writer->pending, ROW_CEILING);
    if (writer->binary) {
        static const char zeros[8] = {0};
        buffer_append(&writer->pending, COPY_SIGNATURE, COPY_SIGNATURE_BYTES);
        buffer_append(&writer->pending, zeros, sizeof(zeros));
    }
    *out = writer;
    return ERROR_NONE;
}

static void
put_field(struct copy_writer *writer, const void *bytes, uint32_t length)
{
    uint32_t raw = htobe32(length);
    buffer_append(&writer->pending, &raw, sizeof(raw));
    buffer_append(&writer->pending, bytes, length);
}

void
copy_put_row(struct copy_writer *writer, int16_t fields)
{
    uint16_t raw = htobe16((uint16_t)fields);
    writer->row_at = writer->pending.length;
    buffer_append(&writer->pending, &raw, sizeof(raw));
}

void
copy_put_null(struct copy_writer *writer)
{
    uint32_t raw = 0xFFFFFFFF;
    buffer_append(&writer->pending, &raw, sizeof(raw));
}

void
copy_put_bytes(struct copy_writer *writer, const void *bytes, size_t length)
{
    put_field(writer, bytes, (uint32_t)length);
}

void
copy_put_text(struct copy_writer *writer, const char *text)
{
    if (text)
        put_field(writer, text, (uint32_t)strlen(text));
    else
        copy_put_null(writer);
}

void
copy_put_field(struct copy_writer *writer, const struct copy_field *field)
{
    if (field->length < 0)
        copy_put_null(writer);
    else
        put_field(writer, field->bytes, (uint32_t)field->length);
}

void
copy_put_bool(struct copy_writer *writer, bool value)
{
    uint8_t raw = value;
    put_field(writer, &raw, sizeof(raw));
}

void
copy_put_int16(struct copy_writer *writer, int16_t value)
{
    uint16_t raw = htobe16((uint16_t)value);
    put_field(writer, &raw, sizeof(raw));
}

void
copy_put_int32(struct copy_writer *writer, int32_t value)
{
    uint32_t raw = htobe32((uint32_t)value);
    put_field(writer, &raw, sizeof(raw));
}

void
copy_put_int64(struct copy_writer *writer, int64_t value)
{
    uint64_t raw = htobe64((uint64_t)value);
    put_field(writer, &raw, sizeof(raw));
}

void
copy_put_timestamp(struct copy_writer *writer, int64_t unix_us)
{
    copy_put_int64(writer, unix_us == INT64_MAX || unix_us == INT64_MIN ? unix_us : unix_us - COPY_EPOCH_US);
}

void
copy_put_date(struct copy_writer *writer, int32_t days)
{
    copy_put_int32(writer, days == INT32_MAX || days == INT32_MIN ? days : days - COPY_EPOCH_DAYS);
}

void
copy_put_decimal(struct copy_writer *writer, const struct decimal *value)
{
    uint8_t bytes[DECIMAL_PG_BYTES];
    put_field(writer, bytes, (uint32_t)decimal_to_pg(value, bytes, sizeof(bytes)));
}

void
copy_put_raw(struct copy_writer *writer, const char *text, size_t length)
{
    buffer_append(&writer->pending, text, length);
}

size_t
copy_last_row(const struct copy_writer *writer, struct copy_field *fields, size_t count)
{
    const uint8_t *bytes = (const uint8_t *)writer->pending.bytes;
    size_t at = writer->row_at + sizeof(uint16_t), found = 0;
    while (found < count && at + sizeof(uint32_t) <= writer->pending.length) {
        uint32_t length;
        memcpy(&length, bytes + at, sizeof(length));
        at += sizeof(length);
        fields[found] = (struct copy_field){bytes + at, (int32_t)be32toh(length)};
        at += fields[found].length > 0 ? (size_t)fields[found].length : 0;
        found++;
    }
    return found;
}

void
copy_drop_row(struct copy_writer *writer)
{
    writer->pending.length = writer->row_at;
}

bool
copy_same_bytes(const struct copy_field *a, const struct copy_field *b)
{
    return a->length == b->length && (a->length <= 0 || memcmp(a->bytes, b->bytes, (size_t)a->length) == 0);
}

bool
copy_same_numeric(const struct copy_field *a, const struct copy_field *b)
{
    enum {
        SHOWN_AT = 6,
        SHOWN_BYTES = 2,
        DIGITS_AT = SHOWN_AT + SHOWN_BYTES
    }; /* count, weight, sign; dscale; digits */
    if (a->length < DIGITS_AT || b->length < DIGITS_AT)
        return copy_same_bytes(a, b);
    return a->length == b->length && memcmp(a->bytes, b->bytes, SHOWN_AT) == 0 &&
           memcmp(a->bytes + DIGITS_AT, b->bytes + DIGITS_AT, (size_t)a->length - DIGITS_AT) == 0;
}

static enum error_code
spool_failed(struct error *error)
{
    return error_set(error, ERROR_IO, "rows cannot be kept in a temporary file (TMPDIR): %s", strerror(errno));
}

static enum error_code
send_pending(struct copy_writer *writer, struct error *error)
{
    if (buffer_check(&writer->pending, "a row for COPY", error))
        return error->code;
    if (writer->spool && writer->pending.length &&
        fwrite(writer->pending.bytes, 1, writer->pending.length, writer->spool) != writer->pending.length)
        return spool_failed(error);
    if (!writer->spool && writer->pending.length &&
        PQputCopyData(database_handle(writer->database), writer->pending.bytes, (int)writer->pending.length) != 1)
        return database_failure(writer->database, NULL, error);
    buffer_clear(&writer->pending);
    return ERROR_NONE;
}

enum error_code
copy_flush(struct copy_writer *writer, struct error *error)
{
    if (writer->pending.length < FLUSH_BYTES && !writer->pending.failed)
        return ERROR_NONE;
    return send_pending(writer, error);
}

static enum error_code
end_copy(struct copy_writer *writer, const char *refusal, int64_t *rows, struct error *error)
{
    PGconn *connection = database_handle(writer->database);
    enum error_code code = ERROR_NONE;
    if (PQputCopyEnd(connection, refusal) != 1)
        code = database_failure(writer->database, NULL, error);
    for (PGresult *result; (result = PQgetResult(connection)) != NULL; PQclear(result)) {
        if (PQresultStatus(result) == PGRES_COMMAND_OK)
            *rows = strtoll(PQcmdTuples(result), NULL, 10);
        else if (!code)
            code = database_failure(writer->database, result, error);
    }
    return code;
}

static void
free_writer(struct copy_writer *writer)
{
    if (writer->spool)
        (void)fclose(writer->spool);
    buffer_term(&writer->pending);
    free(writer);
}

enum error_code
copy_writer_finish(struct copy_writer *writer, int64_t *rows, struct error *error)
{
    static const char trailer[2] = "\377\377";
    if (writer->binary)
        buffer_append(&writer->pending, trailer, sizeof(trailer));
    enum error_code code = send_pending(writer, error);
    if (code) {
        copy_writer_abort(writer);
        return code;
    }
    code = end_copy(writer, NULL, rows, error);
    free_writer(writer);
    return code;
}

void
copy_writer_abort(struct copy_writer *writer)
{
    struct error ignored;
    int64_t rows;
    if (!writer)
        return;
    if (!writer->spool)
        (void)end_copy(writer, "given up by the client", &rows, &ignored);
    free_writer(writer);
}

/* ---- a spool ----------------------------------------------------------------------------------------------- */

enum error_code
copy_spool_open(struct copy_writer **out, struct error *error)
{
    *out = calloc(1, sizeof(**out));
    if (!*out)
        return error_set(error, ERROR_MEMORY, "out of memory for a COPY stream");
    buffer_init(&(*out)->pending, ROW_CEILING);
    (*out)->binary = true;
    (*out)->spool = tmpfile();
    if ((*out)->spool)
        return ERROR_NONE;
    free_writer(*out);
    *out = NULL;
    return spool_failed(error);
}

static enum error_code
replay(FILE *spool, struct copy_writer *writer, struct error *error)
{
    char chunk[64 * 1024];
    size_t length;
    while ((length = fread(chunk, 1, sizeof(chunk), spool)) > 0) {
        copy_put_raw(writer, chunk, length);
        if (copy_flush(writer, error))
            return error->code;
    }
    return ferror(spool) ? spool_failed(error) : ERROR_NONE;
}

enum error_code
copy_spool_send(struct copy_writer *spool, struct database *database, const char *copy, int64_t *rows,
                struct error *error)
{
    struct copy_writer *writer = NULL;
    enum error_code code = send_pending(spool, error);
    if (!code && fseek(spool->spool, 0, SEEK_SET) != 0)
        code = spool_failed(error);
    if (!code)
        code = copy_writer_open(&writer, database, copy, error);
    if (!code)
        code = replay(spool->spool, writer, error);
    free_writer(spool);
    if (code) {
        copy_writer_abort(writer);
        return code;
    }
    return copy_writer_finish(writer, rows, error);
}
