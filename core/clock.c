#include "core/clock.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

int64_t
clock_monotonic_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
clock_unix_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void
clock_pause_ms(int64_t ms)
{
    struct timespec span = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    if (ms > 0)
        (void)nanosleep(&span, NULL);
}

int64_t
clock_jitter_ms(int64_t ms)
{
    uint64_t random = 0;
    if (ms <= 0 || getrandom(&random, sizeof(random), 0) != sizeof(random))
        return ms;
    return ms / 2 + (int64_t)(random % (uint64_t)(ms + 1));
}
