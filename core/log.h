/* core/log.h - one line per event on standard error, in logfmt: ts=... level=... msg="..." key=value ...
 *
 * Every line carries the fields bound to the process (program, worker, job, run). Values are quoted where needed.
 * Secrets are never passed in: connection URLs go through config_redact() first. */
#ifndef TAPEMILL_CORE_LOG_H
#define TAPEMILL_CORE_LOG_H

#include <stdint.h>

struct error;

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

struct log_field {
    const char *key;  /* NULL ends a list */
    const char *text; /* NULL: number is meant */
    int64_t number;
};

#define LOG_TEXT(key, text)     ((struct log_field){(key), (text), 0})
#define LOG_NUMBER(key, number) ((struct log_field){(key), 0, (int64_t)(number)})
#define LOG_END                 ((struct log_field){0, 0, 0})

#define log_debug(message, ...)                                                                                        \
    log_event(LOG_LEVEL_DEBUG, message, (struct log_field[]){__VA_ARGS__ __VA_OPT__(, ) LOG_END})
#define log_info(message, ...)                                                                                         \
    log_event(LOG_LEVEL_INFO, message, (struct log_field[]){__VA_ARGS__ __VA_OPT__(, ) LOG_END})
#define log_warn(message, ...)                                                                                         \
    log_event(LOG_LEVEL_WARN, message, (struct log_field[]){__VA_ARGS__ __VA_OPT__(, ) LOG_END})

/* Sets the program's name and the least level that is written. */
void log_init(const char *program, enum log_level least);

/* Binds a field to all later lines of this process; text NULL unbinds it. At most eight fields. */
void log_bind(const char *key, const char *text);
void log_bind_number(const char *key, int64_t number);

void log_event(enum log_level level, const char *message, const struct log_field *fields);

/* Writes an error with its code, SQLSTATE and message. */
void log_error(const char *message, const struct error *error);

/* The level of a name ("debug", "info", "warn", "error"), or -1. */
int log_level_from_name(const char *name);

#endif
