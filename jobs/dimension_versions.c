#include "jobs/dimension_versions.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "jobs/dimension_statement.h"

#define VERSIONS_SQL "jobs/dimension_versions"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { STATEMENT_CEILING = 64 * 1024, VALUES_MAX = 3 };

/* What statements take as parameters. */
enum value { NONE, SEEN_AT, RUN, IS_REPLAY, DIMENSION, INFERRED_TOO, VALUE_COUNT };

struct versions {
    struct job_context *context;
    const struct dimension_definition *definition;
    const char *values[VALUE_COUNT];
};

/* One statement, and which number of the outcome counts its rows. */
struct step {
    const char *name;
    enum value values[VALUES_MAX];
    size_t counted; /* offset in struct dimension_outcome, plus 1; 0: none */
};

#define COUNTED(member) (offsetof(struct dimension_outcome, member) + 1)

/* Members nobody knew need none of what follows, unless later states of the source have been seen. */
static const struct step first_steps[] = {
    {"insert_members", {SEEN_AT, RUN}, COUNTED(inserted)},
};

/* Nor do those that go on from where they were, or end there, and keep what facts take from all their versions. */
static const struct step forward_steps[] = {
    {"forward", {SEEN_AT}, 0},
    {"forward_gone", {SEEN_AT}, 0},
    {"forward_observe", {RUN}, 0},
    {"forward_close", {NONE}, 0},
    {"forward_open", {SEEN_AT}, COUNTED(opened)},
    {"forward_correct", {NONE}, COUNTED(corrected)},
    {"forward_stamp", {NONE}, 0},
    {"forward_moved", {RUN, DIMENSION}, COUNTED(moved)},
    {"forward_touch", {NONE}, 0},
};

static const struct step find_members = {"members", {SEEN_AT, IS_REPLAY}, 0};

static const struct step steps[] = {
    {"analyze_members", {NONE}, 0},
    {"old", {NONE}, 0},
    /* observations */
    {"known_points", {NONE}, 0},
    {"compared_points", {RUN, DIMENSION, SEEN_AT}, 0},
    {"staged_points", {NONE}, 0},
    {"seen_points", {IS_REPLAY}, 0},
    {"absent_points", {SEEN_AT, IS_REPLAY}, 0},
    {"observe", {RUN, IS_REPLAY}, 0},
    /* what follows from them, and which version says it */
    {"regions", {NONE}, 0},
    {"analyze_regions", {NONE}, 0},
    {"keep_keys", {NONE}, 0},
    {"keep_inferred", {NONE}, 0},
    {"drop_gaps", {NONE}, 0},
    {"take_place", {NONE}, 0},
    {"use_again", {NONE}, 0},
    {"number_versions", {NONE}, 0},
    /* the dimension */
    {"empty_versions", {NONE}, 0},
    {"shrink_versions", {NONE}, 0},
    {"grow_versions", {NONE}, 0},
    {"overwrite_staged", {SEEN_AT}, COUNTED(corrected)},
    {"overwrite_copied", {NONE}, COUNTED(corrected)},
    {"open_staged", {SEEN_AT}, COUNTED(opened)},
    {"open_copied", {NONE}, COUNTED(opened)},
    {"correct", {NONE}, COUNTED(corrected)},
    {"inherit", {NONE}, 0},
    {"stamp", {NONE}, 0},
    {"know", {NONE}, 0},
    {"note_moved", {RUN, DIMENSION, INFERRED_TOO}, COUNTED(moved)},
    {"touch", {NONE}, 0},
};

static enum error_code
query(struct versions *versions, const struct step *step, struct rows **rows, struct error *error)
{
    const char *values[VALUES_MAX];
    int count = 0;
    struct buffer text;
    while (count < VALUES_MAX && step->values[count] != NONE) {
        values[count] = versions->values[step->values[count]];
        count++;
    }
    buffer_init(&text, STATEMENT_CEILING);
    enum error_code code = dimension_expand(versions->definition, sql_text(VERSIONS_SQL, step->name), &text, error);
    if (!code)
        code = database_query(versions->context->warehouse, text.bytes, count, values, rows, error);
    buffer_term(&text);
    return code ? error_context(error, "%s", step->name) : ERROR_NONE;
}

