/* PostgreSQL's binary numeric. The vectors were read out of a PostgreSQL 15 server: encode(numeric_send(x), 'hex'). */
#include "core/decimal.h"

#include "tests/support/decimal_literal.h"
#include "tests/support/random_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#define WIRE_BYTES_MAX 128

static const struct {
    const char *text;
    const char *hex;
} vectors[] = {
    {"0", "0000000000000000"},
    {"0.00", "0000000000000002"},
    {"1", "00010000000000000001"},
    {"-1", "00010000400000000001"},
    {"1.0", "00010000000000010001"},
    {"1.000", "00010000000000030001"},
    {"10", "0001000000000000000a"},
    {"9999", "0001000000000000270f"},
    {"10000", "00010001000000000001"},
    {"10001", "000200010000000000010001"},
    {"100000000", "00010002000000000001"},
    {"0.5", "0001ffff000000011388"},
    {"0.1", "0001ffff0000000103e8"},
    {"0.01", "0001ffff000000020064"},
    {"0.001", "0001ffff00000003000a"},
    {"0.0001", "0001ffff000000040001"},
    {"0.00001", "0001fffe0000000503e8"},
    {"0.00000001", "0001fffe000000080001"},
    {"0.0000000000000001", "0001fffc000000100001"},
    {"0.0000000000000000000000000000000000000000000000000000000000000000000000000001", "0001ffed0000004c0001"},
    {"-0.3", "0001ffff400000010bb8"},
    {"0.00012345", "0002ffff0000000800010929"},
    {"123.45", "0002000000000002007b1194"},
    {"-123.4500", "0002000040000004007b1194"},
    {"12.0003", "0002000000000004000c0003"},
    {"5000.5", "000200000000000113881388"},
    {"12345678.12345678", "000400010000000804d2162e04d2162e"},
    {"99999999999999999999.99999999", "0007000400000008270f270f270f270f270f270f270f"},
    {"1234567890123456.7890123456789012", "000800030000001004d2162e23340d801ed204d2162e2334"},
    {"1000000000000000000000000000000", "00010007000000000064"},
    {"10000000000000000000000000000000000000000000000000000000000000000000000000000", "00010013000000000001"},
    {"18446744073709551615", "000500040000000007341a5802e103bb064f"},
    {"18446744073709551616", "000500040000000007341a5802e103bb0650"},
    {"340282366920938463463374607431768211456", "000a00090000000001540b071a2403aa121a18c111ff10dd1aa505b0"},
    {"115792089237316195423570985008687907853269984665640564039457584007913129639935",
     "0014001300000000000b16a0037c0e931833108b1bba13901adf03110cc5267619a40234018a167e0fa723ab0b9326cf"},
};

static size_t
from_hex(const char *hex, uint8_t bytes[WIRE_BYTES_MAX])
{
    size_t length = strlen(hex) / 2;
    assert_true(length <= WIRE_BYTES_MAX);
    for (size_t i = 0; i < length; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};
        bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return length;
}

static void
reads_and_writes_what_postgresql_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(vectors); i++) {
        uint8_t bytes[WIRE_BYTES_MAX];
        uint8_t written[DECIMAL_PG_BYTES];
        size_t length = from_hex(vectors[i].hex, bytes);
        struct decimal value;
        enum decimal_special special = DECIMAL_NAN;
        struct error error;
        assert_int_equal(decimal_from_pg(bytes, length, &value, &special, &error), ERROR_NONE);
        assert_int_equal(special, DECIMAL_FINITE);
        assert_string_equal(decimal_literal_of(&value).text, vectors[i].text);
        assert_int_equal(decimal_to_pg(&value, written, sizeof(written)), length);
        assert_memory_equal(written, bytes, length);
    }
}

