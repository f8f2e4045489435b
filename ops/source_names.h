/* ops/source_names.h - texts numbered in the order in which they first appear. */
#ifndef TAPEMILL_OPS_SOURCE_NAMES_H
#define TAPEMILL_OPS_SOURCE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

enum { SOURCE_NAMES_MAX = 1 << 17 };

struct source_names {
    size_t count;
    char **texts;   /* by number; owned */
    size_t buckets; /* a power of two, 0 or more than twice count */
    size_t *slots;  /* number + 1 by hash, 0 where there is none */
};

/* {0} is an empty set. */
void source_names_term(struct source_names *names);

/* The number of a text (0 for the first); *added tells that it is new. ERROR_RANGE past SOURCE_NAMES_MAX. */
ERROR_MUST_CHECK enum error_code source_names_number(struct source_names *names, const char *text, size_t *number,
                                                     bool *added, struct error *error);

#endif
