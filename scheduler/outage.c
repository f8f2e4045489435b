#include "scheduler/outage.h"

#include <stdio.h>

#include "core/clock.h"
#include "core/log.h"

static void
say(struct outage *outage, const struct error *error, int64_t now_ms)
{
    char message[128];
    (void)snprintf(message, sizeof(message), "%s: failing, tried again until it works", outage->what);
    log_error(message, error);
    outage->code = error->code;
    outage->said_ms = now_ms;
}

void
outage_begin(struct outage *outage, const struct error *error)
{
    int64_t now_ms = clock_monotonic_ms();
    if (!outage->lasts) {
        outage->since_ms = now_ms;
        outage->pause_ms = OUTAGE_FIRST_PAUSE_MS;
        say(outage, error, now_ms);
    } else {
        outage->pause_ms *= 2;
        if (outage->pause_ms > OUTAGE_LONGEST_PAUSE_MS)
            outage->pause_ms = OUTAGE_LONGEST_PAUSE_MS;
        if (error->code != outage->code || now_ms - outage->said_ms >= OUTAGE_SAID_AGAIN_MS)
            say(outage, error, now_ms);
    }
    outage->lasts = true;
    outage->retry_ms = now_ms + clock_jitter_ms(outage->pause_ms);
}

void
outage_end(struct outage *outage)
{
    if (!outage->lasts)
        return;
    outage->lasts = false;
    log_info("works again", LOG_TEXT("what", outage->what),
             LOG_NUMBER("after_ms", clock_monotonic_ms() - outage->since_ms));
}

bool
outage_may_try(const struct outage *outage)
{
    return !outage->lasts || clock_monotonic_ms() >= outage->retry_ms;
}
