/* Decimals from and to text and PostgreSQL's binary numeric (core/decimal.h). */
#include "core/decimal.h"

#include "core/decimal_magnitude.h"

#include <string.h>
#include <strings.h>

#define EXCERPT_BYTES    48
#define EXPONENT_CEILING 100000 /* larger exponents are out of range just the same */

#define PG_HEADER_BYTES      8
#define PG_GROUP             10000U
#define PG_GROUP_DIGITS      4
#define PG_CHUNK_DIGITS      16 /* whole groups that fit one limb together */
#define PG_GROUPS_MAX        ((DECIMAL_PG_BYTES - PG_HEADER_BYTES) / 2)
#define PG_DISPLAY_SCALE_MAX 0x3FFF

#define PG_POSITIVE          0x0000
#define PG_NEGATIVE          0x4000
#define PG_NAN               0xC000
#define PG_POSITIVE_INFINITY 0xD000
#define PG_NEGATIVE_INFINITY 0xF000

/* The beginning of a text for a message, with what is not printable ASCII as '?'. */
struct excerpt {
    char text[EXCERPT_BYTES];
};

static struct excerpt
excerpt(const char *text, size_t length_bytes)
{
    struct excerpt result;
    size_t i = 0;
    for (; i < length_bytes && i < sizeof(result.text) - 1; i++)
        result.text[i] = (char)(text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
    result.text[i] = 0;
    return result;
}

static enum error_code
not_a_number(const char *text, size_t length_bytes, struct error *error)
{
    static const char *const words[] = {"nan", "inf", "infinity"};
    size_t sign = text[0] == '-' || text[0] == '+';
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (length_bytes - sign == strlen(words[i]) && strncasecmp(text + sign, words[i], length_bytes - sign) == 0)
            return error_set(error, ERROR_RANGE, "%s is not a finite number: correct it where it comes from",
                             excerpt(text, length_bytes).text);
    return error_set(error, ERROR_FORMAT, "\"%s\" is not a number: write it as -12.50 or 1e-7",
                     excerpt(text, length_bytes).text);
}

static bool
is_digit(char character)
{
    return character >= '0' && character <= '9';
}

struct mantissa {
    uint64_t limb[DECIMAL_LIMBS];
    size_t digits;   /* as written, leading zeros included */
    size_t decimals; /* of these, after the point */
    bool fits;
};

/* Reads digits with at most one point among them; returns what follows. */
static const char *
read_mantissa(const char *text, const char *end, struct mantissa *mantissa)
{
    uint64_t chunk = 0;
    unsigned chunk_digits = 0;
    bool after_point = false;
    *mantissa = (struct mantissa){.fits = true};
    for (; text < end; text++) {
        if (*text == '.' && !after_point) {
            after_point = true;
            continue;
        }
        if (!is_digit(*text))
            break;
        if (chunk_digits == MAGNITUDE_STEP_DIGITS) {
            mantissa->fits &= magnitude_multiply_add(mantissa->limb, decimal_power_of_ten[chunk_digits], chunk);
            chunk = 0;
            chunk_digits = 0;
        }
        chunk = chunk * 10 + (uint64_t)(*text - '0');
        chunk_digits++;
        mantissa->digits++;
        mantissa->decimals += after_point;
    }
    mantissa->fits &= magnitude_multiply_add(mantissa->limb, decimal_power_of_ten[chunk_digits], chunk);
    return text;
}

/* Reads e-7 and the like, if there is one; returns what follows, or NULL if there is no digit after the e. */
static const char *
read_exponent(const char *text, const char *end, int *exponent)
{
    *exponent = 0;
    if (text == end || (*text != 'e' && *text != 'E'))
        return text;
    text++;
    bool negative = text < end && *text == '-';
    if (text < end && (*text == '-' || *text == '+'))
        text++;
    if (text == end)
        return NULL;
    for (; text < end && is_digit(*text); text++)
        if (*exponent < EXPONENT_CEILING)
            *exponent = *exponent * 10 + (*text - '0');
    if (negative)
        *exponent = -*exponent;
    return text;
}

enum error_code
decimal_from_text(const char *text, size_t length_bytes, struct decimal *out, struct error *error)
{
    if (length_bytes == 0)
        return error_set(error, ERROR_FORMAT, "a number is expected, but the text is empty: write 0 if that is meant");
    const char *end = text + length_bytes;
    bool negative = *text == '-';
    const char *at = negative || *text == '+' ? text + 1 : text;
    struct mantissa mantissa;
    int exponent = 0;
    at = read_mantissa(at, end, &mantissa);
    if (mantissa.digits > 0)
        at = read_exponent(at, end, &exponent);
    if (mantissa.digits == 0 || at != end)
        return not_a_number(text, length_bytes, error);
    long long scale = (long long)mantissa.decimals - exponent;
    bool fits = mantissa.fits && scale <= DECIMAL_SCALE_MAX;
    if (!fits || !magnitude_scale_up(mantissa.limb, scale < 0 ? (unsigned)-scale : 0))
        return error_set(error, ERROR_RANGE, "%s " MAGNITUDE_TOO_LARGE, excerpt(text, length_bytes).text);
    memcpy(out->limb, mantissa.limb, sizeof(out->limb));
    out->scale = (uint8_t)(scale < 0 ? 0 : scale);
    out->negative = negative && !decimal_is_zero(out);
    return ERROR_NONE;
}

/* Writes the digits of the magnitude, at least minimum of them, so that they end where end points; returns how many. */
static size_t
write_digits(uint64_t limb[DECIMAL_LIMBS], size_t minimum, char *end)
{
    char *at = end;
    while (magnitude_used(limb) > 1) {
        uint64_t chunk = magnitude_divide(limb, decimal_power_of_ten[MAGNITUDE_STEP_DIGITS]);
        for (unsigned i = 0; i < MAGNITUDE_STEP_DIGITS; i++, chunk /= 10)
            *--at = (char)('0' + chunk % 10);
    }
    for (uint64_t rest = limb[0]; rest != 0 || (size_t)(end - at) < minimum; rest /= 10)
        *--at = (char)('0' + rest % 10);
    return (size_t)(end - at);
}

size_t
decimal_to_text(const struct decimal *value, char *text, size_t size_bytes)
{
    uint64_t limb[DECIMAL_LIMBS];
    char digits[DECIMAL_TEXT_BYTES];
    char *end = digits + sizeof(digits);
    memcpy(limb, value->limb, sizeof(limb));
    size_t count = write_digits(limb, value->scale + 1U, end);
    size_t length = value->negative + count + (value->scale > 0);
    if (length >= size_bytes) {
        if (size_bytes > 0)
            text[0] = 0;
        return 0;
    }
    if (value->negative)
        *text++ = '-';
    memcpy(text, end - count, count - value->scale);
    text += count - value->scale;
    if (value->scale > 0) {
        *text++ = '.';
        memcpy(text, end - value->scale, value->scale);
        text += value->scale;
    }
    *text = 0;
    return length;
}

static unsigned
read_word(const uint8_t *bytes)
{
    return (unsigned)bytes[0] << 8 | bytes[1];
}

static void
write_word(uint8_t *bytes, unsigned word)
{
    bytes[0] = (uint8_t)(word >> 8);
    bytes[1] = (uint8_t)word;
}

static enum error_code
malformed(struct error *error, const char *what, long long found)
{
    return error_set(error, ERROR_FORMAT,
                     "a binary numeric %s (%lld): the column must have type numeric in the query that delivers it",
                     what, found);
}

static enum error_code
check_pg_header(const uint8_t *bytes, size_t length_bytes, struct error *error)
{
    if (length_bytes < PG_HEADER_BYTES)
        return malformed(error, "is shorter than its header of 8 bytes", (long long)length_bytes);
    if (length_bytes != PG_HEADER_BYTES + 2 * (size_t)read_word(bytes))
        return malformed(error, "has a length in bytes that its number of digits does not explain",
                         (long long)length_bytes);
    if (read_word(bytes + 6) > PG_DISPLAY_SCALE_MAX)
        return malformed(error, "has an impossible scale", read_word(bytes + 6));
    return ERROR_NONE;
}

/* ERROR_FORMAT if the bytes name no sign, or a special value comes with digits. */
static enum error_code
read_pg_sign(const uint8_t *bytes, bool *negative, enum decimal_special *special, struct error *error)
{
    unsigned sign = read_word(bytes + 4);
    *negative = sign == PG_NEGATIVE;
    *special = DECIMAL_FINITE;
    switch (sign) {
    case PG_POSITIVE:
    case PG_NEGATIVE:
        return ERROR_NONE;
    case PG_NAN:
        *special = DECIMAL_NAN;
        break;
    case PG_POSITIVE_INFINITY:
        *special = DECIMAL_POSITIVE_INFINITY;
        break;
    case PG_NEGATIVE_INFINITY:
        *special = DECIMAL_NEGATIVE_INFINITY;
        break;
    default:
        return malformed(error, "has an unknown sign", sign);
    }
    return read_word(bytes) == 0 ? ERROR_NONE : malformed(error, "that is not finite has digits", read_word(bytes));
}

/* limb = the groups as one integer, without the last excess (0 to 3) decimals, which must be 0. */
static enum error_code
read_groups(const uint8_t *bytes, unsigned count, unsigned excess, uint64_t limb[DECIMAL_LIMBS], struct error *error)
{
    uint64_t chunk = 0;
    unsigned chunk_digits = 0;
    bool fits = true;
    for (unsigned i = 0; i < count; i++) {
        unsigned group = read_word(bytes + 2 * (size_t)i);
        unsigned dropped = i == count - 1 ? excess : 0;
        if (group >= PG_GROUP)
            return malformed(error, "has a digit beyond 9999", group);
        if (dropped > 0 && group % decimal_power_of_ten[dropped] != 0)
            return malformed(error, "has decimals beyond its scale", group);
        if (dropped > 0)
            group /= (unsigned)decimal_power_of_ten[dropped];
        chunk = chunk * decimal_power_of_ten[PG_GROUP_DIGITS - dropped] + group;
        chunk_digits += PG_GROUP_DIGITS - dropped;
        if (chunk_digits == PG_CHUNK_DIGITS) {
            fits &= magnitude_multiply_add(limb, decimal_power_of_ten[chunk_digits], chunk);
            chunk = 0;
            chunk_digits = 0;
        }
    }
    if (chunk_digits > 0)
        fits &= magnitude_multiply_add(limb, decimal_power_of_ten[chunk_digits], chunk);
    return fits ? ERROR_NONE : ERROR_RANGE;
}

enum error_code
decimal_from_pg(const uint8_t *bytes, size_t length_bytes, struct decimal *out, enum decimal_special *special,
                struct error *error)
{
    struct decimal value = {0};
    bool negative;
    if (check_pg_header(bytes, length_bytes, error) != ERROR_NONE ||
        read_pg_sign(bytes, &negative, special, error) != ERROR_NONE)
        return error->code;
    unsigned groups = read_word(bytes);
    unsigned scale = *special == DECIMAL_FINITE ? read_word(bytes + 6) : 0;
    int weight = (int16_t)read_word(bytes + 2);
    int excess = PG_GROUP_DIGITS * ((int)groups - 1 - weight) - (int)scale; /* decimals present beyond the scale */
    bytes += PG_HEADER_BYTES;
    for (; groups > 0 && excess >= PG_GROUP_DIGITS; excess -= PG_GROUP_DIGITS)
        if (read_word(bytes + 2 * (size_t)--groups) != 0)
            return malformed(error, "has decimals beyond its scale", scale);
    enum error_code code = read_groups(bytes, groups, excess > 0 ? (unsigned)excess : 0, value.limb, error);
    if (code == ERROR_FORMAT)
        return code;
    if (code != ERROR_NONE || scale > DECIMAL_SCALE_MAX ||
        !magnitude_scale_up(value.limb, excess < 0 ? (unsigned)-excess : 0))
        return error_set(error, ERROR_RANGE, "a numeric with weight %d and scale %u " MAGNITUDE_TOO_LARGE, weight,
                         scale);
    *out = value;
    out->scale = (uint8_t)scale;
    out->negative = negative && !decimal_is_zero(&value);
    return ERROR_NONE;
}

/* Splits the magnitude into groups of four digits, least significant first, such that the point falls between two
 * groups; returns how many. The last is not zero. */
static unsigned
split_groups(const struct decimal *value, uint16_t groups[PG_GROUPS_MAX])
{
    uint64_t limb[DECIMAL_LIMBS];
    unsigned count = 0;
    unsigned odd = value->scale % PG_GROUP_DIGITS; /* decimals in the last, incomplete group */
    memcpy(limb, value->limb, sizeof(limb));
    if (odd > 0) {
        uint64_t group = magnitude_divide(limb, decimal_power_of_ten[odd]);
        groups[count++] = (uint16_t)(group * decimal_power_of_ten[PG_GROUP_DIGITS - odd]);
    }
    while (magnitude_used(limb) > 1) {
        uint64_t chunk = magnitude_divide(limb, decimal_power_of_ten[PG_CHUNK_DIGITS]);
        for (unsigned i = 0; i < PG_CHUNK_DIGITS / PG_GROUP_DIGITS; i++, chunk /= PG_GROUP)
            groups[count++] = (uint16_t)(chunk % PG_GROUP);
    }
    for (uint64_t rest = limb[0]; rest != 0; rest /= PG_GROUP)
        groups[count++] = (uint16_t)(rest % PG_GROUP);
    return count;
}

size_t
decimal_to_pg(const struct decimal *value, uint8_t *bytes, size_t size_bytes)
{
    uint16_t groups[PG_GROUPS_MAX];
    unsigned count = decimal_is_zero(value) ? 0 : split_groups(value, groups);
    unsigned fraction_groups = (value->scale + PG_GROUP_DIGITS - 1U) / PG_GROUP_DIGITS;
    unsigned lowest = 0;
    while (lowest < count && groups[lowest] == 0) /* trailing zeros are not sent */
        lowest++;
    size_t length = PG_HEADER_BYTES + 2 * (size_t)(count - lowest);
    if (length > size_bytes)
        return 0;
    write_word(bytes, count - lowest);
    write_word(bytes + 2, count == 0 ? 0 : count - fraction_groups - 1); /* two's complement when below zero */
    write_word(bytes + 4, value->negative ? PG_NEGATIVE : PG_POSITIVE);
    write_word(bytes + 6, value->scale);
    bytes += PG_HEADER_BYTES;
    for (unsigned i = count; i > lowest; i--, bytes += 2)
        write_word(bytes, groups[i - 1]);
    return length;
}
