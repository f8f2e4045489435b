/* The clients' orders and trades of one day. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/calendar_date.h"
#include "ops/source_generator.h"

enum { FILLS_MAX = 3, REFERENCE_BYTES = 32, SETTLEMENT_WEEKDAYS = 2 };

/* References are counted per tenant: two tenants use the same ones. `last` is the last clean trade of the day, whose
 * reference a dirty row may repeat; 0: none. */
struct tenant_flow {
    int64_t references, last, last_updated_us;
};

struct flow {
    struct source_generator *generator;
    const struct source_day *day;
    struct source_random random;
    struct source_random states; /* of orders, apart from what makes trades */
    struct source_dirt_turn order_dirt, trade_dirt;
    struct tenant_flow *tenants;
    int64_t rows, trades, orders; /* to make; made so far */
    int32_t settlement_days;
};

struct flow_order {
    int64_t order_id, client, tenant, instrument;
    const char *provider; /* NULL: none */
    const char *side, *status;
    int64_t created_us, last_us, routing_us;
    int64_t requested_e8, filled_e8, limit_e8;
    __int128 notional_e16;
    int fills;
};

struct flow_fill {
    int64_t quantity_e8, price_e8;
    bool partial;
};

static int32_t
settlement_of(int32_t days)
{
    for (int weekdays = 0; weekdays < SETTLEMENT_WEEKDAYS;) {
        days++;
        weekdays += calendar_date_weekday(days) < CALENDAR_SATURDAY;
    }
    return days;
}

/* Draws a kind of dirt; a repeated reference needs a trade to repeat. */
static const struct source_dirt *
draw_trade_dirt(struct flow *flow, const struct flow_order *order)
{
    const struct source_dirt *dirt = source_generator_draw_dirt(flow->generator, &flow->trade_dirt);
    if (source_dirt_has(dirt, SOURCE_FIELD_REFERENCE) && !flow->tenants[order->tenant].last)
        return NULL;
    return dirt;
}

/* The trade's reference. A repeated one makes the row newer than the trade it repeats. */
static void
put_reference(struct flow *flow, const struct source_dirt *dirt, const struct flow_order *order,
              struct source_fate *fate)
{
    struct tenant_flow *tenant = &flow->tenants[order->tenant];
    char reference[REFERENCE_BYTES];
    int64_t number;
    if (source_dirt_has(dirt, SOURCE_FIELD_REFERENCE)) {
        number = tenant->last;
        tenant->last = 0;
        if (fate->updated_us <= tenant->last_updated_us)
            fate->updated_us = tenant->last_updated_us + 1000000;
    } else {
        number = ++tenant->references;
        if (!dirt && fate->status[0] == 'N' && !fate->late) {
            tenant->last = number;
            tenant->last_updated_us = fate->updated_us;
        }
    }
    (void)snprintf(reference, sizeof(reference), "%" PRId32 "-%07" PRId64, calendar_date_key(flow->day->days), number);
    source_sink_text(&flow->generator->sink, reference);
}

