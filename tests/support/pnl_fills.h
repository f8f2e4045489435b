/* tests/support/pnl_fills.h - random fills, and exact rationals to hold realised P&L against. */
#ifndef TAPEMILL_TESTS_SUPPORT_PNL_FILLS_H
#define TAPEMILL_TESTS_SUPPORT_PNL_FILLS_H

#include "jobs/pnl.h"
#include "tests/support/decimal_literal.h"
#include "tests/support/random_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gmp.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static inline void
to_rational(mpq_t rational, const struct decimal *value)
{
    mpz_import(mpq_numref(rational), DECIMAL_LIMBS, -1, sizeof(value->limb[0]), 0, 0, value->limb);
    mpz_ui_pow_ui(mpq_denref(rational), 10, value->scale);
    if (value->negative)
        mpq_neg(rational, rational);
    mpq_canonicalize(rational);
}

/* To 8 decimals, half away from zero: the floor of the absolute value plus one half. */
static inline void
round8(mpq_t rational)
{
    int sign = mpq_sgn(rational);
    mpz_t units;
    mpz_init_set_ui(units, 100000000);
    mpz_mul(mpq_numref(rational), mpq_numref(rational), units);
    mpz_abs(mpq_numref(rational), mpq_numref(rational));
    mpz_mul_2exp(mpq_numref(rational), mpq_numref(rational), 1);
    mpz_add(mpq_numref(rational), mpq_numref(rational), mpq_denref(rational));
    mpz_mul_2exp(mpq_denref(rational), mpq_denref(rational), 1);
    mpz_fdiv_q(mpq_numref(rational), mpq_numref(rational), mpq_denref(rational));
    mpz_set(mpq_denref(rational), units);
    mpq_canonicalize(rational);
    if (sign < 0)
        mpq_neg(rational, rational);
    mpz_clear(units);
}

static inline void
assert_rational(const struct decimal *value, const mpq_t magnitude, int side, unsigned scale)
{
    mpq_t got;
    mpq_init(got);
    to_rational(got, value);
    if (side < 0)
        mpq_neg(got, got);
    assert_true(mpq_equal(got, magnitude));
    assert_int_equal(value->scale, scale);
    mpq_clear(got);
}

/* How the numbers of a sequence look: money as usual (nothing is ever dropped), all decimals, few and tiny units. */
struct flavour {
    unsigned scale[3]; /* of quantity, price, multiplier */
    uint64_t bound[3]; /* of the unscaled numbers */
};

static const struct flavour flavours[] = {
    {{0, 2, 0}, {1000, 100000, 2}},
    {{2, 4, 2}, {10000, 100000000, 100000}},
    {{0, 0, 0}, {4, 20, 3}},
    {{8, 8, 8}, {1000000000000000, 1000000000000000, 100000000000}},
    {{8, 8, 8}, {4, 4, 4}},
    {{8, 8, 0}, {300, 100000000, 2}},
    {{8, 8, 8}, {INT64_MAX, INT64_MAX, INT64_MAX}},
};

static inline bool
drops_nothing(const struct flavour *flavour)
{
    return flavour->scale[0] + flavour->scale[1] + flavour->scale[2] <= PNL_REALIZED_SCALE;
}

static inline struct decimal
random_number(struct random_source *random, uint64_t bound, unsigned scale)
{
    return decimal_from_int64((int64_t)(random_source_next(random) % bound / 2 + 1), scale);
}

/* Every fourth fill closes exactly what is open, if anything is. */
static inline struct pnl_fill
random_fill(struct random_source *random, const struct flavour *flavour, const struct pnl_state *book)
{
    struct pnl_fill fill = {
        .side = random_source_below(random, 2) == 0 ? PNL_BUY : PNL_SELL,
        .quantity = random_number(random, flavour->bound[0], flavour->scale[0]),
        .price = random_number(random, flavour->bound[1], flavour->scale[1]),
        .multiplier = random_number(random, flavour->bound[2], flavour->scale[2]),
    };
    if (random_source_below(random, 4) == 0 && !decimal_is_zero(&book->quantity)) {
        fill.side = decimal_sign(&book->quantity) > 0 ? PNL_SELL : PNL_BUY;
        fill.quantity = decimal_abs(&book->quantity);
    }
    return fill;
}

#endif
