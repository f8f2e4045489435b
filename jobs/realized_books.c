#include "jobs/realized_books.h"

#include <inttypes.h>
#include <string.h>

#define SQL(name) sql_text("jobs/realized_pnl", name)

enum {
    STAGE_FIELDS = 14,
    STAGE_NULLS_FIRST = 3, /* trade_key, realized_pnl, is_closing: of a fill alone */
    REFERENCE_SHOWN_BYTES = 100,
    INTEGER_DIGITS_MAX = 30, /* of numeric(38,8): realized_pnl, quantities */
};

/* Columns of the statement "events"; the first ones name the book. */
enum event_field {
    EVENT_SOURCE,
    EVENT_INSTRUMENT = REALIZED_BOOK_FIELDS - 1,
    EVENT_TRADE_KEY, /* NULL: of the book's opening state */
    EVENT_LOT_NO,    /* of that: 0 the totals, from 1 on its lots; of a fill NULL */
    EVENT_EXECUTED_AT,
    EVENT_REFERENCE,
    EVENT_SIDE,
    EVENT_QUANTITY,
    EVENT_PRICE, /* of an opening state: its cost */
    EVENT_MULTIPLIER,
    EVENT_REALIZED,
    EVENT_CLOSING,
    EVENT_FIELDS
};

/* ---- one book ----------------------------------------------------------------------------------------------- */

static bool
same_book(const struct realized_books *books, const struct copy_field *fields)
{
    for (int i = 0; i < REALIZED_BOOK_FIELDS; i++)
        if (!copy_same_bytes(&books->fields[i], &fields[i]))
            return false;
    return true;
}

static enum error_code
open_book(struct realized_books *books, const struct copy_field *fields, struct error *error)
{
    size_t used = 0;
    for (int i = 0; i < REALIZED_BOOK_FIELDS; i++) {
        size_t length = fields[i].length > 0 ? (size_t)fields[i].length : 0;
        if (used + length > sizeof(books->key))
            return error_set(error, ERROR_BUG, "the key of a book does not fit into %d bytes", REALIZED_BOOK_BYTES);
        memcpy(books->key + used, fields[i].bytes, length);
        books->fields[i] = (struct copy_field){books->key + used, fields[i].length};
        used += length;
    }
    pnl_release(&books->state);
    books->state = pnl_flat(books->method);
    books->lots_checked = false;
    books->books++;
    return ERROR_NONE;
}

static void
put_nulls(struct copy_writer *stage, int count)
{
    while (count-- > 0)
        copy_put_null(stage);
}

/* A row of the closing state, as far as the book's name. */
static void
begin_closing_row(struct realized_books *books)
{
    copy_put_row(books->stage, STAGE_FIELDS);
    put_nulls(books->stage, STAGE_NULLS_FIRST);
    for (int i = 0; i < REALIZED_BOOK_FIELDS; i++)
        copy_put_field(books->stage, &books->fields[i]);
}

static enum error_code
put_lots(struct realized_books *books, const struct pnl_lots *lots, struct error *error)
{
    for (size_t i = 0; lots && i < lots->count; i++) {
        const struct pnl_lot *lot = pnl_lots_at(lots, i);
        begin_closing_row(books);
        copy_put_int32(books->stage, (int32_t)i + 1);
        copy_put_decimal(books->stage, &lot->quantity);
        copy_put_decimal(books->stage, &lot->cost);
        copy_put_timestamp(books->stage, lot->executed_at_us);
        copy_put_bytes(books->stage, lot->reference, lot->reference_length);
        if (copy_flush(books->stage, error))
            return error->code;
    }
    return ERROR_NONE;
}

/* Lots that do not come to their book are carried nowhere. */
static enum error_code
check_lots(struct realized_books *books, struct error *error)
{
    if (books->lots_checked)
        return ERROR_NONE;
    books->lots_checked = true;
    if (pnl_check_lots(&books->state, error))
        return error_context(error, "an open position at the close of the date before %s (etl_open_lots)", books->date);
    return ERROR_NONE;
}

/* Writes what the book carries into the next date. */
static enum error_code
close_book(struct realized_books *books, struct error *error)
{
    if (!books->books || decimal_is_zero(&books->state.quantity))
        return ERROR_NONE;
    if (check_lots(books, error))
        return error->code;
    begin_closing_row(books);
    copy_put_null(books->stage);
    copy_put_decimal(books->stage, &books->state.quantity);
    copy_put_decimal(books->stage, &books->state.cost);
    put_nulls(books->stage, 2);
    books->open_books++;
    if (copy_flush(books->stage, error))
        return error->code;
    return put_lots(books, books->state.lots, error);
}

/* ---- one row ------------------------------------------------------------------------------------------------ */

