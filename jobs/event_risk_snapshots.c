/* jobs/event_risk_snapshots.c - what a client used of its limits at an instant. The instant is part of what a snapshot
 * is: one with another instant is another one. */
#include "jobs/event_fact.h"

static const struct extract_column columns[] = {
    {"tenant_id", EXTRACT_UUID},          {"client_id", EXTRACT_UUID},           {"snapshot_at", EXTRACT_TIMESTAMPTZ},
    {"utilization_pct", EXTRACT_NUMERIC}, {"soft_breach_count", EXTRACT_BIGINT}, {"hard_breach_count", EXTRACT_BIGINT},
    {"risk_score", EXTRACT_NUMERIC},      {"updated_at", EXTRACT_TIMESTAMPTZ},
};
enum { SNAPSHOT_AT = 2 };

const struct extract_definition event_risk_snapshots_extract = {"risk_snapshots", columns,
                                                                sizeof(columns) / sizeof(columns[0])};

static const struct event_target fact = {
    .table = "fact_risk_snapshots",
    .rows = "rows_risk_snapshots",
    .condition = "true",
    .key = "{client_id,snapshot_at}",
    .stage_key = "{client_id,snapshot_at}",
};

const struct event_definition event_risk_snapshots = {
    .label = "RISK",
    .source_table = "risk_snapshots",
    .watermark = "risk_snapshots",
    .sql = "jobs/event_risk_snapshots",
    .stage = "stage_risk_snapshots",
    .extract = &event_risk_snapshots_extract,
    .instant = SNAPSHOT_AT,
    .fact = &fact,
    .change = DIRTY_RISK,
    .members = {{DIMENSION_CLIENT, "client_id"}},
    .member_count = 1,
};
