/* jobs/trade_extract.h - what the extractions of trades deliver: the desk's executions and the clients' trades in one
 * form (one contract, two queries); and the executions once more, with one column behind the others: when the order of
 * each changed. */
#ifndef TAPEMILL_JOBS_TRADE_EXTRACT_H
#define TAPEMILL_JOBS_TRADE_EXTRACT_H

#include "jobs/extract.h"

enum trade_column {
    TRADE_SOURCE_ID,
    TRADE_REFERENCE,
    TRADE_TENANT_ID,
    TRADE_ACCOUNT_ID,
    TRADE_CLIENT_ID,
    TRADE_INSTRUMENT_ID,
    TRADE_STRATEGY_ID,
    TRADE_LP_ID,
    TRADE_ORDER_ID,
    TRADE_ORDER_TYPE,
    TRADE_EXECUTED_AT,
    TRADE_REPORTED_AT,
    TRADE_SETTLEMENT_DATE,
    TRADE_SIDE,
    TRADE_QUANTITY,
    TRADE_PRICE,
    TRADE_COMMISSION,
    TRADE_FEES,
    TRADE_CURRENCY,
    TRADE_LIQUIDITY_FLAG,
    TRADE_EXECUTION_VENUE,
    TRADE_FILL_LATENCY_MS,
    TRADE_FILL_COUNT,
    TRADE_IS_PARTIAL_FILL,
    TRADE_STATUS,
    TRADE_UPDATED_AT,
    TRADE_COLUMN_COUNT,
    TRADE_ORDER_UPDATED_AT = TRADE_COLUMN_COUNT, /* of trade_extract_executions_of_orders alone */
    TRADE_COLUMN_COUNT_OF_ORDERS
};

extern const struct extract_column trade_columns[TRADE_COLUMN_COUNT_OF_ORDERS];
extern const struct extract_definition trade_extract_executions, trade_extract_trades,
    trade_extract_executions_of_orders;

#endif
