/* ops/source_reader.h - the lines of a file, plain or compressed by zstd. Which of the two it is is told by its first
 * bytes, not by its name. Memory is bounded: two blocks and one line. */
#ifndef TAPEMILL_OPS_SOURCE_READER_H
#define TAPEMILL_OPS_SOURCE_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

enum { SOURCE_READER_LINE_BYTES = 4096 }; /* longest line, its final zero byte included */

struct source_reader;

/* ERROR_IO names the file and why it cannot be read. *out is the caller's: source_reader_close(). */
ERROR_MUST_CHECK enum error_code source_reader_open(struct source_reader **out, const char *path, struct error *error);

/* The next line without its line end (LF or CR LF); NULL at the end of the file. It may be changed, and lives until the
 * next call. ERROR_FORMAT: a line too long, a zero byte, a damaged or truncated zstd file. ERROR_IO: reading failed. */
ERROR_MUST_CHECK enum error_code source_reader_next(struct source_reader *reader, char **line, struct error *error);

/* Number of the line last returned; 1 is the first. */
int64_t source_reader_line(const struct source_reader *reader);

/* FNV-1a (64 bits) of all bytes read so far, after decompression: after the end, the content's checksum. */
uint64_t source_reader_checksum(const struct source_reader *reader);

/* Bytes of the file itself, and how many of them were read, for a progress display. */
int64_t source_reader_file_bytes(const struct source_reader *reader);
int64_t source_reader_done_bytes(const struct source_reader *reader);

void source_reader_close(struct source_reader *reader); /* NULL is allowed */

#endif
