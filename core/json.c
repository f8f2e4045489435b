#include "core/json.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json {
    cJSON *node;
    bool incomplete; /* a step of the building had no memory */
};

static struct json *
wrap(cJSON *node)
{
    struct json *json = node ? calloc(1, sizeof(*json)) : NULL;
    if (json)
        json->node = node;
    else
        cJSON_Delete(node);
    return json;
}

struct json *
json_object(void)
{
    return wrap(cJSON_CreateObject());
}

struct json *
json_array(void)
{
    return wrap(cJSON_CreateArray());
}

void
json_free(struct json *json)
{
    if (json)
        cJSON_Delete(json->node);
    free(json);
}

/* ---- building ---------------------------------------------------------------------------------------------- */

/* Hangs node below json: a member if name is given, else an element. Takes node over in any case. */
static void
attach(struct json *json, const char *name, cJSON *node)
{
    bool attached = false;
    if (json && node) {
        if (name)
            cJSON_DeleteItemFromObjectCaseSensitive(json->node, name);
        attached = name ? cJSON_AddItemToObject(json->node, name, node) : cJSON_AddItemToArray(json->node, node);
    }
    if (!attached)
        cJSON_Delete(node);
    if (json && !attached)
        json->incomplete = true;
}

static void
attach_text(struct json *json, const char *name, const char *text)
{
    attach(json, name, text ? cJSON_CreateString(text) : cJSON_CreateNull());
}

static void
attach_part(struct json *json, const char *name, struct json *part)
{
    bool incomplete = !part || part->incomplete;
    attach(json, name, part ? part->node : NULL);
    free(part);
    if (json && incomplete)
        json->incomplete = true;
}

void
json_set(struct json *object, const char *name, const char *text)
{
    attach_text(object, name, text);
}

void
json_set_part(struct json *object, const char *name, struct json *part)
{
    attach_part(object, name, part);
}

void
json_append(struct json *array, const char *text)
{
    attach_text(array, NULL, text);
}

void
json_append_part(struct json *array, struct json *part)
{
    attach_part(array, NULL, part);
}

enum error_code
json_print(const struct json *json, char **text, struct error *error)
{
    *text = json && !json->incomplete ? cJSON_PrintUnformatted(json->node) : NULL;
    return *text ? ERROR_NONE : error_set(error, ERROR_MEMORY, "out of memory while writing JSON");
}

/* ---- reading ----------------------------------------------------------------------------------------------- */

/* Whether text has the escape for a 0 character, at which a C string would end unnoticed. */
static bool
has_escaped_zero(const char *text)
{
    for (; *text; text++) {
        if (*text != '\\')
            continue;
        text++;
        if (strncmp(text, "u0000", 5) == 0)
            return true;
        if (!*text)
            return false;
    }
    return false;
}

enum error_code
json_parse_object(const char *text, const char *what, struct json **object, struct error *error)
{
    const char *end = NULL;
    *object = NULL;
    if (has_escaped_zero(text))
        return error_set(error, ERROR_FORMAT, "%s: a string holds the character \\u0000, which no text can hold here",
                         what);
    cJSON *node = cJSON_ParseWithOpts(text, &end, 1);
    if (!node)
        return error_set(error, ERROR_FORMAT, "%s: not JSON from character %zu on", what,
                         end ? (size_t)(end - text) + 1 : 1);
    if (!cJSON_IsObject(node)) {
        cJSON_Delete(node);
        return error_set(error, ERROR_FORMAT, "%s: not a JSON object; write {\"name\": \"value\", ...}", what);
    }
    *object = wrap(node);
    return *object ? ERROR_NONE : error_set(error, ERROR_MEMORY, "out of memory while reading JSON");
}

size_t
json_count(const struct json *object)
{
    return object ? (size_t)cJSON_GetArraySize(object->node) : 0;
}

static const cJSON *
member(const struct json *object, size_t index)
{
    const cJSON *node = object ? object->node->child : NULL;
    while (node && index--)
        node = node->next;
    return node;
}

const char *
json_name(const struct json *object, size_t index)
{
    const cJSON *node = member(object, index);
    return node ? node->string : NULL;
}

const char *
json_text(const struct json *object, size_t index)
{
    const cJSON *node = member(object, index);
    return cJSON_IsString(node) ? node->valuestring : NULL;
}

enum error_code
json_find(const struct json *object, const char *name, const char **text, struct error *error)
{
    const cJSON *node = object ? cJSON_GetObjectItemCaseSensitive(object->node, name) : NULL;
    *text = NULL;
    if (!node || cJSON_IsNull(node))
        return ERROR_NONE;
    if (!cJSON_IsString(node))
        return error_set(error, ERROR_FORMAT, "\"%s\" is not a string; write its value in quotes", name);
    *text = node->valuestring;
    return ERROR_NONE;
}

enum error_code
json_read(const char *object_text, const char *name, char *value, size_t size, bool *found, struct error *error)
{
    struct json *object;
    const char *text = NULL;
    *found = false;
    value[0] = 0;
    enum error_code code = json_parse_object(object_text, "a JSON text", &object, error);
    if (!code)
        code = json_find(object, name, &text, error);
    if (!code && text && strlen(text) >= size)
        code = error_set(error, ERROR_RANGE, "\"%s\" is longer than %zu bytes", name, size - 1);
    if (!code && text) {
        (void)snprintf(value, size, "%s", text);
        *found = true;
    }
    json_free(object);
    return code;
}
