#include "ops/source_generator.h"

#include <string.h>

struct source_dirt_turn
source_generator_dirt(const struct source_generator *generator, enum source_table table, enum source_part part,
                      const struct source_day *day)
{
    size_t count = source_dirt_kinds_of_part(table, part);
    struct source_random random =
        source_plan_random(&generator->plan, SOURCE_PART_DIRT, day->days, ((uint64_t)part << 32) | (uint64_t)table);
    return (struct source_dirt_turn){table, count, random, count ? (size_t)source_random_below(&random, count) : 0};
}

const struct source_dirt *
source_generator_draw_dirt(const struct source_generator *generator, struct source_dirt_turn *turn)
{
    size_t count;
    const struct source_dirt *kinds = source_dirt_kinds(turn->table, &count);
    if (!turn->kinds || !source_random_per_mille(&turn->random, generator->plan.dirty))
        return NULL;
    return &kinds[turn->next++ % turn->kinds];
}

void
source_generator_count_dirt(struct source_generator *generator, enum source_table table, const struct source_dirt *dirt)
{
    size_t count;
    if (dirt)
        generator->summary.tables[table].dirt[dirt - source_dirt_kinds(table, &count)]++;
}

void
source_generator_count_fate(struct source_generator *generator, enum source_table table, const struct source_fate *fate)
{
    struct source_table_summary *counts = &generator->summary.tables[table];
    counts->corrected += strcmp(fate->status, "CORRECTED") == 0;
    counts->cancelled += strcmp(fate->status, "CANCELLED") == 0;
    counts->late += fate->late;
}

void
source_generator_text(struct source_generator *generator, const struct source_dirt *dirt, enum source_field field,
                      const char *text)
{
    if (!source_dirt_put(&generator->sink, dirt, field))
        source_sink_text(&generator->sink, text);
}

void
source_generator_decimal(struct source_generator *generator, const struct source_dirt *dirt, enum source_field field,
                         __int128 value_e8)
{
    if (!source_dirt_put(&generator->sink, dirt, field))
        source_sink_decimal(&generator->sink, value_e8);
}

void
source_generator_integer(struct source_generator *generator, const struct source_dirt *dirt, enum source_field field,
                         int64_t value)
{
    if (!source_dirt_put(&generator->sink, dirt, field))
        source_sink_integer(&generator->sink, value);
}

void
source_generator_milliseconds(struct source_generator *generator, int64_t span_us)
{
    source_sink_decimal(&generator->sink, (__int128)span_us * (source_unit / 1000));
}