static enum error_code
check_digits(const struct decimal *value, const char *name, struct error *error)
{
    if (decimal_integer_digits(value) <= INTEGER_DIGITS_MAX)
        return ERROR_NONE;
    return error_set(error, ERROR_RANGE, "its %s would have more than %d digits before the point", name,
                     INTEGER_DIGITS_MAX);
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
resume_lot(struct realized_books *books, const struct copy_field *fields, const struct decimal *quantity,
           const struct decimal *cost, struct error *error)
{
    struct pnl_lot lot = {.quantity = *quantity,
                          .cost = *cost,
                          .reference = (char *)(uintptr_t)fields[EVENT_REFERENCE].bytes,
                          .reference_length = (size_t)fields[EVENT_REFERENCE].length};
    if (copy_field_timestamp(&fields[EVENT_EXECUTED_AT], &lot.executed_at_us, error))
        return error->code;
    return pnl_resume_lot(&books->state, &lot, error);
}

/* A row of the opening state: its totals, or one of its lots. */
static enum error_code
resume_book(struct realized_books *books, const struct copy_field *fields, struct error *error)
{
    struct decimal quantity, cost;
    int64_t lot_no = 0;
    if (copy_field_int64(&fields[EVENT_LOT_NO], &lot_no, error) ||
        read_decimal(&fields[EVENT_QUANTITY], "quantity", &quantity, error) ||
        read_decimal(&fields[EVENT_PRICE], "total cost", &cost, error) ||
        (lot_no ? resume_lot(books, fields, &quantity, &cost, error)
                : pnl_resume(books->method, &quantity, &cost, &books->state, error)))
        return error_context(error, "an open position at the close of the date before %s (%s)", books->date,
                             lot_no ? "etl_open_lots" : "etl_open_positions");
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
apply_fill(struct realized_books *books, const struct copy_field *fields, struct error *error)
{
    struct pnl_fill fill = {.side = fields[EVENT_SIDE].length > 0 && fields[EVENT_SIDE].bytes[0] == 'S' ? PNL_SELL
                                                                                                        : PNL_BUY,
                            .reference = fields[EVENT_REFERENCE].bytes,
                            .reference_length = (size_t)fields[EVENT_REFERENCE].length};
    struct decimal realized;
    bool closes, known;
    if (fields[EVENT_INSTRUMENT].length < 0)
        return error_set(error, ERROR_GATE, "its instrument is Unknown, so that it belongs to no book; load it again");
    if (read_decimal(&fields[EVENT_QUANTITY], "quantity", &fill.quantity, error) ||
        read_decimal(&fields[EVENT_PRICE], "price", &fill.price, error) ||
        read_decimal(&fields[EVENT_MULTIPLIER], "contract multiplier", &fill.multiplier, error) ||
        copy_field_timestamp(&fields[EVENT_EXECUTED_AT], &fill.executed_at_us, error) || check_lots(books, error) ||
        pnl_apply(&books->state, &fill, &realized, &closes, error) || check_digits(&realized, "realised P&L", error) ||
        check_digits(&books->state.quantity, "book's quantity", error) ||
        is_known(fields, &realized, closes, &known, error))
        return error->code;
    books->fills++;
    books->closing_fills += closes;
    realized_facts_count(books->facts, &fields[EVENT_SOURCE], !known);
    if (known)
        return ERROR_NONE;
    copy_put_row(books->stage, STAGE_FIELDS);
    copy_put_field(books->stage, &fields[EVENT_TRADE_KEY]);
    copy_put_decimal(books->stage, &realized);
    copy_put_bool(books->stage, closes);
    copy_put_field(books->stage, &fields[EVENT_SOURCE]);
    put_nulls(books->stage, STAGE_FIELDS - STAGE_NULLS_FIRST - 1);
    return copy_flush(books->stage, error);
}

/* A reference may have any length; the message must keep room for what is wrong. It is cut before a character (UTF-8).
 */
static enum error_code
name_trade(const struct realized_books *books, const struct copy_field *fields, struct error *error)
{
    const struct copy_field *source = &fields[EVENT_SOURCE], *reference = &fields[EVENT_REFERENCE];
    int length = reference->length;
    if (length > REFERENCE_SHOWN_BYTES)
        for (length = REFERENCE_SHOWN_BYTES; length > 0 && (reference->bytes[length] & 0xC0) == 0x80;)
            length--;
    return error_context(error, "%.*s trade %.*s of %s", (int)source->length, (const char *)source->bytes, length,
                         (const char *)reference->bytes, books->date);
}

static enum error_code
apply_event(struct realized_books *books, const struct copy_field *fields, struct error *error)
{
    if ((!books->books || !same_book(books, fields)) && (close_book(books, error) || open_book(books, fields, error)))
        return error->code;
    if (fields[EVENT_TRADE_KEY].length < 0)
        return resume_book(books, fields, error);
    if (apply_fill(books, fields, error))
        return name_trade(books, fields, error);
    return ERROR_NONE;
}

/* ---- all rows ----------------------------------------------------------------------------------------------- */

static enum error_code
apply_events(struct realized_books *books, struct copy_reader *events, struct error *error)
{
    const struct copy_field *fields;
    bool end;
    for (;;) {
        if (copy_reader_next(events, &fields, &end, error))
            return error->code;
        if (end)
            return close_book(books, error);
        if (apply_event(books, fields, error))
            return error->code;
    }
}

enum error_code
realized_books_run(struct realized_books *books, struct database *side, struct database *warehouse, const char *events,
                   struct error *error)
{
    struct copy_reader *reader = NULL;
    int64_t rows;
    if (copy_reader_open(&reader, side, events, EVENT_FIELDS, error))
        return error->code;
    enum error_code code = copy_writer_open(&books->stage, warehouse, SQL("copy_stage"), error);
    if (!code)
        code = apply_events(books, reader, error);
    copy_reader_close(reader);
    if (code)
        copy_writer_abort(books->stage);
    else
        code = copy_writer_finish(books->stage, &rows, error);
    books->stage = NULL;
    pnl_release(&books->state);
    return code;
}
