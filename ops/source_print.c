#include "ops/source_print.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct source_print_format {
    const char *name;
    size_t count;
    const char *columns[SOURCE_PRINT_COLUMNS_MAX];
    enum error_code (*read)(struct source_print_reader *reader, const struct source_csv_place *place,
                            const char *const *fields, struct source_print *print, struct error *error);
    enum error_code (*describe)(const struct source_csv_place *place, const struct source_print *print,
                                struct source_print_instrument *instrument, struct error *error);
};

/* ---- binance ------------------------------------------------------------------------------------------------- */

enum { VENUE, SYMBOL, EVENT_TIME, TRADE_TIME, PRICE, QUANTITY, ORDER_TYPE, BUYER_IS_MAKER, BINANCE_COLUMNS };

static enum error_code
read_binance(struct source_print_reader *reader, const struct source_csv_place *place, const char *const *fields,
             struct source_print *print, struct error *error)
{
    bool buyer_is_maker = false;
    (void)reader;
    if (source_csv_word(place, "venue", fields[VENUE], error) ||
        source_csv_word(place, "symbol", fields[SYMBOL], error) ||
        source_csv_milliseconds(place, "event_time_ms", fields[EVENT_TIME], &print->reported_us, error) ||
        source_csv_milliseconds(place, "trade_time_ms", fields[TRADE_TIME], &print->traded_us, error) ||
        source_csv_decimal(place, "price", fields[PRICE], error) ||
        source_csv_decimal(place, "qty", fields[QUANTITY], error) ||
        source_csv_boolean(place, "buyer_is_maker", fields[BUYER_IS_MAKER], &buyer_is_maker, error))
        return error->code;
    print->venue = fields[VENUE];
    print->symbol = fields[SYMBOL];
    print->price = fields[PRICE];
    print->quantity = fields[QUANTITY];
    print->order_type = *fields[ORDER_TYPE] ? fields[ORDER_TYPE] : NULL;
    print->side = buyer_is_maker ? "SELL" : "BUY";
    print->liquidity_flag = "TAKER";
    return ERROR_NONE;
}

/* What pairs are quoted in, and the currency of the books for it: the dollar's tokens are kept as dollars. */
static const struct {
    const char *quote, *currency;
} quotes[] = {
    {"USDT", "USD"}, {"USDC", "USD"}, {"BUSD", "USD"}, {"TUSD", "USD"}, {"USD", "USD"},
    {"EUR", "EUR"},  {"GBP", "GBP"},  {"JPY", "JPY"},  {"TRY", "TRY"},  {"BRL", "BRL"},
};

static enum error_code
describe_binance(const struct source_csv_place *place, const struct source_print *print,
                 struct source_print_instrument *instrument, struct error *error)
{
    size_t length = strlen(print->symbol);
    instrument->asset_class = "CRYPTO";
    instrument->instrument_type = strcmp(print->venue, "BINANCE_SPOT") == 0 ? "SPOT" : "PERPETUAL";
    for (size_t i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++) {
        size_t quote = strlen(quotes[i].quote);
        if (length <= quote || length - quote >= sizeof(instrument->base) ||
            strcmp(print->symbol + length - quote, quotes[i].quote) != 0)
            continue;
        memcpy(instrument->base, print->symbol, length - quote);
        instrument->base[length - quote] = 0;
        instrument->base_currency = instrument->base;
        instrument->quote_currency = quotes[i].quote;
        instrument->currency = quotes[i].currency;
        return ERROR_NONE;
    }
    return error_set(error, ERROR_FORMAT,
                     "%s line %" PRId64
                     ", column \"symbol\": \"%.40s\" ends in no currency that prints may be in; known "
                     "are USDT, USDC, BUSD, TUSD, USD, EUR, GBP, JPY, TRY and BRL",
                     place->file, place->line, print->symbol);
}

/* ---- taq ----------------------------------------------------------------------------------------------------- */

enum { EPOCH, EXCHANGE, TAQ_SYMBOL, SIZE, TAQ_PRICE, CORRECTION, TAQ_COLUMNS };

/* The symbol's memory of its last price; it is made when the symbol first appears. */
static enum error_code
find_tick(struct source_print_reader *reader, const char *symbol, struct source_print_tick **tick, struct error *error)
{
    size_t number = 0;
    bool added = false;
    if (source_names_number(&reader->symbols, symbol, &number, &added, error))
        return error->code;
    if (number >= reader->tick_capacity) {
        size_t capacity = reader->tick_capacity ? reader->tick_capacity * 2 : 16;
        struct source_print_tick *ticks = realloc(reader->ticks, capacity * sizeof(*ticks));
        if (!ticks)
            return error_set(error, ERROR_MEMORY, "out of memory for %zu symbols", number + 1);
        reader->ticks = ticks;
        reader->tick_capacity = capacity;
    }
    *tick = &reader->ticks[number];
    if (added)
        **tick = (struct source_print_tick){.side = "BUY"};
    return ERROR_NONE;
}

