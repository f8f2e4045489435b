#include "core/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
buffer_init(struct buffer *buffer, size_t ceiling)
{
    *buffer = (struct buffer){.ceiling = ceiling};
}

void
buffer_term(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){.ceiling = buffer->ceiling};
}

void
buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
    buffer->failed = false;
    if (buffer->bytes)
        buffer->bytes[0] = 0;
}

/* Makes room for more bytes and the closing 0; false (and failed) where the ceiling or memory forbids. */
static bool
reserve(struct buffer *buffer, size_t more)
{
    size_t needed = buffer->length + more + 1;
    if (buffer->failed || needed < more || needed - 1 > buffer->ceiling) {
        buffer->failed = true;
        return false;
    }
    if (needed <= buffer->capacity)
        return true;
    size_t capacity = buffer->capacity ? buffer->capacity : 256;
    while (capacity < needed)
        capacity *= 2;
    char *bytes = realloc(buffer->bytes, capacity);
    if (!bytes) {
        buffer->failed = true;
        return false;
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

void
buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
    if (!reserve(buffer, length))
        return;
    if (length)
        memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
    buffer->bytes[buffer->length] = 0;
}

void
buffer_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

void
buffer_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length >= 0 && reserve(buffer, (size_t)length)) {
        (void)vsnprintf(buffer->bytes + buffer->length, (size_t)length + 1, format, again);
        buffer->length += (size_t)length;
    }
    va_end(again);
}

void
buffer_json(struct buffer *buffer, const char *text, size_t length)
{
    static const char plain_escapes[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    buffer_append(buffer, "\"", 1);
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        const char *escape = NULL;
        for (const char *pair = plain_escapes; *pair; pair += 2)
            if ((unsigned char)pair[0] == byte)
                escape = pair + 1;
        if (escape)
            buffer_format(buffer, "\\%c", *escape);
        else if (byte < 0x20)
            buffer_format(buffer, "\\u%04x", byte);
        else
            buffer_append(buffer, &byte, 1);
    }
    buffer_append(buffer, "\"", 1);
}

enum error_code
buffer_check(const struct buffer *buffer, const char *what, struct error *error)
{
    if (!buffer->failed)
        return ERROR_NONE;
    return error_set(error, ERROR_RANGE, "%s does not fit into %zu bytes, or memory ran out", what, buffer->ceiling);
}
