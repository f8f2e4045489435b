/* jobs/realized_pnl.c - the realised P&L of one business date, for all books.
 *
 * Locks, in this order: the day's facts (as the loads do), the condition of the date before (shared: it stays closed),
 * the condition of this date (exclusive: a second run of the date waits, and so does the run of the next date, which
 * looks at it). Only then are facts and opening books read, on the side connection: COPY out and COPY in cannot take
 * turns on one. Its snapshot begins after the locks were granted, so that it holds all that was committed under them;
 * this transaction has written nothing by then that it would have to see. A load that does not take the day's lock is
 * not lost either: it reopens the date, for which it waits until this run has committed, and then the date is run
 * again.
 *
 * Memory is one row and one book at a time: the server delivers books in order, each with its opening state first and
 * its fills in execution order after it; what comes of them goes straight into a temporary table. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/config.h"
#include "core/copy.h"
#include "jobs/books_ahead.h"
#include "jobs/day_lock.h"
#include "jobs/dirty.h"
#include "jobs/job.h"
#include "jobs/pnl.h"
#include "jobs/pnl_day.h"
#include "jobs/realized_facts.h"

#define SQL(name) sql_text("jobs/realized_pnl", name)

enum {
    BOOK_BYTES = 64,
    NUMBER_BYTES = 24,
    STAGE_FIELDS = 11,
    STATEMENT_BYTES = 8 * 1024,
    REFERENCE_SHOWN_BYTES = 100,
    INTEGER_DIGITS_MAX = 30, /* of numeric(38,8): realized_pnl, etl_open_positions.quantity */
};

/* Columns of the statement "events"; the first BOOK_FIELDS name the book. */
enum event_field {
    EVENT_SOURCE,
    EVENT_TENANT,
    EVENT_ACCOUNT,
    EVENT_STRATEGY,
    EVENT_CLIENT,
    EVENT_INSTRUMENT,
    BOOK_FIELDS,
    EVENT_TRADE_KEY = BOOK_FIELDS, /* NULL: the book's opening state */
    EVENT_REFERENCE,
    EVENT_SIDE,
    EVENT_QUANTITY,
    EVENT_PRICE, /* of an opening state: its cost */
    EVENT_MULTIPLIER,
    EVENT_REALIZED,
    EVENT_CLOSING,
    EVENT_FIELDS
};

struct book {
    struct copy_field fields[BOOK_FIELDS]; /* into bytes */
    uint8_t bytes[BOOK_BYTES];
    struct pnl_state state;
};

struct realized_day {
    struct job_context *context;
    int32_t days;
    bool has_previous; /* false on the first date of the history */
    char date[CALENDAR_DATE_BYTES], date_key[NUMBER_BYTES], previous_key[NUMBER_BYTES];
    char reopened[CALENDAR_DATE_BYTES]; /* the next date, if it was reopened */
    char flows[32];                     /* text[] of the flows to book: those that their load has not booked already */
    struct copy_writer *stage;
    struct book book; /* the one being read, if any was */
    int64_t fills, closing_fills, books, open_books;
    struct realized_facts facts;
};

/* ---- the date ---------------------------------------------------------------------------------------------- */

static enum error_code
read_date(struct realized_day *day, struct error *error)
{
    const char *start = config_text(CONFIG_HISTORY_START);
    int32_t first_days;
    if (calendar_date_parse(day->context->run->business_date, &day->days, error))
        return error_context(error, "realized_pnl works on one business date");
    if (!start || !start[0])
        return error_set(error, ERROR_CONFIG,
                         "TAPEMILL_HISTORY_START is not set; set it to the first business date of the history "
                         "(YYYY-MM-DD), before which all books are empty");
    if (calendar_date_parse(start, &first_days, error))
        return error_set(error, ERROR_CONFIG, "TAPEMILL_HISTORY_START is \"%s\", but must be a date such as 2024-01-31",
                         start);
    if (day->days < first_days)
        return error_set(
            error, ERROR_ARGUMENT,
            "%s is before TAPEMILL_HISTORY_START (%s): its books are empty and its trades have no realised "
            "P&L; choose a later date or set an earlier start",
            day->context->run->business_date, start);
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
    if (day_lock_flows(warehouse, calendar_date_key(day->days), error) ||
        (day->has_previous && pnl_day_hold(day->context, day->days - 1, error)))
        return error->code;
    if (database_query(warehouse, SQL("lock_condition"), DATABASE_VALUES(pnl_day_key(day->days, key)), NULL, error))
        return error->code;
    return find_flows(day, error);
}

/* ---- one row ----------------------------------------------------------------------------------------------- */

static bool
same_book(const struct book *book, const struct copy_field *fields)
{
    for (int i = 0; i < BOOK_FIELDS; i++)
        if (book->fields[i].length != fields[i].length ||
            (fields[i].length > 0 && memcmp(book->fields[i].bytes, fields[i].bytes, (size_t)fields[i].length) != 0))
            return false;
    return true;
}

