/* jobs/pnl_lots.h - the open lots of one FIFO book, oldest first.
 *
 * A queue: lots come in at the end, are worn away and dropped at the front. A lot takes 104 bytes, and its reference 32
 * more (malloc, for one of up to 24 bytes); the array has room for at most twice the most lots that were open at once.
 */
#ifndef TAPEMILL_JOBS_PNL_LOTS_H
#define TAPEMILL_JOBS_PNL_LOTS_H

#include <stddef.h>
#include <stdint.h>

#include "core/decimal.h"
#include "core/error.h"

struct pnl_lot {
    struct decimal quantity; /* what is left of it, with the book's sign */
    struct decimal cost;     /* of what is left */
    int64_t executed_at_us;  /* of the fill that opened it, since 1970-01-01 UTC */
    char *reference;         /* of that fill, the lot's own; no final zero byte */
    size_t reference_length;
};

struct pnl_lots {
    struct pnl_lot *items; /* items[first] is the oldest */
    size_t first, count, capacity;
};

/* Appends a lot and keeps a copy of its reference. On error nothing has changed. */
ERROR_MUST_CHECK enum error_code pnl_lots_push(struct pnl_lots *lots, const struct pnl_lot *lot, struct error *error);

/* The lot at that place, 0 the oldest; place < count. Until the next push. */
struct pnl_lot *pnl_lots_at(const struct pnl_lots *lots, size_t place);

/* Forgets the oldest lots, that many; number <= count. */
void pnl_lots_drop(struct pnl_lots *lots, size_t number);

/* Frees the lots and the queue itself. NULL is allowed. */
void pnl_lots_free(struct pnl_lots *lots);

#endif
