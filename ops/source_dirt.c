#include "ops/source_dirt.h"

#define NOBODY "ffffffff-ffff-4fff-bfff-ffffffffffff"

static const struct source_dirt execution_kinds[] = {
    {"negative_quantity", SOURCE_QUARANTINED, {{SOURCE_FIELD_QUANTITY, "-100"}}},
    {"zero_quantity", SOURCE_QUARANTINED, {{SOURCE_FIELD_QUANTITY, "0"}}},
    {"missing_quantity", SOURCE_QUARANTINED, {{SOURCE_FIELD_QUANTITY, NULL}}},
    {"absurd_quantity", SOURCE_QUARANTINED, {{SOURCE_FIELD_QUANTITY, "1e25"}}},
    {"too_many_decimals", SOURCE_QUARANTINED, {{SOURCE_FIELD_QUANTITY, "1.123456789"}}},
    {"zero_price", SOURCE_QUARANTINED, {{SOURCE_FIELD_PRICE, "0"}}},
    {"negative_price", SOURCE_QUARANTINED, {{SOURCE_FIELD_PRICE, "-1.5"}}},
    {"nan_price", SOURCE_QUARANTINED, {{SOURCE_FIELD_PRICE, "NaN"}}},
    {"infinite_price", SOURCE_QUARANTINED, {{SOURCE_FIELD_PRICE, "Infinity"}}},
    {"missing_side", SOURCE_QUARANTINED, {{SOURCE_FIELD_SIDE, NULL}}},
    {"unknown_side", SOURCE_QUARANTINED, {{SOURCE_FIELD_SIDE, "HOLD"}}},
    {"missing_account", SOURCE_QUARANTINED, {{SOURCE_FIELD_ACCOUNT, NULL}}},
    {"missing_instrument", SOURCE_QUARANTINED, {{SOURCE_FIELD_INSTRUMENT, NULL}}},
    {"several_faults", SOURCE_QUARANTINED, {{SOURCE_FIELD_SIDE, NULL}, {SOURCE_FIELD_QUANTITY, "-5"}}},
    {"unknown_account", SOURCE_INFERRED, {{SOURCE_FIELD_ACCOUNT, "999999"}}},
    {"high_price", SOURCE_WARNED, {{SOURCE_FIELD_PRICE, "1000000000"}, {SOURCE_FIELD_QUANTITY, "0.00000001"}}},
    {"negative_fees", SOURCE_WARNED, {{SOURCE_FIELD_FEES, "-1.25"}}},
    {"negative_latency", SOURCE_WARNED, {{SOURCE_FIELD_REPORTED, NULL}}},
};

static const struct source_dirt trade_kinds[] = {
    {"missing_tenant", SOURCE_QUARANTINED, {{SOURCE_FIELD_TENANT, NULL}}},
    {"missing_client", SOURCE_QUARANTINED, {{SOURCE_FIELD_CLIENT, NULL}}},
    {"missing_instrument", SOURCE_QUARANTINED, {{SOURCE_FIELD_INSTRUMENT, NULL}}},
    {"negative_quantity", SOURCE_QUARANTINED, {{SOURCE_FIELD_QUANTITY, "-100"}}},
    {"zero_quantity", SOURCE_QUARANTINED, {{SOURCE_FIELD_QUANTITY, "0"}}},
    {"absurd_quantity", SOURCE_QUARANTINED, {{SOURCE_FIELD_QUANTITY, "1e25"}}},
    {"too_many_decimals", SOURCE_QUARANTINED, {{SOURCE_FIELD_PRICE, "1.123456789"}}},
    {"zero_price", SOURCE_QUARANTINED, {{SOURCE_FIELD_PRICE, "0"}}},
    {"nan_price", SOURCE_QUARANTINED, {{SOURCE_FIELD_PRICE, "NaN"}}},
    {"missing_side", SOURCE_QUARANTINED, {{SOURCE_FIELD_SIDE, NULL}}},
    {"unknown_side", SOURCE_QUARANTINED, {{SOURCE_FIELD_SIDE, "buy?"}}},
    {"several_faults", SOURCE_QUARANTINED, {{SOURCE_FIELD_TENANT, NULL}, {SOURCE_FIELD_PRICE, "-5"}}},
    {"unknown_client", SOURCE_INFERRED, {{SOURCE_FIELD_CLIENT, NOBODY}}},
    {"unknown_instrument", SOURCE_INFERRED, {{SOURCE_FIELD_INSTRUMENT, "999999"}}},
    {"unknown_provider", SOURCE_INFERRED, {{SOURCE_FIELD_PROVIDER, NOBODY}}},
    {"high_price", SOURCE_WARNED, {{SOURCE_FIELD_PRICE, "1000000000"}, {SOURCE_FIELD_QUANTITY, "0.00000001"}}},
    {"negative_fees", SOURCE_WARNED, {{SOURCE_FIELD_FEES, "-1.25"}}},
    {"duplicate_reference", SOURCE_SUPERSEDED, {{SOURCE_FIELD_REFERENCE, NULL}}},
};

