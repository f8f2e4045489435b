/* The liquidity providers' quotes of one day, and what else comes once or a few times a day: the clients' risk
 * snapshots and the currencies' rates. */
#include <string.h>

#include "ops/source_generator.h"

/* What quotes are made from; and, apart, what is missing of them. */
struct quote_randoms {
    struct source_random random, states;
};

static enum error_code
write_quote(struct source_generator *generator, const struct source_day *day, struct quote_randoms *randoms,
            struct source_dirt_turn *turn, int64_t number, int64_t rows, struct error *error)
{
    struct source_random *random = &randoms->random;
    const struct source_plan *plan = &generator->plan;
    struct source_sink *sink = &generator->sink;
    const struct source_dirt *dirt = source_generator_draw_dirt(generator, turn);
    uint64_t spread = source_random_below(random, UINT64_C(1) << 32);
    uint64_t position = (((uint64_t)(number - 1) << 32) + spread) / (uint64_t)rows;
    int64_t quoted_us = day->midnight_us + source_plan_moment_us((uint32_t)position);
    int64_t instrument = source_market_pick(&generator->market, random);
    int64_t tick = source_market_kind(instrument)->tick_e8, lot = source_market_kind(instrument)->lot_e8;
    int64_t bid_e8 = source_market_trade_price(&generator->market, random, instrument);
    int64_t width = source_random_between(random, 1, 5) * tick;
    int64_t tenant = (int64_t)source_random_below(random, (uint64_t)plan->tenants);
    int64_t provider = (int64_t)source_random_below(random, (uint64_t)plan->providers);
    int64_t latency_us = source_random_between(random, 30, 5000);
    bool spread_changed = source_random_per_mille(random, 150);
    bool no_provider = source_random_per_mille(&randoms->states, 10);
    bool no_latency = source_random_per_mille(&randoms->states, 20);
    char tenant_id[SOURCE_UUID_BYTES];
    source_sink_begin_row(sink, SOURCE_QUOTES);
    source_sink_integer(sink, day->first_id + number);
    source_sink_text(sink, source_member_tenant(tenant, tenant_id));
    source_generator_text(generator, dirt, SOURCE_FIELD_PROVIDER,
                          no_provider ? NULL : generator->provider_ids[provider]);
    source_sink_integer(sink, instrument + 1);
    source_sink_instant(sink, quoted_us);
    source_generator_decimal(generator, dirt, SOURCE_FIELD_BID, bid_e8);
    source_generator_decimal(generator, dirt, SOURCE_FIELD_ASK, bid_e8 + width);
    source_sink_decimal(sink, source_random_between(random, 1, 50) * lot);
    source_sink_decimal(sink, source_random_between(random, 1, 50) * lot);
    source_generator_text(generator, dirt, SOURCE_FIELD_STALE, "f");
    source_sink_boolean(sink, dirt || spread_changed); /* dirty quotes are never left out of the sample */
    if (no_latency)
        source_sink_null(sink);
    else
        source_generator_milliseconds(generator, latency_us);
    source_sink_instant(sink, quoted_us + latency_us);
    source_generator_count_dirt(generator, SOURCE_QUOTES, dirt);
    return source_sink_end_row(sink, error);
}

enum error_code
source_quotes_write(struct source_generator *generator, const struct source_day *day, struct error *error)
{
    struct quote_randoms randoms = {
        .random = source_plan_random(&generator->plan, SOURCE_PART_QUOTE, day->days, 0),
        .states = source_plan_random(&generator->plan, SOURCE_PART_STATE, day->days, SOURCE_PART_QUOTE),
    };
    struct source_dirt_turn turn = source_generator_dirt(generator, SOURCE_QUOTES, SOURCE_PART_QUOTE, day);
    int64_t rows = source_plan_day_rows(&generator->plan, day, generator->plan.quotes);
    source_market_reopen(&generator->market);
    for (int64_t number = 1; number <= rows; number++)
        if (write_quote(generator, day, &randoms, &turn, number, rows, error))
            return error->code;
    return ERROR_NONE;
}

/* What a day's snapshots of one client are made from; apart, what is missing of them and what is wrong. */
struct risk_day {
    struct source_random random, states;
    struct source_dirt_turn dirt;
};

