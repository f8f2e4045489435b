#include "core/exact.h"

#include <stdlib.h>
#include <string.h>

void
exact_init(struct exact *number)
{
    mpz_init(number->units);
}

void
exact_term(struct exact *number)
{
    mpz_clear(number->units);
}

void
exact_set(struct exact *number, const struct exact *other)
{
    mpz_set(number->units, other->units);
}

/* 10^power; *out must be initialized. */
static void
power_of_ten(mpz_t out, int power)
{
    mpz_ui_pow_ui(out, 10, (unsigned long)power);
}

void
exact_set_integer(struct exact *number, int64_t value)
{
    mpz_t unit;
    mpz_init(unit);
    power_of_ten(unit, EXACT_SCALE);
    mpz_set_si(number->units, (long)value);
    mpz_mul(number->units, number->units, unit);
    mpz_clear(unit);
}

/* Splits a text into its digits, without the point, and how many of them stand behind it. */
static enum error_code
read_digits(const char *text, size_t length, char *digits, size_t *count, size_t *decimals, struct error *error)
{
    bool point = false;
    *count = *decimals = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '.' && !point) {
            point = true;
        } else if (text[i] >= '0' && text[i] <= '9') {
            digits[(*count)++] = text[i];
            *decimals += point;
        } else {
            *count = 0;
            break;
        }
    }
    if (!*count)
        return error_set(error, ERROR_FORMAT, "\"%.*s\" is not a finite decimal number",
                         (int)(length < 60 ? length : 60), text);
    for (; *decimals > EXACT_SCALE && digits[*count - 1] == '0'; --*decimals)
        --*count;
    if (*decimals > EXACT_SCALE)
        return error_set(error, ERROR_RANGE, "%.60s... has more than %d decimals", text, EXACT_SCALE);
    digits[*count] = 0;
    return ERROR_NONE;
}

enum error_code
exact_parse(struct exact *number, const char *text, size_t length, struct error *error)
{
    char small[160], *digits = small;
    size_t count, decimals;
    bool negative = length > 0 && text[0] == '-';
    if (negative || (length > 0 && text[0] == '+')) {
        text++;
        length--;
    }
    if (length >= sizeof(small) && !(digits = malloc(length + 1)))
        return error_set(error, ERROR_MEMORY, "out of memory for a number of %zu digits", length);
    if (!read_digits(text, length, digits, &count, &decimals, error)) {
        mpz_t scale;
        mpz_init(scale);
        power_of_ten(scale, EXACT_SCALE - (int)decimals);
        (void)mpz_set_str(number->units, digits, 10);
        mpz_mul(number->units, number->units, scale);
        if (negative)
            mpz_neg(number->units, number->units);
        mpz_clear(scale);
    }
    if (digits != small)
        free(digits);
    return error->code;
}

void
exact_add(struct exact *sum, const struct exact *number)
{
    mpz_add(sum->units, sum->units, number->units);
}

void
exact_subtract(struct exact *difference, const struct exact *number)
{
    mpz_sub(difference->units, difference->units, number->units);
}

void
exact_negate(struct exact *number)
{
    mpz_neg(number->units, number->units);
}

enum error_code
exact_multiply(struct exact *product, const struct exact *a, const struct exact *b, struct error *error)
{
    mpz_t unit;
    mpz_init(unit);
    power_of_ten(unit, EXACT_SCALE);
    mpz_mul(product->units, a->units, b->units);
    bool fits = mpz_divisible_p(product->units, unit) != 0;
    mpz_tdiv_q(product->units, product->units, unit);
    mpz_clear(unit);
    if (!fits)
        return error_set(error, ERROR_RANGE, "a product needs more than %d decimals", EXACT_SCALE);
    return ERROR_NONE;
}

/* *number becomes numerator / denominator, a whole number rounded half away from zero. */
static void
divide_half_away(mpz_t number, const mpz_t numerator, const mpz_t denominator)
{
    mpz_t twice, top;
    bool negative = mpz_sgn(numerator) * mpz_sgn(denominator) < 0;
    mpz_init(twice);
    mpz_init(top);
    mpz_abs(twice, denominator);
    mpz_abs(top, numerator);
    mpz_mul_2exp(top, top, 1);
    mpz_add(top, top, twice);
    mpz_mul_2exp(twice, twice, 1);
    mpz_tdiv_q(number, top, twice);
    if (negative)
        mpz_neg(number, number);
    mpz_clear(twice);
    mpz_clear(top);
}

void
exact_divide(struct exact *quotient, const struct exact *a, const struct exact *b, int decimals)
{
    mpz_t top, scale;
    mpz_init(top);
    mpz_init(scale);
    power_of_ten(scale, decimals);
    mpz_mul(top, a->units, scale);
    divide_half_away(quotient->units, top, b->units);
    power_of_ten(scale, EXACT_SCALE - decimals);
    mpz_mul(quotient->units, quotient->units, scale);
    mpz_clear(top);
    mpz_clear(scale);
}

void
exact_round(struct exact *number, int decimals)
{
    struct exact one;
    exact_init(&one);
    exact_set_integer(&one, 1);
    exact_divide(number, number, &one, decimals);
    exact_term(&one);
}

/* With r = sqrt(a / b) in units of the last decimal, r rounded is floor((floor(2r) + 1) / 2), and floor(2r) is the
 * integer root of floor(4 r^2). */
void
exact_root(struct exact *root, const struct exact *a, const struct exact *b, int decimals)
{
    mpz_t square, scale;
    mpz_init(square);
    mpz_init(scale);
    power_of_ten(scale, 2 * decimals);
    mpz_mul(square, a->units, scale);
    mpz_mul_2exp(square, square, 2);
    mpz_fdiv_q(square, square, b->units);
    mpz_sqrt(square, square);
    mpz_add_ui(square, square, 1);
    mpz_fdiv_q_2exp(square, square, 1);
    power_of_ten(scale, EXACT_SCALE - decimals);
    mpz_mul(root->units, square, scale);
    mpz_clear(square);
    mpz_clear(scale);
}

int
exact_sign(const struct exact *number)
{
    return mpz_sgn(number->units);
}

int
exact_compare(const struct exact *a, const struct exact *b)
{
    int order = mpz_cmp(a->units, b->units);
    return (order > 0) - (order < 0);
}

char *
exact_text(const struct exact *number)
{
    size_t digits = mpz_sizeinbase(number->units, 10) + 1, room = digits + EXACT_SCALE + 4;
    char *raw = malloc(room), *text = malloc(room + 2);
    if (!raw || !text) {
        free(raw);
        free(text);
        return NULL;
    }
    (void)mpz_get_str(raw, 10, number->units);
    bool negative = raw[0] == '-';
    const char *first = raw + negative;
    size_t count = strlen(first), whole = count > EXACT_SCALE ? count - EXACT_SCALE : 0, used = 0;
    if (negative)
        text[used++] = '-';
    if (whole)
        memcpy(text + used, first, whole);
    else
        text[used] = '0';
    used += whole ? whole : 1;
    text[used++] = '.';
    for (size_t zeros = whole ? 0 : EXACT_SCALE - count; zeros > 0; zeros--)
        text[used++] = '0';
    memcpy(text + used, first + whole, count - whole);
    used += count - whole;
    while (text[used - 1] == '0')
        used--;
    if (text[used - 1] == '.')
        used--;
    text[used] = 0;
    free(raw);
    return text;
}
