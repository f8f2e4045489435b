/* ops/source_summary.h - what was put into the sample source, so that a test can say what the warehouse must hold.
 *
 * It is kept in the source's table sample_summary, in the transaction of the rows themselves. */
#ifndef TAPEMILL_OPS_SOURCE_SUMMARY_H
#define TAPEMILL_OPS_SOURCE_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/database.h"
#include "core/error.h"
#include "ops/source_dirt.h"
#include "ops/source_sink.h"

struct source_table_summary {
    int64_t rows, corrected, cancelled, late;
    int64_t dirt[SOURCE_DIRT_MAX]; /* by kind */
};

struct source_summary {
    struct source_table_summary tables[SOURCE_TABLE_COUNT];
};

/* Adds the summary to the table. */
ERROR_MUST_CHECK enum error_code source_summary_store(const struct source_summary *summary, struct database *database,
                                                      struct error *error);

/* Prints the table. */
ERROR_MUST_CHECK enum error_code source_summary_print(struct database *database, bool json, struct error *error);

#endif
