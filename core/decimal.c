#include "core/decimal.h"

#include "core/decimal_magnitude.h"

#include <assert.h>
#include <gmp.h>
#include <string.h>

/* GMP's low-level functions work on our limbs as they are. */
_Static_assert(GMP_NUMB_BITS == 64, "GMP must have limbs of 64 bits without nails");

/* The widest intermediate is a product of 8 limbs times 10^(76 + 76), which has 8 limbs (505 bits), in decimal_muldiv;
 * decimal_add_muldiv adds two such. One more for that carry, and one because a multiplication writes its carry before
 * it knows whether that is zero. */
#define WIDE_LIMBS 18

struct wide {
    uint64_t limb[WIDE_LIMBS];
    size_t used; /* limb[used - 1] is not zero; 0 for zero */
};

static const struct decimal one = {.limb = {1}};

const uint64_t decimal_power_of_ten[MAGNITUDE_STEP_DIGITS + 1] = {
    1U,
    10U,
    100U,
    1000U,
    10000U,
    100000U,
    1000000U,
    10000000U,
    100000000U,
    1000000000U,
    10000000000U,
    100000000000U,
    1000000000000U,
    10000000000000U,
    100000000000000U,
    1000000000000000U,
    10000000000000000U,
    100000000000000000U,
    1000000000000000000U,
    10000000000000000000U,
};

struct shown {
    char text[DECIMAL_TEXT_BYTES];
};

static struct shown
show(const struct decimal *value)
{
    struct shown shown;
    (void)decimal_to_text(value, shown.text, sizeof(shown.text));
    return shown;
}

static enum error_code
check_scale(unsigned scale, struct error *error)
{
    if (scale <= DECIMAL_SCALE_MAX)
        return ERROR_NONE;
    return error_set(error, ERROR_RANGE, "a result with %u decimals was asked for: ask for %d at most", scale,
                     DECIMAL_SCALE_MAX);
}

static void
set(struct decimal *out, const uint64_t limb[DECIMAL_LIMBS], unsigned scale, bool negative)
{
    memmove(out->limb, limb, sizeof(out->limb));
    out->scale = (uint8_t)scale;
    out->negative = negative && magnitude_used(out->limb) != 0;
}

static void
set_pair(struct decimal *out, magnitude_pair magnitude, unsigned scale, bool negative)
{
    magnitude_set_pair(out->limb, magnitude);
    out->scale = (uint8_t)scale;
    out->negative = negative && magnitude != 0;
}

struct decimal
decimal_zero(void)
{
    return (struct decimal){0};
}

struct decimal
decimal_from_int64(int64_t unscaled, unsigned scale)
{
    assert(scale <= DECIMAL_SCALE_MAX);
    struct decimal value = {.scale = (uint8_t)scale, .negative = unscaled < 0};
    value.limb[0] = unscaled < 0 ? 0 - (uint64_t)unscaled : (uint64_t)unscaled;
    return value;
}

int
decimal_sign(const struct decimal *value)
{
    if (decimal_is_zero(value))
        return 0;
    return value->negative ? -1 : 1;
}

bool
decimal_is_zero(const struct decimal *value)
{
    return (value->limb[0] | value->limb[1] | value->limb[2] | value->limb[3]) == 0;
}

struct decimal
decimal_negate(const struct decimal *value)
{
    struct decimal result = *value;
    result.negative = !value->negative && !decimal_is_zero(value);
    return result;
}

struct decimal
decimal_abs(const struct decimal *value)
{
    struct decimal result = *value;
    result.negative = false;
    return result;
}

/* Brings both to the larger scale; returns NULL, or the one that does not fit there. */
static const struct decimal *
align(struct decimal *a, struct decimal *b)
{
    struct decimal *coarse = a->scale < b->scale ? a : b;
    unsigned scale = a->scale < b->scale ? b->scale : a->scale;
    if (!magnitude_scale_up(coarse->limb, scale - coarse->scale))
        return coarse;
    coarse->scale = (uint8_t)scale;
    return NULL;
}

int
decimal_compare(const struct decimal *a, const struct decimal *b)
{
    int sign = decimal_sign(a);
    if (sign != decimal_sign(b))
        return sign < decimal_sign(b) ? -1 : 1;
    struct decimal x = *a;
    struct decimal y = *b;
    const struct decimal *too_large = align(&x, &y);
    if (too_large != NULL) /* it passes 2^256 where the other stays below */
        return too_large == &x ? sign : -sign;
    int order = mpn_cmp(x.limb, y.limb, DECIMAL_LIMBS);
    return order == 0 ? 0 : (order > 0 ? sign : -sign);
}

