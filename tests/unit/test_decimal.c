/* Decimals case by case: text, arithmetic, rounding, comparison, limits. */
#include "core/decimal.h"

#include "tests/support/decimal_literal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* 2^256 - 1 and its neighbours: the largest magnitude, and what no longer fits. */
#define MAGNITUDE_MAX  "115792089237316195423570985008687907853269984665640564039457584007913129639935"
#define MAGNITUDE_OVER "115792089237316195423570985008687907853269984665640564039457584007913129639936"
#define TEN_76         "10000000000000000000000000000000000000000000000000000000000000000000000000000"
#define ZEROS_76       "0000000000000000000000000000000000000000000000000000000000000000000000000000"
#define ZEROS_75       "000000000000000000000000000000000000000000000000000000000000000000000000000"

static void
assert_decimal(const struct decimal *value, const char *expected)
{
    assert_string_equal(decimal_literal_of(value).text, expected);
}

static void
reads_text(void **state)
{
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"0", "0"},
        {"1", "1"},
        {"+1", "1"},
        {"-1", "-1"},
        {"007", "7"},
        {"0.10", "0.10"},
        {".5", "0.5"},
        {"-.5", "-0.5"},
        {"5.", "5"},
        {"-0", "0"},
        {"-0.00", "0.00"},
        {"12.50", "12.50"},
        {"1e3", "1000"},
        {"1E+3", "1000"},
        {"1.5e3", "1500"},
        {"1.50e1", "15.0"},
        {"1e-7", "0.0000001"},
        {"-12.5e-2", "-0.125"},
        {"1e-0", "1"},
        {"0e999999999999", "0"},
        {"1e76", TEN_76},
        {"1e-76", "0." ZEROS_75 "1"},
        {"0e-76", "0." ZEROS_76},
        {"18446744073709551615", "18446744073709551615"},
        {"18446744073709551616", "18446744073709551616"},
        {"99999999999999999999.99999999", "99999999999999999999.99999999"},
        {"340282366920938463463374607431768211455.5", "340282366920938463463374607431768211455.5"},
        {"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001.0", "1.0"},
        {MAGNITUDE_MAX, MAGNITUDE_MAX},
        {"-" MAGNITUDE_MAX, "-" MAGNITUDE_MAX},
        {MAGNITUDE_MAX "e-76", "11.5792089237316195423570985008687907853269984665640564039457584007913129639935"},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct decimal value = decimal_literal(cases[i].text);
        assert_decimal(&value, cases[i].expected);
    }
}

static void
refuses_text(void **state)
{
    static const struct {
        const char *text;
        enum error_code code;
        const char *says;
    } cases[] = {
        {"", ERROR_FORMAT, "the text is empty"},
        {"-", ERROR_FORMAT, "\"-\" is not a number"},
        {"+", ERROR_FORMAT, "not a number"},
        {".", ERROR_FORMAT, "not a number"},
        {"-.", ERROR_FORMAT, "not a number"},
        {"--1", ERROR_FORMAT, "not a number"},
        {"1.2.3", ERROR_FORMAT, "not a number"},
        {"1,5", ERROR_FORMAT, "not a number"},
        {" 1", ERROR_FORMAT, "not a number"},
        {"1 ", ERROR_FORMAT, "not a number"},
        {"1e", ERROR_FORMAT, "not a number"},
        {"1e+", ERROR_FORMAT, "not a number"},
        {"1e-x", ERROR_FORMAT, "not a number"},
        {"1e5.0", ERROR_FORMAT, "not a number"},
        {"e5", ERROR_FORMAT, "not a number"},
        {"0x10", ERROR_FORMAT, "not a number"},
        {"NaNs", ERROR_FORMAT, "not a number"},
        {"twelve\n\x80", ERROR_FORMAT, "\"twelve??\" is not a number"},
        {"NaN", ERROR_RANGE, "NaN is not a finite number"},
        {"nan", ERROR_RANGE, "finite"},
        {"Infinity", ERROR_RANGE, "finite"},
        {"-Infinity", ERROR_RANGE, "-Infinity is not a finite number"},
        {"+inf", ERROR_RANGE, "finite"},
        {MAGNITUDE_OVER, ERROR_RANGE, "77 digits"},
        {"1e78", ERROR_RANGE, "1e78 needs more"},
        {"1e77777777777777777777777", ERROR_RANGE, "77 digits"},
        {"1e-77", ERROR_RANGE, "76 decimals"},
        {"0e-77", ERROR_RANGE, "76 decimals"},
        {"1e-99999999999999999999", ERROR_RANGE, "76 decimals"},
        {"1." ZEROS_76 "0", ERROR_RANGE, "76 decimals"},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct decimal value = decimal_from_int64(77, 1);
        struct error error = {0};
        enum error_code code = decimal_from_text(cases[i].text, strlen(cases[i].text), &value, &error);
        assert_int_equal(code, cases[i].code);
        assert_int_equal(error.code, code);
        assert_non_null(strstr(error.message, cases[i].says));
        assert_decimal(&value, "7.7");
    }
}

