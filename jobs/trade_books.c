#include "jobs/trade_books.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sql.h"

#define SQL(name) sql_text("jobs/trade_books", name)

enum {
    COLUMNS = 7,
    LOT_COLUMNS = 9,
    BOOK_FIELDS = 9,
    LOT_FIELDS = 12,
    BOOKS_MAX = 16 * 1024 * 1024,
    FIRST_SLOTS = 1024,
    REFERENCE_BYTES = 256,
    DIGITS_MAX = 30
};

/* Natural ids; which of them a flow uses is fixed, so that the others are always zero. */
struct book_key {
    struct dimension_id tenant, client;
    struct dimension_id account, strategy, instrument;
    bool has_account, has_strategy, has_client;
};

struct book {
    bool used;
    struct book_key key;
    struct pnl_state state;
};

/* The statements that read and write books where they are kept. */
static const struct {
    const char *read, *read_lots, *forget, *copy, *copy_lots;
} places[] = {
    [TRADE_BOOKS_CLOSED] = {"opening_closed", "lots_closed", "forget_closing", "copy_closing", "copy_closing_lots"},
    [TRADE_BOOKS_PUBLISHED] = {"opening_published", "lots_published", "forget_published", "copy_published",
                               "copy_published_lots"},
};

struct trade_books {
    enum pnl_method method;
    enum trade_flow flow;
    const char *source;
    struct book *slots;
    size_t slot_count, used;
    bool unordered, any;
    int64_t last_us, last_number;
    size_t last_length;
    uint8_t last_reference[REFERENCE_BYTES];
};

/* ---- hash table --------------------------------------------------------------------------------------------- */

static size_t
hash_key(const struct book_key *key)
{
    const struct dimension_id *const ids[] = {&key->tenant, &key->client, &key->account, &key->strategy,
                                              &key->instrument};
    uint64_t value = 14695981039346656037u; /* FNV-1a over 64-bit words */
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        uint64_t words[2];
        memcpy(words, ids[i]->bytes, sizeof(words));
        value = (value ^ words[0]) * 1099511628211u;
        value = (value ^ words[1]) * 1099511628211u;
    }
    value ^= value >> 29;
    return (size_t)(value * 0x9E3779B97F4A7C15u >> 16);
}

