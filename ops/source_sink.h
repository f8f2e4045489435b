/* ops/source_sink.h - rows on their way into the source's tables, by COPY in binary form.
 *
 * Rows of several tables come in turn, while a connection runs one COPY at a time: rows gather per table and are sent
 * when a table's share is full. Memory is bounded (SOURCE_TABLE_COUNT x SOURCE_SINK_BYTES). All happens in the
 * transaction of the caller. */
#ifndef TAPEMILL_OPS_SOURCE_SINK_H
#define TAPEMILL_OPS_SOURCE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/database.h"
#include "core/error.h"

enum { SOURCE_SINK_BYTES = 1024 * 1024, SOURCE_ROW_BYTES = 16 * 1024 };

enum source_table {
    SOURCE_INSTRUMENTS,
    SOURCE_ACCOUNTS,
    SOURCE_STRATEGIES,
    SOURCE_CLIENTS,
    SOURCE_PROVIDERS,
    SOURCE_ORDERS,
    SOURCE_EXECUTIONS,
    SOURCE_TRADES,
    SOURCE_QUOTES,
    SOURCE_POSITIONS,
    SOURCE_RISK_SNAPSHOTS,
    SOURCE_FX_RATES,
    SOURCE_TABLE_COUNT
};

/* Amounts made here are whole numbers of 1/100,000,000. */
static const int64_t source_unit = 100000000;

struct source_sink {
    struct database *database; /* borrowed */
    struct buffer gathered[SOURCE_TABLE_COUNT];
    int64_t rows[SOURCE_TABLE_COUNT];
    enum source_table table; /* of the current row */
    const char *type;        /* of its next field */
    struct error failure;    /* what went wrong in the current row */
    size_t length;
    uint8_t row[SOURCE_ROW_BYTES]; /* the current row */
};

/* The table's name in the source. */
const char *source_table_name(enum source_table table);

void source_sink_init(struct source_sink *sink, struct database *database);
void source_sink_term(struct source_sink *sink);

/* Begins a row. Its fields follow in the order of sql/source/copy.sql. */
void source_sink_begin_row(struct source_sink *sink, enum source_table table);

void source_sink_null(struct source_sink *sink);
/* A field of any type, from its text; NULL: null. Numbers keep all decimals written. */
void source_sink_text(struct source_sink *sink, const char *text);
void source_sink_integer(struct source_sink *sink, int64_t value); /* also for numeric */
void source_sink_boolean(struct source_sink *sink, bool value);
/* A number of 1/100,000,000, without trailing zeros. */
void source_sink_decimal(struct source_sink *sink, __int128 value_e8);
void source_sink_instant(struct source_sink *sink, int64_t unix_us);
void source_sink_date(struct source_sink *sink, int32_t days);

/* Ends the row, and tells what was wrong with its fields. Sends the table's rows once they are many. */
ERROR_MUST_CHECK enum error_code source_sink_end_row(struct source_sink *sink, struct error *error);

/* Sends all that has gathered. */
ERROR_MUST_CHECK enum error_code source_sink_flush(struct source_sink *sink, struct error *error);

#endif
