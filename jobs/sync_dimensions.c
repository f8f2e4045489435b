/* jobs/sync_dimensions.c - makes the dimensions follow their source tables, with history as jobs/dimension_versions.h
 * says. Two modes: full compares each dimension with its whole table and finds what is gone there; changes reads what
 * the watermark on updated_at shows, and costs one query for each dimension when that is nothing.
 *
 * The epoch rows of the dimensions at hand are locked before the source is read, so that of two runs the later one has
 * read the newer rows, and loads in flight wait for the outcome. An epoch moves only when its dimension did. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/config.h"
#include "jobs/change_window.h"
#include "jobs/dimension.h"
#include "jobs/dimension_follow.h"
#include "jobs/dimension_stage.h"
#include "jobs/dimension_statement.h"
#include "jobs/dimension_versions.h"
#include "jobs/job.h"
#include "jobs/multiplier_change.h"

#define SYNC_SQL  "jobs/sync_dimensions"
#define SQL(name) sql_text(SYNC_SQL, name)

enum { NAMES_BYTES = 160 };

struct sync {
    struct job_context *context;
    bool is_wanted[DIMENSION_COUNT];
    struct dimension_staging staging; /* what is common to all dimensions */
};

/* ---- one dimension ------------------------------------------------------------------------------------------ */

/* Adds a dimension that changed to the run's metadata: {"client": {"members": 1, ...}, ...}. */
static void
describe(struct job_context *context, const char *name, const struct dimension_outcome *outcome)
{
    char line[256], *metadata = context->metadata;
    size_t length = strlen(metadata), size = sizeof(context->metadata);
    int added =
        snprintf(line, sizeof(line),
                 "\"%s\": {\"members\": %" PRId64 ", \"versions\": %" PRId64 ", \"corrected\": %" PRId64
                 ", \"removed\": %" PRId64 ", \"moved\": %" PRId64 "}}",
                 name, outcome->inserted, outcome->opened, outcome->corrected, outcome->removed, outcome->moved);
    if (length)
        length--; /* the closing brace */
    if (length + (size_t)added + sizeof(", ") <= size)
        (void)snprintf(metadata + length, size - length, "%s%s", length ? ", " : "{", line);
}

static void
add_counts(struct job_context *context, const struct dimension_staged *staged, const struct dimension_outcome *outcome)
{
    struct ledger_counts *counts = &context->counts;
    counts->extracted += staged->extracted;
    counts->quarantined += staged->quarantined;
    counts->superseded += staged->superseded;
    counts->inserted += outcome->inserted;
    counts->updated += outcome->updated;
    counts->unchanged += staged->unchanged + outcome->unchanged;
    counts->removed += outcome->removed;
}

static bool
has_changed(const struct dimension_outcome *outcome)
{
    return outcome->inserted || outcome->updated || outcome->removed || outcome->opened || outcome->corrected ||
           outcome->moved;
}

/* Writes what was staged. A contract multiplier is corrected in trades of the past as well. */
static enum error_code
apply(struct sync *sync, enum dimension dimension, struct dimension_outcome *outcome, struct error *error)
{
    struct job_context *context = sync->context;
    const struct dimension_staging *staging = &sync->staging;
    const struct dimension_definition *definition = &dimension_definitions[dimension];
    bool has_multipliers = dimension == DIMENSION_INSTRUMENT;
    if ((has_multipliers && multiplier_change_note(context, error)) ||
        dimension_versions_apply(context, definition, dimension, staging->seen_at, staging->is_replay, outcome,
                                 error) ||
        (has_multipliers && multiplier_change_follow(context, error)))
        return error->code;
    if (!has_changed(outcome))
        return ERROR_NONE;
    if (database_query(context->warehouse, SQL("advance_epoch"), DATABASE_VALUES(dimension_name(dimension)), NULL,
                       error))
        return error->code;
    describe(context, dimension_name(dimension), outcome);
    return dimension_follow_note(context, dimension, error);
}

static enum error_code
follow_source(struct sync *sync, enum dimension dimension, struct error *error)
{
    struct dimension_staged staged = {0};
    struct dimension_outcome outcome = {0};
    enum error_code code = dimension_stage(sync->context, dimension, &sync->staging, &staged, error);
    if (!code && staged.rows + staged.absent)
        code = apply(sync, dimension, &outcome, error);
    if (code)
        return error_context(error, "dimension %s", dimension_name(dimension));
    add_counts(sync->context, &staged, &outcome);
    return ERROR_NONE;
}

