/* core/decimal.h - exact decimal numbers for money, prices and quantities.
 *
 * A decimal is +-magnitude / 10^scale with a magnitude of 256 bits (every number of 77 digits fits) and a scale of 0 to
 * DECIMAL_SCALE_MAX decimals. Nothing here rounds unless it is told how, and nothing wraps around: a result that does
 * not fit is ERROR_RANGE, and then *out keeps its old value. Zero is never negative. 1.5 and 1.50 are equal but keep
 * their scales, as in PostgreSQL's numeric.
 *
 * Decimals are plain values: nothing is allocated, they may be copied by assignment, and out may be one of the
 * operands. Make them only with the functions below (or with {0}, which is zero), which keep the scale in bounds. */
#ifndef TAPEMILL_CORE_DECIMAL_H
#define TAPEMILL_CORE_DECIMAL_H

#include "core/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DECIMAL_LIMBS      4
#define DECIMAL_SCALE_MAX  76
#define DECIMAL_TEXT_BYTES 81 /* sign, 78 digits, point, final zero byte */
#define DECIMAL_PG_BYTES   50 /* header of 8, and 78 digits touch at most 21 groups of 4 */

struct decimal {
    uint64_t limb[DECIMAL_LIMBS]; /* magnitude, least significant limb first */
    uint8_t scale;                /* decimals: the value is the magnitude over 10^scale */
    bool negative;
};

enum decimal_rounding {
    DECIMAL_HALF_AWAY, /* ties away from zero, as PostgreSQL's round(numeric) */
    DECIMAL_HALF_EVEN, /* ties to the even neighbour */
    DECIMAL_TRUNCATE   /* towards zero, as PostgreSQL's trunc(numeric) */
};

enum decimal_special { DECIMAL_FINITE, DECIMAL_NAN, DECIMAL_POSITIVE_INFINITY, DECIMAL_NEGATIVE_INFINITY };

struct decimal decimal_zero(void);

/* unscaled / 10^scale: decimal_from_int64(-125, 2) is -1.25. The scale must be at most DECIMAL_SCALE_MAX. */
struct decimal decimal_from_int64(int64_t unscaled, unsigned scale);

/* Reads a number such as -12.50, .5, 7. or 1e-7; the text needs no final zero byte. The scale is the number of decimals
 * written, less the exponent: 1.50e1 is 15.0, 1.5e3 is 1500. ERROR_FORMAT for what is no number (blanks around it
 * included); ERROR_RANGE for NaN, infinity and numbers that do not fit. */
enum error_code decimal_from_text(const char *text, size_t length_bytes, struct decimal *out,
                                  struct error *error) ERROR_MUST_CHECK;

/* Writes fixed notation with all decimals of the scale, and a final zero byte; returns the length without it.
 * A buffer of DECIMAL_TEXT_BYTES always suffices; in one too small nothing but "" is written and 0 returned. */
size_t decimal_to_text(const struct decimal *value, char *text, size_t size_bytes);

/* Exact. The sum and the difference have the larger of the two scales (both operands must fit there), the product has
 * the sum of the scales. */
enum error_code decimal_add(const struct decimal *a, const struct decimal *b, struct decimal *out,
                            struct error *error) ERROR_MUST_CHECK;
enum error_code decimal_sub(const struct decimal *a, const struct decimal *b, struct decimal *out,
                            struct error *error) ERROR_MUST_CHECK;
enum error_code decimal_mul(const struct decimal *a, const struct decimal *b, struct decimal *out,
                            struct error *error) ERROR_MUST_CHECK;

/* a / b, rounded once. Division by zero is ERROR_ARGUMENT. */
enum error_code decimal_div(const struct decimal *a, const struct decimal *b, unsigned scale,
                            enum decimal_rounding rounding, struct decimal *out, struct error *error) ERROR_MUST_CHECK;

/* a * b / c, rounded once: the product in between is exact and may have 512 bits. c = 0 is ERROR_ARGUMENT. */
enum error_code decimal_muldiv(const struct decimal *a, const struct decimal *b, const struct decimal *c,
                               unsigned scale, enum decimal_rounding rounding, struct decimal *out,
                               struct error *error) ERROR_MUST_CHECK;

/* addend + a * b / c, the whole rounded once; exact in between. c = 0 is ERROR_ARGUMENT. */
enum error_code decimal_add_muldiv(const struct decimal *addend, const struct decimal *a, const struct decimal *b,
                                   const struct decimal *c, unsigned scale, enum decimal_rounding rounding,
                                   struct decimal *out, struct error *error) ERROR_MUST_CHECK;

/* The value with exactly this scale: rounded if that is fewer decimals, with zeros appended if it is more. */
enum error_code decimal_round(const struct decimal *value, unsigned scale, enum decimal_rounding rounding,
                              struct decimal *out, struct error *error) ERROR_MUST_CHECK;

/* The same value without trailing zeros after the point: 1.500 becomes 1.5, 100 stays 100. */
struct decimal decimal_normalize(const struct decimal *value);

struct decimal decimal_negate(const struct decimal *value);
struct decimal decimal_abs(const struct decimal *value);

/* -1, 0 or 1 as a is less than, equal to or greater than b, whatever their scales. Cannot fail. */
int decimal_compare(const struct decimal *a, const struct decimal *b);

int decimal_sign(const struct decimal *value); /* -1, 0 or 1 */
bool decimal_is_zero(const struct decimal *value);

/* Decimals that the value needs: 2 for 1.2500, 0 for 100. As PostgreSQL's min_scale(). */
unsigned decimal_minimal_scale(const struct decimal *value);

/* Digits before the point, leading zeros not counted: 3 for 123.4, 0 for 0.5. A value v fits numeric(p,s) without
 * rounding if decimal_integer_digits(v) <= p - s and decimal_minimal_scale(v) <= s. */
unsigned decimal_integer_digits(const struct decimal *value);

/* PostgreSQL's binary numeric, as numeric_send writes it and COPY BINARY carries it (src/backend/utils/adt/numeric.c):
 * four 16-bit big-endian words (number of digits, weight of the first digit, sign, display scale), then the digits in
 * base 10000. NaN and the infinities are no error: *special tells, and *out is then zero. ERROR_FORMAT for bytes
 * numeric_send cannot have written, ERROR_RANGE for numbers that do not fit. */
enum error_code decimal_from_pg(const uint8_t *bytes, size_t length_bytes, struct decimal *out,
                                enum decimal_special *special, struct error *error) ERROR_MUST_CHECK;

/* Writes what numeric_send would and returns the length; DECIMAL_PG_BYTES always suffice. Returns 0, with nothing
 * written, if it does not fit. */
size_t decimal_to_pg(const struct decimal *value, uint8_t *bytes, size_t size_bytes);

#endif