static enum error_code
open_book(struct book *book, const struct copy_field *fields, struct error *error)
{
    size_t used = 0;
    for (int i = 0; i < BOOK_FIELDS; i++) {
        size_t length = fields[i].length > 0 ? (size_t)fields[i].length : 0;
        if (used + length > sizeof(book->bytes))
            return error_set(error, ERROR_BUG, "the key of a book does not fit into %d bytes", BOOK_BYTES);
        memcpy(book->bytes + used, fields[i].bytes, length);
        book->fields[i] = (struct copy_field){book->bytes + used, fields[i].length};
        used += length;
    }
    book->state = pnl_flat(PNL_AVERAGE_COST);
    return ERROR_NONE;
}

static void
put_nulls(struct copy_writer *stage, int count)
{
    while (count-- > 0)
        copy_put_null(stage);
}

static enum error_code
check_digits(const struct decimal *value, const char *name, struct error *error)
{
    if (decimal_integer_digits(value) <= INTEGER_DIGITS_MAX)
        return ERROR_NONE;
    return error_set(error, ERROR_RANGE, "its %s would have more than %d digits before the point", name,
                     INTEGER_DIGITS_MAX);
}

/* Writes what the book carries into the next date. */
static enum error_code
close_book(struct realized_day *day, struct error *error)
{
    const struct book *book = &day->book;
    if (!day->books || decimal_is_zero(&book->state.quantity))
        return ERROR_NONE;
    copy_put_row(day->stage, STAGE_FIELDS);
    put_nulls(day->stage, STAGE_FIELDS - BOOK_FIELDS - 2);
    for (int i = 0; i < BOOK_FIELDS; i++)
        copy_put_field(day->stage, &book->fields[i]);
    copy_put_decimal(day->stage, &book->state.quantity);
    copy_put_decimal(day->stage, &book->state.cost);
    day->open_books++;
    return copy_flush(day->stage, error);
}

static enum error_code
read_decimal(const struct copy_field *field, const char *name, struct decimal *value, struct error *error)
{
    enum decimal_special special;
    if (field->length < 0)
        return error_set(error, ERROR_FORMAT, "the %s is missing", name);
    if (decimal_from_pg(field->bytes, (size_t)field->length, value, &special, error))
        return error_context(error, "the %s", name);
    if (special != DECIMAL_FINITE)
        return error_set(error, ERROR_RANGE, "the %s is not a finite number", name);
    return ERROR_NONE;
}

static enum error_code
resume_book(struct realized_day *day, const struct copy_field *fields, struct error *error)
{
    struct decimal quantity, cost;
    if (read_decimal(&fields[EVENT_QUANTITY], "quantity", &quantity, error) ||
        read_decimal(&fields[EVENT_PRICE], "total cost", &cost, error) ||
        pnl_resume(PNL_AVERAGE_COST, &quantity, &cost, &day->book.state, error))
        return error_context(error, "an open position at the close of the date before %s (etl_open_positions)",
                             day->date);
    return ERROR_NONE;
}

/* Whether the fact says already what was computed. */
static enum error_code
is_known(const struct copy_field *fields, const struct decimal *realized, bool closes, bool *known, struct error *error)
{
    struct decimal stored;
    bool stored_closes = false;
    *known = false;
    if (fields[EVENT_REALIZED].length < 0 || fields[EVENT_CLOSING].length < 0)
        return ERROR_NONE;
    if (read_decimal(&fields[EVENT_REALIZED], "realised P&L", &stored, error) ||
        copy_field_bool(&fields[EVENT_CLOSING], &stored_closes, error))
        return error->code;
    *known = stored_closes == closes && decimal_compare(&stored, realized) == 0;
    return ERROR_NONE;
}

static enum error_code
apply_fill(struct realized_day *day, const struct copy_field *fields, struct error *error)
{
    struct pnl_fill fill = {.side = fields[EVENT_SIDE].length > 0 && fields[EVENT_SIDE].bytes[0] == 'S' ? PNL_SELL
                                                                                                        : PNL_BUY};
    struct decimal realized;
    bool closes, known;
    if (fields[EVENT_INSTRUMENT].length < 0)
        return error_set(error, ERROR_GATE, "its instrument is Unknown, so that it belongs to no book; load it again");
    if (read_decimal(&fields[EVENT_QUANTITY], "quantity", &fill.quantity, error) ||
        read_decimal(&fields[EVENT_PRICE], "price", &fill.price, error) ||
        read_decimal(&fields[EVENT_MULTIPLIER], "contract multiplier", &fill.multiplier, error) ||
        pnl_apply(&day->book.state, &fill, &realized, &closes, error) ||
        check_digits(&realized, "realised P&L", error) ||
        check_digits(&day->book.state.quantity, "book's quantity", error) ||
        is_known(fields, &realized, closes, &known, error))
        return error->code;
    day->fills++;
    day->closing_fills += closes;
    realized_facts_count(&day->facts, &fields[EVENT_SOURCE], !known);
    if (known)
        return ERROR_NONE;
    copy_put_row(day->stage, STAGE_FIELDS);
    copy_put_field(day->stage, &fields[EVENT_TRADE_KEY]);
    copy_put_decimal(day->stage, &realized);
    copy_put_bool(day->stage, closes);
    copy_put_field(day->stage, &fields[EVENT_SOURCE]);
    put_nulls(day->stage, STAGE_FIELDS - 4);
    return copy_flush(day->stage, error);
}

