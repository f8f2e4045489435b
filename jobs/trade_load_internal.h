/* jobs/trade_load_internal.h - what trade_stage.c and trade_load.c share. */
#ifndef TAPEMILL_JOBS_TRADE_LOAD_INTERNAL_H
#define TAPEMILL_JOBS_TRADE_LOAD_INTERNAL_H

#include "jobs/trade_load.h"

enum { TRADE_RATES_MAX = 256 };

/* What one unit of a currency is worth in base currency on the business date. */
struct trade_rate {
    char currency[4];
    struct decimal rate;
};

struct trade_load {
    struct job_context *context;
    const struct trade_load_definition *definition;
    struct business_clock clock;
    char date_key[16], run_no[24];
    int32_t date_key_number;
    struct dimension_index *dimensions[DIMENSION_COUNT];
    char epochs[DIMENSION_COUNT][24]; /* as the indexes were built */
    struct trade_rate rates[TRADE_RATES_MAX];
    size_t rate_count;
    int64_t extracted;
};

/* Reads epochs, indexes and rates, then the source, into stage_trades. May be called again: it starts afresh. */
ERROR_MUST_CHECK enum error_code trade_stage(struct trade_load *load, struct error *error);

/* Reads the epochs again, FOR SHARE to the end of the transaction; *moved tells whether one is no longer what the
 * indexes were built with. */
ERROR_MUST_CHECK enum error_code trade_hold_epochs(struct trade_load *load, bool *moved, struct error *error);

void trade_stage_free(struct trade_load *load);

#endif