static bool
same_id(const struct dimension_id *a, const struct dimension_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static bool
same_key(const struct book_key *a, const struct book_key *b)
{
    return same_id(&a->instrument, &b->instrument) && same_id(&a->account, &b->account) &&
           same_id(&a->strategy, &b->strategy) && same_id(&a->client, &b->client) && same_id(&a->tenant, &b->tenant) &&
           a->has_account == b->has_account && a->has_strategy == b->has_strategy && a->has_client == b->has_client;
}

static struct book *
find_slot(struct book *slots, size_t count, const struct book_key *key)
{
    size_t slot = hash_key(key) & (count - 1);
    while (slots[slot].used && !same_key(&slots[slot].key, key))
        slot = (slot + 1) & (count - 1);
    return &slots[slot];
}

static enum error_code
grow(struct trade_books *books, struct error *error)
{
    size_t count = books->slot_count * 2;
    struct book *slots = count <= BOOKS_MAX ? calloc(count, sizeof(*slots)) : NULL;
    if (!slots)
        return error_set(error, ERROR_MEMORY, "more than %zu open books do not fit into memory", books->used);
    for (size_t i = 0; i < books->slot_count; i++)
        if (books->slots[i].used)
            *find_slot(slots, count, &books->slots[i].key) = books->slots[i];
    free(books->slots);
    books->slots = slots;
    books->slot_count = count;
    return ERROR_NONE;
}

static enum error_code
find_book(struct trade_books *books, const struct book_key *key, struct book **book, struct error *error)
{
    if (books->used * 4 >= books->slot_count * 3 && grow(books, error))
        return error->code;
    *book = find_slot(books->slots, books->slot_count, key);
    if ((*book)->used)
        return ERROR_NONE;
    **book = (struct book){.used = true, .key = *key, .state = pnl_flat(books->method)};
    books->used++;
    return ERROR_NONE;
}

/* ---- opening ------------------------------------------------------------------------------------------------ */

static enum error_code
read_number(const struct copy_field *field, struct decimal *value, struct error *error)
{
    enum decimal_special special;
    if (decimal_from_pg(field->bytes, (size_t)field->length, value, &special, error))
        return error->code;
    return special == DECIMAL_FINITE ? ERROR_NONE : error_set(error, ERROR_RANGE, "an open position is not finite");
}

/* The first columns, of books and of lots: tenant, account, strategy, client, instrument, quantity, total cost. */
static enum error_code
read_common(struct trade_books *books, const struct copy_field *fields, struct book **book, struct decimal *quantity,
            struct decimal *cost, struct error *error)
{
    struct book_key key;
    memset(&key, 0, sizeof(key));
    (void)dimension_id_from_field(&fields[0], &key.tenant);
    key.has_account = dimension_id_from_field(&fields[1], &key.account);
    key.has_strategy = dimension_id_from_field(&fields[2], &key.strategy);
    key.has_client = dimension_id_from_field(&fields[3], &key.client);
    (void)dimension_id_from_field(&fields[4], &key.instrument);
    if (read_number(&fields[5], quantity, error) || read_number(&fields[6], cost, error))
        return error->code;
    return find_book(books, &key, book, error);
}

static enum error_code
add_opening(struct trade_books *books, const struct copy_field *fields, struct error *error)
{
    struct book *book;
    struct decimal quantity, cost;
    if (read_common(books, fields, &book, &quantity, &cost, error))
        return error->code;
    return pnl_resume(books->method, &quantity, &cost, &book->state, error);
}

/* Then instant and reference. */
static enum error_code
add_lot(struct trade_books *books, const struct copy_field *fields, struct error *error)
{
    const struct copy_field *reference = &fields[COLUMNS + 1];
    struct book *book;
    struct pnl_lot lot = {.reference = (char *)(uintptr_t)reference->bytes,
                          .reference_length = (size_t)reference->length};
    if (read_common(books, fields, &book, &lot.quantity, &lot.cost, error) ||
        copy_field_timestamp(&fields[COLUMNS], &lot.executed_at_us, error))
        return error->code;
    return pnl_resume_lot(&book->state, &lot, error);
}

static enum error_code
read_rows(struct trade_books *books, struct database *warehouse, const char *statement, int columns,
          enum error_code (*add)(struct trade_books *, const struct copy_field *, struct error *), struct error *error)
{
    struct copy_reader *reader;
    const struct copy_field *fields;
    bool end = false;
    if (copy_reader_open(&reader, warehouse, SQL(statement), columns, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    while (!code && !end) {
        code = copy_reader_next(reader, &fields, &end, error);
        if (!code && !end)
            code = add(books, fields, error);
    }
    copy_reader_close(reader);
    return code;
}

static enum error_code
read_lots(struct trade_books *books, struct database *warehouse, const char *statement, struct error *error)
{
    if (books->method != PNL_FIFO)
        return ERROR_NONE;
    enum error_code code = read_rows(books, warehouse, statement, LOT_COLUMNS, add_lot, error);
    for (size_t i = 0; !code && i < books->slot_count; i++)
        if (books->slots[i].used)
            code = pnl_check_lots(&books->slots[i].state, error);
    return code;
}

static enum error_code
read_opening(struct trade_books *books, struct database *warehouse, const char *previous_key,
             enum trade_books_place place, struct error *error)
{
    if (database_query(warehouse, SQL("set_opening"), DATABASE_VALUES(previous_key, books->source), NULL, error) ||
        read_rows(books, warehouse, places[place].read, COLUMNS, add_opening, error))
        return error->code;
    return read_lots(books, warehouse, places[place].read_lots, error);
}

enum error_code
trade_books_open(struct trade_books **out, struct database *warehouse, enum pnl_method method, enum trade_flow flow,
                 const char *source, const char *previous_key, enum trade_books_place place, struct error *error)
{
    struct trade_books *books = calloc(1, sizeof(*books));
    *out = NULL;
    if (books)
        *books = (struct trade_books){.method = method,
                                      .flow = flow,
                                      .source = source,
                                      .slot_count = FIRST_SLOTS,
                                      .slots = calloc(FIRST_SLOTS, sizeof(struct book))};
    if (!books || !books->slots) {
        trade_books_free(books);
        return error_set(error, ERROR_MEMORY, "out of memory for open books");
    }
    if (read_opening(books, warehouse, previous_key, place, error)) {
        trade_books_free(books);
        return error_context(error, "the books at the close of %s", previous_key);
    }
    *out = books;
    return ERROR_NONE;
}

void
trade_books_free(struct trade_books *books)
{
    if (!books)
        return;
    for (size_t i = 0; books->slots && i < books->slot_count; i++)
        pnl_release(&books->slots[i].state);
    free(books->slots);
    free(books);
}

/* ---- booking ------------------------------------------------------------------------------------------------ */

/* Notes the row's place in the order of executions. */
static void
check_order(struct trade_books *books, const struct trade_row *row)
{
    const struct copy_field *reference = &row->fields[TRADE_REFERENCE];
    size_t length = (size_t)reference->length < REFERENCE_BYTES ? (size_t)reference->length : REFERENCE_BYTES;
    if (books->any && row->executed_at_us == books->last_us) {
        size_t shorter = length < books->last_length ? length : books->last_length;
        int order = memcmp(reference->bytes, books->last_reference, shorter);
        bool later = books->flow == TRADE_DESK ? row->source_id > books->last_number
                                               : order > 0 || (order == 0 && length > books->last_length);
        books->unordered = books->unordered || !later;
    }
    books->unordered = books->unordered || (books->any && row->executed_at_us < books->last_us);
    books->any = true;
    books->last_us = row->executed_at_us;
    books->last_number = row->source_id;
    books->last_length = length;
    memcpy(books->last_reference, reference->bytes, length);
}

enum error_code
trade_books_apply(struct trade_books *books, const struct trade_row *row, struct decimal *realized, bool *closes,
                  struct error *error)
{
    struct book_key key;
    struct book *book;
    memset(&key, 0, sizeof(key));
    key.tenant = row->tenant;
    (void)dimension_id_from_field(&row->fields[TRADE_INSTRUMENT_ID], &key.instrument);
    if (books->flow == TRADE_DESK) {
        key.has_account = dimension_id_from_field(&row->fields[TRADE_ACCOUNT_ID], &key.account);
        key.has_strategy = dimension_id_from_field(&row->fields[TRADE_STRATEGY_ID], &key.strategy);
    } else {
        key.has_client = dimension_id_from_field(&row->fields[TRADE_CLIENT_ID], &key.client);
    }
    const struct pnl_fill fill = {
        .side = row->is_buy ? PNL_BUY : PNL_SELL,
        .quantity = row->quantity.value,
        .price = row->price.value,
        .multiplier = decimal_from_int64(row->members[DIMENSION_INSTRUMENT].member->multiplier_e8, PNL_INPUT_SCALE),
        .executed_at_us = row->executed_at_us,
        .reference = row->fields[TRADE_REFERENCE].bytes,
        .reference_length = (size_t)row->fields[TRADE_REFERENCE].length,
    };
    check_order(books, row);
    if (find_book(books, &key, &book, error) || pnl_apply(&book->state, &fill, realized, closes, error))
        return error->code;
    if (decimal_integer_digits(realized) > DIGITS_MAX || decimal_integer_digits(&book->state.quantity) > DIGITS_MAX)
        return error_set(error, ERROR_RANGE, "its realised P&L or its book's quantity has more than %d digits",
                         DIGITS_MAX);
    return ERROR_NONE;
}

bool
trade_books_in_order(const struct trade_books *books)
{
    return !books->unordered;
}

/* ---- closing ------------------------------------------------------------------------------------------------ */

static void
put_id(struct copy_writer *writer, bool present, const struct dimension_id *id, size_t length)
{
    if (present)
        copy_put_bytes(writer, id->bytes, length);
    else
        copy_put_null(writer);
}

/* A row of a book, or of one of its lots, as far as the book's name. */
static void
begin_row(struct copy_writer *writer, const struct trade_books *books, const struct book *book, int32_t date_key,
          int16_t fields)
{
    enum { INTEGER_BYTES = 4, UUID_BYTES = 16 };
    copy_put_row(writer, fields);
    copy_put_int32(writer, date_key);
    copy_put_text(writer, books->source);
    put_id(writer, true, &book->key.tenant, UUID_BYTES);
    put_id(writer, book->key.has_account, &book->key.account, INTEGER_BYTES);
    put_id(writer, book->key.has_strategy, &book->key.strategy, INTEGER_BYTES);
    put_id(writer, book->key.has_client, &book->key.client, UUID_BYTES);
    put_id(writer, true, &book->key.instrument, INTEGER_BYTES);
}

static enum error_code
put_book(struct copy_writer *writer, const struct trade_books *books, const struct book *book, int32_t date_key,
         struct error *error)
{
    begin_row(writer, books, book, date_key, BOOK_FIELDS);
    copy_put_decimal(writer, &book->state.quantity);
    copy_put_decimal(writer, &book->state.cost);
    return copy_flush(writer, error);
}

static enum error_code
put_lots(struct copy_writer *writer, const struct trade_books *books, const struct book *book, int32_t date_key,
         struct error *error)
{
    const struct pnl_lots *lots = book->state.lots;
    for (size_t i = 0; lots && i < lots->count; i++) {
        const struct pnl_lot *lot = pnl_lots_at(lots, i);
        begin_row(writer, books, book, date_key, LOT_FIELDS);
        copy_put_int32(writer, (int32_t)i + 1);
        copy_put_decimal(writer, &lot->quantity);
        copy_put_decimal(writer, &lot->cost);
        copy_put_timestamp(writer, lot->executed_at_us);
        copy_put_bytes(writer, lot->reference, lot->reference_length);
        if (copy_flush(writer, error))
            return error->code;
    }
    return ERROR_NONE;
}

static enum error_code
write_rows(const struct trade_books *books, struct database *warehouse, const char *copy, int32_t date_key,
           enum error_code (*put)(struct copy_writer *, const struct trade_books *, const struct book *, int32_t,
                                  struct error *),
           struct error *error)
{
    struct copy_writer *writer;
    int64_t rows;
    if (copy_writer_open(&writer, warehouse, SQL(copy), error))
        return error->code;
    for (size_t i = 0; i < books->slot_count; i++) {
        const struct book *book = &books->slots[i];
        if (!book->used || decimal_is_zero(&book->state.quantity))
            continue;
        if (put(writer, books, book, date_key, error)) {
            copy_writer_abort(writer);
            return error->code;
        }
    }
    return copy_writer_finish(writer, &rows, error);
}

enum error_code
trade_books_store(const struct trade_books *books, struct database *warehouse, int32_t date_key,
                  enum trade_books_place place, struct error *error)
{
    char key[16];
    (void)snprintf(key, sizeof(key), "%d", (int)date_key);
    if (database_query(warehouse, SQL(places[place].forget), DATABASE_VALUES(key, books->source), NULL, error) ||
        write_rows(books, warehouse, places[place].copy, date_key, put_book, error) || books->method != PNL_FIFO)
        return error->code;
    return write_rows(books, warehouse, places[place].copy_lots, date_key, put_lots, error);
}
