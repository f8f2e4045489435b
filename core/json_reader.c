#include "core/json_reader.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/utf8.h"

/* What may stand next. */
enum { EXPECTS_VALUE, EXPECTS_MEMBER_OR_END, EXPECTS_ELEMENT_OR_END, EXPECTS_COMMA_OR_END };

static const char digits[] = "0123456789";

void
json_reader_init(struct json_reader *reader, const char *text, const char *what)
{
    *reader = (struct json_reader){.what = what, .at = text, .line = 1, .at_line = 1, .expects = EXPECTS_VALUE};
}

enum error_code
json_reader_error(const struct json_reader *reader, int line, struct error *error, const char *format, ...)
{
    char message[ERROR_MESSAGE_BYTES / 2];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    return error_set(error, ERROR_FORMAT, "%s, line %d: %s", reader->what, line, message);
}

/* What stands here is not what should. */
static enum error_code
unexpected(const struct json_reader *reader, const char *wanted, struct error *error)
{
    if (!*reader->at)
        return json_reader_error(reader, reader->at_line, error, "the text ends where %s should follow", wanted);
    return json_reader_error(reader, reader->at_line, error, "%s should stand where \"%.*s\" begins", wanted,
                             (int)strcspn(reader->at, "\r\n") > 20 ? 20 : (int)strcspn(reader->at, "\r\n"), reader->at);
}

/* ---- texts ------------------------------------------------------------------------------------------------- */

static enum error_code
append(struct json_reader *reader, const char *bytes, size_t length, struct error *error)
{
    if (reader->length + length >= sizeof(reader->text))
        return json_reader_error(reader, reader->line, error, "a text is longer than %zu bytes; shorten it",
                                 sizeof(reader->text) - 1);
    memcpy(reader->text + reader->length, bytes, length);
    reader->length += length;
    reader->text[reader->length] = 0;
    return ERROR_NONE;
}

/* Four hexadecimal digits; false when they are none. */
static bool
read_hex(const char *from, uint32_t *value)
{
    static const char hex[] = "0123456789abcdef";
    *value = 0;
    for (int i = 0; i < 4; i++) {
        char byte = from[i] >= 'A' && from[i] <= 'F' ? (char)(from[i] + 32) : from[i];
        const char *found = byte ? strchr(hex, byte) : NULL;
        if (!found)
            return false;
        *value = *value * 16 + (uint32_t)(found - hex);
    }
    return true;
}

static size_t
to_utf8(uint32_t code, char out[4])
{
    size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = length; i > 1; i--, code >>= 6)
        out[i - 1] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)(lead[length] | code);
    return length;
}

/* An escape; reader->at is behind its backslash. */
static enum error_code
read_escape(struct json_reader *reader, struct error *error)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    char bytes[4];
    uint32_t code, low;
    const char *letter = *reader->at ? strchr(letters, *reader->at) : NULL;
    if (letter) {
        reader->at++;
        return append(reader, &meanings[letter - letters], 1, error);
    }
    if (*reader->at != 'u' || !read_hex(reader->at + 1, &code) || !code)
        return unexpected(reader, "an escape such as \\n or \\u00e9 (and not \\u0000)", error);
    reader->at += 5;
    if (code >= 0xD800 && code < 0xE000) {
        if (code >= 0xDC00 || reader->at[0] != '\\' || reader->at[1] != 'u' || !read_hex(reader->at + 2, &low) ||
            low < 0xDC00 || low >= 0xE000)
            return unexpected(reader, "the other half of a surrogate pair", error);
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        reader->at += 6;
    }
    return append(reader, bytes, to_utf8(code, bytes), error);
}

/* A text in quotes, to reader->text. */
static enum error_code
read_text(struct json_reader *reader, struct error *error)
{
    reader->at++;
    while (*reader->at != '"') {
        const char *end = reader->at;
        for (int length = 1; (unsigned char)*end >= 32 && *end != '"' && *end != '\\'; end += length) {
            length = utf8_length((const unsigned char *)end);
            if (!length)
                return json_reader_error(reader, reader->at_line, error,
                                         "a byte 0x%02X is not UTF-8 text; save the file as UTF-8",
                                         (unsigned)(unsigned char)*end);
        }
        if (append(reader, reader->at, (size_t)(end - reader->at), error))
            return error->code;
        reader->at = end;
        if (*end == '\\') {
            reader->at++;
            if (read_escape(reader, error))
                return error->code;
        } else if (*end != '"') {
            return unexpected(reader, "the closing quote of a text", error);
        }
    }
    reader->at++;
    return ERROR_NONE;
}

/* ---- tokens ------------------------------------------------------------------------------------------------ */

