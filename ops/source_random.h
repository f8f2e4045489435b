/* ops/source_random.h - random numbers for the sample source that are the same on every machine and in every release.
 *
 * The generator is splitmix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014). Each part
 * of the sample (a table on a day, a member of a dimension) starts its own sequence from a key, so that one part never
 * shifts another's numbers. Nothing here reads a clock. */
#ifndef TAPEMILL_OPS_SOURCE_RANDOM_H
#define TAPEMILL_OPS_SOURCE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct source_random {
    uint64_t state;
};

/* splitmix64's output function: spreads 64 bits so that neighbours have nothing in common. */
uint64_t source_random_mix(uint64_t value);

/* A key made of the seed and what the numbers are for. */
uint64_t source_random_key(uint64_t seed, uint64_t part, uint64_t day, uint64_t member);

struct source_random source_random_start(uint64_t key);
uint64_t source_random_next(struct source_random *random);

/* 0..bound-1, each equally likely; bound is at least 1. */
uint64_t source_random_below(struct source_random *random, uint64_t bound);

/* low..high, both included. */
int64_t source_random_between(struct source_random *random, int64_t low, int64_t high);

/* True in so many of 1000 cases. */
bool source_random_per_mille(struct source_random *random, int64_t per_mille);

#endif