static enum error_code
run_steps(struct versions *versions, const struct step *list, size_t count, struct dimension_outcome *outcome,
          struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct rows *rows;
        if (query(versions, &list[i], &rows, error))
            return error->code;
        if (list[i].counted)
            *(int64_t *)((char *)outcome + list[i].counted - 1) += rows_affected(rows);
        rows_free(rows);
    }
    return ERROR_NONE;
}

static enum error_code
prepare(struct versions *versions, const char *tables, struct error *error)
{
    return dimension_statement_run(versions->context, versions->definition, VERSIONS_SQL, tables, error);
}

/* Adds the numbers that a statement gives to these members of the outcome. */
static enum error_code
add_counts(struct versions *versions, const char *statement, int64_t *const numbers[], int count, struct error *error)
{
    const struct step step = {statement, {NONE}, 0};
    struct rows *rows;
    if (query(versions, &step, &rows, error))
        return error->code;
    for (int i = 0; i < count; i++)
        *numbers[i] += rows_integer(rows, 0, i);
    rows_free(rows);
    return ERROR_NONE;
}

/* What is seen now. */
static enum error_code
apply_newest(struct versions *versions, struct dimension_outcome *outcome, struct error *error)
{
    int64_t *const numbers[] = {&outcome->updated, &outcome->unchanged, &outcome->removed};
    if (run_steps(versions, first_steps, COUNT(first_steps), outcome, error) ||
        run_steps(versions, forward_steps, COUNT(forward_steps), outcome, error))
        return error->code;
    return add_counts(versions, "forward_count", numbers, COUNT(numbers), error);
}

/* All others. */
static enum error_code
apply_rest(struct versions *versions, struct dimension_outcome *outcome, struct error *error)
{
    int64_t *const numbers[] = {&outcome->inserted, &outcome->updated, &outcome->unchanged, &outcome->removed,
                                &outcome->completed};
    const struct step has_rest = {"has_rest", {NONE}, 0};
    struct rows *rows;
    if (query(versions, &has_rest, &rows, error))
        return error->code;
    bool any = rows_boolean(rows, 0, 0);
    rows_free(rows);
    if (!any)
        return ERROR_NONE;
    if (prepare(versions, "prepare_rest", error) || query(versions, &find_members, &rows, error))
        return error->code;
    any = rows_affected(rows) > 0;
    rows_free(rows);
    if (!any)
        return ERROR_NONE;
    if (run_steps(versions, steps, COUNT(steps), outcome, error))
        return error->code;
    return add_counts(versions, "count", numbers, COUNT(numbers), error);
}

enum error_code
dimension_versions_apply(struct job_context *context, const struct dimension_definition *definition,
                         enum dimension dimension, const char *seen_at, bool is_replay,
                         struct dimension_outcome *outcome, struct error *error)
{
    char run_no[24];
    struct versions versions = {
        .context = context,
        .definition = definition,
        .values = {[SEEN_AT] = seen_at,
                   [RUN] = run_no,
                   [IS_REPLAY] = is_replay ? "t" : "f",
                   [DIMENSION] = dimension_name(dimension),
                   /* An account's tenant and client, and a client's tenant, are in facts that came before it; an
                    * instrument's currency never. */
                   [INFERRED_TOO] = dimension == DIMENSION_ACCOUNT || dimension == DIMENSION_CLIENT ? "t" : "f"},
    };
    *outcome = (struct dimension_outcome){0};
    (void)snprintf(run_no, sizeof(run_no), "%" PRId64, context->run->run_no);
    if (prepare(&versions, "prepare", error) || (!is_replay && apply_newest(&versions, outcome, error)) ||
        apply_rest(&versions, outcome, error))
        return error_context(error, "the versions of %s", definition->table);
    return ERROR_NONE;
}
