/* jobs/verify_group.h - groups by a key of texts, for jobs/verify.h: a balanced tree of the C library (tsearch). */
#ifndef TAPEMILL_JOBS_VERIFY_GROUP_H
#define TAPEMILL_JOBS_VERIFY_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/exact.h"

enum { VERIFY_GROUP_COUNTS = 8, VERIFY_GROUP_SUMS = 12, VERIFY_KEY_BYTES = 256, VERIFY_KEY_SEPARATOR = 0x1f };

struct verify_group {
    const char *key; /* texts with VERIFY_KEY_SEPARATOR between; an empty one is null */
    int64_t counts[VERIFY_GROUP_COUNTS];
    struct exact sums[VERIFY_GROUP_SUMS];
    uint32_t known; /* bit i: sums[i] was set (an extreme, for instance) */
    bool held;      /* a trade of it has no rate */
    bool compared;  /* a stored row was compared with it */
    bool several;   /* its trades are in several currencies */
    char currency[4];
    char *own_key;
    void *more; /* of whoever made the group; given to release with the group's end, if that is set */
    void (*release)(void *more);
};

struct verify_groups {
    void *root;
    size_t count;
};

/* Joins texts (NULL: empty) to a key; ERROR_RANGE if they do not fit. */
ERROR_MUST_CHECK enum error_code verify_group_key(char key[VERIFY_KEY_BYTES], const char *const *parts, size_t count,
                                                  struct error *error);

/* The group of the key, made if need be. *made (may be NULL) tells which. */
ERROR_MUST_CHECK enum error_code verify_group_get(struct verify_groups *groups, const char *key,
                                                  struct verify_group **group, bool *made, struct error *error);

/* The group, or NULL. */
struct verify_group *verify_group_find(const struct verify_groups *groups, const char *key);

/* Calls visit with each group in the order of the keys. */
void verify_group_each(const struct verify_groups *groups, void (*visit)(struct verify_group *group, void *data),
                       void *data);

/* Forgets all groups. */
void verify_group_clear(struct verify_groups *groups);

#endif
