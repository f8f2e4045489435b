#include "jobs/dimension_follow.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/business_clock.h"
#include "core/calendar_date.h"
#include "core/config.h"
#include "jobs/dimension_statement.h"
#include "jobs/month_versions.h"
#include "jobs/pipeline.h"

#define FOLLOW_SQL "jobs/dimension_follow"
#define SQL(name)  sql_text(FOLLOW_SQL, name)

enum { NUMBER_BYTES = 24, ARGUMENT_BYTES = 64 };

static const char *
write_number(int64_t number, char text[NUMBER_BYTES])
{
    (void)snprintf(text, NUMBER_BYTES, "%" PRId64, number);
    return text;
}

enum error_code
dimension_follow_begin(struct job_context *context, struct error *error)
{
    return database_run(context->warehouse, SQL("stage"), error);
}

enum error_code
dimension_follow_note(struct job_context *context, enum dimension dimension, struct error *error)
{
    static const char *const notes[] = {"note_loads", "note_moved"};
    const struct dimension_definition *definition = &dimension_definitions[dimension];
    char run_no[NUMBER_BYTES];
    (void)write_number(context->run->run_no, run_no);
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++)
        if (dimension_statement_query(context, definition, FOLLOW_SQL, notes[i],
                                      DATABASE_VALUES(dimension_name(dimension), run_no), NULL, error))
            return error->code;
    return dimension_statement_query(context, definition, FOLLOW_SQL, "resolve_inferred",
                                     DATABASE_VALUES(definition->extract->name), NULL, error);
}

static enum error_code
enqueue(struct job_context *context, const char *job, const char *date, const char *arguments, struct error *error)
{
    const struct pipeline_request request = {
        .business_date = date,
        .queue = context->run->queue,
        .priority = context->run->priority,
        .parent_id = context->run->job_id,
    };
    int64_t *ids;
    size_t count;
    if (pipeline_enqueue_target(context->warehouse, job, arguments, &request, context->arena, &ids, &count, error))
        return error->code;
    ledger_note_push(&context->pushes, ids[0]);
    return ERROR_NONE;
}

/* ---- rows that can be loaded now ---------------------------------------------------------------------------- */

static enum error_code
enqueue_loads(struct job_context *context, struct error *error)
{
    struct rows *rows;
    if (database_query(context->warehouse, SQL("loads"), 0, NULL, &rows, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    for (size_t i = 0; !code && i < rows_count(rows); i++)
        code = enqueue(context, rows_text(rows, i, 0), rows_text(rows, i, 1), NULL, error);
    rows_free(rows);
    return code;
}

/* ---- facts that belong to another version ------------------------------------------------------------------- */

/* Loaded dates and pieces of time, both in order and neither overlapping. */
struct meeting {
    struct business_clock clock;
    struct rows *pieces, *dates;
};

/* Whether the date meets one of the pieces, and has facts that lie in one; *piece is the first that does not lie before
 * it. */
static enum error_code
meets(struct job_context *context, const struct meeting *meeting, int32_t days, size_t *piece, bool *met,
      struct error *error)
{
    const struct rows *pieces = meeting->pieces;
    int64_t start_us = business_clock_start(&meeting->clock, days);
    int64_t end_us = business_clock_start(&meeting->clock, days + 1);
    char date_key[NUMBER_BYTES], start[NUMBER_BYTES], end[NUMBER_BYTES];
    struct rows *rows;
    while (*piece < rows_count(pieces) && rows_integer(pieces, *piece, 1) <= start_us)
        (*piece)++;
    *met = *piece < rows_count(pieces) && start_us < end_us && rows_integer(pieces, *piece, 0) < end_us;
    if (!*met)
        return ERROR_NONE;
    if (database_query(context->warehouse, SQL("has_facts"),
                       DATABASE_VALUES(write_number(calendar_date_key(days), date_key), write_number(start_us, start),
                                       write_number(end_us, end)),
                       &rows, error))
        return error->code;
    *met = rows_boolean(rows, 0, 0);
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
enqueue_meetings(struct job_context *context, const struct meeting *meeting, const char *arguments, struct error *error)
{
    size_t piece = 0;
    for (size_t i = 0; i < rows_count(meeting->dates); i++) {
        char date[CALENDAR_DATE_BYTES];
        int32_t days;
        bool met;
        if (calendar_date_from_key((int32_t)rows_integer(meeting->dates, i, 0), &days, error) ||
            meets(context, meeting, days, &piece, &met, error))
            return error->code;
        if (met && enqueue(context, "rekey_facts", calendar_date_format(days, date), arguments, error))
            return error->code;
    }
    return ERROR_NONE;
}

/* A month's performance names the versions valid at its end, which may be on no date that has something of the member.
 */
static enum error_code
follow_months(struct job_context *context, const struct business_clock *clock, struct error *error)
{
    struct rows *rows;
    if (database_query(context->warehouse, SQL("months"), 0, NULL, &rows, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    for (size_t i = 0; !code && i < rows_count(rows); i++) {
        int32_t days;
        code = calendar_date_parse(rows_text(rows, i, 0), &days, error);
        if (!code)
            code = month_versions_follow(context, clock, days, error);
    }
    rows_free(rows);
    return code;
}

static enum error_code
enqueue_rekeys(struct job_context *context, struct error *error)
{
    struct meeting meeting = {0};
    char arguments[ARGUMENT_BYTES];
    (void)snprintf(arguments, sizeof(arguments), "{\"run\": \"%" PRId64 "\"}", context->run->run_no);
    if (database_run(context->warehouse, SQL("analyze_moved"), error))
        return error->code;
    enum error_code code = database_query(context->warehouse, SQL("pieces"), 0, NULL, &meeting.pieces, error);
    if (!code && rows_count(meeting.pieces))
        code = database_query(context->warehouse, SQL("dates"), 0, NULL, &meeting.dates, error);
    if (!code && meeting.dates)
        code = business_clock_init(&meeting.clock, config_text(CONFIG_TIMEZONE), config_day_roll_seconds(), error);
    if (!code && meeting.dates)
        code = enqueue_meetings(context, &meeting, arguments, error);
    if (!code && meeting.dates)
        code = follow_months(context, &meeting.clock, error);
    rows_free(meeting.pieces);
    rows_free(meeting.dates);
    return code;
}

enum error_code
dimension_follow_enqueue(struct job_context *context, struct error *error)
{
    if (enqueue_loads(context, error) || enqueue_rekeys(context, error))
        return error_context(error, "what follows from the changes");
    return ERROR_NONE;
}