/* ---- locks -------------------------------------------------------------------------------------------------- */

static enum error_code
lock_epochs(struct sync *sync, struct error *error)
{
    struct rows *rows;
    char names[NAMES_BYTES] = "{";
    size_t length = 1, count = 0;
    for (int i = 0; i < DIMENSION_COUNT; i++)
        if (sync->is_wanted[i])
            length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s", count++ ? "," : "",
                                       dimension_name((enum dimension)i));
    (void)snprintf(names + length, sizeof(names) - length, "}");
    if (database_query(sync->context->warehouse, SQL("lock_epochs"), DATABASE_VALUES(names), &rows, error))
        return error->code;
    size_t locked = rows_count(rows);
    rows_free(rows);
    return locked == count ? ERROR_NONE
                           : error_set(error, ERROR_BUG, "dim_epochs has %zu of the rows %s", locked, names);
}

/* Takes a new snapshot of the source, once the epochs are ours, and notes its instant. */
static enum error_code
see_source(struct sync *sync, struct error *error)
{
    struct dimension_staging *staging = &sync->staging;
    struct database *source;
    struct rows *rows;
    const char *as_of = job_argument(sync->context, "as_of", "");
    if (job_source_anew(sync->context, &source, error))
        return error->code;
    enum error_code code = database_query(source, SQL("seen_at"), DATABASE_VALUES(as_of), &rows, error);
    bool is_wrong = code && strncmp(error->sqlstate, "22", 2) == 0;
    if (!code) {
        is_wrong = !rows_boolean(rows, 0, 1);
        (void)snprintf(staging->seen_at, sizeof(staging->seen_at), "%s", rows_text(rows, 0, 0));
        rows_free(rows);
    }
    if (is_wrong)
        return error_set(error, ERROR_ARGUMENT,
                         "the argument as_of must be an instant of the past such as 2024-01-02T00:00Z, not \"%.64s\"",
                         as_of);
    if (!code && !staging->by_watermark)
        code = dimension_statement_set_tenant(source, error);
    if (code || staging->is_replay)
        return code;
    return database_value(sync->context->warehouse, SQL("newest_instant"), DATABASE_VALUES(staging->seen_at),
                          staging->seen_at, sizeof(staging->seen_at), error);
}

/* All dimensions at hand, under their epochs. */
static enum error_code
follow_all(struct sync *sync, struct error *error)
{
    struct job_context *context = sync->context;
    if (dimension_statement_set_tenant(context->warehouse, error) || lock_epochs(sync, error) ||
        database_run(context->warehouse, SQL("lock_tables"), error) || dimension_follow_begin(context, error) ||
        see_source(sync, error))
        return error->code;
    for (int i = 0; i < DIMENSION_COUNT; i++)
        if (sync->is_wanted[i] && follow_source(sync, (enum dimension)i, error))
            return error->code;
    return dimension_follow_enqueue(context, error);
}

/* ---- changes ------------------------------------------------------------------------------------------------ */

/* Leaves those dimensions that have something in their windows: one query each. */
static enum error_code
probe(struct sync *sync, bool *any, struct error *error)
{
    *any = false;
    for (int i = 0; i < DIMENSION_COUNT; i++) {
        const struct change_window *window = &sync->staging.windows[i];
        bool found = false;
        if (!sync->is_wanted[i])
            continue;
        struct extract_range range = {.interval_start = sync->context->run->interval_start,
                                      .interval_end = sync->context->run->interval_end,
                                      .changed_from = window->from,
                                      .changed_to = window->to};
        if (!window->nothing_new && extract_probe(sync->context, &dimension_extracts[i], &range, &found, error))
            return error_context(error, "dimension %s", dimension_name((enum dimension)i));
        sync->is_wanted[i] = found;
        *any = *any || found;
    }
    return ERROR_NONE;
}

/* Whose watermarks they are: the wanted dimensions' when the run began. */
struct watermarks {
    const char *tables[DIMENSION_COUNT];
    struct change_window windows[DIMENSION_COUNT];
    struct change_request request;
};

static enum error_code
find_watermarks(struct sync *sync, struct watermarks *marks, struct error *error)
{
    *marks = (struct watermarks){.request = {.since = "", .hours = "0", .first_hours = ""}};
    marks->request.tables = marks->tables;
    for (int i = 0; i < DIMENSION_COUNT; i++)
        if (sync->is_wanted[i])
            marks->tables[marks->request.count++] = dimension_extracts[i].name;
    return change_windows_find(sync->context, &marks->request, marks->windows, error);
}

