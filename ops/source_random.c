#include "ops/source_random.h"

static const uint64_t gamma_step = 0x9E3779B97F4A7C15u;

uint64_t
source_random_mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
    return value ^ (value >> 31);
}

uint64_t
source_random_key(uint64_t seed, uint64_t part, uint64_t day, uint64_t member)
{
    uint64_t key = source_random_mix(seed + gamma_step);
    key = source_random_mix(key + part + gamma_step);
    key = source_random_mix(key + day + gamma_step);
    return source_random_mix(key + member + gamma_step);
}

struct source_random
source_random_start(uint64_t key)
{
    return (struct source_random){key};
}

uint64_t
source_random_next(struct source_random *random)
{
    random->state += gamma_step;
    return source_random_mix(random->state);
}

/* The high half of number * bound is uniform but for the numbers whose low half falls under 2^64 mod bound: those are
 * drawn again (Lemire: "Fast Random Integer Generation in an Interval", 2019). */
uint64_t
source_random_below(struct source_random *random, uint64_t bound)
{
    uint64_t refused = (0 - bound) % bound;
    for (;;) {
        unsigned __int128 product = (unsigned __int128)source_random_next(random) * bound;
        if ((uint64_t)product >= refused)
            return (uint64_t)(product >> 64);
    }
}

int64_t
source_random_between(struct source_random *random, int64_t low, int64_t high)
{
    return low + (int64_t)source_random_below(random, (uint64_t)(high - low) + 1);
}

bool
source_random_per_mille(struct source_random *random, int64_t per_mille)
{
    return (int64_t)source_random_below(random, 1000) < per_mille;
}
