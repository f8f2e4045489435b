#include "core/number_text.h"

#include <inttypes.h>
#include <stdio.h>

const char *
number_text(struct number_text *number, int64_t value)
{
    (void)snprintf(number->text, sizeof(number->text), "%" PRId64, value);
    return number->text;
}
