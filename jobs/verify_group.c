#include "jobs/verify_group.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

static int
by_key(const void *a, const void *b)
{
    const struct verify_group *first = a, *second = b;
    return strcmp(first->key, second->key);
}

enum error_code
verify_group_key(char key[VERIFY_KEY_BYTES], const char *const *parts, size_t count, struct error *error)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        size_t length = parts[i] ? strlen(parts[i]) : 0;
        if (used + length + 2 > VERIFY_KEY_BYTES)
            return error_set(error, ERROR_RANGE, "the key of a group does not fit into %d bytes", VERIFY_KEY_BYTES);
        if (i)
            key[used++] = VERIFY_KEY_SEPARATOR;
        memcpy(key + used, parts[i] ? parts[i] : "", length);
        used += length;
    }
    key[used] = 0;
    return ERROR_NONE;
}

static void
free_group(void *node)
{
    struct verify_group *group = node;
    for (int i = 0; i < VERIFY_GROUP_SUMS; i++)
        exact_term(&group->sums[i]);
    free(group->own_key);
    if (group->release)
        group->release(group->more);
    free(group);
}

static struct verify_group *
new_group(const char *key)
{
    struct verify_group *group = calloc(1, sizeof(*group));
    if (!group)
        return NULL;
    for (int i = 0; i < VERIFY_GROUP_SUMS; i++)
        exact_init(&group->sums[i]);
    group->key = group->own_key = strdup(key);
    if (group->key)
        return group;
    free_group(group);
    return NULL;
}

struct verify_group *
verify_group_find(const struct verify_groups *groups, const char *key)
{
    const struct verify_group sought = {.key = key};
    struct verify_group **found = tfind(&sought, &groups->root, by_key);
    return found ? *found : NULL;
}

enum error_code
verify_group_get(struct verify_groups *groups, const char *key, struct verify_group **group, bool *made,
                 struct error *error)
{
    *group = verify_group_find(groups, key);
    if (made)
        *made = !*group;
    if (*group)
        return ERROR_NONE;
    *group = new_group(key);
    if (*group && tsearch(*group, &groups->root, by_key)) {
        groups->count++;
        return ERROR_NONE;
    }
    if (*group)
        free_group(*group);
    return error_set(error, ERROR_MEMORY, "out of memory for more than %zu groups", groups->count);
}

struct visit {
    void (*visit)(struct verify_group *group, void *data);
    void *data;
};

static void
visit_node(const void *node, VISIT order, void *closure)
{
    const struct visit *visit = closure;
    if (order == postorder || order == leaf)
        visit->visit(*(struct verify_group *const *)node, visit->data);
}

void
verify_group_each(const struct verify_groups *groups, void (*visit)(struct verify_group *group, void *data), void *data)
{
    struct visit closure = {visit, data};
    twalk_r(groups->root, visit_node, &closure);
}

void
verify_group_clear(struct verify_groups *groups)
{
    tdestroy(groups->root, free_group);
    *groups = (struct verify_groups){0};
}
