/* JSON files: tokens with their lines, and errors that name file and line. */
#include "core/json_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* All tokens as "line:kind(text) ...", or the error. */
static void
read_all(const char *text, char *out, size_t size)
{
    static const char *const kinds[] = {"end", "{", "}", "[", "]", "name", "text", "number", "word"};
    struct json_reader reader;
    struct error error;
    json_reader_init(&reader, text, "f.json");
    out[0] = 0;
    do {
        size_t used = strlen(out);
        if (json_reader_next(&reader, &error)) {
            (void)snprintf(out + used, size - used, "%s", error.message);
            return;
        }
        (void)snprintf(out + used, size - used, "%d:%s%s%s%s ", reader.line, kinds[reader.token],
                       reader.length ? "(" : "", reader.text, reader.length ? ")" : "");
    } while (reader.token != JSON_TOKEN_END);
}

static void
tokens_carry_their_lines(void **state)
{
    (void)state;
    char out[1024];
    read_all("{\n  \"a\" :\n 1.50e3,\n\"b\": [ true, null,\n\"x\\n\\u00e9\\ud83d\\ude00\" ], \"c\": {}\n}\n", out,
             sizeof(out));
    assert_string_equal(out, "1:{ 2:name(a) 3:number(1.50e3) 4:name(b) 4:[ 4:word(true) 4:word(null) "
                             "5:text(x\n\xc3\xa9\xf0\x9f\x98\x80) 5:] 5:name(c) 5:{ 5:} 6:} 6:end ");
    read_all("[]", out, sizeof(out));
    assert_string_equal(out, "1:[ 1:] 1:end ");
    read_all("-0", out, sizeof(out));
    assert_string_equal(out, "1:number(-0) 1:end ");
}

static void
errors_name_the_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "f.json, line 1: the text ends where a value, such as \"text\" in quotes should follow"},
        {"[1,\n\n2\n3]", "f.json, line 4: a comma or ] should stand where \"3]\" begins"},
        {"[1,]", "f.json, line 1: a value, such as \"text\" in quotes should stand where \"]\" begins"},
        {"{\"a\": 1,\n}", "f.json, line 2: a name in quotes should stand where \"}\" begins"},
        {"{\"a\"\n 1}", "f.json, line 2: a colon should stand where \"1}\" begins"},
        {"[\"a\nb\"]", "f.json, line 1: the closing quote of a text should stand where \"\" begins"},
        {"[\"\\x\"]",
         "f.json, line 1: an escape such as \\n or \\u00e9 (and not \\u0000) should stand where \"x\"]\" begins"},
        {"[\"\\u0000\"]", "(and not \\u0000)"},
        {"[\"\\ud83d\"]", "f.json, line 1: the other half of a surrogate pair should stand where \"\"]\" begins"},
        {"[\"\xC3\xA9\",\n\"caf\xE9\"]", "f.json, line 2: a byte 0xE9 is not UTF-8 text; save the file as UTF-8"},
        {"[01]", "f.json, line 1: a number should stand where \"01]\" begins"},
        {"[-]", "f.json, line 1: a number should stand where \"-]\" begins"},
        {"[1.]", "f.json, line 1: a comma or ] should stand where \".]\" begins"},
        {"[True]", "f.json, line 1: a value, such as \"text\" in quotes should stand where \"True]\" begins"},
        {"[1] 2", "f.json, line 1: the end of the text should stand where \"2\" begins"},
        {"[[[[[[[[[[[[[[[[[", "f.json, line 1: more than 16 objects and arrays in one another"},
        {"{\"a\": [1}", "f.json, line 1: a comma or ] should stand where \"}\" begins"},
    };
    char out[2048];
    for (size_t i = 0; i < LENGTH(cases); i++) {
        read_all(cases[i].text, out, sizeof(out));
        if (!strstr(out, cases[i].message))
            fail_msg("%s: %s", cases[i].text, out);
    }
}

static void
a_text_is_bounded(void **state)
{
    (void)state;
    static char text[2 * JSON_READER_TEXT_BYTES], out[4 * JSON_READER_TEXT_BYTES];
    memset(text, 'a', sizeof(text) - 1);
    text[0] = '"';
    text[JSON_READER_TEXT_BYTES] = '"';
    text[JSON_READER_TEXT_BYTES + 1] = 0;
    read_all(text, out, sizeof(out));
    assert_non_null(strstr(out, "1:end"));
    text[JSON_READER_TEXT_BYTES] = 'a';
    text[JSON_READER_TEXT_BYTES + 1] = '"';
    read_all(text, out, sizeof(out));
    assert_string_equal(out, "f.json, line 1: a text is longer than 4095 bytes; shorten it");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_carry_their_lines),
        cmocka_unit_test(errors_name_the_line),
        cmocka_unit_test(a_text_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