static enum error_code
write_trade(struct flow *flow, const struct flow_order *order, const struct flow_fill *fill, struct error *error)
{
    struct source_generator *generator = flow->generator;
    struct source_sink *sink = &generator->sink;
    const struct source_instrument_kind *kind = source_market_kind(order->instrument);
    const struct source_dirt *dirt = draw_trade_dirt(flow, order);
    int64_t recorded_us = order->last_us + source_random_between(&flow->random, 300, 9000);
    struct source_fate fate = source_plan_fate(&generator->plan, flow->day, &flow->random, recorded_us);
    char tenant[SOURCE_UUID_BYTES];
    if (dirt)
        fate = (struct source_fate){"NEW", false, recorded_us};
    source_sink_begin_row(sink, SOURCE_TRADES);
    source_sink_integer(sink, flow->day->first_id + ++flow->trades);
    source_generator_text(generator, dirt, SOURCE_FIELD_TENANT, source_member_tenant(order->tenant, tenant));
    source_sink_instant(sink, order->last_us);
    source_sink_date(sink, flow->settlement_days);
    source_generator_text(generator, dirt, SOURCE_FIELD_CLIENT, generator->client_ids[order->client]);
    source_generator_integer(generator, dirt, SOURCE_FIELD_INSTRUMENT, order->instrument + 1);
    source_generator_text(generator, dirt, SOURCE_FIELD_PROVIDER, order->provider);
    put_reference(flow, dirt, order, &fate);
    source_sink_integer(sink, order->order_id);
    source_generator_text(generator, dirt, SOURCE_FIELD_SIDE, order->side);
    source_sink_text(sink, "LIMIT");
    source_generator_decimal(generator, dirt, SOURCE_FIELD_QUANTITY, fill->quantity_e8);
    source_generator_decimal(generator, dirt, SOURCE_FIELD_PRICE, fill->price_e8);
    source_generator_decimal(generator, dirt, SOURCE_FIELD_FEES,
                             source_random_between(&flow->random, 0, 2500) * (source_unit / 100));
    source_sink_text(sink, kind->currency);
    source_sink_text(sink, kind->exchange);
    source_generator_milliseconds(generator, order->last_us - order->created_us);
    source_sink_integer(sink, order->fills);
    source_sink_boolean(sink, fill->partial);
    source_sink_text(sink, fate.status);
    source_sink_instant(sink, fate.updated_us);
    source_generator_count_fate(generator, SOURCE_TRADES, &fate);
    source_generator_count_dirt(generator, SOURCE_TRADES, dirt);
    return source_sink_end_row(sink, error);
}

static enum error_code
write_order(struct flow *flow, const struct flow_order *order, struct error *error)
{
    struct source_generator *generator = flow->generator;
    struct source_sink *sink = &generator->sink;
    bool filled = order->status[0] == 'F';
    const struct source_dirt *dirt = filled ? source_generator_draw_dirt(generator, &flow->order_dirt) : NULL;
    char tenant[SOURCE_UUID_BYTES];
    source_sink_begin_row(sink, SOURCE_ORDERS);
    source_sink_integer(sink, order->order_id);
    source_generator_text(generator, dirt, SOURCE_FIELD_TENANT, source_member_tenant(order->tenant, tenant));
    source_generator_text(generator, dirt, SOURCE_FIELD_CLIENT, generator->client_ids[order->client]);
    source_sink_null(sink); /* clients trade without an account or a strategy of the desk */
    source_sink_null(sink);
    source_sink_integer(sink, order->instrument + 1);
    source_generator_text(generator, dirt, SOURCE_FIELD_PROVIDER, order->provider);
    source_sink_text(sink, "LIMIT");
    source_sink_text(sink, order->side);
    source_generator_text(generator, dirt, SOURCE_FIELD_STATUS, order->status);
    source_generator_decimal(generator, dirt, SOURCE_FIELD_QUANTITY, order->requested_e8);
    source_generator_decimal(generator, dirt, SOURCE_FIELD_FILLED, order->filled_e8);
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
    source_sink_instant(sink, order->last_us + 2500);
    source_generator_count_dirt(generator, SOURCE_ORDERS, dirt);
    return source_sink_end_row(sink, error);
}

static struct flow_order
draw_order(struct flow *flow)
{
    const struct source_plan *plan = &flow->generator->plan;
    struct source_random *random = &flow->random;
    uint64_t spread = source_random_below(random, UINT64_C(1) << 32);
    uint64_t position = (((uint64_t)flow->trades << 32) + spread) / (uint64_t)flow->rows;
    struct flow_order order = {.instrument = source_market_pick(&flow->generator->market, random)};
    int64_t provider = (int64_t)source_random_below(random, (uint64_t)plan->providers);
    order.client = (int64_t)source_random_below(random, (uint64_t)plan->clients);
    order.tenant = source_member_client_tenant(plan, order.client);
    order.provider = source_random_per_mille(random, 15) ? NULL : flow->generator->provider_ids[provider];
    order.side = source_random_below(random, 2) ? "BUY" : "SELL";
    order.created_us = flow->day->midnight_us + source_plan_moment_us((uint32_t)position);
    order.routing_us = source_random_between(random, 200, 4000);
    order.last_us = order.created_us + order.routing_us;
    order.limit_e8 = source_market_trade_price(&flow->generator->market, random, order.instrument);
    order.requested_e8 = source_market_trade_size(random, order.instrument);
    order.order_id = flow->day->first_id + SOURCE_CLIENT_IDS + ++flow->orders;
    return order;
}

