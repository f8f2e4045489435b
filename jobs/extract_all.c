#include "jobs/compare_totals.h"
#include "jobs/dimension.h"
#include "jobs/event_fact.h"
#include "jobs/extract.h"
#include "jobs/sync_fx_rates.h"
#include "jobs/trade_extract.h"

static const struct extract_definition *const definitions[] = {
    &dimension_extracts[DIMENSION_INSTRUMENT],
    &dimension_extracts[DIMENSION_ACCOUNT],
    &dimension_extracts[DIMENSION_STRATEGY],
    &dimension_extracts[DIMENSION_CLIENT],
    &dimension_extracts[DIMENSION_LIQUIDITY_PROVIDER],
    &sync_fx_rates_extract,
    &trade_extract_executions,
    &trade_extract_executions_of_orders,
    &trade_extract_trades,
    &event_orders_extract,
    &event_quotes_extract,
    &event_risk_snapshots_extract,
    &event_positions_extract,
    &compare_totals_extracts[TRADE_DESK],
    &compare_totals_extracts[TRADE_CLIENT],
};

const struct extract_definition *const *
extract_all(size_t *count)
{
    *count = sizeof(definitions) / sizeof(definitions[0]);
    return definitions;
}
