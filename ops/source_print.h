/* ops/source_print.h - prints of real markets as files give them: which columns a format has and what they mean.
 *
 *   binance  trades of Binance's websocket: local_ts_ns, venue, symbol, event_time_ms, trade_time_ms, trade_id, price,
 *            qty, order_type, buyer_is_maker. The buyer was the maker: the aggressor sold.
 *   taq      trades of NYSE's TAQ: epoch_s, ex, symbol, cond, size, price, corr. corr 8 and 10: the print was cancelled
 *            or an error. Who was the aggressor the tape does not say; the tick rule guesses it (Lee, Ready: "Inferring
 *            Trade Direction from Intraday Data", 1991): above the last different price of the symbol bought, below
 *            sold.
 *
 * Columns are found by name; others may stand between them. */
#ifndef TAPEMILL_OPS_SOURCE_PRINT_H
#define TAPEMILL_OPS_SOURCE_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "ops/source_csv.h"
#include "ops/source_names.h"

enum { SOURCE_PRINT_COLUMNS_MAX = 8 };

/* One print. Texts point into the record it was read from, or are static. */
struct source_print {
    const char *venue, *symbol;
    const char *price, *quantity; /* decimals, as they stand in the file */
    const char *side;             /* BUY, SELL */
    const char *order_type;       /* NULL: not known, as liquidity_flag */
    const char *liquidity_flag;
    int64_t traded_us;
    int64_t reported_us; /* 0: not known */
    bool cancelled;
};

/* What an instrument is, from its venue and symbol. Texts are static or point into `base`. */
struct source_print_instrument {
    const char *asset_class, *instrument_type;
    const char *country;  /* NULL: none, as base_currency */
    const char *currency; /* ISO 4217, for the books */
    const char *base_currency;
    const char *quote_currency; /* what prices are quoted in: may be no ISO code (USDT) */
    char base[SOURCE_CSV_NAME_BYTES];
};

/* What the tick rule remembers of a symbol. */
struct source_print_tick {
    char price[SOURCE_CSV_NAME_BYTES];
    const char *side;
};

/* Reads the prints of one file. */
struct source_print_reader {
    const struct source_print_format *format;
    size_t columns[SOURCE_PRINT_COLUMNS_MAX]; /* where the format's columns stand */
    struct source_names symbols;              /* for the tick rule, as ticks */
    struct source_print_tick *ticks;          /* by number of symbol; owned */
    size_t tick_capacity;
};

/* The format of that name ("binance", "taq"); NULL if there is none. */
const struct source_print_format *source_print_format(const char *name);

/* Finds the format's columns in a file's header. */
ERROR_MUST_CHECK enum error_code source_print_reader_init(struct source_print_reader *reader,
                                                          const struct source_print_format *format,
                                                          const struct source_csv_place *place,
                                                          const struct source_csv_header *header, struct error *error);
void source_print_reader_term(struct source_print_reader *reader);

/* Checks and takes apart one record, which has all columns of the header. */
ERROR_MUST_CHECK enum error_code source_print_read(struct source_print_reader *reader,
                                                   const struct source_csv_place *place,
                                                   const struct source_csv_record *record, struct source_print *print,
                                                   struct error *error);

/* What the instrument of a print is. ERROR_FORMAT: a symbol whose quote currency nobody knows. */
ERROR_MUST_CHECK enum error_code source_print_describe(const struct source_print_reader *reader,
                                                       const struct source_csv_place *place,
                                                       const struct source_print *print,
                                                       struct source_print_instrument *instrument, struct error *error);

#endif
