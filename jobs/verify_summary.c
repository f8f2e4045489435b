/* agg_daily_trade_summary, recomputed. */
#include "jobs/verify_column.h"

enum { TRADES, BUYS, SELLS, TIMED };
enum { VOLUME, BOUGHT, SOLD, NOTIONAL, FEES, COMMISSION, PRICES, VALUES, LOWEST, HIGHEST, LATENCY, SLOWEST };

/* Which members a level speaks of; prices are of one instrument. */
static const struct level {
    const char *name;
    bool client, instrument, lp;
} levels[] = {
    {"TENANT", false, false, false}, {"CLIENT", true, false, false},           {"INSTRUMENT", false, true, false},
    {"LP", false, false, true},      {"CLIENT_INSTRUMENT", true, true, false},
};

static void
note_currency(struct verify_group *group, const char *currency)
{
    if (group->counts[TRADES] == 0)
        for (int i = 0; i < 4; i++)
            group->currency[i] = currency[i];
    for (int i = 0; i < 3; i++)
        if (group->currency[i] != currency[i])
            group->several = true;
}

static void
add_trade(struct verify_group *group, const struct verify_trade *trade, bool priced)
{
    note_currency(group, trade->currency);
    group->counts[TRADES]++;
    group->counts[trade->is_buy ? BUYS : SELLS]++;
    group->held = group->held || !trade->has_rate;
    exact_add(&group->sums[VOLUME], &trade->quantity);
    exact_add(&group->sums[trade->is_buy ? BOUGHT : SOLD], &trade->quantity);
    exact_add(&group->sums[NOTIONAL], &trade->notional);
    exact_add(&group->sums[FEES], &trade->fees);
    exact_add(&group->sums[COMMISSION], &trade->commission);
    if (priced) {
        exact_add(&group->sums[PRICES], &trade->price);
        exact_add(&group->sums[VALUES], &trade->value);
        verify_keep_extreme(group, LOWEST, &trade->price, -1);
        verify_keep_extreme(group, HIGHEST, &trade->price, 1);
    }
    if (trade->has_latency) {
        group->counts[TIMED]++;
        exact_add(&group->sums[LATENCY], &trade->latency);
        verify_keep_extreme(group, SLOWEST, &trade->latency, 1);
    }
}

enum error_code
verify_summary_add(struct verify_aggregate *all, struct error *error)
{
    const struct verify_trade *trade = &all->trade;
    char key[VERIFY_KEY_BYTES];
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        const struct level *level = &levels[i];
        const char *const parts[] = {trade->date,
                                     level->name,
                                     trade->tenant,
                                     level->client ? trade->client : NULL,
                                     level->instrument ? trade->instrument : NULL,
                                     level->lp ? trade->lp : NULL};
        struct verify_group *group;
        if (verify_group_key(key, parts, 6, error) || verify_group_get(&all->summary, key, &group, NULL, error))
            return error->code;
        add_trade(group, trade, level->instrument);
    }
    return ERROR_NONE;
}

/* ---- what the columns should say ----------------------------------------------------------------------------- */

static bool
has_price(const struct verify_group *group)
{
    return group->known & (1U << LOWEST) && !group->several;
}

#define PRICE(name, sum)                                                                                               \
    static void name(const struct verify_group *group, struct verify_value *value)                                     \
    {                                                                                                                  \
        value->is_null = !has_price(group);                                                                            \
        exact_set(&value->number, &group->sums[sum]);                                                                  \
    }

VERIFY_COUNT(trade_count, TRADES)
VERIFY_COUNT(buy_count, BUYS)
VERIFY_COUNT(sell_count, SELLS)
VERIFY_SUM(total_volume, VOLUME, 8)
VERIFY_SUM(buy_volume, BOUGHT, 8)
VERIFY_SUM(sell_volume, SOLD, 8)
VERIFY_SUM(total_notional, NOTIONAL, 16)
VERIFY_SUM(total_fees, FEES, 8)
VERIFY_SUM(total_commission, COMMISSION, 8)
PRICE(min_price, LOWEST)
PRICE(max_price, HIGHEST)
VERIFY_MEAN(avg_latency, LATENCY, TIMED, 16)
VERIFY_EXTREME(max_latency, SLOWEST, 3)

static void
price_currency(const struct verify_group *group, struct verify_value *value)
{
    value->is_text = true;
    value->text = group->currency;
    value->is_null = !has_price(group);
}

static void
avg_price(const struct verify_group *group, struct verify_value *value)
{
    verify_value_mean(value, &group->sums[PRICES], group->counts[TRADES], 16);
    value->is_null = !has_price(group);
}

static void
vwap_price(const struct verify_group *group, struct verify_value *value)
{
    value->is_null = !has_price(group);
    exact_divide(&value->number, &group->sums[VALUES], &group->sums[VOLUME], 16);
}

static const struct verify_table table = {
    .name = "agg_daily_trade_summary",
    .statement = "stored_summary",
    .key_names = (const char *const[]){"date", "level", "tenant", "client", "instrument", "provider", NULL},
    .columns =
        (const struct verify_column[]){
            {"trade_count", trade_count},
            {"buy_count", buy_count},
            {"sell_count", sell_count},
            {"total_volume", total_volume},
            {"buy_volume", buy_volume},
            {"sell_volume", sell_volume},
            {"total_notional", total_notional},
            {"total_fees", total_fees},
            {"total_commission", total_commission},
            {"price_currency", price_currency},
            {"avg_price", avg_price},
            {"vwap_price", vwap_price},
            {"min_price", min_price},
            {"max_price", max_price},
            {"avg_latency_ms", avg_latency},
            {"max_latency_ms", max_latency},
            {0},
        },
};

enum error_code
verify_summary_compare(struct verify_aggregate *all, struct error *error)
{
    enum error_code code = ERROR_NONE;
    if (verify_is_dirty(all, "summary"))
        verify_count_of(all->verify, table.name)->dirty++;
    else
        code = verify_compare(all, &table, &all->summary, DATABASE_VALUES(all->date_key), error);
    verify_group_clear(&all->summary);
    return code;
}
