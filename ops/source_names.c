#include "ops/source_names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS_FIRST = 64 };

void
source_names_term(struct source_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->texts[i]);
    free(names->texts);
    free(names->slots);
    *names = (struct source_names){0};
}

static uint64_t
hash_of(const char *text)
{
    uint64_t hash = 0xCBF29CE484222325u; /* FNV-1a */
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001B3u;
    return hash ^ (hash >> 32);
}

/* The slot that holds the text, or the empty one where it belongs. */
static size_t *
find_slot(const struct source_names *names, const char *text)
{
    size_t slot = (size_t)hash_of(text) & (names->buckets - 1);
    while (names->slots[slot] && strcmp(names->texts[names->slots[slot] - 1], text) != 0)
        slot = (slot + 1) & (names->buckets - 1);
    return &names->slots[slot];
}

static enum error_code
grow(struct source_names *names, struct error *error)
{
    size_t buckets = names->buckets ? names->buckets * 2 : BUCKETS_FIRST;
    char **texts = realloc(names->texts, buckets / 2 * sizeof(*texts));
    if (texts)
        names->texts = texts;
    size_t *slots = calloc(buckets, sizeof(*slots));
    if (!texts || !slots) {
        free(slots);
        return error_set(error, ERROR_MEMORY, "out of memory for %zu names", names->count + 1);
    }
    free(names->slots);
    names->slots = slots;
    names->buckets = buckets;
    for (size_t i = 0; i < names->count; i++)
        *find_slot(names, names->texts[i]) = i + 1;
    return ERROR_NONE;
}

enum error_code
source_names_number(struct source_names *names, const char *text, size_t *number, bool *added, struct error *error)
{
    if (names->count + 1 >= names->buckets / 2 && grow(names, error))
        return error->code;
    size_t *slot = find_slot(names, text);
    *added = !*slot;
    if (*added) {
        if (names->count == SOURCE_NAMES_MAX)
            return error_set(error, ERROR_RANGE, "more than %d different names", SOURCE_NAMES_MAX);
        char *copy = strdup(text);
        if (!copy)
            return error_set(error, ERROR_MEMORY, "out of memory for %zu names", names->count + 1);
        names->texts[names->count++] = copy;
        *slot = names->count;
    }
    *number = *slot - 1;
    return ERROR_NONE;
}
