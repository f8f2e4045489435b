/* core/arena.h - memory that is dropped whole: a run's small allocations live in its arena. */
#ifndef TAPEMILL_CORE_ARENA_H
#define TAPEMILL_CORE_ARENA_H

#include <stddef.h>

#include "core/error.h"

struct arena_block;
struct arena {
    struct arena_block *blocks;
    size_t bytes, ceiling; /* handed out so far; most that may be */
};

void arena_init(struct arena *arena, size_t ceiling);
void arena_term(struct arena *arena);
void *arena_alloc(struct arena *arena, size_t bytes); /* zeroed, aligned for anything; NULL past the ceiling */
char *arena_copy(struct arena *arena, const char *text, size_t length); /* with a 0 byte; NULL past the ceiling */

#endif
