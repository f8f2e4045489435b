/* ops/source_numeric.h - numbers in the form in which COPY BINARY carries PostgreSQL's numeric (see core/decimal.h:
 * decimal_to_pg), without the detour through a decimal: the generator writes millions of them. */
#ifndef TAPEMILL_OPS_SOURCE_NUMERIC_H
#define TAPEMILL_OPS_SOURCE_NUMERIC_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

enum { SOURCE_NUMERIC_BYTES = 64 };

/* Writes a number of 1/100,000,000, with as many decimals as it needs; returns the length. */
size_t source_numeric_write(__int128 value_e8, uint8_t bytes[SOURCE_NUMERIC_BYTES]);

/* Writes the number a text names: digits with all decimals written, or NaN, Infinity, -Infinity. */
ERROR_MUST_CHECK enum error_code source_numeric_write_text(const char *text, uint8_t bytes[SOURCE_NUMERIC_BYTES],
                                                           size_t *length, struct error *error);

#endif