static void
reads_only_the_length_given(void **state)
{
    struct decimal value;
    struct error error;
    (void)state;
    assert_int_equal(decimal_from_text("12.5|rest", 4, &value, &error), ERROR_NONE);
    assert_decimal(&value, "12.5");
    assert_int_equal(decimal_from_text("1e5", 2, &value, &error), ERROR_FORMAT);
    assert_int_equal(decimal_from_text(NULL, 0, &value, &error), ERROR_FORMAT);
}

static void
writes_text_only_if_it_fits(void **state)
{
    struct decimal value = decimal_literal("-12.50");
    struct decimal longest = decimal_literal("-" MAGNITUDE_MAX "e-1");
    char text[DECIMAL_TEXT_BYTES] = "old";
    (void)state;
    assert_int_equal(decimal_to_text(&value, text, 0), 0);
    assert_string_equal(text, "old");
    assert_int_equal(decimal_to_text(&value, text, 6), 0);
    assert_string_equal(text, "");
    assert_int_equal(decimal_to_text(&value, text, 7), 6);
    assert_string_equal(text, "-12.50");
    assert_int_equal(decimal_to_text(&longest, text, sizeof(text) - 1), 0);
    assert_int_equal(decimal_to_text(&longest, text, sizeof(text)), DECIMAL_TEXT_BYTES - 1);
}

static void
makes_from_integers(void **state)
{
    static const struct {
        int64_t unscaled;
        unsigned scale;
        const char *expected;
    } cases[] = {
        {0, 0, "0"},
        {0, 8, "0.00000000"},
        {-125, 2, "-1.25"},
        {5, 3, "0.005"},
        {INT64_MAX, 0, "9223372036854775807"},
        {INT64_MIN, 18, "-9.223372036854775808"},
        {1, 76, "0." ZEROS_75 "1"},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct decimal value = decimal_from_int64(cases[i].unscaled, cases[i].scale);
        assert_decimal(&value, cases[i].expected);
    }
    struct decimal zero = decimal_zero();
    assert_decimal(&zero, "0");
}

typedef enum error_code (*binary_function)(const struct decimal *a, const struct decimal *b, struct decimal *out,
                                           struct error *error);

