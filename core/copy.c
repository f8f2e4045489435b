#include "core/copy.h"

#include <endian.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"

enum {
    HEADER_BYTES = 19, /* signature, flags, extension length */
    FLUSH_BYTES = 256 * 1024,
    ROW_CEILING = 64 * 1024 * 1024,
    POSTGRES_EPOCH_DAYS = 10957, /* 2000-01-01 */
};

static const char signature[11] = "PGCOPY\n\377\r\n";
static const int64_t epoch_us = (int64_t)POSTGRES_EPOCH_DAYS * 86400 * 1000000;

/* ---- reading ----------------------------------------------------------------------------------------------- */

struct copy_reader {
    struct database *database;
    char *chunk; /* one CopyData message, libpq's */
    int chunk_length, at;
    bool header_read, ended;
    int columns;
    struct copy_field fields[];
};

enum error_code
copy_reader_open(struct copy_reader **out, struct database *database, const char *select, int columns,
                 struct error *error)
{
    struct copy_reader *reader = calloc(1, sizeof(*reader) + (size_t)columns * sizeof(reader->fields[0]));
    size_t size = strlen(select) + 64;
    char *sql = malloc(size);
    *out = NULL;
    if (!reader || !sql) {
        free(reader);
        free(sql);
        return error_set(error, ERROR_MEMORY, "out of memory for a COPY stream");
    }
    *reader = (struct copy_reader){.database = database, .columns = columns};
    (void)snprintf(sql, size, "copy (%s\n) to stdout (format binary)", select);
    PGresult *result = PQexec(database_handle(database), sql);
    free(sql);
    enum error_code code = ERROR_NONE;
    if (PQresultStatus(result) != PGRES_COPY_OUT) {
        code = database_failure(database, result, error);
        free(reader);
    } else {
        *out = reader;
    }
    PQclear(result);
    return code;
}

/* Reads the command's end after the data. */
static enum error_code
finish_reading(struct copy_reader *reader, struct error *error)
{
    PGconn *connection = database_handle(reader->database);
    enum error_code code = ERROR_NONE;
    for (PGresult *result; (result = PQgetResult(connection)) != NULL; PQclear(result))
        if (PQresultStatus(result) != PGRES_COMMAND_OK && !code)
            code = database_failure(reader->database, result, error);
    reader->ended = true;
    return code;
}

/* The server sends one message per row; the header travels with the first. */
static enum error_code
next_chunk(struct copy_reader *reader, struct error *error)
{
    PQfreemem(reader->chunk);
    reader->chunk = NULL;
    reader->at = 0;
    reader->chunk_length = PQgetCopyData(database_handle(reader->database), &reader->chunk, 0);
    if (reader->chunk_length == -2) {
        reader->ended = true;
        return database_failure(reader->database, NULL, error);
    }
    if (reader->chunk_length < 0) {
        if (finish_reading(reader, error))
            return error->code;
        return error_set(error, ERROR_FORMAT, "a COPY stream ended without its trailer");
    }
    return ERROR_NONE;
}

static enum error_code
malformed(struct error *error, const char *what)
{
    return error_set(error, ERROR_FORMAT, "a binary COPY stream is malformed: %s", what);
}

static bool
take(struct copy_reader *reader, void *bytes, int count)
{
    if (reader->chunk_length - reader->at < count)
        return false;
    memcpy(bytes, reader->chunk + reader->at, (size_t)count);
    reader->at += count;
    return true;
}

static enum error_code
read_header(struct copy_reader *reader, struct error *error)
{
    unsigned char header[HEADER_BYTES];
    if (!take(reader, header, HEADER_BYTES) || memcmp(header, signature, sizeof(signature)) != 0)
        return malformed(error, "no PGCOPY header");
    reader->header_read = true;
    return ERROR_NONE;
}

enum error_code
copy_reader_next(struct copy_reader *reader, const struct copy_field **fields, bool *end, struct error *error)
{
    uint16_t count;
    *end = false;
    *fields = reader->fields;
    if (reader->at >= reader->chunk_length && next_chunk(reader, error))
        return error->code;
    if (!reader->header_read && read_header(reader, error))
        return error->code;
    if (reader->at >= reader->chunk_length && next_chunk(reader, error))
        return error->code;
    if (!take(reader, &count, 2))
        return malformed(error, "a row is cut");
    if (be16toh(count) == 0xFFFF) {
        *end = true;
        PQfreemem(reader->chunk);
        reader->chunk = NULL;
        if (PQgetCopyData(database_handle(reader->database), &reader->chunk, 0) != -1)
            return malformed(error, "data after the trailer");
        return finish_reading(reader, error);
    }
    if (be16toh(count) != reader->columns)
        return malformed(error, "a row has another number of fields than agreed");
    for (int i = 0; i < reader->columns; i++) {
        uint32_t length;
        if (!take(reader, &length, 4))
            return malformed(error, "a field is cut");
        reader->fields[i].length = (int32_t)be32toh(length);
        reader->fields[i].bytes = (const uint8_t *)reader->chunk + reader->at;
        if (reader->fields[i].length > reader->chunk_length - reader->at || reader->fields[i].length < -1)
            return malformed(error, "a field's length is impossible");
        reader->at += reader->fields[i].length > 0 ? reader->fields[i].length : 0;
    }
    return ERROR_NONE;
}

