/* jobs/dimension_versions.h - the versions of a dimension's members follow from what the source was seen to say.
 *
 * Every state that was seen is an observation: at an instant the member had these attributes of type 2, or was not
 * there. A state holds until the next observation; the first reaches back to -infinity. Versions are the runs of equal
 * states. So a late or back-dated state splits a version, and the order in which states arrive does not matter.
 *
 * That a member was not there counts only for instants after the first at which the source was seen to have it: a row
 * may carry an old stamp when it is first seen. The first version's known_from is that instant. */
#ifndef TAPEMILL_JOBS_DIMENSION_VERSIONS_H
#define TAPEMILL_JOBS_DIMENSION_VERSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "jobs/dimension.h"
#include "jobs/job.h"

/* Members, but for the last three. A member that was staged counts in exactly one of inserted, updated, unchanged. */
struct dimension_outcome {
    int64_t inserted, updated, unchanged;
    int64_t removed;   /* staged as absent, and no longer valid */
    int64_t completed; /* of updated: inferred until now */
    int64_t opened;    /* versions that are new */
    int64_t corrected; /* versions whose attributes were overwritten in place */
    int64_t moved;     /* rows of etl_dimension_changes */
};

/* Applies the states in two temporary tables: the definition's {stage} (at most one row per member, judged, NULLs
 * filled) and {absent} (id: members with a version that the source did not show: in a replay all, else those that are
 * current and not inferred suffice), as the source was at the instant seen_at
 * (timestamptz text). is_replay: an old state, told by its instant; else it is the newest there is. The caller holds
 * the dimension's epoch FOR UPDATE; nothing else is locked.
 *
 * Afterwards the temporary table {touched} (id, is_new boolean) has the members whose versions or attributes changed;
 * is_new: there was no version of it, or no real one, or none that is current. */
ERROR_MUST_CHECK enum error_code dimension_versions_apply(struct job_context *context,
                                                          const struct dimension_definition *definition,
                                                          enum dimension dimension, const char *seen_at, bool is_replay,
                                                          struct dimension_outcome *outcome, struct error *error);

#endif