static void
adds_subtracts_multiplies(void **state)
{
    static const struct {
        binary_function function;
        const char *a;
        const char *b;
        const char *expected; /* NULL: ERROR_RANGE */
        const char *says;
    } cases[] = {
        {decimal_add, "1", "2", "3", ""},
        {decimal_add, "1.50", "2.5", "4.00", ""},
        {decimal_add, "-1.5", "1.50", "0.00", ""},
        {decimal_add, "-5", "3", "-2", ""},
        {decimal_add, "5", "-8", "-3", ""},
        {decimal_add, "-5", "-8.001", "-13.001", ""},
        {decimal_add, "0", "-0.00000001", "-0.00000001", ""},
        {decimal_add, "18446744073709551615", "1", "18446744073709551616", ""},
        {decimal_add, "340282366920938463463374607431768211455", "1", "340282366920938463463374607431768211456", ""},
        {decimal_add, MAGNITUDE_MAX, "0", MAGNITUDE_MAX, ""},
        {decimal_add, MAGNITUDE_MAX, "1", NULL, MAGNITUDE_MAX " + 1 needs more"},
        {decimal_add, "-" MAGNITUDE_MAX, "-1", NULL, "77 digits"},
        {decimal_add, MAGNITUDE_MAX, "-" MAGNITUDE_MAX, "0", ""},
        {decimal_add, MAGNITUDE_MAX, "0.1", NULL, "77 digits"},
        {decimal_add, "0", "1e-76", "0." ZEROS_75 "1", ""},
        {decimal_add, "100", "1e-76", NULL, "77 digits"},
        {decimal_sub, "1", "2", "-1", ""},
        {decimal_sub, "2.50", "2.5", "0.00", ""},
        {decimal_sub, "-1", "-1", "0", ""},
        {decimal_sub, "0", "0", "0", ""},
        {decimal_sub, "0.1", "0.30", "-0.20", ""},
        {decimal_sub, "-" MAGNITUDE_MAX, "1", NULL, "-" MAGNITUDE_MAX " - 1 needs more"},
        {decimal_mul, "3", "4", "12", ""},
        {decimal_mul, "-1.50", "2.5", "-3.750", ""},
        {decimal_mul, "-0.5", "-0.5", "0.25", ""},
        {decimal_mul, "-5", "0.00", "0.00", ""},
        {decimal_mul, "0.004", "0.004", "0.000016", ""},
        {decimal_mul, "18446744073709551615", "18446744073709551615", "340282366920938463426481119284349108225", ""},
        {decimal_mul, "123456789.12345678", "987654321.87654321", "121932631342783101.4583142722374638", ""},
        {decimal_mul, "340282366920938463463374607431768211455", "340282366920938463463374607431768211456",
         "115792089237316195423570985008687907852929702298719625575994209400481361428480", ""},
        {decimal_mul, "340282366920938463463374607431768211456", "340282366920938463463374607431768211456", NULL,
         "340282366920938463463374607431768211456 x 340282366920938463463374607431768211456 needs"},
        {decimal_mul, MAGNITUDE_MAX, "1", MAGNITUDE_MAX, ""},
        {decimal_mul, "2", MAGNITUDE_MAX, NULL, "77 digits"},
        {decimal_mul, "1e-38", "1e-38", "0." ZEROS_75 "1", ""},
        {decimal_mul, "1e-38", "1e-39", NULL, "76 decimals"},
        {decimal_mul, "0e-76", "0.1", NULL, "76 decimals"},
        {decimal_mul, "0e-76", MAGNITUDE_MAX, "0." ZEROS_76, ""},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct decimal a = decimal_literal(cases[i].a);
        struct decimal b = decimal_literal(cases[i].b);
        struct decimal out = decimal_from_int64(77, 1);
        struct error error = {0};
        enum error_code code = cases[i].function(&a, &b, &out, &error);
        assert_int_equal(code, cases[i].expected == NULL ? ERROR_RANGE : ERROR_NONE);
        assert_non_null(strstr(error.message, cases[i].says));
        assert_decimal(&out, cases[i].expected == NULL ? "7.7" : cases[i].expected);
    }
}

static void
rounds(void **state)
{
    static const struct {
        const char *value;
        unsigned scale;
        const char *expected[3]; /* by enum decimal_rounding */
    } cases[] = {
        {"2.5", 0, {"3", "2", "2"}},
        {"3.5", 0, {"4", "4", "3"}},
        {"-2.5", 0, {"-3", "-2", "-2"}},
        {"0.5", 0, {"1", "0", "0"}},
        {"-0.5", 0, {"-1", "0", "0"}},
        {"-0.49", 0, {"0", "0", "0"}},
        {"2.51", 0, {"3", "3", "2"}},
        {"2.49", 0, {"2", "2", "2"}},
        {"1.005", 2, {"1.01", "1.00", "1.00"}},
        {"1.015", 2, {"1.02", "1.02", "1.01"}},
        {"9.995", 2, {"10.00", "10.00", "9.99"}},
        {"123.45", 4, {"123.4500", "123.4500", "123.4500"}},
        {"123.45", 2, {"123.45", "123.45", "123.45"}},
        {"0.000000005", 8, {"0.00000001", "0.00000000", "0.00000000"}},
        {"-0.000000015", 8, {"-0.00000002", "-0.00000002", "-0.00000001"}},
        {"1e-76", 0, {"0", "0", "0"}},
        {"0.5" ZEROS_75, 0, {"1", "0", "0"}},
        {"0.4999999999999999999999999999999999999999", 0, {"0", "0", "0"}},
        {"1.50000000000000000000", 0, {"2", "2", "1"}},
        {"99999999999999999999.99999999",
         0,
         {"100000000000000000000", "100000000000000000000", "99999999999999999999"}},
        {"340282366920938463463374607431768211455.5",
         0,
         {"340282366920938463463374607431768211456", "340282366920938463463374607431768211456",
          "340282366920938463463374607431768211455"}},
        {MAGNITUDE_MAX "e-76", 1, {"11.6", "11.6", "11.5"}},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        for (enum decimal_rounding rounding = DECIMAL_HALF_AWAY; rounding <= DECIMAL_TRUNCATE; rounding++) {
            struct decimal value = decimal_literal(cases[i].value);
            struct error error;
            assert_int_equal(decimal_round(&value, cases[i].scale, rounding, &value, &error), ERROR_NONE);
            assert_decimal(&value, cases[i].expected[rounding]);
        }
    }
}

