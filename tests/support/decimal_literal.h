/* tests/support/decimal_literal.h - decimals written as text in a test's tables. */
#ifndef TAPEMILL_TESTS_SUPPORT_DECIMAL_LITERAL_H
#define TAPEMILL_TESTS_SUPPORT_DECIMAL_LITERAL_H

#include "core/decimal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct decimal_literal_text {
    char text[DECIMAL_TEXT_BYTES];
};

/* The decimal that the text spells; ends the test program if it spells none. */
static inline struct decimal
decimal_literal(const char *text)
{
    struct decimal value;
    struct error error;
    if (decimal_from_text(text, strlen(text), &value, &error) != ERROR_NONE) {
        (void)fprintf(stderr, "bad decimal in a test: %s\n", error.message);
        abort();
    }
    return value;
}

/* For assert_string_equal(decimal_literal_of(&value).text, "1.25"). */
static inline struct decimal_literal_text
decimal_literal_of(const struct decimal *value)
{
    struct decimal_literal_text result;
    (void)decimal_to_text(value, result.text, sizeof(result.text));
    return result;
}

#endif