static enum error_code
move_watermarks(struct sync *sync, const struct watermarks *marks, struct error *error)
{
    size_t moved;
    return change_windows_move(sync->context, &marks->request, marks->windows, &moved, error);
}

static enum error_code
follow_changes(struct sync *sync, struct error *error)
{
    struct watermarks marks;
    bool any;
    if (find_watermarks(sync, &marks, error))
        return error->code;
    for (size_t i = 0, at = 0; i < DIMENSION_COUNT; i++)
        if (sync->is_wanted[i])
            sync->staging.windows[i] = marks.windows[at++];
    if (probe(sync, &any, error) || (any && follow_all(sync, error)))
        return error->code;
    return move_watermarks(sync, &marks, error);
}

/* Whole tables. What the next changes are measured from is known as well then, unless the source's role may not ask:
 * of that, mode=changes complains. */
static enum error_code
follow_whole(struct sync *sync, struct error *error)
{
    struct watermarks marks;
    enum error_code code = sync->staging.is_replay ? ERROR_NONE : find_watermarks(sync, &marks, error);
    bool has_marks = !sync->staging.is_replay && !code;
    if (code && code != ERROR_CONFIG)
        return code;
    if (code)
        *error = (struct error){0};
    if (follow_all(sync, error))
        return error->code;
    return has_marks ? move_watermarks(sync, &marks, error) : ERROR_NONE;
}

/* ---- the job ------------------------------------------------------------------------------------------------ */

static enum error_code
choose_dimensions(struct sync *sync, struct error *error)
{
    const char *wanted = job_argument(sync->context, "dimension", NULL);
    char names[NAMES_BYTES] = "";
    size_t length = 0;
    bool any = false;
    for (int i = 0; i < DIMENSION_COUNT; i++) {
        const char *name = dimension_name((enum dimension)i);
        sync->is_wanted[i] = !wanted || strcmp(wanted, name) == 0;
        any = any || sync->is_wanted[i];
        length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s", i ? ", " : "", name);
    }
    return any ? ERROR_NONE
               : error_set(error, ERROR_ARGUMENT,
                           "there is no dimension \"%.64s\"; the argument dimension is one of %s", wanted, names);
}

/* *second: whether the argument has the second of its two values; without it, it has the first. */
static enum error_code
choose_one(struct job_context *context, const char *argument, const char *const values[2], bool *second,
           struct error *error)
{
    const char *value = job_argument(context, argument, values[0]);
    *second = strcmp(value, values[1]) == 0;
    if (*second || strcmp(value, values[0]) == 0)
        return ERROR_NONE;
    return error_set(error, ERROR_ARGUMENT, "the argument %s is \"%.64s\", but must be %s or %s", argument, value,
                     values[0], values[1]);
}

static enum error_code
read_arguments(struct sync *sync, struct error *error)
{
    static const char *const modes[2] = {"full", "changes"}, *const deletes[2] = {"guard", "all"};
    struct dimension_staging *staging = &sync->staging;
    if (choose_dimensions(sync, error) || choose_one(sync->context, "mode", modes, &staging->by_watermark, error) ||
        choose_one(sync->context, "deletes", deletes, &staging->all_deletes, error))
        return error->code;
    staging->is_replay = job_argument(sync->context, "as_of", "")[0] != 0;
    if (staging->by_watermark && (staging->is_replay || staging->all_deletes))
        return error_set(error, ERROR_ARGUMENT,
                         "changes by watermark show neither an old state nor what is gone: as_of and deletes=all need "
                         "mode=full");
    return ERROR_NONE;
}

static enum error_code
run(struct job_context *context, struct error *error)
{
    struct sync sync = {.context = context};
    if (read_arguments(&sync, error))
        return error->code;
    return sync.staging.by_watermark ? follow_changes(&sync, error) : follow_whole(&sync, error);
}

static const char *const arguments[] = {"mode", "dimension", "as_of", "deletes", NULL};

const struct job_definition job_sync_dimensions = {
    .name = "sync_dimensions",
    .type = "DIMENSION_SYNC",
    .summary = "instruments, accounts, strategies, clients and liquidity providers as the source has them",
    .queue = "batch",
    .max_attempts = 5,
    .arguments = arguments,
    .run = run,
};
