#include "ops/source_numeric.h"

#include <string.h>

#include "core/decimal.h"

/* Base 10000: eight decimals are two groups, 128 bits before the point at most ten. */
enum { FRACTION_GROUPS = 2, GROUPS = 12, HEADER_BYTES = 8, NUMERIC_NEGATIVE = 0x4000 };

static void
put_word(uint8_t *bytes, size_t word, int value)
{
    bytes[2 * word] = (uint8_t)((unsigned)value >> 8);
    bytes[2 * word + 1] = (uint8_t)value;
}

/* Splits the magnitude into groups, the most significant first; returns how many there are. */
static int
split_groups(unsigned __int128 magnitude, int16_t groups[GROUPS])
{
    int count = 0;
    for (; magnitude > UINT64_MAX; magnitude /= 10000)
        groups[count++] = (int16_t)(magnitude % 10000);
    for (uint64_t rest = (uint64_t)magnitude; rest; rest /= 10000)
        groups[count++] = (int16_t)(rest % 10000);
    for (int i = 0; i < count / 2; i++) {
        int16_t swapped = groups[i];
        groups[i] = groups[count - 1 - i];
        groups[count - 1 - i] = swapped;
    }
    return count;
}

static int
needed_decimals(unsigned __int128 magnitude)
{
    int decimals = 8;
    uint64_t fraction = (uint64_t)(magnitude % 100000000);
    if (!fraction)
        return 0;
    for (; fraction % 10 == 0; fraction /= 10)
        decimals--;
    return decimals;
}

size_t
source_numeric_write(__int128 value_e8, uint8_t bytes[SOURCE_NUMERIC_BYTES])
{
    unsigned __int128 magnitude = value_e8 < 0 ? 0 - (unsigned __int128)value_e8 : (unsigned __int128)value_e8;
    int16_t groups[GROUPS];
    int count = split_groups(magnitude, groups), weight = count - 1 - FRACTION_GROUPS;
    while (count && !groups[count - 1])
        count--;
    put_word(bytes, 0, count);
    put_word(bytes, 1, count ? weight : 0);
    put_word(bytes, 2, value_e8 < 0 ? NUMERIC_NEGATIVE : 0);
    put_word(bytes, 3, needed_decimals(magnitude));
    for (int i = 0; i < count; i++)
        put_word(bytes, HEADER_BYTES / 2 + (size_t)i, groups[i]);
    return HEADER_BYTES + 2 * (size_t)count;
}

enum error_code
source_numeric_write_text(const char *text, uint8_t bytes[SOURCE_NUMERIC_BYTES], size_t *length, struct error *error)
{
    static const struct {
        const char *text;
        int sign;
    } specials[] = {{"NaN", 0xC000}, {"Infinity", 0xD000}, {"-Infinity", 0xF000}};
    struct decimal value;
    for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++) {
        if (strcmp(text, specials[i].text) == 0) {
            memset(bytes, 0, HEADER_BYTES);
            put_word(bytes, 2, specials[i].sign);
            *length = HEADER_BYTES;
            return ERROR_NONE;
        }
    }
    if (decimal_from_text(text, strlen(text), &value, error))
        return error->code;
    *length = decimal_to_pg(&value, bytes, SOURCE_NUMERIC_BYTES);
    return ERROR_NONE;
}
