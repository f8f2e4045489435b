/* ops/source_evolve.h - one further day's changes of the dimension members, made in the source's tables. */
#ifndef TAPEMILL_OPS_SOURCE_EVOLVE_H
#define TAPEMILL_OPS_SOURCE_EVOLVE_H

#include <stdint.h>

#include "core/database.h"
#include "core/error.h"
#include "ops/source_member.h"
#include "ops/source_sink.h"

/* The table of a dimension. */
enum source_table source_evolve_table(enum source_dimension dimension);

/* Changes the members that are due on that day (none on a weekend); adds to changed[], by dimension. */
ERROR_MUST_CHECK enum error_code source_evolve_day(struct database *database, const struct source_plan *plan,
                                                   int32_t days, int64_t changed[SOURCE_DIMENSION_COUNT],
                                                   struct error *error);

#endif
