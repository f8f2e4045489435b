#include "jobs/schedule_argument.h"

#include <string.h>

enum placeholder { INTERVAL_START, INTERVAL_END, TICK_DATE, DATE, PLACEHOLDER_COUNT };

static const char *const names[] = {"{interval_start}", "{interval_end}", "{tick_date}", "{date}"};

/* The placeholder that text begins with. */
static enum placeholder
find(const char *text)
{
    int i = 0;
    while (i < PLACEHOLDER_COUNT && strncmp(text, names[i], strlen(names[i])) != 0)
        i++;
    return (enum placeholder)i;
}

enum error_code
schedule_argument_check(const char *value, bool has_date, struct error *error)
{
    for (const char *at = strpbrk(value, "{}"); at; at = strpbrk(at, "{}")) {
        enum placeholder placeholder = find(at);
        if (at[1] == at[0]) {
            at += 2;
            continue;
        }
        if (placeholder == DATE && !has_date)
            return error_set(error, ERROR_CONFIG, "{date} needs \"dates\"; {tick_date} is the date of the tick");
        if (placeholder == PLACEHOLDER_COUNT)
            return error_set(error, ERROR_CONFIG,
                             "\"%.30s\" is no placeholder; there are {interval_start}, {interval_end}, {tick_date} and "
                             "{date}, and {{ for a brace",
                             at);
        at += strlen(names[placeholder]);
    }
    return ERROR_NONE;
}

static void
append_value(struct buffer *out, const char *value, const struct schedule_moment *moment)
{
    char start[SCHEDULE_INSTANT_BYTES], end[SCHEDULE_INSTANT_BYTES];
    const char *const meanings[] = {
        [INTERVAL_START] = schedule_instant_utc(moment->interval_start_s, start),
        [INTERVAL_END] = schedule_instant_utc(moment->tick_s, end),
        [TICK_DATE] = moment->tick_date,
        [DATE] = moment->date,
    };
    for (size_t plain; *value; value += plain) {
        plain = strcspn(value, "{}");
        buffer_append(out, value, plain);
        if (!value[plain])
            continue;
        enum placeholder placeholder = find(value + plain);
        if (placeholder == PLACEHOLDER_COUNT)
            buffer_append(out, value + plain, 1);
        else
            buffer_text(out, meanings[placeholder]);
        plain += placeholder == PLACEHOLDER_COUNT ? 2 : strlen(names[placeholder]);
    }
}

void
schedule_argument_append(struct buffer *json, const struct schedule *schedule, const struct schedule_moment *moment)
{
    struct buffer value;
    buffer_init(&value, json->ceiling);
    buffer_text(json, "{");
    for (size_t i = 0; i < schedule->argument_count; i++) {
        buffer_clear(&value);
        append_value(&value, schedule->arguments[i].value, moment);
        json->failed = json->failed || value.failed;
        buffer_text(json, i ? ", " : "");
        buffer_json(json, schedule->arguments[i].name, strlen(schedule->arguments[i].name));
        buffer_text(json, ": ");
        buffer_json(json, value.bytes ? value.bytes : "", value.length);
    }
    buffer_text(json, "}");
    buffer_term(&value);
}
