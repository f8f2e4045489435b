#include "core/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/time_zone.h"

static const struct config_setting settings[CONFIG_COUNT] = {
#define CONFIG(id, type, initial, minimum, maximum, help)                                                              \
    {"TAPEMILL_" #id, CONFIG_TYPE_##type, initial, minimum, maximum, help},
#include "core/config.def"
#undef CONFIG
};

static struct {
    char *text[CONFIG_COUNT];
    int64_t integer[CONFIG_COUNT];
    int day_roll_seconds;
} values;

static enum error_code
parse_integer(const struct config_setting *setting, const char *text, int64_t *value, struct error *error)
{
    char *end;
    errno = 0;
    long long parsed = strtoll(text, &end, 10);
    if (errno || end == text || *end || parsed < setting->minimum || parsed > setting->maximum)
        return error_set(error, ERROR_CONFIG, "%s is \"%s\", but must be a whole number from %lld to %lld",
                         setting->name, text, (long long)setting->minimum, (long long)setting->maximum);
    *value = parsed;
    return ERROR_NONE;
}

static enum error_code
parse_day_roll(const char *text, struct error *error)
{
    int hour, minute, used = 0;
    if (sscanf(text, "%2d:%2d%n", &hour, &minute, &used) != 2 || text[used] || hour < 0 || hour > 23 || minute < 0 ||
        minute > 59)
        return error_set(error, ERROR_CONFIG, "TAPEMILL_DAY_ROLL is \"%s\", but must be a time of day such as 17:00",
                         text);
    values.day_roll_seconds = hour * 3600 + minute * 60;
    return ERROR_NONE;
}

static enum error_code
check_values(struct error *error)
{
    static const struct {
        enum config_id id;
        const char *allowed[2];
    } choices[] = {{CONFIG_PNL_METHOD, {"average", "fifo"}}};
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
        if (strcmp(values.text[choices[i].id], choices[i].allowed[0]) != 0 &&
            strcmp(values.text[choices[i].id], choices[i].allowed[1]) != 0)
            return error_set(error, ERROR_CONFIG, "%s is \"%s\", but must be %s or %s", settings[choices[i].id].name,
                             values.text[choices[i].id], choices[i].allowed[0], choices[i].allowed[1]);
    if (log_level_from_name(values.text[CONFIG_LOG_LEVEL]) < 0)
        return error_set(error, ERROR_CONFIG, "TAPEMILL_LOG_LEVEL is \"%s\", but must be debug, info, warn or error",
                         values.text[CONFIG_LOG_LEVEL]);
    const char *currency = values.text[CONFIG_BASE_CURRENCY];
    if (strlen(currency) != 3 || strspn(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3)
        return error_set(error, ERROR_CONFIG,
                         "TAPEMILL_BASE_CURRENCY is \"%s\", but must be an ISO 4217 code such as USD", currency);
    if (strspn(values.text[CONFIG_NAMESPACE], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") !=
            strlen(values.text[CONFIG_NAMESPACE]) ||
        !values.text[CONFIG_NAMESPACE][0])
        return error_set(error, ERROR_CONFIG,
                         "TAPEMILL_NAMESPACE is \"%s\", but must be made of letters, digits, '_', '.' and '-'",
                         values.text[CONFIG_NAMESPACE]);
    if (values.integer[CONFIG_HEARTBEAT_MS] * 2 > values.integer[CONFIG_LEASE_SECONDS] * 1000)
        return error_set(error, ERROR_CONFIG,
                         "TAPEMILL_HEARTBEAT_MS (%lld) must be at most half of TAPEMILL_LEASE_SECONDS (%lld s), or "
                         "leases would expire between two heartbeats",
                         (long long)values.integer[CONFIG_HEARTBEAT_MS],
                         (long long)values.integer[CONFIG_LEASE_SECONDS]);
    struct time_zone zone;
    if (time_zone_load(&zone, values.text[CONFIG_TIMEZONE], error))
        return error_context(error, "TAPEMILL_TIMEZONE");
    return parse_day_roll(values.text[CONFIG_DAY_ROLL], error);
}

enum error_code
config_load(struct error *error)
{
    for (int id = 0; id < CONFIG_COUNT; id++) {
        const char *text = getenv(settings[id].name);
        if (!text || !text[0])
            text = settings[id].initial;
        free(values.text[id]);
        values.text[id] = text ? strdup(text) : NULL;
        if (text && !values.text[id])
            return error_set(error, ERROR_MEMORY, "out of memory while reading settings");
        if (text && settings[id].type == CONFIG_TYPE_INTEGER &&
            parse_integer(&settings[id], text, &values.integer[id], error))
            return error->code;
    }
    return check_values(error);
}

const struct config_setting *
config_setting(enum config_id id)
{
    return &settings[id];
}

const char *
config_text(enum config_id id)
{
    return values.text[id];
}

int64_t
config_integer(enum config_id id)
{
    return values.integer[id];
}

enum error_code
config_require(enum config_id id, const char **value, struct error *error)
{
    *value = values.text[id];
    if (*value)
        return ERROR_NONE;
    return error_set(error, ERROR_CONFIG, "%s is not set: %s", settings[id].name, settings[id].help);
}

int
config_day_roll_seconds(void)
{
    return values.day_roll_seconds;
}

void
config_show(enum config_id id, char *text, size_t size)
{
    const char *value = values.text[id];
    if (!value)
        (void)snprintf(text, size, "%s", "");
    else if (settings[id].type == CONFIG_TYPE_SECRET)
        (void)snprintf(text, size, "%s", "***");
    else if (settings[id].type == CONFIG_TYPE_URL)
        config_redact(value, text, size);
    else
        (void)snprintf(text, size, "%s", value);
}

/* Finds "password=" (also sslpassword=, in a URL's query or a keyword string), letters in any case. */
static const char *
find_password_keyword(const char *text)
{
    static const char keyword[] = "password";
    for (; *text; text++) {
        size_t i = 0;
        while (keyword[i] && tolower((unsigned char)text[i]) == keyword[i])
            i++;
        const char *rest = text + i;
        while (!keyword[i] && *rest == ' ')
            rest++;
        if (!keyword[i] && *rest == '=')
            return rest + 1;
    }
    return NULL;
}

/* Length of a keyword value that begins here: quoted ('...' with \ escapes) or bare. */
static size_t
password_value_length(const char *value)
{
    size_t length = strspn(value, " ");
    if (value[length] != '\'')
        return length + strcspn(value + length, " &");
    for (length++; value[length] && value[length] != '\''; length++)
        if (value[length] == '\\' && value[length + 1])
            length++;
    return length + (value[length] == '\'');
}

static size_t
append(char *text, size_t size, size_t length, const char *bytes, size_t count)
{
    if (length + count >= size)
        count = size - length - 1;
    memcpy(text + length, bytes, count);
    text[length + count] = 0;
    return length + count;
}

void
config_redact(const char *url, char *text, size_t size)
{
    size_t length = 0;
    const char *scheme = strstr(url, "://");
    if (!size)
        return;
    text[0] = 0;
    if (scheme) {
        /* A password may hold a "/" or a "?" that should have been percent-encoded: its end is the last "@". */
        const char *start = scheme + 3, *at = strrchr(start, '@');
        const char *colon = at ? memchr(start, ':', (size_t)(at - start)) : NULL;
        if (colon) {
            length = append(text, size, length, url, (size_t)(colon + 1 - url));
            length = append(text, size, length, "***", 3);
            url = at;
        }
    }
    for (const char *value; (value = find_password_keyword(url));) {
        length = append(text, size, length, url, (size_t)(value - url));
        length = append(text, size, length, "***", 3);
        url = value + password_value_length(value);
    }
    (void)append(text, size, length, url, strlen(url));
}
