/* core/json.h - small JSON texts: a job's arguments, a run's metadata, a webhook's body. The only door to cJSON.
 *
 * Values are texts throughout: cJSON's numbers are doubles, which 64-bit integers and prices must never pass through,
 * so a number travels as a string. Texts are UTF-8.
 *
 * Building does not fail step by step: what could not be allocated is remembered, and json_print() reports it. */
#ifndef TAPEMILL_CORE_JSON_H
#define TAPEMILL_CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

struct json; /* an object or an array; the one at the top is the caller's, parts belong to it */

/* New, empty. NULL without memory, which every function below accepts. */
struct json *json_object(void);
struct json *json_array(void);
void json_free(struct json *json); /* NULL is allowed */

/* Sets a member of an object, in place of one of the same name; text NULL is JSON null. */
void json_set(struct json *object, const char *name, const char *text);
/* The same with an object or array, which then belongs to the object. */
void json_set_part(struct json *object, const char *name, struct json *part);

/* Appends to an array. */
void json_append(struct json *array, const char *text);
void json_append_part(struct json *array, struct json *part);

/* The text, on one line. *text is the caller's, to be freed with free(). ERROR_MEMORY if any step had no memory. */
ERROR_MUST_CHECK enum error_code json_print(const struct json *json, char **text, struct error *error);

/* Reads an object from text, and nothing after it. what is what errors call it ("the arguments of job 17").
 * ERROR_FORMAT says where it breaks off, or that a string holds a 0 character. */
ERROR_MUST_CHECK enum error_code json_parse_object(const char *text, const char *what, struct json **object,
                                                   struct error *error);

/* The members of an object in the order of its text. Names and texts live as long as it does. */
size_t json_count(const struct json *object);
const char *json_name(const struct json *object, size_t index);
/* The text of a member that is a string; NULL for anything else. */
const char *json_text(const struct json *object, size_t index);

/* Finds a member. *text is NULL when there is none, or it is null; ERROR_FORMAT when it is not a string. */
ERROR_MUST_CHECK enum error_code json_find(const struct json *object, const char *name, const char **text,
                                           struct error *error);

/* Copies one string member of an object given as text to value; *found is false, value "" when there is none.
 * ERROR_RANGE when it does not fit. */
ERROR_MUST_CHECK enum error_code json_read(const char *object_text, const char *name, char *value, size_t size,
                                           bool *found, struct error *error);

#endif
