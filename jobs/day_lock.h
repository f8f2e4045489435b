/* jobs/day_lock.h - one writer per flow and day of fact_trades: an advisory lock held to the end of the transaction.
 *
 * Whoever writes a flow's facts of a day takes it; whoever derives from them what must match them (the books), takes
 * those of all flows, in the order of their names. Several days are locked in date order, so that two transactions
 * never wait for each other. */
#ifndef TAPEMILL_JOBS_DAY_LOCK_H
#define TAPEMILL_JOBS_DAY_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/database.h"

ERROR_MUST_CHECK enum error_code day_lock(struct database *warehouse, const char *source, int32_t date_key,
                                          struct error *error);

/* Without waiting; *locked false: another transaction holds it. */
ERROR_MUST_CHECK enum error_code day_lock_try(struct database *warehouse, const char *source, int32_t date_key,
                                              bool *locked, struct error *error);

/* Of all flows. */
ERROR_MUST_CHECK enum error_code day_lock_flows(struct database *warehouse, int32_t date_key, struct error *error);

#endif
