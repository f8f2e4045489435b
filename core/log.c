#include "core/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/buffer.h"
#include "core/error.h"

enum { BOUND_MAX = 8, LINE_CEILING = 16 * 1024 };

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static struct {
    const char *program;
    enum log_level least;
    struct {
        const char *key;
        char text[96];
    } bound[BOUND_MAX];
} state = {"tapemill", LOG_LEVEL_INFO, {{0}}};

void
log_init(const char *program, enum log_level least)
{
    state.program = program;
    state.least = least;
}

void
log_bind(const char *key, const char *text)
{
    int room = -1;
    for (int i = BOUND_MAX - 1; i >= 0; i--) {
        if (state.bound[i].key && strcmp(state.bound[i].key, key) == 0) {
            room = i;
            break;
        }
        if (!state.bound[i].key)
            room = i;
    }
    if (room < 0)
        return;
    state.bound[room].key = text ? key : NULL;
    if (text)
        (void)snprintf(state.bound[room].text, sizeof(state.bound[room].text), "%s", text);
}

void
log_bind_number(const char *key, int64_t number)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "%" PRId64, number);
    log_bind(key, text);
}

/* A value is bare when logfmt readers take it so; else it is quoted like a JSON string. */
static void
put_value(struct buffer *line, const char *text)
{
    size_t length = strlen(text);
    if (length && strcspn(text, " \"=\\\t\r\n") == length)
        buffer_append(line, text, length);
    else
        buffer_json(line, text, length);
}

static void
put_time(struct buffer *line)
{
    struct timespec now;
    struct tm parts;
    char text[32];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &parts);
    (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    buffer_format(line, "ts=%s.%03dZ", text, (int)(now.tv_nsec / 1000000));
}

void
log_event(enum log_level level, const char *message, const struct log_field *fields)
{
    struct buffer line;
    if (level < state.least)
        return;
    buffer_init(&line, LINE_CEILING);
    put_time(&line);
    buffer_format(&line, " level=%s program=%s pid=%d msg=", level_names[level], state.program, (int)getpid());
    put_value(&line, message);
    for (int i = 0; i < BOUND_MAX; i++) {
        if (!state.bound[i].key)
            continue;
        buffer_format(&line, " %s=", state.bound[i].key);
        put_value(&line, state.bound[i].text);
    }
    for (; fields && fields->key; fields++) {
        buffer_format(&line, " %s=", fields->key);
        if (fields->text)
            put_value(&line, fields->text);
        else
            buffer_format(&line, "%" PRId64, fields->number);
    }
    buffer_text(&line, "\n");
    if (line.bytes) {
        /* One write per line, so that lines of several processes on one pipe do not mix. */
        ssize_t written = write(STDERR_FILENO, line.bytes, line.length);
        (void)written;
    }
    buffer_term(&line);
}

void
log_error(const char *message, const struct error *error)
{
    const struct log_field fields[] = {LOG_TEXT("code", error_name(error->code)), LOG_TEXT("error", error->message),
                                       LOG_TEXT(error->sqlstate[0] ? "sqlstate" : NULL, error->sqlstate), LOG_END};
    log_event(LOG_LEVEL_ERROR, message, fields);
}

int
log_level_from_name(const char *name)
{
    for (int i = 0; i < 4; i++)
        if (strcmp(name, level_names[i]) == 0)
            return i;
    return -1;
}