/* 4.0...05 and 4.0...015: a tie above an even and above an odd last digit, in every scale. */
static void
rounds_ties_at_every_scale(void **state)
{
    (void)state;
    for (unsigned scale = 1; scale <= 16; scale++) {
        int64_t four = 4;
        for (unsigned i = 0; i < scale; i++)
            four *= 10;
        for (int64_t last = 0; last <= 1; last++) {
            for (int sign = -1; sign <= 1; sign += 2) {
                struct decimal tie = decimal_from_int64(sign * ((four + last) * 10 + 5), scale + 1);
                struct decimal expected[3] = {decimal_from_int64(sign * (four + last + 1), scale),
                                              decimal_from_int64(sign * (four + 2 * last), scale),
                                              decimal_from_int64(sign * (four + last), scale)};
                for (enum decimal_rounding rounding = DECIMAL_HALF_AWAY; rounding <= DECIMAL_TRUNCATE; rounding++) {
                    struct decimal out;
                    struct error error;
                    assert_int_equal(decimal_round(&tie, scale, rounding, &out, &error), ERROR_NONE);
                    assert_memory_equal(out.limb, expected[rounding].limb, sizeof(out.limb));
                    assert_int_equal(out.negative, sign < 0);
                    assert_int_equal(out.scale, scale);
                }
            }
        }
    }
}