static enum error_code
add_signed(const struct decimal *a, const struct decimal *b, bool b_negative, struct decimal *out, struct error *error)
{
    struct decimal x = *a;
    struct decimal y = *b;
    uint64_t sum[DECIMAL_LIMBS];
    bool negative = x.negative;
    bool fits = x.scale == y.scale || align(&x, &y) == NULL;
    if (x.negative == b_negative) {
        fits = fits && mpn_add_n(sum, x.limb, y.limb, DECIMAL_LIMBS) == 0;
    } else if (mpn_cmp(x.limb, y.limb, DECIMAL_LIMBS) >= 0) {
        (void)mpn_sub_n(sum, x.limb, y.limb, DECIMAL_LIMBS);
    } else {
        (void)mpn_sub_n(sum, y.limb, x.limb, DECIMAL_LIMBS);
        negative = b_negative;
    }
    if (!fits)
        return error_set(error, ERROR_RANGE, "%s %c %s " MAGNITUDE_TOO_LARGE, show(a).text,
                         b_negative == b->negative ? '+' : '-', show(b).text);
    set(out, sum, x.scale, negative);
    return ERROR_NONE;
}

enum error_code
decimal_add(const struct decimal *a, const struct decimal *b, struct decimal *out, struct error *error)
{
    return add_signed(a, b, b->negative, out, error);
}

enum error_code
decimal_sub(const struct decimal *a, const struct decimal *b, struct decimal *out, struct error *error)
{
    return add_signed(a, b, !b->negative, out, error);
}

/* The longer operand goes first, as mpn_mul wants it; none of them is zero then. */
static void
wide_product(struct wide *product, const struct decimal *a, const struct decimal *b)
{
    size_t a_used = magnitude_used(a->limb);
    size_t b_used = magnitude_used(b->limb);
    if (a_used == 0 || b_used == 0) {
        product->used = 0;
        return;
    }
    uint64_t high = a_used >= b_used ? mpn_mul(product->limb, a->limb, (mp_size_t)a_used, b->limb, (mp_size_t)b_used)
                                     : mpn_mul(product->limb, b->limb, (mp_size_t)b_used, a->limb, (mp_size_t)a_used);
    product->used = a_used + b_used - (high == 0);
}

static bool
wide_to_magnitude(const struct wide *value, uint64_t limb[DECIMAL_LIMBS])
{
    if (value->used > DECIMAL_LIMBS)
        return false;
    for (size_t i = 0; i < DECIMAL_LIMBS; i++)
        limb[i] = i < value->used ? value->limb[i] : 0;
    return true;
}

static void
wide_scale_up(struct wide *value, unsigned exponent)
{
    while (exponent > 0 && value->used > 0) {
        unsigned step = exponent < MAGNITUDE_STEP_DIGITS ? exponent : MAGNITUDE_STEP_DIGITS;
        uint64_t carry = mpn_mul_1(value->limb, value->limb, (mp_size_t)value->used, decimal_power_of_ten[step]);
        if (carry != 0)
            value->limb[value->used++] = carry;
        exponent -= step;
    }
}

enum error_code
decimal_mul(const struct decimal *a, const struct decimal *b, struct decimal *out, struct error *error)
{
    unsigned scale = (unsigned)a->scale + b->scale;
    bool negative = a->negative != b->negative;
    if (scale <= DECIMAL_SCALE_MAX && magnitude_used(a->limb) <= 1 && magnitude_used(b->limb) <= 1) {
        set_pair(out, (magnitude_pair)a->limb[0] * b->limb[0], scale, negative);
        return ERROR_NONE;
    }
    struct wide product;
    uint64_t limb[DECIMAL_LIMBS];
    wide_product(&product, a, b);
    if (scale > DECIMAL_SCALE_MAX || !wide_to_magnitude(&product, limb))
        return error_set(error, ERROR_RANGE, "%s x %s " MAGNITUDE_TOO_LARGE, show(a).text, show(b).text);
    set(out, limb, scale, negative);
    return ERROR_NONE;
}

/* Whether the magnitude of a quotient grows by one. half is the order of twice the remainder and the divisor. */
static bool
rounds_up(enum decimal_rounding rounding, int half, bool odd)
{
    switch (rounding) {
    case DECIMAL_HALF_AWAY:
        return half >= 0;
    case DECIMAL_HALF_EVEN:
        return half > 0 || (half == 0 && odd);
    case DECIMAL_TRUNCATE:
        break;
    }
    return false;
}