/* Hundredths of something; or nothing, unless dirt puts something there. */
static void
put_share(struct source_generator *generator, const struct source_dirt *dirt, enum source_field field, bool missing,
          int64_t value)
{
    if (missing && !source_dirt_has(dirt, field))
        source_sink_null(&generator->sink);
    else
        source_generator_decimal(generator, dirt, field, (__int128)value * (source_unit / 100));
}

static enum error_code
write_snapshot(struct source_generator *generator, int64_t client, int64_t snapshot_us, struct risk_day *risk,
               struct error *error)
{
    struct source_sink *sink = &generator->sink;
    const struct source_dirt *dirt = source_generator_draw_dirt(generator, &risk->dirt);
    struct source_random *random = &risk->random;
    int64_t utilization = source_random_between(random, 500, 10400); /* 1/100 per cent */
    int64_t soft_breaches = utilization > 8000 ? source_random_between(random, 1, 4) : 0;
    int64_t score = source_random_between(random, 100, 9900);
    bool no_utilization = source_random_per_mille(&risk->states, 10),
         no_score = source_random_per_mille(&risk->states, 10);
    char tenant[SOURCE_UUID_BYTES];
    source_sink_begin_row(sink, SOURCE_RISK_SNAPSHOTS);
    source_sink_text(sink, source_member_tenant(source_member_client_tenant(&generator->plan, client), tenant));
    source_sink_text(sink, generator->client_ids[client]);
    source_sink_instant(sink, snapshot_us);
    put_share(generator, dirt, SOURCE_FIELD_UTILIZATION, no_utilization, utilization);
    source_generator_integer(generator, dirt, SOURCE_FIELD_SOFT_BREACHES, soft_breaches);
    source_sink_integer(sink, utilization > 10000);
    put_share(generator, dirt, SOURCE_FIELD_SCORE, no_score, score);
    source_sink_instant(sink, snapshot_us + 20000);
    source_generator_count_dirt(generator, SOURCE_RISK_SNAPSHOTS, dirt);
    return source_sink_end_row(sink, error);
}

enum error_code
source_risk_write(struct source_generator *generator, const struct source_day *day, struct error *error)
{
    static const int64_t minute_us = 60000000, minutes_of_day[] = {11 * 60, 14 * 60, 16 * 60 + 30};
    struct risk_day risk = {
        .states = source_plan_random(&generator->plan, SOURCE_PART_STATE, day->days, SOURCE_PART_RISK),
        .dirt = source_generator_dirt(generator, SOURCE_RISK_SNAPSHOTS, SOURCE_PART_RISK, day),
    };
    for (int64_t client = 0; !day->weekend && client < generator->plan.clients; client++) {
        risk.random = source_plan_random(&generator->plan, SOURCE_PART_RISK, day->days, (uint64_t)client);
        for (size_t i = 0; i < sizeof(minutes_of_day) / sizeof(minutes_of_day[0]); i++)
            if (write_snapshot(generator, client, day->midnight_us + minutes_of_day[i] * minute_us, &risk, error))
                return error->code;
    }
    return ERROR_NONE;
}

/* Rates are fixed at 17:00 on weekdays; on weekends the last one holds. */
enum error_code
source_rates_write(struct source_generator *generator, const struct source_day *day, struct error *error)
{
    static const int64_t fixing_us = INT64_C(17) * 3600 * 1000000, e12_to_e8 = 10000;
    const char *missing = generator->plan.missing_rate;
    for (int i = 0; !day->weekend && i < SOURCE_CURRENCIES; i++) {
        if (missing && strcmp(missing, source_currencies[i].code) == 0)
            continue;
        source_sink_begin_row(&generator->sink, SOURCE_FX_RATES);
        source_sink_date(&generator->sink, day->days);
        source_sink_text(&generator->sink, source_currencies[i].code);
        source_sink_decimal(&generator->sink, generator->market.rate_e12[i] / e12_to_e8);
        source_sink_instant(&generator->sink, day->midnight_us + fixing_us);
        if (source_sink_end_row(&generator->sink, error))
            return error->code;
    }
    return ERROR_NONE;
}