static void
skip_space(struct json_reader *reader)
{
    for (; *reader->at && strchr(" \t\r\n", *reader->at); reader->at++)
        reader->at_line += *reader->at == '\n';
}

static enum error_code
open_nest(struct json_reader *reader, struct error *error)
{
    bool object = *reader->at == '{';
    if (reader->depth == JSON_READER_DEPTH)
        return json_reader_error(reader, reader->line, error, "more than %d objects and arrays in one another",
                                 JSON_READER_DEPTH);
    reader->nesting[reader->depth++] = *reader->at++;
    reader->token = object ? JSON_TOKEN_OBJECT : JSON_TOKEN_ARRAY;
    reader->expects = object ? EXPECTS_MEMBER_OR_END : EXPECTS_ELEMENT_OR_END;
    return ERROR_NONE;
}

static enum error_code
read_word(struct json_reader *reader, struct error *error)
{
    static const char *const words[] = {"true", "false", "null"};
    size_t length = strspn(reader->at, "abcdefghijklmnopqrstuvwxyz");
    reader->token = JSON_TOKEN_WORD;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strlen(words[i]) == length && strncmp(words[i], reader->at, length) == 0) {
            reader->at += length;
            return append(reader, words[i], length, error);
        }
    return unexpected(reader, "a value, such as \"text\" in quotes", error);
}

static enum error_code
read_number(struct json_reader *reader, struct error *error)
{
    const char *start = reader->at, *end = start + (*start == '-');
    size_t whole = strspn(end, digits);
    if (!whole || (*end == '0' && whole > 1))
        return unexpected(reader, "a number", error);
    end += whole;
    if (*end == '.' && strspn(end + 1, digits))
        end += 1 + strspn(end + 1, digits);
    if (*end == 'e' || *end == 'E') {
        const char *exponent = end + 1 + (end[1] == '+' || end[1] == '-');
        end = strspn(exponent, digits) ? exponent + strspn(exponent, digits) : end;
    }
    reader->token = JSON_TOKEN_NUMBER;
    reader->at = end;
    return append(reader, start, (size_t)(end - start), error);
}

static enum error_code
read_value(struct json_reader *reader, struct error *error)
{
    reader->expects = EXPECTS_COMMA_OR_END;
    reader->line = reader->at_line;
    if (*reader->at == '{' || *reader->at == '[')
        return open_nest(reader, error);
    if (*reader->at == '"') {
        reader->token = JSON_TOKEN_TEXT;
        return read_text(reader, error);
    }
    if (*reader->at && strchr("-0123456789", *reader->at))
        return read_number(reader, error);
    return read_word(reader, error);
}

static enum error_code
read_name(struct json_reader *reader, struct error *error)
{
    reader->line = reader->at_line;
    if (*reader->at != '"')
        return unexpected(reader, "a name in quotes", error);
    if (read_text(reader, error))
        return error->code;
    skip_space(reader);
    if (*reader->at != ':')
        return unexpected(reader, "a colon", error);
    reader->at++;
    reader->token = JSON_TOKEN_NAME;
    reader->expects = EXPECTS_VALUE;
    return ERROR_NONE;
}

static enum error_code
close_nest(struct json_reader *reader)
{
    reader->line = reader->at_line;
    reader->at++;
    reader->depth--;
    reader->token = reader->nesting[reader->depth] == '{' ? JSON_TOKEN_OBJECT_END : JSON_TOKEN_ARRAY_END;
    reader->expects = EXPECTS_COMMA_OR_END;
    return ERROR_NONE;
}

/* After a value: the end of what holds it, or a comma and what follows. */
static enum error_code
go_on(struct json_reader *reader, struct error *error)
{
    bool object = reader->depth && reader->nesting[reader->depth - 1] == '{';
    if (!reader->depth) {
        reader->token = JSON_TOKEN_END;
        return *reader->at ? unexpected(reader, "the end of the text", error) : ERROR_NONE;
    }
    if (*reader->at == (object ? '}' : ']'))
        return close_nest(reader);
    if (*reader->at != ',')
        return unexpected(reader, object ? "a comma or }" : "a comma or ]", error);
    reader->at++;
    skip_space(reader);
    return object ? read_name(reader, error) : read_value(reader, error);
}

enum error_code
json_reader_next(struct json_reader *reader, struct error *error)
{
    reader->length = 0;
    reader->text[0] = 0;
    skip_space(reader);
    switch (reader->expects) {
    case EXPECTS_MEMBER_OR_END:
        return *reader->at == '}' ? close_nest(reader) : read_name(reader, error);
    case EXPECTS_ELEMENT_OR_END:
        return *reader->at == ']' ? close_nest(reader) : read_value(reader, error);
    case EXPECTS_COMMA_OR_END:
        return go_on(reader, error);
    default:
        return read_value(reader, error);
    }
}
