/* core/buffer.h - a growing byte buffer with a ceiling. Appends that fail (ceiling, memory) set `failed` and change
 * nothing, so that a row can be built without a check per append: check once with buffer_check(). */
#ifndef TAPEMILL_CORE_BUFFER_H
#define TAPEMILL_CORE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

struct buffer {
    char *bytes; /* always followed by a 0 byte once something was appended; NULL before */
    size_t length, capacity, ceiling;
    bool failed;
};

void buffer_init(struct buffer *buffer, size_t ceiling);
void buffer_term(struct buffer *buffer);
void buffer_clear(struct buffer *buffer); /* length 0, memory kept */
void buffer_append(struct buffer *buffer, const void *bytes, size_t length);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_format(struct buffer *buffer, const char *format, ...) ERROR_PRINTF(2, 3);
/* Appends text as a JSON string with its quotes. */
void buffer_json(struct buffer *buffer, const char *text, size_t length);
ERROR_MUST_CHECK enum error_code buffer_check(const struct buffer *buffer, const char *what, struct error *error);

#endif
