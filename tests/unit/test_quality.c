/* Rows that broke rules, as text: the lines of their issues, and the whole row as JSON. The bytes are PostgreSQL 15's
 * own (numeric_send, timestamptz_send, date_send). */
#include "jobs/quality.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

enum { FIELD_BYTES_MAX = 64 };

/* One field, its type and its bytes in hexadecimal (NULL: SQL NULL), and the JSON it must become. */
static const struct {
    enum extract_type type;
    const char *hex, *json;
} cases[] = {
    {EXTRACT_NUMERIC, "0000000000000000", "0"},
    {EXTRACT_NUMERIC, "0000000000000002", "0.00"},
    {EXTRACT_NUMERIC, "00010000000000000001", "1"},
    {EXTRACT_NUMERIC, "00010000400000000001", "-1"},
    {EXTRACT_NUMERIC, "0003000100000003000109291a7c", "12345.678"},
    {EXTRACT_NUMERIC, "00010001000000000001", "10000"},
    {EXTRACT_NUMERIC, "00010002000000000001", "100000000"},
    {EXTRACT_NUMERIC, "0001ffff000000040001", "0.0001"},
    {EXTRACT_NUMERIC, "0002ffff40000005000107d0", "-0.00012"},
    {EXTRACT_NUMERIC, "0001fffd0000000903e8", "0.000000001"},
    {EXTRACT_NUMERIC, "000b000700000009000c0d801ed204d2162e23340d801ed204d2162e2328",
     "123456789012345678901234567890.123456789"},
    {EXTRACT_NUMERIC, "0003000100000002000a00001388", "100000.50"},
    {EXTRACT_NUMERIC, "0001ffff000000011388", "0.5"},
    {EXTRACT_NUMERIC, "00010001000000040002", "20000.0000"},
    {EXTRACT_NUMERIC, "00000000c0000000", "\"NaN\""},
    {EXTRACT_NUMERIC, "00000000d0000020", "\"Infinity\""},
    {EXTRACT_NUMERIC, "00000000f0000020", "\"-Infinity\""},
    {EXTRACT_TIMESTAMPTZ, "0002b0f61a1d6a01", "\"2024-01-02T14:30:00.000001Z\""},
    {EXTRACT_TIMESTAMPTZ, "fffca2fec4c07ee0", "\"1969-12-31T23:59:59.500000Z\""},
    {EXTRACT_TIMESTAMPTZ, "7fffffffffffffff", "\"infinity\""},
    {EXTRACT_TIMESTAMPTZ, "8000000000000000", "\"-infinity\""},
    {EXTRACT_DATE, "00002279", "\"2024-02-29\""},
    {EXTRACT_DATE, "80000000", "\"-infinity\""},
    {EXTRACT_SMALLINT, "8000", "-32768"},
    {EXTRACT_INTEGER, "7fffffff", "2147483647"},
    {EXTRACT_BIGINT, "7fffffffffffffff", "9223372036854775807"},
    {EXTRACT_BOOLEAN, "01", "true"},
    {EXTRACT_BOOLEAN, "00", "false"},
    {EXTRACT_TEXT, "", "\"\""},
    {EXTRACT_TEXT, "22c3a90a", "\"\\\"\303\251\\n\""},
    {EXTRACT_TEXT, NULL, "null"},
    {EXTRACT_UUID, "00112233445566778899aabbccddeeff", "\"00112233-4455-6677-8899-aabbccddeeff\""},
};

/* Fields that PostgreSQL cannot have sent. */
static const struct {
    enum extract_type type;
    const char *hex;
} malformed[] = {
    {EXTRACT_NUMERIC, "00"},     {EXTRACT_NUMERIC, "0001000000000000"},
    {EXTRACT_SMALLINT, "00"},    {EXTRACT_INTEGER, "00"},
    {EXTRACT_BIGINT, "00"},      {EXTRACT_BOOLEAN, ""},
    {EXTRACT_DATE, "00"},        {EXTRACT_UUID, "00"},
    {EXTRACT_TIMESTAMPTZ, "00"},
};

static struct copy_field
make_field(const char *hex, uint8_t *bytes)
{
    if (!hex)
        return (struct copy_field){.bytes = bytes, .length = -1};
    size_t length = strlen(hex) / 2;
    assert_true(length <= FIELD_BYTES_MAX);
    for (size_t i = 0; i < length; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        bytes[i] = (uint8_t)byte;
    }
    return (struct copy_field){.bytes = bytes, .length = (int32_t)length};
}

static enum error_code
row_of_one(enum extract_type type, const char *hex, struct buffer *json, struct error *error)
{
    uint8_t bytes[FIELD_BYTES_MAX];
    const struct extract_column column = {"value", type};
    const struct extract_definition definition = {"cases", &column, 1};
    const struct copy_field field = make_field(hex, bytes);
    return quality_row(json, &definition, &field, error);
}

static void
writes_each_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char expected[256];
        struct buffer json;
        struct error error;
        buffer_init(&json, 1024);
        if (row_of_one(cases[i].type, cases[i].hex, &json, &error))
            fail_msg("case %zu: %s", i, error.message);
        (void)snprintf(expected, sizeof(expected), "{\"value\": %s}", cases[i].json);
        assert_string_equal(json.bytes, expected);
        buffer_term(&json);
    }
}

static void
refuses_malformed_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(malformed); i++) {
        struct buffer json;
        struct error error;
        buffer_init(&json, 1024);
        assert_int_equal(row_of_one(malformed[i].type, malformed[i].hex, &json, &error), ERROR_FORMAT);
        assert_non_null(strstr(error.message, "column value of cases"));
        buffer_term(&json);
    }
}

static void
writes_all_columns(void **state)
{
    (void)state;
    static const struct extract_column columns[] = {{"id", EXTRACT_INTEGER}, {"side", EXTRACT_TEXT}};
    static const struct extract_definition definition = {"two", columns, LENGTH(columns)};
    static const uint8_t id[] = {0, 0, 0, 7}, side[] = {'B', 'U', 'Y'};
    const struct copy_field fields[] = {{id, sizeof(id)}, {side, sizeof(side)}};
    struct buffer json;
    struct error error;
    buffer_init(&json, 1024);
    assert_int_equal(quality_row(&json, &definition, fields, &error), ERROR_NONE);
    assert_string_equal(json.bytes, "{\"id\": 7, \"side\": \"BUY\"}");
    buffer_term(&json);
    buffer_init(&json, 8);
    assert_int_equal(quality_row(&json, &definition, fields, &error), ERROR_RANGE);
    buffer_term(&json);
}

static void
gathers_issues_as_lines(void **state)
{
    (void)state;
    struct buffer issues;
    buffer_init(&issues, 4096);
    quality_issue(&issues, QUALITY_ERROR, "tenant_required", "tenant_id is required");
    quality_issue(&issues, QUALITY_WARNING, "negative_fee", "fees are %s|\nso they say\r", "-1");
    assert_string_equal(issues.bytes,
                        "E|tenant_required|tenant_id is required\nW|negative_fee|fees are -1| so they say ");
    buffer_term(&issues);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_each_type),
        cmocka_unit_test(refuses_malformed_fields),
        cmocka_unit_test(writes_all_columns),
        cmocka_unit_test(gathers_issues_as_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
