/* dimension_probe infer DIMENSION          the members on standard input, one "ID US [TENANT]" a line, in one
 *                                          transaction; prints how many versions are new
 * dimension_probe find DIMENSION           for each "ID US" on standard input, the key of the version valid then, or 0
 * dimension_probe memory DIMENSION         the bytes that the dimension's index takes from the heap (0 where a
 * sanitizer keeps it)
 *
 * US are microseconds since 1970, UTC. */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "jobs/dimension.h"
#include "jobs/dimension_infer.h"

enum { LINE_BYTES = 256, MISSING_MAX = 4096 };

static void
read_id(const char *text, struct dimension_id *id)
{
    size_t digits = 0;
    memset(id, 0, sizeof(*id));
    if (!strchr(text, '-') || text[0] == '-') {
        int32_t number = (int32_t)strtol(text, NULL, 10);
        for (int i = 0; i < 4; i++)
            id->bytes[i] = (uint8_t)((uint32_t)number >> (24 - 8 * i));
        return;
    }
    for (; *text && digits < 2 * sizeof(id->bytes); text++) {
        if (*text == '-')
            continue;
        const char digit[] = {*text, 0};
        id->bytes[digits / 2] = (uint8_t)(id->bytes[digits / 2] << 4 | strtol(digit, NULL, 16));
        digits++;
    }
}

/* The next line's id, instant and tenant; false at the end. */
static bool
read_line(struct dimension_missing *member)
{
    char line[LINE_BYTES], id[64], tenant[64];
    int64_t unix_us;
    if (!fgets(line, sizeof(line), stdin))
        return false;
    int fields = sscanf(line, "%63s %" SCNd64 " %63s", id, &unix_us, tenant);
    if (fields < 2)
        return false;
    *member = (struct dimension_missing){.unix_us = unix_us, .has_tenant = fields == 3};
    read_id(id, &member->id);
    if (member->has_tenant)
        read_id(tenant, &member->tenant);
    return true;
}

static enum error_code
infer(struct database *warehouse, enum dimension dimension, struct error *error)
{
    struct dimension_missing *missing = calloc(MISSING_MAX, sizeof(*missing));
    size_t count = 0;
    int64_t inferred = 0;
    while (missing && count < MISSING_MAX && read_line(&missing[count]))
        count++;
    enum error_code code = database_begin(warehouse, error);
    if (!code)
        code = dimension_infer(warehouse, dimension, missing, count, &inferred, error);
    if (!code)
        code = database_commit(warehouse, error);
    free(missing);
    printf("%" PRId64 "\n", inferred);
    return code;
}

static enum error_code
find(struct database *warehouse, enum dimension dimension, struct error *error)
{
    struct dimension_index *index;
    struct dimension_missing member;
    if (dimension_index_build(&index, warehouse, dimension, error))
        return error->code;
    while (read_line(&member)) {
        const struct dimension_version *version = dimension_index_find(index, &member.id, member.unix_us).version;
        printf("%d\n", version ? (int)version->key : 0);
    }
    dimension_index_free(index);
    return ERROR_NONE;
}

static size_t
heap_bytes(void)
{
    struct mallinfo2 heap = mallinfo2();
    return heap.uordblks + heap.hblkhd;
}

static enum error_code
measure(struct database *warehouse, enum dimension dimension, struct error *error)
{
    struct dimension_index *index;
    /* What the connection takes for its first stream is there before. */
    if (dimension_index_build(&index, warehouse, dimension, error))
        return error->code;
    dimension_index_free(index);
    size_t before = heap_bytes();
    if (dimension_index_build(&index, warehouse, dimension, error))
        return error->code;
    printf("%zu\n", heap_bytes() - before);
    dimension_index_free(index);
    return ERROR_NONE;
}

struct verb {
    const char *name;
    enum error_code (*run)(struct database *warehouse, enum dimension dimension, struct error *error);
};

static const struct verb verbs[] = {{"infer", infer}, {"find", find}, {"memory", measure}};

static enum error_code
run(const char *name, enum dimension dimension, struct error *error)
{
    struct database *warehouse;
    size_t i = 0;
    while (i < sizeof(verbs) / sizeof(verbs[0]) && strcmp(verbs[i].name, name) != 0)
        i++;
    if (i == sizeof(verbs) / sizeof(verbs[0]))
        return error_set(error, ERROR_USAGE, "there is no verb %s", name);
    if (config_load(error) || database_open(&warehouse, DATABASE_WAREHOUSE, "dimension_probe", error))
        return error->code;
    enum error_code code = verbs[i].run(warehouse, dimension, error);
    database_close(warehouse);
    return code;
}

int
main(int argc, char **argv)
{
    struct error error = {0};
    for (int i = 0; argc == 3 && i < DIMENSION_COUNT; i++) {
        if (strcmp(dimension_name((enum dimension)i), argv[2]) != 0)
            continue;
        if (!run(argv[1], (enum dimension)i, &error))
            return EXIT_SUCCESS;
        fprintf(stderr, "dimension_probe: %s\n", error.message);
        return EXIT_FAILURE;
    }
    fprintf(stderr, "dimension_probe: VERB DIMENSION\n");
    return EXIT_FAILURE;
}
