#include <endian.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/copy.h"
#include "core/copy_format.h"

enum { HEADER_BYTES = 19 /* signature, flags, extension length */ };

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
    if (!take(reader, header, HEADER_BYTES) || memcmp(header, COPY_SIGNATURE, COPY_SIGNATURE_BYTES) != 0)
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
        *unix_us += COPY_EPOCH_US;
    return ERROR_NONE;
}

enum error_code
copy_field_date(const struct copy_field *field, int32_t *days, struct error *error)
{
    if (copy_field_int32(field, days, error))
        return error_context(error, "date");
    if (*days != INT32_MAX && *days != INT32_MIN)
        *days += COPY_EPOCH_DAYS;
    return ERROR_NONE;
}
