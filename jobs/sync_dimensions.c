/* jobs/sync_dimensions.c - makes the dimensions follow their source tables: one full comparison each, set-based, with
 * history of type 2 and type 1 as jobs/dimension.c says. Members that are gone at the source stay as they are.
 *
 * The epoch rows of all dimensions at hand are locked before the source is read, so that of two runs the later one has
 * read the newer rows, and loads in flight wait for the outcome. An epoch moves only when its dimension did. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "jobs/dimension.h"
#include "jobs/extract_stage.h"
#include "jobs/job.h"
#include "jobs/multiplier_change.h"
#include "jobs/quality.h"
#include "jobs/statement.h"

#define SYNC_SQL "jobs/sync_dimensions"

enum { STATEMENT_CEILING = 64 * 1024, NAMES_BYTES = 160 };

static const char copy_template[] = "copy {stage} ({staged}, updated_at) from stdin (format binary)";

/* One dimension's share of the run. */
struct sync {
    struct job_context *context;
    const struct dimension_definition *definition;
    const char *name; /* of the epoch */
    int64_t extracted, quarantined, superseded, inserted, changed;
    int64_t overwritten, closed, opened, corrected; /* versions */
};

/* Writes out a statement of sql/jobs/sync_dimensions.sql and runs it. */
static enum error_code
step(struct sync *sync, const char *statement, int64_t *affected, struct error *error)
{
    struct buffer text;
    buffer_init(&text, STATEMENT_CEILING);
    enum error_code code = dimension_expand(sync->definition, sql_text(SYNC_SQL, statement), &text, error);
    if (!code && affected)
        code = statement_run(sync->context, text.bytes, affected, error);
    else if (!code)
        code = database_run(sync->context->warehouse, text.bytes, error);
    buffer_term(&text);
    return code ? error_context(error, "%s", statement) : ERROR_NONE;
}

/* ---- staging ----------------------------------------------------------------------------------------------- */

static enum error_code
extract(struct sync *sync, struct error *error)
{
    struct buffer copy;
    if (step(sync, "temporary", NULL, error))
        return error->code;
    buffer_init(&copy, STATEMENT_CEILING);
    enum error_code code = dimension_expand(sync->definition, copy_template, &copy, error);
    if (!code)
        code = extract_stage(sync->context, sync->definition->extract, copy.bytes, &sync->extracted, error);
    buffer_term(&copy);
    return code;
}

/* Leaves in the stage what can be loaded: one row per member, nothing NULL that has a meaning. */
static enum error_code
judge(struct sync *sync, struct error *error)
{
    const char *source_table = sync->definition->extract->name;
    int64_t rows;
    if (quality_stage(sync->context, error) || step(sync, "judge", &rows, error) ||
        step(sync, "file_issues", &rows, error) ||
        quality_record(sync->context, source_table, &sync->quarantined, error) ||
        quality_resolve(sync->context, source_table, NULL, error) || step(sync, "drop_broken", &rows, error) ||
        step(sync, "drop_superseded", &sync->superseded, error))
        return error->code;
    if (dimension_has(sync->definition, DIMENSION_FILLED) && step(sync, "fill", &rows, error))
        return error->code;
    return step(sync, "analyze", NULL, error);
}

/* ---- comparing --------------------------------------------------------------------------------------------- */

static enum error_code
count_changed(struct sync *sync, struct error *error)
{
    struct buffer text;
    char count[24];
    buffer_init(&text, STATEMENT_CEILING);
    enum error_code code = dimension_expand(sync->definition, sql_text(SYNC_SQL, "count_changed"), &text, error);
    if (!code)
        code = database_value(sync->context->warehouse, text.bytes, 0, NULL, count, sizeof(count), error);
    sync->changed = code ? 0 : strtoll(count, NULL, 10);
    buffer_term(&text);
    return code;
}

/* Writes what changed. A contract multiplier is corrected in trades of the past as well. */
static enum error_code
apply_changes(struct sync *sync, struct error *error)
{
    bool has_multipliers = sync->definition == &dimension_definitions[DIMENSION_INSTRUMENT];
    if ((has_multipliers && multiplier_change_note(sync->context, error)) ||
        step(sync, "overwrite", &sync->overwritten, error) || step(sync, "close_versions", &sync->closed, error) ||
        step(sync, "open_versions", &sync->opened, error) || step(sync, "correct", &sync->corrected, error))
        return error->code;
    return has_multipliers ? multiplier_change_follow(sync->context, error) : ERROR_NONE;
}

static enum error_code
compare(struct sync *sync, struct error *error)
{
    if (step(sync, "insert_members", &sync->inserted, error) || count_changed(sync, error) ||
        (sync->changed && apply_changes(sync, error)))
        return error->code;
    if (sync->closed != sync->opened)
        return error_set(error, ERROR_BUG, "%" PRId64 " versions of %s were closed, but %" PRId64 " opened",
                         sync->closed, sync->definition->table, sync->opened);
    if (!sync->inserted && !sync->changed)
        return ERROR_NONE;
    return database_query(sync->context->warehouse, sql_text(SYNC_SQL, "advance_epoch"), DATABASE_VALUES(sync->name),
                          NULL, error);
}