static void
divides(void **state)
{
    static const struct {
        const char *a;
        const char *b; /* NULL: decimal_div, else decimal_muldiv */
        const char *c;
        unsigned scale;
        enum decimal_rounding rounding;
        const char *expected; /* NULL: an error */
        enum error_code code;
        const char *says;
    } cases[] = {
        {"1", NULL, "3", 8, DECIMAL_HALF_AWAY, "0.33333333", ERROR_NONE, ""},
        {"2", NULL, "3", 8, DECIMAL_HALF_AWAY, "0.66666667", ERROR_NONE, ""},
        {"-2", NULL, "3", 8, DECIMAL_TRUNCATE, "-0.66666666", ERROR_NONE, ""},
        {"2", NULL, "-3", 0, DECIMAL_HALF_AWAY, "-1", ERROR_NONE, ""},
        {"-1", NULL, "-8", 2, DECIMAL_HALF_EVEN, "0.12", ERROR_NONE, ""},
        {"-1", NULL, "-8", 2, DECIMAL_HALF_AWAY, "0.13", ERROR_NONE, ""},
        {"0", NULL, "-8.5", 2, DECIMAL_HALF_AWAY, "0.00", ERROR_NONE, ""},
        {"-1", NULL, "1000", 2, DECIMAL_HALF_AWAY, "0.00", ERROR_NONE, ""},
        {"1e-40", NULL, "1e-40", 0, DECIMAL_HALF_AWAY, "1", ERROR_NONE, ""},
        {"1", NULL, "1e-76", 0, DECIMAL_HALF_AWAY, TEN_76, ERROR_NONE, ""},
        {"1e-76", NULL, "1e76", 76, DECIMAL_HALF_AWAY, "0." ZEROS_76, ERROR_NONE, ""},
        {MAGNITUDE_MAX, NULL, MAGNITUDE_MAX, 76, DECIMAL_HALF_AWAY, "1." ZEROS_76, ERROR_NONE, ""},
        {MAGNITUDE_MAX, NULL, "0.1", 0, DECIMAL_HALF_AWAY, NULL, ERROR_RANGE, MAGNITUDE_MAX " / 0.1 needs more"},
        {"1", NULL, "1e-76", 76, DECIMAL_HALF_AWAY, NULL, ERROR_RANGE, "77 digits"},
        {"1", NULL, "0", 8, DECIMAL_HALF_AWAY, NULL, ERROR_ARGUMENT, "1 cannot be divided by zero"},
        {"0", NULL, "0.00", 8, DECIMAL_HALF_AWAY, NULL, ERROR_ARGUMENT, "divided by zero"},
        {"1", NULL, "1", 77, DECIMAL_HALF_AWAY, NULL, ERROR_RANGE, "77 decimals"},
        {"10", "3", "4", 0, DECIMAL_HALF_AWAY, "8", ERROR_NONE, ""},
        {"10", "3", "4", 0, DECIMAL_HALF_EVEN, "8", ERROR_NONE, ""},
        {"10", "-5", "4", 0, DECIMAL_HALF_EVEN, "-12", ERROR_NONE, ""},
        {"100.25", "0.333", "1.5", 8, DECIMAL_HALF_AWAY, "22.25550000", ERROR_NONE, ""},
        {MAGNITUDE_MAX, MAGNITUDE_MAX, MAGNITUDE_MAX, 0, DECIMAL_TRUNCATE, MAGNITUDE_MAX, ERROR_NONE, ""},
        {MAGNITUDE_MAX, MAGNITUDE_MAX, "-" MAGNITUDE_MAX, 0, DECIMAL_TRUNCATE, "-" MAGNITUDE_MAX, ERROR_NONE, ""},
        {MAGNITUDE_MAX, "3", "2", 0, DECIMAL_TRUNCATE, NULL, ERROR_RANGE, MAGNITUDE_MAX " x 3 / 2 needs more"},
        {MAGNITUDE_MAX, MAGNITUDE_MAX, "1e-76", 76, DECIMAL_TRUNCATE, NULL, ERROR_RANGE, "77 digits"},
        {"1e-76", "1e-76", MAGNITUDE_MAX, 0, DECIMAL_HALF_AWAY, "0", ERROR_NONE, ""},
        {"1", "1", "0", 0, DECIMAL_HALF_AWAY, NULL, ERROR_ARGUMENT, "divided by zero"},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct decimal a = decimal_literal(cases[i].a);
        struct decimal b = decimal_literal(cases[i].b == NULL ? "0" : cases[i].b);
        struct decimal c = decimal_literal(cases[i].c);
        struct decimal out = decimal_from_int64(77, 1);
        struct error error = {0};
        enum error_code code = cases[i].b == NULL
                                   ? decimal_div(&a, &c, cases[i].scale, cases[i].rounding, &out, &error)
                                   : decimal_muldiv(&a, &b, &c, cases[i].scale, cases[i].rounding, &out, &error);
        assert_int_equal(code, cases[i].code);
        assert_non_null(strstr(error.message, cases[i].says));
        assert_decimal(&out, cases[i].expected == NULL ? "7.7" : cases[i].expected);
    }
}

