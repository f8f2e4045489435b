/* jobs/realized_pnl.c - the realised P&L of one business date, for all books.
 *
 * Locks, in this order: the day's facts (as the loads do), the method of the books (shared: it stays), the condition of
 * the date before (shared: it stays closed),
 * the condition of this date (exclusive: a second run of the date waits, and so does the run of the next date, which
 * looks at it). Only then are facts and opening books read, on the side connection: COPY out and COPY in cannot take
 * turns on one. Its snapshot begins after the locks were granted, so that it holds all that was committed under them;
 * this transaction has written nothing by then that it would have to see. A load that does not take the day's lock is
 * not lost either: it reopens the date, for which it waits until this run has committed, and then the date is run
 * again.
 *
 * Memory is that of jobs/realized_books.h; what comes of the books goes straight into a temporary table. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/config.h"
#include "jobs/books_ahead.h"
#include "jobs/day_lock.h"
#include "jobs/dirty.h"
#include "jobs/job.h"
#include "jobs/pnl_day.h"
#include "jobs/pnl_method.h"
#include "jobs/realized_books.h"
#include "jobs/realized_facts.h"

#define SQL(name) sql_text("jobs/realized_pnl", name)

enum { NUMBER_BYTES = 24, STATEMENT_BYTES = 8 * 1024 };

struct realized_day {
    struct job_context *context;
    int32_t days;
    bool has_previous; /* false on the first date of the history */
    char date[CALENDAR_DATE_BYTES], date_key[NUMBER_BYTES], previous_key[NUMBER_BYTES];
    char reopened[CALENDAR_DATE_BYTES]; /* the next date, if it was reopened */
    char flows[32];                     /* text[] of the flows to book: those that their load has not booked already */
    struct realized_books books;
    struct realized_facts facts;
};

/* ---- the date ---------------------------------------------------------------------------------------------- */

static enum error_code
read_date(struct realized_day *day, struct error *error)
{
    int32_t first_days;
    if (calendar_date_parse(day->context->run->business_date, &day->days, error))
        return error_context(error, "realized_pnl works on one business date");
    if (pnl_day_in_history(day->days, &first_days, error))
        return error->code;
    day->has_previous = day->days > first_days;
    (void)calendar_date_format(day->days, day->date);
    (void)snprintf(day->date_key, sizeof(day->date_key), "%d", (int)calendar_date_key(day->days));
    (void)snprintf(day->previous_key, sizeof(day->previous_key), "%d",
                   day->has_previous ? (int)calendar_date_key(day->days - 1) : 0);
    return ERROR_NONE;
}

/* A flow whose load computed its P&L on the way in is booked already, if it stood on the books that the date before was
 * closed with. */
static enum error_code
find_flows(struct realized_day *day, struct error *error)
{
    char key[PNL_DAY_KEY_BYTES];
    bool booked;
    size_t length = (size_t)snprintf(day->flows, sizeof(day->flows), "{");
    for (int i = 0; i < PNL_DAY_FLOWS; i++) {
        if (pnl_day_is_met(day->context->warehouse, pnl_day_booked_key(pnl_day_flows[i], day->days, key), &booked,
                           error) ||
            (booked && books_ahead_stands(day->context->warehouse, pnl_day_flows[i], day->date_key, day->previous_key,
                                          &booked, error)))
            return error->code;
        if (!booked)
            length += (size_t)snprintf(day->flows + length, sizeof(day->flows) - length, "%s%s", length > 1 ? "," : "",
                                       pnl_day_flows[i]);
    }
    (void)snprintf(day->flows + length, sizeof(day->flows) - length, "}");
    return ERROR_NONE;
}

static enum error_code
take_locks(struct realized_day *day, struct error *error)
{
    struct database *warehouse = day->context->warehouse;
    char key[PNL_DAY_KEY_BYTES];
    if (day_lock_flows(warehouse, calendar_date_key(day->days), error) || pnl_method_hold(day->context, error) ||
        (day->has_previous && pnl_day_hold(day->context, day->days - 1, error)))
        return error->code;
    if (database_query(warehouse, SQL("lock_condition"), DATABASE_VALUES(pnl_day_key(day->days, key)), NULL, error))
        return error->code;
    return find_flows(day, error);
}

/* ---- the books ---------------------------------------------------------------------------------------------- */

static enum error_code
stage_results(struct realized_day *day, struct error *error)
{
    struct database *side;
    char statement[STATEMENT_BYTES];
    if (database_run(day->context->warehouse, SQL("stage"), error) || job_side(day->context, &side, error) ||
        database_run(side, "begin isolation level repeatable read read only", error))
        return error->code;
    enum error_code code =
        database_value(side, SQL("events"), DATABASE_VALUES(day->date_key, day->previous_key, day->flows), statement,
                       sizeof(statement), error);
    if (!code)
        code = realized_books_run(&day->books, side, day->context->warehouse, statement, error);
    database_rollback(side);
    return code;
}

/* ---- what came of it --------------------------------------------------------------------------------------- */

static enum error_code
store_realized(struct realized_day *day, struct error *error)
{
    struct job_context *context = day->context;
    if (realized_facts_store(&day->facts, context, calendar_date_key(day->days), &context->counts.updated, error))
        return error->code;
    context->counts.extracted = day->books.fills;
    context->counts.unchanged = day->books.fills - context->counts.updated;
    return ERROR_NONE;
}

