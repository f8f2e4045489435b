#include "jobs/member_infer.h"

#include <stdlib.h>
#include <string.h>

#include "jobs/dimension_infer.h"

static int
hex_value(char digit)
{
    return digit <= '9' ? digit - '0' : digit - 'a' + 10;
}

/* The text of an integer or a uuid, as PostgreSQL writes them, to what its binary field has. */
static void
read_id(const char *text, struct dimension_id *id)
{
    *id = (struct dimension_id){{0}};
    if (!strchr(text + 1, '-')) {
        uint32_t number = (uint32_t)(int32_t)strtol(text, NULL, 10);
        for (int i = 0; i < 4; i++)
            id->bytes[i] = (uint8_t)(number >> (24 - 8 * i));
        return;
    }
    size_t digits = 0;
    for (; *text && digits < 2 * sizeof(id->bytes); text++)
        if (*text != '-') {
            id->bytes[digits / 2] = (uint8_t)(id->bytes[digits / 2] << 4 | hex_value(*text));
            digits++;
        }
}

enum error_code
member_infer(struct job_context *context, enum dimension dimension, const struct rows *rows, int64_t *inferred,
             struct error *error)
{
    size_t count = rows_count(rows);
    struct dimension_missing *missing = arena_alloc(context->arena, count * sizeof(*missing));
    struct database *side;
    int64_t versions = 0;
    if (!missing)
        return error_set(error, ERROR_MEMORY, "out of memory for a list of members");
    for (size_t i = 0; i < count; i++) {
        missing[i] =
            (struct dimension_missing){.has_tenant = !rows_is_null(rows, i, 1), .unix_us = rows_integer(rows, i, 2)};
        read_id(rows_text(rows, i, 0), &missing[i].id);
        if (missing[i].has_tenant)
            read_id(rows_text(rows, i, 1), &missing[i].tenant);
    }
    if (job_side(context, &side, error) || database_begin(side, error))
        return error->code;
    enum error_code code = ledger_check(side, context->run, error);
    if (!code)
        code = dimension_infer(side, dimension, missing, count, &versions, error);
    if (!code)
        code = database_commit(side, error);
    if (code) {
        database_rollback(side);
        return code;
    }
    *inferred += versions;
    return ERROR_NONE;
}
