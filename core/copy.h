/* core/copy.h - COPY streams in PostgreSQL's binary format (PostgreSQL documentation, COPY, "Binary Format") and text.
 *
 * Memory is bounded: one row at a time on the way out, one flush buffer on the way in. */
#ifndef TAPEMILL_CORE_COPY_H
#define TAPEMILL_CORE_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/database.h"
#include "core/decimal.h"
#include "core/error.h"

/* A field of a binary row; points into the stream's buffer until the next row is read. */
struct copy_field {
    const uint8_t *bytes;
    int32_t length; /* -1: NULL */
};

/* Reading: COPY (...) TO STDOUT (FORMAT binary). */
struct copy_reader;

/* select: a SELECT without parameters; it is wrapped in COPY. columns: how many fields every row must have. */
ERROR_MUST_CHECK enum error_code copy_reader_open(struct copy_reader **out, struct database *database,
                                                  const char *select, int columns, struct error *error);
/* Reads the next row into *fields (columns of them); *end is set after the last row. */
ERROR_MUST_CHECK enum error_code copy_reader_next(struct copy_reader *reader, const struct copy_field **fields,
                                                  bool *end, struct error *error);
/* Ends early if need be (the rest is discarded); the connection can be used again afterwards. NULL is allowed. */
void copy_reader_close(struct copy_reader *reader);

/* Field decoders. The caller has checked for NULL and, by the column contract, for the type. A wrong length is
 * ERROR_FORMAT. */
ERROR_MUST_CHECK enum error_code copy_field_int16(const struct copy_field *field, int16_t *value, struct error *error);
ERROR_MUST_CHECK enum error_code copy_field_int32(const struct copy_field *field, int32_t *value, struct error *error);
ERROR_MUST_CHECK enum error_code copy_field_int64(const struct copy_field *field, int64_t *value, struct error *error);
ERROR_MUST_CHECK enum error_code copy_field_bool(const struct copy_field *field, bool *value, struct error *error);
/* Microseconds since 1970-01-01 UTC; infinity becomes INT64_MAX, -infinity INT64_MIN. */
ERROR_MUST_CHECK enum error_code copy_field_timestamp(const struct copy_field *field, int64_t *unix_us,
                                                      struct error *error);
/* Days since 1970-01-01. */
ERROR_MUST_CHECK enum error_code copy_field_date(const struct copy_field *field, int32_t *days, struct error *error);

/* Writing: COPY table (columns) FROM STDIN (FORMAT binary), or text. */
struct copy_writer;
ERROR_MUST_CHECK enum error_code copy_writer_open(struct copy_writer **out, struct database *database, const char *copy,
                                                  struct error *error);
void copy_put_row(struct copy_writer *writer, int16_t fields); /* begins a binary row */
void copy_put_null(struct copy_writer *writer);
void copy_put_bytes(struct copy_writer *writer, const void *bytes, size_t length); /* text, uuid, raw field */
void copy_put_text(struct copy_writer *writer, const char *text);                  /* NULL: null */
void copy_put_field(struct copy_writer *writer, const struct copy_field *field);   /* passes a field on as it is */
void copy_put_bool(struct copy_writer *writer, bool value);
void copy_put_int16(struct copy_writer *writer, int16_t value);
void copy_put_int32(struct copy_writer *writer, int32_t value);
void copy_put_int64(struct copy_writer *writer, int64_t value);
void copy_put_timestamp(struct copy_writer *writer, int64_t unix_us);
void copy_put_date(struct copy_writer *writer, int32_t days);
void copy_put_decimal(struct copy_writer *writer, const struct decimal *value);
void copy_put_raw(struct copy_writer *writer, const char *text, size_t length); /* text format: bytes as they are */
/* The row that copy_put_row() began last, with the fields put since, before copy_flush(): into fields[], count of them
 * at most; they point into the writer until something is put or flushed. Gives how many there are. And taken back. */
size_t copy_last_row(const struct copy_writer *writer, struct copy_field *fields, size_t count);
void copy_drop_row(struct copy_writer *writer);
/* Whether two numeric fields are of one value, or both NULL: the number of decimals shown does not matter. */
bool copy_same_numeric(const struct copy_field *a, const struct copy_field *b);
/* Whether two fields are of the same bytes, or both NULL. */
bool copy_same_bytes(const struct copy_field *a, const struct copy_field *b);
/* Sends what has gathered once it is large enough; call once per row. */
ERROR_MUST_CHECK enum error_code copy_flush(struct copy_writer *writer, struct error *error);
/* Ends the COPY; *rows is what the server stored. Frees the writer, also on failure. */
ERROR_MUST_CHECK enum error_code copy_writer_finish(struct copy_writer *writer, int64_t *rows, struct error *error);
/* A writer that keeps its binary rows in a temporary file, for a stream that must wait until another has ended:
 * copy_spool_send() then sends them all through one COPY ... FROM STDIN (FORMAT binary) and frees the spool, also on
 * failure. copy_writer_abort() forgets it. Memory stays at one flush buffer. */
ERROR_MUST_CHECK enum error_code copy_spool_open(struct copy_writer **out, struct error *error);
ERROR_MUST_CHECK enum error_code copy_spool_send(struct copy_writer *spool, struct database *database, const char *copy,
                                                 int64_t *rows, struct error *error);

/* Gives up: the COPY fails on the server, the transaction is aborted. Frees the writer. NULL is allowed. */
void copy_writer_abort(struct copy_writer *writer);

#endif
