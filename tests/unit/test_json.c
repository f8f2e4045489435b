/* JSON texts: what is built is what is read back, and what does not parse is refused with a sentence. */
#include "core/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void
assert_prints(struct json *json, const char *expected)
{
    struct error error;
    char *text = NULL;
    if (json_print(json, &text, &error))
        fail_msg("%s", error.message);
    assert_string_equal(text, expected);
    free(text);
    json_free(json);
}

static void
builds_objects_and_arrays(void **state)
{
    (void)state;
    struct json *object = json_object(), *list = json_array(), *inner = json_object();
    json_set(object, "text", "a \"quoted\" line\nand \\ another");
    json_set(object, "none", NULL);
    json_append(list, "one");
    json_append(list, "9223372036854775807");
    json_set(inner, "key", "value");
    json_append_part(list, inner);
    json_set_part(object, "list", list);
    assert_prints(object, "{\"text\":\"a \\\"quoted\\\" line\\nand \\\\ another\",\"none\":null,"
                          "\"list\":[\"one\",\"9223372036854775807\",{\"key\":\"value\"}]}");
    assert_prints(json_object(), "{}");
    assert_prints(json_array(), "[]");
}

static void
replaces_a_member_of_the_same_name(void **state)
{
    (void)state;
    struct json *object = json_object();
    json_set(object, "a", "1");
    json_set(object, "b", "2");
    json_set(object, "a", "3");
    assert_prints(object, "{\"b\":\"2\",\"a\":\"3\"}");
}

static void
remembers_what_could_not_be_allocated(void **state)
{
    (void)state;
    struct error error;
    char *text = NULL;
    struct json *object = json_object();
    json_set_part(object, "part", NULL); /* as after an allocation that failed */
    assert_int_equal(json_print(object, &text, &error), ERROR_MEMORY);
    assert_null(text);
    json_free(object);
    json_set(NULL, "a", "b");
    json_append(NULL, "a");
    json_append_part(NULL, json_object());
    assert_int_equal(json_print(NULL, &text, &error), ERROR_MEMORY);
    json_free(NULL);
}

static void
reads_members(void **state)
{
    (void)state;
    struct error error;
    struct json *object;
    const char *text;
    assert_int_equal(
        json_parse_object(" {\"tenant\": \"t-1\", \"note\": \"caf\\u00e9\", \"gone\": null, \"count\": 7} ",
                          "the arguments", &object, &error),
        ERROR_NONE);
    assert_int_equal(json_count(object), 4);
    assert_string_equal(json_name(object, 0), "tenant");
    assert_string_equal(json_text(object, 0), "t-1");
    assert_string_equal(json_text(object, 1), "caf\xc3\xa9");
    assert_null(json_text(object, 2));
    assert_null(json_text(object, 3));
    assert_null(json_name(object, 4));
    assert_int_equal(json_find(object, "tenant", &text, &error), ERROR_NONE);
    assert_string_equal(text, "t-1");
    assert_int_equal(json_find(object, "gone", &text, &error), ERROR_NONE);
    assert_null(text);
    assert_int_equal(json_find(object, "TENANT", &text, &error), ERROR_NONE);
    assert_null(text);
    assert_int_equal(json_find(object, "count", &text, &error), ERROR_FORMAT);
    assert_non_null(strstr(error.message, "\"count\" is not a string"));
    json_free(object);
}

static void
refuses_what_is_no_object(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "not JSON"},
        {"{", "not JSON"},
        {"{\"a\":\"b\"", "not JSON"},
        {"{\"a\":\"b\"} x", "not JSON"},
        {"{\"a\":\"b\"}{}", "not JSON"},
        {"{a:1}", "not JSON"},
        {"[]", "not a JSON object"},
        {"\"text\"", "not a JSON object"},
        {"7", "not a JSON object"},
        {"null", "not a JSON object"},
        {"{\"a\":\"x\\u0000y\"}", "\\u0000"},
        {"{\"a\":\"x\\\\\\u0000y\"}", "\\u0000"},
        {"{\"a\":\"x\\", "not JSON"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct error error;
        struct json *object;
        assert_int_equal(json_parse_object(cases[i].text, "the text", &object, &error), ERROR_FORMAT);
        assert_null(object);
        if (!strstr(error.message, cases[i].says) || strncmp(error.message, "the text: ", 10) != 0)
            fail_msg("%s: %s", cases[i].text, error.message);
    }
}

static void
a_backslash_before_u0000_is_no_zero(void **state)
{
    (void)state;
    struct error error;
    char value[32];
    bool found;
    assert_int_equal(json_read("{\"a\":\"x\\\\u0000y\"}", "a", value, sizeof(value), &found, &error), ERROR_NONE);
    assert_true(found);
    assert_string_equal(value, "x\\u0000y");
}

static void
reads_one_member_of_a_text(void **state)
{
    (void)state;
    struct error error;
    char value[8];
    bool found;
    assert_int_equal(json_read("{\"a\":\"1234567\"}", "a", value, sizeof(value), &found, &error), ERROR_NONE);
    assert_true(found);
    assert_string_equal(value, "1234567");
    assert_int_equal(json_read("{\"a\":\"1\"}", "b", value, sizeof(value), &found, &error), ERROR_NONE);
    assert_false(found);
    assert_string_equal(value, "");
    assert_int_equal(json_read("{\"a\":\"12345678\"}", "a", value, sizeof(value), &found, &error), ERROR_RANGE);
    assert_false(found);
    assert_int_equal(json_read("{\"a\":true}", "a", value, sizeof(value), &found, &error), ERROR_FORMAT);
    assert_int_equal(json_read("nonsense", "a", value, sizeof(value), &found, &error), ERROR_FORMAT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_objects_and_arrays),
        cmocka_unit_test(replaces_a_member_of_the_same_name),
        cmocka_unit_test(remembers_what_could_not_be_allocated),
        cmocka_unit_test(reads_members),
        cmocka_unit_test(refuses_what_is_no_object),
        cmocka_unit_test(a_backslash_before_u0000_is_no_zero),
        cmocka_unit_test(reads_one_member_of_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
