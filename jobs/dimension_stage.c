#include "jobs/dimension_stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "jobs/dimension_compare.h"
#include "jobs/dimension_guard.h"
#include "jobs/dimension_statement.h"
#include "jobs/extract_stage.h"
#include "jobs/quality.h"

#define SYNC_SQL "jobs/sync_dimensions"

enum { STATEMENT_CEILING = 64 * 1024, NUMBER_BYTES = 24 };

struct reading {
    struct job_context *context;
    enum dimension dimension;
    const struct dimension_definition *definition;
    const struct dimension_staging *staging;
    struct dimension_staged *staged;
    struct dimension_absence absence;
};

static enum error_code
step(struct reading *reading, const char *statement, struct error *error)
{
    return dimension_statement_run(reading->context, reading->definition, SYNC_SQL, statement, error);
}

static enum error_code
count(struct reading *reading, const char *statement, int64_t *affected, struct error *error)
{
    return dimension_statement_count(reading->context, reading->definition, SYNC_SQL, statement, affected, error);
}

/* ---- reading ------------------------------------------------------------------------------------------------ */

/* All rows of the whole table, or of the window, into the stage. */
static enum error_code
stage_all(struct reading *reading, struct error *error)
{
    const struct ledger_run *run = reading->context->run;
    const struct change_window *window = &reading->staging->windows[reading->dimension];
    struct extract_range range = {.interval_start = run->interval_start, .interval_end = run->interval_end};
    struct buffer copy;
    if (reading->staging->by_watermark) {
        range.changed_from = window->from;
        range.changed_to = window->to;
    }
    buffer_init(&copy, STATEMENT_CEILING);
    enum error_code code = dimension_expand(reading->definition, dimension_copy_staged, &copy, error);
    if (!code)
        code = extract_stage(reading->context, reading->definition->extract, &range, copy.bytes,
                             &reading->staged->extracted, error);
    buffer_term(&copy);
    reading->staged->rows = reading->staged->extracted;
    return code;
}

/* An old state: what is known of its instant is compared with it. */
static enum error_code
stage_replay(struct reading *reading, struct error *error)
{
    struct rows *rows;
    if (stage_all(reading, error) || count(reading, "find_absent", &reading->staged->absent, error) ||
        dimension_statement_query(reading->context, reading->definition, SYNC_SQL, "count_absent",
                                  DATABASE_VALUES(reading->staging->seen_at), &rows, error))
        return error->code;
    reading->absence = (struct dimension_absence){
        .shown = reading->staged->extracted, .known = rows_integer(rows, 0, 0), .gone = rows_integer(rows, 0, 1)};
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
stage_differing(struct reading *reading, struct error *error)
{
    struct dimension_comparison comparison;
    if (dimension_compare(reading->context, reading->definition, &comparison, error))
        return error->code;
    reading->staged->extracted = comparison.extracted;
    reading->staged->unchanged = comparison.unchanged;
    reading->staged->rows = comparison.extracted - comparison.unchanged;
    reading->staged->absent = comparison.absent;
    reading->absence =
        (struct dimension_absence){.shown = comparison.extracted, .known = comparison.known, .gone = comparison.absent};
    return ERROR_NONE;
}

/* ---- judging ------------------------------------------------------------------------------------------------ */

/* What was quarantined and is not any more: of the whole table, or of what was read of it. */
static enum error_code
resolve(struct reading *reading, struct error *error)
{
    const char *table = reading->definition->extract->name;
    if (!reading->staging->by_watermark)
        return quality_resolve(reading->context, table, NULL, error);
    return dimension_statement_query(reading->context, reading->definition, SYNC_SQL, "resolve_staged",
                                     DATABASE_VALUES(table), NULL, error);
}

static enum error_code
judge(struct reading *reading, struct error *error)
{
    struct dimension_staged *staged = reading->staged;
    if (quality_stage(reading->context, error) || step(reading, "judge", error) ||
        step(reading, "file_issues", error) ||
        quality_record(reading->context, reading->definition->extract->name, &staged->quarantined, error) ||
        resolve(reading, error) || step(reading, "drop_broken", error) ||
        count(reading, "drop_superseded", &staged->superseded, error))
        return error->code;
    staged->rows -= staged->quarantined + staged->superseded;
    if (dimension_has(reading->definition, DIMENSION_FILLED) && step(reading, "fill", error))
        return error->code;
    return ERROR_NONE;
}

/* ---- what is gone ------------------------------------------------------------------------------------------- */

/* A comparison that is not believed proves nothing of anybody who is not there. */
static enum error_code
guard_deletes(struct reading *reading, struct error *error)
{
    struct job_context *context = reading->context;
    bool is_live = !reading->staging->is_replay, refused = false;
    char run_no[NUMBER_BYTES];
    if (reading->staging->all_deletes) {
        if (is_live && dimension_guard_resolve(context, reading->dimension, error))
            return error->code;
    } else if (dimension_guard(context, reading->dimension, &reading->absence, is_live, &refused, error)) {
        return error->code;
    }
    if (refused) {
        reading->staged->absent = 0;
        if (step(reading, "forget_absent", error))
            return error->code;
    }
    (void)snprintf(run_no, sizeof(run_no), "%" PRId64, context->run->run_no);
    return database_query(
        context->warehouse, sql_text(SYNC_SQL, "note_comparison"),
        DATABASE_VALUES(dimension_name(reading->dimension), reading->staging->seen_at, run_no, refused ? "f" : "t"),
        NULL, error);
}

/* A database of the encoding SQL_ASCII gives texts as they are. */
static enum error_code
explain(const struct reading *reading, struct error *error)
{
    return strcmp(error->sqlstate, "22021") == 0
               ? error_context(error,
                               "a text in %s at the source is not UTF-8, which the source's database does not see to "
                               "(SQL_ASCII): put the row right, or convert its texts in the extraction query by "
                               "convert_from(convert_to(COLUMN, 'SQL_ASCII'), ENCODING)",
                               reading->definition->extract->name)
               : error->code;
}

enum error_code
dimension_stage(struct job_context *context, enum dimension dimension, const struct dimension_staging *staging,
                struct dimension_staged *staged, struct error *error)
{
    struct reading reading = {.context = context,
                              .dimension = dimension,
                              .definition = &dimension_definitions[dimension],
                              .staging = staging,
                              .staged = staged};
    *staged = (struct dimension_staged){0};
    enum error_code code = step(&reading, "temporary", error);
    if (!code)
        code = staging->by_watermark ? stage_all(&reading, error)
               : staging->is_replay  ? stage_replay(&reading, error)
                                     : stage_differing(&reading, error);
    if (!code)
        code = judge(&reading, error);
    if (!code && !staging->by_watermark)
        code = guard_deletes(&reading, error);
    return code ? explain(&reading, error) : step(&reading, "analyze", error);
}
