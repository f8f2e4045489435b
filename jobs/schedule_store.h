/* jobs/schedule_store.h - schedules in the warehouse: etl_schedule_versions, etl_schedules. What is stored there runs,
 * not what a file says, so that any number of schedulers agree. */
#ifndef TAPEMILL_JOBS_SCHEDULE_STORE_H
#define TAPEMILL_JOBS_SCHEDULE_STORE_H

#include "core/database.h"
#include "jobs/schedule.h"

/* The time, which is the warehouse's, and the versions that there are; 0: none. */
struct schedule_now {
    int64_t us;
    int64_t newest_id;    /* loaded last */
    int64_t effective_id; /* in effect now */
};

ERROR_MUST_CHECK enum error_code schedule_store_now(struct database *database, struct schedule_now *now,
                                                    struct error *error);

/* Stores a version in a transaction of its own. from_us: from when it is in effect. */
ERROR_MUST_CHECK enum error_code schedule_store_add(struct database *database, const struct schedule_set *set,
                                                    int64_t from_us, const char *origin, int64_t *version,
                                                    struct error *error);

/* Stores the schedule of a file (path NULL: the one compiled in) unless a version is stored; *stored says how many
 * schedules, -1: none was stored. Of two at once the second does nothing. */
ERROR_MUST_CHECK enum error_code schedule_store_first(struct database *database, const char *path, int *stored,
                                                      struct error *error);

/* How the newest version differs from a file (path NULL: the one compiled in). */
struct schedule_difference {
    bool differs;
    bool from_built_in; /* the version is the one that was compiled in when it was loaded */
};
ERROR_MUST_CHECK enum error_code schedule_store_compare(struct database *database, const char *path,
                                                        struct schedule_difference *difference, struct error *error);

/* Reads a version. A schedule that this binary cannot run, because it lacks its job, has its trouble set. */
ERROR_MUST_CHECK enum error_code schedule_store_read(struct database *database, int64_t version, struct arena *arena,
                                                     struct schedule_set *set, struct error *error);

#endif
