/* jobs/trade_row.h - one trade on its way into fact_trades: decoded, validated, resolved, computed. Pure: no database.
 *
 * Rules are data (trade_rules[]). A row that breaks an ERROR rule is quarantined; WARNINGs are recorded and the row
 * loads. All failures of a row are reported together, each as "[rule] text".
 *
 * A member that is named but that no version covers breaks no rule: it is to be inferred (jobs/trade_missing.h), and
 * the row read again. */
#ifndef TAPEMILL_JOBS_TRADE_ROW_H
#define TAPEMILL_JOBS_TRADE_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/business_clock.h"
#include "core/copy.h"
#include "core/decimal.h"
#include "jobs/dimension_index.h"
#include "jobs/trade_extract.h"

/* Decimals that fact_trades keeps; a source value with more is an ERROR, never rounded. */
enum { TRADE_PRICE_SCALE = 8, TRADE_COST_SCALE = 8, TRADE_LATENCY_SCALE = 3 };

enum trade_flow { TRADE_DESK, TRADE_CLIENT };

/* A numeric that may be absent, NaN or infinite. */
struct trade_number {
    bool present;
    enum decimal_special special;
    struct decimal value;
};

struct trade_row {
    enum trade_flow flow;
    const struct copy_field *fields; /* as extracted, TRADE_COLUMN_COUNT of them */
    int64_t source_id, executed_at_us, reported_at_us, updated_at_us;
    bool has_source_id, has_executed_at, has_reported_at, has_updated_at;
    struct trade_number quantity, price, commission, fees, fill_latency_ms;
    int32_t fill_count;
    bool is_partial_fill, is_deleted, is_buy;

    /* resolved and computed; valid when the row has no ERROR */
    struct dimension_id named[DIMENSION_COUNT];      /* the members that it names, by itself or by its account; */
    struct dimension_place members[DIMENSION_COUNT]; /* of those, no version: Unknown, key 0 */
    unsigned missing;                                /* bits 1 << dimension of those that it names in vain */
    struct dimension_id tenant;
    bool has_tenant;
    int32_t time_key;
    char currency[4];
    struct decimal notional, net_amount, latency_ms;
    bool has_latency;

    struct buffer issues; /* one line "E|rule|text" or "W|rule|text" per failure */
    bool has_error;
};

struct trade_rules_context {
    const struct dimension_index *dimensions[DIMENSION_COUNT];
    const struct business_clock *clock;
};

void trade_row_init(struct trade_row *row, enum trade_flow flow);
void trade_row_term(struct trade_row *row);

/* Decodes an extracted row, checks every rule, resolves, computes. Bad data is no error of this function: it ends in
 * row->issues. A row without an ERROR of which members are missing is not computed, and not judged by what it would
 * take from them. ERROR_FORMAT only where the bytes are not what the contract says. */
ERROR_MUST_CHECK enum error_code trade_row_read(struct trade_row *row, const struct copy_field *fields,
                                                const struct trade_rules_context *context, struct error *error);

/* The surrogate key of a dimension, 0 for Unknown. */
int32_t trade_row_key(const struct trade_row *row, enum dimension dimension);

/* Names and severities of the rules, for documentation and tests. */
struct trade_rule {
    const char *name;
    char severity; /* 'E' or 'W' */
    const char *text;
};
extern const struct trade_rule trade_rules[];
extern const size_t trade_rule_count;

#endif
