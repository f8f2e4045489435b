#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    enum error_disposition disposition;
} table[ERROR_CODE_COUNT] = {
    [ERROR_NONE] = {"none", DISPOSITION_NONE},
#define ERROR(code, name, disposition) [ERROR_##code] = {name, DISPOSITION_##disposition},
#include "core/error.def"
#undef ERROR
};

/* The first prefix that fits decides; "" fits all. */
static const struct {
    const char *prefix;
    enum error_code code;
} sqlstates[] = {
    {"08", ERROR_PG_CONNECTION},    {"57P", ERROR_PG_CONNECTION}, {"57014", ERROR_PG_TIMEOUT},
    {"25P03", ERROR_PG_CONNECTION}, {"53", ERROR_PG_RESOURCE},    {"58", ERROR_PG_RESOURCE},
    {"40", ERROR_PG_CONFLICT},      {"55P03", ERROR_PG_CONFLICT}, {"55006", ERROR_PG_CONFLICT},
    {"23", ERROR_PG_CONSTRAINT},    {"22", ERROR_PG_DATA},        {"28", ERROR_PG_CONNECTION},
    {"3D", ERROR_PG_CONNECTION},    {"XX", ERROR_PG_CONFLICT},    {"", ERROR_PG_STATEMENT},
};

enum error_code
error_set(struct error *error, enum error_code code, const char *format, ...)
{
    va_list arguments;
    error->code = code;
    error->sqlstate[0] = 0;
    va_start(arguments, format);
    (void)vsnprintf(error->message, sizeof(error->message), format, arguments);
    va_end(arguments);
    return code;
}

enum error_code
error_context(struct error *error, const char *format, ...)
{
    char joined[ERROR_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(joined, sizeof(joined), format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < sizeof(joined))
        (void)snprintf(joined + length, sizeof(joined) - (size_t)length, ": %.*s",
                       (int)(sizeof(joined) - (size_t)length), error->message);
    memcpy(error->message, joined, sizeof(joined));
    error->message[sizeof(joined) - 1] = 0;
    return error->code;
}

const char *
error_name(enum error_code code)
{
    return code < ERROR_CODE_COUNT ? table[code].name : "unknown";
}

enum error_code
error_from_name(const char *name)
{
    for (int code = 0; code < ERROR_CODE_COUNT; code++)
        if (strcmp(table[code].name, name) == 0)
            return (enum error_code)code;
    return ERROR_BUG;
}

enum error_disposition
error_disposition(enum error_code code)
{
    return code < ERROR_CODE_COUNT ? table[code].disposition : DISPOSITION_DEAD;
}

enum error_code
error_from_sqlstate(const char *sqlstate)
{
    size_t i = 0;
    while (strncmp(sqlstate, sqlstates[i].prefix, strlen(sqlstates[i].prefix)) != 0)
        i++;
    return sqlstates[i].code;
}
