/* ops/source_generator.h - what the parts of the sample source's generator share. Each part writes the rows of one day
 * (or the members, once) through the sink and counts them in the summary. */
#ifndef TAPEMILL_OPS_SOURCE_GENERATOR_H
#define TAPEMILL_OPS_SOURCE_GENERATOR_H

#include <stdint.h>

#include "ops/source_dirt.h"
#include "ops/source_market.h"
#include "ops/source_member.h"
#include "ops/source_plan.h"
#include "ops/source_sink.h"
#include "ops/source_summary.h"

struct source_generator {
    struct source_plan plan;
    struct source_sink sink;
    struct source_summary summary;
    struct source_market market;
    char (*client_ids)[SOURCE_UUID_BYTES];   /* owned */
    char (*provider_ids)[SOURCE_UUID_BYTES]; /* owned */
};

/* Draws whether the next row of a table is dirty, and its kind. One per table and part of a day. */
struct source_dirt_turn {
    enum source_table table;
    size_t kinds; /* how many of the table's there are to choose from */
    struct source_random random;
    size_t next;
};

struct source_dirt_turn source_generator_dirt(const struct source_generator *generator, enum source_table table,
                                              enum source_part part, const struct source_day *day);

/* NULL: the row is clean. The caller counts a kind it uses: source_generator_count_dirt(). */
const struct source_dirt *source_generator_draw_dirt(const struct source_generator *generator,
                                                     struct source_dirt_turn *turn);
void source_generator_count_dirt(struct source_generator *generator, enum source_table table,
                                 const struct source_dirt *dirt);

/* Counts what became of a trade. */
void source_generator_count_fate(struct source_generator *generator, enum source_table table,
                                 const struct source_fate *fate);

/* A field that a dirty row may replace. */
void source_generator_text(struct source_generator *generator, const struct source_dirt *dirt, enum source_field field,
                           const char *text);
void source_generator_decimal(struct source_generator *generator, const struct source_dirt *dirt,
                              enum source_field field, __int128 value_e8);
void source_generator_integer(struct source_generator *generator, const struct source_dirt *dirt,
                              enum source_field field, int64_t value);

/* Milliseconds with microseconds in them, from microseconds. */
void source_generator_milliseconds(struct source_generator *generator, int64_t span_us);

/* The parts. */
ERROR_MUST_CHECK enum error_code source_dimensions_write(struct source_generator *generator, struct error *error);
ERROR_MUST_CHECK enum error_code source_rates_write(struct source_generator *generator, const struct source_day *day,
                                                    struct error *error);
ERROR_MUST_CHECK enum error_code source_desk_write(struct source_generator *generator, const struct source_day *day,
                                                   struct error *error);
ERROR_MUST_CHECK enum error_code source_clients_write(struct source_generator *generator, const struct source_day *day,
                                                      struct error *error);
ERROR_MUST_CHECK enum error_code source_quotes_write(struct source_generator *generator, const struct source_day *day,
                                                     struct error *error);
ERROR_MUST_CHECK enum error_code source_risk_write(struct source_generator *generator, const struct source_day *day,
                                                   struct error *error);

#endif
