/* ops/command_backfill_watch.h - following a backfill until it has ended. */
#ifndef TAPEMILL_OPS_COMMAND_BACKFILL_WATCH_H
#define TAPEMILL_OPS_COMMAND_BACKFILL_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/database.h"
#include "core/error.h"

/* Shows progress on standard error until the backfill is completed (ERROR_NONE), failed or cancelled (an error with the
 * remedy, the dead jobs listed before it). A lost connection is made again. */
ERROR_MUST_CHECK enum error_code command_backfill_watch(struct database **warehouse, int64_t id, struct error *error);

/* Prints the dead jobs of a backfill: the first of them as a table, or all as a JSON array without an end of line.
 * *count is how many were printed. */
ERROR_MUST_CHECK enum error_code command_backfill_watch_dead(FILE *out, struct database *warehouse, const char *id,
                                                             bool json, size_t *count, struct error *error);

#endif
