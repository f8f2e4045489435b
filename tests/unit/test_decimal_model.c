/* Random decimals against GMP's integers and rationals, which know no limits; text and PostgreSQL's format against a
 * naive construction from digits. */
#include "core/decimal.h"

#include "tests/support/decimal_literal.h"
#include "tests/support/random_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gmp.h>

#define ROUNDS          40000
#define MAGNITUDE_BITS  256
#define DIGITS_BYTES    256
#define WIRE_GROUPS_MAX 64

/* All lengths alike, and the patterns where carries and ties are: 2^n, 2^n - 1, 10^n, 5 * 10^n. */
static struct decimal
random_decimal(struct random_source *random)
{
    struct decimal value = {.scale = (uint8_t)random_source_below(random, random_source_next(random) % 4 ? 20 : 77)};
    unsigned bits = random_source_below(random, MAGNITUDE_BITS + 1);
    unsigned kind = random_source_below(random, 8);
    mpz_t magnitude;
    mpz_init(magnitude);
    for (unsigned i = 0; i < DECIMAL_LIMBS; i++)
        value.limb[i] = random_source_next(random);
    mpz_import(magnitude, DECIMAL_LIMBS, -1, sizeof(value.limb[0]), 0, 0, value.limb);
    mpz_tdiv_r_2exp(magnitude, magnitude, bits);
    if (kind == 0)
        mpz_ui_pow_ui(magnitude, 2, bits % MAGNITUDE_BITS);
    else if (kind == 1)
        mpz_ui_pow_ui(magnitude, 10, bits % 77);
    else if (kind == 2)
        mpz_set_ui(magnitude, random_source_below(random, 1000));
    if (kind == 0 && random_source_below(random, 2) == 0)
        mpz_sub_ui(magnitude, magnitude, 1);
    if (kind == 1 && bits % 77 < 76)
        mpz_mul_ui(magnitude, magnitude, random_source_below(random, 2) == 0 ? 5 : 1);
    memset(value.limb, 0, sizeof(value.limb));
    mpz_export(value.limb, NULL, -1, sizeof(value.limb[0]), 0, 0, magnitude);
    value.negative = random_source_below(random, 2) == 0 && mpz_sgn(magnitude) != 0;
    mpz_clear(magnitude);
    return value;
}

static void
to_integer(mpz_t integer, const struct decimal *value)
{
    mpz_import(integer, DECIMAL_LIMBS, -1, sizeof(value->limb[0]), 0, 0, value->limb);
    if (value->negative)
        mpz_neg(integer, integer);
}

static void
to_rational(mpq_t rational, const struct decimal *value)
{
    to_integer(mpq_numref(rational), value);
    mpz_ui_pow_ui(mpq_denref(rational), 10, value->scale);
    mpq_canonicalize(rational);
}

/* integer = rational * 10^scale, rounded: with half away and half even written as the textbook has them, by adding one
 * half and taking the floor. */
static void
round_rational(mpz_t integer, const mpq_t rational, unsigned scale, enum decimal_rounding rounding)
{
    mpz_t numerator;
    mpz_t denominator;
    mpz_init(numerator);
    mpz_init(denominator);
    mpz_ui_pow_ui(numerator, 10, scale);
    mpz_mul(numerator, numerator, mpq_numref(rational));
    mpz_set(denominator, mpq_denref(rational));
    int sign = mpz_sgn(numerator);
    mpz_abs(numerator, numerator);
    if (rounding == DECIMAL_TRUNCATE) {
        mpz_fdiv_q(integer, numerator, denominator);
    } else {
        mpz_mul_2exp(numerator, numerator, 1);
        mpz_add(numerator, numerator, denominator);
        mpz_mul_2exp(denominator, denominator, 1);
        bool tie = mpz_divisible_p(numerator, denominator) != 0;
        mpz_fdiv_q(integer, numerator, denominator);
        if (rounding == DECIMAL_HALF_EVEN && tie && mpz_odd_p(integer))
            mpz_sub_ui(integer, integer, 1);
    }
    if (sign < 0)
        mpz_neg(integer, integer);
    mpz_clear(numerator);
    mpz_clear(denominator);
}

/* The result must be expected / 10^scale, or ERROR_RANGE exactly if that does not fit. */
static void
assert_result(enum error_code code, const struct decimal *out, const mpz_t expected, unsigned scale, bool fits)
{
    fits = fits && scale <= DECIMAL_SCALE_MAX && mpz_sizeinbase(expected, 2) <= MAGNITUDE_BITS;
    assert_int_equal(code, fits ? ERROR_NONE : ERROR_RANGE);
    if (!fits)
        return;
    mpz_t got;
    mpz_init(got);
    to_integer(got, out);
    assert_int_equal(mpz_cmp(got, expected), 0);
    assert_int_equal(out->scale, scale);
    assert_false(out->negative && mpz_sgn(expected) >= 0);
    mpz_clear(got);
}

static void
rescale(mpz_t integer, const struct decimal *value, unsigned scale)
{
    mpz_t power;
    mpz_init(power);
    mpz_ui_pow_ui(power, 10, scale - value->scale);
    to_integer(integer, value);
    mpz_mul(integer, integer, power);
    mpz_clear(power);
}

