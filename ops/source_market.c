#include "ops/source_market.h"

#include <stdlib.h>
#include <string.h>

#include "core/calendar_date.h"

enum { KINDS = 10 };

#define UNIT INT64_C(100000000)

static const struct source_instrument_kind kinds[KINDS] = {
    {"USL", "EQUITY", "COMMON_STOCK", "XNAS", "US", "USD", NULL, "USD", UNIT / 100, UNIT, 1, 2, 0, 180 * UNIT, 300},
    {"USM", "EQUITY", "COMMON_STOCK", "XNYS", "US", "USD", NULL, "USD", UNIT / 100, UNIT, 1, 2, 0, 45 * UNIT, 500},
    {"ETF", "EQUITY", "ETF", "ARCX", "US", "USD", NULL, "USD", UNIT / 100, UNIT, 1, 2, 0, 410 * UNIT, 200},
    {"EUL", "EQUITY", "COMMON_STOCK", "XPAR", "FR", "EUR", NULL, "EUR", UNIT / 200, UNIT, 1, 3, 0, 62 * UNIT, 400},
    {"JPL", "EQUITY", "COMMON_STOCK", "XTKS", "JP", "JPY", NULL, "JPY", UNIT, 100 * UNIT, 1, 0, 0, 2400 * UNIT, 20},
    {"GBL", "EQUITY", "COMMON_STOCK", "XLON", "GB", "GBP", NULL, "GBP", UNIT / 1000, UNIT, 1, 3, 0, 11 * UNIT, 900},
    {"IDX", "FUTURE", "INDEX_FUTURE", "XCME", "US", "USD", NULL, "USD", UNIT / 4, UNIT, 50, 2, 0, 4700 * UNIT, 8},
    {"FXS", "FX", "SPOT", "OTC", "US", "USD", "EUR", "USD", UNIT / 100000, 1000 * UNIT, 1, 5, 0, UNIT + UNIT / 10, 500},
    {"CRY", "CRYPTO", "SPOT", "COINX", "US", "USD", "BTC", "USD", UNIT / 100, UNIT / 10000, 1, 2, 4, 43000 * UNIT,
     20000},
    {"CHL", "EQUITY", "COMMON_STOCK", "XSWX", "CH", "CHF", NULL, "CHF", UNIT / 100, UNIT, 1, 2, 0, 98 * UNIT, 250},
};

const struct source_currency source_currencies[SOURCE_CURRENCIES] = {
    {"EUR", INT64_C(1085000000000)},
    {"JPY", INT64_C(6890000000)},
    {"GBP", INT64_C(1268000000000)},
    {"CHF", INT64_C(1134000000000)},
};

const struct source_instrument_kind *
source_market_kind(int64_t index)
{
    return &kinds[index % KINDS];
}

enum error_code
source_market_init(struct source_market *market, const struct source_plan *plan, struct error *error)
{
    size_t count = (size_t)plan->instruments;
    *market = (struct source_market){.plan = plan, .day = SOURCE_EPOCH_DAYS};
    market->open_e8 = calloc(count, sizeof(*market->open_e8));
    market->price_e8 = calloc(count, sizeof(*market->price_e8));
    if (!market->open_e8 || !market->price_e8) {
        source_market_term(market);
        return error_set(error, ERROR_MEMORY, "out of memory for the prices of %zu instruments", count);
    }
    for (size_t i = 0; i < count; i++)
        market->open_e8[i] = source_market_kind((int64_t)i)->price_e8;
    for (int i = 0; i < SOURCE_CURRENCIES; i++)
        market->rate_e12[i] = source_currencies[i].rate_e12;
    return ERROR_NONE;
}

void
source_market_term(struct source_market *market)
{
    free(market->open_e8);
    free(market->price_e8);
    market->open_e8 = market->price_e8 = NULL;
}

/* A day's step of a walk, by up to `most` of 100,000, kept between a quarter and four times where it began. */
static int64_t
step(const struct source_plan *plan, enum source_part part, int32_t day, uint64_t member, int64_t value, int64_t origin,
     int64_t most)
{
    struct source_random random = source_plan_random(plan, part, day, member);
    int64_t change = source_random_between(&random, -most, most);
    if (value < origin / 4)
        change = most;
    if (value > origin * 4)
        change = -most;
    return value + (int64_t)((__int128)value * change / 100000);
}

void
source_market_walk(struct source_market *market, int32_t days)
{
    static const int64_t price_step = 1500, rate_step = 400;
    while (market->day < days) {
        market->day++;
        if (calendar_date_weekday(market->day) >= CALENDAR_SATURDAY)
            continue;
        for (int64_t i = 0; i < market->plan->instruments; i++)
            market->open_e8[i] = step(market->plan, SOURCE_PART_PRICE, market->day, (uint64_t)i, market->open_e8[i],
                                      source_market_kind(i)->price_e8, price_step);
        for (int i = 0; i < SOURCE_CURRENCIES; i++)
            market->rate_e12[i] = step(market->plan, SOURCE_PART_RATE, market->day, (uint64_t)i, market->rate_e12[i],
                                       source_currencies[i].rate_e12, rate_step);
    }
}

void
source_market_reopen(struct source_market *market)
{
    memcpy(market->price_e8, market->open_e8, (size_t)market->plan->instruments * sizeof(*market->price_e8));
    for (int64_t i = 0; i < market->plan->instruments; i++)
        market->price_e8[i] -= market->price_e8[i] % source_market_kind(i)->tick_e8;
}

int64_t
source_market_trade_price(struct source_market *market, struct source_random *random, int64_t index)
{
    int64_t tick = source_market_kind(index)->tick_e8;
    int64_t price = market->price_e8[index] + source_random_between(random, -3, 3) * tick;
    market->price_e8[index] = price < tick ? tick : price;
    return market->price_e8[index];
}

int64_t
source_market_trade_size(struct source_random *random, int64_t index)
{
    const struct source_instrument_kind *kind = source_market_kind(index);
    return source_random_between(random, 1, kind->lots_max) * kind->lot_e8;
}

int64_t
source_market_pick(const struct source_market *market, struct source_random *random)
{
    int64_t first = (int64_t)source_random_below(random, (uint64_t)market->plan->instruments);
    int64_t second = (int64_t)source_random_below(random, (uint64_t)market->plan->instruments);
    return first < second ? first : second;
}