/* numerator / denominator (not zero), rounded; false if the quotient needs more than 256 bits. */
static bool
divide_rounded(const struct wide *numerator, const struct wide *denominator, enum decimal_rounding rounding,
               uint64_t limb[DECIMAL_LIMBS])
{
    struct wide quotient;
    uint64_t remainder[WIDE_LIMBS];
    uint64_t rest[WIDE_LIMBS];
    mp_size_t size = (mp_size_t)denominator->used;
    if (numerator->used >= denominator->used) {
        mpn_tdiv_qr(quotient.limb, remainder, 0, numerator->limb, (mp_size_t)numerator->used, denominator->limb, size);
        quotient.used = numerator->used - denominator->used + 1;
        quotient.used -= quotient.limb[quotient.used - 1] == 0;
    } else {
        quotient.used = 0;
        memset(remainder, 0, sizeof(remainder));
        memcpy(remainder, numerator->limb, numerator->used * sizeof(remainder[0]));
    }
    /* Twice the remainder against the divisor is the remainder against what is left of the divisor. */
    (void)mpn_sub_n(rest, denominator->limb, remainder, size);
    int half = mpn_cmp(remainder, rest, size);
    if (!wide_to_magnitude(&quotient, limb))
        return false;
    return !rounds_up(rounding, half, limb[0] & 1) || mpn_add_1(limb, limb, DECIMAL_LIMBS, 1) == 0;
}

/* The same for a divisor of one limb and at most two limbs to divide, where the quotient cannot outgrow them. */
static magnitude_pair
divide_pair_rounded(magnitude_pair numerator, uint64_t divisor, enum decimal_rounding rounding)
{
    magnitude_pair quotient = numerator >> 64 == 0 ? (uint64_t)numerator / divisor : numerator / divisor;
    uint64_t remainder = (uint64_t)numerator - (uint64_t)quotient * divisor;
    uint64_t rest = divisor - remainder;
    int half = remainder < rest ? -1 : remainder > rest;
    return quotient + rounds_up(rounding, half, (uint64_t)quotient & 1);
}

/* A numerator of that many decimals over a divisor (not zero), to scale; false if it needs more than 256 bits. */
static inline bool
divide_to_scale(struct wide *numerator, unsigned numerator_scale, const struct decimal *divisor, unsigned scale,
                enum decimal_rounding rounding, uint64_t limb[DECIMAL_LIMBS])
{
    struct wide denominator;
    int exponent = (int)scale + divisor->scale - (int)numerator_scale;
    wide_product(&denominator, divisor, &one);
    wide_scale_up(exponent > 0 ? numerator : &denominator, (unsigned)(exponent > 0 ? exponent : -exponent));
    return divide_rounded(numerator, &denominator, rounding, limb);
}

/* a * b / c, b NULL for 1. */
static enum error_code
multiply_divide(const struct decimal *a, const struct decimal *b, /* NOLINT(readability-function-size) */
                const struct decimal *c, unsigned scale, enum decimal_rounding rounding, struct decimal *out,
                struct error *error)
{
    const struct decimal *factor = b != NULL ? b : &one;
    struct wide numerator;
    uint64_t limb[DECIMAL_LIMBS];
    if (check_scale(scale, error) != ERROR_NONE)
        return error->code;
    if (decimal_is_zero(c))
        return error_set(error, ERROR_ARGUMENT, "%s cannot be divided by zero: leave such values out", show(a).text);
    wide_product(&numerator, a, factor);
    if (!divide_to_scale(&numerator, (unsigned)a->scale + factor->scale, c, scale, rounding, limb))
        return error_set(error, ERROR_RANGE, "%s%s%s / %s " MAGNITUDE_TOO_LARGE, show(a).text, b != NULL ? " x " : "",
                         b != NULL ? show(b).text : "", show(c).text);
    set(out, limb, scale, (a->negative != factor->negative) != c->negative);
    return ERROR_NONE;
}

/* a = a + b, with their signs; both have limbs to spare for the carry. */
static void
wide_add(struct wide *a, bool *a_negative, const struct wide *b, bool b_negative)
{
    size_t size = a->used > b->used ? a->used : b->used;
    struct wide other = *b;
    for (size_t i = a->used; i < size; i++)
        a->limb[i] = 0;
    for (size_t i = b->used; i < size; i++)
        other.limb[i] = 0;
    if (size == 0)
        return;
    if (*a_negative == b_negative) {
        a->limb[size] = mpn_add_n(a->limb, a->limb, other.limb, (mp_size_t)size);
        size++;
    } else if (mpn_cmp(a->limb, other.limb, (mp_size_t)size) >= 0) {
        (void)mpn_sub_n(a->limb, a->limb, other.limb, (mp_size_t)size);
    } else {
        (void)mpn_sub_n(a->limb, other.limb, a->limb, (mp_size_t)size);
        *a_negative = b_negative;
    }
    while (size > 0 && a->limb[size - 1] == 0)
        size--;
    a->used = size;
}