static enum error_code
store_closing(struct realized_day *day, bool *changed, struct error *error)
{
    struct database *warehouse = day->context->warehouse;
    char differs[8];
    if (database_value(warehouse, SQL("closing_differs"), DATABASE_VALUES(day->date_key, day->flows), differs,
                       sizeof(differs), error))
        return error->code;
    *changed = differs[0] == 't';
    if (!*changed)
        return ERROR_NONE;
    if (database_query(warehouse, SQL("delete_closing"), DATABASE_VALUES(day->date_key, day->flows), NULL, error) ||
        database_query(warehouse, SQL("insert_closing"), DATABASE_VALUES(day->date_key), NULL, error))
        return error->code;
    return database_query(warehouse, SQL("insert_closing_lots"), DATABASE_VALUES(day->date_key), NULL, error);
}

/* The next date was closed on top of books that are other books now. */
static enum error_code
reopen_next(struct realized_day *day, struct error *error)
{
    struct job_context *context = day->context;
    struct rows *rows;
    char key[PNL_DAY_KEY_BYTES];
    if (database_query(context->warehouse, SQL("look_at_condition"), DATABASE_VALUES(pnl_day_key(day->days + 1, key)),
                       &rows, error))
        return error->code;
    bool closed = rows_count(rows) && rows_boolean(rows, 0, 0);
    rows_free(rows);
    if (!closed)
        return ERROR_NONE;
    (void)calendar_date_format(day->days + 1, day->reopened);
    if (dirty_log(context, DIRTY_REALIZED, calendar_date_key(day->days + 1), false, "opening books", error) ||
        pnl_day_reopen(context, day->days + 1, error) || pnl_day_forward(context, day->reopened, error))
        return error_context(error, "%s is to be closed again", day->reopened);
    return ERROR_NONE;
}

/* An instrument that has not arrived yet has no multiplier; 1 was taken, and somebody should know. */
static enum error_code
report_assumptions(struct realized_day *day, struct error *error)
{
    return database_query(day->context->warehouse, SQL("report_assumed_multipliers"),
                          DATABASE_VALUES(day->context->run->run_id, day->date, day->date_key), NULL, error);
}

static enum error_code
close_day(struct realized_day *day, struct error *error)
{
    char key[PNL_DAY_KEY_BYTES];
    if (books_ahead_forget(day->context->warehouse, day->date_key, error))
        return error->code;
    return ledger_set_condition(day->context->warehouse, pnl_day_key(day->days, key), true, &day->context->pushes,
                                error);
}

static void
describe(const struct realized_day *day)
{
    struct job_context *context = day->context;
    (void)snprintf(context->metadata, sizeof(context->metadata),
                   "{\"books\": %" PRId64 ", \"open_books\": %" PRId64 ", \"fills\": %" PRId64
                   ", \"closing_fills\": %" PRId64 "%s%s%s}",
                   day->books.books, day->books.open_books, day->books.fills, day->books.closing_fills,
                   day->reopened[0] ? ", \"reopened\": \"" : "", day->reopened, day->reopened[0] ? "\"" : "");
}

/* What was computed, into the facts and the books of the close; then the date is closed. */
static enum error_code
settle(struct realized_day *day, struct error *error)
{
    struct job_context *context = day->context;
    bool changed = false;
    if (store_realized(day, error) || store_closing(day, &changed, error) ||
        ((changed || context->counts.updated) &&
         dirty_log(context, DIRTY_REALIZED, calendar_date_key(day->days), false, "realized_pnl", error)) ||
        (changed && reopen_next(day, error)) ||
        books_ahead_rebooked(day->context->warehouse, day->date_key, day->flows, error) || close_day(day, error))
        return error->code;
    return realized_facts_replace(&day->facts, day->context, error);
}

/* Books the flows that their loads have not. */
static enum error_code
book_flows(struct realized_day *day, struct error *error)
{
    struct job_context *context = day->context;
    if (stage_results(day, error) || leaf_rewrite_may_fail(context->warehouse, error))
        return error->code;
    const struct ledger_counts counts = context->counts;
    size_t pushes = context->pushes.count;
    enum error_code code = settle(day, error);
    if (code && leaf_rewrite_is_in_the_way(error)) {
        if (leaf_rewrite_undo(context->warehouse, error))
            return error->code;
        context->counts = counts;
        context->pushes.count = pushes;
        day->reopened[0] = 0;
        day->facts.in_place = true;
        code = settle(day, error);
    }
    return code ? code : report_assumptions(day, error);
}

static enum error_code
run(struct job_context *context, struct error *error)
{
    struct realized_day day = {.context = context};
    day.books = (struct realized_books){.method = pnl_method_configured(), .date = day.date, .facts = &day.facts};
    if (read_date(&day, error) || take_locks(&day, error))
        return error->code;
    bool all_booked = strcmp(day.flows, "{}") == 0;
    if (all_booked ? close_day(&day, error) : book_flows(&day, error))
        return error->code;
    describe(&day);
    return ERROR_NONE;
}

const struct job_definition job_realized_pnl = {
    .name = "realized_pnl",
    .type = "ETL",
    .summary = "realised P&L of one business date's trades, and the books at its close",
    .queue = "batch",
    .max_attempts = 5,
    .needs_date = true,
    .run = run,
};
