/* jobs/day_lock.h - one writer per (fact, day): an advisory lock held to the end of the transaction.
 *
 * Whoever writes facts of a day, or derives from them what must match them (the books), takes it. Several days are
 * locked in date order, so that two transactions never wait for each other. */
#ifndef TAPEMILL_JOBS_DAY_LOCK_H
#define TAPEMILL_JOBS_DAY_LOCK_H

#include <stdint.h>

#include "core/database.h"

ERROR_MUST_CHECK enum error_code day_lock(struct database *warehouse, const char *fact, int32_t date_key,
                                          struct error *error);

#endif