/* addend + a * b / c: one rounding of the whole, whichever of the two is the finer, and signs that take away. */
static void
adds_and_divides(void **state)
{
    static const struct {
        const char *addend;
        const char *a;
        const char *b;
        const char *c;
        const char *expected; /* to 2 decimals, half away from zero; NULL: an error */
        const char *says;
    } cases[] = {
        {"0.004", "1", "1", "1000", "0.01", ""},
        {"0.0049", "1", "1", "30000", "0.00", ""},
        {"-0.005", "1", "1", "3e30", "0.00", ""}, /* not quite half a unit */
        {"0.005", "-1", "-1", "3e30", "0.01", ""},
        {"1", "-2", "3", "6", "0.00", ""},
        {"0", "2", "2", "-3", "-1.33", ""},
        {"-10", "1", "1", "3", "-9.67", ""},
        {"0", "0", "0", "7", "0.00", ""},
        {"-" MAGNITUDE_MAX, MAGNITUDE_MAX, MAGNITUDE_MAX, MAGNITUDE_MAX, "0.00", ""},
        {MAGNITUDE_MAX, "1", "1", "2", NULL, " + 1 x 1 / 2 needs more"},
        {"1", "1", "1", "0.0", NULL, "divided by zero"},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct decimal addend = decimal_literal(cases[i].addend);
        struct decimal a = decimal_literal(cases[i].a);
        struct decimal b = decimal_literal(cases[i].b);
        struct decimal c = decimal_literal(cases[i].c);
        struct decimal out = decimal_from_int64(77, 1);
        struct error error = {0};
        enum error_code code = decimal_add_muldiv(&addend, &a, &b, &c, 2, DECIMAL_HALF_AWAY, &out, &error);
        assert_int_equal(code == ERROR_NONE, cases[i].expected != NULL);
        assert_non_null(strstr(error.message, cases[i].says));
        assert_decimal(&out, cases[i].expected == NULL ? "7.7" : cases[i].expected);
    }
}

/* (2^257 - 1) / 2 rounds up to 2^256, which is one too many; truncated it is the largest magnitude. */
static void
rounding_up_can_overflow(void **state)
{
    struct decimal a = decimal_literal("535006138814359");
    struct decimal b = decimal_literal("432862656469423142931042426214547535783388063929571229938474969");
    struct decimal two = decimal_from_int64(2, 0);
    struct decimal out;
    struct error error;
    (void)state;
    assert_int_equal(decimal_muldiv(&a, &b, &two, 0, DECIMAL_TRUNCATE, &out, &error), ERROR_NONE);
    assert_decimal(&out, MAGNITUDE_MAX);
    assert_int_equal(decimal_muldiv(&a, &b, &two, 0, DECIMAL_HALF_AWAY, &out, &error), ERROR_RANGE);
    assert_int_equal(decimal_muldiv(&a, &b, &two, 0, DECIMAL_HALF_EVEN, &out, &error), ERROR_RANGE);
    assert_decimal(&out, MAGNITUDE_MAX);
}

static void
round_refuses_what_does_not_fit(void **state)
{
    struct decimal value = decimal_literal(MAGNITUDE_MAX);
    struct decimal out = decimal_from_int64(77, 1);
    struct error error = {0};
    (void)state;
    assert_int_equal(decimal_round(&value, 1, DECIMAL_TRUNCATE, &out, &error), ERROR_RANGE);
    assert_non_null(strstr(error.message, MAGNITUDE_MAX " with 1 decimals needs more"));
    assert_int_equal(decimal_round(&value, DECIMAL_SCALE_MAX + 1, DECIMAL_TRUNCATE, &out, &error), ERROR_RANGE);
    assert_non_null(strstr(error.message, "77 decimals was asked for"));
    assert_decimal(&out, "7.7");
}

static void
compares(void **state)
{
    static const struct {
        const char *smaller;
        const char *larger;
    } cases[] = {
        {"0", "0.00000001"},
        {"-0.00000001", "0"},
        {"-1", "1"},
        {"-2", "-1.99"},
        {"1.99", "2"},
        {"9.9", "10.00"},
        {"18446744073709551615", "18446744073709551616"},
        {"0.99999999", MAGNITUDE_MAX},
        {"1e-76", MAGNITUDE_MAX},
        {"-" MAGNITUDE_MAX, "-1e-76"},
        {"-" MAGNITUDE_MAX, MAGNITUDE_MAX},
        {MAGNITUDE_MAX "e-1", MAGNITUDE_MAX},
    };
    static const char *const equal[][2] = {{"0", "0.00"}, {"1.5", "1.500"}, {"-2", "-2.0"}, {"1e76", TEN_76}};
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct decimal smaller = decimal_literal(cases[i].smaller);
        struct decimal larger = decimal_literal(cases[i].larger);
        assert_int_equal(decimal_compare(&smaller, &larger), -1);
        assert_int_equal(decimal_compare(&larger, &smaller), 1);
        assert_int_equal(decimal_compare(&larger, &larger), 0);
    }
    for (size_t i = 0; i < LENGTH(equal); i++) {
        struct decimal a = decimal_literal(equal[i][0]);
        struct decimal b = decimal_literal(equal[i][1]);
        assert_int_equal(decimal_compare(&a, &b), 0);
        assert_int_equal(decimal_compare(&b, &a), 0);
    }
}

