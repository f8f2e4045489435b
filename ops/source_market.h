/* ops/source_market.h - the instruments of the sample source, their prices, and the currencies' rates.
 *
 * Every tenth instrument is alike in kind (source_market_kind). A price walks from day to day since 2000-01-01, so that
 * a day's opening price follows from seed and date; within the day each trade moves it by some ticks. Prices, sizes and
 * rates are whole numbers of 1/100,000,000. */
#ifndef TAPEMILL_OPS_SOURCE_MARKET_H
#define TAPEMILL_OPS_SOURCE_MARKET_H

#include <stdint.h>

#include "core/error.h"
#include "ops/source_plan.h"

struct source_instrument_kind {
    const char *prefix; /* of the symbol */
    const char *asset_class;
    const char *instrument_type;
    const char *exchange;
    const char *country;
    const char *currency;
    const char *base_currency; /* NULL: none */
    const char *quote_currency;
    int64_t tick_e8, lot_e8, multiplier;
    int price_precision, quantity_precision;
    int64_t price_e8; /* around which the price walks */
    int64_t lots_max; /* of one fill */
};

struct source_currency {
    const char *code;
    int64_t rate_e12; /* around which the rate walks */
};

enum { SOURCE_CURRENCIES = 4 };
extern const struct source_currency source_currencies[SOURCE_CURRENCIES];

struct source_market {
    const struct source_plan *plan; /* borrowed */
    int32_t day;                    /* the day whose opening prices stand in open_e8 */
    int64_t *open_e8, *price_e8;    /* per instrument */
    int64_t rate_e12[SOURCE_CURRENCIES];
};

/* index: 0 for the first instrument. */
const struct source_instrument_kind *source_market_kind(int64_t index);

ERROR_MUST_CHECK enum error_code source_market_init(struct source_market *market, const struct source_plan *plan,
                                                    struct error *error);
void source_market_term(struct source_market *market);

/* Walks to a day, not before the last one. */
void source_market_walk(struct source_market *market, int32_t days);

/* Puts all prices back to the day's opening: each part of a day starts from there. */
void source_market_reopen(struct source_market *market);

/* Moves the instrument's price by some ticks and returns it, on its grid of ticks. */
int64_t source_market_trade_price(struct source_market *market, struct source_random *random, int64_t index);

/* A size of 1 to the kind's largest number of lots. */
int64_t source_market_trade_size(struct source_random *random, int64_t index);

/* An instrument; those in front come more often. */
int64_t source_market_pick(const struct source_market *market, struct source_random *random);

#endif
