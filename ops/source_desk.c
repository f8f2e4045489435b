/* The desk's orders and executions of one day. */
#include <string.h>

#include "ops/source_generator.h"

enum { FILLS_MAX = 5 };

struct desk {
    struct source_generator *generator;
    const struct source_day *day;
    struct source_random random;
    struct source_dirt_turn order_dirt, execution_dirt;
    int64_t rows, executions, orders; /* to make; made so far */
};

/* An order and what its fills add up to. */
struct desk_order {
    int64_t order_id;   /* 0: its fills belong to no order */
    int64_t instrument; /* index, as account and strategy */
    int64_t account;
    int64_t strategy; /* -1: none */
    const char *side, *status;
    bool is_market;
    int64_t created_us, last_us, routing_us;
    int64_t requested_e8, filled_e8, limit_e8;
    __int128 notional_e16;
    int fills;
};

/* In the US a share trades in many places. */
static const char *
pick_venue(struct desk *desk, int64_t instrument)
{
    static const char *const others[] = {"ARCX", "BATS", "EDGX"};
    const struct source_instrument_kind *kind = source_market_kind(instrument);
    uint64_t pick = source_random_below(&desk->random, 6);
    return kind->multiplier == 1 && pick < 3 && kind->exchange[1] == 'N' ? others[pick] : kind->exchange;
}

/* A share of the notional in 1/100,000, to four decimals. */
static int64_t
charge_e8(int64_t quantity_e8, int64_t price_e8, int64_t share)
{
    static const int64_t grid = 10000;
    int64_t notional_e8 = (int64_t)((__int128)quantity_e8 * price_e8 / source_unit);
    return notional_e8 / 100000 * share / grid * grid;
}

static enum error_code
write_execution(struct desk *desk, const struct desk_order *order, int64_t quantity_e8, int64_t price_e8,
                int64_t executed_us, struct error *error)
{
    struct source_generator *generator = desk->generator;
    struct source_sink *sink = &generator->sink;
    const struct source_dirt *dirt = source_generator_draw_dirt(generator, &desk->execution_dirt);
    const char *venue = pick_venue(desk, order->instrument);
    int64_t latency_us = source_random_between(&desk->random, 60, 2500);
    bool unreported = source_random_per_mille(&desk->random, 10);
    struct source_fate fate =
        source_plan_fate(&generator->plan, desk->day, &desk->random, executed_us + 2 * latency_us);
    if (dirt)
        fate = (struct source_fate){"NEW", false, executed_us + 2 * latency_us};
    source_sink_begin_row(sink, SOURCE_EXECUTIONS);
    source_sink_integer(sink, desk->day->first_id + ++desk->executions);
    if (order->order_id)
        source_sink_integer(sink, order->order_id);
    else
        source_sink_null(sink);
    source_generator_integer(generator, dirt, SOURCE_FIELD_ACCOUNT, order->account + 1);
    source_generator_integer(generator, dirt, SOURCE_FIELD_INSTRUMENT, order->instrument + 1);
    source_sink_instant(sink, executed_us);
    if (source_dirt_has(dirt, SOURCE_FIELD_REPORTED))
        source_sink_instant(sink, executed_us - latency_us);
    else if (unreported)
        source_sink_null(sink);
    else
        source_sink_instant(sink, executed_us + latency_us);
    source_generator_text(generator, dirt, SOURCE_FIELD_SIDE, order->side);
    source_generator_decimal(generator, dirt, SOURCE_FIELD_QUANTITY, quantity_e8);
    source_generator_decimal(generator, dirt, SOURCE_FIELD_PRICE, price_e8);
    source_sink_decimal(sink, charge_e8(quantity_e8, price_e8, 2));
    source_generator_decimal(generator, dirt, SOURCE_FIELD_FEES, charge_e8(quantity_e8, price_e8, 1));
    source_sink_text(sink, order->is_market ? "TAKER" : "MAKER");
    source_sink_text(sink, venue);
    source_sink_text(sink, fate.status);
    source_sink_instant(sink, fate.updated_us);
    source_generator_count_fate(generator, SOURCE_EXECUTIONS, &fate);
    source_generator_count_dirt(generator, SOURCE_EXECUTIONS, dirt);
    return source_sink_end_row(sink, error);
}