static void
describes(void **state)
{
    static const struct {
        const char *value;
        const char *normalized;
        unsigned minimal_scale;
        unsigned integer_digits;
        int sign;
    } cases[] = {
        {"0", "0", 0, 0, 0},
        {"0.000", "0", 0, 0, 0},
        {"0.5", "0.5", 1, 0, 1},
        {"-0.050", "-0.05", 2, 0, -1},
        {"1.2500", "1.25", 2, 1, 1},
        {"100", "100", 0, 3, 1},
        {"100.00", "100", 0, 3, 1},
        {"-123.4", "-123.4", 1, 3, -1},
        {"9999999999999999999", "9999999999999999999", 0, 19, 1},
        {"10000000000000000000", "10000000000000000000", 0, 20, 1},
        {"18446744073709551616.0000000000000000", "18446744073709551616", 0, 20, 1},
        {"1." ZEROS_76, "1", 0, 1, 1},
        {"0.1" ZEROS_75, "0.1", 1, 0, 1},
        {MAGNITUDE_MAX, MAGNITUDE_MAX, 0, 78, 1},
        {TEN_76, TEN_76, 0, 77, 1},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct decimal value = decimal_literal(cases[i].value);
        struct decimal normalized = decimal_normalize(&value);
        assert_decimal(&normalized, cases[i].normalized);
        assert_int_equal(decimal_minimal_scale(&value), cases[i].minimal_scale);
        assert_int_equal(decimal_integer_digits(&value), cases[i].integer_digits);
        assert_int_equal(decimal_sign(&value), cases[i].sign);
        assert_int_equal(decimal_is_zero(&value), cases[i].sign == 0);
        struct decimal negated = decimal_negate(&value);
        struct decimal absolute = decimal_abs(&value);
        assert_int_equal(decimal_sign(&negated), -cases[i].sign);
        assert_int_equal(decimal_sign(&absolute), cases[i].sign != 0);
        assert_false(negated.negative && cases[i].sign == 0);
        negated = decimal_negate(&negated);
        assert_int_equal(decimal_compare(&negated, &value), 0);
    }
}

static void
out_may_be_an_operand(void **state)
{
    struct decimal value = decimal_literal("-1.5");
    struct error error;
    (void)state;
    assert_int_equal(decimal_add(&value, &value, &value, &error), ERROR_NONE);
    assert_decimal(&value, "-3.0");
    assert_int_equal(decimal_mul(&value, &value, &value, &error), ERROR_NONE);
    assert_decimal(&value, "9.00");
    assert_int_equal(decimal_muldiv(&value, &value, &value, 1, DECIMAL_HALF_AWAY, &value, &error), ERROR_NONE);
    assert_decimal(&value, "9.0");
    assert_int_equal(decimal_div(&value, &value, 3, DECIMAL_HALF_AWAY, &value, &error), ERROR_NONE);
    assert_decimal(&value, "1.000");
    assert_int_equal(decimal_sub(&value, &value, &value, &error), ERROR_NONE);
    assert_decimal(&value, "0.000");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_text),
        cmocka_unit_test(refuses_text),
        cmocka_unit_test(reads_only_the_length_given),
        cmocka_unit_test(writes_text_only_if_it_fits),
        cmocka_unit_test(makes_from_integers),
        cmocka_unit_test(adds_subtracts_multiplies),
        cmocka_unit_test(rounds),
        cmocka_unit_test(rounds_ties_at_every_scale),
        cmocka_unit_test(divides),
        cmocka_unit_test(adds_and_divides),
        cmocka_unit_test(rounding_up_can_overflow),
        cmocka_unit_test(round_refuses_what_does_not_fit),
        cmocka_unit_test(compares),
        cmocka_unit_test(describes),
        cmocka_unit_test(out_may_be_an_operand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