/* Adds a dimension that changed to the run's metadata: {"client": {"members": 1, ...}, ...}. */
static void
describe(const struct sync *sync)
{
    char line[256], *metadata = sync->context->metadata;
    size_t length = strlen(metadata), size = sizeof(sync->context->metadata);
    int added = snprintf(line, sizeof(line),
                         "\"%s\": {\"members\": %" PRId64 ", \"versions\": %" PRId64 ", \"overwritten\": %" PRId64
                         ", \"corrected\": %" PRId64 "}}",
                         sync->name, sync->inserted, sync->opened, sync->overwritten, sync->corrected);
    if (length)
        length--; /* the closing brace */
    if (length + (size_t)added + sizeof(", ") <= size)
        (void)snprintf(metadata + length, size - length, "%s%s", length ? ", " : "{", line);
}

static void
add_counts(const struct sync *sync)
{
    struct ledger_counts *counts = &sync->context->counts;
    counts->extracted += sync->extracted;
    counts->quarantined += sync->quarantined;
    counts->superseded += sync->superseded;
    counts->inserted += sync->inserted;
    counts->updated += sync->changed;
    counts->unchanged += sync->extracted - sync->quarantined - sync->superseded - sync->inserted - sync->changed;
    if (sync->inserted || sync->changed)
        describe(sync);
}

/* ---- the job ----------------------------------------------------------------------------------------------- */

static bool
is_wanted(const char *wanted, int dimension)
{
    return !wanted || strcmp(wanted, dimension_name((enum dimension)dimension)) == 0;
}

static enum error_code
check_argument(const char *wanted, struct error *error)
{
    char names[NAMES_BYTES] = "";
    size_t length = 0;
    for (int i = 0; i < DIMENSION_COUNT; i++) {
        if (is_wanted(wanted, i))
            return ERROR_NONE;
        length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s", i ? ", " : "",
                                   dimension_name((enum dimension)i));
    }
    return error_set(error, ERROR_ARGUMENT, "there is no dimension \"%.64s\"; the argument dimension is one of %s",
                     wanted, names);
}

static enum error_code
lock_epochs(struct job_context *context, const char *wanted, struct error *error)
{
    struct rows *rows;
    char names[NAMES_BYTES] = "{";
    size_t length = 1, count = 0;
    for (int i = 0; i < DIMENSION_COUNT; i++)
        if (is_wanted(wanted, i))
            length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s", count++ ? "," : "",
                                       dimension_name((enum dimension)i));
    (void)snprintf(names + length, sizeof(names) - length, "}");
    if (database_query(context->warehouse, sql_text(SYNC_SQL, "lock_epochs"), DATABASE_VALUES(names), &rows, error))
        return error->code;
    size_t locked = rows_count(rows);
    rows_free(rows);
    return locked == count ? ERROR_NONE
                           : error_set(error, ERROR_BUG, "dim_epochs has %zu of the rows %s", locked, names);
}

static enum error_code
set_tenant(struct job_context *context, struct error *error)
{
    const char *tenant = config_text(CONFIG_DEFAULT_TENANT);
    enum error_code code = database_query(context->warehouse, sql_text(SYNC_SQL, "set_tenant"),
                                          DATABASE_VALUES(DIMENSION_TENANT_SETTING, tenant), NULL, error);
    if (code && strcmp(error->sqlstate, "22P02") == 0)
        return error_set(error, ERROR_CONFIG,
                         "TAPEMILL_DEFAULT_TENANT is \"%s\", but must be a UUID such as "
                         "00000000-0000-0000-0000-000000000001",
                         tenant);
    return code;
}

static enum error_code
run(struct job_context *context, struct error *error)
{
    const char *wanted = job_argument(context, "dimension", NULL);
    if (check_argument(wanted, error) || set_tenant(context, error) || lock_epochs(context, wanted, error) ||
        database_run(context->warehouse, sql_text(SYNC_SQL, "lock_tables"), error))
        return error->code;
    for (int i = 0; i < DIMENSION_COUNT; i++) {
        struct sync sync = {
            .context = context, .definition = &dimension_definitions[i], .name = dimension_name((enum dimension)i)};
        if (!is_wanted(wanted, i))
            continue;
        if (extract(&sync, error) || judge(&sync, error) || compare(&sync, error))
            return error_context(error, "dimension %s", sync.name);
        add_counts(&sync);
    }
    return ERROR_NONE;
}

static const char *const arguments[] = {"dimension", NULL};

const struct job_definition job_sync_dimensions = {
    .name = "sync_dimensions",
    .type = "DIMENSION_SYNC",
    .summary = "instruments, accounts, strategies, clients and liquidity providers as the source has them",
    .queue = "batch",
    .max_attempts = 5,
    .arguments = arguments,
    .run = run,
};