/* Some wait for an answer still. */
static enum error_code
make_unfilled_order(struct flow *flow, struct error *error)
{
    struct flow_order order = draw_order(flow);
    order.status = source_random_below(&flow->random, 3) ? "REJECTED" : "CANCELLED";
    if (source_random_per_mille(&flow->states, 150))
        order.status = "PENDING";
    return write_order(flow, &order, error);
}

/* Some orders asked for more than they got: the rest was cancelled, or rejected, or is open still. */
static void
leave_rest(struct flow *flow, struct flow_order *order)
{
    static const char *const states[] = {"CANCELLED", "CANCELLED", "REJECTED", "PARTIAL"};
    if (!source_random_per_mille(&flow->states, 60))
        return;
    order->requested_e8 += source_market_trade_size(&flow->states, order->instrument);
    order->status = states[source_random_below(&flow->states, 4)];
}

/* An order with one to three trades. */
static enum error_code
make_filled_order(struct flow *flow, struct error *error)
{
    struct source_random *random = &flow->random;
    struct flow_order order = draw_order(flow);
    int64_t left = flow->rows - flow->trades, fills = source_random_between(random, 1, FILLS_MAX);
    order.status = "FILLED";
    order.requested_e8 = 0;
    if (fills > left)
        fills = left;
    for (int i = 1; i <= fills; i++) {
        struct flow_fill fill = {
            .quantity_e8 = source_market_trade_size(random, order.instrument),
            .price_e8 = source_market_trade_price(&flow->generator->market, random, order.instrument),
            .partial = i < fills,
        };
        order.fills = i;
        order.last_us += source_random_between(random, 900, 700000);
        order.filled_e8 += fill.quantity_e8;
        order.requested_e8 += fill.quantity_e8;
        order.notional_e16 += (__int128)fill.quantity_e8 * fill.price_e8;
        if (write_trade(flow, &order, &fill, error))
            return error->code;
    }
    leave_rest(flow, &order);
    return write_order(flow, &order, error);
}

static enum error_code
write_flow(struct flow *flow, struct error *error)
{
    while (flow->trades < flow->rows) {
        if (source_random_per_mille(&flow->random, 60) && make_unfilled_order(flow, error))
            return error->code;
        if (make_filled_order(flow, error))
            return error->code;
    }
    return ERROR_NONE;
}

enum error_code
source_clients_write(struct source_generator *generator, const struct source_day *day, struct error *error)
{
    struct flow flow = {
        .generator = generator,
        .day = day,
        .random = source_plan_random(&generator->plan, SOURCE_PART_CLIENT, day->days, 0),
        .states = source_plan_random(&generator->plan, SOURCE_PART_STATE, day->days, SOURCE_PART_CLIENT),
        .order_dirt = source_generator_dirt(generator, SOURCE_ORDERS, SOURCE_PART_CLIENT, day),
        .trade_dirt = source_generator_dirt(generator, SOURCE_TRADES, SOURCE_PART_CLIENT, day),
        .tenants = calloc((size_t)generator->plan.tenants, sizeof(struct tenant_flow)),
        .rows = source_plan_day_rows(&generator->plan, day, generator->plan.client_rows),
        .settlement_days = settlement_of(day->days),
    };
    if (!flow.tenants)
        return error_set(error, ERROR_MEMORY, "out of memory for %lld tenants", (long long)generator->plan.tenants);
    source_market_reopen(&generator->market);
    enum error_code code = write_flow(&flow, error);
    free(flow.tenants);
    return code;
}
