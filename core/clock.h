/* core/clock.h - time. Durations come from the monotonic clock, instants from the wall clock; leases use Redis's time
 * and the ledger PostgreSQL's, never these. */
#ifndef TAPEMILL_CORE_CLOCK_H
#define TAPEMILL_CORE_CLOCK_H

#include <stdint.h>

int64_t clock_monotonic_ms(void);
int64_t clock_unix_us(void);

/* Sleeps at most this long; a signal ends it early. Only for waiting between two looks at something. */
void clock_pause_ms(int64_t ms);

/* A random delay around ms: between ms/2 and ms*3/2. */
int64_t clock_jitter_ms(int64_t ms);

#endif