static void
sums_and_products_are_exact(void **state)
{
    struct random_source random = random_source_start("sums_and_products_are_exact");
    mpz_t x;
    mpz_t y;
    mpz_t expected;
    (void)state;
    mpz_inits(x, y, expected, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        struct decimal a = random_decimal(&random);
        struct decimal b = random_decimal(&random);
        struct decimal out;
        struct error error;
        unsigned scale = a.scale > b.scale ? a.scale : b.scale;
        rescale(x, &a, scale);
        rescale(y, &b, scale);
        bool fits = mpz_sizeinbase(x, 2) <= MAGNITUDE_BITS && mpz_sizeinbase(y, 2) <= MAGNITUDE_BITS;
        mpz_add(expected, x, y);
        enum error_code code = decimal_add(&a, &b, &out, &error);
        assert_result(code, &out, expected, scale, fits);
        mpz_sub(expected, x, y);
        code = decimal_sub(&a, &b, &out, &error);
        assert_result(code, &out, expected, scale, fits);
        int order = mpz_cmp(x, y);
        assert_int_equal(decimal_compare(&a, &b), (order > 0) - (order < 0));
        to_integer(x, &a);
        to_integer(y, &b);
        mpz_mul(expected, x, y);
        code = decimal_mul(&a, &b, &out, &error);
        assert_result(code, &out, expected, (unsigned)a.scale + b.scale, true);
    }
    mpz_clears(x, y, expected, NULL);
}

/* Divisors that make ties likely are mixed in. */
static struct decimal
random_divisor(struct random_source *random)
{
    static const int64_t small[] = {1, 2, 4, 5, 8, 16, 20, 25, 50, 1000};
    struct decimal value = random_decimal(random);
    if (random_source_below(random, 2) == 0 || decimal_is_zero(&value))
        value = decimal_from_int64(small[random_source_below(random, 10)], random_source_below(random, 3));
    return value;
}

/* One that nearly, or exactly, takes away what a product of two may come to is mixed in. */
static struct decimal
random_addend(struct random_source *random, const struct decimal *near)
{
    struct decimal value = random_decimal(random);
    return random_source_below(random, 3) == 0 ? decimal_negate(near) : value;
}

static void
quotients_are_rounded_once(void **state)
{
    struct random_source random = random_source_start("quotients_are_rounded_once");
    mpq_t exact;
    mpq_t other;
    mpz_t expected;
    (void)state;
    mpq_inits(exact, other, NULL);
    mpz_init(expected);
    for (int round = 0; round < ROUNDS; round++) {
        struct decimal a = random_decimal(&random);
        struct decimal b = random_decimal(&random);
        struct decimal c = random_divisor(&random);
        struct decimal out;
        struct error error;
        enum decimal_rounding rounding = (enum decimal_rounding)random_source_below(&random, 3);
        unsigned scale = random_source_below(&random, random_source_next(&random) % 4 ? 20 : 77);
        to_rational(exact, &a);
        to_rational(other, &c);
        mpq_div(exact, exact, other);
        round_rational(expected, exact, scale, rounding);
        enum error_code code = decimal_div(&a, &c, scale, rounding, &out, &error);
        assert_result(code, &out, expected, scale, true);
        to_rational(other, &b);
        mpq_mul(exact, exact, other);
        round_rational(expected, exact, scale, rounding);
        code = decimal_muldiv(&a, &b, &c, scale, rounding, &out, &error);
        assert_result(code, &out, expected, scale, true);
        struct decimal addend = random_addend(&random, &a);
        to_rational(other, &addend);
        mpq_add(exact, exact, other);
        round_rational(expected, exact, scale, rounding);
        code = decimal_add_muldiv(&addend, &a, &b, &c, scale, rounding, &out, &error);
        assert_result(code, &out, expected, scale, true);
    }
    mpq_clears(exact, other, NULL);
    mpz_clear(expected);
}

static void
rounding_agrees(void **state)
{
    struct random_source random = random_source_start("rounding_agrees");
    mpq_t exact;
    mpz_t expected;
    (void)state;
    mpq_init(exact);
    mpz_init(expected);
    for (int round = 0; round < ROUNDS; round++) {
        struct decimal a = random_decimal(&random);
        struct decimal out;
        struct error error;
        enum decimal_rounding rounding = (enum decimal_rounding)random_source_below(&random, 3);
        unsigned scale = a.scale > 0 ? a.scale - 1U : 0; /* where ties are */
        if (random_source_below(&random, 2) == 0)
            scale = random_source_below(&random, DECIMAL_SCALE_MAX + 1);
        to_rational(exact, &a);
        round_rational(expected, exact, scale, rounding);
        enum error_code code = decimal_round(&a, scale, rounding, &out, &error);
        assert_result(code, &out, expected, scale, true);
    }
    mpq_clear(exact);
    mpz_clear(expected);
}

