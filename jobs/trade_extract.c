#include "jobs/trade_extract.h"

const struct extract_column trade_columns[TRADE_COLUMN_COUNT_OF_ORDERS] = {
    [TRADE_SOURCE_ID] = {"source_id", EXTRACT_BIGINT},
    [TRADE_REFERENCE] = {"trade_reference", EXTRACT_TEXT},
    [TRADE_TENANT_ID] = {"tenant_id", EXTRACT_UUID},
    [TRADE_ACCOUNT_ID] = {"account_id", EXTRACT_INTEGER},
    [TRADE_CLIENT_ID] = {"client_id", EXTRACT_UUID},
    [TRADE_INSTRUMENT_ID] = {"instrument_id", EXTRACT_INTEGER},
    [TRADE_STRATEGY_ID] = {"strategy_id", EXTRACT_INTEGER},
    [TRADE_LP_ID] = {"lp_id", EXTRACT_UUID},
    [TRADE_ORDER_ID] = {"order_id", EXTRACT_BIGINT},
    [TRADE_ORDER_TYPE] = {"order_type", EXTRACT_TEXT},
    [TRADE_EXECUTED_AT] = {"executed_at", EXTRACT_TIMESTAMPTZ},
    [TRADE_REPORTED_AT] = {"reported_at", EXTRACT_TIMESTAMPTZ},
    [TRADE_SETTLEMENT_DATE] = {"settlement_date", EXTRACT_DATE},
    [TRADE_SIDE] = {"side", EXTRACT_TEXT},
    [TRADE_QUANTITY] = {"quantity", EXTRACT_NUMERIC},
    [TRADE_PRICE] = {"price", EXTRACT_NUMERIC},
    [TRADE_COMMISSION] = {"commission", EXTRACT_NUMERIC},
    [TRADE_FEES] = {"fees", EXTRACT_NUMERIC},
    [TRADE_CURRENCY] = {"currency", EXTRACT_TEXT},
    [TRADE_LIQUIDITY_FLAG] = {"liquidity_flag", EXTRACT_TEXT},
    [TRADE_EXECUTION_VENUE] = {"execution_venue", EXTRACT_TEXT},
    [TRADE_FILL_LATENCY_MS] = {"fill_latency_ms", EXTRACT_NUMERIC},
    [TRADE_FILL_COUNT] = {"fill_count", EXTRACT_INTEGER},
    [TRADE_IS_PARTIAL_FILL] = {"is_partial_fill", EXTRACT_BOOLEAN},
    [TRADE_STATUS] = {"status", EXTRACT_TEXT},
    [TRADE_UPDATED_AT] = {"updated_at", EXTRACT_TIMESTAMPTZ},
    [TRADE_ORDER_UPDATED_AT] = {"order_updated_at", EXTRACT_TIMESTAMPTZ},
};

const struct extract_definition trade_extract_executions = {"executions", trade_columns, TRADE_COLUMN_COUNT};
const struct extract_definition trade_extract_executions_of_orders = {"executions_of_orders", trade_columns,
                                                                      TRADE_COLUMN_COUNT_OF_ORDERS};
const struct extract_definition trade_extract_trades = {"trades", trade_columns, TRADE_COLUMN_COUNT};
