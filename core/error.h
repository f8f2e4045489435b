/* core/error.h - how every function here says that it failed.
 *
 * A function that can fail returns enum error_code (ERROR_NONE is success) and takes a struct error of its caller's,
 * which it fills. Callers on the way up may add context with error_context(). Errors are logged once, at the top. */
#ifndef TAPEMILL_CORE_ERROR_H
#define TAPEMILL_CORE_ERROR_H

#define ERROR_MUST_CHECK    __attribute__((warn_unused_result))
#define ERROR_PRINTF(f, a)  __attribute__((format(printf, f, a)))
#define ERROR_MESSAGE_BYTES 1024

enum error_code {
    ERROR_NONE = 0,
#define ERROR(code, name, disposition) ERROR_##code,
#include "core/error.def"
#undef ERROR
    ERROR_CODE_COUNT
};

enum error_disposition {
    DISPOSITION_NONE,
    DISPOSITION_RETRY,
    DISPOSITION_GIVE_BACK,
    DISPOSITION_WAIT,
    DISPOSITION_DEAD
};

struct error {
    enum error_code code;
    char sqlstate[6]; /* PostgreSQL's five characters, or "" */
    char message[ERROR_MESSAGE_BYTES];
};

/* Fills *error (sqlstate cleared) and returns code, so that "return error_set(...)" reads as one step.
 * A message too long is cut. */
enum error_code error_set(struct error *error, enum error_code code, const char *format, ...) ERROR_PRINTF(3, 4);

/* Puts "context: " in front of the message and returns error->code. */
enum error_code error_context(struct error *error, const char *format, ...) ERROR_PRINTF(2, 3);

/* The code's name as it stands in logs and in etl_job_runs.error_code, e.g. "pg_connection". */
const char *error_name(enum error_code code);

/* The code with that name, or ERROR_BUG if there is none. */
enum error_code error_from_name(const char *name);

enum error_disposition error_disposition(enum error_code code);

/* The code for a SQLSTATE (five characters; PostgreSQL documentation, Appendix A). */
enum error_code error_from_sqlstate(const char *sqlstate);

#endif