static void
reads_what_is_not_finite(void **state)
{
    static const struct {
        const char *hex;
        enum decimal_special special;
    } cases[] = {
        {"00000000c0000000", DECIMAL_NAN},
        {"00000000d0000020", DECIMAL_POSITIVE_INFINITY},
        {"00000000f0000020", DECIMAL_NEGATIVE_INFINITY},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        uint8_t bytes[WIRE_BYTES_MAX];
        size_t length = from_hex(cases[i].hex, bytes);
        struct decimal value = decimal_from_int64(77, 1);
        enum decimal_special special;
        struct error error;
        assert_int_equal(decimal_from_pg(bytes, length, &value, &special, &error), ERROR_NONE);
        assert_int_equal(special, cases[i].special);
        assert_string_equal(decimal_literal_of(&value).text, "0");
    }
}

/* Other ways to write the same number: no server sends them, but they are unambiguous. */
static void
reads_superfluous_zero_digits(void **state)
{
    static const struct {
        const char *hex;
        const char *text;
    } cases[] = {
        {"00030002000000000000000000ff", "255"},      /* zeros in front */
        {"000200000000000000ff0000", "255"},          /* a group of zeros beyond the scale */
        {"000300000000000400ff00000000", "255.0000"}, /* one within it, one beyond */
        {"00010000400000020000", "0.00"},             /* minus zero */
        {"0000000040000000", "0"},                    /* minus zero without digits */
        {"000000ff00000002", "0.00"},                 /* a weight without digits */
        {"0001fff0000000020000", "0.00"},             /* zero far behind the point */
        {"000100ff000000020000", "0.00"},             /* zero far before it */
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        uint8_t bytes[WIRE_BYTES_MAX];
        size_t length = from_hex(cases[i].hex, bytes);
        struct decimal value;
        enum decimal_special special;
        struct error error;
        assert_int_equal(decimal_from_pg(bytes, length, &value, &special, &error), ERROR_NONE);
        assert_string_equal(decimal_literal_of(&value).text, cases[i].text);
    }
}

static void
refuses_bad_bytes(void **state)
{
    static const struct {
        const char *hex;
        enum error_code code;
        const char *says;
    } cases[] = {
        {"", ERROR_FORMAT, "shorter than its header of 8 bytes (0)"},
        {"00000000000000", ERROR_FORMAT, "shorter than its header"},
        {"0001000000000000", ERROR_FORMAT, "number of digits does not explain (8)"},
        {"000100000000000000", ERROR_FORMAT, "does not explain (9)"},
        {"0001000000000000000100", ERROR_FORMAT, "does not explain"},
        {"00000000000000000001", ERROR_FORMAT, "does not explain"},
        {"ffff000000000000", ERROR_FORMAT, "does not explain"},
        {"3ff0000000000000", ERROR_FORMAT, "must have type numeric"}, /* the float8 1.0 */
        {"0000000000004000", ERROR_FORMAT, "impossible scale (16384)"},
        {"0000000000008000", ERROR_FORMAT, "impossible scale"},
        {"0000000080000000", ERROR_FORMAT, "unknown sign (32768)"},
        {"0000000000010000", ERROR_FORMAT, "unknown sign"},
        {"00000000e0000000", ERROR_FORMAT, "unknown sign"},
        {"00010000c00000000001", ERROR_FORMAT, "not finite has digits"},
        {"00010000d00000200001", ERROR_FORMAT, "not finite has digits"},
        {"00010000000000002710", ERROR_FORMAT, "digit beyond 9999 (10000)"},
        {"0001000000000000ffff", ERROR_FORMAT, "digit beyond 9999"},
        {"0001ffff000000012710", ERROR_FORMAT, "digit beyond 9999"},
        {"0001ffff000000000001", ERROR_FORMAT, "decimals beyond its scale"},
        {"0001ffff000000030001", ERROR_FORMAT, "decimals beyond its scale"},
        {"0001ffff000000011389", ERROR_FORMAT, "decimals beyond its scale"},
        {"0001fffe000000040001", ERROR_FORMAT, "decimals beyond its scale"},
        {"000000000000004d", ERROR_RANGE, "76 decimals"},                 /* 0 with 77 decimals */
        {"0001ffec0000004d03e8", ERROR_RANGE, "weight -20 and scale 77"}, /* 1e-77 */
        {"00010014000000000001", ERROR_RANGE, "weight 20 and scale 0"},   /* 1e80 */
        {"00017fff000000000001", ERROR_RANGE, "77 digits"},               /* 1e131068 */
        {"000100000000004c270f", ERROR_RANGE, "77 digits"},               /* 9999 with 76 decimals */
        {"0014001300000000000b16a0037c0e931833108b1bba13901adf03110cc5267619a40234018a167e0fa723ab0b9326d0",
         ERROR_RANGE, "77 digits"}, /* 2^256 */
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        uint8_t bytes[WIRE_BYTES_MAX];
        size_t length = from_hex(cases[i].hex, bytes);
        struct decimal value = decimal_from_int64(77, 1);
        enum decimal_special special;
        struct error error = {0};
        assert_int_equal(decimal_from_pg(bytes, length, &value, &special, &error), cases[i].code);
        assert_int_equal(error.code, cases[i].code);
        assert_non_null(strstr(error.message, cases[i].says));
        assert_string_equal(decimal_literal_of(&value).text, "7.7");
    }
}

