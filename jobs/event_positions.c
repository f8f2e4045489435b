/* jobs/event_positions.c - positions as the source has them now, one row for each lot: latest_positions. */
#include "jobs/event_fact.h"

static const struct extract_column columns[] = {
    {"position_id", EXTRACT_BIGINT},
    {"tenant_id", EXTRACT_UUID},
    {"client_id", EXTRACT_UUID},
    {"account_id", EXTRACT_INTEGER},
    {"instrument_id", EXTRACT_INTEGER},
    {"quantity", EXTRACT_NUMERIC},
    {"side", EXTRACT_TEXT},
    {"avg_entry_price", EXTRACT_NUMERIC},
    {"current_price", EXTRACT_NUMERIC},
    {"market_value", EXTRACT_NUMERIC},
    {"unrealized_pnl", EXTRACT_NUMERIC},
    {"realized_pnl", EXTRACT_NUMERIC},
    {"opened_at", EXTRACT_TIMESTAMPTZ},
    {"closed_at", EXTRACT_TIMESTAMPTZ},
    {"updated_at", EXTRACT_TIMESTAMPTZ},
};

const struct extract_definition event_positions_extract = {"positions", columns, sizeof(columns) / sizeof(columns[0])};

static const struct event_target latest = {
    .table = "latest_positions",
    .rows = "rows_positions",
    .condition = "true",
    .key = "{position_id}",
    .stage_key = "{position_id}",
};

const struct event_definition event_positions = {
    .label = "POSITIONS",
    .source_table = "positions",
    .watermark = "positions",
    .sql = "jobs/event_positions",
    .stage = "stage_positions",
    .extract = &event_positions_extract,
    .instant = -1,
    .latest = &latest,
};