static enum error_code
write_order(struct desk *desk, const struct desk_order *order, struct error *error)
{
    struct source_generator *generator = desk->generator;
    struct source_sink *sink = &generator->sink;
    bool filled = order->status[0] == 'F'; /* orders in another state stay clean: not every load looks at them */
    const struct source_dirt *dirt = filled ? source_generator_draw_dirt(generator, &desk->order_dirt) : NULL;
    int64_t client = source_member_account_client(&generator->plan, order->account);
    char tenant[SOURCE_UUID_BYTES];
    (void)source_member_tenant(source_member_client_tenant(&generator->plan, client), tenant);
    source_sink_begin_row(sink, SOURCE_ORDERS);
    source_sink_integer(sink, order->order_id);
    source_generator_text(generator, dirt, SOURCE_FIELD_TENANT, tenant);
    source_generator_text(generator, dirt, SOURCE_FIELD_CLIENT, generator->client_ids[client]);
    source_sink_integer(sink, order->account + 1);
    if (order->strategy < 0)
        source_sink_null(sink);
    else
        source_sink_integer(sink, order->strategy + 1);
    source_sink_integer(sink, order->instrument + 1);
    source_sink_null(sink); /* the desk trades without a liquidity provider */
    source_sink_text(sink, order->is_market ? "MARKET" : "LIMIT");
    source_sink_text(sink, order->side);
    source_generator_text(generator, dirt, SOURCE_FIELD_STATUS, order->status);
    source_generator_decimal(generator, dirt, SOURCE_FIELD_QUANTITY, order->requested_e8);
    source_generator_decimal(generator, dirt, SOURCE_FIELD_FILLED, order->filled_e8);
    if (order->is_market)
        source_sink_null(sink);
    else
        source_sink_decimal(sink, order->limit_e8);
    if (order->filled_e8)
        source_sink_decimal(sink, order->notional_e16 / order->filled_e8);
    else
        source_sink_null(sink);
    source_sink_integer(sink, order->fills);
    if (strcmp(order->status, "PENDING") == 0)
        source_sink_null(sink);
    else
        source_generator_milliseconds(generator, order->last_us - order->created_us);
    source_generator_milliseconds(generator, order->routing_us);
    source_sink_instant(sink, order->created_us);
    source_sink_instant(sink, order->last_us + 1500);
    source_generator_count_dirt(generator, SOURCE_ORDERS, dirt);
    return source_sink_end_row(sink, error);
}

static struct desk_order
draw_order(struct desk *desk)
{
    const struct source_plan *plan = &desk->generator->plan;
    struct source_random *random = &desk->random;
    struct desk_order order = {.instrument = source_market_pick(&desk->generator->market, random)};
    uint64_t spread = source_random_below(random, UINT64_C(1) << 32); /* within the place of this fill in the day */
    uint64_t position = (((uint64_t)desk->executions << 32) + spread) / (uint64_t)desk->rows;
    order.account = (int64_t)source_random_below(random, (uint64_t)plan->accounts);
    order.strategy = (int64_t)source_random_below(random, (uint64_t)plan->strategies);
    if (source_random_per_mille(random, 20))
        order.strategy = -1;
    order.side = source_random_below(random, 2) ? "BUY" : "SELL";
    order.is_market = source_random_below(random, 3) == 0;
    order.created_us = desk->day->midnight_us + source_plan_moment_us((uint32_t)position);
    order.routing_us = source_random_between(random, 40, 900);
    order.last_us = order.created_us + order.routing_us;
    order.limit_e8 = source_market_trade_price(&desk->generator->market, random, order.instrument);
    order.order_id = desk->day->first_id + ++desk->orders;
    return order;
}

/* An order that never traded. */
static enum error_code
make_unfilled_order(struct desk *desk, struct error *error)
{
    static const char *const states[] = {"CANCELLED", "CANCELLED", "REJECTED", "PENDING"};
    struct desk_order order = draw_order(desk);
    order.status = states[source_random_below(&desk->random, 4)];
    order.requested_e8 = source_market_trade_size(&desk->random, order.instrument);
    return write_order(desk, &order, error);
}

/* An order with one to five fills, not more than are left to make. */
static enum error_code
make_filled_order(struct desk *desk, struct error *error)
{
    struct source_random *random = &desk->random;
    struct desk_order order = draw_order(desk);
    int64_t left = desk->rows - desk->executions, fills = source_random_between(random, 1, FILLS_MAX);
    bool without_order = source_random_per_mille(random, 20);
    if (without_order) {
        order.order_id = 0;
        desk->orders--;
    }
    for (order.fills = 0; order.fills < fills && order.fills < left; order.fills++) {
        int64_t quantity_e8 = source_market_trade_size(random, order.instrument);
        int64_t price_e8 = source_market_trade_price(&desk->generator->market, random, order.instrument);
        order.last_us += source_random_between(random, 90, 400000);
        order.filled_e8 += quantity_e8;
        order.notional_e16 += (__int128)quantity_e8 * price_e8;
        if (write_execution(desk, &order, quantity_e8, price_e8, order.last_us, error))
            return error->code;
    }
    order.requested_e8 = order.filled_e8;
    order.status = "FILLED";
    if (source_random_per_mille(random, 45)) {
        order.requested_e8 += source_market_trade_size(random, order.instrument);
        order.status = source_random_below(random, 8) ? "CANCELLED" : "PARTIAL";
    }
    return without_order ? ERROR_NONE : write_order(desk, &order, error);
}

enum error_code
source_desk_write(struct source_generator *generator, const struct source_day *day, struct error *error)
{
    struct desk desk = {
        .generator = generator,
        .day = day,
        .random = source_plan_random(&generator->plan, SOURCE_PART_DESK, day->days, 0),
        .order_dirt = source_generator_dirt(generator, SOURCE_ORDERS, SOURCE_PART_DESK, day),
        .execution_dirt = source_generator_dirt(generator, SOURCE_EXECUTIONS, SOURCE_PART_DESK, day),
        .rows = source_plan_day_rows(&generator->plan, day, generator->plan.rows),
    };
    source_market_reopen(&generator->market);
    while (desk.executions < desk.rows) {
        if (source_random_per_mille(&desk.random, 40) && make_unfilled_order(&desk, error))
            return error->code;
        if (make_filled_order(&desk, error))
            return error->code;
    }
    return ERROR_NONE;
}