static enum error_code
apply_tick_rule(struct source_print_reader *reader, const struct source_csv_place *place, struct source_print *print,
                struct error *error)
{
    struct source_print_tick *tick = NULL;
    size_t length = strlen(print->price);
    if (find_tick(reader, print->symbol, &tick, error))
        return error->code;
    if (length >= sizeof(tick->price))
        return error_set(error, ERROR_FORMAT, "%s line %" PRId64 ", column \"price\" has more than %zu digits",
                         place->file, place->line, sizeof(tick->price) - 1);
    int order = tick->price[0] ? source_csv_compare(print->price, tick->price) : 0;
    if (order)
        tick->side = order > 0 ? "BUY" : "SELL";
    memcpy(tick->price, print->price, length + 1);
    print->side = tick->side;
    return ERROR_NONE;
}

static enum error_code
read_taq(struct source_print_reader *reader, const struct source_csv_place *place, const char *const *fields,
         struct source_print *print, struct error *error)
{
    static const int64_t cancelled = 8, erroneous = 10;
    int64_t correction = 0;
    if (source_csv_seconds(place, "epoch_s", fields[EPOCH], &print->traded_us, error) ||
        source_csv_word(place, "ex", fields[EXCHANGE], error) ||
        source_csv_word(place, "symbol", fields[TAQ_SYMBOL], error) ||
        source_csv_decimal(place, "size", fields[SIZE], error) ||
        source_csv_decimal(place, "price", fields[TAQ_PRICE], error) ||
        source_csv_integer(place, "corr", fields[CORRECTION], &correction, error))
        return error->code;
    print->venue = fields[EXCHANGE];
    print->symbol = fields[TAQ_SYMBOL];
    print->price = fields[TAQ_PRICE];
    print->quantity = fields[SIZE];
    print->cancelled = correction == cancelled || correction == erroneous;
    return apply_tick_rule(reader, place, print, error);
}

static enum error_code
describe_taq(const struct source_csv_place *place, const struct source_print *print,
             struct source_print_instrument *instrument, struct error *error)
{
    (void)place;
    (void)print;
    (void)error;
    instrument->asset_class = "EQUITY";
    instrument->instrument_type = "COMMON_STOCK";
    instrument->country = "US";
    instrument->currency = "USD";
    instrument->quote_currency = "USD";
    return ERROR_NONE;
}

/* ---- the table ----------------------------------------------------------------------------------------------- */

static const struct source_print_format formats[] = {
    {"binance",
     BINANCE_COLUMNS,
     {"venue", "symbol", "event_time_ms", "trade_time_ms", "price", "qty", "order_type", "buyer_is_maker"},
     read_binance,
     describe_binance},
    {"taq", TAQ_COLUMNS, {"epoch_s", "ex", "symbol", "size", "price", "corr"}, read_taq, describe_taq},
};

const struct source_print_format *
source_print_format(const char *name)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

enum error_code
source_print_reader_init(struct source_print_reader *reader, const struct source_print_format *format,
                         const struct source_csv_place *place, const struct source_csv_header *header,
                         struct error *error)
{
    *reader = (struct source_print_reader){.format = format};
    for (size_t i = 0; i < format->count; i++)
        if (source_csv_find(place, header, format->columns[i], &reader->columns[i], error))
            return error->code;
    return ERROR_NONE;
}

void
source_print_reader_term(struct source_print_reader *reader)
{
    source_names_term(&reader->symbols);
    free(reader->ticks);
    *reader = (struct source_print_reader){0};
}

enum error_code
source_print_read(struct source_print_reader *reader, const struct source_csv_place *place,
                  const struct source_csv_record *record, struct source_print *print, struct error *error)
{
    const char *fields[SOURCE_PRINT_COLUMNS_MAX] = {0};
    for (size_t i = 0; i < reader->format->count; i++)
        fields[i] = record->fields[reader->columns[i]];
    *print = (struct source_print){0};
    return reader->format->read(reader, place, fields, print, error);
}

enum error_code
source_print_describe(const struct source_print_reader *reader, const struct source_csv_place *place,
                      const struct source_print *print, struct source_print_instrument *instrument, struct error *error)
{
    *instrument = (struct source_print_instrument){0};
    return reader->format->describe(place, print, instrument, error);
}
