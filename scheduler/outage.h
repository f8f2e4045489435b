/* scheduler/outage.h - something that stopped working: said once when it begins, again when its cause changes, once
 * when it is over, and looked at again after a pause that grows from OUTAGE_FIRST_PAUSE_MS to OUTAGE_LONGEST_PAUSE_MS.
 */
#ifndef TAPEMILL_SCHEDULER_OUTAGE_H
#define TAPEMILL_SCHEDULER_OUTAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

enum { OUTAGE_FIRST_PAUSE_MS = 250, OUTAGE_LONGEST_PAUSE_MS = 5000, OUTAGE_SAID_AGAIN_MS = 60000 };

struct outage {
    const char *what; /* "PostgreSQL", as log lines call it; static */
    bool lasts;
    enum error_code code;                /* of the cause that was said last */
    int64_t since_ms, said_ms, retry_ms; /* monotonic */
    int64_t pause_ms;
};

/* It failed (again). */
void outage_begin(struct outage *outage, const struct error *error);

/* It works. */
void outage_end(struct outage *outage);

/* Whether it may be tried now: it works, or its pause is over. */
bool outage_may_try(const struct outage *outage);

#endif
