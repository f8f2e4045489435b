/* core/exact.h - decimals without bounds, for checks that must share no arithmetic with what they check: whole numbers
 * of 10^-EXACT_SCALE in GMP integers. Sums and products are exact; a quotient or a root is rounded once, half away from
 * zero, to as many decimals as the caller says.
 *
 * core/decimal.h is what loads compute with: bounded, without allocation. This is slower and has no upper limit. */
#ifndef TAPEMILL_CORE_EXACT_H
#define TAPEMILL_CORE_EXACT_H

#include <gmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

/* More decimals than any product of two or three columns of the warehouse has. */
enum { EXACT_SCALE = 40 };

struct exact {
    mpz_t units; /* of 10^-EXACT_SCALE */
};

/* Begins as 0. Every exact_init() needs an exact_term(). */
void exact_init(struct exact *number);
void exact_term(struct exact *number);

void exact_set(struct exact *number, const struct exact *other);
void exact_set_integer(struct exact *number, int64_t value);

/* Reads a decimal as PostgreSQL writes one: digits with an optional sign and point. ERROR_FORMAT for anything else (NaN
 * too), ERROR_RANGE for more than EXACT_SCALE decimals that are not 0. */
ERROR_MUST_CHECK enum error_code exact_parse(struct exact *number, const char *text, size_t length,
                                             struct error *error);

void exact_add(struct exact *sum, const struct exact *number);
void exact_subtract(struct exact *difference, const struct exact *number);
void exact_negate(struct exact *number);

/* ERROR_RANGE if the product needs more than EXACT_SCALE decimals. product may be one of the factors. */
ERROR_MUST_CHECK enum error_code exact_multiply(struct exact *product, const struct exact *a, const struct exact *b,
                                                struct error *error);

/* a / b, rounded to so many decimals. b must not be 0; quotient may be a or b. */
void exact_divide(struct exact *quotient, const struct exact *a, const struct exact *b, int decimals);

/* Rounds to so many decimals. */
void exact_round(struct exact *number, int decimals);

/* The square root of a / b, rounded to so many decimals. a must not be below 0, b above it. */
void exact_root(struct exact *root, const struct exact *a, const struct exact *b, int decimals);

int exact_sign(const struct exact *number); /* -1, 0, 1 */
int exact_compare(const struct exact *a, const struct exact *b);

/* The shortest text: no zeros at the end. *text is malloc'd, owned by the caller; NULL when memory is out. */
char *exact_text(const struct exact *number);

#endif
