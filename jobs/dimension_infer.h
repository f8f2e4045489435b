/* jobs/dimension_infer.h - members that facts name and no version covers: never seen at the source so far, or seen gone
 * from it before the fact's instant. They get an inferred version, so that the fact has a key; when the source shows
 * the member, the sync completes that version and its key stays (R. Kimball, M. Ross, The Data Warehouse Toolkit,
 * chapter 19: late arriving dimension data). */
#ifndef TAPEMILL_JOBS_DIMENSION_INFER_H
#define TAPEMILL_JOBS_DIMENSION_INFER_H

#include <stddef.h>
#include <stdint.h>

#include "core/database.h"
#include "jobs/dimension_index.h"

/* Of count members of one dimension: ids, tenants (NULL for dimensions without, and for the default tenant), and an
 * instant, in microseconds, at which no version was found. */
struct dimension_missing {
    struct dimension_id id, tenant;
    bool has_tenant;
    int64_t unix_us;
};

/* Gives each a version that covers its instant, in the connection's open transaction: the member's first, valid from
 * -infinity, or one that fills the gap that a delete left, with the attributes of the version before. Any number of
 * runs may ask for the same at once. Holds the dimension's epoch FOR SHARE, so that no sync is in the middle of it.
 * *inferred: how many versions are new. */
ERROR_MUST_CHECK enum error_code dimension_infer(struct database *warehouse, enum dimension dimension,
                                                 const struct dimension_missing *missing, size_t count,
                                                 int64_t *inferred, struct error *error);

#endif
