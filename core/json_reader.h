/* core/json_reader.h - JSON that a person wrote, value by value, with the line that each stands on.
 *
 * Where core/json.h reads a small text whole, this reads a file forward and keeps what it needs to say what is wrong
 * with it and where. Numbers keep their text. Nesting is bounded by JSON_READER_DEPTH, one text by
 * JSON_READER_TEXT_BYTES. */
#ifndef TAPEMILL_CORE_JSON_READER_H
#define TAPEMILL_CORE_JSON_READER_H

#include <stddef.h>

#include "core/error.h"

enum { JSON_READER_DEPTH = 16, JSON_READER_TEXT_BYTES = 4096 };

enum json_token {
    JSON_TOKEN_END, /* of the whole text */
    JSON_TOKEN_OBJECT,
    JSON_TOKEN_OBJECT_END,
    JSON_TOKEN_ARRAY,
    JSON_TOKEN_ARRAY_END,
    JSON_TOKEN_NAME, /* of a member; its value follows */
    JSON_TOKEN_TEXT,
    JSON_TOKEN_NUMBER,
    JSON_TOKEN_WORD, /* true, false or null */
};

/* Caller's storage; needs no end. */
struct json_reader {
    const char *what; /* what errors call the text: its file */
    const char *at;
    int at_line;                       /* of at, from 1 */
    int line;                          /* of the token read last */
    enum json_token token;             /* read last */
    char text[JSON_READER_TEXT_BYTES]; /* of a name, text, number or word */
    size_t length;
    char nesting[JSON_READER_DEPTH]; /* '{' or '[' */
    int depth;
    int expects;
};

/* text and what must outlive the reader. */
void json_reader_init(struct json_reader *reader, const char *text, const char *what);

/* Reads the next token. ERROR_FORMAT names file and line, what is wrong and what should stand there. */
ERROR_MUST_CHECK enum error_code json_reader_next(struct json_reader *reader, struct error *error);

/* ERROR_FORMAT "FILE, line N: " and the message. */
enum error_code json_reader_error(const struct json_reader *reader, int line, struct error *error, const char *format,
                                  ...) ERROR_PRINTF(4, 5);

#endif
