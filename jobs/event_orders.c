/* jobs/event_orders.c - orders: every one to latest_orders, whatever its state; those in a final state to fact_orders,
 * on the business date of their creation. One that is corrected to a state that is not final leaves fact_orders. */
#include "jobs/event_fact.h"

static const struct extract_column columns[] = {
    {"order_id", EXTRACT_BIGINT},
    {"tenant_id", EXTRACT_UUID},
    {"client_id", EXTRACT_UUID},
    {"account_id", EXTRACT_INTEGER},
    {"strategy_id", EXTRACT_INTEGER},
    {"instrument_id", EXTRACT_INTEGER},
    {"lp_id", EXTRACT_UUID},
    {"order_type", EXTRACT_TEXT},
    {"side", EXTRACT_TEXT},
    {"status", EXTRACT_TEXT},
    {"requested_quantity", EXTRACT_NUMERIC},
    {"filled_quantity", EXTRACT_NUMERIC},
    {"limit_price", EXTRACT_NUMERIC},
    {"avg_fill_price", EXTRACT_NUMERIC},
    {"fill_count", EXTRACT_BIGINT},
    {"total_latency_ms", EXTRACT_NUMERIC},
    {"routing_latency_ms", EXTRACT_NUMERIC},
    {"created_at", EXTRACT_TIMESTAMPTZ},
    {"updated_at", EXTRACT_TIMESTAMPTZ},
};
enum { CREATED_AT = 17 };

const struct extract_definition event_orders_extract = {"orders", columns, sizeof(columns) / sizeof(columns[0])};

static const struct event_target fact = {
    .table = "fact_orders",
    .rows = "rows_orders",
    .condition = "true",
    .key = "{order_id}",
    .stage_key = "{order_id}",
};

static const struct event_target latest = {
    .table = "latest_orders",
    .rows = "stage_orders",
    .condition = "not s.is_error",
    .key = "{order_id}",
    .stage_key = "{order_id}",
};

const struct event_definition event_orders = {
    .label = "ORDERS",
    .source_table = "orders",
    .watermark = "order_states",
    .sql = "jobs/event_orders",
    .stage = "stage_orders",
    .extract = &event_orders_extract,
    .instant = CREATED_AT,
    .fact = &fact,
    .latest = &latest,
    .number = "order_id",
    .change = DIRTY_ORDERS,
    .leave_values = 1,
    .members = {{DIMENSION_ACCOUNT, "account_id"},
                {DIMENSION_CLIENT, "owner_client"},
                {DIMENSION_INSTRUMENT, "instrument_id"},
                {DIMENSION_LIQUIDITY_PROVIDER, "lp_id"},
                {DIMENSION_STRATEGY, "strategy_id"}},
    .member_count = 5,
};
