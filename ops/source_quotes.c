/* The liquidity providers' quotes of one day, and what else comes once or a few times a day: the clients' risk
 * snapshots and the currencies' rates. */
#include <string.h>

#include "ops/source_generator.h"

static enum error_code
write_quote(struct source_generator *generator, const struct source_day *day, struct source_random *random,
            struct source_dirt_turn *turn, int64_t number, int64_t rows, struct error *error)
{
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
    char tenant_id[SOURCE_UUID_BYTES];
    source_sink_begin_row(sink, SOURCE_QUOTES);
    source_sink_integer(sink, day->first_id + number);
    source_sink_text(sink, source_member_tenant(tenant, tenant_id));
    source_sink_text(sink, generator->provider_ids[provider]);
    source_sink_integer(sink, instrument + 1);
    source_sink_instant(sink, quoted_us);
    source_generator_decimal(generator, dirt, SOURCE_FIELD_BID, bid_e8);
    source_generator_decimal(generator, dirt, SOURCE_FIELD_ASK, bid_e8 + width);
    source_sink_decimal(sink, source_random_between(random, 1, 50) * lot);
    source_sink_decimal(sink, source_random_between(random, 1, 50) * lot);
    source_generator_text(generator, dirt, SOURCE_FIELD_STALE, "f");
    source_sink_boolean(sink, dirt || spread_changed); /* dirty quotes are never left out of the sample */
    source_generator_milliseconds(generator, latency_us);
    source_sink_instant(sink, quoted_us + latency_us);
    source_generator_count_dirt(generator, SOURCE_QUOTES, dirt);
    return source_sink_end_row(sink, error);
}

enum error_code
source_quotes_write(struct source_generator *generator, const struct source_day *day, struct error *error)
{
    struct source_random random = source_plan_random(&generator->plan, SOURCE_PART_QUOTE, day->days, 0);
    struct source_dirt_turn turn = source_generator_dirt(generator, SOURCE_QUOTES, SOURCE_PART_QUOTE, day);
    int64_t rows = source_plan_day_rows(&generator->plan, day, generator->plan.quotes);
    source_market_reopen(&generator->market);
    for (int64_t number = 1; number <= rows; number++)
        if (write_quote(generator, day, &random, &turn, number, rows, error))
            return error->code;
    return ERROR_NONE;
}

static enum error_code
write_snapshot(struct source_generator *generator, int64_t client, int64_t snapshot_us, struct source_random *random,
               struct error *error)
{
    struct source_sink *sink = &generator->sink;
    int64_t utilization = source_random_between(random, 500, 10400); /* 1/100 per cent */
    char tenant[SOURCE_UUID_BYTES];
    source_sink_begin_row(sink, SOURCE_RISK_SNAPSHOTS);
    source_sink_text(sink, source_member_tenant(source_member_client_tenant(&generator->plan, client), tenant));
    source_sink_text(sink, generator->client_ids[client]);
    source_sink_instant(sink, snapshot_us);
    source_sink_decimal(sink, utilization * (source_unit / 100));
    source_sink_integer(sink, utilization > 8000 ? source_random_between(random, 1, 4) : 0);
    source_sink_integer(sink, utilization > 10000);
    source_sink_decimal(sink, source_random_between(random, 100, 9900) * (source_unit / 100));
    source_sink_instant(sink, snapshot_us + 20000);
    return source_sink_end_row(sink, error);
}

enum error_code
source_risk_write(struct source_generator *generator, const struct source_day *day, struct error *error)
{
    static const int64_t minute_us = 60000000, minutes_of_day[] = {11 * 60, 14 * 60, 16 * 60 + 30};
    for (int64_t client = 0; !day->weekend && client < generator->plan.clients; client++) {
        struct source_random random =
            source_plan_random(&generator->plan, SOURCE_PART_RISK, day->days, (uint64_t)client);
        for (size_t i = 0; i < sizeof(minutes_of_day) / sizeof(minutes_of_day[0]); i++)
            if (write_snapshot(generator, client, day->midnight_us + minutes_of_day[i] * minute_us, &random, error))
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