static const struct source_dirt order_kinds[] = {
    {"zero_quantity", SOURCE_QUARANTINED, {{SOURCE_FIELD_QUANTITY, "0"}}},
    {"negative_quantity", SOURCE_QUARANTINED, {{SOURCE_FIELD_QUANTITY, "-7"}}},
    {"missing_quantity", SOURCE_QUARANTINED, {{SOURCE_FIELD_QUANTITY, NULL}}},
    {"nan_quantity", SOURCE_QUARANTINED, {{SOURCE_FIELD_QUANTITY, "NaN"}}},
    {"unknown_status", SOURCE_QUARANTINED, {{SOURCE_FIELD_STATUS, "DONE"}}},
    {"missing_status", SOURCE_QUARANTINED, {{SOURCE_FIELD_STATUS, NULL}}},
    {"several_faults", SOURCE_QUARANTINED, {{SOURCE_FIELD_STATUS, "?"}, {SOURCE_FIELD_QUANTITY, "-5"}}},
    {"overfilled", SOURCE_WARNED, {{SOURCE_FIELD_FILLED, "99999999"}}},
    /* Only the clients': what an order of the desk lacks of these is its account's. */
    {"missing_tenant", SOURCE_QUARANTINED, {{SOURCE_FIELD_TENANT, NULL}}},
    {"missing_client", SOURCE_QUARANTINED, {{SOURCE_FIELD_CLIENT, NULL}}},
    {"unknown_provider", SOURCE_INFERRED, {{SOURCE_FIELD_PROVIDER, NOBODY}}},
};

static const struct source_dirt quote_kinds[] = {
    {"zero_bid", SOURCE_QUARANTINED, {{SOURCE_FIELD_BID, "0"}}},
    {"negative_ask", SOURCE_QUARANTINED, {{SOURCE_FIELD_ASK, "-1"}}},
    {"nan_bid", SOURCE_QUARANTINED, {{SOURCE_FIELD_BID, "NaN"}}},
    {"missing_ask", SOURCE_QUARANTINED, {{SOURCE_FIELD_ASK, NULL}}},
    {"several_faults", SOURCE_QUARANTINED, {{SOURCE_FIELD_BID, "0"}, {SOURCE_FIELD_ASK, NULL}}},
    {"unknown_provider", SOURCE_INFERRED, {{SOURCE_FIELD_PROVIDER, NOBODY}}},
    {"locked", SOURCE_WARNED, {{SOURCE_FIELD_BID, "100.5"}, {SOURCE_FIELD_ASK, "100.5"}}},
    {"crossed", SOURCE_WARNED, {{SOURCE_FIELD_BID, "100.75"}, {SOURCE_FIELD_ASK, "100.5"}}},
    {"stale", SOURCE_WARNED, {{SOURCE_FIELD_STALE, "t"}}},
};

static const struct source_dirt risk_kinds[] = {
    {"nan_utilization", SOURCE_QUARANTINED, {{SOURCE_FIELD_UTILIZATION, "NaN"}}},
    {"infinite_score", SOURCE_QUARANTINED, {{SOURCE_FIELD_SCORE, "Infinity"}}},
    {"negative_breaches", SOURCE_QUARANTINED, {{SOURCE_FIELD_SOFT_BREACHES, "-1"}}},
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define KINDS(list)                                                                                                    \
    {                                                                                                                  \
        list, COUNT(list)                                                                                              \
    }

_Static_assert(COUNT(execution_kinds) <= SOURCE_DIRT_MAX && COUNT(trade_kinds) <= SOURCE_DIRT_MAX, "SOURCE_DIRT_MAX");
_Static_assert(COUNT(order_kinds) <= SOURCE_DIRT_MAX && COUNT(quote_kinds) <= SOURCE_DIRT_MAX, "SOURCE_DIRT_MAX");
_Static_assert(COUNT(risk_kinds) <= SOURCE_DIRT_MAX, "SOURCE_DIRT_MAX");

enum { ORDER_KINDS_OF_CLIENTS = 3 }; /* the last ones */

static const struct {
    const struct source_dirt *kinds;
    size_t count;
} tables[SOURCE_TABLE_COUNT] = {
    [SOURCE_EXECUTIONS] = KINDS(execution_kinds), [SOURCE_TRADES] = KINDS(trade_kinds),
    [SOURCE_ORDERS] = KINDS(order_kinds),         [SOURCE_QUOTES] = KINDS(quote_kinds),
    [SOURCE_RISK_SNAPSHOTS] = KINDS(risk_kinds),
};

const char *
source_dirt_outcome_name(enum source_outcome outcome)
{
    static const char *const names[SOURCE_OUTCOMES] = {"quarantined", "warning", "inferred", "superseded"};
    return names[outcome];
}

const struct source_dirt *
source_dirt_kinds(enum source_table table, size_t *count)
{
    *count = tables[table].count;
    return tables[table].kinds;
}

size_t
source_dirt_kinds_of_part(enum source_table table, enum source_part part)
{
    bool is_desk_order = table == SOURCE_ORDERS && part == SOURCE_PART_DESK;
    return tables[table].count - (is_desk_order ? ORDER_KINDS_OF_CLIENTS : 0);
}

static const struct source_fault *
find(const struct source_dirt *dirt, enum source_field field)
{
    if (!dirt)
        return NULL;
    for (size_t i = 0; i < sizeof(dirt->faults) / sizeof(dirt->faults[0]); i++)
        if (dirt->faults[i].field == field)
            return &dirt->faults[i];
    return NULL;
}

bool
source_dirt_has(const struct source_dirt *dirt, enum source_field field)
{
    return find(dirt, field) != NULL;
}

bool
source_dirt_put(struct source_sink *sink, const struct source_dirt *dirt, enum source_field field)
{
    const struct source_fault *fault = find(dirt, field);
    if (!fault)
        return false;
    source_sink_text(sink, fault->text);
    return true;
}
