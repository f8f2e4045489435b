/* core/decimal_magnitude.h - 256-bit unsigned integers by one machine word: the steps that decimal.c (arithmetic) and
 * decimal_convert.c (text and PostgreSQL's format) share. Private to these two files.
 *
 * They are loops over four limbs, so that the compiler unrolls them: for the one or two limbs that money fills, that is
 * cheaper than any bookkeeping of lengths. */
#ifndef TAPEMILL_CORE_DECIMAL_MAGNITUDE_H
#define TAPEMILL_CORE_DECIMAL_MAGNITUDE_H

#include "core/decimal.h"

#define MAGNITUDE_STEP_DIGITS 19 /* the largest power of ten in one limb is 10^19 */

/* How a message about a number that does not fit goes on. */
#define MAGNITUDE_TOO_LARGE                                                                                            \
    "needs more than the 77 digits or 76 decimals that numbers here can have: correct it where it comes from"
_Static_assert(DECIMAL_SCALE_MAX == 76, "the message above names DECIMAL_SCALE_MAX");

__extension__ typedef unsigned __int128 magnitude_pair;

extern const uint64_t decimal_power_of_ten[MAGNITUDE_STEP_DIGITS + 1];

/* Number of limbs up to the highest that is not zero. */
static inline size_t
magnitude_used(const uint64_t limb[DECIMAL_LIMBS])
{
    size_t used = DECIMAL_LIMBS;
    while (used > 0 && limb[used - 1] == 0)
        used--;
    return used;
}

static inline magnitude_pair
magnitude_low_pair(const uint64_t limb[DECIMAL_LIMBS])
{
    return (magnitude_pair)limb[1] << 64 | limb[0];
}

static inline void
magnitude_set_pair(uint64_t limb[DECIMAL_LIMBS], magnitude_pair value)
{
    limb[0] = (uint64_t)value;
    limb[1] = (uint64_t)(value >> 64);
    limb[2] = 0;
    limb[3] = 0;
}

/* limb = limb * factor + addend; false if that needs more than 256 bits. */
static inline bool
magnitude_multiply_add(uint64_t limb[DECIMAL_LIMBS], uint64_t factor, uint64_t addend)
{
    uint64_t carry = addend;
    for (size_t i = 0; i < DECIMAL_LIMBS; i++) {
        magnitude_pair product = (magnitude_pair)limb[i] * factor + carry;
        limb[i] = (uint64_t)product;
        carry = (uint64_t)(product >> 64);
    }
    return carry == 0;
}

/* limb = limb * 10^exponent; false if that needs more than 256 bits. */
static inline bool
magnitude_scale_up(uint64_t limb[DECIMAL_LIMBS], unsigned exponent)
{
    if (magnitude_used(limb) == 0)
        return true;
    for (; exponent > MAGNITUDE_STEP_DIGITS; exponent -= MAGNITUDE_STEP_DIGITS)
        if (!magnitude_multiply_add(limb, decimal_power_of_ten[MAGNITUDE_STEP_DIGITS], 0))
            return false;
    return magnitude_multiply_add(limb, decimal_power_of_ten[exponent], 0);
}

/* limb = limb / divisor; returns the remainder. */
static inline uint64_t
magnitude_divide(uint64_t limb[DECIMAL_LIMBS], uint64_t divisor)
{
    uint64_t remainder = 0;
    for (size_t i = magnitude_used(limb); i-- > 0;) {
        magnitude_pair part = (magnitude_pair)remainder << 64 | limb[i];
        limb[i] = remainder == 0 ? (uint64_t)part / divisor : (uint64_t)(part / divisor);
        remainder = (uint64_t)part - limb[i] * divisor;
    }
    return remainder;
}

#endif
