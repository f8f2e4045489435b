#include "jobs/pnl_lots.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 4 };

/* Room for one more at the end: moves the lots to the front if half of the array is free there, or makes it longer. */
static enum error_code
make_room(struct pnl_lots *lots, struct error *error)
{
    if (lots->first + lots->count < lots->capacity)
        return ERROR_NONE;
    if (lots->first > lots->capacity / 2) {
        memmove(lots->items, lots->items + lots->first, lots->count * sizeof(*lots->items));
        lots->first = 0;
        return ERROR_NONE;
    }
    size_t capacity = lots->capacity ? lots->capacity * 2 : FIRST_CAPACITY;
    struct pnl_lot *items = realloc(lots->items, capacity * sizeof(*items));
    if (!items)
        return error_set(error, ERROR_MEMORY, "%zu open lots of one book do not fit into memory", lots->count + 1);
    lots->items = items;
    lots->capacity = capacity;
    return ERROR_NONE;
}

enum error_code
pnl_lots_push(struct pnl_lots *lots, const struct pnl_lot *lot, struct error *error)
{
    char *reference = malloc(lot->reference_length ? lot->reference_length : 1);
    if (!reference)
        return error_set(error, ERROR_MEMORY, "out of memory for the reference of a lot");
    if (make_room(lots, error)) {
        free(reference);
        return error->code;
    }
    if (lot->reference_length)
        memcpy(reference, lot->reference, lot->reference_length);
    struct pnl_lot *place = &lots->items[lots->first + lots->count++];
    *place = *lot;
    place->reference = reference;
    return ERROR_NONE;
}

struct pnl_lot *
pnl_lots_at(const struct pnl_lots *lots, size_t place)
{
    return &lots->items[lots->first + place];
}

void
pnl_lots_drop(struct pnl_lots *lots, size_t number)
{
    for (size_t i = 0; i < number; i++)
        free(pnl_lots_at(lots, i)->reference);
    lots->count -= number;
    lots->first = lots->count ? lots->first + number : 0;
}

void
pnl_lots_free(struct pnl_lots *lots)
{
    if (!lots)
        return;
    pnl_lots_drop(lots, lots->count);
    free(lots->items);
    free(lots);
}