/* The digits of the magnitude with zeros in front, so that there is at least one before the point. */
static size_t
plain_digits(const struct decimal *value, char digits[DIGITS_BYTES])
{
    char text[DIGITS_BYTES];
    mpz_t integer;
    mpz_init(integer);
    struct decimal absolute = decimal_abs(value);
    to_integer(integer, &absolute);
    (void)mpz_get_str(text, 10, integer);
    mpz_clear(integer);
    size_t length = strlen(text);
    size_t zeros = length > value->scale ? 0 : value->scale + 1U - length;
    memset(digits, '0', zeros);
    memcpy(digits + zeros, text, length + 1);
    return zeros + length;
}

static void
naive_text(const struct decimal *value, char *text)
{
    char digits[DIGITS_BYTES];
    size_t before_point = plain_digits(value, digits) - value->scale;
    (void)sprintf(text, "%s%.*s%s%s", value->negative ? "-" : "", (int)before_point, digits,
                  value->scale > 0 ? "." : "", digits + before_point);
}

/* Pads the digits to whole groups of four on both sides of the point, then leaves out zero groups at both ends. */
static size_t
naive_wire(const struct decimal *value, uint8_t *bytes)
{
    char digits[DIGITS_BYTES];
    char padded[DIGITS_BYTES * 2];
    size_t before_point = plain_digits(value, digits) - value->scale;
    size_t pad_before = (4 - before_point % 4) % 4;
    size_t pad_after = (4 - value->scale % 4U) % 4;
    (void)sprintf(padded, "%.*s%s%.*s", (int)pad_before, "000", digits, (int)pad_after, "000");
    size_t first = 0;
    size_t last = strlen(padded) / 4;
    while (last > 0 && memcmp(padded + 4 * (last - 1), "0000", 4) == 0)
        last--;
    while (first < last && memcmp(padded + 4 * first, "0000", 4) == 0)
        first++;
    int weight = first == last ? 0 : (int)((before_point + pad_before) / 4) - 1 - (int)first;
    unsigned words[WIRE_GROUPS_MAX] = {(unsigned)(last - first), (unsigned)weight, value->negative ? 0x4000 : 0,
                                       value->scale};
    size_t count = 4;
    for (size_t i = first; i < last; i++) {
        char group[5] = {padded[4 * i], padded[4 * i + 1], padded[4 * i + 2], padded[4 * i + 3], 0};
        words[count++] = (unsigned)strtoul(group, NULL, 10);
    }
    for (size_t i = 0; i < count; i++) {
        bytes[2 * i] = (uint8_t)(words[i] >> 8 & 0xFF);
        bytes[2 * i + 1] = (uint8_t)(words[i] & 0xFF);
    }
    return 2 * count;
}

static void
assert_same(const struct decimal *a, const struct decimal *b)
{
    assert_memory_equal(a->limb, b->limb, sizeof(a->limb));
    assert_int_equal(a->scale, b->scale);
    assert_int_equal(a->negative, b->negative);
}

static void
text_and_wire_survive_the_way_there_and_back(void **state)
{
    struct random_source random = random_source_start("text_and_wire_survive_the_way_there_and_back");
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct decimal value = random_decimal(&random);
        struct decimal again;
        struct error error;
        char text[DECIMAL_TEXT_BYTES];
        char expected_text[DIGITS_BYTES * 2];
        naive_text(&value, expected_text);
        assert_int_equal(decimal_to_text(&value, text, sizeof(text)), strlen(expected_text));
        assert_string_equal(text, expected_text);
        assert_int_equal(decimal_from_text(text, strlen(text), &again, &error), ERROR_NONE);
        assert_same(&again, &value);
        uint8_t bytes[DECIMAL_PG_BYTES];
        uint8_t expected_bytes[2 * WIRE_GROUPS_MAX];
        enum decimal_special special;
        size_t length = naive_wire(&value, expected_bytes);
        assert_int_equal(decimal_to_pg(&value, bytes, sizeof(bytes)), length);
        assert_memory_equal(bytes, expected_bytes, length);
        assert_int_equal(decimal_from_pg(bytes, length, &again, &special, &error), ERROR_NONE);
        assert_same(&again, &value);
    }
}

static void
descriptions_agree_with_the_digits(void **state)
{
    struct random_source random = random_source_start("descriptions_agree_with_the_digits");
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct decimal value = random_decimal(&random);
        char digits[DIGITS_BYTES];
        size_t length = plain_digits(&value, digits);
        size_t before_point = length - value.scale;
        unsigned scale = value.scale;
        while (scale > 0 && digits[before_point + scale - 1] == '0')
            scale--;
        size_t leading = strspn(digits, "0");
        struct decimal normalized = decimal_normalize(&value);
        assert_int_equal(decimal_minimal_scale(&value), scale);
        assert_int_equal(normalized.scale, scale);
        assert_int_equal(decimal_compare(&normalized, &value), 0);
        assert_int_equal(decimal_integer_digits(&value), before_point > leading ? before_point - leading : 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_and_products_are_exact),
        cmocka_unit_test(quotients_are_rounded_once),
        cmocka_unit_test(rounding_agrees),
        cmocka_unit_test(text_and_wire_survive_the_way_there_and_back),
        cmocka_unit_test(descriptions_agree_with_the_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