/* A reference may have any length; the message must keep room for what is wrong. It is cut before a character (UTF-8).
 */
static enum error_code
name_trade(const struct realized_day *day, const struct copy_field *fields, struct error *error)
{
    const struct copy_field *source = &fields[EVENT_SOURCE], *reference = &fields[EVENT_REFERENCE];
    int length = reference->length;
    if (length > REFERENCE_SHOWN_BYTES)
        for (length = REFERENCE_SHOWN_BYTES; length > 0 && (reference->bytes[length] & 0xC0) == 0x80;)
            length--;
    return error_context(error, "%.*s trade %.*s of %s", (int)source->length, (const char *)source->bytes, length,
                         (const char *)reference->bytes, day->date);
}

static enum error_code
apply_event(struct realized_day *day, const struct copy_field *fields, struct error *error)
{
    if (!day->books || !same_book(&day->book, fields)) {
        if (close_book(day, error) || open_book(&day->book, fields, error))
            return error->code;
        day->books++;
    }
    if (fields[EVENT_TRADE_KEY].length < 0)
        return resume_book(day, fields, error);
    if (apply_fill(day, fields, error))
        return name_trade(day, fields, error);
    return ERROR_NONE;
}

/* ---- all rows ---------------------------------------------------------------------------------------------- */

static enum error_code
apply_events(struct realized_day *day, struct copy_reader *events, struct error *error)
{
    const struct copy_field *fields;
    bool end;
    for (;;) {
        if (copy_reader_next(events, &fields, &end, error))
            return error->code;
        if (end)
            return close_book(day, error);
        if (apply_event(day, fields, error))
            return error->code;
    }
}

/* Runs all books from the side connection, which is in its snapshot, into the temporary table. */
static enum error_code
run_books(struct realized_day *day, struct database *side, struct error *error)
{
    struct copy_reader *events = NULL;
    char statement[STATEMENT_BYTES];
    int64_t rows;
    if (database_value(side, SQL("events"), DATABASE_VALUES(day->date_key, day->previous_key, day->flows), statement,
                       sizeof(statement), error) ||
        copy_reader_open(&events, side, statement, EVENT_FIELDS, error))
        return error->code;
    enum error_code code = copy_writer_open(&day->stage, day->context->warehouse, SQL("copy_stage"), error);
    if (!code)
        code = apply_events(day, events, error);
    copy_reader_close(events);
    if (code)
        copy_writer_abort(day->stage);
    else
        code = copy_writer_finish(day->stage, &rows, error);
    day->stage = NULL;
    return code;
}

static enum error_code
stage_results(struct realized_day *day, struct error *error)
{
    struct database *side;
    if (database_run(day->context->warehouse, SQL("stage"), error) || job_side(day->context, &side, error) ||
        database_run(side, "begin isolation level repeatable read read only", error))
        return error->code;
    enum error_code code = run_books(day, side, error);
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
    context->counts.extracted = day->fills;
    context->counts.unchanged = day->fills - context->counts.updated;
    if (!context->counts.updated)
        return ERROR_NONE;
    return dirty_log(context, DIRTY_REALIZED, calendar_date_key(day->days), false, "realized_pnl", error);
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
    if (database_query(warehouse, SQL("delete_closing"), DATABASE_VALUES(day->date_key, day->flows), NULL, error))
        return error->code;
    return database_query(warehouse, SQL("insert_closing"), DATABASE_VALUES(day->date_key), NULL, error);
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
    if (pnl_day_reopen(context, day->days + 1, error) || pnl_day_forward(context, day->reopened, error))
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
                   day->books, day->open_books, day->fills, day->closing_fills,
                   day->reopened[0] ? ", \"reopened\": \"" : "", day->reopened, day->reopened[0] ? "\"" : "");
}

/* What was computed, into the facts and the books of the close; then the date is closed. */
static enum error_code
settle(struct realized_day *day, struct error *error)
{
    bool changed = false;
    if (store_realized(day, error) || store_closing(day, &changed, error) || (changed && reopen_next(day, error)) ||
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