enum error_code
decimal_add_muldiv(const struct decimal *addend, const struct decimal *a, /* NOLINT(readability-function-size) */
                   const struct decimal *b, const struct decimal *c, unsigned scale, enum decimal_rounding rounding,
                   struct decimal *out, struct error *error)
{
    struct wide numerator;
    struct wide other;
    uint64_t limb[DECIMAL_LIMBS];
    bool negative = a->negative != b->negative;
    if (check_scale(scale, error) != ERROR_NONE)
        return error->code;
    if (decimal_is_zero(c))
        return error_set(error, ERROR_ARGUMENT, "%s cannot be divided by zero: leave such values out", show(a).text);
    wide_product(&numerator, a, b);
    wide_product(&other, addend, c);
    unsigned product_scale = (unsigned)a->scale + b->scale;
    unsigned other_scale = (unsigned)addend->scale + c->scale;
    unsigned common = product_scale > other_scale ? product_scale : other_scale;
    wide_scale_up(&numerator, common - product_scale);
    wide_scale_up(&other, common - other_scale);
    wide_add(&numerator, &negative, &other, addend->negative != c->negative);
    if (!divide_to_scale(&numerator, common, c, scale, rounding, limb))
        return error_set(error, ERROR_RANGE, "%s + %s x %s / %s " MAGNITUDE_TOO_LARGE, show(addend).text, show(a).text,
                         show(b).text, show(c).text);
    set(out, limb, scale, negative != c->negative);
    return ERROR_NONE;
}

enum error_code
decimal_div(const struct decimal *a, const struct decimal *b, unsigned scale, enum decimal_rounding rounding,
            struct decimal *out, struct error *error)
{
    return multiply_divide(a, NULL, b, scale, rounding, out, error);
}

enum error_code
decimal_muldiv(const struct decimal *a, const struct decimal *b, /* NOLINT(readability-function-size) */
               const struct decimal *c, unsigned scale, enum decimal_rounding rounding, struct decimal *out,
               struct error *error)
{
    return multiply_divide(a, b, c, scale, rounding, out, error);
}

enum error_code
decimal_round(const struct decimal *value, unsigned scale, enum decimal_rounding rounding, struct decimal *out,
              struct error *error)
{
    if (check_scale(scale, error) != ERROR_NONE)
        return error->code;
    uint64_t limb[DECIMAL_LIMBS];
    memcpy(limb, value->limb, sizeof(limb));
    if (scale >= value->scale) {
        if (!magnitude_scale_up(limb, scale - value->scale))
            return error_set(error, ERROR_RANGE, "%s with %u decimals " MAGNITUDE_TOO_LARGE, show(value).text, scale);
        set(out, limb, scale, value->negative);
        return ERROR_NONE;
    }
    unsigned drop = value->scale - scale;
    if (drop <= MAGNITUDE_STEP_DIGITS && magnitude_used(limb) <= 2) {
        magnitude_pair pair = divide_pair_rounded(magnitude_low_pair(limb), decimal_power_of_ten[drop], rounding);
        set_pair(out, pair, scale, value->negative);
        return ERROR_NONE;
    }
    return multiply_divide(value, NULL, &one, scale, rounding, out, error);
}

/* Divides by ten as often as that leaves no remainder, at most limit times; returns how often. A number divisible by
 * 10^n is divisible by 2^n, so most need no division at all. */
static unsigned
strip_zeros(uint64_t limb[DECIMAL_LIMBS], unsigned limit)
{
    static const unsigned steps[] = {16, 8, 4, 2, 1};
    if (limb[0] != 0 && (unsigned)__builtin_ctzl(limb[0]) < limit)
        limit = (unsigned)__builtin_ctzl(limb[0]);
    unsigned stripped = 0;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        while (limit - stripped >= steps[i]) {
            uint64_t quotient[DECIMAL_LIMBS];
            memcpy(quotient, limb, sizeof(quotient));
            if (magnitude_divide(quotient, decimal_power_of_ten[steps[i]]) != 0)
                break;
            memcpy(limb, quotient, sizeof(quotient));
            stripped += steps[i];
        }
    }
    return stripped;
}

struct decimal
decimal_normalize(const struct decimal *value)
{
    struct decimal result = *value;
    result.scale = (uint8_t)(result.scale - strip_zeros(result.limb, result.scale));
    return result;
}

unsigned
decimal_minimal_scale(const struct decimal *value)
{
    return decimal_normalize(value).scale;
}

unsigned
decimal_integer_digits(const struct decimal *value)
{
    uint64_t limb[DECIMAL_LIMBS];
    unsigned digits = 0;
    memcpy(limb, value->limb, sizeof(limb));
    for (; magnitude_used(limb) > 1; digits += MAGNITUDE_STEP_DIGITS)
        (void)magnitude_divide(limb, decimal_power_of_ten[MAGNITUDE_STEP_DIGITS]);
    for (unsigned i = 0; i <= MAGNITUDE_STEP_DIGITS && limb[0] >= decimal_power_of_ten[i]; i++)
        digits++;
    return digits > value->scale ? digits - value->scale : 0;
}