static void
writes_only_if_it_fits(void **state)
{
    struct decimal value = decimal_literal("123.45");
    struct decimal longest =
        decimal_literal("11579208923731619542357098500868790785326998466564056403945758400791312963993.5");
    uint8_t bytes[DECIMAL_PG_BYTES] = {0xAA};
    (void)state;
    assert_int_equal(decimal_to_pg(&value, bytes, 11), 0);
    assert_int_equal(bytes[0], 0xAA);
    assert_int_equal(decimal_to_pg(&value, bytes, 12), 12);
    assert_int_equal(decimal_to_pg(&longest, bytes, sizeof(bytes)), DECIMAL_PG_BYTES);
    assert_int_equal(decimal_to_pg(&longest, bytes, sizeof(bytes) - 1), 0);
}

/* Whatever arrives, the answer is a number that survives the way there and back, or an error. Half of the input is a
 * vector with some bytes changed, so that most of it gets past the header. */
static void
survives_random_bytes(void **state)
{
    struct random_source random = random_source_start("survives_random_bytes");
    unsigned numbers = 0;
    (void)state;
    for (int round = 0; round < 200000; round++) {
        uint8_t bytes[WIRE_BYTES_MAX];
        size_t length = from_hex(vectors[random_source_below(&random, LENGTH(vectors))].hex, bytes);
        for (unsigned changes = random_source_below(&random, 4); changes > 0; changes--)
            bytes[random_source_below(&random, (unsigned)length)] = (uint8_t)random_source_next(&random);
        if (random_source_below(&random, 8) == 0)
            length = random_source_below(&random, (unsigned)length);
        uint8_t *exact = malloc(length + 1); /* so that reading past the end is seen */
        assert_non_null(exact);
        memcpy(exact + 1, bytes, length);
        struct decimal value;
        struct decimal again;
        enum decimal_special special;
        struct error error;
        uint8_t written[DECIMAL_PG_BYTES];
        enum error_code code = decimal_from_pg(exact + 1, length, &value, &special, &error);
        free(exact);
        if (code != ERROR_NONE) {
            assert_true(code == ERROR_FORMAT || code == ERROR_RANGE);
            continue;
        }
        size_t written_length = decimal_to_pg(&value, written, sizeof(written));
        assert_true(written_length >= 8);
        assert_int_equal(decimal_from_pg(written, written_length, &again, &special, &error), ERROR_NONE);
        assert_int_equal(decimal_compare(&value, &again), 0);
        assert_int_equal(value.scale, again.scale);
        numbers++;
    }
    assert_true(numbers > 1000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_what_postgresql_does),
        cmocka_unit_test(reads_what_is_not_finite),
        cmocka_unit_test(reads_superfluous_zero_digits),
        cmocka_unit_test(refuses_bad_bytes),
        cmocka_unit_test(writes_only_if_it_fits),
        cmocka_unit_test(survives_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