void
copy_reader_close(struct copy_reader *reader)
{
    struct error ignored;
    if (!reader)
        return;
    if (!reader->ended) {
        PGcancel *cancel = PQgetCancel(database_handle(reader->database));
        char text[256];
        if (cancel)
            (void)PQcancel(cancel, text, sizeof(text));
        PQfreeCancel(cancel);
        PQfreemem(reader->chunk);
        while (PQgetCopyData(database_handle(reader->database), &reader->chunk, 0) > 0)
            PQfreemem(reader->chunk);
        reader->chunk = NULL;
        (void)finish_reading(reader, &ignored);
    }
    PQfreemem(reader->chunk);
    free(reader);
}

/* ---- decoding ---------------------------------------------------------------------------------------------- */

static enum error_code
decode(const struct copy_field *field, void *bytes, int32_t length, const char *type, struct error *error)
{
    if (field->length != length)
        return error_set(error, ERROR_FORMAT, "a binary %s has %d bytes instead of %d", type, (int)field->length,
                         (int)length);
    memcpy(bytes, field->bytes, (size_t)length);
    return ERROR_NONE;
}

enum error_code
copy_field_int16(const struct copy_field *field, int16_t *value, struct error *error)
{
    uint16_t raw = 0;
    enum error_code code = decode(field, &raw, 2, "smallint", error);
    *value = (int16_t)be16toh(raw);
    return code;
}

enum error_code
copy_field_int32(const struct copy_field *field, int32_t *value, struct error *error)
{
    uint32_t raw = 0;
    enum error_code code = decode(field, &raw, 4, "integer", error);
    *value = (int32_t)be32toh(raw);
    return code;
}

enum error_code
copy_field_int64(const struct copy_field *field, int64_t *value, struct error *error)
{
    uint64_t raw = 0;
    enum error_code code = decode(field, &raw, 8, "bigint", error);
    *value = (int64_t)be64toh(raw);
    return code;
}

enum error_code
copy_field_bool(const struct copy_field *field, bool *value, struct error *error)
{
    uint8_t raw = 0;
    enum error_code code = decode(field, &raw, 1, "boolean", error);
    *value = raw != 0;
    return code;
}

enum error_code
copy_field_timestamp(const struct copy_field *field, int64_t *unix_us, struct error *error)
{
    if (copy_field_int64(field, unix_us, error))
        return error_context(error, "timestamp");
    if (*unix_us != INT64_MAX && *unix_us != INT64_MIN)
        *unix_us += epoch_us;
    return ERROR_NONE;
}

enum error_code
copy_field_date(const struct copy_field *field, int32_t *days, struct error *error)
{
    if (copy_field_int32(field, days, error))
        return error_context(error, "date");
    if (*days != INT32_MAX && *days != INT32_MIN)
        *days += POSTGRES_EPOCH_DAYS;
    return ERROR_NONE;
}

/* ---- writing ----------------------------------------------------------------------------------------------- */

struct copy_writer {
    struct database *database;
    struct buffer pending;
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
        buffer_append(&writer->pending, signature, sizeof(signature));
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
    copy_put_int64(writer, unix_us == INT64_MAX || unix_us == INT64_MIN ? unix_us : unix_us - epoch_us);
}

void
copy_put_date(struct copy_writer *writer, int32_t days)
{
    copy_put_int32(writer, days == INT32_MAX || days == INT32_MIN ? days : days - POSTGRES_EPOCH_DAYS);
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

static enum error_code
send_pending(struct copy_writer *writer, struct error *error)
{
    if (buffer_check(&writer->pending, "a row for COPY", error))
        return error->code;
    if (writer->pending.length && PQputCopyData(database_handle(writer->database), writer->pending.bytes,
                                                (int)writer->pending.length) != 1)
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
    (void)end_copy(writer, "given up by the client", &rows, &ignored);
    free_writer(writer);
}
