/* tests/support/random_source.h - repeatable random numbers for tests (splitmix64).
 *
 * The seed is TAPEMILL_TEST_SEED, or the clock if that is unset, and is printed, so that a failure can be repeated. */
#ifndef TAPEMILL_TESTS_SUPPORT_RANDOM_SOURCE_H
#define TAPEMILL_TESTS_SUPPORT_RANDOM_SOURCE_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct random_source {
    uint64_t state;
};

static inline struct random_source
random_source_start(const char *test)
{
    const char *given = getenv("TAPEMILL_TEST_SEED");
    struct random_source source = {.state = (uint64_t)time(NULL)};
    if (given != NULL)
        source.state = strtoull(given, NULL, 10);
    (void)printf("%s: TAPEMILL_TEST_SEED=%" PRIu64 "\n", test, source.state);
    return source;
}

static inline uint64_t
random_source_next(struct random_source *source)
{
    source->state += 0x9E3779B97F4A7C15U;
    uint64_t mixed = source->state;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9U;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBU;
    return mixed ^ mixed >> 31;
}

/* 0 to bound - 1. */
static inline unsigned
random_source_below(struct random_source *source, unsigned bound)
{
    return (unsigned)(random_source_next(source) % bound);
}

#endif
